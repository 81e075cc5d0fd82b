"""Runs: how far the solver is, and an end to it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import Engine
from sqlmodel import Session, select

from service.api.deps import RunId, SessionDep, SupervisorDep
from service.api.replies import errors
from service.api.schemas import ImprovementOut, RunEvent, RunOut, RunStatus
from service.db.models import CityVersionRow, PlanRow, RunRow
from service.db.runs import cancel
from service.jobs.summary import MICRO
from service.problems import Conflict, NotFound

router = APIRouter(prefix="/v1/runs", tags=["runs"])

POLL_S: Final = 0.25
STREAM_S: Final = 60.0
"""A stream holds up the end of its server no longer than this."""
RETRY_MS: Final = 500
MOST_EVENTS: Final = 1_000_000

LastEventId = Annotated[
    str | None, Header(max_length=20, description="The id of the last event that was received; anything else is 0.")
]


@router.get("/{run_id}", summary="How far a run is", responses=errors(404, 422))
def get_run(run_id: RunId, session: SessionDep) -> RunOut:
    """Return a run's state, the improvements so far, and its plan when it is done."""
    return run_out(session, _run(session, run_id))


@router.post("/{run_id}/cancel", summary="Cancel a run", responses=errors(404, 409, 422))
def cancel_run(run_id: RunId, session: SessionDep, supervisor: SupervisorDep) -> RunOut:
    """End a run without a plan; its process is gone within seconds. Cancelling twice is as good as once."""
    run = _run(session, run_id)
    cancelled = cancel(session, run_id)
    if cancelled:
        session.commit()
    session.refresh(run)
    if not cancelled and run.status != "cancelled":
        raise Conflict(f"Run {run_id!r} is over ({run.status}); only a run that is queued or running can be cancelled.")
    supervisor.wake()
    return run_out(session, run)


def _known(run_id: RunId, session: SessionDep) -> str:
    """Refuse an unknown run before a stream begins, and give the session back."""
    _run(session, run_id)
    session.close()
    return run_id


@router.get(
    "/{run_id}/events",
    summary="Follow a run",
    response_class=EventSourceResponse,
    responses=errors(404, 422),
)
async def follow_run(
    run_id: Annotated[str, Depends(_known)], request: Request, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Stream improvements and changes of state as server-sent events, until the run is over.

    Each event's id counts the improvements so far; who comes again with Last-Event-ID gets those after it. A stream
    ends after a minute, and an EventSource then comes again by itself.
    """
    seen = min(int(last_event_id), MOST_EVENTS) if last_event_id and last_event_id.isdecimal() else 0
    state: RunEvent | None = None
    end_s = time.monotonic() + STREAM_S
    while time.monotonic() < end_s:
        run = await run_in_threadpool(_snapshot, request.app.state.engine, run_id)
        seen = seen if seen <= len(run.progress) else 0  # taken up anew, it begins from nothing
        for improvement in run.progress[seen:]:
            seen += 1
            event = RunEvent(kind="improvement", improvement=improvement)
            yield ServerSentEvent(data=event, event="improvement", id=str(seen), retry=RETRY_MS)
        now = RunEvent(kind="state", status=run.status, stage=run.stage, plan_id=run.plan_id, error=run.error)
        if now != state:
            state = now
            yield ServerSentEvent(data=now, event="state", id=str(seen), retry=RETRY_MS)
        if run.status in ("done", "failed", "cancelled"):
            return
        await asyncio.sleep(POLL_S)


def _snapshot(engine: Engine, run_id: str) -> RunOut:
    with Session(engine) as session:
        return run_out(session, _run(session, run_id))


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
        steps=run.steps,
        attempts=run.attempts,
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
