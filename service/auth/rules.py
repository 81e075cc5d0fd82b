"""Which permission each route takes, as data. A route without a row is refused to everybody; a test looks for it."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlmodel import Session, select

from service.auth.roles import Permission
from service.db.models import CityVersionRow, PlanRow, RunRow
from service.db.studies import StudyRow

_CITY: Final = "/v1/cities/{city_id}"
_DAY: Final = f"{_CITY}/days/{{date}}"
_SHIFT: Final = f"{_DAY}/shifts/{{shift}}"
_MONTH: Final = f"{_CITY}/months/{{month}}"

ROUTES: Final[Mapping[str, Permission]] = {
    "GET /healthz": Permission.PUBLIC,
    "GET /readyz": Permission.PUBLIC,
    "GET /v1/limits": Permission.PUBLIC,
    "GET /metrics": Permission.MONITOR,
    # Who is asking
    "GET /v1/session": Permission.PUBLIC,
    "POST /v1/session": Permission.PUBLIC,
    "POST /v1/session/refresh": Permission.PUBLIC,
    "DELETE /v1/session": Permission.KNOWN,
    "PUT /v1/session/password": Permission.KNOWN,
    "POST /v1/driver-session": Permission.PUBLIC,
    "GET /v1/session/oidc": Permission.PUBLIC,
    "GET /v1/session/oidc/callback": Permission.PUBLIC,
    f"GET {_CITY}/public": Permission.PUBLIC,
    f"PUT {_CITY}/public": Permission.PEOPLE,
    f"GET {_CITY}/people": Permission.PEOPLE,
    f"PUT {_CITY}/people/{{name}}": Permission.PEOPLE,
    f"DELETE {_CITY}/people/{{name}}": Permission.PEOPLE,
    f"GET {_CITY}/keys": Permission.PEOPLE,
    f"POST {_CITY}/keys": Permission.PEOPLE,
    f"DELETE {_CITY}/keys/{{key_id}}": Permission.PEOPLE,
    f"GET {_CITY}/audit": Permission.PEOPLE,
    f"GET {_SHIFT}/driver-links": Permission.DISPATCH,
    f"POST {_SHIFT}/driver-links": Permission.DISPATCH,
    f"DELETE {_SHIFT}/driver-links/{{link_id}}": Permission.DISPATCH,
    f"POST {_DAY}/run-sheets": Permission.DISPATCH,
    # Cities
    "GET /v1/cities": Permission.KNOWN,
    "POST /v1/cities": Permission.IMPORT,
    f"GET {_CITY}": Permission.LOOK,
    f"GET {_CITY}/containers": Permission.LOOK,
    f"GET {_CITY}/depots": Permission.LOOK,
    f"GET {_CITY}/disposal-sites": Permission.LOOK,
    f"GET {_CITY}/zones": Permission.LOOK,
    f"GET {_CITY}/streets": Permission.LOOK,
    f"GET {_CITY}/vehicles": Permission.LOOK,
    f"GET {_CITY}/shifts": Permission.LOOK,
    f"GET {_CITY}/basemap.pmtiles": Permission.MAP,
    # Plans and runs
    f"GET {_CITY}/plans": Permission.LOOK,
    f"POST {_CITY}/plans": Permission.PLAN,
    "GET /v1/plans/{plan_id}": Permission.LOOK,
    "GET /v1/plans/{plan_id}/kpis": Permission.LOOK,
    "GET /v1/plans/{plan_id}/plan.json": Permission.LOOK,
    "GET /v1/plans/{plan_id}/routes.geojson": Permission.LOOK,
    "GET /v1/plans/{plan_id}/routes/{vehicle}.geojson": Permission.LOOK,
    "GET /v1/plans/{plan_id}/explanations": Permission.LOOK,
    "GET /v1/plans/{plan_id}/revisions": Permission.LOOK,
    "POST /v1/plans/{plan_id}/edits": Permission.PLAN,
    "POST /v1/plans/{plan_id}/discard": Permission.PLAN,
    "POST /v1/plans/{plan_id}/publish": Permission.PUBLISH,
    "POST /v1/plans/{plan_id}/start": Permission.DISPATCH,
    "POST /v1/plans/{plan_id}/close": Permission.DISPATCH,
    "GET /v1/runs/{run_id}": Permission.LOOK,
    "GET /v1/runs/{run_id}/events": Permission.LOOK,
    "POST /v1/runs/{run_id}/cancel": Permission.PLAN,
    # The running day
    f"GET {_CITY}/days": Permission.LOOK,
    f"GET {_DAY}": Permission.LOOK,
    f"GET {_DAY}/progress": Permission.LOOK,
    f"GET {_DAY}/replans": Permission.LOOK,
    f"POST {_DAY}/replans": Permission.DISPATCH,
    f"GET {_SHIFT}/route.geojson": Permission.DRIVE,
    f"GET {_SHIFT}/route.gpx": Permission.DRIVE,
    f"GET {_SHIFT}/state": Permission.DRIVE,
    f"POST {_SHIFT}/events": Permission.DRIVE,
    f"GET {_CITY}/overlays": Permission.LOOK,
    f"POST {_CITY}/overlays/{{overlay_id}}/end": Permission.DISPATCH,
    f"GET {_CITY}/phones/{{phone}}": Permission.PEOPLE,
    f"DELETE {_CITY}/phones/{{phone}}": Permission.PEOPLE,
    # What was planned and done
    f"GET {_DAY}/kpis": Permission.LOOK,
    f"GET {_DAY}/kpis.csv": Permission.LOOK,
    f"GET {_DAY}/kpis.geojson": Permission.LOOK,
    f"GET {_DAY}/kpis.parquet": Permission.LOOK,
    f"GET {_MONTH}/report": Permission.LOOK,
    f"GET {_MONTH}/report.csv": Permission.LOOK,
    f"GET {_MONTH}/cases.csv": Permission.LOOK,
    # Studies
    f"GET {_CITY}/studies": Permission.LOOK,
    f"POST {_CITY}/studies": Permission.STUDY,
    f"POST {_CITY}/studies/check": Permission.STUDY,
    f"GET {_CITY}/changes": Permission.LOOK,
    "GET /v1/studies/{study_id}": Permission.LOOK,
    "GET /v1/studies/{study_id}/progress": Permission.LOOK,
    "GET /v1/studies/{study_id}/results": Permission.LOOK,
    "GET /v1/studies/{study_id}/compare": Permission.LOOK,
    "GET /v1/studies/{study_id}/brief.pdf": Permission.LOOK,
    "GET /v1/studies/{study_id}/files": Permission.LOOK,
    "GET /v1/studies/{study_id}/files/{name}": Permission.LOOK,
    "POST /v1/studies/{study_id}/cancel": Permission.STUDY,
    "POST /v1/studies/{study_id}/resume": Permission.STUDY,
    # Readings
    f"GET {_CITY}/readings": Permission.LOOK,
    f"POST {_CITY}/readings": Permission.REPORT,
    f"POST {_CITY}/readings.csv": Permission.REPORT,
    f"POST {_CITY}/ingest/things-stack": Permission.REPORT,
    f"POST {_CITY}/ingest/chirpstack": Permission.REPORT,
    f"POST {_CITY}/ingest/ngsi-ld": Permission.REPORT,
    f"GET {_CITY}/devices": Permission.LOOK,
    f"GET {_CITY}/devices/{{device}}": Permission.LOOK,
    f"PUT {_CITY}/devices/{{device}}": Permission.SENSORS,
    f"DELETE {_CITY}/devices/{{device}}": Permission.SENSORS,
    f"GET {_CITY}/quarantine": Permission.LOOK,
    f"POST {_CITY}/quarantine/retry": Permission.SENSORS,
    f"POST {_CITY}/quarantine/{{number}}/resolve": Permission.SENSORS,
    f"POST {_CITY}/quarantine/{{number}}/retry": Permission.SENSORS,
    "GET /v1/quarantine": Permission.SENSORS,
    f"GET {_CITY}/ngsi-ld/WasteContainer": Permission.LOOK,
    f"GET {_CITY}/ngsi-ld/WasteObserved": Permission.LOOK,
    # Forecasts
    f"GET {_CITY}/forecasts": Permission.LOOK,
    f"GET {_CITY}/forecasts.geojson": Permission.LOOK,
}

IN_ANY_CITY: Final = frozenset({"POST /v1/cities"})
"""The permission in one city opens the route; which city is meant is known only inside, and asked there again."""

METRICS: Final = "/metrics"


def is_closed(path: str) -> bool:
    """Whether what stands under a path is for those alone who are known; the pages themselves say nothing of a city."""
    return path.startswith("/v1/") or path == METRICS


UNAUDITED: Final = frozenset(
    operation
    for operation, permission in ROUTES.items()
    if permission in (Permission.REPORT, Permission.PUBLIC, Permission.DRIVE)
)
"""What thousands of devices and phones say is stored as such; no line in the audit log beside it."""


def _city_of_run(session: Session, run_id: str) -> str | None:
    return session.exec(
        select(CityVersionRow.city_id).join(RunRow).where(RunRow.id == run_id)  # the run's own version
    ).first()


def _city_of_plan(session: Session, plan_id: str) -> str | None:
    return session.exec(select(CityVersionRow.city_id).join(PlanRow).where(PlanRow.id == plan_id)).first()


def _city_of_study(session: Session, study_id: str) -> str | None:
    return session.exec(select(CityVersionRow.city_id).join(StudyRow).where(StudyRow.id == study_id)).first()


OWNERS: Final[Mapping[str, tuple[str, Callable[[Session, str], str | None]]]] = {
    "run_id": ("run", _city_of_run),
    "plan_id": ("plan", _city_of_plan),
    "study_id": ("study", _city_of_study),
}
"""For a path that names no city: what its parameter is called in a sentence, and the city that the thing belongs to."""
