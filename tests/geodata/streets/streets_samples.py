"""Small street networks, and trucks to drive on them, for the tests of this folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from geodata.streets.osm import OsmExtract, Restriction
from geodata.streets.roads import TruckProfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPACTOR = TruckProfile(
    name="compactor", access_class="compactor", width_m=2.5, height_m=3.6, length_m=9.0, weight_t=19.0
)
TIPPER = TruckProfile(name="tipper", access_class="tipper", width_m=2.0, height_m=2.4, length_m=5.5, weight_t=3.5)
THREE_WHEELER = TruckProfile(
    name="three_wheeler", access_class="three_wheeler", width_m=1.3, height_m=1.9, length_m=3.0, weight_t=0.9
)
HANDCART = TruckProfile(name="handcart", access_class="handcart", width_m=0.9, height_m=1.1, length_m=1.6, weight_t=0.2)
ALL_PROFILES = (COMPACTOR, TIPPER, THREE_WHEELER, HANDCART)

# One thousandth of a degree is 111.195 m along the equator, and along every meridian, on the sphere that is used.
MILLIDEGREE_MM = 111_195


def sample_extract(
    nodes: Mapping[int, tuple[float, float]],
    ways: Sequence[tuple[int, Sequence[int], Mapping[str, str]]],
    node_tags: Mapping[int, dict[str, str]] | None = None,
    restrictions: Sequence[Restriction] = (),
) -> OsmExtract:
    """Make an extract from node positions (lon, lat) and ways (id, nodes, tags)."""
    ids = sorted(nodes)
    index = {node: position for position, node in enumerate(ids)}
    lon = np.array([nodes[node][0] for node in ids], dtype=np.float64)
    lat = np.array([nodes[node][1] for node in ids], dtype=np.float64)
    return OsmExtract(
        source="sample.osm",
        node_id=np.array(ids, dtype=np.int64),
        lon=lon,
        lat=lat,
        way_id=np.array([way for way, _, _ in ways], dtype=np.int64),
        way_start=np.concatenate(([0], np.cumsum([len(refs) for _, refs, _ in ways]))).astype(np.int64),
        way_node=np.array([index[ref] for _, refs, _ in ways for ref in refs], dtype=np.int32),
        way_tags=tuple(dict(tags) for _, _, tags in ways),
        node_tags={index[node]: tags for node, tags in (node_tags or {}).items()},
        restrictions=tuple(restrictions),
        features=(),
        content_hash="0" * 64,
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
    )


def banned(
    from_way: int,
    via: int | Sequence[int],
    to_way: int,
    **tags: str,
) -> Restriction:
    """Make a restriction over a node (a number) or over ways (a list); ``restriction`` is its tag."""
    return Restriction(
        osm_id=1,
        from_ways=(from_way,),
        via_nodes=(via,) if isinstance(via, int) else (),
        via_ways=() if isinstance(via, int) else tuple(via),
        to_ways=(to_way,),
        tags={"type": "restriction", **{key.replace("__", ":"): value for key, value in tags.items()}},
    )


def sample_xml(body: str, *, prolog: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> str:
    """Wrap nodes, ways and relations into an OSM document."""
    return f'{prolog}<osm version="0.6">{body}</osm>\n'


def real_extract(name: str) -> Path:
    """Path of a real extract, or skip where the data is not at hand."""
    folder = os.environ.get("SAMRAM_DATA")
    path = Path(folder or ".") / "osm" / name
    if not folder or not path.is_file():
        pytest.skip(f"Needs the real extract osm/{name} in the folder that SAMRAM_DATA names.")
    return path
