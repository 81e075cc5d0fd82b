"""Searches in processes of their own: each takes one task after the other, and sends back the routes it found.

A worker is a fresh interpreter that talks through its standard input and output, not a ``multiprocessing`` process: so
it may be started from a daemonic one (a run of the service is), it never imports the caller's main module, and it ends
by itself when the pipe closes, however its parent went.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Protocol, Self

from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import RouteOrder
    from optimizer.search.stop import Stop

_LOOK_S: Final = 0.02
"""Between two looks at whether to end."""

_GRACE_S: Final = 0.1
"""How long workers that were told to end may take to hand in what they have; they look every 0.03 s."""

_LATE_S: Final = 0.5
"""The same when the time is over: their own time ended before, so they are about to answer."""

_SIZE: Final = struct.Struct("<Q")

_SERVE: Final = "from optimizer.search.workers import serve; serve()"
"""What a worker's interpreter runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One search of the ruin and recreate engine, from ``start``, for so many seconds (``inf``: no limit) or steps.

    ``most_moved`` and ``until_complete`` are the engine's.
    """

    problem: Problem
    shifts_of: dict[str, tuple[str, ...]]
    start: tuple[RouteOrder, ...]
    seed: int
    seconds: float
    steps: int | None
    most_moved: int | None = None
    until_complete: bool = False


Found = tuple["RouteOrder", ...]
"""The best routes of a task."""


class Crew(Protocol):
    """Carries out tasks, several at a time or one after the other."""

    @property
    def size(self) -> int:
        """How many tasks it works on at a time."""

    def run(self, tasks: Iterable[Task], *, stop: Stop) -> Iterator[Found | None]:
        """Yield what was found for each task, in the order of the tasks; None where nothing was.

        A task is drawn from ``tasks`` when there is someone to take it. None are drawn after ``stop``, and those under
        way then end with what they have.
        """
        ...


class Alone:
    """Carries out tasks one after the other, in this process."""

    size: Final = 1

    def run(self, tasks: Iterable[Task], *, stop: Stop) -> Iterator[Found | None]:
        """Yield what was found for each task (see ``Crew``)."""
        drawn = iter(tasks)
        while not stop() and (task := next(drawn, None)) is not None:
            yield _search(task, stop)


class Workers:
    """Carries out tasks in processes; a context manager, at whose end all of them are gone.

    Parameters
    ----------
    count
        How many processes; each takes about 0.2 GB beside its tasks.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"There must be at least one worker, not {count}.")
        self.size = count
        self._answers: queue.SimpleQueue[tuple[_Worker, int, Found | None]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._given = 0
        try:
            for _ in range(count):
                self._workers.append(_Worker(self._answers.put))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process."""
        self.close()

    def close(self) -> None:
        """End every process at once and wait for it."""
        for worker in self._workers:
            worker.kill()

    def run(self, tasks: Iterable[Task], *, stop: Stop) -> Iterator[Found | None]:
        """Yield what was found for each task (see ``Crew``); None for a task whose worker died."""
        drawn = iter(tasks)
        under_way: deque[int] = deque()
        found: dict[int, Found | None] = {}
        told_s = math.inf
        while True:
            if not stop():
                under_way.extend(self._give_out(drawn))
            elif told_s == math.inf:
                told_s = time.monotonic()
                self._tell_to_end()
            elif time.monotonic() > told_s + (_GRACE_S if stop.remaining_s() > 0 else _LATE_S):
                self._kill_busy()
            if not under_way:
                return
            found |= self._answered()
            while under_way and under_way[0] in found:
                yield found.pop(under_way.popleft())

    def _give_out(self, drawn: Iterator[Task]) -> Iterator[int]:
        """Hand tasks to workers that have none, and yield the tasks' numbers."""
        for worker in self._workers:
            if worker.alive and worker.busy_with is None and (task := next(drawn, None)) is not None:
                self._given += 1
                worker.give(self._given, task)
                yield self._given

    def _answered(self) -> dict[int, Found | None]:
        """Wait a moment for an answer; the tasks of workers that are dead have None."""
        try:
            worker, number, answer = self._answers.get(timeout=_LOOK_S)
        except queue.Empty:
            return dict.fromkeys(self._lost())
        worker.free(number)
        return {number: answer}

    def _lost(self) -> list[int]:
        """Return the tasks of workers that are dead and will not answer any more."""
        lost = []
        for worker in self._workers:
            if not worker.alive and worker.busy_with is not None:
                lost.append(worker.busy_with)
                worker.busy_with = None
        return lost

    def _tell_to_end(self) -> None:
        for worker in self._workers:
            worker.tell_to_end()

    def _kill_busy(self) -> None:
        for worker in self._workers:
            if worker.busy_with is not None:
                worker.kill()


class _Worker:
    """One process, seen from its parent.

    Parameters
    ----------
    answered
        Called from another thread with each answer.
    """

    def __init__(self, answered: Callable[[tuple[_Worker, int, Found | None]], None]) -> None:
        self.busy_with: int | None = None
        self.alive = True
        self._answered = answered
        self._problem: Problem | None = None
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C in a terminal is the parent's business
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._thread = threading.Thread(target=self._listen, name="samram-worker", daemon=True)
        self._thread.start()
        # A process that is still loading reads nothing, and a large day fills its pipe: others must not wait for that.
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._speaker = threading.Thread(target=self._speak, name="samram-worker-to", daemon=True)
        self._speaker.start()

    def give(self, number: int, task: Task) -> None:
        """Hand over a task; its problem travels only if it is not the last one's."""
        known = task.problem is self._problem
        self._problem = task.problem
        self.busy_with = number
        self._send((number, None if known else task.problem, replace(task, problem=_NO_PROBLEM)))

    def tell_to_end(self) -> None:
        """Ask for what it has."""
        if self.busy_with is not None:
            self._send((self.busy_with, None, None))

    def free(self, number: int) -> None:
        """Note that a task is done."""
        if self.busy_with == number:
            self.busy_with = None

    def kill(self) -> None:
        """End the process and wait for it."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        self._messages.put(None)
        self._speaker.join()  # what it was about to write has no reader any more
        with contextlib.suppress(OSError):
            self._to.close()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._from.close()

    def _send(self, message: object) -> None:
        self._messages.put(message)

    def _speak(self) -> None:
        while (message := self._messages.get()) is not None:
            with contextlib.suppress(OSError):  # a dead worker's task is answered by the thread that listens
                _write(self._to, message)

    def _listen(self) -> None:
        while (message := _read(self._from)) is not None:
            number, found = message
            self._answered((self, number, found))
        self.alive = False  # after its last answer, so that a task of a dead worker without one is lost


_NO_PROBLEM: Final[Any] = None
"""Stands in a task whose problem travels beside it."""


def serve() -> None:
    """Carry out the tasks that come through standard input until it closes: what a worker does."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up among the answers
    from optimizer.search.engines import ruin_recreate  # noqa: PLC0415 - the parent does not need it

    messages: queue.SimpleQueue[tuple[int, Problem | None, Task]] = queue.SimpleQueue()
    ended: set[int] = set()
    threading.Thread(target=_hear, args=(messages, ended), daemon=True).start()
    try:
        ruin_recreate.warm()
        _work(out, messages, ended)
    except Exception:  # noqa: BLE001 - whatever it was, the parent must see this process end
        traceback.print_exc()
        os._exit(1)  # not sys.exit: the other thread waits for a message


def _work(out: IO[bytes], messages: queue.SimpleQueue[tuple[int, Problem | None, Task]], ended: set[int]) -> NoReturn:
    """Answer one task after the other."""
    problem: Problem | None = None
    while True:
        number, new, task = messages.get()
        problem = new or problem
        assert problem is not None, "the first task brings its problem"
        stop = Cancelled(lambda number=number: number in ended)  # type: ignore[misc]
        _write(out, (number, _search(replace(task, problem=problem), stop)))


def _hear(messages: queue.SimpleQueue[tuple[int, Problem | None, Task]], ended: set[int]) -> None:
    """Put tasks into the queue, note which are to end, and end the process when nobody is there any more."""
    while (message := _read(sys.stdin.buffer)) is not None:
        number, problem, task = message
        if task is None:
            ended.add(number)
        else:
            messages.put((number, problem, task))
    os._exit(0)


def _search(task: Task, stop: Stop) -> Found | None:
    from optimizer.search.engines import ruin_recreate  # noqa: PLC0415 - solver libraries load when one is needed

    stops: list[Stop] = [stop]
    if task.steps is not None:
        stops.append(StepLimit(task.steps))
    if math.isfinite(task.seconds):
        stops.append(Deadline(max(1e-3, task.seconds), time.monotonic))
    best: Found | None = None

    def found(orders: list[RouteOrder]) -> None:
        nonlocal best
        best = tuple(orders)

    ruin_recreate.search(
        task.problem,
        task.shifts_of,
        stop=AnyOf(*stops),
        seed=task.seed,
        start=task.start,
        found=found,
        most_moved=task.most_moved,
        until_complete=task.until_complete,
    )
    return best


def _write(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(data)))
    stream.write(data)
    stream.flush()


def _read(stream: IO[bytes]) -> Any:
    """Return the next message, None where the other side is gone."""
    try:
        head = stream.read(_SIZE.size)
        if len(head) < _SIZE.size:
            return None
        (size,) = _SIZE.unpack(head)
        data = stream.read(size)
        return pickle.loads(data) if len(data) == size else None  # noqa: S301 - from our own process
    except OSError:
        return None
