"""What was done of a day beside what was planned, shift by shift: for those who look on, and for the day's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geodata.streets.geodesy import haversine_m
from service.driving.fold import fold
from service.driving.receive import second_of_day
from service.driving.store import events_of_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlmodel import Session

    from service.driving.events import SkipReason
    from service.driving.fold import DayState, Position, ShiftState
    from service.driving.planned import PlannedDay
    from service.driving.store import Positions

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftDone:
    """One shift of a day, planned against done.

    Parameters
    ----------
    planned
        Its visits in the published plan.
    done
        Visits that count for it, in the order in which they were done; some may have been planned for another one.
    skipped
        Visits that nobody did and that it said why it skipped.
    left
        Planned visits of which nobody has spoken, or at which a truck stands.
    planned_kg, done_kg, weighed_kg
        Of the planned visits; of those done, as planned; on the weighbridge, None where nobody weighed.
    planned_unloadings, unloadings
        How often it empties its truck.
    planned_m, driven_m
        Metres; driven from each reported position straight to the next, None without two of them: corners that are cut
        make it less than the truck drove, a phone that wanders while it stands makes it more.
    behind_s
        How much later than planned it did the last visit of its own plan; negative when earlier, None before any.
    first_us, last_us
        Its first and last event, microseconds since 1970, UTC; None where nothing came.
    break_s
        Of its breaks that are over.
    """

    shift: str
    vehicle: str
    planned: tuple[str, ...]
    done: tuple[str, ...]
    skipped: Mapping[str, SkipReason]
    left: tuple[str, ...]
    planned_kg: int
    done_kg: int
    weighed_kg: float | None
    planned_unloadings: int
    unloadings: int
    planned_m: int
    driven_m: int | None
    behind_s: int | None
    first_us: int | None
    last_us: int | None
    break_s: int
    position: Position | None


def done_of_day(
    session: Session,
    city_id: str,
    service_date: dt.date,
    plan: PlannedDay,
    timezone: str,
    *,
    positions: Positions = "last",
) -> list[ShiftDone]:
    """Return what was done by every shift that has a route in the plan or reported anything, by id.

    Parameters
    ----------
    plan
        The published plan of the day.
    timezone
        The city's, in which times are compared.
    positions
        "all" for the metres driven, which are unknown otherwise.
    """
    events = events_of_day(session.connection(), city_id, service_date, positions=positions)
    return compare(fold(events), plan, service_date, timezone)


def compare(state: DayState, plan: PlannedDay, service_date: dt.date, timezone: str) -> list[ShiftDone]:
    """Hold what a day has come to against its plan."""
    return [
        of_shift(shift, state, plan, service_date, timezone)
        for shift in sorted(plan.shifts.keys() | state.shifts.keys())
    ]


def of_shift(shift: str, state: DayState, plan: PlannedDay, service_date: dt.date, timezone: str) -> ShiftDone:
    """Hold what one shift has done against its plan; either may be nothing."""
    route, said = plan.shifts.get(shift), state.shifts.get(shift)
    planned = route.visits if route is not None else ()
    done = said.done if said is not None else ()
    spoken = {visit: found for visit, found in state.visits.items() if found.status != "arrived"}
    weighed = [one.kg for one in said.unloadings if one.kg is not None] if said is not None else []
    return ShiftDone(
        shift=shift,
        vehicle=route.vehicle if route is not None else "",
        planned=planned,
        done=done,
        skipped={
            visit: found.reason
            for visit, found in spoken.items()
            if found.shift == shift and found.status == "skipped" and found.reason is not None
        },
        left=tuple(visit for visit in planned if visit not in spoken),
        planned_kg=route.kg if route is not None else 0,
        done_kg=sum(plan.visits[visit].kg for visit in done if visit in plan.visits),
        weighed_kg=sum(weighed) if weighed else None,
        planned_unloadings=route.unloadings if route is not None else 0,
        unloadings=len(said.unloadings) if said is not None else 0,
        planned_m=route.distance_m if route is not None else 0,
        driven_m=_driven_m(said.positions) if said is not None else None,
        behind_s=_behind_s(done, state, plan, shift, service_date, timezone),
        first_us=said.first_us if said is not None else None,
        last_us=said.last_us if said is not None else None,
        break_s=_break_s(said) if said is not None else 0,
        position=said.positions[-1] if said is not None and said.positions else None,
    )


def _behind_s(
    done: Sequence[str], state: DayState, plan: PlannedDay, shift: str, service_date: dt.date, timezone: str
) -> int | None:
    for visit in reversed(done):
        planned = plan.visits.get(visit)
        if planned is not None and planned.shift == shift and planned.departure_s is not None:
            return second_of_day(state.visits[visit].time_us, service_date, timezone) - planned.departure_s
    return None


def _break_s(said: ShiftState) -> int:
    return sum((rest.end_us - rest.start_us) // _MICRO for rest in said.rests if rest.end_us is not None)


def _driven_m(positions: Sequence[Position]) -> int | None:
    if len(positions) < 2:  # noqa: PLR2004 - from one to another
        return None
    lon = np.array([one.lon for one in positions])
    lat = np.array([one.lat for one in positions])
    return round(float(haversine_m(lon[:-1], lat[:-1], lon[1:], lat[1:]).sum()))
