"""A day like the one before: crews know their streets, so moving a visit to another shift has a price, and a budget.

Yesterday's assignment is a wish, not a rule (``Visit.planned``, ``Terms.moved_micro``): a truck that is missing, or a
street that is closed, moves what it must. The price begins at what an average visit costs, and grows while more visits
move than the budget allows and time is left.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from optimizer.judge.evaluate import orders_of
from optimizer.problem.plan import StepKind
from optimizer.search.solve import moved
from optimizer.search.stop import Share
from scenarios.day import plan_day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from optimizer.search.solve import OnImprovement, Result
    from optimizer.search.stop import Stop
    from scenarios.day import Day

_DEARER: Final = 8
"""So much the price grows from round to round. Our own figure: three rounds span the prices from one visit to 64."""
_ROUNDS: Final = (0.5, 0.5)
"""Shares of the time left that the rounds before the last one may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A day planned to be like another one.

    Parameters
    ----------
    day
        With the wish in its problem; the plan belongs to it.
    wished
        Visits whose containers had a shift that works today.
    moved
        Those of them that have another one now.
    """

    day: Day
    result: Result
    wished: int
    moved: tuple[str, ...]

    @property
    def share(self) -> float:
        """How much of what could stay has moved."""
        return len(self.moved) / self.wished if self.wished else 0.0


def assignment_of(problem: Problem, plan: Plan) -> dict[str, str]:
    """Return which shift serves each container of a plan."""
    return {
        container: route.shift
        for route in plan.routes
        for step in route.steps
        if step.kind is StepKind.VISIT
        for container in problem.visit_by_id[step.id].containers
    }


def visit_micro(plan: Plan) -> int:
    """Return what an average visit of a plan costs: the way to it and the work there."""
    served = sum(step.kind is StepKind.VISIT for route in plan.routes for step in route.steps)
    return max(1, (plan.cost.time_micro + plan.cost.distance_micro) // max(1, served))


def wishing(problem: Problem, assigned: Mapping[str, str], moved_micro: int) -> Problem:
    """Return a day on which each visit wishes for the shift that served most of its containers, if it works today."""
    visits = []
    for visit in problem.visits:
        shifts = Counter(assigned[name] for name in visit.containers if assigned.get(name) in problem.shift_by_id)
        planned = min(shifts, key=lambda shift: (-shifts[shift], shift), default=None)
        visits.append(replace(visit, planned=planned))
    return replace(problem, visits=tuple(visits), terms=replace(problem.terms, moved_micro=moved_micro))


def plan_like(
    day: Day,
    assigned: Mapping[str, str],
    *,
    price_micro: int,
    stop: Stop,
    most_moved: float | None = None,
    seed: int = 0,
    on_improvement: OnImprovement | None = None,
    workers: int = 1,
) -> Likeness:
    """Plan a day with as few visits as pays on another shift than before.

    Parameters
    ----------
    assigned
        By container, the shift that served it.
    price_micro
        Of a visit that moves, to begin with; see ``visit_micro``.
    most_moved
        The budget: the share of the visits that may move; None leaves it to the price. Where it cannot be kept in the
        time, the plan that moves least is returned.
    """
    start = None
    best: Likeness | None = None
    shares = () if most_moved is None else _ROUNDS
    for number in range(len(shares) + 1):
        wished = replace(day, problem=wishing(day.problem, assigned, price_micro * _DEARER**number))
        limit = Share(stop, shares[number]) if number < len(shares) else stop
        result = plan_day(wished, stop=limit, seed=seed, start=start, on_improvement=on_improvement, workers=workers)
        found = Likeness(
            day=wished,
            result=result,
            wished=sum(visit.planned is not None for visit in wished.problem.visits),
            moved=moved(wished.problem, result.plan),
        )
        if best is None or len(found.moved) < len(best.moved):
            best = found
        if most_moved is None or found.share <= most_moved or stop():
            break
        start = orders_of(wished.problem, result.plan)
    assert best is not None
    return best
