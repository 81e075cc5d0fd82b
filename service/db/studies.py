"""The table of studies: what was asked, how far it is, and what came of it."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field

from service.db.models import Table, UtcDateTime


class StudyRow(Table, table=True):
    """One study of a city's version; this row is the truth about it.

    ``done`` and ``total`` count cells. ``document`` is the whole result as JSON and ``brief`` the PDF, both gzip; cells
    that are done are files in the server's home, so that a study goes on where a restart has cut it short.
    """

    __tablename__ = "study"

    id: str = Field(primary_key=True)
    city_version_id: int = Field(foreign_key="city_version.id", index=True)
    name: str
    asked: dict[str, Any] = Field(sa_type=JSON)
    status: str = Field(index=True)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    started_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease_until: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)
    done: int = 0
    total: int = 0
    error: str | None = None
    document: bytes | None = Field(default=None, sa_type=LargeBinary)
    brief: bytes | None = Field(default=None, sa_type=LargeBinary)
