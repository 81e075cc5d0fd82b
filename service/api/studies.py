"""Studies: ask for one, follow it, read its table, compare two of its scenarios, fetch its brief."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, cast
from uuid import uuid4

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import Field
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool

from scenarios.changes.case import ScenarioRefused
from service.api.deps import CitiesDep, CityId, SessionDep, SettingsDep, StudiesDep, StudyId
from service.api.replies import GEOJSON, errors, kept
from service.api.schemas import In, Out
from service.clock import utc_now
from service.db.documents import unsqueeze
from service.db.models import CityVersionRow
from service.db.studies import StudyRow
from service.jobs.studies import change, files_of
from service.problems import Conflict, FieldError, InvalidRequest, NotFound
from service.settings import Settings

router = APIRouter(prefix="/v1", tags=["studies"])

_NO_DOCUMENT: Final = (defer(StudyRow.document), defer(StudyRow.brief))  # type: ignore[arg-type]  # SQLModel types columns as their values
_FOLLOWED_EVERY_S: Final = 0.5
_OVER: Final = ("done", "failed", "cancelled")
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events: `progress` with the study as data, the last one when it is over.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The brief.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "What If-None-Match names is still right."},
}


_TYPES: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".geojson": GEOJSON,
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
}
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file.", "content": {kind.partition(";")[0]: _BYTES for kind in _TYPES.values()}},
    304: {"description": "What If-None-Match names is still right."},
}


class PdfResponse(Response):
    """A reply of PDF."""

    media_type = "application/pdf"


class StudyIn(In):
    """A study, in the words of docs/studies.md."""

    name: str = Field(default="study", min_length=1, max_length=200)
    days: list[str] | None = Field(default=None, min_length=1, max_length=366, description="Service days.")
    from_day: str | None = Field(default=None, alias="from", description="First of `count` days, in place of `days`.")
    count: int | None = Field(default=None, ge=1, le=366)
    seeds: int = Field(default=3, ge=1, le=1_000, description="Draws of each day's waste.")
    seconds: float | None = Field(default=None, gt=0, description="Of search for each day; 5 without steps.")
    steps: int | None = Field(default=None, ge=1, description="Of search, in place of seconds: reproducible.")
    reserve: float = Field(default=0.1, ge=0, le=0.5, description="Share of shifts and trucks that plans leave free.")
    samples: int = Field(default=200, ge=1, le=10_000, description="How often each plan is lived through.")
    fleet: str | dict[str, Any] | None = Field(default=None, description="Fleets to compare.", examples=["3..12"])
    search: bool = Field(default=False, description="Of the fleets, halve to the smallest that serves everything.")
    scenario: list[dict[str, Any]] = Field(default_factory=list, max_length=500)


class StudyOut(Out):
    """How far a study is."""

    id: str
    city_id: str
    name: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    done: int = Field(description="Days planned, of all scenarios and draws.")
    total: int = Field(description="0 until it has begun.")
    error: str | None


class StudyList(Out):
    """The studies of a city."""

    studies: list[StudyOut]


class StudyResults(Out):
    """A study's table and cells; units are in docs/studies.md and docs/kpis.md."""

    study: dict[str, Any]
    city: dict[str, str]
    currency: str
    cancelled: bool
    answer: str = Field(description="How many vehicles the city needs; empty where the study compares no fleets.")
    rows: list[dict[str, Any]]
    differences: dict[str, dict[str, Any]]
    cells: list[dict[str, Any]]
    failures: list[dict[str, Any]]


class FileOut(Out):
    """A file that a study hands out."""

    name: str
    media_type: str
    bytes: int


class FileList(Out):
    """The table, charts, routes of each scenario on the first day, and the brief, as files."""

    files: list[FileOut]


class DifferenceOut(Out):
    """How much more of a figure one scenario has, day by day and draw by draw, with its 95 % interval."""

    mean: float
    low: float | None = Field(description="Null where one pair alone says nothing of the width.")
    high: float | None
    pairs: int


class ComparisonOut(Out):
    """Two scenarios held against each other: ``one`` minus ``other``."""

    one: str
    other: str
    differences: dict[str, DifferenceOut]


@router.post(
    "/cities/{city_id}/studies",
    summary="Ask for a study",
    status_code=HTTPStatus.ACCEPTED,
    responses=errors(400, 404, 413, 422),
)
def ask_for_study(
    city_id: CityId,
    wanted: StudyIn,
    response: Response,
    session: SessionDep,
    cities: CitiesDep,
    settings: SettingsDep,
    studies: StudiesDep,
) -> StudyOut:
    """Queue a study and answer at once; Location says where to ask how far it is."""
    version = cities.current(session, city_id)
    name, asked = checked(wanted, settings)
    assert version.id is not None
    row = StudyRow(
        id=uuid4().hex,
        city_version_id=version.id,
        name=name,
        asked=asked,
        status="queued",
        created_at=utc_now(),
    )
    session.add(row)
    session.commit()
    studies.wake()
    response.headers["Location"] = f"/v1/studies/{row.id}"
    return _out(row, city_id)


