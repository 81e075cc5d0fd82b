"""Every real extract at hand, whatever it is called: read without a warning, and exact."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from streets_samples import COMPACTOR, THREE_WHEELER, real_extract

from geodata.streets.osm import read_osm
from geodata.streets.roads import build_roads
from geodata.streets.snap import snap
from geodata.streets.travel import plain_ms_mm, travel_ms_mm

FOLDER = Path(os.environ.get("SAMRAM_DATA") or ".") / "osm"
EXTRACTS = sorted(path.name for path in FOLDER.glob("*.osm.*")) or ["heidelberg.osm.pbf"]


@pytest.mark.parametrize("name", EXTRACTS)
def test_every_cell_of_every_extract_equals_a_plain_search(name: str) -> None:
    """Warnings are errors here, so reading is quiet; time and distance equal Dijkstra's in all cells of a sample."""
    network = build_roads(read_osm(real_extract(name)), [COMPACTOR, THREE_WHEELER], driving_side="right")
    generator = np.random.default_rng(11)
    near = generator.choice(network.node_id.size, 40, replace=False)
    lon, lat = network.node_lon[near], network.node_lat[near]
    for profile in network.profiles:
        places = snap(network, lon, lat, profiles=[[profile.name]] * near.size)
        exact, plain = (search(network, profile.name, places) for search in (travel_ms_mm, plain_ms_mm))
        assert (exact[0] >= 0).sum() > near.size
        for metric in range(2):
            assert np.array_equal(exact[metric], plain[metric])
