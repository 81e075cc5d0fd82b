"""Why a visit is unserved and what would serve it, in words for a dispatcher."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from optimizer.search.relaxation import Lever, Relaxation

if TYPE_CHECKING:
    from optimizer.problem.model import Problem, Visit

_DAY_S: Final = 86_400


class Obstacle(StrEnum):
    """What keeps a visit out: one of the judge's violations, or what is no violation."""

    NO_PATH = "no_path"
    ACCESS = "access"
    STREAM = "stream"
    LOCKED = "locked"
    CAPACITY_KG = "capacity_kg"
    CAPACITY_L = "capacity_l"
    DAILY_KG = "daily_kg"
    STOPS = "stops"
    RANGE_M = "range_m"
    TIME_WINDOW = "time_window"
    SITE_CLOSED = "site_closed"
    SITE_STREAM = "site_stream"
    BREAK = "break"
    OVERTIME = "overtime"
    NO_SHIFT = "no_shift"
    NO_DISPOSAL_SITE = "no_disposal_site"
    FLEET_EXHAUSTED = "fleet_exhausted"
    PRIZE_BELOW_COST = "prize_below_cost"
    FITS = "fits"
    NOT_TRIED = "not_tried"


WHY: Final = {
    Obstacle.NO_PATH: "No allowed path leads there and back.",
    Obstacle.ACCESS: "No vehicle with a shift may enter its street.",
    Obstacle.STREAM: "No vehicle with a shift that may come here carries its stream.",
    Obstacle.LOCKED: "It is locked to a vehicle that cannot serve it.",
    Obstacle.CAPACITY_KG: "No truck that may come here has the weight left.",
    Obstacle.CAPACITY_L: "No truck that may come here has the volume left.",
    Obstacle.DAILY_KG: "Every shift that may serve it has collected all that it may in a day.",
    Obstacle.STOPS: "Every shift that may serve it makes all the stops that it may.",
    Obstacle.RANGE_M: "It is beyond the range of every vehicle that may serve it.",
    Obstacle.TIME_WINDOW: "No truck can be there, or at the visits after it, in time.",
    Obstacle.SITE_CLOSED: "No truck could bring its waste to a disposal site before that closes.",
    Obstacle.SITE_STREAM: "No disposal site accepts its stream.",
    Obstacle.BREAK: "It leaves no room for a break.",
    Obstacle.OVERTIME: "No shift that may serve it has the time left.",
}

_CONDITIONS: Final = {
    Lever.NOTHING: "Served by shift {shift} as the day is",
    Lever.OVERTIME: "Served if shift {subject} may come home {span} later",
    Lever.EARLIER_START: "Served if shift {subject} starts {span} earlier, at {clock}",
    Lever.BREAK_LATER: "Served if break {detail} of shift {subject} may start {span} later",
    Lever.CAPACITY_KG: "Served if vehicle {subject} could carry {amount:,} kg more",
    Lever.BODY_L: "Served if the body of vehicle {subject} held {amount:,} l more",
    Lever.DAILY_KG: "Served if shift {subject} may collect {amount:,} kg more in the day",
    Lever.STOPS: "Served if shift {subject} may make {amount} more stops",
    Lever.RANGE_M: "Served if vehicle {subject} could drive {amount:,} m further",
    Lever.SITE_HOURS: "Served by shift {shift} if {subject} let trucks in until {clock}",
    Lever.VISIT_HOURS: "Served by shift {shift} if visit {subject} could be served until {clock}",
    Lever.PRIZE: "Worth serving by shift {shift} from a prize of {prize} on",
    Lever.UNLOCK: "Served by shift {shift} if it were not locked to vehicle {lock}",
    Lever.ACCESS: "Served by shift {shift} if a {detail} may come here",
    Lever.VEHICLE_STREAM: "Served by shift {shift} if vehicle {subject} carried {detail}",
    Lever.SITE_STREAM: "Served by shift {shift} if {subject} accepted {detail}",
    Lever.ANOTHER_TRUCK: "Served if there were one more shift like {subject}, with a vehicle of its own",
}


def condition(problem: Problem, visit: Visit, relaxation: Relaxation, shift: str) -> str:
    """Say under what change a shift serves the visit; the exact seconds stand in the relaxation."""
    prize = ((visit.prize_micro or 0) + relaxation.amount) / 1e6
    return _CONDITIONS[relaxation.lever].format(
        shift=shift,
        subject=relaxation.subject,
        amount=relaxation.amount,
        detail=relaxation.detail,
        span=_span(relaxation.amount),
        clock=_new_limit(problem, relaxation),
        prize=f"{prize:,.2f} {problem.currency}",
        lock=visit.vehicle,
    )


def _new_limit(problem: Problem, relaxation: Relaxation) -> str:
    """Return as clock time when the shift starts, the site closes or the visit's window ends; empty for others."""
    match relaxation.lever:
        case Lever.EARLIER_START:
            return _clock(problem.shift_by_id[relaxation.subject].start_s - relaxation.amount)
        case Lever.SITE_HOURS:
            return _clock(problem.site_by_id[relaxation.subject].windows[-1].end_s + relaxation.amount, up=True)
        case Lever.VISIT_HOURS:
            return _clock(problem.visit_by_id[relaxation.subject].windows[-1].end_s + relaxation.amount, up=True)
        case _:
            return ""


def _span(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _clock(seconds: int, *, up: bool = False) -> str:
    """Say when, rounded to the minute on the safe side; "+1" marks the next day."""
    days, rest = divmod(-(-seconds // 60) * 60 if up else seconds, _DAY_S)
    return f"{rest // 3_600:02d}:{rest // 60 % 60:02d}" + (f" +{days}" if days else "")
