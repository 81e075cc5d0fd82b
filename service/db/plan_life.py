"""A plan's life: which plan of a day is published, and which were before it.

``city`` 1 - n ``service_day`` 1 - n ``publication`` n - 1 ``plan``
"""

import datetime as dt

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from service.db.models import Table, UtcDateTime


class DayRow(Table, table=True):
    """A service day of a city that has a published plan; its key is why it never has two."""

    __tablename__ = "service_day"

    city_id: str = Field(primary_key=True, foreign_key="city.id")
    service_date: dt.date = Field(primary_key=True)
    state: str
    version: int
    plan_id: str = Field(foreign_key="plan.id", index=True)
    published_at: dt.datetime = Field(sa_type=UtcDateTime)
    started_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)


class PublicationRow(Table, table=True):
    """One version of a day: the plan that was published, from when to when."""

    __tablename__ = "publication"
    __table_args__ = (
        ForeignKeyConstraint(["city_id", "service_date"], ["service_day.city_id", "service_day.service_date"]),
        UniqueConstraint("city_id", "service_date", "version"),
        Index("ix_publication_plan_id", "plan_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    city_id: str
    service_date: dt.date
    version: int
    plan_id: str = Field(foreign_key="plan.id")
    published_at: dt.datetime = Field(sa_type=UtcDateTime)
    replaced_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
