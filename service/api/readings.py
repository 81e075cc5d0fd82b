"""Readings come in, in the form that each sender speaks, and are read again."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool

from service.api.deps import CITY_ID, CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import Out
from service.api.short_way import ShortWay
from service.auth.permit import speaks_for_itself
from service.db.models import ReadingRow
from service.ingest import csv_rows, lorawan, ngsi_ld, plain
from service.ingest.body import json_of
from service.ingest.report import OLDEST_KEPT_US, OLDEST_LIVE_US, Item, Refused, microseconds, moment_of
from service.ingest.store import STORED, Batch, Outcome, Status
from service.ingest.verdict import NO_COUNTER
from service.ingest.writer import Writer, now_us
from service.problems import FieldError, InvalidRequest, TooLarge

router = APIRouter(prefix="/v1/cities/{city_id}", tags=["readings"])

_ROWS_AT_ONCE: Final = 1_000
_ERRORS: Final = errors(400, 404, 409, 413, 422, 503, 507)


class OutcomeOut(Out):
    """What became of one reading."""

    status: Status
    reason: str | None = Field(default=None, description="Why it is not stored; stable, for programs.")
    detail: str | None = Field(default=None, description="The reason in a sentence.")
    row: int | None = Field(default=None, description="Of a file: the line as an editor counts, the header being 1.")


class ReceivedOut(Out):
    """What became of all readings of a request; the four counts add up to ``received``."""

    received: int
    stored: int
    duplicate: int = Field(description="Stored before.")
    quarantined: int = Field(description="Kept aside with a reason, and not believed.")
    refused: int = Field(description="Nobody's reading; kept nowhere.")
    results: list[OutcomeOut] = Field(description="For each reading in order; of a file only those not stored.")


class ReadingOut(Out):
    """A reading as it is stored."""

    container: str
    device: str | None = Field(description="The sensor; null where no sensor spoke.")
    time: AwareDatetime
    counter: int | None
    kind: str = Field(description="reading, emptying, tap (a driver's) or citizen.")
    fill: float | None = Field(description="0..1")
    kg: float | None
    distance_mm: float | None
    battery_percent: float | None
    temperature_c: float | None
    tilted: bool
    source: str = Field(description="The form in which it came.")
    received_at: AwareDatetime


class ReadingList(Out):
    """Readings, the newest first."""

    readings: list[ReadingOut]
    more: bool = Field(description="There are older ones; ask for them with until = the last one's time.")


def _accepts(description: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"requestBody": {"required": True, "description": description, "content": {kind: {"schema": schema}}}}


_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
_PLAIN: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": True,
    "required": ["time"],
    "properties": {
        "device": {"type": "string"},
        "container": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "counter": {"type": "integer", "minimum": 0},
        "session": {"type": "string"},
        "kind": {"enum": ["reading", "emptying", "tap", "citizen"], "default": "reading"},
        "fill": {"type": "number", "minimum": 0, "maximum": 1},
        "fill_percent": {"type": "number", "minimum": 0, "maximum": 100},
        "distance_mm": {"type": "number", "minimum": 0},
        "kg": {"type": "number", "minimum": 0},
        "battery_percent": {"type": "number", "minimum": 0, "maximum": 100},
        "temperature_c": {"type": "number"},
        "tilted": {"type": "boolean"},
    },
}
_TAKES: Final[dict[str, Any]] = {"responses": _ERRORS | {200: {"model": ReceivedOut}}, "response_class": Response}


@router.post(
    "/readings",
    summary="Send readings",
    openapi_extra=_accepts(
        "One reading or a list of them, also from drivers (kind tap) and citizens (kind citizen).",
        {"oneOf": [_PLAIN, {"type": "array", "items": _PLAIN}]},
    ),
    **_TAKES,
)
async def post_readings(city_id: CityId, request: Request) -> Response:  # noqa: ARG001 - in the path, for OpenAPI
    """Store readings, each by itself: one that is wrong does not hold up the others. Answers after the commit."""
    return await _take_plain(request, await request.body())


async def _take_plain(request: Request, body: bytes) -> Response:
    city_id: str = request.path_params["city_id"]
    return await _take(request, city_id, "http", plain.reports(_json(body), city_id=city_id))


SHORT_WAY: Final = ShortWay(
    "/v1/cities/{city_id}/readings", re.compile(f"/v1/cities/(?P<city_id>{CITY_ID})/readings"), _take_plain
)


@router.post(
    "/ingest/things-stack",
    summary="Webhook of The Things Stack v3",
    openapi_extra=_accepts("An uplink message.", _OBJECT),
    **_TAKES,
)
async def post_things_stack(city_id: CityId, request: Request) -> Response:
    """Store the reading of an uplink; the device's codec and calibration make a fill of it."""
    return await _take(request, city_id, "things-stack", lorawan.things_stack(_json(await request.body())))


@router.post(
    "/ingest/chirpstack",
    summary="HTTP integration of ChirpStack v4",
    openapi_extra=_accepts("An event.", _OBJECT),
    **_TAKES,
)
async def post_chirpstack(
    city_id: CityId, request: Request, event: Annotated[str, Query(max_length=20)] = "up"
) -> Response:
    """Store the reading of an uplink; events other than up carry none and are refused in the reply."""
    return await _take(request, city_id, "chirpstack", lorawan.chirpstack(_json(await request.body()), event))


@router.post(
    "/ingest/ngsi-ld",
    summary="Entities or a notification of NGSI-LD",
    openapi_extra=_accepts("WasteContainer, normalised or key-values: one, a list, or a notification.", _OBJECT),
    **_TAKES,
)
async def post_ngsi_ld(city_id: CityId, request: Request) -> Response:
    """Store what entities say of fills and emptyings."""
    return await _take(request, city_id, "ngsi-ld", ngsi_ld.reports(_json(await request.body())))


