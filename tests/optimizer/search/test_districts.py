"""A large city in parts."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_days import HOUR, random_day

from optimizer.judge.cost import required_penalty_micro
from optimizer.judge.evaluate import check, evaluate, evaluate_route, orders_of
from optimizer.problem.plan import Reason, RouteOrder, Unserved, VisitAction
from optimizer.search import districts
from optimizer.search.districts import cut, sub_problem
from optimizer.search.feasible import homeward, options
from optimizer.search.repair import News, Rest, repair, rest_of_day
from optimizer.search.solve import solve
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit
from optimizer.search.workers import Alone, Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from optimizer.judge.evaluate import RouteEvaluation
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan


@pytest.fixture(autouse=True)
def _small_districts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of some dozens of visits are large, and are cut into districts of about fifteen."""
    monkeypatch.setattr(districts, "LARGE", 40)
    monkeypatch.setattr(districts, "VISITS", 15)


def unserved(problem: Problem, orders: Sequence[RouteOrder]) -> list[Unserved]:
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    return [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="left out")
        for visit in problem.visits
        if visit.id not in served
    ]


def breakdown(seed: int) -> tuple[Problem, Plan, News]:
    """Return a day of 90 visits and 12 trucks, and the news at six that the truck with most to do is gone."""
    problem = random_day(seed, visits=90, vehicles=12)
    plan = solve(problem, stop=StepLimit(3), seed=seed).plan
    busiest = max(plan.routes, key=lambda route: sum(step.departure_s > 6 * HOUR for step in route.steps))
    return problem, plan, News(now_s=6 * HOUR, gone=frozenset({busiest.shift}))


def with_an_idle_crew(rest: Rest) -> tuple[tuple[RouteOrder, ...], str]:
    """Return the start of the rest of a day without the visits of one crew that is out, and that crew's shift."""
    idle = next(order.shift for order in rest.start if rest.problem.shift_by_id[order.shift].out)
    way = homeward(rest.problem, rest.problem.shift_by_id[idle])
    assert way is not None
    return (*(order for order in rest.start if order.shift != idle), way), idle


def a_city(problem: Problem, start: Sequence[RouteOrder] = ()) -> districts._City:
    return districts._City(
        problem,
        options(problem).shifts,
        start=start,
        found=lambda _: True,
        judged=partial(evaluate_route, problem),
        clock=time.monotonic,
    )


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.integers(1, 9)), min_size=1, max_size=40),
    st.integers(1, 9),
    st.floats(0, 6),
)
def test_parts_weigh_about_the_same(items: list[tuple[float, float, int]], parts: int, angle: float) -> None:
    """No part weighs more than its share and the heaviest points that each cut may have put on one side."""
    points = np.array([item[:2] for item in items])
    weights = np.array([float(item[2]) for item in items])
    part = cut(points, weights, parts, angle)
    assert part.shape == (len(items),)
    assert part.min() >= 0
    assert part.max() < parts
    heaviest = max(weights[part == own].sum() for own in range(parts))
    assert heaviest <= weights.sum() / parts + 5 * weights.max()


def test_parts_are_divided_by_straight_lines() -> None:
    """Two parts, cut at right angles to the first axis, lie left and right of each other."""
    points = np.random.default_rng(0).uniform(0, 1, (50, 2))
    part = cut(points, np.ones(50), 2, 0.0)
    assert points[part == 0][:, 0].max() <= points[part == 1][:, 0].min()


