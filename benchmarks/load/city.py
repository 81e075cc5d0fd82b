"""A running server with the built-in city in it, and readings for its containers."""

from __future__ import annotations

import io
import json
import tempfile
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import text

from benchmarks.load.servers import Server, postgres
from geodata.city.demo.city import write_demo_city
from service.db.engine import make_engine
from service.ingest.report import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

CONTAINERS: Final = 300
HOUR_US: Final = 3_600_000_000
SOLVE_S: Final = 300
"""Seconds that the solve beside a measurement may search; it is cancelled when the measurement is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server, its city, and the database beneath both."""

    server: Server
    city_id: str
    containers: list[str]
    engine: Engine

    @property
    def readings_path(self) -> str:
        """Where readings are sent."""
        return f"/v1/cities/{self.city_id}/readings"

    def stored(self) -> list[tuple[str, int]]:
        """Return container and time of every reading that is stored, twice where it is stored twice."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text("SELECT container, time_us FROM reading"))]

    def count(self, table: str = "reading") -> int:
        """Return how many rows a table has."""
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608

    def newest(self) -> int:
        """Return the number of the reading stored last; unlike a count it takes no longer with every reading."""
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM reading").scalar_one())

    def sound(self) -> bool:
        """Whether the database finds nothing wrong with itself; PostgreSQL reads every row for it."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                return bool(connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok")
            connection.execute(text("SELECT sum(length(r::text)) FROM reading r"))
            return True


@contextmanager
def running(database: str, *, containers: int = CONTAINERS, **settings: str) -> Iterator[Running | None]:
    """Run our server on ``sqlite`` or ``postgresql`` with the built-in city; None where that is not installed."""
    with tempfile.TemporaryDirectory(prefix="samram-load-") as folder, _database(database) as url:
        if url is None:
            yield None
            return
        home = Path(folder)
        server = Server(home, url, **settings)
        server.start()
        engine = make_engine(url or f"sqlite:///{home / 'samram.sqlite'}")
        try:
            city_id, names = _import_city(server, home, containers)
            yield Running(server=server, city_id=city_id, containers=names, engine=engine)
        finally:
            engine.dispose()
            server.stop()


@contextmanager
def _database(name: str) -> Iterator[str | None]:
    if name == "sqlite":
        yield ""
        return
    with postgres() as url:
        yield url


def _import_city(server: Server, home: Path, containers: int) -> tuple[str, list[str]]:
    folder = write_demo_city(home / "demo", containers=containers, seed=1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    city_id = _asked(server, "/v1/cities", packed.getvalue(), "application/zip")["id"]
    found = _asked(server, f"/v1/cities/{city_id}/containers")
    return city_id, [feature["id"] for feature in found["features"]]


@contextmanager
def solving(at: Running) -> Iterator[None]:
    """Have the server search for a plan meanwhile; what is measured begins when the search has begun."""
    day = moment_of(time.time_ns() // 1_000).date().isoformat()
    body = orjson.dumps({"date": day, "seconds": SOLVE_S})
    run = _asked(at.server, f"/v1/cities/{at.city_id}/plans", body)["id"]
    while (found := _asked(at.server, f"/v1/runs/{run}"))["stage"] != "searching":
        if found["status"] not in ("queued", "running"):
            raise RuntimeError(f"The solve beside the measurement ended early: {found}")
        time.sleep(0.2)
    try:
        yield
        status = _asked(at.server, f"/v1/runs/{run}")["status"]
        if status != "running":
            raise RuntimeError(f"The solve was {status} before the measurement was over.")
    finally:
        _asked(at.server, f"/v1/runs/{run}/cancel", b"")


def _asked(server: Server, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
    request = urllib.request.Request(server.url(path), body, {"content-type": kind})  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310 - our own server
        return json.load(reply)


def readings_of(containers: Sequence[str], number: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Return so many different readings, the newest an hour ago, each container's an hour apart."""
    newest_us = time.time_ns() // 1_000 - HOUR_US
    readings = []
    for index in range(first, first + number):
        hours, container = divmod(index, len(containers))
        time_us = newest_us - hours * HOUR_US
        readings.append({"container": containers[container], "time": moment_of(time_us).isoformat(), "fill": 0.25})
    return readings


def bodies_of(readings: Sequence[Any], size: int) -> list[bytes]:
    """Return requests' bodies with so many readings each."""
    if size == 1:
        return [orjson.dumps(one) for one in readings]
    return [orjson.dumps(readings[start : start + size]) for start in range(0, len(readings), size)]
