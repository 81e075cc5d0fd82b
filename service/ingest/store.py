"""One transaction for many readings: what each becomes is settled against what is stored, then all is written.

The outcome does not depend on the order of arrival. A reading is one with another if device, time and counter are the
same: at one moment a device is in one session. A counter that comes again in its session at another time is a replay:
the earliest stays, and a later one that was stored before is put aside when an earlier one turns up.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, and_, delete, text
from sqlalchemy.dialects import postgresql, sqlite

from service.db.models import QuarantineRow, ReadingRow
from service.ingest.places import Place, Places, elsewhere, registered
from service.ingest.report import Aside, Item, Rejected, Report, moment_of
from service.ingest.verdict import NO_COUNTER, row_of
from service.problems import NotFound, ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

READING: Final = ReadingRow.__table__  # type: ignore[attr-defined]  # SQLModel hides what SQLAlchemy makes
QUARANTINE: Final = QuarantineRow.__table__  # type: ignore[attr-defined]
COLUMNS: Final = tuple(column.name for column in READING.columns if column.name != "id")
MOST_RAW: Final = 8_000
"""Characters of a raw body that are kept. Our own figure; the longest real uplinks have half as many."""
NO_CITY: Final = ""
"""Under this name stands what came for no city at all; no city has it."""
# The index is searched once for each pair only if the database is told to begin with the pairs: SQLite by CROSS JOIN,
# PostgreSQL by a query within that OFFSET keeps apart. Left to themselves both read all of a city's rows: SQLite in 1.3
# s for 4,000 readings; with 80,000 stored PostgreSQL took 180 ms for 800 in all, where it now takes 40.
_LOOK_UP: Final = {
    "sqlite": """
SELECT r.device, r.counter, r.time_us, r.session
FROM (SELECT value ->> 0 AS device, value ->> 1 AS number FROM json_each(:pairs)) w
CROSS JOIN reading r WHERE r.city_id = :city_id AND r.device = w.device AND {where}
""",
    "postgresql": """
SELECT found.device, found.counter, found.time_us, found.session
FROM (SELECT p ->> 0 AS device, CAST(p ->> 1 AS bigint) AS number
    FROM json_array_elements(CAST(:pairs AS json)) p) w
CROSS JOIN LATERAL (SELECT r.device, r.counter, r.time_us, r.session FROM reading r
    WHERE r.city_id = :city_id AND r.device = w.device AND {where} OFFSET 0) found
""",
}
_COUNTED: Final = "r.counter = w.number"
_UNCOUNTED: Final = f"r.counter = {NO_COUNTER} AND r.time_us = w.number"
_cells: Final = itemgetter(*COLUMNS)
_WRITERS_LOCK: Final = 7_261_727
"""Number of PostgreSQL's advisory lock that writers of readings take: any, but the same for all of them."""


class Status(StrEnum):
    """What became of a reading."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one reading, and why if it is not stored."""

    status: Status
    reason: str | None = None
    detail: str | None = None


