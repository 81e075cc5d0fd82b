"""``overlays.geojson`` in a city's folder: read, refused and reported like its other files."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from geodata.city.archive import extract_city_archive
from geodata.city.check import check_city
from geodata.city.dataset import load_city
from geodata.errors import CityDatasetError
from geodata.streets.overlays import OVERLAY_KINDS

LINE = {"type": "LineString", "coordinates": [[103.8553, 13.3544], [103.8577, 13.3569]]}
POINT = {"type": "Point", "coordinates": [103.8589, 13.3590]}
CLOSURE = {"id": "R1", "kind": "closure", "source": "Road works", "expires": "2026-12-15"}
DAY = dt.date(2026, 11, 23)


def state(folder: Path, *features: tuple[dict[str, Any], Any]) -> Path:
    """Write ``overlays.geojson`` from properties and geometries."""
    document = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": said, "geometry": where} for said, where in features],
    }
    (folder / "overlays.geojson").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_overlays_become_records(city: Path) -> None:
    """Every column arrives as a plain value, JSON's own numbers and lists included, with its place in the file."""
    said = CLOSURE | {
        "valid_from": "2026-11-20",
        "note": "Drain",
        "weekdays": ["mon", "tue"],
        "windows": "22:00-26:00",
        "direction": "along",
        "access_classes": "compactor, tipper",
        "ways": [4042, -7],
        "street": "Street 12",
    }
    (one,) = load_city(state(city, (said, None))).overlays
    assert (one.id, one.kind, one.source, one.note, one.street) == ("R1", "closure", "Road works", "Drain", "Street 12")
    assert (one.valid_from, one.expires) == (dt.date(2026, 11, 20), dt.date(2026, 12, 15))
    assert (one.weekdays, one.windows) == (frozenset({0, 1}), ((79_200, 93_600),))
    assert (one.direction, one.ways) == ("along", frozenset({4042, -7}))
    assert one.access_classes == frozenset({"compactor", "tipper"})
    assert one.geometry is None
    assert (one.file, one.place) == ("overlays.geojson", "features[0]")


