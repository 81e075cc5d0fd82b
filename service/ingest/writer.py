"""The one writer of readings: what waits when it is free becomes one transaction, and replies leave after the commit.

A disk that syncs some hundred times a second would otherwise limit the city to some hundred readings a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from service.db.faults import fault_of
from service.ingest.store import Batch, Outcome, write
from service.problems import Overloaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from service.ingest.places import Places

MOST_IN_GROUP: Final = 4_000
"""Readings in one transaction. Our own figure: some 50 ms of work, so that nobody waits long for others."""

_Future = Future[list[Outcome]] | asyncio.Future[list[Outcome]]
_Waiting = tuple[Batch, _Future]
_Answer = list[Outcome] | Exception
_log = logging.getLogger(__name__)


class Writer:
    """Takes batches from many threads and writes them from its own.

    Parameters
    ----------
    most_waiting
        Readings that may wait; a batch beyond is refused at once.
    """

    def __init__(self, engine: Engine, places: Places, *, most_waiting: int) -> None:
        self._engine = engine
        self._places = places
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._readings_waiting = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="readings", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end; batches that come later are refused."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether anybody writes."""
        return self._thread.is_alive()

    @property
    def readings_waiting(self) -> int:
        """How many readings wait to be written."""
        return self._readings_waiting

    def submit(self, batch: Batch) -> Future[list[Outcome]]:
        """Queue a batch; the future is done when it is committed.

        Its exceptions are those of ``ServiceError``: storage fails, or there is no such city.

        Raises
        ------
        Overloaded
            If too many readings wait already.
        """
        future: Future[list[Outcome]] = Future()
        self._queue(batch, future)
        return future

    def submit_here(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Queue a batch as ``submit`` does, for an event loop: whoever waits in it is told of a group by one call."""
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue(batch, future)
        return future

    def _queue(self, batch: Batch, future: _Future) -> None:
        with self._changed:
            if self._stopping or self._readings_waiting + len(batch.items) > self._most_waiting:
                raise Overloaded(
                    f"{self._readings_waiting} readings wait to be written; this server takes at most "
                    f"{self._most_waiting}. Send it again later."
                )
            self._waiting.append((batch, future))
            self._readings_waiting += len(batch.items)
            self._changed.notify()

    def _run(self) -> None:
        while group := self._next_group():
            self._write(group)

    def _next_group(self) -> list[_Waiting]:
        """Wait for batches and take as many as make one transaction; none when the end has come."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            group: list[_Waiting] = []
            readings = 0
            while self._waiting and (not group or readings + len(self._waiting[0][0].items) <= MOST_IN_GROUP):
                group.append(self._waiting.popleft())
                readings += len(group[-1][0].items)
            self._readings_waiting -= readings
            return group

    def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            answers: Sequence[_Answer] = write(self._engine, self._places, [batch for batch, _ in group])
        except (DBAPIError, NoConnection) as error:
            _log.error("Readings cannot be written: %s", getattr(error, "orig", error))
            answers = [fault_of(error) or error for _ in group]
        except Exception as error:  # noqa: BLE001 - whatever it is, its sender is told
            # Whatever one batch is to blame for, the others must not suffer.
            if len(group) > 1:
                for one in group:
                    self._write([one])
                return
            _log.exception("A batch of readings cannot be written.")
            answers = [error]
        _tell([(future, answer) for (_, future), answer in zip(group, answers, strict=True)])


def _tell(answers: Sequence[tuple[_Future, _Answer]]) -> None:
    """Give each sender its answer; an event loop is woken once for all of its own."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Future, _Answer]]] = {}
    for future, answer in answers:
        if isinstance(future, asyncio.Future):
            loops.setdefault(future.get_loop(), []).append((future, answer))
        elif future.set_running_or_notify_cancel():
            _answer(future, answer)
    for loop, waiting in loops.items():
        with contextlib.suppress(RuntimeError):  # it has ended, and nobody waits any more
            loop.call_soon_threadsafe(_answer_here, waiting)


def _answer_here(waiting: Sequence[tuple[_Future, _Answer]]) -> None:
    for future, answer in waiting:
        if not future.done():  # else its sender has gone; what it sent is written all the same
            _answer(future, answer)


def _answer(future: _Future, answer: _Answer) -> None:
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def now_us() -> int:
    """Return the present moment in microseconds since 1970, UTC."""
    return time.time_ns() // 1_000
