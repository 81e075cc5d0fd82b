"""Cities to study: the built-in one, one on Heidelberg's streets, and Siem Reap's people on built-in streets.

``python -m benchmarks.scenarios.cities FOLDER`` writes Siem Reap and three studies of it: ``far.toml`` and
``transfer.toml`` ask how many trucks it needs with the far landfill and with a transfer station, ``compare.toml`` what
the station saves.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geodata.city.columns import SHIFTS, VEHICLES
from geodata.city.demo import write_demo_city
from geodata.city.demo.fleet import mixed_fleet
from geodata.city.demo.sample import sample_city
from geodata.city.tables import write_csv
from geodata.city.templates import column_names, write_zones

if TYPE_CHECKING:
    from collections.abc import Sequence

KG_PER_PERSON_DAY: Final = 0.5
"""Near the 0.487 of Cambodia (Municipal Solid Waste Management in Asia and the Pacific Islands, Springer 2014).
K. Parizeau, V. Maclaren and L. Chanthy (Resources, Conservation and Recycling, 2006, doi
10.1016/j.resconrec.2006.03.006) weighed 0.34 in a part of Siem Reap that nobody collected from."""
SPELT_OTHERWISE: Final = {"Kok Chak": "Kouk Chak", "Sala Kamreuk": "Sala Kamraeuk"}
"""Sangkats by their name on the map, and in the census."""
WITHOUT_OUTLINE: Final = "Chong Knies"
"""Of the census, and not on the map: it gets a square at the southern edge, by the lake, of its area."""


def built_in(folder: Path, *, containers: int) -> Path:
    """Write the built-in city."""
    return write_demo_city(folder, containers=containers, seed=1)


def heidelberg(folder: Path, data: Path, *, containers: int = 300) -> Path:
    """Put made-up bins and trucks on the streets of the shared extract."""
    sample_city(
        data / "osm" / "heidelberg.osm.pbf", folder, containers=containers, vehicles=10, timezone="Europe/Berlin"
    )
    return folder


def siem_reap(folder: Path, data: Path) -> Path:
    """Put the people of Siem Reap's 13 sangkats on the streets of a built-in town, collected from door to door.

    The outlines of twelve are those of the map, drawn smaller to fit the town. The thirteenth outline of the map,
    Kandaek, has no people in the census and is left out; Chong Knies is in the census alone. All waste goes to the
    landfill far from town; the fleet has compactors, tippers, and three-wheelers for the lanes.
    """
    write_demo_city(folder, containers=1_200, seed=1)
    text = (folder / "city.toml").read_text(encoding="utf-8")
    (folder / "city.toml").write_text(
        text.replace("Samram demo city (synthetic)", "Siem Reap's people on built-in streets"), encoding="utf-8"
    )
    west, south, east, north = _bounds(folder / "containers.csv")
    people = _people(data / "cambodia" / "siem_reap_sangkat_population.csv")
    outlines = _outlines(data / "cambodia" / "siem_reap_sangkats_adm3.geojson", set(people))
    points = np.concatenate(list(outlines.values()))
    low, high = points.min(axis=0), points.max(axis=0)
    scale = np.array([east - west, north - south]) / (high - low)
    zones = {name: (ring - low) * scale + [west, south] for name, ring in outlines.items()}
    area = sum(one["hectares"] for one in people.values())
    side = np.array([east - west, north - south]) * np.sqrt(people[WITHOUT_OUTLINE]["hectares"] / area)
    corner = np.array([(west + east - side[0]) / 2, south])
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    zones[WITHOUT_OUTLINE] = corner + square * side
    rows = [_zone(number, name, ring, people[name]) for number, (name, ring) in enumerate(sorted(zones.items()), 1)]
    write_zones(folder / "zones.geojson", rows)
    depots = _ids(folder / "depots.csv")
    vehicles, shifts = mixed_fleet(compactors=8, tippers=2, three_wheelers=6, depots=depots)
    write_csv(folder / "vehicles.csv", column_names(VEHICLES), vehicles)
    write_csv(folder / "shifts.csv", column_names(SHIFTS), shifts)
    (folder / "containers.csv").unlink()
    _landfill_alone(folder / "disposal_sites.csv")
    return folder


def transfer_point(folder: Path) -> dict[str, Any]:
    """Return a transfer station where the built-in city has its own, as a change.

    A tonne costs the landfill's fee and 3 more for hauling it on in large trailers: our own figure.
    """
    write_demo_city(folder, containers=1_200, seed=1)
    with (folder / "disposal_sites.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["id"].startswith("Transfer"))
    return {
        "kind": "new_disposal_site",
        "id": "Transfer station",
        "lon": float(row["lon"]),
        "lat": float(row["lat"]),
        "unloading_s": 480,
        "windows": ["04:00-18:00"],
        "gate_fee_per_t": 7.0,
    }


def _people(path: Path) -> dict[str, dict[str, float]]:
    """Return people in 2011 and hectares, by sangkat; the figures of 2008 in the same file differ."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["Commune"]: {"people": float(row["TOPOP11"]), "hectares": float(row["TOT_Area_C"])}
            for row in csv.DictReader(file)
        }


