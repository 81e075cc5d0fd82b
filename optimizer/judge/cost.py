"""Every term of the objective, in one currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.problem.plan import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimizer.problem.model import Problem, Shift, Visit


def route_cost(problem: Problem, shift: Shift, *, distance_m: int, departure_s: int, return_s: int) -> Cost:
    """Return what a route costs without its gate fees."""
    vehicle = problem.vehicle_of(shift)
    return Cost(
        fixed_micro=0 if shift.out else vehicle.fixed_micro,
        time_micro=(return_s - departure_s) * vehicle.micro_per_s,
        overtime_micro=max(0, return_s - shift.end_s) * shift.overtime_micro_per_s,
        distance_micro=distance_m * vehicle.micro_per_m,
    )


def unserved_cost(problem: Problem, visits: Iterable[Visit]) -> Cost:
    """Return what leaving these visits out costs."""
    prizes = [visit.prize_micro for visit in visits]
    required = prizes.count(None)
    return Cost(
        prizes_missed_micro=sum(prize_micro for prize_micro in prizes if prize_micro is not None),
        required_unserved_micro=required * required_penalty_micro(problem) if required else 0,
    )


def required_penalty_micro(problem: Problem) -> int:
    """Return the cost of leaving one required visit out.

    It is more than any one route can cost, with the dearest gate fee, so serving one more required visit with a truck
    of its own always pays; and so small that a whole day's sum stays far below 2^63.
    """
    dearest_micro = 0
    dearest_fee_micro = max((site.fee_micro_per_kg for site in problem.disposal_sites), default=0)
    for shift in problem.shifts:
        vehicle = problem.vehicle_of(shift)
        duration_s = problem.matrix.duration_s(vehicle.profile)
        metres_per_s = 0.0
        drives = duration_s > 0
        if drives.any():
            metres_per_s = float((problem.matrix.distance_m(vehicle.profile)[drives] / duration_s[drives]).max())
        span_s = shift.latest_return_s - shift.start_s
        dearest_micro = max(
            dearest_micro,
            vehicle.fixed_micro
            + span_s * vehicle.micro_per_s
            + shift.max_overtime_s * shift.overtime_micro_per_s
            + int(span_s * metres_per_s + 1) * vehicle.micro_per_m,
        )
    heaviest_kg = max((visit.demand_kg for visit in problem.visits), default=0)
    prizes_micro = max((visit.prize_micro or 0 for visit in problem.visits), default=0)
    return dearest_micro + heaviest_kg * dearest_fee_micro + problem.terms.moved_micro + prizes_micro + 1_000_000
