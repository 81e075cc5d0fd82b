"""What is kept of drivers, for how long, and how it is handed out or erased.

A driver is a phone here, and a phone is a random number that it made itself: no name comes in. Positions are the one
thing that says where a person was; they are taken in the shift alone (``service.driving.receive``) and deleted after
some days by the service itself.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from service.clock import utc_now
from service.driving.events import Kind
from service.driving.store import ERASED, EVENT, OVERLAY, hold_phone, phone_digest
from service.driving.streets import closure_id
from service.ingest.report import DAY_US, moment_of
from service.ingest.writer import now_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

EVERY_S: Final = 86_400.0
"""So often what is too old is deleted."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was done: ``positions`` deleted, ``events`` of work kept without saying whose they are."""

    positions: int
    events: int


def delete_positions(engine: Engine, *, before_us: int) -> int:
    """Delete all positions before a moment (microseconds since 1970, UTC); return how many there were."""
    old = and_(EVENT.c.kind == Kind.POSITION.value, EVENT.c.time_us < before_us)
    with engine.begin() as connection:
        return connection.execute(delete(EVENT).where(old)).rowcount


def export_phone(connection: Connection, city_id: str, phone: str) -> list[dict[str, Any]]:
    """Return everything that is kept of a phone, in order."""
    c = EVENT.c
    asked = (
        select(c.service_date, c.shift, c.body, c.received_us)
        .where(c.city_id == city_id, c.phone == phone)
        .order_by(c.sequence)
    )
    return [
        {
            "date": row.service_date.isoformat(),
            "shift": row.shift,
            "received_at": moment_of(row.received_us).isoformat(),
            **row.body,
        }
        for row in connection.execute(asked)
    ]


def erase_phone(
    engine: Engine, city_id: str, phone: str, *, also: Callable[[Connection], None] = lambda _connection: None
) -> Erasure | None:
    """Erase a driver: delete positions and notes, and keep what was done of the work under a name that leads nowhere.

    The phone cannot report under its id any more: what it repeats would count twice.

    Parameters
    ----------
    also
        What else is done in the same transaction.

    Returns
    -------
    Erasure | None
        None where nothing of this phone is known.
    """
    mine = and_(EVENT.c.city_id == city_id, EVENT.c.phone == phone)
    with engine.connect() as connection:
        hold_phone(connection, city_id, phone)
        if not connection.execute(select(func.count()).select_from(EVENT).where(mine)).scalar_one():
            return None
        erased = {"city_id": city_id, "digest": phone_digest(city_id, phone), "erased_at": utc_now()}
        connection.execute(insert(ERASED), erased)
        positions = connection.execute(delete(EVENT).where(mine, EVENT.c.kind == Kind.POSITION.value)).rowcount
        for row in connection.execute(select(EVENT.c.id, EVENT.c.body, EVENT.c.digest).where(mine)).all():
            if "note" in row.body:
                kept = {name: value for name, value in row.body.items() if name != "note"}
                connection.execute(update(EVENT).where(EVENT.c.id == row.id).values(body=kept))
                closure = and_(OVERLAY.c.city_id == city_id, OVERLAY.c.id == closure_id(row.digest))
                connection.execute(update(OVERLAY).where(closure).values(note=None))
        events = connection.execute(update(EVENT).where(mine).values(phone=str(uuid4()), digest="")).rowcount
        also(connection)
        connection.commit()
    return Erasure(positions=positions, events=events)


class Purger:
    """One thread that deletes positions older than a number of days: when the server starts, then once a day."""

    def __init__(self, engine: Engine, *, keep_days: int) -> None:
        self._engine = engine
        self._keep_us = keep_days * DAY_US
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="samram-privacy", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                count = delete_positions(self._engine, before_us=now_us() - self._keep_us)
                if count:
                    _log.info("%d positions of drivers were too old and are deleted.", count)
            except SQLAlchemyError:
                _log.exception("Positions that are too old cannot be deleted just now.")
            if self._stopping.wait(EVERY_S):
                return
