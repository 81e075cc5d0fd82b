"""Why visits of stored plans are unserved: worked out in a process of its own, for it may take seconds of computing."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import Session

from service.db.documents import unsqueeze
from service.db.plans import document_of
from service.jobs.process import set_apart
from service.problems import Overloaded

if TYPE_CHECKING:
    from sqlalchemy import Engine

_KEPT: Final = 64
_MOST_WAITING: Final = 8


class Explanations:
    """Explains plans, one after the other, and keeps what was explained last; a plan never changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool: ProcessPoolExecutor | None = None
        self._kept: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._lock = threading.Lock()

    def of(self, plan_id: str, seconds: float) -> list[dict[str, Any]]:
        """Return the explanations of a plan's unserved visits, as ``Explanation.to_dict`` writes them.

        Parameters
        ----------
        seconds
            When to end; visits not reached by then are returned as not tried.

        Raises
        ------
        NotFound
            If there is no such plan.
        Overloaded
            If too many wait for explanations, or the process was killed.
        """
        with Session(self._engine) as session:
            document = document_of(session, plan_id)
        with self._lock:
            if plan_id in self._kept:
                self._kept.move_to_end(plan_id)
                return self._kept[plan_id]
        if not self._waiting.acquire(blocking=False):
            raise Overloaded(f"{_MOST_WAITING} plans are being explained already; try again in a moment.")
        try:
            found = self._begun().submit(_explain, document, seconds).result()
        except BrokenProcessPool as error:
            self.stop()
            raise Overloaded("The process that explains plans was killed; try again.") from error
        finally:
            self._waiting.release()
        if all(explanation["complete"] for explanation in found):
            with self._lock:
                self._kept[plan_id] = found
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return found

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _begun(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=set_apart)
            return self._pool


def _explain(document: bytes, seconds: float) -> list[dict[str, Any]]:
    from optimizer.judge.evaluate import orders_of  # noqa: PLC0415 - the server itself has no need of it
    from optimizer.problem.codec import decode_plan, loads  # noqa: PLC0415
    from optimizer.search.explain import explain  # noqa: PLC0415
    from optimizer.search.stop import Deadline  # noqa: PLC0415

    problem, plan = decode_plan(loads(unsqueeze(document)))
    found = explain(problem, orders_of(problem, plan), stop=Deadline(seconds, time.monotonic))
    return [explanation.to_dict() for explanation in found]
