"""Processes for runs: one waits that is ready, takes the next run, and is replaced when it is gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from service.jobs.pool import ProcessPool
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 300.0


def answers(settings: Any, told: Any, _ending: Any, _beat: Any) -> None:
    """Stand for a run: write down who it was and what it was told."""
    import os

    run_id, attempt = told.recv()
    partial = settings.home / ".partial"
    partial.write_text(f"{os.getpid()} {attempt}")
    partial.rename(settings.home / run_id)


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessPool]:
    """Return a pool of light processes that is quiet at once."""
    monkeypatch.setattr("service.jobs.pool.wait_for_run", answers)
    monkeypatch.setattr("service.jobs.pool.QUIET_S", -1.0)
    found = ProcessPool(Settings(home=tmp_path, spare_process=True))
    yield found
    found.close()


def heard(home: Path, run_id: str) -> tuple[int, int]:
    """Wait for what a process wrote: its id, and the attempt."""
    end_s = time.monotonic() + PATIENCE_S
    while not (home / run_id).exists():
        assert time.monotonic() < end_s, "No process took the run."
        time.sleep(0.02)
    pid, attempt = (home / run_id).read_text().split()
    return int(pid), int(attempt)


def test_the_process_that_waits_takes_the_next_run(pool: ProcessPool, tmp_path: Path) -> None:
    """What was made ready while nothing ran carries out the next attempt; the one after has a process of its own."""
    pool.rest()
    waiting = pool._spare
    assert waiting is not None
    pool.rest()
    assert pool._spare is waiting
    job = pool.begin("first", 2)
    assert job is waiting
    assert heard(tmp_path, "first") == (job.process.pid, 2)
    other = pool.begin("second", 1)
    assert heard(tmp_path, "second") == (other.process.pid, 1)
    for one in (job, other):
        one.kill()


def test_a_process_that_was_killed_while_it_waited_costs_no_run(pool: ProcessPool, tmp_path: Path) -> None:
    """A run is handed to a living process; a killed one is replaced when it is quiet again."""
    pool.rest()
    dead = pool._spare
    assert dead is not None
    dead.process.kill()
    dead.process.join()
    job = pool.begin("run", 1)
    assert job is not dead
    assert heard(tmp_path, "run") == (job.process.pid, 1)
    job.kill()
    pool.rest()
    assert pool._spare is not None
    pool._spare.process.kill()
    pool._spare.process.join()
    pool.rest()
    assert pool._spare is not None
    assert pool._spare.alive()


def test_without_the_setting_nothing_waits(tmp_path: Path) -> None:
    """A small machine may do without a process that waits."""
    pool = ProcessPool(Settings(home=tmp_path, spare_process=False))
    pool.rest()
    assert pool._spare is None
    pool.close()
