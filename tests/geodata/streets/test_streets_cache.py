"""Networks kept on disk: the same answers, and never a stale one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from streets_samples import COMPACTOR, TIPPER, sample_xml

from geodata.streets.cache import cached_roads
from geodata.streets.conditions import Hours
from geodata.streets.legs import leg
from geodata.streets.snap import snap
from geodata.streets.travel import travel_matrix

if TYPE_CHECKING:
    from pathlib import Path

TOWN = sample_xml(
    "".join(
        f'<node id="{i}" lon="{x}" lat="{y}"/>'
        for i, x, y in ((1, 0, 0), (2, 0.001, 0), (3, 0.002, 0), (4, 0.001, 0.001))
    )
    + '<way id="10"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/><tag k="name" v="ផ្លូវ ១"/></way>'
    + '<way id="20"><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/></way>'
    + '<way id="30"><nd ref="2"/><nd ref="4"/><tag k="highway" v="residential"/>'
    + '<tag k="maxweight:conditional" v="3 @ sunset"/></way>'
    + '<relation id="5"><member type="way" ref="10" role="from"/><member type="node" ref="2" role="via"/>'
    + '<member type="way" ref="99" role="to"/><tag k="type" v="restriction"/>'
    + '<tag k="restriction" v="no_left_turn"/></relation>'
)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "town.osm"
    path.write_text(TOWN, encoding="utf-8")
    return path


def test_a_kept_network_is_the_one_that_was_built(town: Path, tmp_path: Path) -> None:
    """What comes from the disk equals what was built in every field, and gives the same matrix and legs."""
    cache = tmp_path / "cache"
    built, fetched = (cached_roads(town, [COMPACTOR, TIPPER], driving_side="left", cache_dir=cache) for _ in range(2))
    assert built is not fetched
    assert len(list(cache.iterdir())) == 1
    for field in dataclasses.fields(built):
        one, other = getattr(built, field.name), getattr(fetched, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        elif field.name == "part_m":
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
        else:
            assert one == other
    assert built.notes
    assert built.restrictions_dropped
    lon, lat = [0.0005, 0.0015, 0.001], [1e-5, 1e-5, 0.0008]
    places = snap(built, lon, lat, profiles=[["tipper"]] * 3)
    for one, other in zip(*(travel_matrix(network, "tipper", places) for network in (built, fetched)), strict=True):
        assert np.array_equal(one, other)
    legs = [leg(network, "tipper", places, 0, 2) for network in (built, fetched)]
    assert legs[0] is not None
    assert legs[1] is not None
    assert legs[0].segments.tolist() == legs[1].segments.tolist()


def test_whatever_the_network_depends_on_makes_another_file(town: Path, tmp_path: Path) -> None:
    """Another extract, truck, side or hour is never answered from an old file."""
    cache = tmp_path / "cache"
    morning = Hours(weekday=0, start_s=0, end_s=3600)
    cached_roads(town, [TIPPER], driving_side="left", cache_dir=cache)
    cached_roads(town, [TIPPER], driving_side="right", cache_dir=cache)
    cached_roads(town, [TIPPER], driving_side="left", cache_dir=cache, hours=morning)
    cached_roads(town, [dataclasses.replace(TIPPER, weight_t=2.0)], driving_side="left", cache_dir=cache)
    town.write_text(TOWN.replace("residential", "service", 1), encoding="utf-8")
    changed = cached_roads(town, [TIPPER], driving_side="left", cache_dir=cache)
    assert "service" in changed.way_highway
    assert len(list(cache.iterdir())) == 5


def test_a_damaged_file_is_built_anew(town: Path, tmp_path: Path) -> None:
    """Half a file in the cache does not stop a plan."""
    cache = tmp_path / "cache"
    cached_roads(town, [TIPPER], driving_side="left", cache_dir=cache)
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    assert cached_roads(town, [TIPPER], driving_side="left", cache_dir=cache).tail.size > 0
    assert kept.stat().st_size > 1000
