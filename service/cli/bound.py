"""What a planned day costs at least, in a line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from optimizer.search.bound import lower_bound
from optimizer.search.stop import Deadline
from service.cli import show

if TYPE_CHECKING:
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan


def run(problem: Problem, plan: Plan, *, seconds: float) -> None:
    """Print a bound below every plan of the day, in the objective's own total, and how far this one lies above it."""
    bound = lower_bound(problem, stop=Deadline(seconds, time.monotonic))
    cost_micro = plan.cost.total_micro
    show.OUT.print(
        f"bound: no plan of this day costs less than {show.money(bound.cost_micro, problem.currency)} in all; "
        f"this one costs {show.money(cost_micro, problem.currency)}, a gap of {bound.gap_percent(cost_micro):.1f} %"
    )
