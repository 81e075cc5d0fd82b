"""Travel times that are computed when they are asked for."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streets_samples import COMPACTOR, TIPPER, real_extract

from geodata.city.dataset import load_city
from geodata.city.demo.city import write_demo_city
from geodata.streets import times as module
from geodata.streets.osm import read_osm
from geodata.streets.roads import build_roads
from geodata.streets.snap import other_kerb, snap
from geodata.streets.times import StreetTimes, travel_times
from geodata.streets.travel import is_wide
from optimizer.problem.matrix import NO_PATH, TravelMatrix, TravelTimes
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from pathlib import Path

    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places
    from scenarios.day import Day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder: Path = tmp_path_factory.mktemp("city")
    return prepare_day(load_city(write_demo_city(folder, containers=60)), dt.date(2026, 11, 23))


@pytest.fixture(scope="module")
def times(day: Day) -> StreetTimes:
    return StreetTimes(day.network, day.places, n=day.problem.matrix.n, hubs=hubs_of(day))


def hubs_of(day: Day) -> list[int]:
    """Return the places of depots and disposal sites."""
    return [thing.node for things in (day.problem.depots, day.problem.disposal_sites) for thing in things]


def assert_same(times: TravelTimes, square: TravelTimes, seed: int) -> None:
    """Hold every cell against the square's, asked for as a whole block and as legs in any order, twice."""
    assert (times.n, times.profiles) == (square.n, square.profiles)
    every = np.arange(square.n)
    for profile in square.profiles:
        whole = square.block(profile, every, every)
        for ours, theirs in zip(times.block(profile, every, every), whole, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        cells = np.random.default_rng(seed).permutation(square.n**2)[:4000]
        for _ in range(2):
            for ours, theirs in zip(times.legs(profile, *divmod(cells, square.n)), whole, strict=True):
                np.testing.assert_array_equal(ours, theirs.reshape(-1)[cells])


def test_they_equal_the_squares_of_a_city(day: Day, times: StreetTimes) -> None:
    """In the demo city all cells of all profiles, those of yards too, are those of the squares."""
    assert isinstance(day.problem.matrix, TravelMatrix)
    assert day.places.twin is not None
    assert_same(times, day.problem.matrix, seed=1)


@given(data=st.data())
def test_any_block_and_legs_are_the_squares(day: Day, times: StreetTimes, data: st.DataObject) -> None:
    """Any rows and columns, hubs among them or not, repeated or none at all, give the cells of the square."""
    place = st.one_of(st.sampled_from(hubs_of(day)), st.integers(0, times.n - 1))
    rows = data.draw(st.lists(place, max_size=5))
    columns = data.draw(st.lists(place, max_size=5))
    profile = data.draw(st.sampled_from(times.profiles))
    for ask in ("block", "legs"):
        asked = (rows, columns) if ask == "block" else (rows[: len(columns)], columns[: len(rows)])
        for ours, theirs in zip(
            getattr(times, ask)(profile, *asked), getattr(day.problem.matrix, ask)(profile, *asked), strict=True
        ):
            assert ours.dtype == np.int32
            np.testing.assert_array_equal(ours, theirs)


def test_what_is_remembered_has_a_bound(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a table for four legs all answers are right, and it holds four legs afterwards."""
    monkeypatch.setattr(module, "_TABLE_BITS", 2)
    times = StreetTimes(day.network, day.places, n=day.problem.matrix.n, hubs=hubs_of(day))
    assert_same(times, day.problem.matrix, seed=2)
    assert times._keys.size == times._values.size == 4


def test_a_leg_is_computed_once(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Legs that were asked for before, and legs to and from hubs, need no search."""
    times = StreetTimes(day.network, day.places, n=day.problem.matrix.n, hubs=hubs_of(day))
    hub = hubs_of(day)[0]
    away = [place for place in range(times.n) if place not in hubs_of(day)][:4]
    first = times.legs("tipper", [hub, *away], [*away, hub])
    monkeypatch.setattr(module, "travel_matrix", None)
    again = times.legs("tipper", [hub, *away], [*away, hub])
    assert [metric.tolist() for metric in first] == [metric.tolist() for metric in again]
    times.block("tipper", [hub], range(times.n))
    times.legs("tipper", range(times.n), [hub] * times.n)


def test_no_leg_is_faster_than_the_bound(day: Day, times: StreetTimes) -> None:
    """The bound of the speed holds for every leg of a second or more, rounded as it is, and is not far above."""
    for profile in times.profiles:
        fastest = day.problem.matrix.fastest_m_per_s(profile)
        assert fastest <= times.fastest_m_per_s(profile) < 2 * fastest + 1


def test_a_copy_for_another_process_is_the_same(day: Day, times: StreetTimes) -> None:
    """Pickled and read again they are equal, have the same fingerprint and answer the same."""
    copy = pickle.loads(pickle.dumps(times))
    assert copy == times
    assert copy.fingerprint("tipper") == times.fingerprint("tipper")
    assert_same(copy, day.problem.matrix, seed=3)


def test_the_fingerprint_tells_times_apart(day: Day, times: StreetTimes) -> None:
    """Other profiles, other places and another kerb of a yard give another fingerprint; the same ones the same."""
    n, hubs = times.n, hubs_of(day)
    assert StreetTimes(day.network, day.places, n=n, hubs=hubs).fingerprint("tipper") == times.fingerprint("tipper")
    other_order = day.places.take([1, 0, *range(2, len(day.places))])
    others = [
        times.fingerprint("compactor"),
        StreetTimes(day.network, other_order, n=n, hubs=hubs).fingerprint("tipper"),
        StreetTimes(day.network, day.places.take(range(n)), n=n, hubs=hubs).fingerprint("tipper"),
        StreetTimes(day.network, day.places.take(range(n - 1)), n=n - 1, hubs=hubs).fingerprint("tipper"),
    ]
    digests = {str(one["sha256"]) for one in [times.fingerprint("tipper"), *others]}
    assert len(digests) == 5


def test_a_yard_must_be_a_hub(day: Day) -> None:
    """A yard that is no hub is refused: its legs would miss one of its kerbs."""
    with pytest.raises(ValueError, match="Every yard must be a hub"):
        StreetTimes(day.network, day.places, n=day.problem.matrix.n, hubs=hubs_of(day)[1:])


def test_large_days_have_no_squares(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the documented number of cells, and not at it, a day's times are computed on demand."""
    n, hubs = day.problem.matrix.n, hubs_of(day)
    cells = n * n * len(day.network.profiles)
    for limit, kind in ((cells, TravelMatrix), (cells - 1, StreetTimes)):
        monkeypatch.setattr(module, "SQUARE_CELLS", limit)
        assert isinstance(travel_times(day.network, day.places, n=n, hubs=hubs), kind)


@pytest.mark.parametrize(
    ("name", "side", "n"),
    [("monaco.osm.pbf", "right", 120), ("liechtenstein.osm.pbf", "right", 120), ("maldives.osm.pbf", "left", 24)],
)
def test_they_equal_the_squares_of_real_streets(name: str, side: str, n: int) -> None:
    """On real extracts, with yards, one-ways, islands without bridges, every cell is that of the squares."""
    network = build_roads(read_osm(real_extract(name)), [COMPACTOR, TIPPER], driving_side=side)  # type: ignore[arg-type]
    places, yards = with_yards(network, n)
    times = StreetTimes(network, places, n=n, hubs=yards)
    whole = travel_times(network, places, n=n, hubs=yards)
    assert isinstance(whole, TravelMatrix)
    assert (whole.duration_s("tipper") > 0).any()
    if name.startswith("maldives"):
        assert is_wide(network) or (whole.duration_s("tipper") == NO_PATH).any()
    assert_same(times, whole, seed=4)
    assert all(whole.fastest_m_per_s(profile) <= times.fastest_m_per_s(profile) for profile in whole.profiles)


def with_yards(network: RoadNetwork, count: int) -> tuple[Places, list[int]]:
    """Return random places along the network, of which the first five are yards where they can be."""
    rng = np.random.default_rng(6)
    segments = rng.choice(network.tail.size, count)
    lon, lat = network.node_lon[network.tail[segments]], network.node_lat[network.tail[segments]]
    names = [profile.name for profile in network.profiles]
    places = snap(network, lon, lat, profiles=[names] * count, max_m=60)
    yards = list(range(5))
    others = other_kerb(network, places.take(yards), profiles=[names] * 5, approach="any")
    return places.with_yards(yards, others), yards
