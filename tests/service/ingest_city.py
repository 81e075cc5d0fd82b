"""A stored city, and a PostgreSQL cluster of its own, for tests of readings."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from service.cities import Cities
from service.db.engine import make_engine, upgrade
from service.ingest import plain
from service.ingest.places import Places
from service.ingest.report import OLDEST_LIVE_US, moment_of
from service.ingest.store import Batch, Outcome, write
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from sqlalchemy import Engine

HOUR_US: Final = 3_600_000_000
NOW = dt.datetime(2026, 11, 22, 5, 0, tzinfo=dt.UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Postgres:
    """A cluster of its own on a free port; it does not run as root, so root gives it to somebody else."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.binaries = binaries
        self.user = None
        if os.geteuid() == 0:
            self.user = next(
                name for name in ("postgres", "nobody") if name in {user.pw_name for user in pwd.getpwall()}
            )
            shutil.chown(folder, self.user)
        self._run("initdb", "-D", str(folder / "data"), "-U", "samram", "-A", "trust", "-E", "UTF8", "--locale=C")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.binaries / program), *arguments],
            check=True,
            user=self.user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", options, "start"
        )

    def stop(self) -> None:
        """Stop it at once, as a power cut does."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def url(self, database: str = "postgres") -> str:
        """Return its address for SQLAlchemy."""
        return f"postgresql+psycopg://samram@127.0.0.1:{self.port}/{database}"


def postgres_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, None where it is not installed."""
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def empty_database(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """Return the address of an empty database, "sqlite" or "postgresql"."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    cluster: Postgres = request.getfixturevalue("postgres")
    name = f"t{time.time_ns()}_{os.getpid()}"
    engine = make_engine(cluster.url())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return cluster.url(name)


class City:
    """A stored city with what the writer needs."""

    def __init__(self, url: str, home: Path, archive: bytes) -> None:
        self.engine: Engine = make_engine(url)
        upgrade(self.engine)
        settings = Settings(home=home, database_url=url)
        cities = Cities(self.engine, settings)
        version, _ = cities.add(archive)
        self.id = version.city_id
        self.places = Places(cities)
        self.containers = sorted(
            container.id for container in cities.dataset(version.id or 0, version.content_hash).containers
        )


def send(city: City, items: Sequence[Any], *, now_us: int = NOW_US) -> list[Outcome]:
    """Write plain readings as one batch and return what became of each."""
    batch = Batch(
        city_id=city.id,
        source="http",
        items=plain.reports(list(items), city_id=city.id),
        received_us=now_us,
        oldest_us=now_us - OLDEST_LIVE_US,
    )
    [answer] = write(city.engine, city.places, [batch])
    assert isinstance(answer, list)
    return answer


def said(container: str, hours_ago: float = 0, **fields: Any) -> dict[str, Any]:
    """Return a plain reading."""
    time = moment_of(NOW_US - int(hours_ago * HOUR_US)).isoformat()
    return {"container": container, "time": time, "fill": 0.4} | fields
