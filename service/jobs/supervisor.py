"""Begins runs and looks after them; the run's row in the database is the truth.

States: queued -> running -> done, failed or cancelled. A running run holds a lease, renewed here. A run whose process
was killed, or whose server is gone so that its lease is over, goes back to the queue, and is failed when that has
happened three times. A server that stops in order gives its runs back.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.models import RunRow
from service.db.runs import abandoned, change_running, claim, lease_end, put_back, stalled

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from service.jobs.pool import Job, Pool
    from service.settings import Settings

RENEWED_EVERY_S: Final = 5
BUSY_POLL_S: Final = 0.25
IDLE_POLL_S: Final = 2.0
GRACE_S: Final = 0.5
"""A run that is asked to end is killed when it has not ended after this time: it has nothing to lose."""

SILENT_S: Final = 300.0
"""A process that shows no life for so long hangs; our own figure, for compiling silences it for a while, too."""

_GONE: Final = "The server that carried it out was gone."

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Child:
    job: Job
    attempt: int
    renewed_s: float
    asked_to_end_s: float | None = None


class Supervisor:
    """One thread that begins, watches and ends runs.

    Parameters
    ----------
    engine
        The database.
    settings
        How many runs may search at once.
    pool
        Where they are carried out.
    """

    def __init__(self, engine: Engine, settings: Settings, pool: Pool) -> None:
        self._engine = engine
        self._settings = settings
        self._pool = pool
        self._children: dict[str, _Child] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._watch, name="samram-runs", daemon=True)

    def start(self) -> None:
        """Begin; runs that waited in the queue go on."""
        self._thread.start()

    def stop(self) -> None:
        """End every job and wait for it; their runs go back to the queue, for the next server."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        for child in self._children.values():
            child.job.ask_to_end()
        deadline_s = time.monotonic() + GRACE_S
        for run_id, child in self._children.items():
            child.job.wait(max(0.0, deadline_s - time.monotonic()))
            child.job.kill()
            put_back(self._engine, run_id, child.attempt)
        self._children.clear()
        self._pool.close()

    @property
    def alive(self) -> bool:
        """Whether anybody looks after runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look at the database now: a run was queued or cancelled."""
        self._wake.set()

    def _watch(self) -> None:
        while not self._stopping:
            try:
                self._tick()
            except SQLAlchemyError:
                # The database may be locked or away for a while; runs go on, and so does this thread.
                _log.exception("The database of runs cannot be read or written just now.")
            self._wake.wait(BUSY_POLL_S if self._children else IDLE_POLL_S)
            self._wake.clear()

    def _tick(self) -> None:
        self._reap()
        self._end_silent()
        self._renew()
        self._end_cancelled()
        self._take_back_abandoned()
        while len(self._children) < self._settings.concurrent_runs and not self._stopping:
            if not self._start_next():
                break
        if self._children:
            self._pool.busy()
        else:
            self._pool.rest()

    def _reap(self) -> None:
        for run_id, child in list(self._children.items()):
            if child.job.alive():
                continue
            # One that ended well has written its own end, and this changes nothing.
            if stalled(self._engine, run_id, child.attempt, child.job.how_it_ended()):
                _log.warning("Run %s, attempt %d: %s", run_id, child.attempt, child.job.how_it_ended())
            child.job.kill()
            del self._children[run_id]

    def _end_silent(self) -> None:
        for run_id, child in self._children.items():
            if child.job.silent_s() > SILENT_S and stalled(
                self._engine, run_id, child.attempt, f"Its process showed no life for {SILENT_S:.0f} s."
            ):
                _log.warning("Run %s, attempt %d, showed no life and is killed.", run_id, child.attempt)
                child.job.kill()

    def _renew(self) -> None:
        for run_id, child in self._children.items():
            if time.monotonic() - child.renewed_s >= RENEWED_EVERY_S:
                change_running(self._engine, run_id, child.attempt, lease_until=lease_end())
                child.renewed_s = time.monotonic()

    def _end_cancelled(self) -> None:
        if not self._children:
            return
        with Session(self._engine) as session:
            asked = select(RunRow.id, RunRow.attempts).where(
                col(RunRow.id).in_(self._children), col(RunRow.status) == "running"
            )
            running = dict(session.exec(asked).all())
        for run_id, child in self._children.items():
            if running.get(run_id) == child.attempt:
                continue
            if child.asked_to_end_s is None:
                child.job.ask_to_end()
                child.asked_to_end_s = time.monotonic()
            elif time.monotonic() - child.asked_to_end_s > GRACE_S:
                child.job.kill()

    def _take_back_abandoned(self) -> None:
        with Session(self._engine) as session:
            found = abandoned(session)
        for run_id, attempt in found:
            if run_id not in self._children:  # the lease of our own only waits to be renewed
                stalled(self._engine, run_id, attempt, _GONE)

    def _start_next(self) -> bool:
        """Claim the oldest run in the queue and begin it; return whether there was one."""
        with Session(self._engine) as session:
            waiting = select(RunRow.id).where(RunRow.status == "queued", col(RunRow.id).not_in(self._children))
            run_id = session.exec(waiting.order_by(col(RunRow.created_at), col(RunRow.id))).first()
            if run_id is None:
                return False
            attempt = claim(session, run_id)
            session.commit()
        if attempt is None:
            return True  # another server took it, or it was cancelled: look again
        try:
            job = self._pool.begin(run_id, attempt)
        except OSError as error:
            why = f"Its process could not be started: {error}"
            change_running(self._engine, run_id, attempt, status="failed", error=why, stage=None, finished_at=utc_now())
            return True
        self._children[run_id] = _Child(job=job, attempt=attempt, renewed_s=time.monotonic())
        return True
