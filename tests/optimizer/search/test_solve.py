"""The solver on tiny days against every possible plan, on its promises, and on every reason for leaving a visit out."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from random_days import HOUR, random_day, tiny_day

from optimizer.judge.evaluate import check, evaluate_route, orders_of
from optimizer.problem.matrix import NO_PATH, TravelMatrix
from optimizer.problem.model import DisposalSite, Problem, TimeWindow
from optimizer.problem.plan import Action, Reason, RouteOrder, UnloadAction, VisitAction
from optimizer.search.solve import Improvement, solve, warm
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimizer.problem.plan import Plan


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Fetch the compiled loops before a deadline runs."""
    warm()


def best_route_micro(problem: Problem, shift: str, visits: tuple[str, ...]) -> int | None:
    """Return the cost of the cheapest legal route of a shift through just these visits, by trying all; None if none."""
    if not visits:
        return 0
    costs = []
    for order in itertools.permutations(visits):
        for actions in with_unloadings(problem, order):
            evaluation = evaluate_route(problem, RouteOrder(shift=shift, actions=actions))
            if not evaluation.violations:
                costs.append(evaluation.route.cost.total_micro)
    return min(costs, default=None)


def with_unloadings(problem: Problem, order: Sequence[str]) -> Iterator[tuple[Action, ...]]:
    """Yield the order with every choice of unloading or not, and where, after each visit; always after the last."""
    sites = [site.id for site in problem.disposal_sites]
    for choice in itertools.product([None, *sites], repeat=len(order) - 1):
        for last in sites:
            actions: list[Action] = []
            for visit, site in zip(order, (*choice, last), strict=True):
                actions.append(VisitAction(visit=visit))
                if site is not None:
                    actions.append(UnloadAction(site=site))
            yield tuple(actions)


def cheapest_by_trying_all(problem: Problem) -> int:
    """Return the cost of the best plan of a tiny day: each visit on some shift or unserved."""
    from optimizer.judge.cost import unserved_cost

    shifts = [shift.id for shift in problem.shifts]
    known: dict[tuple[str, tuple[str, ...]], int | None] = {}
    best: int | None = None
    for chosen in itertools.product([*shifts, None], repeat=len(problem.visits)):
        left_out = [visit for visit, shift in zip(problem.visits, chosen, strict=True) if shift is None]
        total = unserved_cost(problem, left_out).total_micro
        for shift in shifts:
            visits = tuple(visit.id for visit, own in zip(problem.visits, chosen, strict=True) if own == shift)
            if (shift, visits) not in known:
                known[shift, visits] = best_route_micro(problem, shift, visits)
            cost = known[shift, visits]
            if cost is None:
                break
            total += cost
        else:
            best = total if best is None else min(best, total)
    assert best is not None
    return best


def small_day(seed: int) -> Problem:
    """Return a day of four visits, two trucks and two disposal sites that still has most constraints."""
    problem = random_day(seed, visits=4, vehicles=3, streams=2, optional=0.4, capacity_kg=400)
    problem = replace(problem, vehicles=problem.vehicles[1:], shifts=problem.shifts[1:])
    yard = DisposalSite(id="yard", node=3, unloading_s=300, streams=frozenset({"organic"}))
    return replace(problem, disposal_sites=(*problem.disposal_sites, yard))


@pytest.mark.parametrize("seed", range(12))
def test_finds_the_best_plan_of_a_tiny_day(seed: int) -> None:
    """On a day small enough to try every plan, the solver's costs the same as the best of all."""
    problem = small_day(seed)
    result = solve(problem, stop=AnyOf(StepLimit(200), Deadline(5, time.monotonic)), seed=seed)
    assert check(problem, result.plan) == ()
    assert result.plan.cost.total_micro == cheapest_by_trying_all(problem)


@pytest.mark.parametrize("seed", range(3))
def test_same_seed_and_step_limit_give_the_same_plan(seed: int) -> None:
    """With a step limit instead of a clock, a second run returns an equal plan."""
    problem = random_day(seed, visits=25, streams=2, optional=0.3)
    first, second = (solve(problem, stop=StepLimit(20), seed=seed).plan for _ in range(2))
    assert first == second