@pytest.mark.parametrize("seed", range(5))
def test_costs_of_districts_add_up_to_the_days(seed: int) -> None:
    """The judge's costs of the districts' own plans, unserved visits with their penalties, sum to the whole plan's."""
    problem = random_day(seed, visits=60, vehicles=9, optional=0.3)
    plan = solve(problem, stop=StepLimit(1), seed=seed).plan
    orders = orders_of(problem, plan)[:-1]  # so that required visits stay out
    whole = evaluate(problem, orders, unserved=unserved(problem, orders))
    assert whole.plan.cost.required_unserved_micro > 0
    parts = a_city(problem, orders).cut_routes(angle=1.0, seed=seed)
    assert len(parts) > 1
    total = 0
    for part in parts:
        own = sub_problem(problem, part.visits, part.shifts)
        assert own is not None
        evaluation = evaluate(own, part.orders, unserved=unserved(own, part.orders))
        assert evaluation.violations == ()
        total += evaluation.plan.cost.total_micro
    assert total == whole.plan.cost.total_micro


@pytest.mark.parametrize("seed", range(5))
def test_districts_that_leave_required_visits_out_come_first(seed: int) -> None:
    """The districts of a round are ordered by how many required visits have no route yet."""
    problem = random_day(seed, visits=60, vehicles=9, optional=0.3)
    orders = orders_of(problem, solve(problem, stop=StepLimit(1), seed=seed).plan)[:-1]
    parts = a_city(problem, orders).cut_routes(angle=1.0, seed=seed)
    out = {visit.visit for visit in unserved(problem, orders) if problem.visit_by_id[visit.visit].required}
    left = [len(out.intersection(part.visits)) for part in parts]
    assert max(left) > 0
    assert left == sorted(left, reverse=True)


def test_a_part_of_a_day_keeps_its_penalty() -> None:
    """Leaving a required visit out costs in a district what it costs in the whole day, whatever its trucks."""
    problem = random_day(0, visits=40, vehicles=6)
    own = sub_problem(problem, ["v1", "v2"], ["shift-truck-2"])
    assert own is not None
    assert required_penalty_micro(own) == required_penalty_micro(problem)
    assert required_penalty_micro(replace(own, required_micro=None)) < required_penalty_micro(problem)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("with_routes", [False, True])
def test_districts_divide_the_day(seed: int, with_routes: bool) -> None:  # noqa: FBT001
    """Every visit is in one district, where some shift may serve it, and every shift and route in one at most."""
    problem = random_day(seed, visits=70, vehicles=12, optional=0.3)
    shifts_of = options(problem).shifts
    start = orders_of(problem, solve(problem, stop=StepLimit(1), seed=seed).plan) if with_routes else ()
    city = a_city(problem, start)
    parts = city.cut_routes(angle=0.3 * seed, seed=seed) if with_routes else city.cut_visits(angle=0.3 * seed)
    assert sorted(name for part in parts for name in part.visits) == sorted(shifts_of)
    assert all(set(shifts_of[name]) & set(part.shifts) for part in parts for name in part.visits)
    shifts = [shift for part in parts for shift in part.shifts]
    assert len(shifts) == len(set(shifts)) == len(problem.shifts)
    routes = [order for part in parts for order in part.orders]
    assert sorted(routes, key=lambda order: order.shift) == sorted(start, key=lambda order: order.shift)
    assert all(order.shift in part.shifts for part in parts for order in part.orders)


def test_with_a_step_limit_the_plan_does_not_depend_on_the_workers() -> None:
    """One process and two workers plan a large day alike, step for step."""
    problem = random_day(3, visits=60, vehicles=9)
    found: list[Plan] = [solve(problem, stop=StepLimit(20), seed=1, workers=count).plan for count in (1, 2)]
    assert found[0] == found[1]
    assert check(problem, found[0]) == ()


def test_a_large_day_is_served_whole() -> None:
    """A day with a fleet that is large enough leaves nothing out, and its plan passes."""
    problem = random_day(1, visits=80, vehicles=12)
    plan = solve(problem, stop=StepLimit(60), seed=1).plan
    assert check(problem, plan) == ()
    assert plan.unserved == ()


