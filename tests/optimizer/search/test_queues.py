"""Queues at disposal sites are eased where that pays, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from random_days import tiny_day

from optimizer.judge.evaluate import check, evaluate
from optimizer.problem.model import DisposalSite, Problem, Terms
from optimizer.problem.plan import Action, Plan, RouteOrder, StepKind, UnloadAction, VisitAction
from optimizer.search.queues import ease_queues
from optimizer.search.solve import solve
from optimizer.search.stop import Cancelled, StepLimit

NEVER = Cancelled(lambda: False)
LANDFILL = UnloadAction(site="landfill")
WAY_ROUND_MICRO = 4_000 * 10 + 400 * 100
"""What the yard costs more than the landfill: 2 km farther there and back, at 10 m/s."""


def busy_day(queue_micro: int, *, full: bool = False) -> Problem:
    """Return a day of two trucks: the landfill takes one an hour, the yard 2 km behind it any number.

    ``full``: a visit fills a truck.
    """
    problem = tiny_day([0, 10_000, 2_000, 6_000, 12_000], visits={"demand_kg": 1_000} if full else None)
    (truck,), (shift,), (landfill,) = problem.vehicles, problem.shifts, problem.disposal_sites
    return replace(
        problem,
        vehicles=(truck, replace(truck, id="truck-2")),
        shifts=(shift, replace(shift, id="shift-2", vehicle="truck-2")),
        disposal_sites=(replace(landfill, arrivals_per_hour=1), DisposalSite(id="yard", node=4, unloading_s=600)),
        visits=problem.visits[:2],
        terms=Terms(queue_micro=queue_micro),
    )


def route(shift: str, *actions: Action) -> RouteOrder:
    return RouteOrder(shift=shift, actions=actions)


def sites(orders: list[RouteOrder]) -> list[str]:
    return sorted(a.site for order in orders for a in order.actions if isinstance(a, UnloadAction))


def to_the_yard(plan: Plan) -> int:
    return sum(step.kind is StepKind.UNLOAD and step.id == "yard" for route in plan.routes for step in route.steps)


@pytest.mark.parametrize(("beyond", "eased"), [(0, ["landfill", "landfill"]), (1, ["landfill", "yard"])])
def test_a_truck_is_sent_elsewhere_where_that_costs_less_than_the_queue(beyond: int, eased: list[str]) -> None:
    """At the price of the way round both trucks stay; at one more, one of them goes where it need not wait."""
    problem = busy_day(WAY_ROUND_MICRO + beyond)
    orders = [route("shift-1", VisitAction(visit="v2"), LANDFILL), route("shift-2", VisitAction(visit="v3"), LANDFILL)]
    found = ease_queues(problem, orders, stop=NEVER)
    assert sites(found) == eased
    before, after = (evaluate(problem, one) for one in (orders, found))
    assert after.violations == ()
    assert before.plan.cost.total_micro - after.plan.cost.total_micro == beyond


def test_trips_are_exchanged_where_that_keeps_trucks_apart() -> None:
    """A truck whose long trip comes first reaches the landfill when the other one is gone."""
    problem = tiny_day([0, 10_000, 2_000, 4_000, 6_000], visits=[{}, {"service_s": 5_400}, {}])
    (truck,), (shift,), (landfill,) = problem.vehicles, problem.shifts, problem.disposal_sites
    problem = replace(
        problem,
        vehicles=(truck, replace(truck, id="truck-2")),
        shifts=(shift, replace(shift, id="shift-2", vehicle="truck-2")),
        disposal_sites=(replace(landfill, arrivals_per_hour=1),),
        terms=Terms(queue_micro=100_000),
    )
    v2, v3, v4 = (VisitAction(visit=name) for name in ("v2", "v3", "v4"))
    orders = [route("shift-1", v2, LANDFILL, v3, LANDFILL), route("shift-2", v4, LANDFILL)]
    assert evaluate(problem, orders).plan.cost.queue_micro == 100_000
    found = ease_queues(problem, orders, stop=NEVER)
    assert found == [route("shift-1", v3, LANDFILL, v2, LANDFILL), orders[1]]
    assert evaluate(problem, found).plan.cost.queue_micro == 0


@pytest.mark.parametrize(("queue_micro", "away"), [(WAY_ROUND_MICRO // 2, 0), (2 * WAY_ROUND_MICRO, 1)])
def test_the_search_eases_queues(queue_micro: int, away: int) -> None:
    """One truck that unloads twice within the hour does so at two sites, if the queue costs more than the way round."""
    problem = busy_day(queue_micro, full=True)
    plan = solve(problem, stop=StepLimit(1), seed=0).plan
    assert check(problem, plan) == ()
    assert plan.unserved == ()
    assert to_the_yard(plan) == away


def test_easing_ends_when_asked() -> None:
    """Told to stop, it changes nothing."""
    problem = busy_day(2 * WAY_ROUND_MICRO)
    orders = [route("shift-1", VisitAction(visit="v2"), LANDFILL), route("shift-2", VisitAction(visit="v3"), LANDFILL)]
    assert ease_queues(problem, orders, stop=Cancelled(lambda: True)) == orders
