"""Forty and more ways in which a city folder can be broken, each answered with its place and what was expected."""

from __future__ import annotations

import bz2
import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from geodata.city.check import check_city
from geodata.city.dataset import load_city
from geodata.errors import CityDatasetError, Finding
from geodata.streets.osm import read_osm

Change = Callable[[Path], None]


class Case(NamedTuple):
    """One way to break a folder, and the finding that must come of it; ``row`` and ``column`` None are not checked."""

    name: str
    change: Change
    file: str
    row: int | None
    column: str | None
    says: str
    expected: str


def write(name: str, text: str) -> Change:
    """Replace a file by this text."""
    return lambda folder: _write(folder / name, text.encode())


def write_bytes(name: str, data: bytes) -> Change:
    return lambda folder: _write(folder / name, data)


def remove(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def cell(name: str, row: int, column: str, text: str) -> Change:
    """Replace one cell; rows are counted as an editor counts lines."""

    def change(folder: Path) -> None:
        lines = _rows(folder / name)
        lines[row - 1][lines[0].index(column)] = text
        _save(folder / name, lines)

    return change


def without_column(name: str, column: str) -> Change:
    def change(folder: Path) -> None:
        lines = _rows(folder / name)
        index = lines[0].index(column)
        _save(folder / name, [line[:index] + line[index + 1 :] for line in lines])

    return change


def header_only(name: str) -> Change:
    return lambda folder: _save(folder / name, _rows(folder / name)[:1])


def add_row(name: str, **values: str) -> Change:
    """Repeat the last row with other values."""

    def change(folder: Path) -> None:
        lines = _rows(folder / name)
        last = dict(zip(lines[0], lines[-1], strict=True))
        lines.append([{**last, **values}[column] for column in lines[0]])
        _save(folder / name, lines)

    return change


def toml(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / "city.toml").read_text(encoding="utf-8")
        assert old in text
        (folder / "city.toml").write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def replace(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def replace_all(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def zone(**changes: object) -> Change:
    """Change properties of the zone, or its geometry."""

    def change(folder: Path) -> None:
        document = json.loads((folder / "zones.geojson").read_text(encoding="utf-8"))
        feature = document["features"][0]
        if "geometry" in changes:
            feature["geometry"] = changes["geometry"]
        feature["properties"].update({key: value for key, value in changes.items() if key != "geometry"})
        (folder / "zones.geojson").write_text(json.dumps(document), encoding="utf-8")

    return change


def streets(name: str, data: bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / "streets.osm").unlink()
        (folder / name).write_bytes(data)

    return change


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def geojson_containers(features: list[object]) -> Change:
    document = json.dumps({"type": "FeatureCollection", "features": features})
    return both(remove("containers.csv"), write("containers.geojson", document))


def point(position: object, **properties: object) -> dict[str, object]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": position},
        "properties": {"id": "B1", "volume_l": 660, **properties},
    }


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _save(path: Path, lines: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


BOMB = bz2.compress(b"<osm version='0.6'>" + b" " * 50_000_000, 9)
DOCTYPE = b"<?xml version='1.0'?><!DOCTYPE osm [<!ENTITY a 'b'>]><osm version='0.6'>&a;</osm>"
CROSSED = {
    "type": "Polygon",
    "coordinates": [[[103.0, 13.0], [104.0, 14.0], [104.0, 13.0], [103.0, 14.0], [103.0, 13.0]]],
}
OPEN_RING = {"type": "Polygon", "coordinates": [[[103.0, 13.0], [104.0, 13.0], [104.0, 14.0], [103.0, 14.0]]]}

C, V, S, D, X, Z = (
    "containers.csv",
    "vehicles.csv",
    "shifts.csv",
    "depots.csv",
    "disposal_sites.csv",
    "zones.geojson",
)
GC, G = "containers.geojson", "features[0].geometry"
BAD_BYTES = b"id,lon,lat\nD1,103.8702,13.3655\nD\xe9,103.8702,13.3655\n"

LATER_SHIFT = add_row(S, id="K1b", start="11:59", end="20:00", breaks="")
NIGHT_SHIFT = add_row(S, id="K1n", start="20:00", end="29:00", breaks="")

CASES = [
    # city.toml
    Case("no_settings", remove("city.toml"), "city.toml", None, None, "missing", "city.toml"),
    Case("not_toml", write("city.toml", "name = Siem Reap"), "city.toml", 1, None, "not TOML", "name ="),
    Case("settings_not_utf8", write_bytes("city.toml", b'name = "\xe9"'), "city.toml", 1, None, "UTF-8", "UTF-8"),
    Case("no_name", toml('name = "My city"', ""), "city.toml", None, "name", "missing", "text"),
    Case("time_zone", toml("Asia/Phnom_Penh", "Asia/Angkor"), "city.toml", None, "timezone", "not known", "IANA"),
    Case("time_zone_path", toml("Asia/Phnom_Penh", "../etc"), "city.toml", None, "timezone", "not known", "IANA"),
    Case("currency", toml('"USD"', '"$"'), "city.toml", None, "currency", "currency", "ISO 4217"),
    Case("driving_side", toml('= "right"', '= "middle"'), "city.toml", None, "driving_side", "known", "left, right"),
    Case("default", toml("# fill = 1", "fill = 80"), "city.toml", None, "defaults.fill", "too large", "from 0 to 1"),
    Case("density", toml("# residual = 0.2", "residual = 0"), "city.toml", None, "streams.residual", "bounds", "0"),
    Case("settings_kind", toml('"My city"', "[1]"), "city.toml", None, "name", "another kind", "text"),
    # streets
    Case("no_streets", remove("streets.osm"), "streets.osm", None, None, "no streets", 'place = "'),
    Case("empty_streets", write("streets.osm", ""), "streets.osm", None, None, "empty", "extract"),
    Case("no_extract", write("streets.osm", "<gpx/>"), "streets.osm", None, None, "not an OSM", "<osm>"),
    Case("picture", streets("streets.osm.pbf", b"\x89PNG\r\n"), "streets.osm.pbf", None, None, "neither", "OpenStreet"),
    Case("doctype", write_bytes("streets.osm", DOCTYPE), "streets.osm", None, None, "DOCTYPE", "without DOCTYPE"),
    Case("cut_xml", replace("streets.osm", "</osm>", ""), "streets.osm", None, None, "damaged", "extract"),
    Case("two_streets", write("streets.osm.gz", "x"), "streets.osm", None, None, "beside", "only one"),
    Case("no_street", replace("streets.osm", "residential", "steps"), "streets.osm", None, None, "driven", "highway"),
    Case("elsewhere", replace_all("streets.osm", 'lon="10', 'lon="'), C, 2, "lon", "50 km", "near longitude"),
    # tables as such
    Case("no_depots_file", remove(D), D, None, None, "missing", D),
    Case("no_column", without_column(C, "volume_l"), C, 1, "volume_l", "missing", "volume_l"),
    Case("double_column", replace(C, "stream", "lon"), C, 1, "lon", "twice", "once"),
    Case("empty_table", write(C, ""), C, None, None, "empty", "header"),
    Case("not_utf8", write_bytes(D, BAD_BYTES), D, 3, None, "UTF-8", "UTF-8"),
    Case("utf16", lambda f: _write(f / D, (f / D).read_text().encode("utf-16")), D, 1, None, "UTF-8", "UTF-8"),
    Case("open_quote", replace(D, "D1", '"D1'), D, 2, None, "columns", "quotes"),
    Case("too_many_cells", replace(D, "13.3655", "13.3655,x"), D, 2, None, "4 cells", "3 cells"),
    Case("folder_for_file", both(remove(D), lambda f: (f / D).mkdir()), D, None, None, "not a file", "file"),
    # counts
    Case("no_vehicle", both(header_only(V), header_only(S)), V, None, None, "no vehicle", "at least one vehicle"),
    Case("no_shift", header_only(S), S, None, None, "no shift", "at least one shift"),
    Case("no_depot", header_only(D), D, None, None, "no depot", "at least one depot"),
    Case("no_site", header_only(X), X, None, None, "no disposal site", "at least one disposal site"),
    Case("nothing", both(header_only(C), remove(Z)), C, None, None, "nothing to collect", "zones.geojson"),
    # cells
    Case("no_id", cell(C, 3, "id", ""), C, 3, "id", "missing", "text"),
    Case("nan", cell(C, 2, "lon", "NaN"), C, 2, "lon", "not a number", "from -180 to 180"),
    Case("infinite", cell(C, 2, "volume_l", "1e999"), C, 2, "volume_l", "too large", "whole number"),
    Case("decimal_comma", cell(C, 2, "fill", "0,6"), C, 2, "fill", "point", "from 0 to 1"),
    Case("half_litre", cell(C, 2, "volume_l", "660.5"), C, 2, "volume_l", "whole", "whole number"),
    Case("percent", cell(C, 2, "fill", "60"), C, 2, "fill", "too large", "from 0 to 1"),
    Case("no_volume", cell(C, 4, "volume_l", "0"), C, 4, "volume_l", "too small", "from 1"),
    Case("unprintable", cell(C, 2, "id", "B\x001"), C, 2, "id", "printed", "text"),
    Case("stream", cell(C, 2, "stream", "plutonium"), C, 2, "stream", "not known", "residual"),
    Case("weekday", cell(C, 4, "schedule", "mon,lundi"), C, 4, "schedule", "'lundi'", "mon,thu"),
    Case("window_backwards", cell(C, 4, "windows", "06:00-03:30"), C, 4, "windows", "06:00-27:30", "HH:MM-HH:MM"),
    Case("window_twice", cell(C, 4, "windows", "03:00-05:00;04:00-06:00"), C, 4, "windows", "overlap", "between them"),
    Case("minutes", cell(X, 2, "windows", "05:60-18:00"), X, 2, "windows", "59 minutes", "HH:MM"),
    Case("access", cell(C, 5, "access_class", "bicycle"), C, 5, "access_class", "not known", "three_wheeler"),
    Case("capacity", cell(V, 2, "capacity_kg", "0"), V, 2, "capacity_kg", "too small", "from 1"),
    Case("compaction", cell(V, 2, "compaction", "0.5"), V, 2, "compaction", "too small", "from 1 to 10"),
    Case("width", cell(V, 2, "width_m", "0"), V, 2, "width_m", "too small", "above 0"),
    Case("yes_no", cell(V, 2, "mixed_streams", "maybe"), V, 2, "mixed_streams", "neither", "yes or no"),
    Case("fee", cell(X, 2, "gate_fee_per_t", "-1"), X, 2, "gate_fee_per_t", "too small", "0"),
    Case("break", cell(S, 2, "breaks", "30@06:30"), S, 2, "breaks", "not a break", "30min@"),
    # one against another
    Case("twice", add_row(C, id="B001"), C, 6, "id", "row 2", "used once"),
    Case("reserved_id", cell(C, 2, "id", "zone:Z1:1"), C, 2, "id", "zones", "zone:"),
    Case("swapped", both(cell(C, 2, "lon", "13.3612"), cell(C, 2, "lat", "103.8601")), C, 2, "lon", "swapped", "first"),
    Case("depot_unknown", cell(V, 2, "depot", "D9"), V, 2, "depot", "no depot", "D1"),
    Case("vehicle_unknown", cell(S, 3, "vehicle", "K9"), S, 3, "vehicle", "no vehicle", "K1"),
    Case("lock_unknown", cell(C, 2, "locked_vehicle", "T9"), C, 2, "locked_vehicle", "no vehicle", "T1"),
    Case("site_stream", cell(X, 2, "streams", "residual,moon"), X, 2, "streams", "'moon'", "residual"),
    Case("stop_apart", cell(C, 3, "lat", "13.3622"), C, 3, "stop_id", "row 2", "50 m"),
    Case("electric", cell(V, 3, "energy", "electric"), V, 3, "range_km", "range", "kilometres"),
    Case("shift_backwards", cell(S, 2, "end", "02:00"), S, 2, "end", "before its start", "26:30"),
    Case("shift_long", cell(S, 3, "end", "29:00"), S, 3, "end", "24 hours", "at most 24"),
    Case("break_outside", cell(S, 2, "breaks", "30min@12:00-13:00"), S, 2, "breaks", "within", "03:00"),
    Case("breaks_overlap", cell(S, 2, "breaks", "1h@05:00-06:00;1h@05:30-07:00"), S, 2, "breaks", "overlap", "ended"),
    Case("shifts_overlap", LATER_SHIFT, S, 4, "start", "overlaps", "not"),
    Case("own_overlap", cell(S, 2, "end", "27:00"), S, 2, "start", "its own next one", "not overlap"),
    Case("dear_kilometre", cell(V, 2, "cost_per_km", "100001"), V, 2, "cost_per_km", "too large", "100,000"),
    Case("night_overlap", NIGHT_SHIFT, S, 4, "start", "on ", "not overlap"),
    # GeoJSON
    Case("not_json", write(Z, "{"), Z, 1, None, "not JSON", "FeatureCollection"),
    Case("json_nan", write(Z, '{"type": "FeatureCollection", "features": [NaN]}'), Z, 1, None, "JSON", "Feature"),
    Case("no_features", write(Z, "[]"), Z, None, "type", "FeatureCollection", "features"),
    Case("deep_json", write(Z, "[" * 100_000), Z, None, None, "JSON", "FeatureCollection"),
    Case("crossed", zone(geometry=CROSSED), Z, None, G, "valid", "polygon"),
    Case("open_ring", zone(geometry=OPEN_RING), Z, None, G, "end", "polygon"),
    Case("line", zone(geometry={"type": "LineString"}), Z, None, G, "LineString", "polygon"),
    Case("people", zone(people=-1), Z, None, "features[0].properties.people", "too small", "0"),
    Case("nested", zone(name={"en": "A"}), Z, None, "features[0].properties.name", "plain", "text"),
    Case("both_forms", write("containers.geojson", "{}"), C, None, None, "beside", "only one"),
    Case("point_empty", geojson_containers([point([])]), GC, None, G, "two numbers", "point"),
    Case("point_far", geojson_containers([point([200, 13])]), GC, None, G, "large", "180"),
    Case("no_feature", geojson_containers([7]), GC, None, "features[0]", "not a feature", "Feature"),
]  # fmt: skip


def matching(findings: tuple[Finding, ...], case: Case) -> list[Finding]:
    return [
        finding
        for finding in findings
        if finding.file == case.file
        and (case.row is None or finding.row == case.row)
        and (case.column is None or finding.column == case.column)
        and case.says in f"{finding.message} {finding.value}"
        and case.expected in (finding.expected or "")
    ]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_broken_folder_is_answered_with_the_place_of_its_fault(city: Path, case: Case) -> None:
    """A broken folder raises CityDatasetError alone, naming file, row and column, and what was expected."""
    case.change(city)
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    assert matching(caught.value.findings, case), str(caught.value)
    tables = [finding for finding in caught.value.findings if not finding.file.startswith("streets")]
    assert all(finding.message and finding.expected for finding in tables)
    report = check_city(city)
    assert report.dataset is None
    assert report.errors == caught.value.findings


def test_there_are_more_than_forty_kinds_with_different_names() -> None:
    """The list above holds at least forty distinct kinds of broken folders."""
    assert len({case.name for case in CASES}) == len(CASES) > 40


def test_the_unbroken_folder_loads(city: Path) -> None:
    """The folder that every case breaks is itself without an error or warning: each fails for its own reason."""
    report = check_city(city)
    assert report.errors == ()
    assert report.warnings == ()


def test_one_bad_row_never_hides_the_others(city: Path) -> None:
    """Faults in several files are all listed at once, and a row's bad cell does not blame rows that name it."""
    for change in (
        cell(C, 2, "volume_l", "none"),
        cell(C, 2, "fill", "2"),
        cell(C, 5, "lat", "north"),
        cell(V, 2, "capacity_kg", "-4"),
        cell(S, 3, "start", "25"),
        toml("Asia/Phnom_Penh", "Moon/Base"),
    ):
        change(city)
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    places = {(finding.file, finding.row, finding.column) for finding in caught.value.findings}
    assert places == {
        (C, 2, "volume_l"),
        (C, 2, "fill"),
        (C, 5, "lat"),
        (V, 2, "capacity_kg"),
        (S, 3, "start"),
        ("city.toml", None, "timezone"),
    }


def test_rows_are_counted_as_an_editor_does(city: Path) -> None:
    """Blank lines and quoted line breaks before a row count, so that the number leads to the line in an editor."""
    path = city / D
    path.write_text('id,lon,lat\n\n"D1",103.8702,13.3655\n\n\nD2,east,13.3655\n', encoding="utf-8")
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    assert [(finding.row, finding.value) for finding in caught.value.findings] == [(6, "east")]


def test_a_decompression_bomb_is_refused(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small .bz2 that expands past the limit of the street reader is an error of the city that names the limit."""
    # The limit of the test is a hundredth of the real one, so that nothing has to expand to gigabytes.
    defaults = read_osm.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "max_bytes", defaults["max_bytes"] // 100)
    assert len(BOMB) < 1_000
    streets("streets.osm.bz2", BOMB)(city)
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    assert caught.value.findings[0].file == "streets.osm.bz2"
    assert "20000000" in str(caught.value).replace(",", "")


def test_a_truncated_extract_is_refused(city: Path, shared_data: Path) -> None:
    """Half of a real .pbf is an error of the city that names the file."""
    whole = (shared_data / "osm" / "monaco.osm.pbf").read_bytes()
    streets("streets.osm.pbf", whole[: len(whole) // 2])(city)
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    assert caught.value.findings[0].file == "streets.osm.pbf"


def test_swapped_positions_within_both_bounds_are_told_by_the_streets(city: Path, shared_data: Path) -> None:
    """Where both numbers could be either, a position whose mirror image lies among the streets is called swapped."""
    streets("streets.osm.pbf", (shared_data / "osm" / "monaco.osm.pbf").read_bytes())(city)
    for name, rows in ((C, range(2, 6)), (D, range(2, 3)), (X, range(2, 3))):
        for row in rows:
            cell(name, row, "lon", "7.42")(city)
            cell(name, row, "lat", "43.73")(city)
    cell(C, 4, "lon", "43.73")(city)
    cell(C, 4, "lat", "7.42")(city)
    with pytest.raises(CityDatasetError) as caught:
        load_city(city)
    assert [(finding.row, finding.column) for finding in caught.value.findings] == [(4, "lon")]
    assert "swapped" in caught.value.findings[0].message


@pytest.mark.parametrize("name", ["missing", "nothing.zip"])
def test_a_path_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    """A folder or zip that does not exist is answered with its name."""
    with pytest.raises(CityDatasetError) as caught:
        load_city(tmp_path / name)
    assert caught.value.findings[0].file == name


def test_a_broken_city_in_a_zip_is_reported_as_in_a_folder(city: Path, tmp_path: Path) -> None:
    """The findings of a zip are those of the folder inside."""
    cell(C, 2, "fill", "2")(city)
    archive = Path(shutil.make_archive(str(tmp_path / "city"), "zip", city.parent, city.name))
    assert zipfile.is_zipfile(archive)
    with pytest.raises(CityDatasetError) as in_folder:
        load_city(city)
    with pytest.raises(CityDatasetError) as in_zip:
        load_city(archive)
    assert in_zip.value.findings == in_folder.value.findings
