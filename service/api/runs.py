"""Runs: how far the solver is, and an end to it."""

from typing import cast

from fastapi import APIRouter
from sqlmodel import Session, select

from service.api.deps import RunId, SessionDep, SupervisorDep
from service.api.replies import errors
from service.api.schemas import ImprovementOut, RunOut, RunStatus
from service.db.models import CityVersionRow, PlanRow, RunRow
from service.db.runs import cancel
from service.jobs.summary import MICRO
from service.problems import Conflict, NotFound

router = APIRouter(prefix="/v1/runs", tags=["runs"])


@router.get("/{run_id}", summary="How far a run is", responses=errors(404, 422))
def get_run(run_id: RunId, session: SessionDep) -> RunOut:
    """Return a run's state, the improvements so far, and its plan when it is done."""
    return run_out(session, _run(session, run_id))


@router.post("/{run_id}/cancel", summary="Cancel a run", responses=errors(404, 409, 422))
def cancel_run(run_id: RunId, session: SessionDep, supervisor: SupervisorDep) -> RunOut:
    """End a run without a plan; its process is gone within seconds. Cancelling twice is as good as once."""
    run = _run(session, run_id)
    cancelled = cancel(session, run_id)
    session.commit()
    session.refresh(run)
    if not cancelled and run.status != "cancelled":
        raise Conflict(f"Run {run_id!r} is over ({run.status}); only a run that is queued or running can be cancelled.")
    supervisor.wake()
    return run_out(session, run)


def _run(session: Session, run_id: str) -> RunRow:
    run = session.get(RunRow, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id!r}.")
    return run


def run_out(session: Session, run: RunRow) -> RunOut:
    """Return a run as it goes over the wire."""
    city_id, summary = session.exec(
        select(CityVersionRow.city_id, CityVersionRow.summary).where(CityVersionRow.id == run.city_version_id)
    ).one()
    progress = [
        ImprovementOut(elapsed_s=point["elapsed_s"], cost=point["cost_micro"] / MICRO, unserved=point["unserved"])
        for point in run.progress
    ]
    return RunOut(
        id=run.id,
        city_id=city_id,
        date=run.service_date,
        seconds=run.seconds,
        seed=run.seed,
        status=cast("RunStatus", run.status),
        stage=run.stage,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        currency=summary["currency"],
        cost=progress[-1].cost if progress else None,
        progress=progress,
        error=run.error,
        plan_id=session.exec(select(PlanRow.id).where(PlanRow.run_id == run.id)).first(),
    )
