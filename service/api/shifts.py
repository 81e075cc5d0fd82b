"""A shift on its date, as its driver and its dispatcher see it: the published route, and what has become of it."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, Field
from sqlmodel import Session

from geodata.maps.gpx import MEDIA_TYPE as GPX
from service.api.deps import CityId, DayDate, PlannedDep, SessionDep, ShiftId
from service.api.geojson import RouteCollection
from service.api.replies import GEOJSON, KEPT, GeoJsonResponse, errors, kept
from service.api.schemas import Out
from service.db.publication import published_plan
from service.driving.done import ShiftDone, done_of_day, of_shift
from service.driving.fold import DayState, VisitState, fold
from service.driving.planned import PlannedDays, ShiftHours
from service.driving.routes import Form, Routes, language_of
from service.driving.store import events_of_day
from service.ingest.report import moment_of
from service.problems import NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/days/{date}", tags=["drivers"])


class GpxResponse(Response):
    """A reply of GPX."""

    media_type = GPX


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedShift:
    """A shift that works on a day with a published plan."""

    plan_id: str
    version_id: int
    timezone: str
    hours: ShiftHours


def published_shift(
    session: Session, planned: PlannedDays, city_id: str, service_date: dt.date, shift: str
) -> PublishedShift:
    """Return a shift of a day with a published plan.

    Raises
    ------
    NotFound
        If no plan of this day is published, or the city has no such shift.
    """
    plan = published_plan(session, city_id, service_date)
    if plan is None:
        raise NotFound(f"No plan of city {city_id!r} is published for {service_date}.")
    facts = planned.facts(session, plan.city_version_id)
    if shift not in facts.hours:
        raise NotFound(f"City {city_id!r} has no shift {shift!r}.")
    return PublishedShift(
        plan_id=plan.id, version_id=plan.city_version_id, timezone=facts.timezone, hours=facts.hours[shift]
    )


class PositionOut(Out):
    """Where a truck was when its phone last said so."""

    lon: float
    lat: float
    time: AwareDatetime


class ShiftProgressOut(Out):
    """One shift, planned against done."""

    shift: str
    vehicle: str
    planned: int = Field(description="Visits in the published plan.")
    done: int = Field(description="Visits that it did; some may have been planned for another shift.")
    skipped: int
    left: int = Field(description="Planned visits of which nobody has said that they are done or skipped.")
    planned_kg: int
    done_kg: int = Field(description="Of the visits done, as they were planned.")
    weighed_kg: float | None = Field(description="On the weighbridge; null where nobody weighed.")
    planned_unloadings: int
    unloadings: int
    behind_s: int | None = Field(
        description="How much later than planned it did the last visit of its own plan; negative when earlier."
    )
    last_seen: AwareDatetime | None
    position: PositionOut | None


class ProgressOut(Out):
    """How far a day is."""

    date: dt.date
    plan_id: str = Field(description="The published plan.")
    planned: int
    done: int
    skipped: int
    left: int
    shifts: list[ShiftProgressOut]


class VisitStateOut(Out):
    """A visit of a shift's route, or one that it did besides."""

    visit: str
    status: Literal["left", "arrived", "done", "skipped"]
    shift: str | None = Field(description="Which shift made it so; null while it is left.")
    time: AwareDatetime | None
    reason: str | None = Field(description="Why it was skipped.")


class UnloadingOut(Out):
    """A truck was emptied."""

    site: str
    time: AwareDatetime
    kg: float | None


class RestOut(Out):
    """A break; ``end`` is null while it lasts."""

    start: AwareDatetime
    end: AwareDatetime | None


class ShiftStateOut(Out):
    """What has become of a shift's route: the same from the same events, in whatever order they came."""

    plan_id: str
    progress: ShiftProgressOut
    visits: list[VisitStateOut] = Field(description="Those of the published route in order, then others that it did.")
    unloadings: list[UnloadingOut]
    breaks: list[RestOut]


@router.get("/progress", summary="How far a day is", responses=errors(404, 422, 503))
def get_progress(city_id: CityId, date: DayDate, session: SessionDep, planned: PlannedDep) -> ProgressOut:
    """Return what was done beside what was planned, for the day and for each shift."""
    plan = published_plan(session, city_id, date)
    if plan is None:
        raise NotFound(f"No plan of city {city_id!r} is published for {date}.")
    facts = planned.facts(session, plan.city_version_id)
    shifts = done_of_day(session, city_id, date, planned.day(session, plan.id), facts.timezone)
    return ProgressOut(
        date=date,
        plan_id=plan.id,
        planned=sum(len(one.planned) for one in shifts),
        done=sum(len(one.done) for one in shifts),
        skipped=sum(len(one.skipped) for one in shifts),
        left=sum(len(one.left) for one in shifts),
        shifts=[_progress_out(one, facts.hours.get(one.shift)) for one in shifts],
    )


