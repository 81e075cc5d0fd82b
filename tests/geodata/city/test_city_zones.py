"""Door-to-door stops from zones, and containers from the map's own features."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import shapely

from geodata.city.check import check_city
from geodata.city.dataset import CityDataset, load_city
from geodata.city.demo import sample_city, write_demo_city
from geodata.city.from_osm import containers_from_osm, recycling_streams, write_seed
from geodata.city.profiles import truck_profiles
from geodata.city.records import Zone
from geodata.city.zones import door_to_door, held_kg_per_day, zone_containers
from geodata.errors import DataError
from geodata.streets.osm import OsmExtract, OsmFeature, read_osm
from geodata.streets.roads import RoadNetwork, build_roads

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[CityDataset, RoadNetwork]:
    city = load_city(write_demo_city(tmp_path_factory.mktemp("demo"), containers=120, seed=2))
    profiles, _ = truck_profiles(city.vehicles)
    return city, build_roads(read_osm(city.streets_path), profiles, driving_side=city.driving_side)


@pytest.mark.parametrize("schedule", [None, frozenset({0, 3}), frozenset(range(7))])
def test_stops_carry_exactly_what_is_left_over(
    demo: tuple[CityDataset, RoadNetwork], schedule: frozenset[int] | None
) -> None:
    """Stops of a zone receive its waste less what its containers hold, each within the largest amount."""
    city, network = demo
    zone = replace(city.zones[0], schedule=schedule)
    held = zone.kg_per_day / 2
    stops = door_to_door(zone, network, held, density_kg_per_l=0.2, max_stop_kg=40)
    assert stops
    per_day = sum((stop.fill_rate_l_per_day or 0) * 0.2 for stop in stops)
    assert per_day == pytest.approx(zone.kg_per_day - held)
    days_between = 7 / len(schedule) if schedule else 1
    for stop in stops:
        assert stop.volume_l * 0.2 <= 40
        assert stop.volume_l <= (stop.fill_rate_l_per_day or 0) * days_between < stop.volume_l + 1
        assert stop.schedule == schedule
        assert stop.fill == 1.0
        assert stop.stream == zone.stream


def test_stops_stand_on_streets_inside_the_zone(demo: tuple[CityDataset, RoadNetwork]) -> None:
    """Every stop lies in its polygon, on a usable street, under an id of its own, the same each time."""
    city, network = demo
    lines = shapely.STRtree([shapely.linestrings(network.coords(int(segment))) for segment in network.single()])
    for zone in city.zones:
        stops = door_to_door(zone, network, 0.0, density_kg_per_l=0.2)
        assert [stop.id for stop in stops] == [f"zone:{zone.id}:{number + 1}" for number in range(len(stops))]
        for stop in stops:
            point = shapely.Point(stop.lon, stop.lat)
            assert zone.polygon.buffer(1e-6).contains(point)
            assert point.distance(lines.geometries[lines.nearest(point)]) < 1e-6
        assert stops == door_to_door(zone, network, 0.0, density_kg_per_l=0.2)


def test_stops_follow_the_length_of_streets(demo: tuple[CityDataset, RoadNetwork]) -> None:
    """Of two halves of a zone, each gets its share of stops by its length of streets, within two stops."""
    city, network = demo
    zone = city.zones[0]
    west, south, east, north = zone.polygon.bounds
    halves = [shapely.box(west, south, (west + east) / 2, north), shapely.box((west + east) / 2, south, east, north)]
    kinds = {"residential", "living_street", "unclassified", "tertiary", "road"}
    streets = shapely.union_all(
        [
            shapely.linestrings(network.coords(int(segment)))
            for segment in network.single()
            if network.way_highway[network.way[segment]] in kinds
        ]
    ).intersection(zone.polygon)
    stops = door_to_door(zone, network, 0.0, density_kg_per_l=0.2, max_stop_kg=5)
    assert len(stops) > 50
    for half in halves:
        share = streets.intersection(half).length / streets.length
        inside = sum(half.contains(shapely.Point(stop.lon, stop.lat)) for stop in stops)
        assert inside == pytest.approx(share * len(stops), abs=0.04 * len(stops) + 2)


def test_nothing_is_left_over_when_containers_hold_it_all(demo: tuple[CityDataset, RoadNetwork]) -> None:
    """A zone whose containers receive all its waste has no stops; a gram more gives one."""
    city, network = demo
    zone = city.zones[0]
    assert door_to_door(zone, network, zone.kg_per_day, density_kg_per_l=0.2) == ()
    assert len(door_to_door(zone, network, zone.kg_per_day - 0.001, density_kg_per_l=0.2)) == 1


def test_a_zone_without_streets_has_no_stops(demo: tuple[CityDataset, RoadNetwork]) -> None:
    """A polygon in the fields, where no street runs, gives no stops rather than an error."""
    city, network = demo
    zone = replace(city.zones[0], polygon=shapely.box(103.0, 13.0, 103.01, 13.01))
    assert door_to_door(zone, network, 0.0, density_kg_per_l=0.2) == ()


@pytest.mark.parametrize(("density", "largest"), [(0.0, 10.0), (0.2, 0.0)])
def test_amounts_must_be_above_zero(demo: tuple[CityDataset, RoadNetwork], density: float, largest: float) -> None:
    """A density or a largest amount of nothing is refused in a sentence that names the zone."""
    city, network = demo
    with pytest.raises(ValueError, match="Zone 'Z1'"):
        door_to_door(city.zones[0], network, 0.0, density_kg_per_l=density, max_stop_kg=largest)


def test_a_container_counts_for_one_zone_only(demo: tuple[CityDataset, RoadNetwork]) -> None:
    """Where zones overlap, a container counts for the first of them, and its waste is not held twice."""
    city, network = demo
    twin = replace(city.zones[0], id="Z1b")
    overlapping = replace(city, zones=(*city.zones, twin))
    held = held_kg_per_day(overlapping)
    assert held["Z1"] == held_kg_per_day(city)["Z1"] > 0
    assert held["Z1b"] == 0
    assert len(zone_containers(overlapping, network)) > len(zone_containers(city, network)) > 0


def test_a_container_without_a_rate_counts_by_its_schedule(city: Path) -> None:
    """A container that states no rate is taken to be filled once for each day of its schedule."""
    loaded = load_city(city)
    box = Zone(
        id="all",
        name="all",
        polygon=shapely.box(103, 13, 105, 14),
        people=1,
        kg_per_person_day=1,
        contractor=None,
        stream="residual",
        schedule=None,
    )
    weekly = replace(loaded.containers[0], schedule=frozenset({0}), fill=None, volume_l=700, stream="glass")
    held = held_kg_per_day(replace(loaded, containers=(weekly,), zones=(box,)))
    assert held["all"] == pytest.approx(700 / 7 * loaded.density_kg_per_l("glass"))


def feature(kind: str, osm_id: int = 1, **tags: str) -> OsmFeature:
    named = {key.replace("__", ":"): value for key, value in tags.items()}
    return OsmFeature(kind=kind, osm_type="node", osm_id=osm_id, lon=7.42, lat=43.73, tags=named)


def extract_with(base: OsmExtract, *features: OsmFeature) -> OsmExtract:
    return replace(base, features=features)


def test_recycling_points_give_one_container_for_each_stream(city: Path) -> None:
    """Streams come from recycling:* tags with a yes; several of them stand at one stop; none at all is recyclable."""
    base = read_osm(city / "streets.osm")
    seed = containers_from_osm(
        extract_with(
            base,
            feature("recycling", 5, recycling__glass_bottles="yes", recycling__paper="yes", recycling__clothes="no"),
            feature("recycling", 6),
            feature("recycling", 7, recycling__cans="yes", recycling__scrap_metal="yes"),
        )
    )
    found = [(row["id"], row["stream"], row.get("stop_id", "")) for row in seed.containers]
    assert found == [
        ("osm-node-5-glass", "glass", "osm-node-5"),
        ("osm-node-5-paper", "paper", "osm-node-5"),
        ("osm-node-6", "recyclable", ""),
        ("osm-node-7", "metal", ""),
    ]
    assert seed.disposal_sites == ()
    assert recycling_streams({"recycling:organic": "no"}) == ("recyclable",)


def test_what_no_truck_collects_is_left_out(city: Path) -> None:
    """Private bins and baskets for dog waste or needles are no containers; centres and landfills are disposal sites."""
    base = read_osm(city / "streets.osm")
    seed = containers_from_osm(
        extract_with(
            base,
            feature("waste_basket", 1),
            feature("waste_basket", 2, waste="dog_excrement"),
            feature("waste_disposal", 3, access="private"),
            feature("waste_disposal", 4, volume="660 l"),
            feature("recycling", 5, recycling_type="centre", recycling__glass="yes", recycling__paper="yes"),
            feature("landfill", 6),
            feature("waste_transfer_station", 7),
        )
    )
    assert [(row["id"], row["volume_l"]) for row in seed.containers] == [("osm-node-1", "50"), ("osm-node-4", "660")]
    sites = {row["id"]: row.get("streams", "") for row in seed.disposal_sites}
    assert sites == {"osm-node-5": "glass,paper", "osm-node-6": "", "osm-node-7": ""}


def test_a_seeded_city_of_real_features_loads(tmp_path: Path, shared_data: Path) -> None:
    """The containers and disposal sites mapped in Monaco and the Maldives become tables that load without error."""
    for name, baskets, sites in (("monaco.osm.pbf", 65, 0), ("maldives.osm.pbf", 33, 21)):
        folder = sample_city(shared_data / "osm" / name, tmp_path / name, containers=3)
        seed = containers_from_osm(read_osm(shared_data / "osm" / name))
        with pytest.raises(DataError, match="already"):
            write_seed(seed, folder)
        sites_before = (folder / "disposal_sites.csv").read_bytes()
        write_seed(seed, folder, overwrite=True)
        with (folder / "containers.csv").open(encoding="utf-8", newline="") as file:
            assert sum(row["volume_l"] == "50" for row in csv.DictReader(file)) >= baskets - 5
        assert len(seed.disposal_sites) >= sites
        if not seed.disposal_sites:
            (folder / "disposal_sites.csv").write_bytes(sites_before)
        report = check_city(folder)
        assert report.errors == ()
        assert report.dataset is not None
        assert len(report.dataset.containers) == len(seed.containers)
