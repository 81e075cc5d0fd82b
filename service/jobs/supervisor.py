"""Starts a process for each run and looks after it; the run's row in the database is the truth.

States: queued -> running -> done, failed or cancelled. A running run holds a lease, renewed here. A run whose lease
is over was left behind by a server that is gone, and is marked failed.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.models import RunRow
from service.db.runs import change_running, claim, lease_end
from service.jobs.process import solve_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event

    from service.settings import Settings

RENEWED_EVERY_S: Final = 5
BUSY_POLL_S: Final = 0.25
IDLE_POLL_S: Final = 2.0
GRACE_S: Final = 5.0
"""A run that is asked to end is killed when it has not ended after this time."""

INTERRUPTED: Final = "It was interrupted by a restart of the server; ask for the plan again."

_log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


@dataclass(slots=True, kw_only=True)
class _Child:
    process: SpawnProcess
    ending: Event
    renewed_s: float
    asked_to_end_s: float | None = None


class Supervisor:
    """One thread that starts, watches and ends the processes of runs.

    Parameters
    ----------
    engine
        The database.
    settings
        How many runs may search at once; handed on to the processes.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._children: dict[str, _Child] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._watch, name="samram-runs", daemon=True)

    def start(self) -> None:
        """Begin; runs that waited in the queue go on."""
        self._thread.start()

    def stop(self) -> None:
        """End every process and wait for it; their runs are marked failed, those in the queue stay there."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        for child in self._children.values():
            child.ending.set()
        deadline_s = time.monotonic() + GRACE_S
        for run_id, child in self._children.items():
            child.process.join(max(0.0, deadline_s - time.monotonic()))
            _kill(child.process)
            self._finish(run_id, "failed", INTERRUPTED)
        self._children.clear()

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
        self._renew()
        self._end_cancelled()
        self._fail_abandoned()
        while len(self._children) < self._settings.concurrent_runs and not self._stopping:
            if not self._start_next():
                break

    def _reap(self) -> None:
        for run_id, child in list(self._children.items()):
            if child.process.is_alive():
                continue
            child.process.join()
            # A process that ended well has written its own end, and this changes nothing.
            self._finish(
                run_id,
                "failed",
                f"Its process ended early with exit code {child.process.exitcode}; "
                "the server's log, or too little memory, may say why.",
            )
            child.process.close()
            del self._children[run_id]

    def _renew(self) -> None:
        for run_id, child in self._children.items():
            if time.monotonic() - child.renewed_s >= RENEWED_EVERY_S:
                change_running(self._engine, run_id, lease_until=lease_end())
                child.renewed_s = time.monotonic()

    def _end_cancelled(self) -> None:
        if not self._children:
            return
        with Session(self._engine) as session:
            running = set(
                session.exec(
                    select(RunRow.id).where(col(RunRow.id).in_(self._children), col(RunRow.status) == "running")
                )
            )
        for run_id in self._children.keys() - running:
            child = self._children[run_id]
            if child.asked_to_end_s is None:
                child.ending.set()
                child.asked_to_end_s = time.monotonic()
            elif time.monotonic() - child.asked_to_end_s > GRACE_S:
                _kill(child.process)

    def _fail_abandoned(self) -> None:
        with Session(self._engine) as session:
            session.exec(
                update(RunRow)
                .where(col(RunRow.status) == "running", col(RunRow.lease_until) < utc_now())
                .values(status="failed", error=INTERRUPTED, finished_at=utc_now(), stage=None)
            )
            session.commit()

    def _start_next(self) -> bool:
        """Claim the oldest run in the queue and start its process; return whether there was one."""
        with Session(self._engine) as session:
            run_id = session.exec(
                select(RunRow.id).where(RunRow.status == "queued").order_by(col(RunRow.created_at), col(RunRow.id))
            ).first()
            if run_id is None:
                return False
            claimed = claim(session, run_id)
            session.commit()
        if not claimed:
            return True  # another server took it, or it was cancelled: look again
        ending = _spawn.Event()
        process = _spawn.Process(
            target=solve_run, args=(self._settings, run_id, ending), name=f"samram-run-{run_id}", daemon=True
        )
        try:
            with _keyboard_held():
                process.start()
        except OSError as error:
            self._finish(run_id, "failed", f"Its process could not be started: {error}")
            return True
        self._children[run_id] = _Child(process=process, ending=ending, renewed_s=time.monotonic())
        return True

    def _finish(self, run_id: str, status: str, error: str | None) -> None:
        change_running(self._engine, run_id, status=status, error=error, stage=None, finished_at=utc_now())


@contextmanager
def _keyboard_held() -> Iterator[None]:
    """Keep Ctrl+C from a process that is being started: it inherits the mask, and its server ends it in order."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill(process: SpawnProcess) -> None:
    if process.is_alive():
        process.kill()
        process.join()
