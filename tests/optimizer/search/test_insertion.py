"""Visits left out are fitted in where it is cheapest, without trying what cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_days import HOUR, random_day
from toy_days import toy_day

from optimizer.judge.evaluate import evaluate_route, orders_of
from optimizer.problem.plan import RouteOrder, VisitAction
from optimizer.search import insertion
from optimizer.search.insertion import cheapest_insertion
from optimizer.search.solve import solve
from optimizer.search.stop import Cancelled, StepLimit

if TYPE_CHECKING:
    from optimizer.judge.evaluate import RouteEvaluation
    from optimizer.problem.model import Problem

NEVER = Cancelled(lambda: False)


def without(orders: tuple[RouteOrder, ...], visit: str) -> list[RouteOrder]:
    """Return the orders without a visit, and without routes that then serve none."""
    kept = [
        RouteOrder(
            shift=order.shift,
            actions=tuple(a for a in order.actions if not isinstance(a, VisitAction) or a.visit != visit),
        )
        for order in orders
    ]
    return [order for order in kept if any(isinstance(action, VisitAction) for action in order.actions)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_what_is_passed_over_for_want_of_time_is_never_the_cheapest_place(seed: int, toy: bool) -> None:  # noqa: FBT001
    """Any visit of a plan, taken out, finds the same place as when every place is tried under the judge."""
    problem = toy_day(seed, visits=5, shifts=3, loose=True) if toy else random_day(seed, visits=25, vehicles=2)
    orders = orders_of(problem, solve(problem, stop=StepLimit(1), seed=seed).plan)
    everywhere = [shift.id for shift in problem.shifts]
    for visit in problem.visits[:4]:
        left = without(orders, visit.id)
        found = cheapest_insertion(problem, left, visit, everywhere, stop=NEVER)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                insertion,
                "_in_time",
                lambda _problem, _before, order, one: np.ones((len(order.actions) + 1, len(one.kerb)), dtype=np.bool_),
            )
            tried = cheapest_insertion(problem, left, visit, everywhere, stop=NEVER)
        assert found == tried


@pytest.mark.parametrize(("end_s", "asked"), [(14 * HOUR, True), (5 * HOUR + 60, False)])
def test_the_judge_is_not_asked_about_places_out_of_reach(
    monkeypatch: pytest.MonkeyPatch,
    end_s: int,
    asked: bool,  # noqa: FBT001
) -> None:
    """A crew without time for the way to a visit is passed over; one with time is tried at every place."""
    problem = random_day(1, visits=6, vehicles=1)
    problem = replace(
        problem,
        shifts=tuple(replace(shift, end_s=end_s, max_overtime_s=0, breaks=()) for shift in problem.shifts),
        visits=tuple(replace(visit, windows=(), access=None) for visit in problem.visits),
    )
    judged: list[RouteOrder] = []

    def judge(day: Problem, order: RouteOrder) -> RouteEvaluation:
        judged.append(order)
        return evaluate_route(day, order)

    monkeypatch.setattr(insertion, "evaluate_route", judge)
    place = cheapest_insertion(problem, [], problem.visits[0], [problem.shifts[0].id], stop=NEVER)
    assert (place is not None) == asked
    assert any(order.actions for order in judged) == asked
