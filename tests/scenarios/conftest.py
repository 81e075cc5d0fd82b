"""A small city drawn by hand, whose tables are written anew for each test."""

from __future__ import annotations

import csv
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from geodata.city.dataset import CityDataset, load_city
from geodata.city.demo.osm_xml import OsmDrawing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEPOT = {"id": "D1", "lon": 103.850, "lat": 13.35}
LANDFILL = {"id": "L1", "lon": 103.870, "lat": 13.35, "unloading_s": 600}
TRUCK = {
    "id": "T1",
    "depot": "D1",
    "capacity_kg": 6000,
    "capacity_l": 10000,
    "compaction": 3,
    "access_class": "compactor",
    "width_m": 2.5,
    "height_m": 3.4,
    "length_m": 8,
    "weight_t": 16,
    "cost_per_hour": 9,
}
SMALL = TRUCK | {"id": "K1", "access_class": "three_wheeler", "capacity_kg": 400, "capacity_l": 1000, "compaction": 1}
SMALL |= {"width_m": 1.4, "height_m": 2, "length_m": 3, "weight_t": 1}
SHIFT = {"id": "T1-day", "vehicle": "T1", "start": "04:00", "end": "12:00"}
BIN = {"id": "B1", "lon": 103.860, "lat": 13.35, "volume_l": 1000, "stream": "residual", "fill": 1}
TOML = 'name = "Test town"\ntimezone = "Asia/Phnom_Penh"\ncurrency = "USD"\n'


@pytest.fixture
def truck() -> dict[str, Any]:
    """Give the row of a compactor."""
    return dict(TRUCK)


@pytest.fixture
def small() -> dict[str, Any]:
    """Give the row of a three-wheeler, which fits into the lane."""
    return dict(SMALL)


@pytest.fixture
def make_city(tmp_path: Path) -> Callable[..., CityDataset]:
    """Give a way to load a city with one street and these rows; what is not given is a usual city's."""
    numbers = itertools.count()

    def make(
        *,
        containers: list[dict[str, Any]] | None = None,
        depots: list[dict[str, Any]] | None = None,
        disposal_sites: list[dict[str, Any]] | None = None,
        vehicles: list[dict[str, Any]] | None = None,
        shifts: list[dict[str, Any]] | None = None,
        zones: str | None = None,
        toml: str = "",
    ) -> CityDataset:
        folder = tmp_path / f"city{next(numbers)}"
        folder.mkdir()
        draw_streets(folder)
        (folder / "city.toml").write_text(TOML + toml, encoding="utf-8")
        tables = {
            "containers": [BIN] if containers is None else containers,
            "depots": [DEPOT] if depots is None else depots,
            "disposal_sites": [LANDFILL] if disposal_sites is None else disposal_sites,
            "vehicles": [TRUCK] if vehicles is None else vehicles,
            "shifts": [SHIFT] if shifts is None else shifts,
        }
        for stem, rows in tables.items():
            if rows:
                write_table(folder / f"{stem}.csv", rows)
        if zones is not None:
            (folder / "zones.geojson").write_text(zones, encoding="utf-8")
        return load_city(folder)

    return make


def draw_streets(folder: Path) -> None:
    """Draw an avenue along 13.35 north, and a lane off it at 103.862 east that only narrow vehicles fit into."""
    drawing = OsmDrawing()
    avenue = [drawing.node(103.845 + step / 1000, 13.35) for step in range(31)]
    drawing.way(avenue, {"highway": "residential", "name": "Avenue"})
    lane = [avenue[17], drawing.node(103.862, 13.352), drawing.node(103.862, 13.354)]
    drawing.way(lane, {"highway": "residential", "name": "Lane", "maxwidth": "1.6"})
    drawing.write(folder / "streets.osm")


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV; columns that a row lacks stay empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
