"""What endpoints are given: settings, a session, the cities in memory, the runs' supervisor, who people are.

All of these are asynchronous though they wait for nothing: FastAPI sends each plain one through a thread, of which all
may be taken. Phones' waiting times did not change measurably by it.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import Depends, Path, Request, Response
from sqlmodel import Session

from service.api.schemas import ServiceDate
from service.auth.audit import joined
from service.auth.identities import Identities
from service.auth.throttle import Throttle
from service.auth.tokens import Tokens
from service.cities import Cities
from service.drawing import Drawings
from service.driving.planned import PlannedDays
from service.jobs.studies import Studies
from service.jobs.supervisor import Supervisor
from service.opened import OpenedPlans
from service.settings import Settings

MOST_SESSIONS: Final = 32
"""Requests that have a session at once; others wait for their turn without a thread or a connection. Fewer than the
connections (50): an endpoint may need a second one, and the writer of readings needs its own. Without this limit, 200
busy phones took all connections for requests that had ended but for a thread to write their replies in, while all
threads waited for a connection."""


async def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


async def _session(request: Request, response: Response) -> AsyncIterator[Session]:
    """One session for a request; the endpoint commits, so that the reply leaves after the commit."""
    session = Session(request.app.state.engine)
    joined(session, request, response)
    try:
        yield session
    finally:
        # A thread beyond those that may all be waiting for the connection that is given back here.
        with CancelScope(shield=True):
            await to_thread.run_sync(session.close, limiter=CapacityLimiter(1))


async def _cities(request: Request) -> Cities:
    found: Cities = request.app.state.cities
    return found


async def _supervisor(request: Request) -> Supervisor:
    found: Supervisor = request.app.state.supervisor
    return found


async def _planned(request: Request) -> PlannedDays:
    found: PlannedDays = request.app.state.planned
    return found


async def _identities(request: Request) -> Identities:
    found: Identities = request.app.state.identities
    return found


async def _throttle(request: Request) -> Throttle:
    found: Throttle = request.app.state.throttle
    return found


async def _tokens(request: Request) -> Tokens:
    found: Tokens = request.app.state.tokens
    return found


async def _plans(request: Request) -> OpenedPlans:
    found: OpenedPlans = request.app.state.plans
    return found


async def _drawings(request: Request) -> Drawings:
    found: Drawings = request.app.state.drawings
    return found


async def _studies(request: Request) -> Studies:
    found: Studies = request.app.state.studies
    return found


SettingsDep = Annotated[Settings, Depends(_settings)]
SessionDep = Annotated[Session, Depends(_session, scope="function", max_concurrency=MOST_SESSIONS)]
CitiesDep = Annotated[Cities, Depends(_cities)]
SupervisorDep = Annotated[Supervisor, Depends(_supervisor)]
PlannedDep = Annotated[PlannedDays, Depends(_planned)]
IdentitiesDep = Annotated[Identities, Depends(_identities)]
ThrottleDep = Annotated[Throttle, Depends(_throttle)]
TokensDep = Annotated[Tokens, Depends(_tokens)]
PlansDep = Annotated[OpenedPlans, Depends(_plans)]
DrawingsDep = Annotated[Drawings, Depends(_drawings)]
StudiesDep = Annotated[Studies, Depends(_studies)]

CITY_ID: Final = "[a-z0-9][a-z0-9-]{0,79}"
CityId = Annotated[str, Path(pattern=f"^{CITY_ID}$", description="The city's short name.", examples=["siem-reap"])]
DayDate = Annotated[ServiceDate, Path(description="The service day.", examples=["2026-11-23"])]
RunId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The run.")]
PlanId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The plan.")]
StudyId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The study.")]
VehicleId = Annotated[
    str, Path(pattern="^[^\\x00-\\x1f\\x7f]{1,200}$", description="The vehicle, as in vehicles.csv.", examples=["C1"])
]
ShiftId = Annotated[
    str, Path(pattern="^[^\\x00-\\x1f\\x7f]{1,200}$", description="The shift, as in shifts.csv.", examples=["C1-day"])
]
