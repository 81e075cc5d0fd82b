"""Runs on a Dask cluster: a real scheduler and two workers, each a process of its own."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from ingest_city import free_port
from test_service_runs import ask, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from service.settings import Settings

pytest.importorskip("distributed", reason="distributed is not installed (extra cluster)")
from service.jobs.cluster import ClusterPool

ZIP = {"content-type": "application/zip"}


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self._started: list[subprocess.Popen[bytes]] = []
        self._start("dask_scheduler", "--host", self.address, "--no-dashboard")
        self._wait_for_scheduler()
        self.workers = [self.add_worker() for _ in range(2)]

    def _wait_for_scheduler(self) -> None:
        host, _, port = self.address.removeprefix("tcp://").partition(":")
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
                return
            time.sleep(0.1)
        raise AssertionError("The scheduler did not start.")

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker with one thread."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        return self._start("dask_worker", self.address, *options)

    def _start(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
        self._started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return self._started[-1]

    def stop(self) -> None:
        """End all of them."""
        for process in reversed(self._started):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Start a cluster."""
    found = Cluster(tmp_path)
    yield found
    found.stop()


@pytest.fixture
def client(settings: Settings, cluster: Cluster, make_client: Callable[[Settings], Any]) -> Iterator[Any]:
    """Start the application with its runs on the cluster."""
    with make_client(settings.model_copy(update={"cluster": cluster.address})) as client:
        yield client


def test_the_cluster_gives_the_same_plan(
    client: Any, city_zip: bytes, settings: Settings, make_client: Callable[[Settings], Any]
) -> None:
    """A run with a limit of steps ends on the cluster with the plan that it ends with in a process of this machine."""
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    run = wait(client, ask(client, city_id, steps=3, seed=5))
    assert (run["status"], run["error"]) == ("done", None)
    assert isinstance(client.app.state.supervisor._pool, ClusterPool)
    there = client.get(f"/v1/plans/{run['plan_id']}/plan.json").content
    with make_client(settings) as alone:
        run = wait(alone, ask(alone, city_id, steps=3, seed=5))
        assert alone.get(f"/v1/plans/{run['plan_id']}/plan.json").content == there


def test_a_cancelled_run_frees_its_worker(client: Any, city_zip: bytes) -> None:
    """A run that is cancelled ends on its worker, though nobody interrupts it: more runs than workers come through."""
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    for _ in range(2):
        address = ask(client, city_id, seconds=300)
        while not wait(client, address, until=("running",))["progress"]:
            time.sleep(0.1)
        assert client.post(f"{address}/cancel").json()["status"] == "cancelled"
    assert wait(client, ask(client, city_id, seconds=1))["status"] == "done"


def test_a_lost_worker_is_replaced_by_another(client: Any, cluster: Cluster, city_zip: bytes) -> None:
    """When a worker is killed in the middle of a run, another one carries the run out."""
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    cluster.workers.pop().send_signal(signal.SIGKILL)
    address = ask(client, city_id, seconds=6)
    while not wait(client, address, until=("running",))["progress"]:
        time.sleep(0.1)
    cluster.add_worker()
    cluster.workers.pop().send_signal(signal.SIGKILL)
    run = wait(client, address)
    assert (run["status"], run["error"]) == ("done", None)
