"""Visits on market streets: over before the market opens, or begun after it has closed.

The streets of a day do not change while trucks are out. A market that opens or closes meanwhile leaves its streets to
be served and not driven through; when, is what the visits' windows say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from optimizer.problem.model import TimeWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from geodata.streets.conditions import Hours
    from geodata.streets.network import RoadNetwork
    from geodata.streets.overlays import Overlay
    from optimizer.problem.model import Vehicle, Visit

_DAY_S: Final = 86_400
_Spans = tuple[tuple[int, int], ...]


def market_hours(overlays: Iterable[Overlay], network: RoadNetwork, hours: Hours | None) -> dict[int, _Spans]:
    """Return when markets bar each segment on a day, in order and in seconds from its midnight."""
    if hours is None:
        return {}
    spans_of = {overlay.id: _spans(overlay, hours) for overlay in overlays if overlay.kind == "market"}
    barred: dict[int, list[tuple[int, int]]] = {}
    for placed in network.overlays:
        for segment in placed.segments:
            barred.setdefault(segment, []).extend(spans_of.get(placed.id, ()))
    return {segment: tuple(sorted(spans)) for segment, spans in barred.items() if spans}


def outside_markets(
    visits: Iterable[Visit],
    barred: Mapping[int, _Spans],
    segment_of: NDArray[np.int32],
    vehicles: Sequence[Vehicle],
    hours: Hours | None,
) -> Iterable[Visit]:
    """Narrow the windows of visits on market streets to the hours without a market.

    A visit that may be served from either side counts as on a market street if any of its sides is. One that is left
    without an hour has no kerb any more: no truck reaches it on this day.

    Parameters
    ----------
    segment_of
        int32[places], the segment of each index of the travel matrix.
    """
    lift_s = max((vehicle.lift_s for vehicle in vehicles), default=0)
    for visit in visits:
        spans = sorted({span for node in visit.kerb for span in barred.get(int(segment_of[node]), ())})
        if not spans or hours is None or visit.access == frozenset({"handcart"}):
            yield visit
            continue
        busy_s = visit.setup_s + visit.service_s + visit.lifts * lift_s
        windows = list(visit.windows) or [TimeWindow(start_s=0, end_s=max(hours.end_s, _DAY_S))]
        for start_s, end_s in spans:
            windows = [left for window in windows for left in _without(window, start_s - busy_s, end_s)]
        yield replace(visit, windows=tuple(windows), kerb=visit.kerb if windows else ())


def _spans(overlay: Overlay, hours: Hours) -> _Spans:
    """Return the market's hours on the clock of the service day, yesterday's and tomorrow's included."""
    return tuple(
        (start_s + days * _DAY_S, end_s + days * _DAY_S)
        for start_s, end_s in overlay.windows
        for days in (-2, -1, 0, 1)
        if overlay.weekdays is None or (hours.weekday + days) % 7 in overlay.weekdays
        if start_s + days * _DAY_S < hours.end_s and end_s + days * _DAY_S > hours.start_s
    )


def _without(window: TimeWindow, last_s: int, first_s: int) -> Iterable[TimeWindow]:
    """Cut out of a window the starts after ``last_s`` and before ``first_s``."""
    if window.start_s <= min(window.end_s, last_s):
        yield TimeWindow(start_s=window.start_s, end_s=min(window.end_s, last_s))
    if max(window.start_s, first_s) <= window.end_s:
        yield TimeWindow(start_s=max(window.start_s, first_s), end_s=window.end_s)
