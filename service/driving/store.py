"""Events into the database and out again: each once, whatever a phone repeats."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from sqlalchemy import Connection, Engine, and_, exists, func, insert, or_, select, text

from service.db.driving import DriverEventRow, ErasedPhoneRow, OverlayRow
from service.driving.events import DriverEvent, Kind, SkipReason
from service.driving.streets import reported_closure

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement

EVENT: Final = DriverEventRow.__table__  # type: ignore[attr-defined]  # SQLModel hides what SQLAlchemy makes
ERASED: Final = ErasedPhoneRow.__table__  # type: ignore[attr-defined]
OVERLAY: Final = OverlayRow.__table__  # type: ignore[attr-defined]
_ASKED_AT_ONCE: Final = 500
_PHONES_LOCK: Final = 7_261_728
"""First number of PostgreSQL's advisory locks that one phone's batches take in turn: any, but the same for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A valid event as it was sent; ``body`` is what its phone said, word for word.

    ``ahead`` is the street that a truck that could not pass was about to take, as a GeoJSON LineString.
    """

    event: DriverEvent
    body: dict[str, Any]
    ahead: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose events they are, and when they came in."""

    city_id: str
    service_date: dt.date
    shift: str
    phone: str
    received_us: int


class Erased(Exception):
    """The driver of this phone had everything erased; the phone must not come back under this id."""


class Outcome(StrEnum):
    """What became of a valid event."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CHANGED = "changed"


def record(engine: Engine, scope: Scope, sent: Sequence[Sent]) -> list[Outcome]:
    """Store the events that are new, in one transaction; when this returns it is committed.

    Returns
    -------
    list[Outcome]
        For each event whether it is stored now, was before, or has the sequence of another one, which stays.

    Raises
    ------
    Erased
        If the phone was erased; nothing is stored.
    """
    with engine.connect() as connection:
        hold_phone(connection, scope.city_id, scope.phone)
        if connection.execute(select(ERASED.c.digest).where(_erased(scope.city_id, scope.phone))).first() is not None:
            raise Erased
        known = _digests(connection, scope, [one.event.sequence for one in sent])
        rows: list[dict[str, Any]] = []
        overlays: list[dict[str, Any]] = []
        outcomes: list[Outcome] = []
        for one in sent:
            digest = _digest(scope, one.body)
            before = known.setdefault(one.event.sequence, "")
            if before:
                outcomes.append(Outcome.DUPLICATE if before == digest else Outcome.CHANGED)
                continue
            known[one.event.sequence] = digest
            outcomes.append(Outcome.STORED)
            rows.append(_row(scope, one, digest))
            if one.event.kind is Kind.NO_WAY:
                overlays.append(reported_closure(scope.city_id, scope.service_date, one.body, digest, one.ahead))
        if rows:
            connection.execute(insert(EVENT), rows)
        if overlays:
            connection.execute(insert(OVERLAY), overlays)
        connection.commit()
    return outcomes


Positions = Literal["last", "all"]


def events_of_day(
    connection: Connection, city_id: str, service_date: dt.date, *, positions: Positions
) -> list[DriverEvent]:
    """Return the events of a city's day: all of them, or of each shift's positions the last alone."""
    c = EVENT.c
    mine = and_(c.city_id == city_id, c.service_date == service_date)
    asked = select(c.shift, c.phone, c.sequence, c.time_us, c.body).where(mine)
    if positions == "last":
        # Positions are most of what phones send, and those who look on need to know where a truck is now.
        is_position = c.kind == Kind.POSITION.value
        latest = (
            select(c.shift, func.max(c.time_us).label("time_us")).where(mine, is_position).group_by(c.shift).subquery()
        )
        newest = exists().where(latest.c.shift == c.shift, latest.c.time_us == c.time_us)
        asked = asked.where(or_(~is_position, newest))
    return [event_of(row.body, row.time_us, shift=row.shift, phone=row.phone) for row in connection.execute(asked)]


def event_of(body: Mapping[str, Any], time_us: int, *, shift: str, phone: str) -> DriverEvent:
    """Return the event that a valid body means."""
    kind = Kind(body["kind"])
    reason = body.get("reason")
    containers = body.get("containers")
    return DriverEvent(
        shift=shift,
        phone=phone,
        sequence=body["sequence"],
        time_us=time_us,
        kind=kind,
        subject=body.get("visit") or body.get("container") or body.get("site"),
        reason=None if reason is None else SkipReason(reason),
        kg=body.get("kg"),
        fill_percent=body.get("fill_percent"),
        ticket=body.get("ticket"),
        containers=None if containers is None else tuple(containers),
        lon=body.get("lon"),
        lat=body.get("lat"),
    )


def phone_digest(city_id: str, phone: str) -> str:
    """Return what is kept of a phone that was erased."""
    return hashlib.sha256(f"{city_id}/{phone}".encode()).hexdigest()


def _erased(city_id: str, phone: str) -> ColumnElement[bool]:
    return and_(ERASED.c.city_id == city_id, ERASED.c.digest == phone_digest(city_id, phone))


def hold_phone(connection: Connection, city_id: str, phone: str) -> None:
    """Become the only one that writes this phone's events: what is looked up stays so."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        mine = int.from_bytes(bytes.fromhex(phone_digest(city_id, phone))[:4], signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:area, :mine)"), {"area": _PHONES_LOCK, "mine": mine})


def _digests(connection: Connection, scope: Scope, sequences: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for start in range(0, len(sequences), _ASKED_AT_ONCE):
        part = sequences[start : start + _ASKED_AT_ONCE]
        asked = select(EVENT.c.sequence, EVENT.c.digest).where(
            EVENT.c.city_id == scope.city_id, EVENT.c.phone == scope.phone, EVENT.c.sequence.in_(part)
        )
        found |= {row.sequence: row.digest for row in connection.execute(asked)}
    return found


def _digest(scope: Scope, body: Mapping[str, Any]) -> str:
    """Return what tells one body from another; the same words for another shift are another body."""
    said = [scope.phone, scope.service_date, scope.shift, body]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _row(scope: Scope, one: Sent, digest: str) -> dict[str, Any]:
    return {
        "city_id": scope.city_id,
        "phone": scope.phone,
        "sequence": one.event.sequence,
        "service_date": scope.service_date,
        "shift": scope.shift,
        "time_us": one.event.time_us,
        "kind": one.event.kind.value,
        "subject": one.event.subject,
        "plan_id": one.body.get("plan"),
        "body": one.body,
        "digest": digest,
        "received_us": scope.received_us,
    }
