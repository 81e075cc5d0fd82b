"""Changes of a run's row that hold only while it is in the state that they expect.

Several processes write the same row: the server, the run's own process, and a request that cancels. Each change names
the state it starts from and the attempt it speaks for, so the first one wins and the others see that nothing changed.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import Engine, update
from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.models import RunRow

LEASE_S: Final = 20
MOST_ATTEMPTS: Final = 3
"""A run that was begun so often and never ended is failed: what kills it would kill it again."""


def change_running(engine: Engine, run_id: str, attempt: int, **values: Any) -> bool:
    """Change a run's row if this attempt is running; return whether it was."""
    with Session(engine) as session:
        changed = _change(session, run_id, ("running",), values, attempt)
        session.commit()
        return changed


def claim(session: Session, run_id: str) -> int | None:
    """Take a run from the queue; return the number of the attempt, from 1, None if the run was no longer there."""
    now = utc_now()
    values = {
        "status": "running",
        "stage": "preparing",
        "started_at": now,
        "lease_until": lease_end(),
        "attempts": RunRow.attempts + 1,
        "progress": [],
    }
    if not _change(session, run_id, ("queued",), values):
        return None
    return session.exec(select(RunRow.attempts).where(RunRow.id == run_id)).one()


def end_as_done(session: Session, run_id: str, attempt: int) -> bool:
    """Mark a run as done if this attempt is running; return whether it was."""
    values = {"status": "done", "stage": None, "finished_at": utc_now()}
    return _change(session, run_id, ("running",), values, attempt)


def cancel(session: Session, run_id: str) -> bool:
    """Mark a run as cancelled if it waits or is running; return whether it did."""
    values = {"status": "cancelled", "stage": None, "finished_at": utc_now()}
    return _change(session, run_id, ("queued", "running"), values)


def put_back(engine: Engine, run_id: str, attempt: int) -> bool:
    """Return a run that this attempt did not end, and is not to blame for, to the queue; say whether it did."""
    values = {"status": "queued", "stage": None, "lease_until": None, "attempts": attempt - 1}
    return change_running(engine, run_id, attempt, **values)


def stalled(engine: Engine, run_id: str, attempt: int, why: str) -> bool:
    """Return a run whose attempt ended without a word to the queue; mark it as failed when it was the last attempt."""
    if attempt < MOST_ATTEMPTS:
        return change_running(engine, run_id, attempt, status="queued", stage=None, lease_until=None)
    return change_running(
        engine,
        run_id,
        attempt,
        status="failed",
        stage=None,
        finished_at=utc_now(),
        error=f"It was begun {attempt} times and never ended. {why}",
    )


def abandoned(session: Session) -> list[tuple[str, int]]:
    """Return the runs, with their attempts, whose lease is over: their server is gone."""
    asked = select(RunRow.id, RunRow.attempts).where(RunRow.status == "running", col(RunRow.lease_until) < utc_now())
    return list(session.exec(asked).all())


def lease_end() -> dt.datetime:
    """Return when a lease that begins now is over."""
    return utc_now() + dt.timedelta(seconds=LEASE_S)


def _change(
    session: Session, run_id: str, states: tuple[str, ...], values: dict[str, Any], attempt: int | None = None
) -> bool:
    change = update(RunRow).where(col(RunRow.id) == run_id, col(RunRow.status).in_(states))
    if attempt is not None:
        change = change.where(col(RunRow.attempts) == attempt)
    return session.exec(change.values(**values)).rowcount > 0
