"""Where cells run: anything shaped like ``concurrent.futures.Executor``."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Inline(Executor):
    """Runs each call at once, in the caller's own process: for small studies and for tests."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run the call, and return what it came to as a future that is done."""
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)
        return future


def ready() -> None:
    """Load everything that a cell needs, in a worker before its first one."""
    import scenarios.cells  # noqa: F401, PLC0415 - for its compiled loops, which whoever runs a pool may do without
    from optimizer.search.solve import warm  # noqa: PLC0415

    warm()


@contextmanager
def local_pool(workers: int) -> Iterator[Executor]:
    """Give spawned processes, so many, that have loaded and compiled all they need before their first cell.

    On an error and on cancelling nothing new begins; what runs is waited for.
    """
    if workers < 1:
        raise ValueError(f"A pool has at least 1 worker, not {workers}.")
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=ready)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def dask_pool(address: str) -> Iterator[Executor]:
    """Give the workers of a Dask scheduler, such as ``tcp://10.0.0.5:8786``; needs the extra ``cluster``.

    All of them must see the study's folder under the same path. A running future is never cancelled: Dask would
    believe its worker free (distributed #4694). The study's flag ends the searches.
    """
    from distributed import Client  # noqa: PLC0415 - an extra

    client: Any = Client(address)
    with client:
        client.run(ready)
        executor: Any = client.get_executor(pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=True)
