"""What every solver hands back, ours included: routes, its own objective, and how that fell over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.judge.cost import unserved_cost
from optimizer.judge.evaluate import evaluate
from optimizer.problem.plan import Reason, Unserved, VisitAction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.judge.evaluate import Evaluation
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import RouteOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A solver's plan as orders for the judge.

    Parameters
    ----------
    objective_micro
        What the solver says that the plan costs, in the judge's unit; None where it states nothing.
    curve
        Seconds since the search began and the objective then, each time it fell.
    why
        What kept the solver from a plan; empty where it has one.
    """

    orders: tuple[RouteOrder, ...]
    objective_micro: int | None
    curve: tuple[tuple[float, int], ...] = ()
    why: str = ""


def judged(problem: Problem, orders: Sequence[RouteOrder]) -> Evaluation:
    """Put orders before the judge; what they do not serve is unserved."""
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="The solver left it out.")
        for visit in problem.visits
        if visit.id not in served
    ]
    return evaluate(problem, orders, unserved=unserved)


def nothing(problem: Problem, why: str) -> Answer:
    """Return the answer of a solver that found no plan: everything stays where it is."""
    return Answer(orders=(), objective_micro=unserved_cost(problem, problem.visits).total_micro, why=why)