def test_a_start_is_never_made_worse() -> None:
    """Given a good plan and a single step, the result costs no more than that plan."""
    problem = random_day(7, visits=40)
    good = solve(problem, stop=StepLimit(60), seed=1).plan
    again = solve(problem, stop=StepLimit(1), seed=2, start=orders_of(problem, good)).plan
    assert again.cost.total_micro <= good.cost.total_micro


def test_an_illegal_start_does_no_harm() -> None:
    """A start that the judge does not pass is left aside, and the day is planned all the same."""
    problem = tiny_day()
    start = [RouteOrder(shift="shift-1", actions=(VisitAction(visit="v2"),))]
    result = solve(problem, stop=StepLimit(10), seed=0, start=start)
    assert check(problem, result.plan) == ()
    assert result.plan.unserved == ()


def test_improvements_are_told_as_they_come_and_each_is_better() -> None:
    """Every improvement costs less than the one before, and its plan passes the judge."""
    problem = random_day(3, visits=40)
    told: list[tuple[Improvement, Plan]] = []
    result = solve(problem, stop=StepLimit(30), seed=1, on_improvement=lambda better, plan: told.append((better, plan)))
    costs = [better.cost_micro for better, _ in told]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == len(costs) >= 2
    assert all(check(problem, plan) == () for _, plan in told)
    assert result.curve == tuple(better for better, _ in told)
    assert result.plan.cost.total_micro == costs[-1]


def test_cancelling_ends_the_search_with_the_best_plan_so_far() -> None:
    """A flag raised by another thread ends a search that has no other end, with a plan that passes."""
    problem = random_day(3, visits=60)
    flag = threading.Event()
    threading.Timer(0.5, flag.set).start()
    result = solve(problem, stop=AnyOf(Cancelled(flag.is_set), Deadline(3_600, time.monotonic)), seed=1)
    assert flag.is_set()
    assert check(problem, result.plan) == ()
    assert result.plan.routes


def test_cancelled_before_it_began_leaves_everything_unserved_with_a_reason() -> None:
    """A search that may not even start answers with a plan that serves nothing and says so."""
    problem = tiny_day()
    plan = solve(problem, stop=Cancelled(lambda: True), seed=1).plan
    assert check(problem, plan) == ()
    assert {entry.visit for entry in plan.unserved} == {"v2", "v3", "v4"}


def served(problem: Problem) -> tuple[set[str], set[Reason]]:
    plan = solve(problem, stop=AnyOf(StepLimit(30), Deadline(10, time.monotonic)), seed=1).plan
    assert check(problem, plan) == ()
    left_out = {entry.visit for entry in plan.unserved}
    return {visit.id for visit in problem.visits} - left_out, {entry.reason for entry in plan.unserved}


START_S = 6 * HOUR
ALONE_S = 2_780
"""The straight route depot, v2, v3, v4, landfill, depot: services and unloading included."""

BOUNDS: list[tuple[str, dict[str, Any], int, dict[str, Any], int]] = [
    ("daily kg", {"shift": {"max_daily_kg": 300}}, 3, {"shift": {"max_daily_kg": 299}}, 2),
    ("stops", {"shift": {"max_stops": 3}}, 3, {"shift": {"max_stops": 2}}, 2),
    ("range", {"vehicle": {"range_m": 20_000}}, 3, {"vehicle": {"range_m": 19_999}}, 0),
    (
        "shift end",
        {"shift": {"end_s": START_S + ALONE_S}},
        3,
        {"shift": {"end_s": START_S + ALONE_S - 1}},
        2,
    ),
    (
        "overtime",
        {"shift": {"end_s": START_S + ALONE_S - 60, "max_overtime_s": 60}},
        3,
        {"shift": {"end_s": START_S + ALONE_S - 60, "max_overtime_s": 59}},
        2,
    ),
    (
        "capacity, in one trip where there is no time for two",
        {"vehicle": {"capacity_kg": 300}, "shift": {"end_s": START_S + ALONE_S}},
        3,
        {"vehicle": {"capacity_kg": 299}, "shift": {"end_s": START_S + ALONE_S}},
        2,
    ),
    (
        "litres after compaction",
        {"vehicle": {"body_l": 1_000, "compaction_permille": 3_000}, "shift": {"end_s": START_S + ALONE_S}},
        3,
        {"vehicle": {"body_l": 1_000, "compaction_permille": 2_999}, "shift": {"end_s": START_S + ALONE_S}},
        2,
    ),
    (
        "opening hours",
        {"site": {"windows": (TimeWindow(start_s=0, end_s=START_S + 1_180),)}},
        3,
        {"site": {"windows": (TimeWindow(start_s=0, end_s=START_S + 1_179),)}},
        2,
    ),
]


