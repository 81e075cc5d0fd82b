"""A plan with changes becomes the next one: judged at once, stored only if it passes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from optimizer.judge.evaluate import RouteEvaluation, evaluate
from optimizer.problem.codec import dumps, encode_answer, encode_plan
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.plan import Cost
from optimizer.search.edit import InvalidEdit, edited
from service.clock import local_clock, utc_now
from service.db.documents import squeeze
from service.db.models import PlanRow
from service.db.plans import find_plan, successor_of
from service.db.publication import hold
from service.jobs.summary import summarise
from service.opened import Opened
from service.problems import Conflict, FieldError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from optimizer.problem.plan import Plan, RouteOrder, Violation
    from optimizer.search.edit import Edit
    from service.opened import OpenedPlans

SOLVER: Final = "edits"
"""What the document of an edited plan names as its maker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What edits make of a plan.

    Parameters
    ----------
    before
        The plan that was edited.
    after
        The plan with the edits, whether it passes or not.
    violations
        What stands against it; none means that it passes.
    change
        What each term of the cost grows by.
    routes
        Shifts whose routes are others than before.
    """

    before: Opened
    after: Opened
    violations: tuple[Violation, ...]
    change: Cost
    routes: tuple[str, ...]


def try_edits(plans: OpenedPlans, plan_id: str, edits: Sequence[Edit]) -> Outcome:
    """Make edits on a plan and have the judge look at the result; nothing is stored.

    Raises
    ------
    NotFound
        If there is no such plan.
    InvalidRequest
        If one of the edits cannot be done.
    Conflict
        If the plan is of a large day, whose document holds no other legs than those it drives.
    """
    before = plans.open(plan_id)
    try:
        wanted = edited(before.problem, before.orders, before.plan.unserved, edits)
        same = wanted.problem is before.problem
        judged: dict[RouteOrder, RouteEvaluation] = dict(before.judged) if same else {}
        evaluation = evaluate(
            wanted.problem,
            wanted.orders,
            unserved=wanted.unserved,
            known_hash=before.plan.problem_hash if same else None,
            known_routes=judged,
        )
    except InvalidEdit as error:
        raise InvalidRequest([FieldError(place="body/edits", message=str(error))]) from error
    except InvalidProblem as error:  # KnownLegs: the document of a large day
        raise Conflict(f"This plan cannot be edited: {error}") from error
    plan = replace(evaluation.plan, solver=SOLVER, version=f"samram {version('samram')}", seed=before.plan.seed)
    routes = {route.shift: route for route in before.plan.routes}
    changed = [route.shift for route in plan.routes if routes.pop(route.shift, None) != route]
    return Outcome(
        before=before,
        after=Opened(problem=wanted.problem, plan=plan, orders=wanted.orders, judged=judged),
        violations=evaluation.violations,
        change=_difference(plan.cost, before.plan.cost),
        routes=(*changed, *routes),
    )


def store_edits(
    session: Session, plans: OpenedPlans, plan_id: str, outcome: Outcome, said: list[dict[str, Any]]
) -> str:
    """Store a plan that passes as the one made from ``plan_id``, commit, and return its id; its routes are not drawn.

    Raises
    ------
    Conflict
        If the plan was edited by somebody else meanwhile, or discarded.
    """
    assert not outcome.violations, "a plan that the judge does not pass is never stored"
    parent, city = find_plan(session, plan_id)
    hold(session, city.city_id)
    session.refresh(parent, ["discarded_at"])
    if parent.discarded_at is not None:
        raise Conflict(f"Plan {plan_id!r} was discarded; edit the one before it.")
    if (newer := successor_of(session, plan_id)) is not None:
        raise Conflict(f"Plan {plan_id!r} was edited already; plan {newer!r} came of it.")
    plan, problem = outcome.after.plan, outcome.after.problem
    shared = problem is outcome.before.problem
    clock = local_clock(parent.service_date, city.summary["timezone"])
    row = PlanRow(
        id=uuid4().hex,
        city_version_id=parent.city_version_id,
        service_date=parent.service_date,
        created_at=utc_now(),
        summary=summarise(problem, plan, clock, notes=parent.summary.get("notes", ())),
        document=_document(outcome.after.plan) if shared else squeeze(dumps(encode_plan(problem, plan))),
        places=parent.places,
        parent_id=plan_id,
        problem_from=(parent.problem_from or plan_id) if shared else None,
        revision=parent.revision + 1,
        edits=said,
    )
    new_id = row.id
    session.add(row)
    session.commit()
    plans.keep(new_id, outcome.after)
    return new_id


def _document(plan: Plan) -> bytes:
    return squeeze(dumps(encode_answer(plan)))


def _difference(after: Cost, before: Cost) -> Cost:
    return Cost(**{term.name: getattr(after, term.name) - getattr(before, term.name) for term in fields(Cost)})
