"""Where runs are carried out: a process for each, on this machine. ``service.jobs.cluster`` does it on several."""

from __future__ import annotations

import multiprocessing
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from service.jobs.process import solve_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ctypes import c_double
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event

    from service.settings import Settings

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

    def close(self) -> None:
        """Give back everything; the jobs have ended."""
        ...


class ProcessPool:
    """A process of this machine for each attempt; it can be killed, and ends with the server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def begin(self, run_id: str, attempt: int) -> _ProcessJob:
        """Start a process."""
        ending = _spawn.Event()
        beat = _spawn.Value("d", time.monotonic(), lock=False)  # one clock for all processes of a machine
        process = _spawn.Process(
            target=solve_run,
            args=(self._settings, run_id, attempt, ending, beat),
            name=f"samram-run-{run_id}",
            daemon=True,
        )
        with _keyboard_held():
            process.start()
        return _ProcessJob(process, ending, beat)

    def close(self) -> None:
        """Nothing is held."""


class _ProcessJob:
    def __init__(self, process: SpawnProcess, ending: Event, beat: c_double) -> None:
        self.process = process
        self._ending = ending
        self._beat = beat

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