@pytest.mark.parametrize(("name", "at_bound", "all_of", "past", "fewer"), BOUNDS)
def test_limit_is_used_to_its_bound_and_not_beyond(
    name: str, at_bound: dict[str, Any], all_of: int, past: dict[str, Any], fewer: int
) -> None:
    """A day that just fits is served whole; one unit less leaves visits out, with a reason, and stays legal."""
    assert len(served(tiny_day(**at_bound))[0]) == all_of, name
    left, reasons = served(tiny_day(**past))
    assert len(left) == fewer, name
    assert reasons


def test_small_truck_makes_several_trips() -> None:
    """A truck that holds one visit at a time serves all three in three trips."""
    problem = tiny_day(vehicle={"capacity_kg": 100})
    plan = solve(problem, stop=StepLimit(30), seed=1).plan
    assert plan.unserved == ()
    assert len(plan.routes[0].trips) == 3


@pytest.mark.parametrize(("mixed", "trips"), [(True, 1), (False, 2)])
def test_streams_share_a_trip_only_where_the_truck_may_mix(mixed: bool, trips: int) -> None:  # noqa: FBT001
    """Two streams take one trip of a truck that may mix them, and two of one that may not."""
    problem = tiny_day(visits=[{}, {"stream": "organic"}, {}], vehicle={"mixed_streams": mixed})
    plan = solve(problem, stop=StepLimit(30), seed=1).plan
    assert plan.unserved == ()
    assert len(plan.routes[0].trips) == trips


def test_mixed_load_goes_where_all_of_it_is_accepted() -> None:
    """A mixing truck brings a mixed load past a nearer site that takes only a part of it."""
    problem = tiny_day(visits=[{}, {"stream": "organic"}, {}], vehicle={"mixed_streams": True})
    yard = DisposalSite(id="yard", node=4, unloading_s=10, streams=frozenset({"organic"}))
    problem = replace(problem, disposal_sites=(yard, *problem.disposal_sites))
    plan = solve(problem, stop=StepLimit(30), seed=1).plan
    assert check(problem, plan) == ()
    assert plan.unserved == ()


def test_locked_visit_stays_with_its_vehicle() -> None:
    """A visit locked to the dearer truck is served by it, the others by the cheaper one."""
    problem = tiny_day()
    dear = replace(problem.vehicles[0], id="dear", fixed_micro=50_000_000)
    shift = replace(problem.shifts[0], id="dear-shift", vehicle="dear")
    visits = (replace(problem.visits[0], vehicle="dear"), *problem.visits[1:])
    problem = replace(problem, vehicles=(*problem.vehicles, dear), shifts=(*problem.shifts, shift), visits=visits)
    plan = solve(problem, stop=StepLimit(30), seed=1).plan
    assert plan.unserved == ()
    by_visit = {step.id: route.vehicle for route in plan.routes for step in route.steps if step.kind == "visit"}
    assert by_visit["v2"] == "dear"


@pytest.mark.parametrize(("prize_micro", "count"), [(100_000_000, 3), (1, 0)])
def test_optional_visits_are_served_if_their_prize_pays(prize_micro: int, count: int) -> None:
    """Visits whose prize exceeds the cost of the truck are served; those whose prize does not are left, and say so."""
    names, reasons = served(tiny_day(visits={"prize_micro": prize_micro}))
    assert len(names) == count
    assert reasons <= {Reason.PRIZE_BELOW_COST}


