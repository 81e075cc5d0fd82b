"""Who solves what: ours and every peer, each run once for a case, a seed and a number of seconds."""

from __future__ import annotations

import importlib
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.peers.answer import Answer, judged
from optimizer.judge.evaluate import orders_of
from optimizer.search.solve import solve
from optimizer.search.stop import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan

OURS: Final = "ours"

NAMES: Final = {
    OURS: "ours",
    "ortools-gls": "OR-Tools guided local search, from an early plan of ours",
    "ortools-ils": "OR-Tools iterated local search",
    "pyvrp": "PyVRP, fleet tuned",
    "vroom": "VROOM",
}
"""How each is called in tables."""

_PEERS: Final = {
    "ortools-gls": ("benchmarks.quality.peers.with_ortools", "guided"),
    "ortools-ils": ("benchmarks.quality.peers.with_ortools", "iterated"),
    "pyvrp": ("benchmarks.quality.peers.with_pyvrp", "plan"),
    "vroom": ("benchmarks.quality.peers.with_vroom", "plan"),
}
EXACT: Final = frozenset({"pyvrp", "vroom"})
"""Whose objective must equal the judge's to the micro; OR-Tools' may lie above it, as it times breaks and waiting less
well than the judge does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one solver, judged.

    Parameters
    ----------
    cost_micro, required_left, left, routes, metres
        Of the plan, by the judge: required visits and all visits left out, routes driven, their length.
    violations
        What is wrong with the plan; it is no plan then.
    objective_micro
        The solver's own objective, None for a solver that states none.
    taken_s
        Of searching; the time to state the day to a peer is not counted.
    curve
        Seconds and cost each time that the solver found something better.
    audit
        Figures of the case's own: Kim et al.'s miles and rules broken.
    """

    engine: str
    seed: int
    cost_micro: int
    required_left: int
    left: int
    routes: int
    metres: int
    violations: tuple[str, ...]
    objective_micro: int | None
    taken_s: float
    curve: tuple[tuple[float, int], ...]
    audit: dict[str, float]
    why: str = ""

    @property
    def legal(self) -> bool:
        """Whether the judge passes it."""
        return not self.violations

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Run:
        """Return what ``to_json`` wrote."""
        curve = tuple((seconds, micro) for seconds, micro in values["curve"])
        return cls(**{**values, "violations": tuple(values["violations"]), "curve": curve})


def run(
    engine: str,
    problem: Problem,
    *,
    seconds: float,
    seed: int,
    audit: Callable[[Plan], dict[str, float]] = lambda _: {},
) -> Run:
    """Solve once and judge.

    Raises
    ------
    AssertionError
        If a peer that passes the judge states another objective than the judge: then one of both has solved another
        problem, and the comparison would be worth nothing.
    """
    begun_s = time.perf_counter()
    answer = _solver(engine)(problem, seconds, seed)
    taken_s = answer.curve[-1][0] if engine == "vroom" and answer.curve else time.perf_counter() - begun_s
    evaluation = judged(problem, answer.orders)
    plan = evaluation.plan
    cost_micro = plan.cost.total_micro
    if not evaluation.violations and answer.objective_micro is not None:
        above_micro = answer.objective_micro - cost_micro
        assert above_micro >= 0, f"{engine} states {answer.objective_micro}, the judge {cost_micro}."
        assert engine not in EXACT or above_micro == 0, f"{engine} states {answer.objective_micro}, not {cost_micro}."
    return Run(
        engine=engine,
        seed=seed,
        cost_micro=cost_micro,
        required_left=sum(problem.visit_by_id[entry.visit].required for entry in plan.unserved),
        left=len(plan.unserved),
        routes=len(plan.routes),
        metres=plan.distance_m,
        violations=tuple(violation.message for violation in evaluation.violations),
        objective_micro=answer.objective_micro,
        taken_s=round(taken_s, 3),
        curve=tuple((round(seconds, 3), micro) for seconds, micro in answer.curve),
        audit=audit(plan),
        why=answer.why,
    )


def absent(engine: str) -> str:
    """Return why a peer cannot be run here; empty where it can."""
    if engine == OURS:
        return ""
    try:
        importlib.import_module(_PEERS[engine][0])
    except ImportError as error:
        return f"not installed ({error.name}): uv sync --group bench"
    return ""


def _solver(engine: str) -> Callable[[Problem, float, int], Answer]:
    if engine == OURS:
        return _ours
    module, function = _PEERS[engine]
    plan = getattr(importlib.import_module(module), function)
    return lambda problem, seconds, seed: plan(problem, seconds=seconds, seed=seed)


def _ours(problem: Problem, seconds: float, seed: int) -> Answer:
    result = solve(problem, stop=Deadline(seconds, time.monotonic), seed=seed)
    return Answer(
        orders=orders_of(problem, result.plan),
        objective_micro=result.plan.cost.total_micro,
        curve=tuple((found.elapsed_s, found.cost_micro) for found in result.curve),
    )
