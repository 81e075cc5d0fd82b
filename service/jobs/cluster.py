"""Runs on a Dask cluster: the same attempts, carried out by workers on other machines.

Dask never interrupts a task that has begun, and takes its worker for free when its future is cancelled (distributed
issues 4694 and 2617). So a future is never cancelled: the attempt looks at its run's row in the database, and ends when
that row is no longer running it. Workers have one thread each, and reach the same database; the city comes from there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from distributed import Client
from sqlmodel import Session, select

from service.db.engine import make_engine
from service.db.models import RunRow
from service.jobs.process import carry_out

if TYPE_CHECKING:
    from distributed import Future
    from sqlalchemy import Engine

    from service.settings import Settings

_CONNECT_S: Final = 10
_LOOKED_AT_EVERY_S: Final = 0.5
_RETRIES: Final = 1


class ClusterPool:
    """Sends each attempt to a scheduler, which gives it to a worker.

    Parameters
    ----------
    settings
        ``cluster`` is the scheduler's address; the workers are handed all of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def begin(self, run_id: str, attempt: int) -> _ClusterJob:
        """Send an attempt.

        Raises
        ------
        OSError
            If the scheduler does not answer.
        """
        if self._client is None:
            self._client = Client(self._settings.cluster, timeout=_CONNECT_S, set_as_default=False)
        future = self._client.submit(
            solve_here,
            self._settings,
            run_id,
            attempt,
            key=f"samram-{run_id}-{attempt}",
            pure=False,
            retries=_RETRIES,
        )
        return _ClusterJob(future)

    def rest(self) -> None:
        """Nothing: the workers have loaded the solver after their first run."""

    def busy(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Leave the scheduler; it goes on."""
        if self._client is not None:
            self._client.close()


class _ClusterJob:
    """An attempt that some worker carries out; its row in the database ends it, not this object."""

    def __init__(self, future: Future[None]) -> None:
        self._future = future

    def alive(self) -> bool:
        return self._future.status == "pending"

    def silent_s(self) -> float:
        """Return 0: the scheduler itself listens for its workers."""
        return 0.0

    def ask_to_end(self) -> None:
        """Do nothing: the worker sees in the database that nobody wants the run any more."""

    def kill(self) -> None:
        """Do nothing: a task that has begun cannot be killed, and what it still writes no longer counts."""

    def wait(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while self.alive() and time.monotonic() < end_s:
            time.sleep(0.05)

    def how_it_ended(self) -> str:
        if self._future.status == "error":
            return f"Its worker of the cluster was lost: {self._future.exception()}"
        return f"The cluster says of it: {self._future.status}."


def solve_here(settings: Settings, run_id: str, attempt: int) -> None:
    """Carry out an attempt in this process, a worker of the cluster."""
    engine = make_engine(settings.database)
    try:
        carry_out(engine, settings, run_id, attempt, _Unwanted(engine, run_id, attempt))
    finally:
        engine.dispose()


class _Unwanted:
    """Whether this attempt is no longer the one that its run's row has running; the row is looked at now and then."""

    def __init__(self, engine: Engine, run_id: str, attempt: int) -> None:
        self._engine = engine
        self._run_id = run_id
        self._attempt = attempt
        self._looked_s = 0.0
        self._found = False

    def __call__(self) -> bool:
        """Look, unless that was done just now; once unwanted, it stays so."""
        if not self._found and time.monotonic() - self._looked_s >= _LOOKED_AT_EVERY_S:
            with Session(self._engine) as session:
                found: Any = session.exec(
                    select(RunRow.status, RunRow.attempts).where(RunRow.id == self._run_id)
                ).first()
            self._found = found is None or tuple(found) != ("running", self._attempt)
            self._looked_s = time.monotonic()
        return self._found