@router.get(
    "/shifts/{shift}/route.geojson",
    summary="A driver's published route as GeoJSON",
    response_class=GeoJsonResponse,
    responses=errors(404, 422, 503) | KEPT | {200: {"model": RouteCollection, "description": "RFC 7946."}},
)
def get_route(
    city_id: CityId, date: DayDate, shift: ShiftId, request: Request, session: SessionDep, planned: PlannedDep
) -> Response:
    """Return the route of the plan that the day follows now: a LineString for each trip, then a Point for each step.

    Each Point says how to drive there, turn by turn, in English or Khmer by Accept-Language. A phone keeps it with its
    ETag and asks with If-None-Match whether another plan was published. A shift with nothing to do has no features.
    """
    return _route(city_id, date, shift, request, session, planned, "geojson")


@router.get(
    "/shifts/{shift}/route.gpx",
    summary="A driver's published route as GPX",
    response_class=GpxResponse,
    responses=errors(404, 422, 503)
    | KEPT
    | {200: {"description": "GPX 1.1.", "content": {GPX: {"schema": {"type": "string"}}}}},
)
def get_gpx(
    city_id: CityId, date: DayDate, shift: ShiftId, request: Request, session: SessionDep, planned: PlannedDep
) -> Response:
    """Return the same route for navigation apps: an exact line for each trip, a waypoint for each step."""
    return _route(city_id, date, shift, request, session, planned, "gpx")


@router.get("/shifts/{shift}/state", summary="What has become of a shift's route", responses=errors(404, 422, 503))
def get_state(
    city_id: CityId, date: DayDate, shift: ShiftId, session: SessionDep, planned: PlannedDep
) -> ShiftStateOut:
    """Return every visit's state, the unloadings and breaks: a phone that was replaced goes on from here."""
    found = published_shift(session, planned, city_id, date, shift)
    plan = planned.day(session, found.plan_id)
    state = fold(events_of_day(session.connection(), city_id, date, positions="last"))
    done = of_shift(shift, state, plan, date, found.timezone)
    said = state.shifts.get(shift)
    besides = [visit for visit in done.done if visit not in done.planned]
    return ShiftStateOut(
        plan_id=found.plan_id,
        progress=_progress_out(done, found.hours),
        visits=[_visit_out(visit, state) for visit in (*done.planned, *besides)],
        unloadings=[
            UnloadingOut(site=one.site, time=moment_of(one.time_us), kg=one.kg)
            for one in (said.unloadings if said is not None else ())
        ],
        breaks=[
            RestOut(start=moment_of(one.start_us), end=None if one.end_us is None else moment_of(one.end_us))
            for one in (said.rests if said is not None else ())
        ],
    )


def _route(
    city_id: str,
    service_date: dt.date,
    shift: str,
    request: Request,
    session: Session,
    planned: PlannedDays,
    form: Form,
) -> Response:
    found = published_shift(session, planned, city_id, service_date, shift)
    routes: Routes = request.app.state.routes
    language = language_of(request.headers.get("accept-language", ""))
    planned.day(session, found.plan_id)  # it is drawn now
    squeezed = routes.route(session, found.plan_id, shift, service_date, language=language, form=form)
    return kept(request, squeezed, media_type=GEOJSON if form == "geojson" else GPX, language=language)


def _progress_out(one: ShiftDone, hours: ShiftHours | None) -> ShiftProgressOut:
    return ShiftProgressOut(
        shift=one.shift,
        vehicle=one.vehicle or (hours.vehicle if hours is not None else ""),
        planned=len(one.planned),
        done=len(one.done),
        skipped=len(one.skipped),
        left=len(one.left),
        planned_kg=one.planned_kg,
        done_kg=one.done_kg,
        weighed_kg=one.weighed_kg,
        planned_unloadings=one.planned_unloadings,
        unloadings=one.unloadings,
        behind_s=one.behind_s,
        last_seen=None if one.last_us is None else moment_of(one.last_us),
        position=None
        if one.position is None
        else PositionOut(lon=one.position.lon, lat=one.position.lat, time=moment_of(one.position.time_us)),
    )


def _visit_out(visit: str, state: DayState) -> VisitStateOut:
    found: VisitState | None = state.visits.get(visit)
    if found is None:
        return VisitStateOut(visit=visit, status="left", shift=None, time=None, reason=None)
    return VisitStateOut(
        visit=visit,
        status=found.status,
        shift=found.shift,
        time=moment_of(found.time_us),
        reason=None if found.reason is None else found.reason.value,
    )