STORED: Final = Outcome(status=Status.STORED)
DUPLICATE: Final = Outcome(status=Status.DUPLICATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Readings of one city that came together.

    Parameters
    ----------
    source
        The form in which they came: http, things-stack, mqtt ...
    answered
        Somebody hears what becomes of them. Where nobody does, what is of a city that is not stored is put aside under
        the name of that city, and is in its quarantine once it is.
    """

    city_id: str
    source: str
    items: Sequence[Item]
    received_us: int
    oldest_us: int
    answered: bool = True


Answer = list[Outcome] | ServiceError
_Key = tuple[str, str, int, int]  # city, device, counter, time


@dataclass(slots=True)
class _Changes:
    """What a transaction will write, and what it knows of what is stored."""

    stored: dict[_Key, dict[str, Any] | None] = field(default_factory=dict)  # None: stored before
    first: dict[tuple[str, str, str, int], _Key] = field(default_factory=dict)
    demoted: list[_Key] = field(default_factory=list)
    aside: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


def write(engine: Engine, places: Places, batches: Sequence[Batch]) -> list[Answer]:
    """Write batches in one transaction; when this returns they are committed.

    Returns
    -------
    list[Answer]
        For each batch an outcome for each of its items, or the error that its sender is told.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        If the database does not answer; then nothing is written.
    """
    with engine.connect() as connection:
        known, answers = _places(connection, places, batches)
        connection.rollback()
        _take_turn(connection)
        rows = _rows(connection, known, batches)
        changes = _Changes()
        _look_up(connection, changes, [row for found in rows for row in found if isinstance(row, dict)])
        for index, (batch, found) in enumerate(zip(batches, rows, strict=True)):
            if answers[index] is None:
                answers[index] = [
                    _settle(changes, batch, item, row) for item, row in zip(batch.items, found, strict=True)
                ]
        _commit(connection, changes)
    return [answer for answer in answers if answer is not None]


def _places(
    connection: Connection, places: Places, batches: Sequence[Batch]
) -> tuple[dict[str, Place], list[Answer | None]]:
    known: dict[str, Place] = {}
    failed: dict[str, ServiceError] = {}
    for city_id in sorted({batch.city_id for batch in batches}):
        try:
            place = places.find(connection, city_id)
        except ServiceError as error:
            failed[city_id] = error
            continue
        if place is None:
            failed[city_id] = NotFound(f"There is no city {city_id!r}.")
        else:
            known[city_id] = place
    errors = [(batch, failed.get(batch.city_id)) for batch in batches]
    return known, [error if batch.answered or not isinstance(error, NotFound) else None for batch, error in errors]


def _take_turn(connection: Connection) -> None:
    """Become the only writer of readings, whichever process others are in: what is looked up stays so."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _WRITERS_LOCK})


def _rows(
    connection: Connection, known: dict[str, Place], batches: Sequence[Batch]
) -> list[list[dict[str, Any] | Aside]]:
    named: dict[str, set[str]] = {}
    for batch in batches:
        of_city = named.setdefault(batch.city_id, set())
        of_city.update(item.device for item in batch.items if isinstance(item, Report) and item.device)
    devices = {city_id: registered(connection, city_id, named[city_id]) for city_id in known}
    strangers = {
        city_id: elsewhere(connection, city_id, named[city_id] - devices[city_id].keys() - place.sensors.keys())
        for city_id, place in known.items()
    }
    found: list[list[dict[str, Any] | Aside]] = []
    for batch in batches:
        place = known.get(batch.city_id)
        if place is None:
            found.append([_of_no_city(item, batch.city_id) for item in batch.items])
            continue
        rows: list[dict[str, Any] | Aside] = []
        for item in batch.items:
            if isinstance(item, Aside):
                rows.append(item)
                continue
            try:
                rows.append(
                    row_of(
                        item,
                        place,
                        devices[batch.city_id],
                        strangers[batch.city_id],
                        source=batch.source,
                        received_us=batch.received_us,
                        oldest_us=batch.oldest_us,
                    )
                )
            except Rejected as error:
                rows.append(Aside.of(item.raw, error))
        found.append(rows)
    return found


def _of_no_city(item: Item, city_id: str) -> Aside:
    if isinstance(item, Aside):
        return item
    return Aside(raw=item.raw, reason="unknown-city", detail=f"There is no city {city_id!r}.")


def _look_up(connection: Connection, changes: _Changes, rows: Sequence[dict[str, Any]]) -> None:
    """Learn what is stored of the same device and counter, or, where nobody counts, of the same moment."""
    wanted: dict[tuple[str, bool], set[tuple[str, int]]] = {}
    for row in rows:
        counted = row["counter"] != NO_COUNTER
        pairs = wanted.setdefault((row["city_id"], counted), set())
        pairs.add((row["device"], row["counter"] if counted else row["time_us"]))
    for (city_id, counted), asked in wanted.items():
        statement = text(_LOOK_UP[connection.dialect.name].format(where=_COUNTED if counted else _UNCOUNTED))
        parameters = {"city_id": city_id, "pairs": json.dumps(sorted(asked))}
        for device, counter, time_us, session in connection.execute(statement, parameters):
            key = (city_id, device, counter, time_us)
            changes.stored[key] = None
            if counted:
                changes.first[city_id, device, session, counter] = key


def _settle(changes: _Changes, batch: Batch, item: Item, row: dict[str, Any] | Aside) -> Outcome:
    """Decide what becomes of one reading, given all before it."""
    if isinstance(row, Aside):
        if not row.refused:
            _put_aside(changes, batch, row, item)
        status = Status.REFUSED if row.refused else Status.QUARANTINED
        return Outcome(status=status, reason=row.reason, detail=row.detail)
    key = (row["city_id"], row["device"], row["counter"], row["time_us"])
    if key in changes.stored:
        return DUPLICATE
    if row["counter"] != NO_COUNTER:
        counted = (row["city_id"], row["device"], row["session"], row["counter"])
        earlier = changes.first.get(counted)
        if earlier is not None and earlier[3] < row["time_us"]:
            _put_replay_aside(changes, key, row["source"], row["container"], batch.received_us)
            return Outcome(status=Status.QUARANTINED, reason="replayed-counter", detail=_replay(key))
        if earlier is not None:
            _demote(changes, earlier, row, batch)
        changes.first[counted] = key
    changes.stored[key] = row
    return STORED


def _demote(changes: _Changes, later: _Key, row: dict[str, Any], batch: Batch) -> None:
    if changes.stored.pop(later) is None:
        changes.demoted.append(later)
    _put_replay_aside(changes, later, row["source"], row["container"], batch.received_us)


def _replay(key: _Key) -> str:
    return f"Counter {key[2]} of device {key[1]!r} was used at an earlier time of the same session."


def _put_replay_aside(changes: _Changes, key: _Key, source: str, container: str, received_us: int) -> None:
    city_id, device, counter, time_us = key
    said = {"device": device, "container": container, "counter": counter, "time": moment_of(time_us).isoformat()}
    digest = hashlib.sha256(json.dumps(["replayed-counter", *key]).encode()).hexdigest()
    changes.aside[city_id, digest] = {
        "city_id": city_id,
        "digest": digest,
        "source": source,
        "reason": "replayed-counter",
        "detail": _replay(key),
        "device": device,
        "container": container,
        "raw": json.dumps(said),
        "received_at": moment_of(received_us),
        "resolved_at": None,
    }


def _put_aside(changes: _Changes, batch: Batch, aside: Aside, item: Item) -> None:
    raw = as_text(aside.raw)
    digest = hashlib.sha256(f"{aside.reason}\n{raw}".encode()).hexdigest()
    changes.aside[batch.city_id, digest] = {
        "city_id": batch.city_id,
        "digest": digest,
        "source": batch.source,
        "reason": aside.reason,
        "detail": aside.detail,
        "device": item.device if isinstance(item, Report) else None,
        "container": item.container if isinstance(item, Report) else None,
        "raw": raw[:MOST_RAW],
        "received_at": moment_of(batch.received_us),
        "resolved_at": None,
    }


def as_text(raw: Any) -> str:
    """Return what was sent as ASCII, which every database takes: NUL and lone surrogates stay escaped."""
    try:
        return json.dumps(raw, ensure_ascii=True, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        return json.dumps(f"<{type(raw).__name__}>")


def _commit(connection: Connection, changes: _Changes) -> None:
    insert_or_ignore = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    c = READING.c
    for city_id, device, counter, time_us in changes.demoted:
        gone = and_(c.city_id == city_id, c.device == device, c.counter == counter, c.time_us == time_us)
        connection.execute(delete(READING).where(gone))
    rows = [_cells(row) for row in changes.stored.values() if row is not None]
    if rows:
        _insert(connection, rows)
    if changes.aside:
        connection.execute(
            insert_or_ignore(QUARANTINE).on_conflict_do_nothing(index_elements=["city_id", "digest"]),
            list(changes.aside.values()),
        )
    connection.commit()


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows past SQLAlchemy's own executemany, which took a quarter of the time of writing."""
    into, dialect = f"INSERT INTO reading ({', '.join(COLUMNS)})", connection.dialect
    if dialect.name == "sqlite":
        connection.exec_driver_sql(f"{into} VALUES ({', '.join('?' * len(COLUMNS))})", list(rows))
        return
    # As columns in one statement, and not row by row.
    marks = ", ".join(f"%s::{READING.c[name].type.compile(dialect)}[]" for name in COLUMNS)
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    connection.exec_driver_sql(f"{into} SELECT * FROM unnest({marks})", columns)  # noqa: S608 - our own words