@router.get("/cities/{city_id}/studies", summary="List a city's studies", responses=errors(404, 422))
def list_studies(city_id: CityId, session: SessionDep, cities: CitiesDep) -> StudyList:
    """Return the studies of all versions of a city, the newest first."""
    cities.current(session, city_id)
    rows = session.exec(
        select(StudyRow)
        .join(CityVersionRow)
        .where(CityVersionRow.city_id == city_id)
        .options(*_NO_DOCUMENT)
        .order_by(col(StudyRow.created_at).desc())
    )
    return StudyList(studies=[_out(row, city_id) for row in rows])


@router.get("/studies/{study_id}", summary="How far a study is", responses=errors(404, 422))
def get_study(study_id: StudyId, session: SessionDep) -> StudyOut:
    """Return its state, and how many of its days are planned."""
    return found_study(session, study_id)


@router.get(
    "/studies/{study_id}/progress",
    summary="Follow a study",
    response_class=StreamingResponse,
    responses=_STREAM | errors(404, 422),
)
async def follow_study(study_id: StudyId, request: Request) -> StreamingResponse:
    """Send how far a study is whenever it changes, until it is over."""
    engine = request.app.state.engine

    def look() -> StudyOut:
        with Session(engine) as session:
            return found_study(session, study_id)

    first = await run_in_threadpool(look)

    async def events() -> AsyncIterator[str]:
        told: StudyOut | None = None
        now = first
        while True:
            if now != told:
                told = now
                yield f"event: progress\ndata: {now.model_dump_json()}\n\n"
            if now.status in _OVER or await request.is_disconnected():
                return
            await asyncio.sleep(_FOLLOWED_EVERY_S)
            now = await run_in_threadpool(look)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.post("/studies/{study_id}/cancel", summary="Cancel a study", responses=errors(404, 409, 422))
def cancel_study(study_id: StudyId, request: Request, session: SessionDep, studies: StudiesDep) -> StudyOut:
    """End a study; what is done stays in its table. Cancelling twice is as good as once."""
    found = found_study(session, study_id)
    session.rollback()  # its own look at the row must not keep the change out
    values = {"status": "cancelled", "finished_at": utc_now()}
    if not change(request.app.state.engine, study_id, ("queued", "running"), **values) and found.status != "cancelled":
        raise Conflict(f"Study {study_id!r} is over ({found.status}); only one that waits or runs can be cancelled.")
    studies.wake()
    session.expire_all()
    return found_study(session, study_id)


@router.get("/studies/{study_id}/results", summary="A study's table", responses=errors(404, 409, 422))
def get_results(study_id: StudyId, session: SessionDep) -> StudyResults:
    """Return a row for each scenario, every difference with its interval, and every cell."""
    return StudyResults.model_validate(document_of(session, study_id))


@router.get("/studies/{study_id}/compare", summary="Compare two scenarios", responses=errors(404, 409, 422))
def compare(
    study_id: StudyId,
    one: Annotated[str, Query(description="Name of a scenario.", min_length=1, max_length=200)],
    other: Annotated[str, Query(description="Name of the one that is taken away.", min_length=1, max_length=200)],
    session: SessionDep,
) -> ComparisonOut:
    """Return ``one`` minus ``other`` in every figure, paired by day and draw."""
    figures: dict[str, dict[tuple[str, int], dict[str, float]]] = {}
    for cell in document_of(session, study_id)["cells"]:
        figures.setdefault(cell["scenario"], {})[cell["date"], cell["seed"]] = cell["figures"]
    for name in (one, other):
        if name not in figures:
            raise NotFound(f"The study has no days of a scenario {name!r}; it has {', '.join(map(repr, figures))}.")
    pairs = [(figures[one][key], figures[other][key]) for key in figures[one] if key in figures[other]]
    if not pairs:
        raise Conflict(f"The scenarios {one!r} and {other!r} have no day in common that was planned for both.")
    from scenarios.compare import interval  # noqa: PLC0415 - as above

    found = {name: interval([a[name] - b[name] for a, b in pairs]) for name in pairs[0][0]}
    known = len(pairs) > 1
    return ComparisonOut(
        one=one,
        other=other,
        differences={
            name: DifferenceOut(
                mean=value.mean, low=value.low if known else None, high=value.high if known else None, pairs=value.pairs
            )
            for name, value in found.items()
        },
    )


