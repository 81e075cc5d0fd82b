"""Whether the server lives, whether it can work, what it accepts, and what it counts."""

import shutil
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy import text

from service.api.deps import SessionDep, SettingsDep
from service.api.replies import errors
from service.api.schemas import HealthOut, Out
from service.db.engine import newest_schema, schema_of
from service.problems import NotReady

if TYPE_CHECKING:
    from service.metrics import Metrics

router = APIRouter(tags=["health"])

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class MetricsResponse(Response):
    """A reply in Prometheus' text form."""

    media_type = PROMETHEUS


class LimitsOut(Out):
    """What is accepted; beyond each of these stands an error with a name."""

    containers: int = Field(description="In a city; 413 too-large beyond.")
    vehicles: int = Field(description="In a city; 413 too-large beyond.")
    body_bytes: int = Field(description="Of a request; 413 too-large beyond.")
    upload_bytes: int = Field(description="Of a city's archive or a file of readings; 413 too-large beyond.")
    solve_seconds: int = Field(description="To search; 422 invalid-request beyond.")
    batch_readings: int = Field(description="In one request; 413 too-large beyond.")
    waiting_readings: int = Field(description="To be written; 503 overloaded beyond.")
    waiting_runs: int = Field(description="In the queue; 503 queue-full beyond.")


@router.get("/healthz", summary="Whether the server answers", responses=errors())
def healthz() -> HealthOut:
    """Answer without looking at anything else."""
    return HealthOut(status="ok")


@router.get("/readyz", summary="Whether the server can work", responses=errors(503))
def readyz(request: Request, session: SessionDep, settings: SettingsDep) -> HealthOut:
    """Look at the database, its schema, the threads that write and supervise, and the disk; 503 says which is wrong."""
    session.execute(text("SELECT 1"))
    state: Any = request.app.state
    wrong = []
    if schema_of(state.engine) != newest_schema():
        wrong.append("the database has the schema of another version")
    if not state.writer.alive:
        wrong.append("nobody writes readings")
    if not state.supervisor.alive:
        wrong.append("nobody looks after runs")
    if shutil.disk_usage(settings.home).free < settings.min_free_bytes:
        wrong.append(f"less than {settings.min_free_bytes:,} bytes are free on the disk")
    if wrong:
        raise NotReady(f"Not ready: {'; '.join(wrong)}.")
    return HealthOut(status="ok")


@router.get("/v1/limits", summary="What is accepted", responses=errors())
def get_limits(settings: SettingsDep) -> LimitsOut:
    """Return the limits of this server."""
    return LimitsOut(
        containers=settings.max_containers,
        vehicles=settings.max_vehicles,
        body_bytes=settings.max_body_bytes,
        upload_bytes=settings.max_upload_bytes,
        solve_seconds=settings.max_solve_s,
        batch_readings=settings.max_batch_readings,
        waiting_readings=settings.max_waiting_readings,
        waiting_runs=settings.max_waiting_runs,
    )


@router.get(
    "/metrics",
    summary="What can be counted, for Prometheus",
    response_class=MetricsResponse,
    responses=errors() | {200: {"content": {PROMETHEUS: {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """Return requests by route, runs by state, readings that wait, free bytes; to whoever may look at every city."""
    metrics: Metrics = request.app.state.metrics
    return MetricsResponse(metrics.text())
