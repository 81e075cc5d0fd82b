"""A day with one limit loosened: by how much, whose, and the problem that then holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optimizer.problem.model import TimeWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimizer.problem.model import Problem, Shift, Vehicle


class Lever(StrEnum):
    """What is loosened; its subject and the unit of its amount stand behind each."""

    NOTHING = "nothing"  # no subject: the visit fits into the day as it is
    OVERTIME = "overtime"  # shift, seconds
    EARLIER_START = "earlier_start"  # shift, seconds
    BREAK_LATER = "break_later"  # shift, seconds; ``detail`` is the break's number
    CAPACITY_KG = "capacity_kg"  # vehicle, kilograms
    BODY_L = "body_l"  # vehicle, litres of its body
    DAILY_KG = "daily_kg"  # shift, kilograms
    STOPS = "stops"  # shift, stops
    RANGE_M = "range_m"  # vehicle, metres
    SITE_HOURS = "site_hours"  # disposal site, seconds after its last closing
    VISIT_HOURS = "visit_hours"  # visit, seconds after its last time window
    PRIZE = "prize"  # visit, millionths of the currency
    UNLOCK = "unlock"  # visit
    ACCESS = "access"  # visit; ``detail`` is the access class let in
    VEHICLE_STREAM = "vehicle_stream"  # vehicle; ``detail`` is the stream
    SITE_STREAM = "site_stream"  # disposal site; ``detail`` is the stream
    ANOTHER_TRUCK = "another_truck"  # shift: one more vehicle and shift alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """One limit of a day, loosened.

    Parameters
    ----------
    subject
        The id of the shift, vehicle, disposal site or visit that it belongs to.
    amount
        How much more, in the lever's unit; 1 where there is no more and less, and 0 changes nothing.
    detail
        What else must be said; empty for most levers.
    """

    lever: Lever
    subject: str = ""
    amount: int = 1
    detail: str = ""


def relaxed(problem: Problem, relaxation: Relaxation) -> Problem:
    """Return the problem with this one limit loosened.

    Raises
    ------
    InvalidProblem
        If that makes no day, for example because a vehicle's next shift begins before this one would end.
    """
    if relaxation.amount == 0 or relaxation.lever is Lever.NOTHING:
        return problem
    if relaxation.lever is Lever.ANOTHER_TRUCK:
        vehicle, shift = another(problem, problem.shift_by_id[relaxation.subject])
        return replace(problem, vehicles=(*problem.vehicles, vehicle), shifts=(*problem.shifts, shift))
    where, change = _CHANGES[relaxation.lever]
    things = getattr(problem, where)
    changed: Any = {
        where: tuple(change(thing, relaxation) if thing.id == relaxation.subject else thing for thing in things)
    }
    return replace(problem, **changed)


def another(problem: Problem, shift: Shift) -> tuple[Vehicle, Shift]:
    """Return one more vehicle and shift like these, with ids that the day does not have yet."""
    vehicle = problem.vehicle_of(shift)
    return (
        replace(vehicle, id=_unused(vehicle.id, problem.vehicle_by_id)),
        replace(shift, id=_unused(shift.id, problem.shift_by_id), vehicle=_unused(vehicle.id, problem.vehicle_by_id)),
    )


def _unused(name: str, taken: Any) -> str:
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _more(field: str) -> Callable[[Any, Relaxation], Any]:
    return lambda thing, relaxation: replace(thing, **{field: getattr(thing, field) + relaxation.amount})


def _longer(thing: Any, relaxation: Relaxation) -> Any:
    last = thing.windows[-1]
    window = TimeWindow(start_s=last.start_s, end_s=last.end_s + relaxation.amount)
    return replace(thing, windows=(*thing.windows[:-1], window))


def _later_break(shift: Any, relaxation: Relaxation) -> Any:
    number = int(relaxation.detail)
    rest = shift.breaks[number]
    rest = replace(rest, latest_s=rest.latest_s + relaxation.amount)
    return replace(shift, breaks=(*shift.breaks[:number], rest, *shift.breaks[number + 1 :]))


def _with(field: str) -> Callable[[Any, Relaxation], Any]:
    return lambda thing, relaxation: replace(
        thing, **{field: None if getattr(thing, field) is None else getattr(thing, field) | {relaxation.detail}}
    )


_CHANGES: dict[Lever, tuple[str, Callable[[Any, Relaxation], Any]]] = {
    Lever.OVERTIME: ("shifts", _more("max_overtime_s")),
    Lever.EARLIER_START: (
        "shifts",
        lambda shift, relaxation: replace(shift, start_s=shift.start_s - relaxation.amount),
    ),
    Lever.BREAK_LATER: ("shifts", _later_break),
    Lever.CAPACITY_KG: ("vehicles", _more("capacity_kg")),
    Lever.BODY_L: ("vehicles", _more("body_l")),
    Lever.DAILY_KG: ("shifts", _more("max_daily_kg")),
    Lever.STOPS: ("shifts", _more("max_stops")),
    Lever.RANGE_M: ("vehicles", _more("range_m")),
    Lever.SITE_HOURS: ("disposal_sites", _longer),
    Lever.VISIT_HOURS: ("visits", _longer),
    Lever.PRIZE: ("visits", _more("prize_micro")),
    Lever.UNLOCK: ("visits", lambda visit, _: replace(visit, vehicle=None)),
    Lever.ACCESS: ("visits", _with("access")),
    Lever.VEHICLE_STREAM: ("vehicles", _with("streams")),
    Lever.SITE_STREAM: ("disposal_sites", _with("streams")),
}
