"""What is known of a city when a reading comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.cities import Cities
from service.ingest.places import Places
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_city import City


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Keep to SQLite: what is looked at is a file beside it."""
    return f"sqlite:///{tmp_path / 'test.sqlite'}"


@pytest.mark.parametrize("spoilt", [None, b"", b"{"])
def test_place_is_the_same_from_the_cache(city: City, tmp_path: Path, spoilt: bytes | None) -> None:
    """A server that starts anew knows the same containers and sensors, from its cache and from a spoilt one."""
    with city.engine.connect() as connection:
        first = city.places.find(connection, city.id)
        [kept] = (tmp_path / "home" / "cache").glob("sensors-*.json")
        if spoilt is not None:
            kept.write_bytes(spoilt)
        anew = Places(Cities(city.engine, Settings(home=tmp_path / "home")))
        assert anew.find(connection, city.id) == first
    assert first is not None
    assert first.containers == set(city.containers)
