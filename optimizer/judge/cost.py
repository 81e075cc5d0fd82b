"""Every term of the objective, in one currency."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from optimizer.problem.model import PERMILLE
from optimizer.problem.plan import Cost, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optimizer.problem.model import Problem, Shift, Vehicle, Visit
    from optimizer.problem.plan import Route


_HOUR_S: Final = 3_600
_SQUARE_HOUR: Final = _HOUR_S * _HOUR_S
_SQUARE_KM: Final = 1_000_000
_TONNE_KM: Final = 1_000_000
_METRES_A_DEGREE: Final = 111_195
"""Of a great circle on a sphere of the earth's mean radius, 6,371,009 m (IUGG)."""


def balance_micro(problem: Problem, shift: Shift, duration_s: int) -> int:
    """Return what the hours of a crew weigh, those before the plan begins included."""
    hours_s = duration_s + (shift.status.worked_s if shift.status else 0)
    return hours_s * hours_s * problem.terms.balance_micro_per_h2 // _SQUARE_HOUR


def load_fuel_micro(vehicle: Vehicle, kg_m: int) -> int:
    """Return the price of the kilograms carried, each times its metres."""
    return kg_m * vehicle.micro_per_t_km // _TONNE_KM


def compactness_micro(problem: Problem, nodes: Sequence[int]) -> int:
    """Return the price of how far the visits of one trip, at these nodes, lie from their centre."""
    if not nodes or not problem.terms.compactness_micro_per_km2:
        return 0
    points = [metres_from_origin(problem, node) for node in nodes]
    east_m, north_m = (sum(point[axis] for point in points) for axis in (0, 1))
    squares = sum(x * x + y * y for x, y in points)
    inertia_m2 = (len(points) * squares - east_m * east_m - north_m * north_m) // len(points)
    return inertia_m2 * problem.terms.compactness_micro_per_km2 // _SQUARE_KM


def metres_from_origin(problem: Problem, node: int) -> tuple[int, int]:
    """Return where a node lies, metres east and north of node 0, on the plane that touches the earth there."""
    origin, place = problem.locations[0], problem.locations[node]
    # The cosine in thousandths: mathematical libraries differ in its last digits, and plans must not.
    east_permille = round(PERMILLE * math.cos(math.radians(origin.lat)))
    return (
        round((place.lon - origin.lon) * _METRES_A_DEGREE * east_permille / PERMILLE),
        round((place.lat - origin.lat) * _METRES_A_DEGREE),
    )


def queue_micro(problem: Problem, routes: Iterable[Route]) -> int:
    """Return the price of trucks that reach disposal sites beyond what these take in a clock hour."""
    if not problem.terms.queue_micro:
        return 0
    arrivals = Counter(
        (step.id, step.arrival_s // _HOUR_S)
        for route in routes
        for step in route.steps
        if step.kind is StepKind.UNLOAD and problem.site_by_id[step.id].arrivals_per_hour is not None
    )
    excess = sum(
        max(0, count - (problem.site_by_id[site].arrivals_per_hour or 0)) for (site, _), count in arrivals.items()
    )
    return excess * problem.terms.queue_micro


def route_cost(problem: Problem, shift: Shift, *, distance_m: int, departure_s: int, return_s: int) -> Cost:
    """Return what the drive and the hours of a route cost."""
    vehicle = problem.vehicle_of(shift)
    return Cost(
        fixed_micro=0 if shift.out else vehicle.fixed_micro,
        time_micro=(return_s - departure_s) * vehicle.micro_per_s,
        overtime_micro=max(0, return_s - shift.end_s) * shift.overtime_micro_per_s,
        distance_micro=distance_m * vehicle.micro_per_m,
        balance_micro=balance_micro(problem, shift, return_s - departure_s),
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
    of its own always pays; and so small that a whole day's sum stays far below 2^63. A part of a larger problem
    states the larger one's (``Problem.required_micro``).
    """
    if problem.required_micro is not None:
        return problem.required_micro
    terms = problem.terms
    heaviest_kg = max((visit.demand_kg for visit in problem.visits), default=0)
    dearest_micro = 0
    dearest_fee_micro = max((site.fee_micro_per_kg for site in problem.disposal_sites), default=0)
    for shift in problem.shifts:
        vehicle = problem.vehicle_of(shift)
        metres_per_s = problem.matrix.fastest_m_per_s(vehicle.profile)
        span_s = shift.latest_return_s - shift.start_s
        way_m = int(span_s * metres_per_s + 1)
        dearest_micro = max(
            dearest_micro,
            vehicle.fixed_micro
            + span_s * vehicle.micro_per_s
            + shift.max_overtime_s * shift.overtime_micro_per_s
            + way_m * vehicle.micro_per_m
            + load_fuel_micro(vehicle, heaviest_kg * way_m)
            + balance_micro(problem, shift, span_s),
        )
    wishes_micro = terms.moved_micro + terms.outside_zones_micro + terms.queue_micro
    prizes_micro = max((visit.prize_micro or 0 for visit in problem.visits), default=0)
    return dearest_micro + heaviest_kg * dearest_fee_micro + prizes_micro + wishes_micro + 1_000_000
