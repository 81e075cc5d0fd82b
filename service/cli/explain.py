"""Why the visits of a stored plan are unserved, and what would serve them, in sentences."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from optimizer.judge.evaluate import check, orders_of
from optimizer.problem.codec import dumps
from optimizer.search.explain import explain
from optimizer.search.stop import Deadline
from service.cli import planning, show

if TYPE_CHECKING:
    from pathlib import Path

    from optimizer.search.explain import Explanation


def run(path: Path, *, seconds: float, json_path: Path | None) -> bool:
    """Explain a plan's unserved visits; False if the judge does not pass the plan.

    Raises
    ------
    CommandError
        If there is no plan to read.
    """
    problem, plan = planning.read_plan(path / "plan.json" if path.is_dir() else path)
    broken = check(problem, plan)
    if broken:
        show.violations(broken)
        return False
    found = explain(problem, orders_of(problem, plan), stop=Deadline(seconds, time.monotonic))
    for explanation in found:
        _say(explanation)
    served = len(problem.visits) - len(found)
    show.OUT.print(f"{served} of {len(problem.visits)} visits are served, {len(found)} are not.")
    if json_path is not None:
        json_path.write_bytes(dumps({"explanations": [explanation.to_dict() for explanation in found]}))
    if not all(explanation.complete for explanation in found):
        show.notes(["The time was over before everything was tried; --seconds gives it more."])
    return True


def _say(explanation: Explanation) -> None:
    show.OUT.print(f"{explanation.visit} ({explanation.obstacle.value}): {explanation.sentence}", markup=False)
    for remedy in explanation.remedies:
        show.OUT.print(f"  - {remedy.sentence}", markup=False)
