"""Changes at noon: a truck breaks down, a street is closed, something is urgent; the rest is planned anew."""

import datetime as dt
import json
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import uuid4

import shapely
from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field, model_validator
from sqlalchemy import func
from sqlmodel import col, select

from service.api.deps import CitiesDep, CityId, DayDate, PlannedDep, SessionDep, SettingsDep, SupervisorDep
from service.api.driver_events import Lat, Lon, Moment, Name
from service.api.idempotency import IdempotentRoute
from service.api.replies import errors
from service.api.runs import run_out
from service.api.schemas import In, Out, RunOut, RunStatus
from service.clock import utc_now
from service.db.driving import OverlayRow, ReplanRow
from service.db.models import PlanRow, RunRow
from service.db.publication import day_of, published_plan
from service.driving.planned import CityFacts, PlannedDay
from service.driving.receive import second_of_day
from service.ingest.writer import now_us
from service.problems import Conflict, FieldError, InvalidRequest, NotFound, QueueFull

router = APIRouter(prefix="/v1/cities/{city_id}/days/{date}/replans", tags=["drivers"], route_class=IdempotentRoute)

MOST_CHANGES: Final = 100
_MOST_POINTS: Final = 1_000
_EARLIEST_S, _LATEST_S = -6 * 3_600, 48 * 3_600


class BreakdownIn(In):
    """A truck can do no more today; what it carries stays on it."""

    kind: Literal["breakdown"]
    vehicle: Name


class DriverSickIn(In):
    """A shift is not worked, or not any further."""

    kind: Literal["driver_sick"]
    shift: Name


class TruckFullIn(In):
    """A truck is full before it was expected to be, and unloads next."""

    kind: Literal["truck_full"]
    shift: Name


class DelayIn(In):
    """A crew can go on, or depart, only after some time."""

    kind: Literal["delay"]
    shift: Name
    minutes: int = Field(ge=1, le=1_440)


class GeometryIn(In):
    """A point at a street, a line along one, or an area: GeoJSON, longitude before latitude."""

    type: Literal["Point", "LineString", "Polygon"]
    coordinates: list[Any]

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        try:
            found = shapely.from_geojson(json.dumps(self.model_dump()))
        except (shapely.errors.ShapelyError, ValueError, RecursionError) as error:
            raise ValueError(f"the coordinates of a {self.type} are expected") from error
        west, south, east, north = found.bounds if not found.is_empty else (999.0,) * 4
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004 - degrees
            raise ValueError("longitudes from -180 to 180 and latitudes from -90 to 90 are expected")
        if shapely.get_num_coordinates(found) > _MOST_POINTS:
            raise ValueError(f"at most {_MOST_POINTS:,} positions are expected")
        return self


class StreetBlockedIn(In):
    """Streets that nobody can pass today; they stay closed for all that is planned for this day from now on."""

    kind: Literal["street_blocked"]
    geometry: GeometryIn
    note: str | None = Field(default=None, max_length=500)


class UrgentStopIn(In):
    """Something to collect that nobody planned: a container, or so many kilograms at a place."""

    kind: Literal["urgent_stop"]
    container: Name | None = None
    fill: float | None = Field(default=None, gt=0, le=1, description="Of the container; full when absent.")
    lon: Lon | None = None
    lat: Lat | None = None
    kg: int | None = Field(default=None, ge=1, le=50_000)
    stream: Name | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        place = (self.lon, self.lat, self.kg)
        if (self.container is None) == all(part is None for part in place):
            raise ValueError("either container, or lon, lat and kg are expected")
        if self.container is None and None in place:
            raise ValueError("lon, lat and kg are expected together")
        if self.container is None and self.fill is not None:
            raise ValueError("fill belongs to a container")
        return self


ChangeIn = Annotated[
    BreakdownIn | DriverSickIn | TruckFullIn | DelayIn | StreetBlockedIn | UrgentStopIn, Field(discriminator="kind")
]


class ReplanIn(In):
    """What went wrong, and how to plan the rest."""

    changes: list[ChangeIn] = Field(
        max_length=MOST_CHANGES, description="None: only what was done so far is taken into account."
    )
    at: Moment | None = Field(default=None, description="The moment from which on to plan; now when absent.")
    seconds: int = Field(default=10, ge=1, description="Seconds to search; at most the server's max_solve_s.")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    steps: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="End after so many better plans instead of seconds: the same again gives the same plan.",
    )
    moved_price: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="What it counts that a visit changes its shift, in the city's currency; when absent, three times "
        "what an average visit costs.",
    )
    kept: dict[Name, Annotated[int, Field(ge=0, le=1_000)]] = Field(
        default_factory=dict, description="By shift, how many of its next visits and unloadings stay as they are."
    )
    locked: list[Name] = Field(
        default_factory=list, max_length=10_000, description="Visits that stay with their truck."
    )


class ReplanOut(Out):
    """A plan of the rest of a day."""

    run_id: str
    status: RunStatus
    base_plan_id: str = Field(description="The plan that was published when it was asked for.")
    plan_id: str | None = Field(description="The draft, when the run is done; publish it to put it in force.")
    at_s: int
    created_at: AwareDatetime
    changes: list[dict[str, Any]]
    moved: list[str] | None = Field(description="Visits that a shift at work hands over to another one.")
    displaced: list[str] | None = Field(description="Visits of shifts that do no more today.")
    displaced_unserved: list[str] | None = Field(description="Those of them that nobody can take over.")
    assumed: list[str] | None = Field(description="Shifts that have reported nothing: taken to keep to the plan.")
    notes: list[str] | None
    error: str | None


