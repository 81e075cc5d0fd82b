"""What a study hands out beside its brief, the routes of its scenarios among it; and going on with one cut short."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from service.api.deps import SessionDep, SettingsDep, StudiesDep, StudyId
from service.api.geojson import PlanCollection
from service.api.replies import GEOJSON, GeoJsonResponse, errors, kept
from service.api.studies import StudyOut, document_of, found_study
from service.db.documents import squeeze
from service.jobs.studies import change
from service.problems import Conflict, NotFound

router = APIRouter(prefix="/v1/studies/{study_id}", tags=["studies"])

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"


class CsvResponse(Response):
    """A reply of CSV."""

    media_type = CSV


class ParquetResponse(Response):
    """A reply of Parquet."""

    media_type = PARQUET


def _file(description: str, media_type: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": description, "content": {media_type: {"schema": schema}}},
        304: {"description": "What If-None-Match names is still right."},
    }


@router.get(
    "/table.csv",
    summary="A study's table as CSV",
    response_class=CsvResponse,
    responses=_file("A line for each scenario.", CSV, {"type": "string"}) | errors(404, 409, 422),
)
def get_csv(study_id: StudyId, request: Request, session: SessionDep) -> Response:
    """Return a line for each scenario; the columns are those of the rows of its results."""
    from scenarios.report import csv_of  # noqa: PLC0415 - compiled code, which a server starts without

    table = csv_of(document_of(session, study_id)["rows"])
    return kept(request, squeeze(table.encode()), media_type=CSV)


@router.get(
    "/table.parquet",
    summary="A study's table as GeoParquet",
    response_class=ParquetResponse,
    responses=_file("A row for each scenario and zone.", PARQUET, {"type": "string", "format": "binary"})
    | errors(404, 409, 422),
)
def get_parquet(study_id: StudyId, session: SessionDep, settings: SettingsDep) -> Response:
    """Return a row for each scenario and zone, with the zone's polygon."""
    path = settings.study_files(study_id) / "table.parquet"
    _over(session, study_id)
    if not path.is_file():
        raise NotFound("There is no GeoParquet: this server ran without samram[report] when the study ended.")
    return ParquetResponse(path.read_bytes())


@router.get(
    "/routes.geojson",
    summary="A scenario's routes",
    response_class=GeoJsonResponse,
    responses={
        200: {"model": PlanCollection, "description": "All its routes, then what stays unserved."},
        304: {"description": "What If-None-Match names is still right."},
    }
    | errors(404, 409, 422),
)
def get_routes(
    study_id: StudyId,
    scenario: Annotated[str, Query(description="Its name.", min_length=1, max_length=200)],
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
) -> Response:
    """Return a scenario's routes on the study's first day, by its first draw, along the streets."""
    _over(session, study_id)
    names = [one["name"] for one in document_of(session, study_id)["study"]["scenario"]]
    if scenario not in names:
        raise NotFound(f"The study has no scenario {scenario!r}; it has {', '.join(map(repr, names))}.")
    path = settings.study_files(study_id) / f"{names.index(scenario)}.geojson.gz"
    if not path.is_file():
        raise NotFound(
            f"There are no routes of {scenario!r}: its first day was not planned, or an older server did it."
        )
    return kept(request, path.read_bytes(), media_type=GEOJSON)


@router.post("/resume", summary="Go on with a study", responses=errors(404, 409, 422))
def resume_study(study_id: StudyId, request: Request, session: SessionDep, studies: StudiesDep) -> StudyOut:
    """Queue a study that was cancelled or has failed again: days that are planned are not planned twice."""
    found = found_study(session, study_id)
    session.rollback()  # its own look at the row must not keep the change out
    again = {"status": "queued", "error": None, "started_at": None, "finished_at": None, "lease_until": None}
    if not change(request.app.state.engine, study_id, ("cancelled", "failed"), **again):
        raise Conflict(f"Study {study_id!r} is {found.status}; only one that was cancelled or has failed can go on.")
    studies.wake()
    session.expire_all()
    return found_study(session, study_id)


def _over(session: SessionDep, study_id: str) -> None:
    found = found_study(session, study_id)
    if found.status != "done":
        raise Conflict(f"Study {study_id!r} is {found.status}; its files are there when it is done.")
