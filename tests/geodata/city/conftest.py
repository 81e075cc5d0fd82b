"""A small valid city for the tests of the city room, to be broken one way at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from geodata.city.demo.osm_xml import OsmDrawing
from geodata.city.templates import init_city


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """Write a folder with the templates and one street that passes all their places."""
    folder = init_city(tmp_path / "city")
    drawing = OsmDrawing()
    places = [
        (103.8553, 13.3544),
        (103.8577, 13.3569),
        (103.8601, 13.3612),
        (103.8702, 13.3655),
        (103.95, 13.36),
        (104.041, 13.348),
    ]
    drawing.way([drawing.node(*place) for place in places], {"highway": "residential", "name": "Street 12"})
    drawing.write(folder / "streets.osm")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own cache folder out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def shared_data() -> Path:
    """Give the folder of real data that ``SAMRAM_DATA`` names, or skip."""
    name = os.environ.get("SAMRAM_DATA")
    if not name or not Path(name).is_dir():
        pytest.skip("SAMRAM_DATA does not name a folder with real extracts")
    return Path(name)
