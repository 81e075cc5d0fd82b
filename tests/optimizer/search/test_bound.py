"""The bound lies below the best plan of every day small enough to try them all, and below every plan that is found."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_days import HOUR, random_day, tiny_day
from toy_days import toy_day

from optimizer.judge.cost import unserved_cost
from optimizer.judge.evaluate import evaluate_route
from optimizer.judge.schedule import most_work_s
from optimizer.problem.model import Break, Shift, Status
from optimizer.problem.plan import Action, RouteOrder, UnloadAction, VisitAction
from optimizer.search.bound import lower_bound
from optimizer.search.solve import solve
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit

if TYPE_CHECKING:
    from optimizer.problem.model import Problem


def best_micro(problem: Problem) -> int:
    """Return the cost of the best plan by trying all: visits, sequences, kerb states and unloadings of every shift."""
    routes = {shift.id: _cheapest_routes(problem, shift.id) for shift in problem.shifts}
    best: int | None = None
    for chosen in itertools.product([*routes, None], repeat=len(problem.visits)):
        left = [visit for visit, shift in zip(problem.visits, chosen, strict=True) if shift is None]
        total = unserved_cost(problem, left).total_micro
        for shift, cheapest in routes.items():
            served = frozenset(visit.id for visit, own in zip(problem.visits, chosen, strict=True) if own == shift)
            if served not in cheapest:
                break
            total += cheapest[served]
        else:
            best = total if best is None else min(best, total)
    assert best is not None
    return best


def _cheapest_routes(problem: Problem, shift: str) -> dict[frozenset[str], int]:
    """Return the cost of the cheapest legal route through each set of visits."""
    found = {frozenset[str](): 0}
    sites = [None, *(site.id for site in problem.disposal_sites)]
    for count in range(1, len(problem.visits) + 1):
        for chosen in itertools.permutations(problem.visits, count):
            for kerbs in itertools.product(*(range(len(visit.kerb)) for visit in chosen)):
                for unloadings in itertools.product(sites, repeat=count):
                    actions: list[Action] = []
                    for visit, kerb, site in zip(chosen, kerbs, unloadings, strict=True):
                        actions.append(VisitAction(visit=visit.id, kerb=kerb))
                        actions += [UnloadAction(site=site)] if site is not None else []
                    evaluation = evaluate_route(problem, RouteOrder(shift=shift, actions=tuple(actions)))
                    if not evaluation.violations:
                        served = frozenset(visit.id for visit in chosen)
                        cost = evaluation.route.cost.total_micro
                        found[served] = min(cost, found.get(served, cost))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1_000_000), st.integers(1, 2), st.booleans(), st.integers(1, 12))
def test_bound_is_never_above_the_best_plan(seed: int, visits: int, loose: bool, steps: int) -> None:  # noqa: FBT001
    """Whatever the constraints, and after however many steps, the bound does not exceed the cost of the best plan."""
    problem = toy_day(seed, visits=visits, shifts=2, loose=loose)
    assert lower_bound(problem, stop=StepLimit(steps)).cost_micro <= best_micro(problem)


@pytest.mark.parametrize("seed", range(6))
def test_bound_is_never_above_the_best_plan_of_three_visits(seed: int) -> None:
    """The same on days of three visits, on which trips, streams and shifts begin to matter together."""
    problem = toy_day(seed, visits=3, shifts=1 + seed % 2, loose=seed % 3 > 0)
    assert lower_bound(problem, stop=StepLimit(30)).cost_micro <= best_micro(problem)


@pytest.mark.parametrize("seed", range(4))
def test_bound_is_below_what_the_search_finds(seed: int) -> None:
    """On days with breaks, windows, streams, optional visits and two kinds of truck, no plan found costs less."""
    problem = random_day(seed, visits=30, vehicles=3, streams=2, optional=0.3, capacity_kg=900)
    plan = solve(problem, stop=AnyOf(StepLimit(20), Deadline(20, time.monotonic)), seed=seed).plan
    bound = lower_bound(problem, stop=StepLimit(25))
    assert 0 < bound.cost_micro <= plan.cost.total_micro


def test_bound_is_exact_where_nothing_is_let_go_of() -> None:
    """With trucks that unload where they start and cost nothing to own, a single visit's bound is the optimum.

    But for a millionth or two: prices are rounded down.
    """
    problem = tiny_day([0, 0, 2_000], vehicle={"fixed_micro": 0})
    optimum = best_micro(problem)
    assert optimum - 2 <= lower_bound(problem, stop=StepLimit(40)).cost_micro <= optimum


def test_bound_rises_with_the_steps_and_is_the_same_each_time() -> None:
    """More steps never lower the bound, and a step limit reproduces it."""
    problem = random_day(3, visits=25, vehicles=3)
    bounds = [lower_bound(problem, stop=StepLimit(steps)).cost_micro for steps in (1, 10, 30, 30)]
    assert bounds[0] <= bounds[1] <= bounds[2] == bounds[3]


def test_bound_needs_no_time_to_be_valid() -> None:
    """Cancelled before it began, the bound is the least that any day costs: nothing."""
    assert lower_bound(tiny_day(), stop=Cancelled(lambda: True)).cost_micro == 0


def test_what_nobody_can_serve_is_part_of_the_bound() -> None:
    """A required visit that no shift may serve costs its penalty in every plan, and so in the bound."""
    lost = replace(tiny_day(), shifts=())
    left_out = unserved_cost(lost, lost.visits).total_micro
    assert lower_bound(lost, stop=StepLimit(1)).cost_micro == left_out


@pytest.mark.parametrize(("return_s", "work_s"), [(8 * HOUR, 4 * HOUR), (14 * HOUR, 7 * HOUR), (11 * HOUR, 4 * HOUR)])
def test_breaks_shorten_the_work_of_a_shift(return_s: int, work_s: int) -> None:
    """A crew works before its break, or after it, or on both sides of it without it."""
    rest = Break(duration_s=HOUR, earliest_s=8 * HOUR, latest_s=9 * HOUR)
    shift = Shift(id="s", vehicle="v", start_s=4 * HOUR + HOUR * (return_s > 12 * HOUR) * 2, end_s=14 * HOUR)
    shift = replace(shift, breaks=(rest,))
    assert most_work_s(shift, return_s) == (work_s if return_s != 11 * HOUR else 6 * HOUR)


def test_a_day_under_way_has_no_better_bound_than_nothing() -> None:
    """A crew that is out close to all its visits may cost less than any route from the depot: the bound is 0."""
    problem = random_day(0)
    begun = Status(node=problem.visits[0].kerb[0])
    under_way = replace(problem, shifts=(replace(problem.shifts[0], status=begun), *problem.shifts[1:]))
    assert lower_bound(problem, stop=StepLimit(1)).cost_micro > 0
    assert lower_bound(under_way, stop=StepLimit(1)).cost_micro == 0
