"""Databases for readings: SQLite, and PostgreSQL where its binaries are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ingest_city import City, empty_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database, of each kind in turn."""
    return empty_database(request, request.param, tmp_path)


@pytest.fixture
def city(database_url: str, tmp_path: Path, city_zip: bytes) -> Iterator[City]:
    """Store the built-in city in an empty database of each kind."""
    found = City(database_url, tmp_path / "home", city_zip)
    yield found
    found.engine.dispose()
