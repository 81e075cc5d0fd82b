"""Edits: what they would make of a plan, and the plan that they make."""

import datetime as dt
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, BackgroundTasks
from pydantic import Field, TypeAdapter, model_validator
from sqlmodel import Session

from optimizer.problem.plan import UnloadAction, VisitAction
from optimizer.search.edit import Add, Drop, Edit, Lock, Move, Reorder
from service.api.deps import DrawingsDep, PlanId, PlansDep, SessionDep
from service.api.idempotency import IdempotentRoute
from service.api.replies import errors
from service.api.schemas import CostOut, In, Out
from service.clock import utc_now
from service.db.plans import discard, find_plan, line_of
from service.db.publication import PlanState, state_of, states_of
from service.editing import Outcome, store_edits, try_edits
from service.jobs.summary import cost_terms

router = APIRouter(prefix="/v1/plans/{plan_id}", tags=["edits"], route_class=IdempotentRoute)

Name = Annotated[str, Field(min_length=1, max_length=200)]
Position = Annotated[
    int | None,
    Field(ge=0, le=100_000, description="Before which visit of the route, from 0; where it costs least if absent."),
]


class MoveIn(In):
    """Let a shift serve a visit."""

    kind: Literal["move"]
    visit: Name
    shift: Name
    position: Position = None


class AddIn(In):
    """Serve a visit that is unserved."""

    kind: Literal["add"]
    visit: Name
    shift: Name | None = Field(default=None, description="The one where it costs least, if absent.")
    position: Position = None


class DropIn(In):
    """Leave a visit out."""

    kind: Literal["drop"]
    visit: Name
    reason: str = Field(min_length=1, max_length=500, description="Shown with the visit, as what was said about it.")


