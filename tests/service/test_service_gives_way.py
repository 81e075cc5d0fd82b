"""Whoever searches gives way to whoever answers."""

from __future__ import annotations

import os
import sys

import pytest

from service.jobs.process import give_way


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux knows batch work.")
def test_a_search_is_batch_work() -> None:
    """The kernel is told so, and its priority stays what it was: a search does not starve on a busy machine."""
    child = os.fork()
    if child == 0:
        before = os.getpriority(os.PRIO_PROCESS, 0)
        give_way()
        same = os.getpriority(os.PRIO_PROCESS, 0) == before
        os._exit(0 if same and os.sched_getscheduler(0) == os.SCHED_BATCH else 1)
    assert os.waitpid(child, 0)[1] == 0
