"""A plan in figures, as it is stored beside the plan and shown."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Cost, Plan, Route

MICRO = 1_000_000


def summarise(
    problem: Problem, plan: Plan, clock: Callable[[int], str], *, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return totals, routes, cost terms and unserved visits of a plan.

    Parameters
    ----------
    clock
        Turns seconds of the service day into ISO 8601 with the city's offset.
    notes
        What was found while the day was prepared.
    """
    routes = [_route(problem, route, clock) for route in plan.routes]
    return {
        "solver": plan.solver,
        "version": plan.version,
        "seed": plan.seed,
        "problem_hash": plan.problem_hash,
        "hours": plan.duration_s / 3_600,
        "distance_km": plan.distance_m / 1_000,
        "collected_t": plan.collected_kg / 1_000,
        "visits": sum(route["visits"] for route in routes),
        "cost": cost_terms(plan.cost, problem.currency),
        "routes": routes,
        "notes": list(notes),
        "unserved": [
            {
                "visit": unserved.visit,
                "stop": problem.visit_by_id[unserved.visit].stop,
                "stream": problem.visit_by_id[unserved.visit].stream,
                "containers": list(problem.visit_by_id[unserved.visit].containers),
                "reason": unserved.reason.value,
                "detail": unserved.detail,
            }
            for unserved in plan.unserved
        ],
    }


def cost_terms(cost: Cost, currency: str) -> dict[str, Any]:
    """Return every term of a cost in the currency itself."""
    terms = {term.name.removesuffix("_micro"): getattr(cost, term.name) / MICRO for term in fields(cost)}
    return {
        "currency": currency,
        **terms,
        "operating": cost.operating_micro / MICRO,
        "total": cost.total_micro / MICRO,
    }


def _route(problem: Problem, route: Route, clock: Callable[[int], str]) -> dict[str, Any]:
    visits = [problem.visit_by_id[step.id] for step in route.steps if step.kind is StepKind.VISIT]
    # Visits in a row at one stop are one halt.
    stops = [visit.stop for visit in visits]
    halts = sum(stop != before for stop, before in zip(stops, [None, *stops], strict=False))
    return {
        "vehicle": route.vehicle,
        "shift": route.shift,
        "departure": clock(route.departure_s),
        "arrival": clock(route.return_s),
        "departure_s": route.departure_s,
        "arrival_s": route.return_s,
        "hours": route.duration_s / 3_600,
        "distance_km": route.distance_m / 1_000,
        "collected_t": sum(visit.demand_kg for visit in visits) / 1_000,
        "trips": sum(step.kind is StepKind.UNLOAD for step in route.steps),
        "stops": halts,
        "visits": len(visits),
        "containers": sum(len(visit.containers) for visit in visits),
        "cost": cost_terms(route.cost, problem.currency),
    }
