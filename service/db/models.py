"""The tables. A table class is never a request body and never a reply: both have models of their own.

``city`` 1 - n ``city_version`` 1 - n ``run`` 1 - 0..1 ``plan`` 1 - n ``route``; ``city`` 1 - n ``device``, ``reading``,
``quarantine``. Which plan a day follows stands in ``service.db.plan_life``.
"""

import datetime as dt
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

# Constraints without a name cannot be changed by a later migration on SQLite.
NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware moment, stored in UTC; SQLite, which keeps no offset, gives it back aware all the same."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, _dialect: Dialect) -> dt.datetime | None:
        """Return the moment in UTC; ValueError if it is naive."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"The moment {value.isoformat()} has no time zone; an aware datetime is expected.")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, _dialect: Dialect) -> dt.datetime | None:
        """Return the moment aware."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=dt.UTC)


class Table(SQLModel):
    """What all tables share: one catalogue of them, in which every constraint has a name."""

    metadata = MetaData(naming_convention=NAMING)


class CityRow(Table, table=True):
    """A city under its short name; ``content_hash`` says which of its versions is in use."""

    __tablename__ = "city"

    id: str = Field(primary_key=True)
    name: str
    content_hash: str
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    updated_at: dt.datetime = Field(sa_type=UtcDateTime)


class CityVersionRow(Table, table=True):
    """One content of a city: the archive as it was handed in, and what is shown of it without reading it again."""

    __tablename__ = "city_version"
    __table_args__ = (UniqueConstraint("city_id", "content_hash"),)

    id: int | None = Field(default=None, primary_key=True)
    city_id: str = Field(foreign_key="city.id", index=True)
    content_hash: str
    imported_at: dt.datetime = Field(sa_type=UtcDateTime)
    summary: dict[str, Any] = Field(sa_type=JSON)
    archive: bytes = Field(sa_type=LargeBinary)


class RunRow(Table, table=True):
    """One execution of the solver; this row is the truth about it.

    A running run holds a lease that its server renews: when the lease is over, the server is gone. ``attempts`` counts
    how often it was begun; what an earlier attempt still writes no longer counts.
    """

    __tablename__ = "run"

    id: str = Field(primary_key=True)
    city_version_id: int = Field(foreign_key="city_version.id", index=True)
    service_date: dt.date
    seconds: int
    seed: int = Field(sa_type=BigInteger)
    status: str = Field(index=True)
    stage: str | None = None
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    started_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease_until: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    progress: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    error: str | None = None
    attempts: int = 0
    steps: int | None = None


class PlanRow(Table, table=True):
    """A judged plan: what is shown of it without opening its document, and the documents made from it once (gzip).

    A plan never changes. Editing it makes another one with ``parent_id``; of two who edit the same plan at the same
    time one is refused by the index. What a plan took over from its parent is not stored again: ``problem_from`` names
    the plan whose document holds the problem, and ``routes_geojson`` is empty until the routes are drawn.
    """

    __tablename__ = "plan"
    __table_args__ = (
        Index(
            "uq_plan_parent_id",
            "parent_id",
            unique=True,
            sqlite_where=text("discarded_at IS NULL"),
            postgresql_where=text("discarded_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    run_id: str | None = Field(default=None, foreign_key="run.id", unique=True)
    city_version_id: int = Field(foreign_key="city_version.id", index=True)
    service_date: dt.date
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    summary: dict[str, Any] = Field(sa_type=JSON)
    document: bytes = Field(sa_type=LargeBinary)
    routes_geojson: bytes | None = Field(default=None, sa_type=LargeBinary)
    places: bytes | None = Field(default=None, sa_type=LargeBinary)
    parent_id: str | None = Field(default=None, foreign_key="plan.id")
    problem_from: str | None = Field(default=None, foreign_key="plan.id")
    revision: int = 1
    edits: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    discarded_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)


class RouteRow(Table, table=True):
    """One route of a plan as its driver's GeoJSON (gzip)."""

    __tablename__ = "route"
    __table_args__ = (UniqueConstraint("plan_id", "shift"),)

    id: int | None = Field(default=None, primary_key=True)
    plan_id: str = Field(sa_column=Column(ForeignKey("plan.id", ondelete="CASCADE"), nullable=False, index=True))
    vehicle: str
    shift: str
    geojson: bytes = Field(sa_type=LargeBinary)


class DeviceRow(Table, table=True):
    """A sensor: which container it sits in since when, what it speaks, and how its distance becomes a fill."""

    __tablename__ = "device"

    city_id: str = Field(primary_key=True, foreign_key="city.id")
    id: str = Field(primary_key=True)
    container: str | None = None
    codec: str | None = None
    empty_mm: float | None = None
    full_mm: float | None = None
    offset_mm: float = 0.0
    shape: str = "straight"
    active_from: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    active_to: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)


LongKey: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in an INTEGER alone


class ReadingRow(Table, table=True):
    """What somebody said about a container, once.

    ``device`` is the sensor, or ``@kind/container`` where no sensor spoke; ``counter`` is -1 where nobody counts, so
    that the key holds nothing that is unknown. Times are microseconds since 1970, UTC. No foreign key: the writer
    looks the city up before it writes, and thousands of rows a second need not ask again.
    """

    __tablename__ = "reading"
    __table_args__ = (
        UniqueConstraint("city_id", "device", "counter", "time_us"),
        Index("ix_reading_city_id_container_time_us", "city_id", "container", "time_us"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=LongKey)
    city_id: str
    device: str
    counter: int = Field(sa_type=BigInteger)
    session: str
    container: str
    time_us: int = Field(sa_type=BigInteger)
    kind: str
    fill: float | None = None
    kg: float | None = None
    distance_mm: float | None = None
    battery: float | None = None
    temperature_c: float | None = None
    tilted: bool
    source: str
    received_us: int = Field(sa_type=BigInteger)


class QuarantineRow(Table, table=True):
    """What came in and is not believed, as it came, with the reason; ``digest`` tells one sent twice."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("city_id", "digest"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=LongKey)
    city_id: str
    digest: str
    source: str
    reason: str
    detail: str
    device: str | None = None
    container: str | None = None
    raw: str
    received_at: dt.datetime = Field(sa_type=UtcDateTime)
    resolved_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