def unreachable_day() -> Problem:
    problem = tiny_day()
    seconds, metres = (problem.matrix.duration_s("truck").copy(), problem.matrix.distance_m("truck").copy())
    seconds[2, :] = metres[2, :] = NO_PATH
    np.fill_diagonal(seconds, 0)
    np.fill_diagonal(metres, 0)
    return replace(problem, matrix=TravelMatrix({"truck": seconds}, {"truck": metres}))


REASONS: list[tuple[Reason, Problem]] = [
    (Reason.UNREACHABLE, tiny_day(visits=[{"kerb": ()}, {}, {}])),
    (Reason.UNREACHABLE, unreachable_day()),
    (Reason.NO_VEHICLE_MAY_ENTER, tiny_day(visits=[{"access": frozenset({"handcart"})}, {}, {}])),
    (
        Reason.NO_VEHICLE_MAY_ENTER,
        tiny_day(visits=[{"stream": "glass"}, {}, {}], vehicle={"streams": frozenset({"residual"})}),
    ),
    (Reason.LARGER_THAN_ANY_TRUCK, tiny_day(visits=[{"demand_kg": 1_001}, {}, {}])),
    (Reason.LARGER_THAN_ANY_TRUCK, tiny_day(visits=[{"demand_l": 10_001}, {}, {}])),
    (
        Reason.NO_DISPOSAL_SITE,
        tiny_day(visits=[{"stream": "glass"}, {}, {}], site={"streams": frozenset({"residual"})}),
    ),
    (
        Reason.NO_DISPOSAL_SITE,
        tiny_day(
            visits=[{"windows": (TimeWindow(start_s=9 * HOUR, end_s=10 * HOUR),)}, {}, {}],
            site={"windows": (TimeWindow(start_s=0, end_s=9 * HOUR),)},
        ),
    ),
    (
        Reason.OUTSIDE_EVERY_SHIFT,
        tiny_day(visits=[{"windows": (TimeWindow(start_s=20 * HOUR, end_s=21 * HOUR),)}, {}, {}]),
    ),
    (Reason.OUTSIDE_EVERY_SHIFT, tiny_day(visits=[{"service_s": 8 * HOUR}, {}, {}])),
    (Reason.NOT_ENOUGH_TIME_OR_CAPACITY, tiny_day(shift={"max_stops": 2})),
    (Reason.PRIZE_BELOW_COST, tiny_day(visits=[{"prize_micro": 1, "service_s": 3_600}, {}, {}])),
]


@pytest.mark.parametrize(
    ("reason", "problem"), REASONS, ids=lambda value: value.value if isinstance(value, Reason) else ""
)
def test_what_cannot_be_served_comes_back_with_its_reason(reason: Reason, problem: Problem) -> None:
    """Each kind of hopeless visit is left out for its own reason, and the others are served."""
    names, reasons = served(problem)
    assert reasons == {reason}
    assert len(names) == 2


def test_day_without_shifts_is_an_answer() -> None:
    """With nobody at work, every visit is unserved and the plan passes."""
    problem = replace(tiny_day(), shifts=())
    assert served(problem) == (set(), {Reason.OUTSIDE_EVERY_SHIFT})


def test_day_without_visits_is_an_answer() -> None:
    """With nothing to collect, no truck leaves."""
    problem = replace(tiny_day(), visits=())
    plan = solve(problem, stop=StepLimit(5), seed=1).plan
    assert (plan.routes, plan.unserved, plan.cost.total_micro) == ((), (), 0)


def test_day_without_disposal_sites_is_an_answer() -> None:
    """With nowhere to unload, every visit is unserved for that reason."""
    problem = replace(tiny_day(), disposal_sites=())
    assert served(problem) == (set(), {Reason.NO_DISPOSAL_SITE})


@pytest.mark.parametrize("seed", range(4))
def test_random_days_are_served_whole(seed: int) -> None:
    """A random day with a fleet large enough is planned without a violation and without leaving a visit out."""
    problem = random_day(seed, visits=60, vehicles=6, streams=3)
    plan = solve(problem, stop=StepLimit(10), seed=seed).plan
    assert check(problem, plan) == ()
    assert plan.unserved == ()
