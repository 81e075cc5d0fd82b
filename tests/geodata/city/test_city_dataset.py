"""A city's folder becomes an immutable dataset, whatever form its tables have."""

from __future__ import annotations

import csv
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import shapely

from geodata.city.archive import extract_city_archive
from geodata.city.check import check_city
from geodata.city.columns import CONTAINERS, TABLES
from geodata.city.dataset import CityDataset, load_city
from geodata.city.demo import write_demo_city
from geodata.city.records import BreakRecord
from geodata.city.reference import reference_tables, refresh
from geodata.city.streams import STREAMS, streams_with
from geodata.city.templates import init_city
from geodata.errors import CityDatasetError, DataError

ROOT = Path(__file__).parents[3]


def content(city: CityDataset) -> tuple[object, ...]:
    return (
        city.containers,
        city.depots,
        city.disposal_sites,
        city.vehicles,
        city.shifts,
        city.zones,
        city.content_hash,
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_templates_become_records_with_defaults(city: Path) -> None:
    """Empty cells take the defaults that the documentation names, stated ones become plain values in their units."""
    loaded = load_city(city)
    first, second, market, lane = loaded.containers
    assert (first.id, first.lon, first.lat, first.volume_l, first.fill) == ("B001", 103.8601, 13.3612, 660, 0.6)
    assert (first.service_s, first.windows, first.access_class, first.prize) == (40, (), None, None)
    assert (second.stop_id, second.fill_rate_l_per_day, second.street) == ("S001", 120.0, "Street 12")
    assert (market.windows, market.schedule) == (((12_600, 21_600),), frozenset(range(7)))
    assert (lane.access_class, lane.prize, lane.locked_vehicle) == ("three_wheeler", 2.5, None)
    assert loaded.disposal_sites[0].windows == ((18_000, 64_800),)
    assert loaded.disposal_sites[0].streams == frozenset()
    assert (loaded.vehicles[0].compaction, loaded.vehicles[0].energy, loaded.vehicles[0].range_km) == (
        3.0,
        "diesel",
        None,
    )
    assert loaded.shifts[0].breaks == (BreakRecord(duration_s=1800, earliest_s=23_400, latest_s=30_600),)
    assert loaded.shifts[0].weekdays == frozenset(range(6))
    assert loaded.zones[0].kg_per_day == pytest.approx(7200)
    assert (loaded.setup_s, loaded.default_fill, loaded.snap_max_m) == (30, 1, 500)
    assert loaded.attribution == "© OpenStreetMap contributors"
    assert loaded.warnings == ()


@pytest.mark.parametrize("form", ["bom", "semicolon", "crlf", "columns_turned", "blank_lines", "left_out"])
def test_the_same_content_written_otherwise_is_the_same_city(city: Path, form: str) -> None:
    """BOM, separator, line ends, order of columns, blank lines and absent columns change neither records nor hash."""
    before = content(load_city(city))
    path = city / "containers.csv"
    table = rows(path)
    names = list(table[0])
    if form == "columns_turned":
        names.reverse()
    if form == "left_out":
        names = [name for name in names if any(row[name] for row in table)]
        assert len(names) < len(CONTAINERS.columns)
    with path.open("w", encoding="utf-8-sig" if form == "bom" else "utf-8", newline="") as file:
        writer = csv.DictWriter(
            file,
            names,
            extrasaction="ignore",
            delimiter=";" if form == "semicolon" else ",",
            lineterminator="\r\n" if form == "crlf" else "\n\n" if form == "blank_lines" else "\n",
        )
        writer.writeheader()
        writer.writerows(table)
    assert content(load_city(city)) == before


def test_containers_as_geojson_are_the_same_city(city: Path) -> None:
    """GeoJSON with numbers as numbers and lists as lists gives the records and the hash of the CSV."""
    before = content(load_city(city))
    features = []
    for row in rows(city / "containers.csv"):
        properties: dict[str, object] = {
            name: value for name, value in row.items() if value and name not in {"lon", "lat"}
        }
        properties["volume_l"] = int(row["volume_l"])
        if row["schedule"]:
            properties["schedule"] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        identity = properties.pop("id")
        point = {"type": "Point", "coordinates": [float(row["lon"]), float(row["lat"]), 12.0]}
        features.append({"type": "Feature", "id": identity, "geometry": point, "properties": properties})
    (city / "containers.csv").unlink()
    document = {"type": "FeatureCollection", "features": features}
    (city / "containers.geojson").write_text(json.dumps(document), encoding="utf-8")
    assert content(load_city(city)) == before


def test_a_zip_is_the_same_city_and_is_unpacked_once(city: Path, tmp_path: Path) -> None:
    """A zip of the folder, or of its content, loads to the same records, a second time from the cache."""
    before = content(load_city(city))
    with_folder = shutil.make_archive(str(tmp_path / "a"), "zip", city.parent, city.name)
    without = shutil.make_archive(str(tmp_path / "b"), "zip", city)
    cache = tmp_path / "here"
    for archive in (with_folder, without, with_folder):
        loaded = load_city(Path(archive), cache_dir=cache)
        assert content(loaded) == before
        assert loaded.streets_path.is_relative_to(cache)
    assert len(list((cache / "cities").iterdir())) == 2


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("containers.csv", "0.6", "0.7"),
        ("city.toml", "# setup_s = 30", "setup_s = 31"),
        ("streets.osm", "Street 12", "Street 13"),
        ("zones.geojson", "12000", "12001"),
        ("shifts.csv", "11:00", "11:01"),
    ],
)
def test_any_change_of_content_changes_the_hash(city: Path, file: str, old: str, new: str) -> None:
    """A different value in any file gives a different content hash."""
    before = load_city(city).content_hash
    text = (city / file).read_text(encoding="utf-8")
    assert old in text
    (city / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert load_city(city).content_hash != before


def test_the_written_templates_ask_for_streets_only(tmp_path: Path) -> None:
    """A city fresh from the templates has one error, which says how to get streets."""
    with pytest.raises(CityDatasetError) as caught:
        load_city(init_city(tmp_path / "new"))
    assert len(caught.value.findings) == 1
    assert 'place = "Siem Reap, Cambodia"' in str(caught.value)


def test_templates_never_write_over_something(city: Path) -> None:
    """A folder that holds anything is refused and left as it was."""
    before = sorted(city.iterdir())
    with pytest.raises(DataError, match="new or empty"):
        init_city(city)
    assert sorted(city.iterdir()) == before


def test_doubtful_things_are_warnings_and_do_not_block(city: Path) -> None:
    """Unknown columns and keys, equal positions, streams nobody takes and far bins are each reported in their place."""
    table = rows(city / "containers.csv")
    table.append({**table[2], "id": "B5", "stream": "glass"})
    table.append({**table[0], "id": "B6", "stop_id": "", "lat": "13.3703"})
    with (city / "containers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*table[0], "colour"], restval="green", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    for name, column in (("disposal_sites.csv", "streams"), ("vehicles.csv", "streams")):
        sites = rows(city / name)
        with (city / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(sites[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, column: "residual,organic"} for row in sites)
    with (city / "city.toml").open("a", encoding="utf-8") as file:
        file.write("\n[extra]\n")
    report = check_city(city)
    assert report.errors == ()
    assert report.dataset is not None
    found = {(finding.file, finding.row, finding.column) for finding in report.warnings}
    assert found == {
        ("containers.csv", 1, "colour"),
        ("city.toml", None, "extra"),
        ("containers.csv", 6, "lon"),
        ("containers.csv", 7, "lon"),
        ("disposal_sites.csv", None, "streams"),
        ("vehicles.csv", None, "streams"),
    }
    far = next(finding for finding in report.warnings if finding.row == 7)
    assert "500 m" in far.message


def test_a_bin_at_the_limit_is_reached_and_one_past_it_is_not(city: Path) -> None:
    """A container is near enough just within ``snap_max_m`` of a street, and too far just outside it."""
    text = (city / "city.toml").read_text(encoding="utf-8")
    table = rows(city / "containers.csv")
    # Beside the depot's corner of the street, straight north of it: 0.0036 degrees are 400.3 m.
    table[3].update({"lon": "103.8702", "lat": "13.3691", "access_class": ""})
    with (city / "containers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    for limit, expected in ((400.5, 0), (400.1, 1)):
        (city / "city.toml").write_text(text.replace("# snap_max_m = 500", f"snap_max_m = {limit}"), encoding="utf-8")
        assert len(check_city(city).warnings) == expected


def test_the_document_shows_the_columns_as_they_are() -> None:
    """Every generated table of docs/city-dataset.md is what the column specifications say today."""
    document = (ROOT / "docs" / "city-dataset.md").read_text(encoding="utf-8")
    assert refresh(document) == document
    for name, text in reference_tables().items():
        assert f"<!-- table: {name} -->\n{text}<!-- end -->" in document
    for table in TABLES:
        for column in table.columns:
            assert f"| `{column.name}` | {column.meaning} |" in document


def test_a_city_may_change_densities_and_add_streams(city: Path) -> None:
    """The table ``[streams]`` replaces a built-in density and makes a new stream known."""
    with (city / "city.toml").open("a", encoding="utf-8") as file:
        file.write("residual = 0.21\nashes = 0.6\n")
    text = (city / "containers.csv").read_text(encoding="utf-8")
    (city / "containers.csv").write_text(text.replace("organic", "ashes", 1), encoding="utf-8")
    loaded = load_city(city)
    assert loaded.density_kg_per_l("residual") == 0.21
    assert loaded.density_kg_per_l("ashes") == 0.6
    assert loaded.containers[1].stream == "ashes"
    assert loaded.density_kg_per_l("glass") == STREAMS["glass"].density_kg_per_l


@pytest.mark.parametrize("density", [0.0, -1.0, 3.01, float("nan")])
def test_densities_out_of_bounds_are_refused(density: float) -> None:
    """A density lies above 0 and at most at that of rock."""
    with pytest.raises(ValueError, match="density"):
        streams_with({"ashes": density})
    assert streams_with({"ashes": 3.0})["ashes"].density_kg_per_l == 3.0


def test_a_large_city_survives_being_written_and_read(tmp_path: Path) -> None:
    """A thousand generated containers load in order, each with the values of its row."""
    folder = write_demo_city(tmp_path / "demo", containers=1000, seed=3)
    loaded = load_city(folder)
    for row, container in zip(rows(folder / "containers.csv"), loaded.containers, strict=True):
        assert container.id == row["id"]
        assert container.lon == float(row["lon"])
        for column in CONTAINERS.columns:
            if row[column.name]:
                assert column.parser.format(column.parser.parse(row[column.name])) == column.parser.format(
                    getattr(container, column.name)
                )


def test_unpacking_into_a_folder_that_is_not_empty_is_refused(city: Path, tmp_path: Path) -> None:
    """An archive is unpacked into an empty folder only, so that nothing of an older city remains among the new."""
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", city))
    with pytest.raises(DataError, match="not empty"):
        extract_city_archive(archive, city)


def test_zones_that_overlap_are_a_warning(city: Path) -> None:
    """Two zones that share a tenth of their area are reported, two that share a border are not."""
    document = json.loads((city / "zones.geojson").read_text(encoding="utf-8"))
    first = document["features"][0]
    for shift, expected in ((0.02, 0), (0.018, 1)):
        second = json.loads(json.dumps(first))
        second["properties"]["id"] = "Z2"
        ring = second["geometry"]["coordinates"][0]
        second["geometry"]["coordinates"] = [[[lon + shift, lat] for lon, lat in ring]]
        document["features"] = [first, second]
        (city / "zones.geojson").write_text(json.dumps(document), encoding="utf-8")
        found = load_city(city).warnings
        assert len(found) == expected
        assert all("10%" in finding.message for finding in found)


def test_real_sangkats_are_zones(tmp_path: Path, shared_data: Path) -> None:
    """The thirteen sangkats of Siem Reap load as zones of a city, with their borders unchanged and none overlapping."""
    folder = write_demo_city(tmp_path / "demo", containers=50)
    source = shared_data / "cambodia" / "siem_reap_sangkats_adm3.geojson"
    document = json.loads(source.read_text(encoding="utf-8"))
    for number, feature in enumerate(document["features"], start=1):
        name = feature["properties"]["shapeName"]
        feature["properties"] = {"id": f"S{number}", "name": name, "people": 10_000, "kg_per_person_day": 0.6}
    (folder / "zones.geojson").write_text(json.dumps(document), encoding="utf-8")
    loaded = load_city(folder)
    assert len(loaded.zones) == 13
    assert loaded.warnings == ()
    for feature, zone in zip(document["features"], loaded.zones, strict=True):
        assert zone.name == feature["properties"]["name"]
        assert shapely.equals(zone.polygon, shapely.from_geojson(json.dumps(feature["geometry"])))


def test_two_loads_of_one_zip_do_not_disturb_each_other(city: Path, tmp_path: Path) -> None:
    """Threads that load the same zip at once all get the same city, however their unpacking interleaves."""
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", city))
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: load_city(archive, cache_dir=tmp_path / "shared"), range(8)))
    assert len({item.content_hash for item in loaded}) == 1
    assert [path.name[0] != "." for path in (tmp_path / "shared" / "cities").iterdir()] == [True]


def test_a_cache_folder_that_cannot_be_made_is_an_error_of_the_city(city: Path, tmp_path: Path) -> None:
    """Where a file stands in the place of the cache folder, loading a zip says so instead of failing otherwise."""
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", city))
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(CityDatasetError, match=r"a\.zip: the archive cannot be unpacked"):
        load_city(archive, cache_dir=tmp_path / "taken")