def _outlines(path: Path, known: set[str]) -> dict[str, Any]:
    """Return the outer rings, float64[k, 2] in degrees, of the sangkats that the census knows."""
    document = json.loads(path.read_text(encoding="utf-8"))
    rings = {}
    for feature in document["features"]:
        name = feature["properties"]["shapeName"]
        name = SPELT_OTHERWISE.get(name, name)
        if name in known:
            rings[name] = np.array(feature["geometry"]["coordinates"][0], dtype=np.float64)
    return rings


def _zone(number: int, name: str, ring: Any, figures: dict[str, float]) -> tuple[dict[str, str], Any]:
    properties = {
        "id": f"S{number:02d}",
        "name": name,
        "people": f"{figures['people']:.0f}",
        "kg_per_person_day": f"{KG_PER_PERSON_DAY:g}",
        "stream": "residual",
    }
    return properties, [[[round(float(lon), 7), round(float(lat), 7)] for lon, lat in ring]]


def _bounds(path: Path) -> tuple[float, float, float, float]:
    with path.open(encoding="utf-8", newline="") as file:
        points = np.array([[float(row["lon"]), float(row["lat"])] for row in csv.DictReader(file)])
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    return float(west), float(south), float(east), float(north)


def _ids(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["id"] for row in csv.DictReader(file)]


def _landfill_alone(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["id"] == "Landfill"]
        names = list(reader.fieldnames or [])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


FAR: Final = "8, 12..16, 20"
NEAR: Final = "8..12, 16"
_ASKED: Final = """name = "{name}"
city = "city"
from = 2026-11-23
count = {days}
seeds = 2
seconds = 12
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the city and the studies; see the module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios.cities")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--data", type=Path, help="folder of the shared data; SAMRAM_DATA if absent")
    options = parser.parse_args(arguments)
    data = options.data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    if data is None:
        parser.error("the shared data are needed: --data, or the environment variable SAMRAM_DATA")
    folder: Path = options.folder
    folder.mkdir(parents=True)
    siem_reap(folder / "city", data)
    with tempfile.TemporaryDirectory(prefix="samram-bench-") as scratch:
        station = transfer_point(Path(scratch) / "whole")
    change = "\n".join(f"{key} = {json.dumps(value)}" for key, value in station.items())
    # Inline tables stand on one line.
    inline = "{ " + change.replace("\n", ", ") + " }"
    (folder / "far.toml").write_text(
        _ASKED.format(name="how many trucks with the far landfill", days=3) + f'fleet = "{FAR}"\n', encoding="utf-8"
    )
    (folder / "transfer.toml").write_text(
        _ASKED.format(name="how many trucks with a transfer station", days=3)
        + f'fleet = {{ vehicles = "{NEAR}", changes = [{inline}] }}\n',
        encoding="utf-8",
    )
    (folder / "compare.toml").write_text(
        _ASKED.format(name="what a transfer station saves", days=3)
        + '\n[[scenario]]\nname = "16 vehicles, far landfill"\n'
        + '[[scenario.changes]]\nkind = "fleet_size"\nvehicles = 16\n'
        + '\n[[scenario]]\nname = "12 vehicles, transfer"\n'
        + '[[scenario.changes]]\nkind = "fleet_size"\nvehicles = 12\n'
        + f"[[scenario.changes]]\n{change}\n",
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
