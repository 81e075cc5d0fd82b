"""A limit of moved visits holds, costs no required visit, and leaves a search as reproducible as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from random_days import random_day

from optimizer.judge.evaluate import check, orders_of
from optimizer.problem.model import Terms
from optimizer.problem.plan import StepKind
from optimizer.search.solve import moved, solve
from optimizer.search.stop import StepLimit

if TYPE_CHECKING:
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan


@pytest.fixture(scope="module")
def published() -> tuple[Problem, Plan]:
    """Return a day whose visits are planned for the shifts of a hasty plan, moves at a price next to nothing."""
    problem = random_day(5, visits=40, vehicles=4)
    plan = solve(problem, stop=StepLimit(1), seed=2).plan
    shift_of = {step.id: route.shift for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT}
    visits = tuple(replace(visit, planned=shift_of.get(visit.id)) for visit in problem.visits)
    return replace(problem, visits=visits, terms=Terms(moved_micro=1)), plan


@pytest.mark.parametrize("most", [0, 3])
def test_no_more_visits_are_moved_than_may_be(published: tuple[Problem, Plan], most: int) -> None:
    """Where a search without a limit moves many, one with a limit keeps to it, in a plan no dearer than the start."""
    problem, plan = published
    start = orders_of(problem, plan)
    free = solve(problem, stop=StepLimit(20), seed=1, start=start).plan
    held = solve(problem, stop=StepLimit(20), seed=1, start=start, most_moved=most).plan
    assert len(moved(problem, free)) > most
    assert len(moved(problem, held)) <= most
    assert check(problem, held) == ()
    assert held.cost.total_micro <= plan.cost.total_micro


def test_same_seed_and_steps_give_the_same_plan(published: tuple[Problem, Plan]) -> None:
    """The price of a move follows the steps, not the clock."""
    problem, plan = published
    start = orders_of(problem, plan)
    plans = [solve(problem, stop=StepLimit(12), seed=4, start=start, most_moved=3).plan for _ in range(2)]
    assert plans[0] == plans[1]


def test_limit_costs_no_required_visit(published: tuple[Problem, Plan]) -> None:
    """A required visit planned for a truck that can no longer take it goes to another, though none may be moved."""
    problem, _ = published
    name = next(one.id for one in problem.visits if one.planned is not None and one.required and one.access is None)
    shift = problem.shift_by_id[problem.visit_by_id[name].planned or ""]
    other = next(one.vehicle for one in problem.shifts if one.vehicle != shift.vehicle)
    visits = tuple(replace(one, vehicle=other) if one.id == name else one for one in problem.visits)
    held = solve(replace(problem, visits=visits), stop=StepLimit(10), seed=1, most_moved=0).plan
    assert name not in {entry.visit for entry in held.unserved}
