"""A day like the one before: how much moves is the planner's to say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from random_days import random_day

from optimizer.judge.evaluate import check
from optimizer.search.solve import solve
from optimizer.search.stop import StepLimit
from scenarios.churn import assignment_of, plan_like, visit_micro, wishing
from scenarios.day import Day

if TYPE_CHECKING:
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan


@pytest.fixture(scope="module")
def yesterday() -> tuple[Problem, Plan]:
    problem = random_day(11, visits=40, vehicles=4)
    problem = replace(problem, visits=tuple(replace(visit, containers=(f"c-{visit.id}",)) for visit in problem.visits))
    return problem, solve(problem, stop=StepLimit(15), seed=1).plan


def day_of(problem: Problem) -> Day:
    """Return a day of which only the problem is looked at."""
    nothing: dict[str, None] = dict.fromkeys(("city", "network", "places"))
    return Day(service_date=dt.date(2026, 11, 23), problem=problem, not_due=0, notes=(), **nothing)  # type: ignore[arg-type]


def test_same_day_again_moves_nothing(yesterday: tuple[Problem, Plan]) -> None:
    """Where a move is dear enough, the same day is planned the same: every visit stays with its shift."""
    problem, plan = yesterday
    assigned = assignment_of(problem, plan)
    found = plan_like(
        day_of(problem), assigned, price_micro=visit_micro(plan), most_moved=0.0, stop=StepLimit(12), seed=9
    )
    assert found.moved == ()
    assert found.wished == sum(visit.containers[0] in assigned for visit in problem.visits)
    assert check(found.day.problem, found.result.plan) == ()


def test_budget_is_kept_where_the_price_alone_does_not(yesterday: tuple[Problem, Plan]) -> None:
    """A price of next to nothing moves visits when others are cheaper; a budget makes it dearer until it holds."""
    problem, plan = yesterday
    assigned = assignment_of(problem, plan)
    shifts = [shift.id for shift in problem.shifts]
    turned = {name: shifts[(shifts.index(shift) + 1) % len(shifts)] for name, shift in assigned.items()}
    free = plan_like(day_of(problem), turned, price_micro=1, stop=StepLimit(6), seed=3)
    tight = plan_like(
        day_of(problem), turned, price_micro=visit_micro(plan), most_moved=free.share / 2, stop=StepLimit(24), seed=3
    )
    assert free.share > 0
    assert tight.share <= free.share / 2
    assert check(tight.day.problem, tight.result.plan) == ()


def test_shift_that_does_not_work_today_is_no_wish(yesterday: tuple[Problem, Plan]) -> None:
    """Containers of a shift that is absent today wish for nothing, so that their moving costs nothing."""
    problem, plan = yesterday
    assigned = assignment_of(problem, plan)
    gone = plan.routes[0].shift
    today = replace(problem, shifts=tuple(shift for shift in problem.shifts if shift.id != gone))
    wished = wishing(today, assigned, 5)
    assert {visit.planned for visit in wished.visits} <= {None, *(shift.id for shift in today.shifts)}
    assert any(visit.planned is None for visit in wished.visits)
    assert wished.terms.moved_micro == 5


def test_visit_wishes_for_the_shift_of_most_of_its_containers(yesterday: tuple[Problem, Plan]) -> None:
    """Stops that are put together anew go with the majority, of equal ones with the first by name."""
    problem, _ = yesterday
    first, second = sorted(shift.id for shift in problem.shifts)[:2]
    visit = replace(problem.visits[0], containers=("a", "b", "c"))
    other = replace(problem.visits[1], containers=("d", "e"))
    day = replace(problem, visits=(visit, other))
    assigned = {"a": second, "b": second, "c": first, "d": second, "e": first}
    assert [one.planned for one in wishing(day, assigned, 0).visits] == [second, first]
