"""Workers of the service's runs: a run searches in as many processes as the setting says, and leaves none behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ZIP = {"content-type": "application/zip"}
PATIENCE_S = 600

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="Only Linux lists processes as files.")


def until(found: Callable[[], Any]) -> Any:
    """Wait until something is found, and return it."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError("It did not come.")


def workers_of(pid: int) -> list[int]:
    """Return the processes that a process has started to search for it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if parent == pid and b"optimizer.search.workers" in words:
            found.append(int(folder.name))
    return found


def gone(pids: list[int]) -> bool:
    """Whether none of these processes works any more; one that nobody has asked for its exit code does not."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return False
        except OSError:
            continue
    return True


def begun(client: Any, city_zip: bytes) -> tuple[str, int, list[int]]:
    """Ask for a long search; return its run's address, process and two workers, once it has a first plan."""
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    asked = client.post(f"/v1/cities/{city_id}/plans", json={"date": "2026-11-23", "seconds": 300})
    run_id = asked.json()["id"]
    children = client.app.state.supervisor._children
    child = until(lambda: children.get(run_id))
    workers: list[int] = until(lambda: found if len(found := workers_of(child.job.process.pid)) == 2 else None)
    address = f"/v1/runs/{run_id}"
    until(lambda: client.get(address).json()["progress"])
    return address, child.job.process.pid, workers


@needs_proc
def test_a_cancelled_run_leaves_no_worker(settings: Settings, city_zip: bytes, make_client: Callable[..., Any]) -> None:
    """When a run that searches with two workers is cancelled, its process and both workers end."""
    with make_client(settings.model_copy(update={"solve_workers": 2})) as client:
        address, run, workers = begun(client, city_zip)
        assert client.post(f"{address}/cancel").json()["status"] == "cancelled"
        assert until(lambda: gone([run, *workers]))


@needs_proc
def test_a_killed_run_leaves_no_worker(settings: Settings, city_zip: bytes, make_client: Callable[..., Any]) -> None:
    """When the process of a run is killed without a word, its workers end by themselves, and the run is begun again."""
    with make_client(settings.model_copy(update={"solve_workers": 2})) as client:
        address, run, workers = begun(client, city_zip)
        os.kill(run, signal.SIGKILL)
        assert until(lambda: gone(workers))
        assert until(lambda: client.get(address).json()["attempts"] == 2)


@needs_proc
def test_a_server_that_stops_leaves_no_worker(
    settings: Settings, city_zip: bytes, make_client: Callable[..., Any]
) -> None:
    """When the server stops, the run that searches ends with its workers."""
    with make_client(settings.model_copy(update={"solve_workers": 2})) as client:
        _, run, workers = begun(client, city_zip)
    assert until(lambda: gone([run, *workers]))


def test_the_environment_says_how_many_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAMRAM_SOLVE_WORKERS is the number of processes in which each run searches; unasked it is one."""
    assert Settings().solve_workers == 1
    monkeypatch.setenv("SAMRAM_SOLVE_WORKERS", "3")
    assert Settings().solve_workers == 3
