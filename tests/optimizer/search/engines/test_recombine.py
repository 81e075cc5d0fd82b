"""Routes from a pool, put together anew: the cheapest choice, every visit once, always the same."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_days import random_day, tiny_day

from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction
from optimizer.search.engines.recombine import Found, Pool, choose, runs_of_trips, without_doubles
from optimizer.search.engines.ruin_recreate import search
from optimizer.search.feasible import options
from optimizer.search.kernel.arrays import Codes
from optimizer.search.stop import Cancelled, StepLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.search.kernel.arrays import Day

NEVER_ENDS = Cancelled(lambda: False)


def some_day(visits: int = 6) -> Day:
    """Return the arrays of a day with two groups of shifts."""
    problem = random_day(3, visits=visits, vehicles=4, breaks=False)
    return Codes(problem, options(problem).shifts).day()


def some_routes(day: Day, seed: int, count: int = 9) -> list[Found]:
    """Return random routes of one trip or two, at random costs."""
    rng = np.random.default_rng(seed)
    visits = len(day.worth)
    found = []
    for _ in range(count):
        codes = rng.permutation(visits)[: int(rng.integers(1, visits + 1))].tolist()
        cut = int(rng.integers(0, len(codes)))
        first = [*codes[:cut], day.sites] if cut else []
        found.append(
            Found(
                group=int(rng.choice(day.shifts["group"])),
                codes=(*first, *codes[cut:], day.sites),
                visits=frozenset(codes),
                cost_micro=int(rng.integers(1, 200)) * 1_000_000,
            )
        )
    return found


def price_micro(day: Day, chosen: Sequence[Found]) -> int:
    """Return what a choice costs, with what it leaves out."""
    covered = {visit for route in chosen for visit in route.visits}
    missed = sum(int(day.worth[visit]) for visit in range(len(day.worth)) if visit not in covered)
    return missed + sum(route.cost_micro for route in chosen)


def cheapest_micro(day: Day, routes: Sequence[Found]) -> int:
    """Return the cost of the best choice, by trying all."""
    there = Counter(day.shifts["group"].tolist())
    costs = []
    for size in range(len(day.shifts) + 1):
        for chosen in itertools.combinations(routes, size):
            used = Counter(route.group for route in chosen)
            if all(used[group] <= there[group] for group in used):
                costs.append(price_micro(day, chosen))
    return min(costs)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_choice_is_the_cheapest_that_the_fleet_can_drive(seed: int) -> None:
    """Of all choices of routes within the fleet, with visits left out at their worth, none is cheaper."""
    day = some_day()
    routes = some_routes(day, seed)
    chosen = choose(day, routes, stop=NEVER_ENDS, seconds=5.0, deterministic=True)
    assert chosen is not None
    used = Counter(route.group for route in chosen)
    there = Counter(day.shifts["group"].tolist())
    assert all(used[group] <= there[group] for group in used)
    assert price_micro(day, chosen) == cheapest_micro(day, routes)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_every_visit_stays_in_one_route_and_every_trip_ends_with_an_unloading(seed: int) -> None:
    """Visits covered twice are left in one place, and no trip is empty or without its unloading."""
    day = some_day()
    routes = some_routes(day, seed, count=4)
    left = without_doubles(day, routes)
    visits = [code for _, codes in left for code in codes if code < day.sites]
    assert sorted(visits) == sorted({visit for route in routes for visit in route.visits})
    for _, codes in left:
        assert all(tail < day.sites or head < day.sites for tail, head in itertools.pairwise([day.sites, *codes]))
        assert not codes or codes[-1] >= day.sites


def test_pool_keeps_the_cheapest_of_each_kind_and_the_newest() -> None:
    """For one group and set of visits the cheapest route stays, and the oldest leaves when there are too many."""
    pool = Pool(some_day(), most=2)
    dear, cheap = (Found(group=0, codes=(0, 6), visits=frozenset({0}), cost_micro=cost) for cost in (9, 5))
    others = [Found(group=0, codes=(visit, 6), visits=frozenset({visit}), cost_micro=1) for visit in (1, 2)]
    pool.add(cheap)
    pool.add(dear)
    assert pool.routes == [cheap]
    pool.add(others[0])
    pool.add(dear)
    pool.add(others[1])
    assert pool.routes == [cheap, others[1]]


def test_runs_of_trips_are_all_that_another_truck_could_take_over_whole() -> None:
    """A route of two trips has three runs: either trip, and both."""
    day = some_day()
    x = day.sites
    assert sorted(runs_of_trips(day, [0, 1, x, 2, x])) == [(0, 1, x), (0, 1, x, 2, x), (2, x)]


def test_cheaper_truck_takes_over_a_whole_route() -> None:
    """A day that starts on a dear truck ends on the cheap one that stood idle."""
    problem = tiny_day()
    dear = replace(problem.vehicles[0], id="dear", fixed_micro=90_000_000)
    problem = replace(
        problem,
        vehicles=(dear, *problem.vehicles),
        shifts=(replace(problem.shifts[0], id="dear-shift", vehicle="dear"), *problem.shifts),
    )
    visits = [VisitAction(visit=visit.id) for visit in problem.visits]
    start = [RouteOrder(shift="dear-shift", actions=(*visits, UnloadAction(site="landfill")))]
    told: list[list[RouteOrder]] = []
    search(
        problem, options(problem).shifts, stop=StepLimit(20), seed=1, start=start, found=told.append, clock=lambda: 0.0
    )
    assert [order.shift for order in told[-1]] == ["shift-1"]


def test_choosing_ends_when_asked() -> None:
    """A search that is stopped at once ends, with a choice or without."""
    day = some_day(40)
    choose(day, some_routes(day, 1, count=500), stop=Cancelled(lambda: True), seconds=3_600.0, deterministic=False)


def test_same_seed_and_step_limit_give_the_same_plan_of_many_routes() -> None:
    """With routes put together anew, too, a step limit and a seed give equal plans."""
    problem = random_day(5, visits=60, vehicles=8, capacity_kg=1_500)
    shifts_of = options(problem).shifts
    told: tuple[list[list[RouteOrder]], list[list[RouteOrder]]] = ([], [])
    for own in told:
        search(problem, shifts_of, stop=StepLimit(20), seed=4, start=(), found=own.append, clock=lambda: 0.0)
    assert len(told[0][-1]) >= 3
    assert told[0] == told[1]