class StepIn(In):
    """A visit or an unloading of a route."""

    visit: Name | None = None
    unload: Name | None = Field(default=None, description="A disposal site.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.visit is None) == (self.unload is None):
            raise ValueError("a step names a visit or an unloading")
        return self


class ReorderIn(In):
    """Let a shift serve its visits in another order."""

    kind: Literal["reorder"]
    shift: Name
    steps: list[StepIn] = Field(
        min_length=1, max_length=20_000, description="Every visit that the shift serves, and the unloadings."
    )


class LockIn(In):
    """Bind a visit to the vehicle that serves it, or let it go."""

    kind: Literal["lock", "unlock"]
    visit: Name


EditIn = Annotated[MoveIn | AddIn | DropIn | ReorderIn | LockIn, Field(discriminator="kind")]


EDITS: Final[TypeAdapter[list[EditIn]]] = TypeAdapter(list[EditIn])


class EditsIn(In):
    """What to change, one after the other."""

    edits: list[EditIn] = Field(min_length=1, max_length=500)
    dry_run: bool = Field(default=False, description="Answer only; store nothing.")


class ViolationOut(Out):
    """A constraint that the plan would break."""

    kind: str
    subject: str = Field(description="Which visit, disposal site, shift or vehicle.")
    shift: str | None
    amount: int = Field(description="By how much, in the constraint's own unit.")
    message: str


class EditsOut(Out):
    """What the edits make of the plan."""

    feasible: bool = Field(description="The judge passes it.")
    plan_id: str | None = Field(description="The plan that was made; null where nothing was stored.")
    parent_id: str
    revision: int = Field(description="Of the plan that was made, or would be.")
    cost: CostOut
    change: CostOut = Field(description="What each term grows by.")
    shifts: list[str] = Field(description="Shifts whose routes are others than before.")
    unserved: int
    violations: list[ViolationOut] = Field(description="What stands against it; with any, nothing is stored.")


class RevisionOut(Out):
    """A plan in a line of edits."""

    id: str
    parent_id: str | None
    revision: int
    state: PlanState
    created_at: dt.datetime
    edits: list[EditIn] = Field(description="What was changed in the one before it.")
    total: float = Field(description="Its cost, in the city's currency.")


class RevisionList(Out):
    """The plans that edits made from one another, in order."""

    revisions: list[RevisionOut]


@router.post("/edits", summary="Edit a plan", responses=errors(400, 404, 409, 413, 422))
def edit_plan(
    plan_id: PlanId,
    wanted: EditsIn,
    session: SessionDep,
    plans: PlansDep,
    drawings: DrawingsDep,
    later: BackgroundTasks,
) -> EditsOut:
    """Answer at once what the edits make of a plan, and store that as a new draft if the judge passes it.

    The plan that is edited stays as it is. Of two who edit the same plan the second one is refused with 409.
    """
    outcome = try_edits(plans, plan_id, [edit_of(edit) for edit in wanted.edits])
    revision = find_plan(session, plan_id)[0].revision + 1
    made = None
    if not outcome.violations and not wanted.dry_run:
        said = [edit.model_dump(exclude_none=True) for edit in wanted.edits]
        made = store_edits(session, plans, plan_id, outcome, said)
        later.add_task(drawings.ensure, made)
    return _edits_out(outcome, plan_id, made, revision)


@router.post("/discard", summary="Discard a draft", responses=errors(404, 409, 422))
def discard_plan(plan_id: PlanId, session: SessionDep) -> RevisionList:
    """Undo the edits that made a draft: the plan before it can be edited anew. Twice is as good as once."""
    discard(session, plan_id, utc_now())
    session.commit()
    return _line(session, plan_id)


@router.get("/revisions", summary="The line of edits", responses=errors(404, 422))
def get_revisions(plan_id: PlanId, session: SessionDep) -> RevisionList:
    """Return the plans that led to this one by edits, and those made from it."""
    return _line(session, plan_id)


def edit_of(edit: MoveIn | AddIn | DropIn | ReorderIn | LockIn) -> Edit:
    """Return an edit as it came over the wire, or was stored, as what it is."""
    if isinstance(edit, MoveIn):
        return Move(visit=edit.visit, shift=edit.shift, position=edit.position)
    if isinstance(edit, AddIn):
        return Add(visit=edit.visit, shift=edit.shift, position=edit.position)
    if isinstance(edit, DropIn):
        return Drop(visit=edit.visit, reason=edit.reason)
    if isinstance(edit, LockIn):
        return Lock(visit=edit.visit, locked=edit.kind == "lock")
    return Reorder(
        shift=edit.shift,
        actions=tuple(
            VisitAction(visit=step.visit) if step.visit is not None else UnloadAction(site=step.unload or "")
            for step in edit.steps
        ),
    )


def _edits_out(outcome: Outcome, plan_id: str, made: str | None, revision: int) -> EditsOut:
    currency = outcome.after.problem.currency
    return EditsOut(
        feasible=not outcome.violations,
        plan_id=made,
        parent_id=plan_id,
        revision=revision,
        cost=CostOut.model_validate(cost_terms(outcome.after.plan.cost, currency)),
        change=CostOut.model_validate(cost_terms(outcome.change, currency)),
        shifts=list(outcome.routes),
        unserved=len(outcome.after.plan.unserved),
        violations=[
            ViolationOut(
                kind=violation.kind.value,
                subject=violation.subject,
                shift=violation.shift,
                amount=violation.amount,
                message=violation.message,
            )
            for violation in outcome.violations
        ],
    )


def _line(session: Session, plan_id: str) -> RevisionList:
    plan, city = find_plan(session, plan_id)
    published = states_of(session, city.city_id, plan.service_date)
    return RevisionList(
        revisions=[
            RevisionOut.model_validate(
                {
                    "id": row.id,
                    "parent_id": row.parent_id,
                    "revision": row.revision,
                    "state": state_of(row, published),
                    "created_at": row.created_at,
                    "edits": row.edits,
                    "total": row.summary["cost"]["total"],
                }
            )
            for row in line_of(session, plan)
        ]
    )