def test_a_start_of_a_large_day_is_never_made_worse() -> None:
    """Given a plan, a search in districts returns one that costs no more."""
    problem = random_day(7, visits=60, vehicles=9)
    good = solve(problem, stop=StepLimit(40), seed=1).plan
    again = solve(problem, stop=StepLimit(1), seed=2, start=orders_of(problem, good)).plan
    assert again.cost.total_micro <= good.cost.total_micro
    assert check(problem, again) == ()


def test_what_the_judge_of_the_whole_day_refuses_is_taken_back() -> None:
    """When every plan is refused, for a constraint that no district knows, the last one that passed stays."""
    problem = random_day(4, visits=60, vehicles=9)
    start = orders_of(problem, solve(problem, stop=StepLimit(1), seed=1).plan)
    refused: list[list[RouteOrder]] = []

    def refuse(orders: list[RouteOrder]) -> bool:
        refused.append(orders)
        return False

    city = a_city(problem, start)
    city._found = refuse
    parts = city.cut_routes(angle=0.0, seed=0)
    stop = StepLimit(50)
    city.improve(parts, Alone(), districts._Budget(stop, 1, len(parts)), seed=0)
    city.tell()
    assert refused
    assert sorted(city.orders.values(), key=lambda order: order.shift) == sorted(start, key=lambda order: order.shift)


