"""What is measured: real extracts, containers strewn over them, and a synthetic network four times as large."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.streets.profile import TruckProfile
from geodata.streets.snap import snap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.osm import OsmExtract
    from geodata.streets.snap import Places

EXTRACTS: Final = {
    "heidelberg": "heidelberg.osm.pbf",
    "campo-grande": "campo-grande.osm.gz",
    "phnom-penh": "phnom_penh_centre_rebuilt.osm.gz",
    "male": "male_streets.osm.gz",
    "monaco": "monaco.osm.pbf",
    "liechtenstein": "liechtenstein.osm.pbf",
    "maldives": "maldives.osm.pbf",
}
COMPACTOR: Final = TruckProfile(
    name="compactor", access_class="compactor", width_m=2.5, height_m=3.6, length_m=9.0, weight_t=19.0
)
_OFF_STREET_DEG: Final = 1e-4  # containers stand some ten metres off the middle of the street
_LINKS: Final = 30


def strewn(network: RoadNetwork, containers: int, seed: int = 1) -> Places:
    """Strew containers over a network's streets, as many for a metre of lane as for a metre of main street."""
    lon, lat = positions(network, containers, seed)
    return snap(network, lon, lat, profiles=[["compactor"]] * containers)


def positions(network: RoadNetwork, containers: int, seed: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose where the containers stand: lon and lat."""
    generator = np.random.default_rng(seed)
    usable = np.flatnonzero(network.usable[0])
    share = network.length_mm[usable] / network.length_mm[usable].sum()
    chosen = generator.choice(usable, containers, p=share)
    along = generator.random(containers)
    lon = network.node_lon[network.tail[chosen]] * (1 - along) + network.node_lon[network.head[chosen]] * along
    lat = network.node_lat[network.tail[chosen]] * (1 - along) + network.node_lat[network.head[chosen]] * along
    return (
        lon + generator.normal(0, _OFF_STREET_DEG, containers),
        lat + generator.normal(0, _OFF_STREET_DEG, containers),
    )


def four_times(extract: OsmExtract) -> OsmExtract:
    """Lay four copies of an extract side by side, two by two, and join neighbours by streets."""
    width = extract.bounds[2] - extract.bounds[0]
    height = extract.bounds[3] - extract.bounds[1]
    shifts = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]
    nodes, ways = extract.node_id.size, len(extract.way_tags)
    lon = np.concatenate([extract.lon + east for east, _ in shifts])
    lat = np.concatenate([extract.lat + north for _, north in shifts])
    used = np.unique(extract.way_node)
    # The same nodes of neighbouring copies are joined: far apart, but as many streets as leave a city.
    joined = used[np.linspace(0, used.size - 1, _LINKS).astype(np.int64)]
    links = [(a * nodes + node, b * nodes + node) for a, b in ((0, 1), (2, 3), (0, 2), (1, 3)) for node in joined]
    counts = np.concatenate((np.tile(np.diff(extract.way_start), 4), np.full(len(links), 2)))
    way_node = np.concatenate(
        [
            *(extract.way_node.astype(np.int64) + copy * nodes for copy in range(4)),
            np.array(links, dtype=np.int64).ravel(),
        ]
    )
    return dataclasses.replace(
        extract,
        node_id=np.arange(4 * nodes, dtype=np.int64),
        lon=lon,
        lat=lat,
        way_id=np.concatenate((np.arange(4 * ways), 4 * ways + np.arange(len(links)))).astype(np.int64),
        way_start=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        way_node=way_node.astype(np.int32),
        way_tags=(*(extract.way_tags * 4), *([{"highway": "primary"}] * len(links))),
        node_tags={node + copy * nodes: tags for copy in range(4) for node, tags in extract.node_tags.items()},
        restrictions=(),
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
    )
