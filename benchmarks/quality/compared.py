"""Cases beside a peer: the demo city's days against OR-Tools alone, published instances against the best known.

On the demo city both have every constraint, the same seconds and the same judge. The peer is OR-Tools' guided local
search from an early plan of ours, one step of its engine: on its own first plans it leaves more required visits out.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Final

from benchmarks.quality.published import read_solomon, read_x
from benchmarks.quality.rows import row
from geodata.city.dataset import load_city
from geodata.city.demo.city import write_demo_city
from optimizer.judge.evaluate import check, evaluate
from optimizer.problem.plan import Reason, RouteOrder, Unserved, VisitAction
from optimizer.search.engines import ortools_routing, ruin_recreate
from optimizer.search.feasible import options
from optimizer.search.solve import solve
from optimizer.search.stop import Deadline, StepLimit
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan

GOALS_PERCENT: Final = {"cvrp_x": 0.65, "solomon": 0.5}
"""Mean gap to the best known, from the project's goals."""

_GOAL_RATIO: Final = 0.95
MONDAY: Final = dt.date(2026, 11, 23)


def demo_rows(case: str, seconds: float, seed: int) -> list[Row]:
    """Plan a Monday of the demo city (``demo/300``: of 300 containers) and compare with OR-Tools alone."""
    with tempfile.TemporaryDirectory() as folder:
        city = load_city(write_demo_city(Path(folder), containers=int(case.removeprefix("demo/"))))
        problem = prepare_day(city, MONDAY).problem
    plan = solve(problem, stop=Deadline(seconds, time.monotonic), seed=seed).plan
    peer = _ortools_alone(problem, seconds, seed)
    print(
        f"{case}: {len(problem.visits)} visits, {len(problem.shifts)} shifts, {len(check(problem, plan))} violations."
    )
    name = "OR-Tools guided local search"
    cost, peer_cost = plan.cost.total_micro / 1e6, peer.cost.total_micro / 1e6
    left, peer_left = _required_out(problem, plan), _required_out(problem, peer)
    return [
        row(case, "cost", "currency", cost, peer=peer_cost, peer_name=name, goal=(None, _GOAL_RATIO), goal_on="ratio"),
        row(case, "routes", "routes", len(plan.routes), peer=len(peer.routes), peer_name=name),
        row(case, "required unserved", "visits", left, peer=peer_left, peer_name=name, goal=(None, peer_left)),
    ]


def published_rows(case: str, file: Path, seconds: float, seed: int) -> list[Row]:
    """Solve one published instance and state the gap to the best known."""
    instance = read_x(file) if case.startswith("cvrp_x") else read_solomon(file)
    plan = solve(instance.problem, stop=Deadline(seconds, time.monotonic), seed=seed).plan
    assert not check(instance.problem, plan), "solve returns plans that pass alone"
    distance = instance.distance(plan.cost.total_micro)
    gap = 100 * (distance / instance.best_known - 1)
    name = "best known"
    return [
        row(case, "distance", "units", round(distance, 1), peer=instance.best_known, peer_name=name),
        row(case, "gap", "%", round(gap, 3)),
        row(case, "stops unserved", "stops", len(plan.unserved), goal=(None, 0)),
    ]


def mean_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the mean gap of each published set among the rows."""
    found = []
    for name, goal in GOALS_PERCENT.items():
        gaps = [one["ours"] for one in rows if one["metric"] == "gap" and one["case"].startswith(f"{name}/")]
        if gaps:
            found.append(
                row(name, f"mean gap of {len(gaps)}", "%", round(mean(gaps), 3), goal=(None, goal), goal_on="ours")
            )
    return found


def _ortools_alone(problem: Problem, seconds: float, seed: int) -> Plan:
    """Return the best plan that the judge passes of OR-Tools in the given time, from a complete plan of ours."""
    stop = Deadline(seconds, time.monotonic)
    shifts_of = options(problem).shifts
    best = _judged(problem, ())
    assert best is not None, "a plan that serves nothing is legal"
    start: Sequence[RouteOrder] = ()

    def found(orders: Sequence[RouteOrder]) -> None:
        nonlocal best, start
        plan = _judged(problem, orders)
        if plan is not None and best is not None and plan.cost.total_micro < best.cost.total_micro:
            best, start = plan, orders

    ruin_recreate.search(problem, shifts_of, stop=StepLimit(1), seed=seed, start=(), found=found)
    ortools_routing.search(problem, shifts_of, stop=stop, seed=seed, start=start, found=found)
    return best


def _judged(problem: Problem, orders: Sequence[RouteOrder]) -> Plan | None:
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="The search left it out.")
        for visit in problem.visits
        if visit.id not in served
    ]
    evaluation = evaluate(problem, orders, unserved=unserved)
    return None if evaluation.violations else evaluation.plan


def _required_out(problem: Problem, plan: Plan) -> int:
    return sum(problem.visit_by_id[entry.visit].required for entry in plan.unserved)
