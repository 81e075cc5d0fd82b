"""Answers to requests that were sent with an Idempotency-Key, so that one that is sent again is answered again."""

import datetime as dt

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field

from service.db.models import Table, UtcDateTime


class AnswerRow(Table, table=True):
    """The answer to one request; without a status it is being worked on, until ``expires_at`` at most."""

    __tablename__ = "answer"

    key: str = Field(primary_key=True)
    request_hash: str
    status: int | None = None
    headers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    expires_at: dt.datetime = Field(sa_type=UtcDateTime, index=True)
