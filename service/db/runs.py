"""Changes of a run's row that hold only while it is in the state that they expect.

Several processes write the same row: the server, the run's own process, and a request that cancels. Each change names
the state it starts from, so the first one wins and the others see that nothing changed.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import Engine, update
from sqlmodel import Session, col

from service.clock import utc_now
from service.db.models import RunRow

LEASE_S: Final = 30


def change_running(engine: Engine, run_id: str, **values: Any) -> bool:
    """Change a run's row if it is running; return whether it was."""
    with Session(engine) as session:
        changed = _change(session, run_id, ("running",), values)
        session.commit()
        return changed


def claim(session: Session, run_id: str) -> bool:
    """Take a run from the queue; return whether it was still there."""
    now = utc_now()
    values = {"status": "running", "stage": "preparing", "started_at": now, "lease_until": lease_end()}
    return _change(session, run_id, ("queued",), values)


def end_as_done(session: Session, run_id: str) -> bool:
    """Mark a run as done if it is running; return whether it was."""
    return _change(session, run_id, ("running",), {"status": "done", "stage": None, "finished_at": utc_now()})


def cancel(session: Session, run_id: str) -> bool:
    """Mark a run as cancelled if it waits or is running; return whether it did."""
    values = {"status": "cancelled", "stage": None, "finished_at": utc_now()}
    return _change(session, run_id, ("queued", "running"), values)


def lease_end() -> dt.datetime:
    """Return when a lease that begins now is over."""
    return utc_now() + dt.timedelta(seconds=LEASE_S)


def _change(session: Session, run_id: str, states: tuple[str, ...], values: dict[str, Any]) -> bool:
    changed = session.exec(
        update(RunRow).where(col(RunRow.id) == run_id, col(RunRow.status).in_(states)).values(**values)
    )
    return changed.rowcount > 0
