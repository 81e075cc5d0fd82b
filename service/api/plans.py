"""Plans: ask for one, list them, read them, fetch a driver's route."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import uuid4

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import func
from sqlmodel import col, select

from service.api.deps import CitiesDep, CityId, DrawingsDep, PlanId, SessionDep, SettingsDep, SupervisorDep, VehicleId
from service.api.geojson import PlanCollection, RouteCollection
from service.api.idempotency import IdempotentRoute
from service.api.replies import GEOJSON, GeoJsonResponse, errors, kept
from service.api.runs import run_out
from service.api.schemas import PlanIn, PlanItem, PlanList, PlanOut, RunOut
from service.clock import utc_now
from service.db.documents import squeeze, unsqueeze
from service.db.models import CityVersionRow, PlanRow, RouteRow, RunRow
from service.db.plans import document_of, find_plan
from service.db.publication import NO_DOCUMENT, state_of, states_of
from service.problems import FieldError, InvalidRequest, NotFound, QueueFull

router = APIRouter(prefix="/v1", tags=["plans"], route_class=IdempotentRoute)

_KEPT: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "What If-None-Match names is still right."}}


@router.post(
    "/cities/{city_id}/plans",
    summary="Ask for a day's plan",
    status_code=HTTPStatus.ACCEPTED,
    responses=errors(400, 404, 409, 413, 422, 503),
)
def ask_for_plan(
    city_id: CityId,
    wanted: PlanIn,
    response: Response,
    session: SessionDep,
    cities: CitiesDep,
    settings: SettingsDep,
    supervisor: SupervisorDep,
) -> RunOut:
    """Queue a run and answer at once; Location says where to ask how far it is."""
    version = cities.current(session, city_id)
    if wanted.seconds > settings.max_solve_s:
        message = f"This server searches for at most {settings.max_solve_s} seconds."
        raise InvalidRequest([FieldError(place="body/seconds", message=message, value=str(wanted.seconds))])
    waiting = session.exec(select(func.count()).select_from(RunRow).where(RunRow.status == "queued")).one()
    if waiting >= settings.max_waiting_runs:
        raise QueueFull(f"{waiting} runs are waiting already; try again when some of them are done.")
    assert version.id is not None
    run = RunRow(
        id=uuid4().hex,
        city_version_id=version.id,
        service_date=wanted.date,
        seconds=wanted.seconds,
        seed=wanted.seed,
        steps=wanted.steps,
        status="queued",
        created_at=utc_now(),
    )
    session.add(run)
    session.commit()
    supervisor.wake()
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return run_out(session, run)


@router.get("/cities/{city_id}/plans", summary="List a city's plans", responses=errors(404, 422))
def list_plans(city_id: CityId, session: SessionDep, cities: CitiesDep) -> PlanList:
    """Return the plans of all versions of a city, the newest first."""
    cities.current(session, city_id)
    rows = session.exec(
        select(PlanRow)
        .join(CityVersionRow)
        .where(CityVersionRow.city_id == city_id)
        .options(*NO_DOCUMENT)
        .order_by(col(PlanRow.created_at).desc())
    ).all()
    published = states_of(session, city_id)
    return PlanList(
        plans=[
            PlanItem(
                id=row.id,
                run_id=row.run_id,
                state=state_of(row, published),
                parent_id=row.parent_id,
                revision=row.revision,
                date=row.service_date,
                created_at=row.created_at,
                hours=row.summary["hours"],
                distance_km=row.summary["distance_km"],
                collected_t=row.summary["collected_t"],
                visits=row.summary["visits"],
                unserved=len(row.summary["unserved"]),
                cost=row.summary["cost"],
            )
            for row in rows
        ]
    )


@router.get("/plans/{plan_id}", summary="A plan in figures", responses=errors(404, 422))
def get_plan(plan_id: PlanId, session: SessionDep) -> PlanOut:
    """Return routes, cost terms, and what stays unserved with its reason."""
    row, version = find_plan(session, plan_id)
    summary = dict(row.summary)
    routes = [
        {**route, "geojson": f"/v1/plans/{row.id}/routes/{quote(route['vehicle'], safe='')}.geojson"}
        for route in summary.pop("routes")
    ]
    return PlanOut.model_validate(
        {
            "id": row.id,
            "run_id": row.run_id,
            "city_id": version.city_id,
            "content_hash": version.content_hash,
            "date": row.service_date,
            "created_at": row.created_at,
            "state": state_of(row, states_of(session, version.city_id, row.service_date)),
            "parent_id": row.parent_id,
            "revision": row.revision,
            "routes": routes,
            "document": f"/v1/plans/{row.id}/plan.json",
            "geojson": f"/v1/plans/{row.id}/routes.geojson",
            **summary,
        }
    )


@router.get(
    "/plans/{plan_id}/plan.json",
    summary="The full plan with its problem",
    response_class=JSONResponse,
    responses=errors(404, 422) | _KEPT | {200: {"model": dict[str, Any], "description": "See docs/plan-format.md."}},
)
def get_document(plan_id: PlanId, request: Request, session: SessionDep) -> Response:
    """Return the document that ``samram check`` judges; it never changes."""
    return kept(request, document_of(session, plan_id), media_type="application/json")


@router.get(
    "/plans/{plan_id}/routes.geojson",
    summary="All routes as GeoJSON",
    response_class=GeoJsonResponse,
    responses=errors(404, 422) | _KEPT | {200: {"model": PlanCollection, "description": "RFC 7946."}},
)
def get_routes(plan_id: PlanId, request: Request, session: SessionDep, drawings: DrawingsDep) -> Response:
    """Return every trip and step of every route, and what stays unserved."""
    drawings.ensure(plan_id)
    found = session.exec(select(PlanRow.routes_geojson).where(PlanRow.id == plan_id)).one()
    assert found is not None
    return kept(request, found, media_type=GEOJSON)


@router.get(
    "/plans/{plan_id}/routes/{vehicle:path}.geojson",
    summary="A driver's route as GeoJSON",
    response_class=GeoJsonResponse,
    responses=errors(404, 422) | _KEPT | {200: {"model": RouteCollection, "description": "RFC 7946."}},
)
def get_route(
    plan_id: PlanId,
    vehicle: VehicleId,
    request: Request,
    session: SessionDep,
    drawings: DrawingsDep,
    shift: Annotated[
        str | None,
        Query(
            pattern="^[^\\x00-\\x1f\\x7f]{1,200}$",
            description="One shift of the vehicle; without it all its shifts of the day follow one another.",
        ),
    ] = None,
) -> Response:
    """Return one LineString for each trip along the streets, and one Point for each step, in order.

    The reply never changes: a phone keeps it with its ETag, and asks with If-None-Match whether there is another.
    """
    drawings.ensure(plan_id)
    asked = select(RouteRow.geojson).where(RouteRow.plan_id == plan_id, RouteRow.vehicle == vehicle)
    if shift is not None:
        asked = asked.where(RouteRow.shift == shift)
    parts = session.exec(asked.order_by(col(RouteRow.id))).all()
    if not parts:
        which = f"vehicle {vehicle!r}" if shift is None else f"shift {shift!r} of vehicle {vehicle!r}"
        raise NotFound(f"Plan {plan_id!r} has no route for {which}.")
    return kept(request, parts[0] if len(parts) == 1 else _joined(parts), media_type=GEOJSON)


def _joined(parts: Sequence[bytes]) -> bytes:
    collections = [orjson.loads(unsqueeze(part)) for part in parts]
    features = [feature for collection in collections for feature in collection["features"]]
    return squeeze(orjson.dumps({"type": "FeatureCollection", "features": features}))