def test_a_route_of_a_district_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging the whole plan takes the word on each route from when its district was weighed."""
    problem = random_day(4, visits=60, vehicles=9)
    again: list[RouteOrder] = []

    def judged_again(problem: Problem, order: RouteOrder) -> RouteEvaluation:
        again.append(order)
        return evaluate_route(problem, order)

    monkeypatch.setattr("optimizer.judge.evaluate.evaluate_route", judged_again)
    plan = solve(problem, stop=StepLimit(1), seed=1).plan
    assert plan.routes
    assert again == []


def test_cancelled_large_day_is_an_answer() -> None:
    """A large day whose search may not even begin comes back unserved, and its plan passes."""
    problem = random_day(0, visits=50)
    plan = solve(problem, stop=Cancelled(lambda: True)).plan
    assert check(problem, plan) == ()
    assert not plan.routes


def test_large_day_without_shifts_is_an_answer() -> None:
    """With nobody at work, every visit of a large day is unserved and the plan passes."""
    problem = replace(random_day(0, visits=50), shifts=())
    plan = solve(problem, stop=StepLimit(3)).plan
    assert check(problem, plan) == ()
    assert len(plan.unserved) == 50


@dataclass(frozen=True, slots=True)
class Asked:
    """Travel times that note the largest block asked for, and have no square."""

    times: districts.TravelMatrix
    largest: list[int]

    @property
    def n(self) -> int:
        """Return how many places there are."""
        return self.times.n

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the names of the profiles."""
        return self.times.profiles

    def block(
        self, profile: str, rows: Sequence[int], columns: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Note how large it is, and return it."""
        self.largest.append(len(rows) * len(columns))
        return self.times.block(profile, rows, columns)

    def legs(
        self, profile: str, origins: Sequence[int], destinations: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return single legs."""
        return self.times.legs(profile, origins, destinations)

    def fastest_m_per_s(self, profile: str) -> float:
        """Return the highest speed."""
        return self.times.fastest_m_per_s(profile)

    def fingerprint(self, profile: str) -> dict[str, object]:
        """Return what the hash of a problem holds of it."""
        return dict(self.times.fingerprint(profile))


def test_a_large_day_never_asks_for_the_whole_square() -> None:
    """Travel times that have no square are enough, and no block asked for is half as large as the square."""
    problem = random_day(5, visits=90, vehicles=12)
    assert isinstance(problem.matrix, districts.TravelMatrix)
    times = Asked(problem.matrix, [])
    lazy = replace(problem, matrix=times)
    plan = solve(lazy, stop=StepLimit(3), seed=1).plan
    assert check(lazy, plan) == ()
    assert plan.routes
    assert max(times.largest) < times.n**2 / 2


def test_workers_search_districts_until_a_deadline() -> None:
    """With a clock instead of steps, two workers bring a large day's plan that passes."""
    problem = random_day(6, visits=80, vehicles=12)
    plan = solve(problem, stop=AnyOf(Deadline(20, time.monotonic)), workers=2).plan
    assert check(problem, plan) == ()
    assert plan.routes


def test_districts_with_workers_are_those_of_the_city() -> None:
    """A crew of workers is handed whole districts, and brings back routes of their own shifts and visits only."""
    problem = random_day(8, visits=60, vehicles=9)
    city = a_city(problem)
    parts = city.cut_visits(angle=0.0)
    with Workers(1) as crew:
        tasks = list(city._tasks(parts, districts._Budget(StepLimit(10), 1, len(parts), first=True), 0))
        for part, found in zip(parts, crew.run(tasks, stop=Deadline(600, time.monotonic)), strict=True):
            assert found is not None
            assert {order.shift for order in found} <= set(part.shifts)
            visits = {a.visit for order in found for a in order.actions if isinstance(a, VisitAction)}
            assert visits <= set(part.visits)


@pytest.mark.parametrize("seed", range(3))
def test_costs_of_a_running_days_districts_add_up(seed: int) -> None:
    """With crews that are out, some of them with nothing left to do, costs of districts still sum to the day's."""
    rest = rest_of_day(*breakdown(seed))
    start, _ = with_an_idle_crew(rest)
    for orders in (start, start[:-1]):
        whole = evaluate(rest.problem, orders, unserved=unserved(rest.problem, orders))
        city = a_city(rest.problem, orders)
        parts = city.cut_routes(angle=1.0, seed=seed)
        names = [name for part in parts for name in part.shifts]
        assert {shift.id for shift in rest.problem.shifts if shift.out} <= set(names)
        assert sum(city._cost_micro(part, part.orders) for part in parts) == whole.plan.cost.total_micro


def test_a_truck_under_way_without_visits_joins_those_nearest_to_it() -> None:
    """Where a crew has nothing left to do, its district is that of the nearest visit that it may serve."""
    rest = rest_of_day(*breakdown(2))
    start, idle = with_an_idle_crew(rest)
    status = rest.problem.shift_by_id[idle].status
    assert status is not None
    city = a_city(rest.problem, start)
    shifts_of = options(rest.problem).shifts
    here = rest.problem.locations[status.node]

    def away(name: str) -> float:
        there = rest.problem.locations[rest.problem.visit_by_id[name].kerb[0]]
        return float(np.hypot(there.lon - here.lon, there.lat - here.lat))

    nearest = min((name for name, shifts in shifts_of.items() if idle in shifts), key=away)
    for parts in (city.cut_routes(angle=0.7, seed=1), city.cut_visits(angle=0.7)):
        assert [idle in part.shifts for part in parts] == [nearest in part.visits for part in parts]


@pytest.mark.parametrize("seed", range(3))
def test_a_large_running_day_is_repaired(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """After a breakdown every visit of the truck that is gone is served by others, and the plan passes."""
    problem, plan, news = breakdown(seed)
    monkeypatch.setattr(districts, "LARGE", 10)
    done = repair(problem, plan, news, stop=StepLimit(10), seed=seed)
    assert districts.is_large(done.rest.problem)
    assert check(done.rest.problem, done.result.plan) == ()
    assert done.rest.displaced
    assert done.result.plan.unserved == ()


def test_a_large_running_day_without_a_start_is_planned_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where crews are out and no visit has a place yet, a first plan is made before the rounds."""
    rest = rest_of_day(*breakdown(0))
    monkeypatch.setattr(districts, "LARGE", 5)
    assert districts.is_large(rest.problem)
    plan = solve(rest.problem, stop=StepLimit(10), seed=0).plan
    assert check(rest.problem, plan) == ()
    assert plan.unserved == ()