class ReplanList(Out):
    """The re-plans of a day, the newest first."""

    replans: list[ReplanOut]


@router.post(
    "",
    summary="Plan the rest of a running day",
    status_code=HTTPStatus.ACCEPTED,
    responses=errors(400, 404, 409, 413, 422, 503),
)
def post_replan(
    city_id: CityId,
    date: DayDate,
    wanted: ReplanIn,
    response: Response,
    session: SessionDep,
    planned: PlannedDep,
    settings: SettingsDep,
    supervisor: SupervisorDep,
) -> RunOut:
    """Queue a run that plans from what is done, changing as little as it can; it makes a draft, to be published."""
    plan = published_plan(session, city_id, date)
    if plan is None:
        raise NotFound(f"No plan of city {city_id!r} is published for {date}.")
    day = day_of(session, city_id, date)
    if day is not None and day.state == "closed":
        raise Conflict(f"{date} is closed.")
    facts = planned.facts(session, plan.city_version_id)
    at_s = second_of_day(now_us() if wanted.at is None else wanted.at, date, facts.timezone)
    _check(wanted, facts, planned.day(session, plan.id), most_s=settings.max_solve_s, at_s=at_s)
    waiting = session.exec(select(func.count()).select_from(RunRow).where(RunRow.status == "queued")).one()
    if waiting >= settings.max_waiting_runs:
        raise QueueFull(f"{waiting} runs are waiting already; try again when some of them are done.")
    run = RunRow(
        id=uuid4().hex,
        city_version_id=plan.city_version_id,
        service_date=date,
        seconds=wanted.seconds,
        seed=wanted.seed,
        steps=wanted.steps,
        status="queued",
        created_at=utc_now(),
    )
    session.add(run)
    session.flush()
    session.add(
        ReplanRow(
            run_id=run.id,
            city_id=city_id,
            service_date=date,
            base_plan_id=plan.id,
            at_s=at_s,
            request=wanted.model_dump(mode="json", exclude={"at", "seconds", "seed", "steps"}, exclude_none=True),
            created_at=utc_now(),
        )
    )
    for number, change in enumerate(wanted.changes):
        if isinstance(change, StreetBlockedIn):
            session.add(_closure(city_id, date, f"replan-{run.id[:12]}-{number}", change))
    session.commit()
    supervisor.wake()
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return run_out(session, run)


@router.get("", summary="The re-plans of a day", responses=errors(404, 422, 503))
def list_replans(city_id: CityId, date: DayDate, session: SessionDep, cities: CitiesDep) -> ReplanList:
    """Return what was asked and what came of it: how many visits change their shift, and whom nobody can serve."""
    cities.current(session, city_id)
    rows = session.exec(
        select(ReplanRow, RunRow, PlanRow.id)
        .join(RunRow, col(RunRow.id) == col(ReplanRow.run_id))
        .join(PlanRow, col(PlanRow.run_id) == col(RunRow.id), isouter=True)
        .where(ReplanRow.city_id == city_id, ReplanRow.service_date == date)
        .order_by(col(ReplanRow.created_at).desc(), col(ReplanRow.run_id))
    ).all()
    return ReplanList(replans=[_replan_out(row, run, plan_id) for row, run, plan_id in rows])


def _check(wanted: ReplanIn, facts: CityFacts, plan: PlannedDay, *, most_s: int, at_s: int) -> None:
    """Refuse names that do not exist, with the place of each.

    Raises
    ------
    InvalidRequest
        With everything that is wrong.
    """
    known = {
        "vehicle": facts.vehicles,
        "shift": facts.hours.keys(),
        "container": facts.containers,
        "stream": facts.streams,
    }
    found: list[FieldError] = []
    for number, change in enumerate(wanted.changes):
        for what, names in known.items():
            name = getattr(change, what, None)
            if name is not None and name not in names:
                found.append(_unknown(f"body/changes/{number}/{what}", what, name))
    found += [_unknown("body/kept", "shift", shift) for shift in wanted.kept if shift not in facts.hours]
    found += [_unknown("body/locked", "visit", visit) for visit in wanted.locked if visit not in plan.visits]
    if wanted.seconds > most_s:
        message = f"This server searches for at most {most_s} seconds."
        found.append(FieldError(place="body/seconds", message=message, value=str(wanted.seconds)))
    if not _EARLIEST_S <= at_s <= _LATEST_S:
        message = "A moment from 6 h before the service day until 24 h after it is expected; now, when absent."
        found.append(FieldError(place="body/at", message=message))
    if found:
        raise InvalidRequest(found)


def _unknown(place: str, what: str, name: str) -> FieldError:
    return FieldError(place=place, message=f"There is no {what} of this name.", value=name)


def _closure(city_id: str, date: dt.date, name: str, change: StreetBlockedIn) -> OverlayRow:
    return OverlayRow(
        city_id=city_id,
        id=name,
        kind="closure",
        source="the dispatcher",
        note=change.note,
        valid_from=date,
        expires=date,
        geometry=change.geometry.model_dump(),
        created_at=utc_now(),
    )


def _replan_out(row: ReplanRow, run: RunRow, plan_id: str | None) -> ReplanOut:
    result: dict[str, Any] = row.result or {}
    return ReplanOut.model_validate(
        {
            "run_id": run.id,
            "status": cast("RunStatus", run.status),
            "base_plan_id": row.base_plan_id,
            "plan_id": plan_id,
            "at_s": row.at_s,
            "created_at": row.created_at,
            "changes": row.request["changes"],
            "error": run.error,
            **{what: result.get(what) for what in ("moved", "displaced", "displaced_unserved", "assumed", "notes")},
        }
    )
