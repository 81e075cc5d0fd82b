"""The street that a truck was about to take when it could not pass.

A phone reports where its truck stands, which is often where streets meet, and there a point could mean any of them. The
route that it follows says which one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from sqlmodel import Session, col, select

from geodata.streets.geodesy import haversine_m
from service.db.documents import unsqueeze
from service.db.driving import DriverEventRow
from service.db.models import RouteRow
from service.driving.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from service.driving.store import Scope, Sent

NEAR_M: Final = 30.0
"""A truck farther from its route has left it, and nobody knows what lies ahead of it; as for the points of overlays."""
_AT_STOPS: Final = (Kind.ARRIVED, Kind.DONE, Kind.SKIPPED, Kind.UNLOADED)
AHEAD_M: Final = 40.0
"""So far along its route a truck that cannot pass means: into the next street, not to the one after. Our own figure."""
_LEAST_M: Final = 5.0


def with_streets_ahead(session: Session, scope: Scope, plan_id: str, sent: Sequence[Sent]) -> list[Sent]:
    """Return what was sent, with the street ahead wherever a truck could not pass: by its route in a plan."""
    if all(one.event.kind is not Kind.NO_WAY for one in sent):
        return list(sent)
    stored = session.exec(
        select(RouteRow.geojson).where(RouteRow.plan_id == plan_id, RouteRow.shift == scope.shift)
    ).first()
    if stored is None:
        return list(sent)
    features = orjson.loads(unsqueeze(stored))["features"]
    return [
        replace(
            one,
            ahead=street_ahead(
                features, one.body["lon"], one.body["lat"], after=_spoken_of(session, scope, sent, one.event.time_us)
            ),
        )
        if one.event.kind is Kind.NO_WAY
        else one
        for one in sent
    ]


def _spoken_of(session: Session, scope: Scope, sent: Sequence[Sent], time_us: int) -> str | None:
    """Return the visit or disposal site of which a crew spoke last before a moment."""
    stored = session.exec(
        select(DriverEventRow.time_us, DriverEventRow.subject)
        .where(
            DriverEventRow.city_id == scope.city_id,
            DriverEventRow.service_date == scope.service_date,
            DriverEventRow.shift == scope.shift,
            col(DriverEventRow.kind).in_([kind.value for kind in _AT_STOPS]),
            DriverEventRow.time_us <= time_us,
        )
        .order_by(col(DriverEventRow.time_us).desc())
    ).first()
    known = [] if stored is None else [(stored[0], stored[1])]
    known += [
        (one.event.time_us, one.event.subject)
        for one in sent
        if one.event.kind in _AT_STOPS and one.event.time_us <= time_us
    ]
    return max(known, key=lambda one: one[0])[1] if known else None


def street_ahead(
    features: Iterable[Mapping[str, Any]], lon: float, lat: float, *, after: str | None
) -> dict[str, Any] | None:
    """Return the piece of a planned route that begins where a truck stands, as a GeoJSON LineString.

    Where streets meet, a point alone could mean any of them; what could not be passed is the one to be driven next.

    Parameters
    ----------
    features
        A shift's route as it is stored: a LineString for each trip, a Point for each step (``geodata.maps.geojson``).
    after
        The visit or disposal site of which the crew spoke last: a route that passes a corner twice is meant from there.

    Returns
    -------
    dict | None
        None where the route does not pass within 30 m, or ends there.
    """
    lines: list[NDArray[np.float64]] = []
    ends: dict[int, list[tuple[str, tuple[float, float]]]] = {}
    for feature in features:
        said, coordinates = feature["properties"], feature["geometry"]["coordinates"]
        if said["kind"] == "trip":
            lines.append(np.array(coordinates))
        else:
            ends.setdefault(said["trip"] - 1, []).append((said["id"], tuple(coordinates)))
    passes: list[tuple[bool, float, NDArray[np.float64]]] = []
    spoken = after is None
    for trip, line in enumerate(lines):
        at = 0
        # The line has a vertex where each step is; so it falls into the drives from step to step.
        for name, position in [*ends.get(trip, []), (None, None)]:
            found = (
                np.flatnonzero((line[at:] == position).all(axis=1)) if position is not None else np.array([len(line)])
            )
            end = at + int(found[0]) if found.size else at
            nearest = _nearest(line[at : end + 1], lon, lat)
            if nearest is not None:
                away_m, piece, foot = nearest
                passes.append((spoken, away_m, np.vstack((foot, line[at + piece + 1 :]))))
            at = end
            spoken = spoken or name == after
    near = [one for one in passes if one[1] <= NEAR_M]
    if not near:
        return None
    best = min(one[1] for one in near)
    # Of drives that pass about as near, the first one after what was done.
    alike = [one for one in near if one[1] <= best + _LEAST_M]
    ahead = _cut(next((one for one in alike if one[0]), alike[-1])[2], AHEAD_M)
    return None if ahead is None else {"type": "LineString", "coordinates": np.round(ahead, 7).tolist()}


def _nearest(line: NDArray[np.float64], lon: float, lat: float) -> tuple[float, int, NDArray[np.float64]] | None:
    """Return how many metres a line (float64[k, 2]) passes from a point, in which piece, and where."""
    if len(line) < 2:  # noqa: PLR2004 - nothing is driven
        return None
    scale = np.array([np.cos(np.radians(lat)), 1.0])
    here = np.array([lon, lat])
    begin, step = line[:-1] * scale, np.diff(line * scale, axis=0)
    square = (step**2).sum(axis=1)
    share = np.clip(((here * scale - begin) * step).sum(axis=1) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    feet = line[:-1] + share[:, None] * np.diff(line, axis=0)
    away_m = haversine_m(feet[:, 0], feet[:, 1], np.full(len(feet), lon), np.full(len(feet), lat))
    # At a corner the piece that leaves it counts, not the one that leads there.
    piece = int(np.flatnonzero(away_m <= away_m.min() + 1e-3)[-1])
    return float(away_m[piece]), piece, feet[piece]


def _cut(line: NDArray[np.float64], length_m: float) -> NDArray[np.float64] | None:
    """Return the first metres of a line; None where it is hardly any longer than a point."""
    steps_m = haversine_m(line[:-1, 0], line[:-1, 1], line[1:, 0], line[1:, 1])
    driven_m = np.concatenate(([0.0], np.cumsum(steps_m)))
    if driven_m[-1] < _LEAST_M:
        return None
    if driven_m[-1] <= length_m:
        return line
    last = int(np.searchsorted(driven_m, length_m))
    share = (length_m - driven_m[last - 1]) / (driven_m[last] - driven_m[last - 1])
    return np.vstack((line[:last], line[last - 1] + share * (line[last] - line[last - 1])))