@router.get(
    "/studies/{study_id}/brief.pdf",
    summary="A study's brief",
    response_class=PdfResponse,
    responses=_PDF | errors(404, 409, 422),
)
def get_brief(study_id: StudyId, request: Request, session: SessionDep) -> Response:
    """Return the brief as PDF: the answer, the table, charts, what bound each scenario."""
    row = _row(session, study_id)
    if row.status != "done":
        raise Conflict(f"Study {study_id!r} is {row.status}; its brief is there when it is done.")
    if row.brief is None:
        raise NotFound("There is no brief: this server runs without samram[report], or every scenario failed.")
    return kept(request, row.brief, media_type="application/pdf")


@router.get("/studies/{study_id}/files", summary="A study's files", responses=errors(404, 409, 422))
def list_files(study_id: StudyId, session: SessionDep, settings: SettingsDep) -> FileList:
    """Name what the study hands out: CSV, GeoParquet, JSON, charts as SVG, GeoJSON of each scenario's routes."""
    found = _files(session, settings, study_id)
    return FileList(
        files=[
            FileOut(name=name, media_type=_TYPES[PurePath(name).suffix], bytes=size)
            for name, (_, size) in found.items()
        ]
    )


@router.get(
    "/studies/{study_id}/files/{name}",
    summary="One of a study's files",
    response_class=FileResponse,
    responses=_FILE | errors(404, 409, 422),
)
def get_file(
    study_id: StudyId,
    name: Annotated[str, Path(description="One that the list of files has.", min_length=1, max_length=120)],
    session: SessionDep,
    settings: SettingsDep,
) -> FileResponse:
    """Return a file to be kept."""
    found = _files(session, settings, study_id)
    if name not in found:
        raise NotFound(f"The study hands out no {name!r}; it has {', '.join(map(repr, found)) or 'no files'}.")
    return FileResponse(found[name][0], media_type=_TYPES[PurePath(name).suffix], filename=name)


def _files(session: Session, settings: Settings, study_id: str) -> dict[str, tuple[PurePath, int]]:
    """Return where each file of a study lies and its bytes, by name; only names from here are ever opened."""
    row = _row(session, study_id)
    if row.status != "done":
        raise Conflict(f"Study {study_id!r} is {row.status}; its files are there when it is done.")
    paths = sorted(path for path in files_of(settings, study_id).rglob("*") if path.suffix in _TYPES and path.is_file())
    return {path.name: (path, path.stat().st_size) for path in paths}


def checked(wanted: StudyIn, settings: Settings) -> tuple[str, dict[str, Any]]:
    """Return a study's name and what was asked in full; InvalidRequest with the sentence of whatever is wrong."""
    from scenarios.study import fleets  # noqa: PLC0415 - compiled code, which a server starts without
    from scenarios.studyfile import decode_study, encode_study  # noqa: PLC0415 - the same

    document = wanted.model_dump(by_alias=True, exclude_none=True)
    search = document.pop("search")
    try:
        study = decode_study(document)
    except ScenarioRefused as error:
        raise InvalidRequest([FieldError(place="body", message=str(error), value="")]) from error
    if search and len(fleets(study)) < len(study.scenarios):
        message = "The smallest fleet is searched among fleets alone; expected fleet and no scenario."
        raise InvalidRequest([FieldError(place="body/search", message=message, value="true")])
    if len(study.cells) > settings.max_study_cells:
        message = (
            f"The study plans {len(study.cells):,} days; this server accepts at most {settings.max_study_cells:,}."
        )
        raise InvalidRequest([FieldError(place="body", message=message, value="")])
    if study.budget.seconds is not None and study.budget.seconds > settings.max_solve_s:
        message = f"This server searches for at most {settings.max_solve_s} seconds."
        raise InvalidRequest([FieldError(place="body/seconds", message=message, value=str(study.budget.seconds))])
    return study.name, encode_study(study) | ({"search": True} if search else {})


def _row(session: Session, study_id: str) -> StudyRow:
    row = session.get(StudyRow, study_id)
    if row is None:
        raise NotFound(f"There is no study {study_id!r}.")
    return row


def found_study(session: Session, study_id: str) -> StudyOut:
    """Return how far a study is, without reading what came of it."""
    found = session.exec(
        select(StudyRow, CityVersionRow.city_id)
        .join(CityVersionRow)
        .where(StudyRow.id == study_id)
        .options(*_NO_DOCUMENT)
    ).first()
    if found is None:
        raise NotFound(f"There is no study {study_id!r}.")
    return _out(*found)


def document_of(session: Session, study_id: str) -> dict[str, Any]:
    """Return what came of a study."""
    row = _row(session, study_id)
    if row.document is None:
        raise Conflict(f"Study {study_id!r} is {row.status}; its table is there when it is done.")
    document: dict[str, Any] = json.loads(unsqueeze(row.document))
    return document


def _out(row: StudyRow, city_id: str) -> StudyOut:
    return StudyOut(
        id=row.id,
        city_id=city_id,
        name=row.name,
        status=cast("Any", row.status),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        done=row.done,
        total=row.total,
        error=row.error,
    )