@pytest.mark.parametrize(
    ("change", "where", "column", "says", "expected"),
    [
        ({"kind": "hole"}, LINE, "properties.kind", "not known", "closure, speed"),
        ({"source": ""}, LINE, "properties.source", "missing", "text"),
        ({"expires": "15.12.2026"}, LINE, "properties.expires", "not a date", "YYYY-MM-DD"),
        ({"expires": "2026-02-30"}, LINE, "properties.expires", "no such day", "YYYY-MM-DD"),
        ({"valid_from": "2027-01-01"}, LINE, "properties.expires", "before it begins", "YYYY-MM-DD"),
        ({"kind": "speed"}, LINE, "properties.speed_kph", "needs speed_kph", "a number above 0"),
        ({"kind": "speed", "speed_kph": 0}, LINE, "properties.speed_kph", "too small", "above 0"),
        ({"kind": "width"}, LINE, "properties.width_m", "needs width_m", "a number above 0"),
        ({"kind": "market"}, LINE, "properties.windows", "needs its hours", "HH:MM-HH:MM"),
        ({"kind": "oneway"}, LINE, "properties.direction", "needs a direction", "along or against"),
        ({"direction": "along"}, POINT, "properties.direction", "neither a line nor ways", "along or against"),
        ({"access_classes": "tank"}, LINE, "properties.access_classes", "not known", "compactor"),
        ({"ways": "way/12"}, None, "properties.ways", "not the id of a way", "whole numbers"),
        ({"ways": [True]}, None, "properties.ways", "not a plain value", "a text"),
        ({}, None, "geometry", "neither a geometry nor a way", "a line along the street"),
        ({}, {"type": "GeometryCollection"}, "geometry", "not a Point", "point, line or polygon"),
        ({}, {"type": "LineString", "coordinates": [[1, 1], [1, 1]]}, "geometry", "two different", "point, line"),
        ({}, {"type": "LineString", "coordinates": [[1, 91], [1, 1]]}, "geometry", "outside the world", "point, line"),
        ({}, {"type": "MultiLineString", "coordinates": []}, "geometry", "no coordinates", "point, line"),
        ({}, {"type": "Point", "coordinates": ["1", 2]}, "geometry", "not two numbers", "point, line"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    city: Path, change: dict[str, Any], where: Any, column: str, says: str, expected: str
) -> None:
    """A bad property or geometry is an error with the file, the feature, the property and what was expected."""
    state(
        city, ({"id": "R0", "kind": "closure", "source": "x", "expires": "2026-12-01"}, LINE), (CLOSURE | change, where)
    )
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    (finding,) = caught.value.findings
    assert (finding.file, finding.column) == ("overlays.geojson", f"features[1].{column}")
    assert says in finding.message
    assert finding.expected is not None
    assert expected in finding.expected


def test_two_overlays_of_one_id_are_refused(city: Path) -> None:
    """An id stands for one overlay."""
    with pytest.raises(CityDatasetError, match="stands at features"):
        load_city(state(city, (CLOSURE, LINE), (CLOSURE, POINT)))


def test_what_is_doubtful_is_a_warning(city: Path) -> None:
    """A closure without an end, and a figure of another kind, are read and pointed at."""
    endless = {"id": "R1", "kind": "closure", "source": "x", "width_m": 2}
    warnings = [str(finding) for finding in load_city(state(city, (endless, LINE))).warnings]
    assert len(warnings) == 2
    assert any("features[0].properties.expires" in text and "has no end" in text for text in warnings)
    assert any("features[0].properties.width_m" in text and "ignored" in text for text in warnings)


def test_the_check_reports_overlays_that_find_no_street_contradict_or_have_expired(city: Path) -> None:
    """The check holds overlays against the streets, those of next month included, and says which are over."""
    state(
        city,
        (CLOSURE, LINE),
        (
            {"id": "far", "kind": "closure", "source": "x", "expires": "2026-12-01"},
            {"type": "Point", "coordinates": [0, 0]},
        ),
        ({"id": "slow", "kind": "speed", "source": "x", "speed_kph": 10, "valid_from": "2026-12-01"}, LINE),
        ({"id": "slower", "kind": "speed", "source": "x", "speed_kph": 5}, LINE),
        ({"id": "over", "kind": "closure", "source": "x", "expires": "2026-11-22"}, LINE),
    )
    report = check_city(city, today=lambda _: DAY)
    assert report.ok
    said = {str(finding.column): finding.message for finding in report.warnings}
    assert set(said) == {"features[1].geometry", "features[3].properties.speed_kph", "features[4].properties.expires"}
    assert "changes nothing" in said["features[1].geometry"]
    assert "contradicts 'slow'" in said["features[3].properties.speed_kph"]
    assert "has expired" in said["features[4].properties.expires"]
    assert "5 overlays on the streets" in "\n".join(report.summary())


def test_a_city_without_overlays_keeps_its_hash_and_each_change_of_one_makes_another(city: Path) -> None:
    """An empty file of overlays changes nothing; an overlay, and any change to it, is other content."""
    before = load_city(city).content_hash
    hashes = [load_city(state(city)).content_hash]
    assert hashes == [before]
    for change, where in (({}, LINE), ({"expires": "2026-12-16"}, LINE), ({"note": "x"}, LINE), ({}, POINT)):
        hashes.append(load_city(state(city, (CLOSURE | change, where))).content_hash)
    assert len(set(hashes)) == len(hashes)


def test_a_zip_keeps_the_overlays(city: Path, tmp_path: Path) -> None:
    """Packed and unpacked, the city is the same, overlays included."""
    before = load_city(state(city, (CLOSURE, LINE)))
    archive = shutil.make_archive(str(tmp_path / "city"), "zip", city)
    after = load_city(extract_city_archive(Path(archive).read_bytes(), tmp_path / "unpacked"))
    assert len(after.overlays) == 1
    assert after.content_hash == before.content_hash


def test_the_template_shows_an_overlay_of_each_kind(city: Path) -> None:
    """The example beside the templates is not read; renamed, it is read without an error."""
    assert load_city(city).overlays == ()
    (city / "overlays.example.geojson").rename(city / "overlays.geojson")
    loaded = load_city(city)
    assert {overlay.kind for overlay in loaded.overlays} == set(OVERLAY_KINDS)
    assert loaded.warnings == ()
