"""Measure a network against four of it joined, and grids: work should grow as the states do, and fit into memory."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.memory import peak_mb
from benchmarks.roads import peers
from benchmarks.roads.cases import COMPACTOR, four_times, strewn
from geodata.city.demo import write_demo_city
from geodata.streets.hierarchy import make_router, router_of
from geodata.streets.osm import read_osm
from geodata.streets.roads import build_roads
from geodata.streets.travel import travel_matrix

if TYPE_CHECKING:
    from geodata.streets.osm import OsmExtract

CONTAINERS: Final = 1000


def grown(path: Path, four: bool) -> dict[str, float]:  # noqa: FBT001 - a pool passes positions
    """Measure one copy of an extract, or four, in a process of its own: states, seconds, and peak megabytes."""
    extract = read_osm(path)
    return _measured(four_times(extract) if four else extract)


def grid(containers: int) -> dict[str, float]:
    """Measure the streets of the built-in city for so many containers, which are squares with hardly a main street."""
    with tempfile.TemporaryDirectory() as folder:
        return _measured(read_osm(write_demo_city(Path(folder) / "city", containers=containers) / "streets.osm"))


def _measured(extract: OsmExtract) -> dict[str, float]:
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    places = strewn(network, CONTAINERS)
    contraction = statistics.median(peers.timed(lambda: make_router(network, "compactor")) for _ in range(3))
    travel_matrix(network, "compactor", places)
    return {
        "states": float(router_of(network, "compactor").graph.cost.size),
        "contraction": contraction,
        "matrix": statistics.median(peers.timed(lambda: travel_matrix(network, "compactor", places)) for _ in range(5)),
        "memory_mb": peak_mb(),
    }