@router.post(
    "/readings.csv",
    summary="Send a history as a file",
    openapi_extra=_accepts("CSV with a header.", {"type": "string"}, "text/csv"),
    **_TAKES,
)
async def post_csv(city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep) -> Response:
    """Store the rows of a CSV file; what is wrong is listed with its line. Sending it again changes nothing."""
    timezone = await run_in_threadpool(_timezone, session, cities, city_id)
    try:
        rows = csv_rows.reports(await request.body(), city_id=city_id, zone=ZoneInfo(timezone))
    except Refused as error:
        raise InvalidRequest([FieldError(place="body", message=error.detail)]) from error
    counts = dict.fromkeys(Status, 0)
    told: list[OutcomeOut] = []
    while part := await run_in_threadpool(_next_rows, rows):
        items = [item for _, item in part]
        speaks_for_itself(request, items)
        batch = _batch(city_id, "csv", items, OLDEST_KEPT_US)
        outcomes = await _written(request, batch)
        for (row, _), outcome in zip(part, outcomes, strict=True):
            counts[outcome.status] += 1
            if outcome.status is not Status.STORED:
                told.append(
                    OutcomeOut(status=outcome.status, reason=outcome.reason, detail=outcome.detail, row=row),
                )
    return _reply(counts, [one.model_dump(exclude_none=True) for one in told])


def _timezone(session: Session, cities: CitiesDep, city_id: str) -> str:
    return str(cities.current(session, city_id).summary["timezone"])


def _next_rows(rows: Iterator[tuple[int, Item]]) -> list[tuple[int, Item]]:
    return list(islice(rows, _ROWS_AT_ONCE))


def _json(body: bytes) -> Any:
    try:
        return json_of(body)
    except Refused as error:
        raise InvalidRequest([FieldError(place="body", message=error.detail)]) from error


async def _take(request: Request, city_id: str, source: str, items: Sequence[Item]) -> Response:
    most: int = request.app.state.settings.max_batch_readings
    if len(items) > most:
        raise TooLarge(f"The request brings {len(items):,} readings; this server takes at most {most:,}.")
    speaks_for_itself(request, items)
    received_us = now_us()
    batch = _batch(city_id, source, items, received_us - OLDEST_LIVE_US, received_us)
    outcomes = await _written(request, batch)
    counts = dict.fromkeys(Status, 0)
    counts[Status.STORED] = sum(outcome is STORED for outcome in outcomes)
    for outcome in outcomes:
        if outcome is not STORED:
            counts[outcome.status] += 1
    return _reply(counts, [_TOLD_STORED if outcome is STORED else _told(outcome) for outcome in outcomes])


def _batch(city_id: str, source: str, items: Sequence[Item], oldest_us: int, received_us: int | None = None) -> Batch:
    received_us = now_us() if received_us is None else received_us
    return Batch(city_id=city_id, source=source, items=items, received_us=received_us, oldest_us=oldest_us)


async def _written(request: Request, batch: Batch) -> list[Outcome]:
    writer: Writer = request.app.state.writer
    return await writer.submit_here(batch)


_TOLD_STORED: Final = {"status": Status.STORED.value}


def _told(outcome: Outcome) -> dict[str, str]:
    if outcome.reason is None:
        return {"status": outcome.status.value}
    return {"status": outcome.status.value, "reason": outcome.reason, "detail": outcome.detail or ""}


def _reply(counts: dict[Status, int], results: Sequence[dict[str, Any]]) -> Response:
    body = {"received": sum(counts.values())} | {status.value: count for status, count in counts.items()}
    return Response(orjson.dumps({**body, "results": results}), media_type="application/json")


@router.get("/readings", summary="Look at readings", responses=errors(404, 409, 422, 503))
def get_readings(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    container: Annotated[str | None, Query(max_length=200, pattern="^[^\\x00-\\x1f]*$")] = None,
    device: Annotated[str | None, Query(max_length=200, pattern="^[^\\x00-\\x1f]*$")] = None,
    since: Annotated[AwareDatetime | None, Query(description="From this moment on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this moment.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> ReadingList:
    """Return what is stored of a city, a container or a device, the newest first."""
    cities.current(session, city_id)
    asked = select(ReadingRow).where(ReadingRow.city_id == city_id)
    if container is not None:
        asked = asked.where(ReadingRow.container == container)
    if device is not None:
        asked = asked.where(ReadingRow.device == device.lower())
    if since is not None:
        asked = asked.where(ReadingRow.time_us >= microseconds(since))
    if until is not None:
        asked = asked.where(ReadingRow.time_us < microseconds(until))
    rows = session.exec(asked.order_by(col(ReadingRow.time_us).desc(), col(ReadingRow.id)).limit(limit + 1)).all()
    return ReadingList(readings=[_reading_out(row) for row in rows[:limit]], more=len(rows) > limit)


def _reading_out(row: ReadingRow) -> ReadingOut:
    return ReadingOut(
        container=row.container,
        device=None if row.device.startswith("@") else row.device,
        time=moment_of(row.time_us),
        counter=None if row.counter == NO_COUNTER else row.counter,
        kind=row.kind,
        fill=row.fill,
        kg=row.kg,
        distance_mm=row.distance_mm,
        battery_percent=row.battery,
        temperature_c=row.temperature_c,
        tilted=row.tilted,
        source=row.source,
        received_at=moment_of(row.received_us),
    )
