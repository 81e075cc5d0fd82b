"""From a real extract to routes on the map, by the commands that a city would type.

The streets are read here a second time, with the osmium bindings and shapely alone, so that a fault in Samram's own
reading of them cannot hide; the plan is checked a second time by ``tests/checker/plan_checker.py``.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import osmium
import pytest
import shapely

from geodata.city.demo.sample import sample_city

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

Trip: TypeAlias = tuple[str, int]
Line: TypeAlias = list[list[float]]
Street: TypeAlias = tuple[Line, dict[str, str]]

DATE = "2026-11-23"
NEAR_M = 1.0
METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180
SAMRAM = "import sys; from service.cli import main; sys.exit(main())"

MOTOR_ROADS = {
    *("motorway", "trunk", "primary", "secondary", "tertiary"),
    *("motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link"),
    *("unclassified", "residential", "living_street", "service", "road", "track"),
}
OPENED_BY_A_SIGN = {"pedestrian", "footway", "path", "cycleway", "bridleway"}
SHUT = {"no", "private", "agricultural", "forestry", "emergency", "military", "psv", "bus", "bicycle", "foot"}
ACCESS_KEYS = ("hgv", "goods", "motor_vehicle", "vehicle", "access")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealCity:
    """An extract, and the made-up city around it."""

    extract: str
    containers: int
    islands: bool = False
    driving_side: Any = "right"


CITIES = {
    "heidelberg": RealCity(extract="heidelberg.osm.pbf", containers=300),
    "male": RealCity(extract="male_streets.osm.gz", containers=100, driving_side="left"),
    "maldives": RealCity(extract="maldives.osm.pbf", containers=120, islands=True, driving_side="left"),
}


@pytest.fixture(scope="session")
def extracts() -> Path:
    """Return the folder of real extracts."""
    root = os.environ.get("SAMRAM_DATA")
    if root is None:
        pytest.skip("SAMRAM_DATA does not name a folder with real extracts.")
    return Path(root) / "osm"


@pytest.fixture(scope="session")
def checker() -> ModuleType:
    """Return the independent checker, loaded from its file."""
    spec = importlib.util.spec_from_file_location(
        "plan_checker", Path(__file__).parents[1] / "checker" / "plan_checker.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plan_checker"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", CITIES)
def test_a_real_city_is_planned_from_its_files_to_the_map(
    name: str, extracts: Path, checker: ModuleType, tmp_path: Path
) -> None:
    """The commands make a plan that both judges pass, whose lines follow streets that the truck may use."""
    real = CITIES[name]
    city = sample_city(
        extracts / real.extract,
        tmp_path / name,
        containers=real.containers,
        vehicles=6,
        seed=1,
        driving_side=real.driving_side,
        islands=real.islands,
    )
    plan_file, maps = tmp_path / "plan.json", tmp_path / "maps"
    planned = samram(
        *("plan", str(city), "--date", DATE, "--seconds", "10", "--seed", "1"),
        *("--out", str(plan_file), "--geojson", str(maps)),
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    checked = samram("check", str(city), str(plan_file))
    assert checked.returncode == 0, checked.stdout + checked.stderr

    document = json.loads(plan_file.read_bytes())
    assert checker.find_faults(document) == []
    assert {container for visit in document["problem"]["visits"] for container in visit["containers"]} == {
        f"B{number:05d}" for number in range(1, real.containers + 1)
    }
    assert document["totals"]["visits_served"] > 0
    kinds = {step["kind"] for route in document["routes"] for step in route["steps"]}
    assert kinds >= ({"visit", "unload"} if real.islands else {"visit", "unload", "break"})
    unreachable = [entry for entry in document["unserved"] if entry["reason"] == "unreachable"]
    assert bool(unreachable) == real.islands

    lines = trip_lines(maps)
    assert len(lines) == sum(step["kind"] == "unload" for route in document["routes"] for step in route["steps"])
    streets, vehicles = read_streets(extracts / real.extract), vehicle_rows(city)
    assert stray_vertices(lines, streets, vehicles) == []
    moved = {trip: [[lon, lat + 20 / METRES_PER_DEGREE] for lon, lat in line] for trip, line in lines.items()}
    assert stray_vertices(moved, streets, vehicles) != [], "a line 20 m off its streets must not pass"


def test_a_changed_plan_does_not_pass(extracts: Path, checker: ModuleType, tmp_path: Path) -> None:
    """A plan in which one arrival was changed by a second is refused by the command and by the independent checker."""
    city = sample_city(extracts / "male_streets.osm.gz", tmp_path / "city", containers=20, driving_side="left")
    plan_file = tmp_path / "plan.json"
    planned = samram("plan", str(city), "--date", DATE, "--seconds", "2", "--out", str(plan_file))
    assert planned.returncode == 0, planned.stdout + planned.stderr
    document = json.loads(plan_file.read_bytes())
    document["routes"][0]["steps"][1]["arrival_s"] += 1
    plan_file.write_text(json.dumps(document), encoding="utf-8")
    checked = samram("check", str(city), str(plan_file))
    assert checked.returncode == 1
    assert "Traceback" not in checked.stdout + checked.stderr
    assert checker.find_faults(document) != []


def samram(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as its entry point does."""
    return subprocess.run(
        [sys.executable, "-c", SAMRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


# --- a second reading of the streets -------------------------------------------------------------------------------


def vehicle_rows(city: Path) -> dict[str, dict[str, str]]:
    """Return the rows of ``vehicles.csv`` by id."""
    with (city / "vehicles.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def trip_lines(maps: Path) -> dict[Trip, Line]:
    """Return the LineString of each trip in a folder of GeoJSON files, by vehicle and number."""
    lines: dict[Trip, Line] = {}
    for file in sorted(maps.glob("*.geojson")):
        for feature in json.loads(file.read_bytes())["features"]:
            if feature["geometry"] is not None and feature["geometry"]["type"] == "LineString":
                properties = feature["properties"]
                lines[properties["vehicle"], properties["trip"]] = feature["geometry"]["coordinates"]
    return lines


def stray_vertices(
    lines: Mapping[Trip, Line], streets: list[Street], vehicles: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Return the vertices of trips that are farther than 1 m from every street that their truck may use."""
    strays = []
    for (vehicle, trip), line in lines.items():
        away_m = metres_away(line, [street for street, tags in streets if may_use(tags, vehicles[vehicle])])
        strays += [
            f"{vehicle}, trip {trip}: {line[vertex]} is {away_m[vertex]:.1f} m from any street it may use"
            for vertex in np.flatnonzero(away_m > NEAR_M)
        ]
    return strays


def read_streets(extract: Path) -> list[Street]:
    """Return all ways with a highway tag: the positions of the nodes that the extract holds, and the tags."""
    streets = []
    ways = osmium.FileProcessor(str(extract), osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for way in ways.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)):
        if not isinstance(way, osmium.osm.Way) or "highway" not in way.tags:
            continue
        line = [[node.lon, node.lat] for node in way.nodes if node.location.valid()]
        if len(line) >= 2:
            streets.append((line, {tag.k: tag.v for tag in way.tags}))
    return streets


def may_use(tags: Mapping[str, str], vehicle: Mapping[str, str]) -> bool:
    """Whether a truck may drive on a way, by the most specific access tag and signs for height, width and weight."""
    weight_t = float(vehicle["weight_t"])
    keys = ACCESS_KEYS if weight_t > 3.5 else ACCESS_KEYS[2:]
    sign = next((tags[key] for key in keys if key in tags), None)
    if tags["highway"] in OPENED_BY_A_SIGN:
        opened = any(tags.get(key) not in (None, *SHUT) for key in keys if key != "access")
    else:
        opened = tags["highway"] in MOTOR_ROADS and sign not in SHUT
    limits = (("maxheight", "height_m"), ("maxwidth", "width_m"), ("maxweight", "weight_t"))
    return opened and all(
        float(tags[sign]) >= float(vehicle[size])
        for sign, size in limits
        if re.fullmatch(r"\d+(\.\d+)?", tags.get(sign, ""))
    )


def metres_away(coordinates: Line, streets: list[Line]) -> np.ndarray[Any, Any]:
    """Return the distance in metres of each position to the nearest line, on a plane around the positions."""
    points = np.array(coordinates)
    centre = points.mean(axis=0)
    scale = METRES_PER_DEGREE * np.array([math.cos(math.radians(centre[1])), 1.0])
    tree = shapely.STRtree([shapely.LineString((np.array(street) - centre) * scale) for street in streets])
    places = shapely.points((points - centre) * scale)
    nearest, distances = tree.query_nearest(places, return_distance=True, all_matches=False)
    found = np.full(len(points), np.inf)
    found[nearest[0]] = distances
    return found
