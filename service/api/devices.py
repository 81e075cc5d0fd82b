"""Sensors: which container each sits in, what it speaks, and how its distance becomes a fill."""

import datetime as dt
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BeforeValidator, Field, model_validator
from sqlmodel import Session, col, select

from optimizer.demand.readings import LATEST_S
from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import In, Out
from service.clock import utc_now
from service.db.models import DeviceRow, ReadingRow
from service.ingest.calibration import Calibration, Shape
from service.ingest.codecs import CODECS
from service.ingest.report import OLDEST_KEPT_US, SECOND_US, a_time, device_id, moment_of
from service.ingest.verdict import NO_COUNTER
from service.problems import FieldError, InvalidRequest, NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/devices", tags=["devices"])

DeviceId = Annotated[
    str,
    Path(
        pattern="^[^@\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]{0,199}$", description="The sensor, a LoRaWAN EUI or a name."
    ),
]
Codec = Literal["milesight-em400", "percent", "dragino-ldds"]
assert set(CODECS) == {"milesight-em400", "percent", "dragino-ldds"}


def _moment(value: Any) -> dt.datetime:
    time_us = a_time(value)
    if not OLDEST_KEPT_US <= time_us < LATEST_S * SECOND_US:
        raise ValueError("a moment from 2000 to 2242 is expected")
    return moment_of(time_us)


Moment = Annotated[AwareDatetime, BeforeValidator(_moment), Field(examples=["2026-11-22T00:00:00+07:00"])]
Millimetres = Annotated[float, Field(ge=0, le=20_000)]


class DeviceIn(In):
    """A sensor. A distance needs a calibration: what it measures when the container is empty, and when it is full."""

    container: str | None = Field(default=None, max_length=200, description="Where it sits; null while in store.")
    codec: Codec | None = Field(default=None, description="What it speaks; null takes the usual names of fields.")
    empty_mm: Millimetres | None = None
    full_mm: Millimetres | None = None
    offset_mm: float = Field(default=0.0, ge=-20_000, le=20_000, description="Added to every distance first.")
    shape: Shape = Field(default="straight", description="Walls: straight, tapered downwards, or round and lying.")
    active_from: Moment | None = Field(default=None, description="Readings before are put aside.")
    active_to: Moment | None = Field(default=None, description="Readings from then on are put aside.")

    @model_validator(mode="after")
    def _calibration_is_whole(self) -> Self:
        if (self.empty_mm is None) != (self.full_mm is None):
            raise ValueError("empty_mm and full_mm are given together, or neither")
        if self.empty_mm is not None and self.full_mm is not None:
            Calibration(empty_mm=self.empty_mm, full_mm=self.full_mm, offset_mm=self.offset_mm, shape=self.shape)
        if self.active_from is not None and self.active_to is not None and self.active_to <= self.active_from:
            raise ValueError("active_to must lie after active_from")
        return self


class DeviceOut(Out):
    """A sensor as it is registered, and when it was last heard."""

    id: str
    container: str | None
    codec: str | None
    empty_mm: float | None
    full_mm: float | None
    offset_mm: float
    shape: str
    active_from: AwareDatetime | None
    active_to: AwareDatetime | None
    last_seen: AwareDatetime | None = Field(description="Time of its newest reading in this container.")
    last_counter: int | None
    battery_percent: float | None


class DeviceList(Out):
    """All registered sensors of a city."""

    devices: list[DeviceOut]


@router.get("", summary="List the sensors", responses=errors(404, 422, 503))
def list_devices(city_id: CityId, session: SessionDep, cities: CitiesDep) -> DeviceList:
    """Return every registered sensor; those that only the city's files name are not among them."""
    cities.current(session, city_id)
    rows = session.exec(select(DeviceRow).where(DeviceRow.city_id == city_id).order_by(DeviceRow.id))
    return DeviceList(devices=[_out(session, row) for row in rows])


@router.get("/{device}", summary="Look at a sensor", responses=errors(404, 422, 503))
def get_device(city_id: CityId, device: DeviceId, session: SessionDep) -> DeviceOut:
    """Return a registered sensor with its newest reading."""
    return _out(session, _found(session, city_id, device))


@router.put(
    "/{device}",
    summary="Register or change a sensor",
    responses=errors(400, 404, 409, 413, 422, 503) | {201: {"model": DeviceOut, "description": "It is new."}},
)
def put_device(
    city_id: CityId, device: DeviceId, body: DeviceIn, session: SessionDep, cities: CitiesDep, response: Response
) -> DeviceOut:
    """Register a sensor, or replace what is known of it; readings that are stored already stay as they are."""
    version = cities.current(session, city_id)
    if body.container is not None:
        assert version.id is not None
        city = cities.dataset(version.id, version.content_hash)
        if all(container.id != body.container for container in city.containers):
            raise InvalidRequest(
                [FieldError(place="body/container", message=f"City {city_id!r} has no container {body.container!r}.")]
            )
    row = session.get(DeviceRow, (city_id, device_id(device)))
    if row is None:
        row = DeviceRow(city_id=city_id, id=device_id(device), created_at=utc_now())
        response.status_code = HTTPStatus.CREATED
    for name, value in body:
        setattr(row, name, value)
    session.add(row)
    session.commit()
    return _out(session, row)


@router.delete("/{device}", summary="Forget a sensor", responses=errors(404, 422, 503))
def delete_device(city_id: CityId, device: DeviceId, session: SessionDep) -> DeviceOut:
    """Forget a sensor and return what it was; its readings stay. One that is taken down gets a date in active_to."""
    row = _found(session, city_id, device)
    found = _out(session, row)
    session.delete(row)
    session.commit()
    return found


def _found(session: Session, city_id: str, device: str) -> DeviceRow:
    row = session.get(DeviceRow, (city_id, device_id(device)))
    if row is None:
        raise NotFound(f"There is no device {device!r} in city {city_id!r}.")
    return row


def _out(session: Session, row: DeviceRow) -> DeviceOut:
    newest = None
    if row.container is not None:
        newest = session.exec(
            select(ReadingRow)
            .where(ReadingRow.city_id == row.city_id, ReadingRow.container == row.container)
            .where(ReadingRow.device == row.id)
            .order_by(col(ReadingRow.time_us).desc())
            .limit(1)
        ).first()
    return DeviceOut(
        id=row.id,
        container=row.container,
        codec=row.codec,
        empty_mm=row.empty_mm,
        full_mm=row.full_mm,
        offset_mm=row.offset_mm,
        shape=row.shape,
        active_from=row.active_from,
        active_to=row.active_to,
        last_seen=None if newest is None else moment_of(newest.time_us),
        last_counter=None if newest is None or newest.counter == NO_COUNTER else newest.counter,
        battery_percent=None if newest is None else newest.battery,
    )
