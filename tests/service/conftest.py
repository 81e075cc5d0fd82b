"""A built-in city as a zip, the application in this process, and a real server on a free port of this machine."""

from __future__ import annotations

import io
import os
import socket
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx2
import pytest
import uvicorn
from fastapi.testclient import TestClient
from ingest_city import Postgres, empty_database, postgres_binaries

from geodata.city.demo.city import write_demo_city
from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERYWHERE: Final = os.environ.get("SAMRAM_TESTS_DATABASE", "sqlite")
ZIP = {"content-type": "application/zip"}
# Who may do what is the subject of tests/service/auth; all others reach a server that asks nobody who they are.
os.environ["SAMRAM_AUTH"] = "off"


def zipped(folder: Path) -> bytes:
    """Return a folder's files as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def city_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the built-in city with 60 containers."""
    return write_demo_city(tmp_path_factory.mktemp("service") / "city", containers=60, seed=1)


@pytest.fixture(scope="session")
def city_zip(city_folder: Path) -> bytes:
    """Zip the built-in city."""
    return zipped(city_folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL, or skip where it is not installed."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's programs are not installed (package postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")
    with tempfile.TemporaryDirectory(prefix="samram-pg-", dir="/tmp") as folder:
        cluster = Postgres(binaries, Path(folder))
        cluster.start()
        yield cluster
        cluster.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module that says ``DATABASES = ("sqlite", "postgresql")`` on each of them."""
    kinds = getattr(metafunc.module, "DATABASES", None)
    if kinds and "settings" in metafunc.fixturenames:
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database: of the module's kinds, or of what SAMRAM_TESTS_DATABASE names."""
    return empty_database(request, getattr(request, "param", None) or EVERYWHERE, tmp_path)


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    """Give the application a home and a database of its own."""
    return Settings(home=tmp_path / "home", database_url=database)


@pytest.fixture(scope="session")
def make_client() -> Callable[[Settings], TestClient]:
    """Give a way to start the application in this process; an error inside it is answered, not raised."""
    return lambda settings: TestClient(create_app(settings), raise_server_exceptions=False)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """Start the application in this process; an error inside it is answered, not raised."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def city_id(client: TestClient, city_zip: bytes) -> str:
    """Import the built-in city and return its short name."""
    found: str = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    return found


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[[], httpx2.Client]]:
    """Start real servers on free ports of this machine; each call returns a client of a new one, same home."""
    running: list[tuple[uvicorn.Server, threading.Thread, httpx2.Client]] = []

    def start() -> httpx2.Client:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "The server ended while it started."
            time.sleep(0.02)
        client = httpx2.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60)
        running.append((server, thread, client))
        return client

    yield start
    for server, thread, client in running:
        client.close()
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive(), "The server did not end."
