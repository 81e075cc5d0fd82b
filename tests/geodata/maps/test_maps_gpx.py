"""A route as GPX, read back by a program that is not ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import shapely

from geodata.maps.geojson import route_geojson
from geodata.maps.gpx import NAMESPACE, route_gpx
from geodata.maps.words import in_language

pyogrio = pytest.importorskip("pyogrio", reason="pyogrio is not installed (extra place)")

if TYPE_CHECKING:
    from pathlib import Path

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from scenarios.day import Day

# The schema's order of what may stand in each element that is written (gpx.xsd 1.1: sequences, not sets).
ORDER = {
    "gpx": ["metadata", "wpt", "rte", "trk", "extensions"],
    "metadata": ["name", "desc", "author", "copyright", "link", "time", "keywords", "bounds", "extensions"],
    "wpt": ["ele", "time", "magvar", "geoidheight", "name", "cmt", "desc", "src", "link", "sym", "type"],
    "trk": ["name", "cmt", "desc", "src", "link", "number", "type", "extensions", "trkseg"],
    "trkseg": ["trkpt", "extensions"],
}


@pytest.fixture(scope="module")
def features(day: Day, planned: tuple[Problem, Plan]) -> list[dict[str, Any]]:
    problem, plan = planned

    def clock(seconds: int) -> str:
        return f"2026-11-23T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}+07:00"

    drawn = route_geojson(problem, plan.routes[0], day.network, day.places, clock=clock)
    found: list[dict[str, Any]] = json.loads(drawn)["features"]
    return found


def layer(path: Path, name: str) -> tuple[list[str], list[Any], Any]:
    """Read one layer with GDAL's own reader of GPX."""
    meta, _, geometry, fields = pyogrio.raw.read(path, layer=name)
    return list(meta["fields"]), list(shapely.from_wkb(geometry)), fields


def test_another_program_reads_the_exact_line_and_every_step(features: list[dict[str, Any]], tmp_path: Path) -> None:
    """GDAL finds a track for each trip, point by point as it was planned, and a waypoint for each step."""
    path = tmp_path / "route.gpx"
    path.write_bytes(route_gpx(features, name="C1 & <day>"))
    trips = [one for one in features if one["properties"]["kind"] == "trip"]
    steps = [one for one in features if one["properties"]["kind"] != "trip"]
    _, tracks, _ = layer(path, "tracks")
    assert len(tracks) == len(trips) > 1
    for track, trip in zip(tracks, trips, strict=True):
        assert shapely.get_coordinates(track).tolist() == trip["geometry"]["coordinates"]
    names, points, fields = layer(path, "waypoints")
    assert [shapely.get_coordinates(point)[0].tolist() for point in points] == [
        step["geometry"]["coordinates"] for step in steps
    ]
    said = dict(zip(names, fields, strict=True))
    assert list(said["desc"]) == [step["properties"]["instruction"] for step in steps]
    assert list(said["type"]) == [step["properties"]["kind"] for step in steps]


def test_elements_stand_in_the_order_of_the_schema(features: list[dict[str, Any]]) -> None:
    """Every element belongs to GPX 1.1 and stands where its schema wants it."""
    root = ET.fromstring(route_gpx(features, name="C1"))
    assert root.get("version") == "1.1"
    for element in root.iter():
        tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        children = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
        assert children == sorted(children, key=ORDER.get(tag, []).index), tag
        if tag in ("wpt", "trkpt"):
            assert -90 <= float(element.attrib["lat"]) <= 90
            assert -180 <= float(element.attrib["lon"]) <= 180
    times = [element.text for element in root.iter(f"{{{NAMESPACE}}}time")]
    assert times[0] is not None
    assert times[0].endswith("Z")


def test_names_may_hold_anything(features: list[dict[str, Any]]) -> None:
    """What XML cannot write is replaced, what it must escape is escaped."""
    name = "A & B <C> \x01\ufffe"
    root = ET.fromstring(route_gpx(features[:0], name=name))
    assert root.findtext(f"{{{NAMESPACE}}}metadata/{{{NAMESPACE}}}name") == "A & B <C> \ufffd\ufffd"


def test_khmer_says_the_same_in_its_own_words(features: list[dict[str, Any]]) -> None:
    """In Khmer every instruction and turn is said in Khmer, with the same figures; nothing else changes."""
    translated = in_language(features, "km")
    assert len(translated) == len(features)
    turns = 0
    for english, khmer in zip(features, translated, strict=True):
        said, other = english["properties"], khmer["properties"]
        assert english["geometry"] == khmer["geometry"]
        assert {key for key in said if said[key] != other[key]} <= {"instruction", "way"}
        if said["kind"] == "trip":
            continue
        assert any("\u1780" <= char <= "\u17ff" for char in other["instruction"])
        assert _figures(said["instruction"]) == _figures(other["instruction"])
        for turn, words in zip(said.get("way", []), other.get("way", []), strict=True):
            turns += 1
            assert turn["text"] != words["text"]
            assert {key for key in turn if turn[key] != words[key]} == {"text"}
    assert turns > 20
    assert in_language(features, "en") == features


def _figures(text: str) -> list[str]:
    return sorted(part.strip(".,។") for part in text.split() if part[0].isdigit())


def test_ways_lead_from_step_to_step(features: list[dict[str, Any]]) -> None:
    """Each step that is driven to has a way: it sets off, stops at the end, and adds up to the leg."""
    steps = [one["properties"] for one in features if one["properties"]["kind"] != "trip"]
    assert any("way" in step for step in steps)
    for step in steps:
        assert ("way" in step) == (step["leg_distance_m"] > 0)
        if "way" in step:
            turns = step["way"]
            assert (turns[0]["maneuver"], turns[-1]["maneuver"]) == ("depart", "arrive")
            assert sum(turn["distance_m"] for turn in turns) == pytest.approx(step["leg_distance_m"], abs=len(turns))
