"""What a day has come to, from what phones reported: a pure function of the *set* of events.

Events are taken in the order of (time, phone, sequence), whichever way they arrived, and each once. Rules:

- A visit's state for a shift is that shift's last word on it, done or skipped. One word "done" of any shift makes the
  visit done: what another truck found empty was emptied all the same. It counts for the shift that was first.
- Unloadings with one ticket are one unloading; without a ticket each event is one.
- A break begins where none is open and ends where one is; other words on breaks say nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.driving.events import DriverEvent, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.driving.events import SkipReason

VisitStatus = Literal["done", "skipped", "arrived"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitState:
    """How a visit stands: which shift made it so, and when."""

    status: VisitStatus
    shift: str
    time_us: int
    reason: SkipReason | None = None
    containers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloading:
    """A truck was emptied; ``kg`` None where nobody weighed."""

    site: str
    time_us: int
    kg: float | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A break; ``end_us`` None while it lasts."""

    start_us: int
    end_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a truck was."""

    time_us: int
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftState:
    """What one shift reported.

    Parameters
    ----------
    done
        Visits that count for it, in the order in which they were done.
    first_us, last_us
        Its first and last event, positions included.
    last_stop
        The last event at a visit or disposal site; None before any.
    """

    first_us: int
    last_us: int
    done: tuple[str, ...] = ()
    unloadings: tuple[Unloading, ...] = ()
    rests: tuple[Rest, ...] = ()
    positions: tuple[Position, ...] = ()
    last_stop: DriverEvent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """What a day has come to; visits and shifts of which nobody spoke are absent."""

    visits: Mapping[str, VisitState]
    shifts: Mapping[str, ShiftState]


_AT_STOPS = frozenset({Kind.ARRIVED, Kind.DONE, Kind.SKIPPED, Kind.UNLOADED})


def fold(events: Iterable[DriverEvent]) -> DayState:
    """Return what the events of one city and day come to, in whatever order and however often they are given."""
    once = {(event.phone, event.sequence): event for event in events}
    ordered = sorted(once.values(), key=lambda event: event.order)
    of_shift: dict[str, list[DriverEvent]] = {}
    for event in ordered:
        of_shift.setdefault(event.shift, []).append(event)
    visits = _visits(ordered)
    return DayState(
        visits=visits, shifts={shift: _shift(shift, found, visits) for shift, found in sorted(of_shift.items())}
    )


def _visits(ordered: Iterable[DriverEvent]) -> dict[str, VisitState]:
    words: dict[tuple[str, str], DriverEvent] = {}  # each shift's word on each visit, by visit and shift
    arrivals: dict[str, DriverEvent] = {}
    for event in ordered:
        if event.subject is None:
            continue
        key = event.subject, event.shift
        if event.kind is Kind.ARRIVED:
            arrivals.setdefault(event.subject, event)
        elif event.kind is Kind.SKIPPED:
            words[key] = event
        elif event.kind is Kind.DONE and (key not in words or words[key].kind is Kind.SKIPPED):
            words[key] = event  # "done" said again is no news
    found: dict[str, DriverEvent] = {}
    for (visit, _), event in words.items():
        other = found.get(visit)
        if other is None or _counts_before(event, other):
            found[visit] = event
    return {visit: _state(event) for visit, event in sorted((arrivals | found).items())}


def _counts_before(event: DriverEvent, other: DriverEvent) -> bool:
    """Whether one shift's word counts before another's: done before skipped, then the first done, or the last skip."""
    if event.kind is not other.kind:
        return event.kind is Kind.DONE
    return event.order < other.order if event.kind is Kind.DONE else event.order > other.order


def _state(event: DriverEvent) -> VisitState:
    status: VisitStatus = "done" if event.kind is Kind.DONE else "skipped" if event.kind is Kind.SKIPPED else "arrived"
    return VisitState(
        status=status, shift=event.shift, time_us=event.time_us, reason=event.reason, containers=event.containers
    )


def _shift(shift: str, ordered: list[DriverEvent], visits: Mapping[str, VisitState]) -> ShiftState:
    unloadings: list[Unloading] = []
    tickets: set[tuple[str, str]] = set()
    rests: list[Rest] = []
    for event in ordered:
        if event.kind is Kind.UNLOADED and event.subject is not None:
            ticket = (event.subject, event.ticket or "")
            if event.ticket is None or ticket not in tickets:
                unloadings.append(
                    Unloading(site=event.subject, time_us=event.time_us, kg=event.kg, ticket=event.ticket)
                )
            tickets.add(ticket)
        elif event.kind is Kind.BREAK_START and (not rests or rests[-1].end_us is not None):
            rests.append(Rest(start_us=event.time_us))
        elif event.kind is Kind.BREAK_END and rests and rests[-1].end_us is None:
            rests[-1] = Rest(start_us=rests[-1].start_us, end_us=event.time_us)
    mine = {visit for visit, state in visits.items() if state.shift == shift and state.status == "done"}
    done = sorted(mine, key=lambda visit: (visits[visit].time_us, visit))
    return ShiftState(
        first_us=ordered[0].time_us,
        last_us=ordered[-1].time_us,
        done=tuple(done),
        unloadings=tuple(unloadings),
        rests=tuple(rests),
        positions=tuple(
            Position(time_us=event.time_us, lon=event.lon, lat=event.lat)
            for event in ordered
            if event.kind is Kind.POSITION and event.lon is not None and event.lat is not None
        ),
        last_stop=next((event for event in reversed(ordered) if event.kind in _AT_STOPS), None),
    )
