"""A stored plan made once more from what is stored with it, and held against itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlmodel import Session

from optimizer.judge.evaluate import check
from optimizer.search.solve import solve, warm
from optimizer.search.stop import StepLimit
from service.api.edits import EDITS, edit_of
from service.cli import planning, show, store
from service.db.models import RunRow
from service.db.plans import find_plan
from service.editing import SOLVER, try_edits
from service.opened import OpenedPlans
from service.problems import ServiceError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan

_BY_THE_CLOCK: Final = (
    "It was searched by the clock, and how far a search comes in a time depends on the machine: it is not searched "
    "again. --steps says under which limit it was, if it was under one."
)
_PLAN_ID: Final = re.compile("[0-9a-f]{32}")


def run(name: str, *, steps: int | None) -> bool:
    """Replay a plan document, or a plan of the server's database by its id; return whether it came out the same.

    Parameters
    ----------
    steps
        The limit under which it was searched, where the database does not say.

    Raises
    ------
    CommandError
        If there is no such plan.
    """
    path = Path(name)
    if path.exists() or _PLAN_ID.fullmatch(name) is None:
        problem, plan = planning.read_plan(path / "plan.json" if path.is_dir() else path)
        return _judged(problem, plan) and _searched(problem, plan, steps)
    engine = store.open_database(store.read_settings())
    try:
        return _stored(engine, OpenedPlans(engine), name, steps)
    except ServiceError as error:
        raise show.CommandError(error.detail) from error
    finally:
        engine.dispose()


def _stored(engine: Engine, plans: OpenedPlans, plan_id: str, steps: int | None) -> bool:
    """Replay a plan of the database; of an edited one first the plan that was edited, then the edits."""
    with Session(engine) as session:
        row, _ = find_plan(session, plan_id)
        run = None if row.run_id is None else session.get_one(RunRow, row.run_id)
        parent, said = row.parent_id, row.edits
        known = steps if run is None or run.steps is None else run.steps
    opened = plans.open(plan_id)
    if parent is None:
        return _judged(opened.problem, opened.plan) and _searched(opened.problem, opened.plan, known)
    if not _stored(engine, plans, parent, steps) or not _judged(opened.problem, opened.plan):
        return False
    again = try_edits(plans, parent, [edit_of(edit) for edit in EDITS.validate_python(said)]).after.plan
    return _same(opened.plan, again, f"edited again, {len(said)} edit{'' if len(said) == 1 else 's'}")


def _judged(problem: Problem, plan: Plan) -> bool:
    broken = check(problem, plan)
    if broken:
        show.violations(broken)
        return False
    cost = show.money(plan.cost.total_micro, problem.currency)
    show.OUT.print(f"problem: {plan.problem_hash}", markup=False)
    show.OUT.print(f"judged again: no violation, every figure the same, {cost} in all", markup=False)
    return True


def _searched(problem: Problem, plan: Plan, steps: int | None) -> bool:
    if plan.solver == SOLVER:
        show.notes(
            ["The document does not hold the plan that was edited; the database replays the edits by the plan's id."]
        )
        return True
    if steps is None:
        show.notes([_BY_THE_CLOCK])
        return True
    warm()
    again = solve(problem, stop=StepLimit(steps), seed=plan.seed).plan
    if again.version != plan.version:
        show.notes([f"It was made by {plan.version}; this is {again.version}."])
    return _same(plan, again, f"searched again, {steps} steps from seed {plan.seed}")


def _same(plan: Plan, again: Plan, what: str) -> bool:
    same = replace(again, version=plan.version) == plan
    if same:
        show.OUT.print(f"{what}: the same plan", markup=False)
    else:
        show.ERR.print(
            f"{what}: another plan, {again.cost.total_micro} millionths and not {plan.cost.total_micro}",
            markup=False,
            style="red",
        )
    return same
