"""Where runs are carried out: a process for each, on this machine. ``service.jobs.cluster`` does it on several."""

from __future__ import annotations

import multiprocessing
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from service.jobs.process import wait_for_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ctypes import c_double
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event

    from service.settings import Settings

QUIET_S: Final = 5.0
"""So long nothing runs before the next process is made ready: it takes some seconds of a processor. Our own figure."""

_spawn = multiprocessing.get_context("spawn")


class Job(Protocol):
    """One attempt at a run, at work somewhere."""

    def alive(self) -> bool:
        """Whether it still works."""
        ...

    def silent_s(self) -> float:
        """Return how long it has given no sign of life, in seconds."""
        ...

    def ask_to_end(self) -> None:
        """Tell it to end without a plan."""
        ...

    def kill(self) -> None:
        """End it at once, as far as that is possible, and give back what it held."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        ...

    def how_it_ended(self) -> str:
        """Return a sentence for a job that has ended and said nothing."""
        ...


class Pool(Protocol):
    """Begins attempts at runs."""

    def begin(self, run_id: str, attempt: int) -> Job:
        """Begin an attempt.

        Raises
        ------
        OSError
            If it cannot be begun.
        """
        ...

    def rest(self) -> None:
        """Get ready for the next run; called every few seconds while nothing runs."""
        ...

    def busy(self) -> None:
        """Hold back; called while something runs."""
        ...

    def close(self) -> None:
        """Give back everything; the jobs have ended."""
        ...


class ProcessPool:
    """A process of this machine for each attempt; it can be killed, and ends with the server.

    A process takes seconds to load the solver. So one is kept that has done so and waits: a change at noon cannot.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spare: _ProcessJob | None = None
        self._quiet_since_s = time.monotonic()

    def begin(self, run_id: str, attempt: int) -> _ProcessJob:
        """Hand the attempt to the process that waits, or start one."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.give(run_id, attempt):
            return spare
        if spare is not None:
            spare.kill()
        started = self._started()
        if not started.give(run_id, attempt):
            raise OSError(started.how_it_ended())
        return started

    def rest(self) -> None:
        """Have a process ready, once it has been quiet for a while."""
        if not self._settings.spare_process or (self._spare is not None and self._spare.alive()):
            return
        if self._spare is not None:
            self._spare.kill()
            self._spare = None
            self._quiet_since_s = time.monotonic()
        if time.monotonic() - self._quiet_since_s > QUIET_S:
            self._spare = self._started()

    def busy(self) -> None:
        """Begin to wait anew for quiet."""
        self._quiet_since_s = time.monotonic()

    def close(self) -> None:
        """End the process that waits."""
        if self._spare is not None:
            self._spare.kill()

    def _started(self) -> _ProcessJob:
        ending = _spawn.Event()
        beat = _spawn.Value("d", time.monotonic(), lock=False)  # one clock for all processes of a machine
        told, tell = _spawn.Pipe(duplex=False)
        process = _spawn.Process(
            target=wait_for_run, args=(self._settings, told, ending, beat), name="samram-run", daemon=True
        )
        with _keyboard_held():
            process.start()
        told.close()  # the process has its own; so telling one that is gone fails
        return _ProcessJob(process, tell, ending, beat)


class _ProcessJob:
    def __init__(self, process: SpawnProcess, tell: Connection, ending: Event, beat: c_double) -> None:
        self.process = process
        self._tell = tell
        self._ending = ending
        self._beat = beat

    def give(self, run_id: str, attempt: int) -> bool:
        """Tell the process which attempt is its; return whether it lives to hear it."""
        try:
            self._tell.send((run_id, attempt))
        except OSError:
            return False
        return self.process.is_alive()

    def alive(self) -> bool:
        return self.process.is_alive()

    def silent_s(self) -> float:
        return time.monotonic() - self._beat.value

    def ask_to_end(self) -> None:
        self._ending.set()

    def kill(self) -> None:
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self._tell.close()

    def wait(self, seconds: float) -> None:
        self.process.join(seconds)

    def how_it_ended(self) -> str:
        return (
            f"Its process ended early with exit code {self.process.exitcode}; the server's log, or too little memory, "
            "may say why."
        )


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
