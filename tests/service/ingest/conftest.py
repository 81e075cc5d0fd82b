"""Databases for readings: SQLite, and PostgreSQL where its binaries are installed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ingest_city import City, Postgres, postgres_binaries
from sqlalchemy import text

from service.db.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    cluster: Postgres = request.getfixturevalue("postgres")
    name = f"t{time.time_ns()}_{os.getpid()}"
    engine = make_engine(cluster.url())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return cluster.url(name)


@pytest.fixture
def city(database_url: str, tmp_path: Path, city_zip: bytes) -> Iterator[City]:
    """Store the built-in city in an empty database of each kind."""
    found = City(database_url, tmp_path / "home", city_zip)
    yield found
    found.engine.dispose()
