"""A full disk and a database that is restarted: told as such, and over as soon as they are over."""

from __future__ import annotations

import resource
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from ingest_city import Postgres, postgres_binaries
from sqlalchemy import text

from service.app import create_app
from service.ingest.report import moment_of
from service.ingest.writer import now_us
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DISK_BYTES = 48_000_000
ZIP = {"content-type": "application/zip"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small disk in memory, or give a plain folder where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        yield folder
        return
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill the disk; where it is none of our own, let no file of this process grow beyond what the database has."""
    if disk.is_mount():
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4_096))
        yield
        filler.unlink()
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in disk.rglob("samram.sqlite*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def batches(containers: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Give batches of readings without end, each reading another one."""
    now = now_us()
    for second in range(1, 100_000):
        time = moment_of(now - second * 1_000_000).isoformat()
        yield [{"container": container, "time": time, "fill": 0.4} for container in containers]


def containers_of(client: TestClient, city_id: str) -> list[str]:
    """Return the ids of the city's containers."""
    return [one["id"] for one in client.get(f"/v1/cities/{city_id}/containers").json()["features"]]


def test_full_disk_is_told_and_over_when_there_is_room(
    disk: Path, city_zip: bytes, make_client: Callable[[Settings], TestClient]
) -> None:
    """On a full disk nothing is acknowledged that is not kept, reading goes on, and room is enough to go on writing."""
    with make_client(Settings(home=disk / "home")) as client:
        city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
        way = f"/v1/cities/{city_id}/readings"
        todo = batches(containers_of(client, city_id))
        stored = client.post(way, json=next(todo)).json()["stored"]
        with full(disk):
            while (reply := client.post(way, json=next(todo))).status_code == 200:
                stored += reply.json()["stored"]
            assert (reply.status_code, bool(reply.headers["retry-after"])) in ((503, True), (507, True))
            if disk.is_mount():
                assert client.post("/v1/cities", content=city_zip, headers=ZIP).status_code == 507
            assert client.get(way).json()["readings"]
            assert client.get(f"/v1/cities/{city_id}").status_code == 200
        reply = client.post(way, json=next(todo))
        assert reply.status_code == 200, reply.text
        stored += reply.json()["stored"]
        with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
            assert connection.execute(text("SELECT count(*) FROM reading")).scalar_one() == stored
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_restart_of_the_database_is_told_and_over_when_it_is_back(tmp_path: Path, city_zip: bytes) -> None:
    """While PostgreSQL is stopped requests get 503 with Retry-After; once it is back the same server goes on."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's programs are not installed (package postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")
    with tempfile.TemporaryDirectory(prefix="samram-pg-", dir="/tmp") as folder:
        cluster = Postgres(binaries, Path(folder))
        cluster.start()
        app = create_app(Settings(home=tmp_path / "home", database_url=cluster.url()))
        with TestClient(app, raise_server_exceptions=False) as client:
            city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
            way = f"/v1/cities/{city_id}/readings"
            todo = batches(containers_of(client, city_id))
            stored = client.post(way, json=next(todo)).json()["stored"]
            cluster.stop()
            lost = next(todo)
            replies = [client.post(way, json=lost), client.get(way), client.get("/readyz")]
            replies += [client.post(f"/v1/cities/{city_id}/plans", json={"date": "2026-11-23", "seconds": 1})]
            assert [reply.status_code for reply in replies] == [503] * 4
            assert all(reply.headers["retry-after"] for reply in replies)
            assert client.get("/healthz").status_code == 200
            cluster.start()
            stored += client.post(way, json=lost).json()["stored"]
            assert client.get("/readyz").status_code == 200
            run = client.post(f"/v1/cities/{city_id}/plans", json={"date": "2026-11-23", "seconds": 1}).json()["id"]
            assert client.post(f"/v1/runs/{run}/cancel").status_code == 200
            with app.state.engine.connect() as connection:
                assert connection.execute(text("SELECT count(*) FROM reading")).scalar_one() == stored
        cluster.stop()
