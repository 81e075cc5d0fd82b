"""The tables of driving: what phones report, and what drivers and dispatchers state about streets."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field

from service.db.models import LongKey, Table, UtcDateTime


class DriverEventRow(Table, table=True):
    """One event of a phone, once: (city, phone, sequence) names it, ``digest`` tells another body under its name.

    The phone's id is the driver's only name here; erasing a driver replaces it.
    """

    __tablename__ = "driver_event"
    __table_args__ = (
        UniqueConstraint("city_id", "phone", "sequence"),
        Index("ix_driver_event_city_id_service_date_shift", "city_id", "service_date", "shift"),
        Index("ix_driver_event_kind_time_us", "kind", "time_us"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=LongKey)
    city_id: str = Field(foreign_key="city.id")
    phone: str
    sequence: int = Field(sa_type=BigInteger)
    service_date: dt.date
    shift: str
    time_us: int = Field(sa_type=BigInteger)
    kind: str
    subject: str | None = None
    plan_id: str | None = None
    body: dict[str, Any] = Field(sa_type=JSON)
    digest: str
    received_us: int = Field(sa_type=BigInteger)


class ErasedPhoneRow(Table, table=True):
    """A phone whose driver had everything erased; only the hash of its id is kept, so that it cannot come back."""

    __tablename__ = "erased_phone"

    city_id: str = Field(primary_key=True, foreign_key="city.id")
    digest: str = Field(primary_key=True)
    erased_at: dt.datetime = Field(sa_type=UtcDateTime)


class OverlayRow(Table, table=True):
    """A change to the streets that a driver or a dispatcher stated, beside those of the city's files."""

    __tablename__ = "overlay"

    city_id: str = Field(primary_key=True, foreign_key="city.id")
    id: str = Field(primary_key=True)
    kind: str
    source: str
    note: str | None = None
    valid_from: dt.date
    expires: dt.date
    geometry: dict[str, Any] = Field(sa_type=JSON)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    ended_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)


class PlanStreetsRow(Table, table=True):
    """Which stated changes to the streets a plan was made with, beside those of the city's files."""

    __tablename__ = "plan_streets"

    plan_id: str = Field(sa_column=Column(ForeignKey("plan.id", ondelete="CASCADE"), primary_key=True))
    overlays: list[str] = Field(sa_type=JSON)


class ReplanRow(Table, table=True):
    """A run that plans the rest of a running day: what it began from, what was asked, and what came of it.

    ``at_s`` is the moment of asking, on the clock of the service day.
    """

    __tablename__ = "replan"

    run_id: str = Field(sa_column=Column(ForeignKey("run.id"), primary_key=True))
    city_id: str = Field(foreign_key="city.id")
    service_date: dt.date
    base_plan_id: str = Field(foreign_key="plan.id")
    at_s: int
    request: dict[str, Any] = Field(sa_type=JSON)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)


class LikenessRow(Table, table=True):
    """A run whose plan is to be like another one; ``max_moved`` is the share of the visits that may change shifts."""

    __tablename__ = "likeness"

    run_id: str = Field(sa_column=Column(ForeignKey("run.id"), primary_key=True))
    plan_id: str = Field(foreign_key="plan.id")
    max_moved: float | None = None
