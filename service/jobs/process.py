"""The process of one run: how it begins and how it ends. What it does in between stands in ``service.jobs.solve``."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from service.clock import utc_now
from service.db.engine import make_engine
from service.db.runs import change_running
from service.problems import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import c_double
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Event

    from sqlalchemy import Engine

    from service.settings import Settings

_log = logging.getLogger(__name__)


def wait_for_run(settings: Settings, told: Connection, ending: Event, beat: c_double) -> None:
    """Load the solver, wait until told an attempt at a run, and carry it out from beginning to end.

    Never raises: the run's row says how it went. Ends without a word when its server is gone.

    Parameters
    ----------
    told
        Where the id of the run and the number of the attempt come, once.
    ending
        Set by the server when the run is to end now, without a plan.
    beat
        Where this process writes every second, by ``time.monotonic``, that it lives.
    """
    set_apart()
    give_way()
    threading.Thread(target=_live, args=(beat,), name="samram-beat", daemon=True).start()
    _load()
    try:
        run_id, attempt = told.recv()
    except EOFError:
        return
    engine = make_engine(settings.database)
    try:
        carry_out(engine, settings, run_id, attempt, ending.is_set)
    finally:
        engine.dispose()


def _load() -> None:
    """Import the solver and have its loops ready; what is wrong with them, the run says when it needs them."""
    try:
        from optimizer.search.solve import warm  # noqa: PLC0415 - the server itself never loads a solver
        from service.driving import replan  # noqa: F401, PLC0415 - as above
        from service.jobs import solve  # noqa: F401, PLC0415 - as above

        warm()
    except Exception:  # noqa: BLE001 - whatever it was, the run meets it again and says so
        _log.exception("The solver could not be loaded ahead of its run.")


def carry_out(engine: Engine, settings: Settings, run_id: str, attempt: int, cancelled: Callable[[], bool]) -> None:
    """Solve, and write into the run's row what went wrong if anything did."""
    try:
        # Imported in the run's own process: the server itself never loads a solver.
        from service.jobs.solve import solve  # noqa: PLC0415

        solve(engine, settings, run_id, attempt, cancelled)
    except Exception as error:  # noqa: BLE001 - whatever it was, the row must say so; the run ends here
        _log.exception("Run %s failed.", run_id)
        why = sentence(error)
        change_running(engine, run_id, attempt, status="failed", error=why, stage=None, finished_at=utc_now())


def set_apart() -> None:
    """Let a process of the server end when the server says so, or is gone, and at no other time."""
    # Ctrl-C in a terminal reaches every process of the group; how this one ends is the server's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def give_way() -> None:
    """Let whoever waits for an answer go first: a search is batch work, for as long as the server has nothing to do.

    Its share of a busy processor stays what it was; it only does not hold up those who wake to answer. A server that
    was given another class of scheduling keeps it for its searches, too.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):  # some containers forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def sentence(error: Exception) -> str:
    """Return what went wrong, for people."""
    if isinstance(error, ServiceError):
        return error.detail
    # Our own errors (DataError, InvalidProblem, SolverError) are sentences already; the type of others helps.
    ours = type(error).__module__.split(".")[0] in ("geodata", "optimizer", "scenarios")
    return str(error) if ours else f"{type(error).__name__}: {error}"


def _live(beat: c_double) -> None:
    while True:
        beat.value = time.monotonic()
        time.sleep(1)


def end_with_parent() -> None:
    """End this process when the server is gone, however it went: nobody would wait for the plan."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="samram-parent", daemon=True).start()
