"""The built-in synthetic city and sample cities on real streets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geodata.city.check import check_city
from geodata.city.dataset import CityDataset, load_city
from geodata.city.demo import DEMO_NAME, sample_city, write_demo_city
from geodata.city.profiles import classes_up_to, profiles_up_to, truck_profiles
from geodata.city.zones import held_kg_per_day
from geodata.streets.osm import read_osm
from geodata.streets.roads import RoadNetwork, build_roads
from geodata.streets.rules import ACCESS_CLASSES
from geodata.streets.snap import Places, snap
from geodata.streets.travel import NO_PATH, travel_matrix


def network_of(city: CityDataset) -> RoadNetwork:
    profiles, _ = truck_profiles(city.vehicles)
    return build_roads(read_osm(city.streets_path), profiles, driving_side=city.driving_side)


def places_of(city: CityDataset, network: RoadNetwork) -> Places:
    """Containers first, then depots, then disposal sites."""
    things: list[Any] = [*city.containers, *city.depots, *city.disposal_sites]
    return snap(
        network,
        [thing.lon for thing in things],
        [thing.lat for thing in things],
        profiles=[profiles_up_to(getattr(thing, "access_class", None), network.profiles) for thing in things],
        street=[getattr(thing, "street", None) for thing in things],
        max_m=city.snap_max_m,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> CityDataset:
    return load_city(write_demo_city(tmp_path_factory.mktemp("demo"), containers=300, seed=1))


@pytest.mark.parametrize(("containers", "seed"), [(50, 1), (50, 2), (51, 3), (300, 1), (300, 7), (1200, 1)])
def test_the_demo_city_has_no_error_and_no_warning(tmp_path: Path, containers: int, seed: int) -> None:
    """Every size and seed gives a city that passes its own check, with as many containers as asked for."""
    report = check_city(write_demo_city(tmp_path / "demo", containers=containers, seed=seed))
    assert report.errors == ()
    assert report.warnings == ()
    assert report.dataset is not None
    assert len(report.dataset.containers) == containers
    assert report.dataset.name == DEMO_NAME
    assert "synthetic" in DEMO_NAME


def test_the_largest_demo_city_loads(tmp_path: Path) -> None:
    """Ten thousand containers load without error or warning, and the fleet grew with them."""
    city = load_city(write_demo_city(tmp_path / "demo", containers=10_000))
    assert city.warnings == ()
    assert len(city.containers) == 10_000
    assert len(city.vehicles) > 200
    assert len(city.depots) == 4


@pytest.mark.parametrize("containers", [49, 10_001])
def test_sizes_out_of_bounds_are_refused(tmp_path: Path, containers: int) -> None:
    """One container below and one above the bounds is refused, and nothing is written."""
    with pytest.raises(ValueError, match="50 to 10,000"):
        write_demo_city(tmp_path / "demo", containers=containers)
    assert not (tmp_path / "demo").exists()


def test_a_seed_decides_every_byte(tmp_path: Path) -> None:
    """The same seed writes the same files, another seed writes others."""
    folders = [
        write_demo_city(tmp_path / name, containers=80, seed=seed) for name, seed in (("a", 4), ("b", 4), ("c", 5))
    ]
    names = sorted(path.name for path in folders[0].iterdir())
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert (folders[0] / "streets.osm").read_bytes() != (folders[2] / "streets.osm").read_bytes()
    assert (folders[0] / "containers.csv").read_bytes() != (folders[2] / "containers.csv").read_bytes()


def test_the_demo_city_has_the_shape_of_the_pilot(demo: CityDataset) -> None:
    """Bridges, a trunk road, one-way streets, unpaved streets, narrow lanes and turn restrictions are all there."""
    extract = read_osm(demo.streets_path)
    tags = Counter(item for way in extract.way_tags for item in way.items())
    assert tags["highway", "trunk"] >= 1
    assert tags["bridge", "yes"] >= 3
    assert tags["oneway", "yes"] >= 3
    assert tags["oneway", "-1"] >= 3
    assert tags["surface", "unpaved"] >= 10
    assert tags["maxwidth", "1.8"] >= 10
    assert len(extract.restrictions) >= 1
    assert {feature.kind for feature in extract.features} == {"waste_disposal", "recycling", "landfill"}
    market = [container for container in demo.containers if container.windows]
    assert len(market) == 24
    assert {container.windows for container in market} == {((12_600, 21_600),)}
    assert Counter(container.access_class for container in demo.containers)["three_wheeler"] == 45
    assert {container.stream for container in demo.containers} == {"residual", "organic", "recyclable"}
    assert Counter(vehicle.access_class for vehicle in demo.vehicles) == {
        "compactor": 3,
        "tipper": 2,
        "three_wheeler": 2,
    }
    assert all(shift.breaks for shift in demo.shifts)


def test_the_landfill_lies_twenty_kilometres_out_and_can_be_reached(demo: CityDataset) -> None:
    """A compactor drives 16 to 26 km along the streets from the depot to the landfill, and back."""
    network = network_of(demo)
    places = places_of(demo, network)
    depot = len(demo.containers)
    landfill = depot + len(demo.depots)
    assert demo.disposal_sites[0].id == "Landfill"
    _, metres = travel_matrix(network, "compactor", places, sources=[depot, landfill], targets=[depot, landfill])
    assert 16_000 < metres[0, 1] < 26_000
    assert 16_000 < metres[1, 0] < 26_000


def test_every_container_of_the_demo_city_can_be_served(demo: CityDataset) -> None:
    """From the depot to each container and on to a disposal site of its stream there is a way for some vehicle."""
    network = network_of(demo)
    places = places_of(demo, network)
    count = len(demo.containers)
    sites = range(count + 1, count + 1 + len(demo.disposal_sites))
    served = np.zeros(count, dtype=np.bool_)
    for profile in network.profiles:
        there, _ = travel_matrix(network, profile.name, places, sources=[count], targets=range(count))
        onward, _ = travel_matrix(network, profile.name, places, sources=range(count), targets=sites)
        for index, container in enumerate(demo.containers):
            accepts = [not site.streams or container.stream in site.streams for site in demo.disposal_sites]
            allowed = profile.access_class in classes_up_to(container.access_class)
            reached = there[0, index] != NO_PATH and (onward[index][accepts] != NO_PATH).any()
            served[index] |= allowed and bool(reached)
    assert served.all()


def test_lane_bins_need_a_three_wheeler(demo: CityDataset) -> None:
    """Some containers stand in lanes that no truck may enter, and only three-wheelers may."""
    network = network_of(demo)
    places = places_of(demo, network)
    lanes = [index for index, container in enumerate(demo.containers) if container.access_class == "three_wheeler"]
    segments = places.segment[lanes]
    small, large = network.profile_index("three_wheeler"), network.profile_index("compactor")
    assert network.usable[small, segments].all()
    assert (~network.usable[large, segments]).sum() >= len(lanes) // 2


def test_the_fleet_of_the_demo_city_can_carry_its_waste(demo: CityDataset) -> None:
    """Were every bin full, the fleet would carry the waste in two trips each, by weight and by volume."""
    kg = sum(container.volume_l * demo.density_kg_per_l(container.stream) for container in demo.containers)
    litres = sum(container.volume_l for container in demo.containers)
    assert kg < 2 * sum(vehicle.capacity_kg for vehicle in demo.vehicles)
    assert litres < 2 * sum(vehicle.capacity_l * vehicle.compaction for vehicle in demo.vehicles)


def test_zones_hold_all_containers_and_a_little_more_waste(demo: CityDataset) -> None:
    """Every container lies in a zone, and each zone produces a little more than its containers receive."""
    held = held_kg_per_day(demo)
    in_bins = sum(
        c.fill_rate_l_per_day * demo.density_kg_per_l(c.stream) for c in demo.containers if c.fill_rate_l_per_day
    )
    assert sum(held.values()) == pytest.approx(in_bins)
    for zone in demo.zones:
        assert held[zone.id] < zone.kg_per_day < 1.3 * held[zone.id]


@pytest.mark.parametrize(
    ("extract", "containers", "side"),
    [("male_streets.osm.gz", 100, "left"), ("heidelberg.osm.pbf", 300, "right")],
)
def test_a_sample_city_stands_on_the_main_network(
    tmp_path: Path, shared_data: Path, extract: str, containers: int, side: str
) -> None:
    """Bins, depot and disposal site of a sample city are all on streets that trucks reach and leave again."""
    folder = sample_city(
        shared_data / "osm" / extract,
        tmp_path / "sample",
        containers=containers,
        driving_side="left" if side == "left" else "right",
    )
    report = check_city(folder)
    assert report.errors == ()
    assert [finding for finding in report.warnings if finding.file != f"streets{''.join(Path(extract).suffixes)}"] == []
    city = report.dataset
    assert city is not None
    assert (len(city.containers), len(city.vehicles), len(city.disposal_sites)) == (containers, 6, 1)
    assert sum(bool(container.windows) for container in city.containers) == round(0.08 * containers)
    network = network_of(city)
    places = places_of(city, network)
    depot = containers
    reached = np.zeros((2, len(places)), dtype=np.bool_)
    for profile in network.profiles:
        seconds, _ = travel_matrix(network, profile.name, places, sources=[depot, depot + 1])
        reached |= seconds != NO_PATH
    assert reached.all()
    assert float(places.offset_m[:containers].max()) < 12


def test_a_sample_city_on_islands_has_bins_out_of_reach(tmp_path: Path, shared_data: Path) -> None:
    """With ``islands`` some containers stand where no truck from the depot comes, and the report names them."""
    folder = sample_city(
        shared_data / "osm" / "maldives.osm.pbf",
        tmp_path / "sample",
        containers=40,
        driving_side="left",
        islands=True,
    )
    report = check_city(folder)
    cut_off = [finding for finding in report.warnings if "cut off" in finding.message]
    assert report.dataset is not None
    assert 5 < len(cut_off) < 40


def test_a_sample_city_is_decided_by_its_seed(tmp_path: Path, shared_data: Path) -> None:
    """The same seed gives the same city, another one another."""
    streets = shared_data / "osm" / "male_streets.osm.gz"
    hashes = [
        load_city(sample_city(streets, tmp_path / name, containers=20, seed=seed)).content_hash
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(("containers", "vehicles"), [(0, 6), (10, 0)])
def test_a_sample_city_needs_bins_and_trucks(tmp_path: Path, containers: int, vehicles: int) -> None:
    """No containers or no vehicles is refused before the extract is read."""
    with pytest.raises(ValueError, match="at least one"):
        sample_city(tmp_path / "none.osm", tmp_path / "out", containers=containers, vehicles=vehicles)


def test_profiles_are_shared_by_vehicles_that_drive_alike(demo: CityDataset) -> None:
    """Vehicles with equal dimensions and speed share a profile, named after their access class."""
    profiles, profile_of = truck_profiles(demo.vehicles)
    assert [profile.name for profile in profiles] == ["compactor", "tipper", "three_wheeler"]
    assert {profile_of[vehicle.id] for vehicle in demo.vehicles if vehicle.access_class == "tipper"} == {"tipper"}
    assert classes_up_to(None) == ACCESS_CLASSES
    assert classes_up_to("three_wheeler") == ("three_wheeler", "handcart")
    assert profiles_up_to("tipper", profiles) == ("tipper", "three_wheeler")
