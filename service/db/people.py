"""The tables of people, keys and what they did. Of a secret only a hash is stored."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index
from sqlmodel import Field

from service.db.models import LongKey, Table, UtcDateTime


def _account() -> Column[str]:
    return Column(ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True)


class AccountRow(Table, table=True):
    """A person who signs in. ``role`` holds in every city; ``membership`` has those of single cities."""

    __tablename__ = "account"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    password_hash: str | None = None
    role: str | None = None
    created_at: dt.datetime = Field(sa_type=UtcDateTime)


class MembershipRow(Table, table=True):
    """A person's role in a city."""

    __tablename__ = "membership"

    account_id: str = Field(sa_column=Column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True))
    city_id: str = Field(foreign_key="city.id", primary_key=True, index=True)
    role: str


class SignInRow(Table, table=True):
    """A session. Its refresh token changes with every use; the one before holds a little longer, for a second tab."""

    __tablename__ = "sign_in"

    id: str = Field(primary_key=True)
    account_id: str = Field(sa_column=_account())
    refresh_hash: str
    previous_hash: str | None = None
    rotated_at: dt.datetime = Field(sa_type=UtcDateTime)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    expires_at: dt.datetime = Field(sa_type=UtcDateTime)
    revoked_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)


class SignInFailureRow(Table, table=True):
    """Failures to sign in, under a hash of what they have in common."""

    __tablename__ = "sign_in_failure"

    key: str = Field(primary_key=True)
    failures: int
    last_at: dt.datetime = Field(sa_type=UtcDateTime, index=True)


class ApiKeyRow(Table, table=True):
    """A key for a program or a device. A signed one has no hash: its secret follows from the server's and its id."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    city_id: str | None = Field(default=None, foreign_key="city.id", index=True)
    role: str
    device: str | None = None
    label: str
    secret_hash: str | None = Field(default=None, unique=True)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    created_by: str
    revoked_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)


class NonceRow(Table, table=True):
    """A nonce that a signed request used, kept as long as its time would be accepted again."""

    __tablename__ = "nonce"

    key_id: str = Field(primary_key=True)
    nonce: str = Field(primary_key=True)
    seen_at: dt.datetime = Field(sa_type=UtcDateTime, index=True)


class DriverLinkRow(Table, table=True):
    """What hands one shift over to a phone; the drivers' tokens are made from it and end with it."""

    __tablename__ = "driver_link"
    __table_args__ = (Index("ix_driver_link_city_id_service_date_shift", "city_id", "service_date", "shift"),)

    id: str = Field(primary_key=True)
    city_id: str = Field(foreign_key="city.id")
    service_date: dt.date
    shift: str
    code_hash: str = Field(unique=True)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    created_by: str
    expires_at: dt.datetime = Field(sa_type=UtcDateTime)
    revoked_at: dt.datetime | None = Field(default=None, sa_type=UtcDateTime)


class AuditRow(Table, table=True):
    """Who changed what, when."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_city_id_id", "city_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=LongKey)
    city_id: str | None = None
    at: dt.datetime = Field(sa_type=UtcDateTime)
    kind: str
    who: str
    operation: str
    target: dict[str, Any] = Field(sa_type=JSON)
    detail: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    status: int
    request_id: str | None = None


class OutsideIdentityRow(Table, table=True):
    """Whose account somebody has whom a provider of identities knows by this subject; bound at the first sign-in."""

    __tablename__ = "outside_identity"

    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    account_id: str = Field(sa_column=_account())
    bound_at: dt.datetime = Field(sa_type=UtcDateTime)


class OpenCityRow(Table, table=True):
    """A city whose administrator lets everybody see its summary."""

    __tablename__ = "open_city"

    city_id: str = Field(primary_key=True, foreign_key="city.id")
    opened_at: dt.datetime = Field(sa_type=UtcDateTime)
