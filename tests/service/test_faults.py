"""Servers killed while they search: what is published stays, and every run ends. ``benchmarks.load`` strikes more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from ingest_city import free_port
from plan_rows import MONDAY
from test_service_runs import ask, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.settings import Settings

DATABASES = ("sqlite", "postgresql")
ZIP = {"content-type": "application/zip"}


class Server:
    """The server as a program of its own."""

    def __init__(self, settings: Settings) -> None:
        self._environment = os.environ | {
            "SAMRAM_HOME": str(settings.home),
            "SAMRAM_DATABASE_URL": settings.database,
            "SAMRAM_AUTH": "off",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=60)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "service.cli", "serve", "--port", str(self._port)]
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(2400):
            with contextlib.suppress(httpx2.TransportError):
                self.client.get("/healthz")
                return
            time.sleep(0.1)
        raise AssertionError("The server did not start.")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """Start a server."""
    found = Server(settings)
    found.start()
    yield found
    found.kill()
    found.client.close()


def test_a_killed_server_loses_no_run_and_no_published_plan(server: Server, city_zip: bytes) -> None:
    """A server killed in the middle of a search still serves what was published, and carries the run out anew."""
    client: Any = server.client
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    plan = wait(client, ask(client, city_id, seconds=1))["plan_id"]
    client.post(f"/v1/plans/{plan}/publish")
    address = ask(client, city_id, seconds=3)
    wait(client, address, until=("running",))
    server.kill()
    server.start()
    day = client.get(f"/v1/cities/{city_id}/days/{MONDAY}").json()
    assert (day["plan_id"], day["version"], day["state"]) == (plan, 1, "published")
    run = wait(client, address)
    assert (run["status"], run["attempts"], run["error"]) == ("done", 2, None)
    plans = client.get(f"/v1/cities/{city_id}/plans").json()["plans"]
    assert {item["id"]: item["state"] for item in plans} == {plan: "published", run["plan_id"]: "draft"}
