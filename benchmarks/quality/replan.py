"""A truck breaks down on a running day: the price of the rest after ten seconds, and how much of the plan changes.

The published plan is our own, searched for three times as long as the re-plan's budget. At the moment when 40 % of the
visits are done, the truck with the most left to do drops out. The peer is our own search on the same rest of the day,
cold and with nothing to stay close to, for six times as long.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.quality.cases import waste_day
from benchmarks.quality.rows import row
from optimizer.judge.evaluate import check, evaluate, orders_of
from optimizer.problem.model import Terms
from optimizer.problem.plan import StepKind
from optimizer.search.repair import News, repair
from optimizer.search.solve import solve
from optimizer.search.stop import Deadline

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan

SECONDS: Final = 10.0
"""Of re-planning, from the project's goals."""

_DONE: Final = 0.4
_COLD: Final = 6
_PUBLISHED: Final = 3
_GOAL_RATIO: Final = 1.01
_GOAL_MOVED_PERCENT: Final = 10.0


def replan_rows(case: str, seconds: float, seed: int) -> list[Row]:
    """Re-plan a Monday of the demo city (``replan/1000``: of 1,000 containers) after a breakdown."""
    problem = waste_day(int(case.removeprefix("replan/")), tight=False)
    published = solve(problem, stop=Deadline(_PUBLISHED * seconds, time.monotonic), seed=seed).plan
    news = breakdown(published)
    begun_s = time.monotonic()
    repaired = repair(problem, published, news, stop=Deadline(seconds, time.monotonic), seed=seed)
    taken_s = time.monotonic() - begun_s
    rest = repaired.rest.problem
    free = replace(rest, terms=Terms(), visits=tuple(replace(visit, planned=None) for visit in rest.visits))
    cold = solve(free, stop=Deadline(_COLD * seconds, time.monotonic), seed=seed).plan
    cost, plan = _freely(repaired.result.plan, free), repaired.result.plan
    share = 100 * len(repaired.moved) / len(rest.visits)
    print(
        f"{case}: {len(problem.visits)} visits, {len(repaired.rest.done)} of them done, {len(news.gone)} of "
        f"{len(published.routes)} trucks gone with {len(repaired.rest.displaced)} visits left, "
        f"{len(check(rest, plan))} violations; {cost:,.2f} with {share:.1f} % moved, "
        f"cold {cold.cost.total_micro / 1e6:,.2f}."
    )
    name = f"our own cold search for {_COLD * seconds:g} s"
    goal = (None, _GOAL_RATIO)
    return [
        row(
            case,
            "cost of the rest",
            "currency",
            cost,
            peer=cold.cost.total_micro / 1e6,
            peer_name=name,
            goal=goal,
            goal_on="ratio",
        ),
        row(case, "moved", "% of the rest", round(share, 2), goal=(None, _GOAL_MOVED_PERCENT)),
        row(case, "moved", "visits", len(repaired.moved)),
        row(case, "left by the truck", "visits", len(repaired.rest.displaced)),
        row(case, "unserved", "visits", len(plan.unserved), peer=len(cold.unserved), peer_name=name),
        row(case, "re-plan", "s", round(taken_s, 2)),
    ]


def breakdown(plan: Plan) -> News:
    """Return the moment when part of the visits are done, and the truck gone that has most left to do."""
    ends = sorted(step.departure_s for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT)
    now_s = ends[int(_DONE * len(ends))]
    left = {
        route.shift: sum(step.kind is StepKind.VISIT and step.departure_s > now_s for step in route.steps)
        for route in plan.routes
        if route.departure_s <= now_s
    }
    return News(now_s=now_s, gone=frozenset({max(left, key=lambda shift: left[shift])}))


def _freely(plan: Plan, free: Problem) -> float:
    """Return what a plan costs where nobody minds who serves what."""
    return evaluate(free, orders_of(free, plan), unserved=plan.unserved).plan.cost.total_micro / 1e6
