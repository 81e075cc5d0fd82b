"""Why visits are unserved, and the cheapest single changes that would serve them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from service.api.deps import PlanId
from service.api.replies import errors
from service.api.schemas import Out
from service.explaining import Explanations
from service.jobs.summary import MICRO

router = APIRouter(prefix="/v1/plans/{plan_id}", tags=["plans"])


class HindranceOut(Out):
    """What stops a visit in one shift, at the best place found there."""

    shift: str
    kinds: list[str] = Field(description="Violations, as in docs/plan-format.md; none where it fits.")


class RemedyOut(Out):
    """One change with which the visit is served, proved by the judge."""

    lever: str = Field(description="What is changed, as in docs/explanations.md.")
    subject: str = Field(description="Whose: a shift, vehicle, disposal site or visit.")
    amount: int = Field(description="By how much, in the lever's own unit.")
    detail: str
    shift: str = Field(description="The one that then serves the visit.")
    added: float = Field(description="What its route then costs more, in the city's currency.")
    sentence: str


class ExplanationOut(Out):
    """Why one visit is unserved."""

    visit: str
    obstacle: str = Field(description="As in docs/explanations.md.")
    sentence: str
    hindrances: list[HindranceOut]
    remedies: list[RemedyOut] = Field(description="Each suffices alone; the cheapest first.")
    complete: bool = Field(description="False where the time was over before all was tried.")


class ExplanationList(Out):
    """The unserved visits of a plan."""

    explanations: list[ExplanationOut]


def _explanations(request: Request) -> Explanations:
    found: Explanations = request.app.state.explanations
    return found


@router.get("/explanations", summary="Why visits are unserved", responses=errors(404, 422, 503))
def get_explanations(
    plan_id: PlanId,
    explanations: Annotated[Explanations, Depends(_explanations)],
    seconds: Annotated[int, Query(ge=1, le=60, description="When to end, with what is known by then.")] = 10,
) -> ExplanationList:
    """Return for each unserved visit what stands in its way, and what would serve it at what cost.

    The first answer for a plan takes seconds, for everything is tried out; later ones come at once.
    """
    return ExplanationList(explanations=[_out(found) for found in explanations.of(plan_id, seconds)])


def _out(found: dict[str, Any]) -> ExplanationOut:
    return ExplanationOut(
        visit=found["visit"],
        obstacle=found["obstacle"],
        sentence=found["sentence"],
        hindrances=[HindranceOut(shift=one["shift"], kinds=list(one["kinds"])) for one in found["hindrances"]],
        remedies=[
            RemedyOut(
                lever=one["relaxation"]["lever"],
                subject=one["relaxation"]["subject"],
                amount=one["relaxation"]["amount"],
                detail=one["relaxation"]["detail"] or "",
                shift=one["order"]["shift"],
                added=one["added_micro"] / MICRO,
                sentence=one["sentence"],
            )
            for one in found["remedies"]
        ],
        complete=found["complete"],
    )
