"""Read an OpenStreetMap extract into flat arrays.

``read_osm`` keeps the streets (every way with a ``highway`` tag), the tags that matter to a truck, what stands on
the streets' nodes (barriers, signals), the turn restrictions, and the bins, recycling points and landfills that
mappers have drawn. Nothing is judged here: what a truck may do with a street is the business of ``rules`` and
``roads``.

Ways and nodes may stand in any order, and a way may name nodes that the extract does not hold: cutting an area
out of a larger file does that. Such a way is split where nodes are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.streets.osm_blocks import open_blocks
from geodata.streets.osm_file import EXPECTED, inspect, refuse
from geodata.streets.osm_objects import WASTE_AMENITIES, pick_nodes, pick_relations, pick_ways
from geodata.streets.rules import MOTOR_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from geodata.streets.osm_objects import Positions, RawNode, RawWays, Relation
    from geodata.streets.pbf import Block

_COORDINATE_SCALE: Final = 1e-7  # OpenStreetMap stores coordinates as whole 1e-7 degrees
_LON_LIMIT: Final = 1_800_000_000
_LAT_LIMIT: Final = 900_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A turn restriction as mapped: who comes from ``from_ways`` over the via to ``to_ways`` must not, or must only.

    All ids are OpenStreetMap's. Exactly one of ``via_nodes`` and ``via_ways`` is normally filled.
    """

    osm_id: int
    from_ways: tuple[int, ...]
    via_nodes: tuple[int, ...]
    via_ways: tuple[int, ...]
    to_ways: tuple[int, ...]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmFeature:
    """A thing of waste collection that mappers have drawn, at its point or at the middle of its outline.

    ``kind`` is ``waste_basket``, ``waste_disposal``, ``recycling``, ``waste_transfer_station`` or ``landfill``;
    ``osm_type`` is ``node``, ``way`` or ``relation``.
    """

    kind: str
    osm_type: str
    osm_id: int
    lon: float
    lat: float
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmExtract:
    """The streets of an extract as flat arrays.

    Attributes
    ----------
    source
        the file's name, for messages.
    node_id
        int64[n], OpenStreetMap's ids of the nodes that ways use, ascending.
    lon, lat
        float64[n], degrees.
    way_id
        int64[w], OpenStreetMap's id; repeated where a way was split at missing nodes.
    way_start
        int64[w + 1]; way ``i`` has the nodes ``way_node[way_start[i]:way_start[i + 1]]``.
    way_node
        int32[k], indices into the nodes.
    way_tags
        one mapping per way, with the keys of ``osm_objects.WAY_KEYS`` and conditional ones.
    node_tags
        tags of barriers, signals and turning places, by node index.
    restrictions
        turn restrictions, kept as mapped.
    features
        bins, recycling points, transfer stations and landfills.
    content_hash
        SHA-256 of the file's bytes.
    bounds
        (min lon, min lat, max lon, max lat) of the streets, degrees.
    """

    source: str
    node_id: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    way_id: NDArray[np.int64]
    way_start: NDArray[np.int64]
    way_node: NDArray[np.int32]
    way_tags: tuple[dict[str, str], ...]
    node_tags: dict[int, dict[str, str]]
    restrictions: tuple[Restriction, ...]
    features: tuple[OsmFeature, ...]
    content_hash: str
    bounds: tuple[float, float, float, float]


def read_osm(path: Path, *, max_bytes: int = 2_000_000_000) -> OsmExtract:
    """Read the streets and waste features of an extract.

    Parameters
    ----------
    path
        .osm, .osm.gz, .osm.bz2 or .osm.pbf; the content decides, not the name.
    max_bytes
        refuse a file that is larger than this once unpacked.

    Raises
    ------
    DataError
        The file is absent, empty, cut short, damaged, too large, has a DOCTYPE, is no extract, has coordinates
        outside the globe, or holds no street that a vehicle could drive on.
    """
    opened = inspect(path, max_bytes=max_bytes)
    with open_blocks(path, opened) as blocks:
        return _read(path, blocks, opened.content_hash)


def _read(path: Path, blocks: Iterable[Block], content_hash: str) -> OsmExtract:
    restrictions, outlines = pick_relations(blocks)
    outer_ways = [[*relation.refs("w", "outer"), *relation.refs("w", "")] for relation in outlines]
    streets, areas, outer = pick_ways(blocks, frozenset(way for ways in outer_ways for way in ways))
    if not any(tags["highway"] in MOTOR_CLASSES for tags in streets.tags):
        raise refuse(
            path,
            "no street in the file could be driven on",
            value=f"{streets.osm_id.size} ways with a highway tag",
            expected="at least one way with highway=residential, primary, service or the like",
        )
    # numpy's own ``unique`` hashes, which takes ten times as long here.
    wanted = np.sort(np.concatenate((streets.ref, areas.ref, outer.ref)))
    wanted = wanted[np.flatnonzero(np.diff(wanted, prepend=wanted[:1] - 1))]
    positions, standing, bins = pick_nodes(blocks, wanted)
    _check_positions(path, positions)
    lon, lat = (np.asarray(value * _COORDINATE_SCALE, dtype=np.float64) for value in (positions.x, positions.y))
    way, start, node = _runs(streets, positions.osm_id)
    if not node.size:
        raise refuse(path, "the streets in the file have no nodes with a position", expected=EXPECTED)

    refs_of = dict(zip(outer.osm_id.tolist(), outer.refs(), strict=True))
    shapes = [("way", *area) for area in zip(areas.osm_id.tolist(), areas.tags, areas.refs(), strict=True)]
    for relation, ways in zip(outlines, outer_ways, strict=True):
        shapes.append(("relation", relation.osm_id, relation.tags, [ref for w in ways for ref in refs_of.get(w, [])]))
    features = [*_node_features(bins), *_area_features(shapes, positions.osm_id, lon, lat)]

    # Only nodes of streets are kept: outlines of landfills were needed for their middle alone.
    on_street = np.zeros(lon.size, dtype=np.bool_)
    on_street[node] = True
    new_index = np.cumsum(on_street) - 1
    ids, lon, lat = positions.osm_id[on_street], lon[on_street], lat[on_street]
    return OsmExtract(
        source=path.name,
        node_id=ids,
        lon=lon,
        lat=lat,
        way_id=streets.osm_id[way],
        way_start=start,
        way_node=new_index[node].astype(np.int32),
        way_tags=tuple(streets.tags[i] for i in way.tolist()),
        node_tags=_node_tags(standing, ids),
        restrictions=tuple(_restriction(relation) for relation in restrictions),
        features=tuple(features),
        content_hash=content_hash,
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
    )


def _check_positions(path: Path, positions: Positions) -> None:
    outside = (np.abs(positions.x) > _LON_LIMIT) | (np.abs(positions.y) > _LAT_LIMIT)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        lon, lat = (float(value[first]) * _COORDINATE_SCALE for value in (positions.x, positions.y))
        raise refuse(
            path,
            f"node {positions.osm_id[first]} lies outside the globe ({int(outside.sum())} such nodes)",
            value=f"lon {lon:.7f}, lat {lat:.7f}",
            expected="longitude from -180 to 180 and latitude from -90 to 90",
        )


def _runs(
    streets: RawWays, node_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cut ways at nodes that the extract lacks; a node repeated at once counts once; what is left has two or more.

    Answers the street of each run, where each begins (one more at the end), and the nodes by position in ``node_ids``.
    """
    way = np.repeat(np.arange(streets.osm_id.size), np.diff(streets.start))
    node, there = _among(node_ids, streets.ref)
    goes_on = way[1:] == way[:-1]
    repeated = np.zeros(way.size, dtype=np.bool_)
    repeated[1:] = goes_on & (streets.ref[1:] == streets.ref[:-1])
    run = np.cumsum(~there)
    run[1:] += np.cumsum(~goes_on)
    kept = there & ~repeated
    kept &= np.bincount(run[kept], minlength=run.size + 1)[run] > 1
    begins = np.flatnonzero(np.diff(run[kept], prepend=-1))
    return way[kept][begins], np.append(begins, np.count_nonzero(kept)), node[kept]


def _among(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Find the positions of wanted ids among ascending ones, and which of them are there."""
    index = np.searchsorted(ids, wanted)
    there = index < ids.size
    there[there] = ids[index[there]] == wanted[there]
    return index, there


def _node_tags(standing: list[RawNode], ids: NDArray[np.int64]) -> dict[int, dict[str, str]]:
    index, there = _among(ids, np.array([node.osm_id for node in standing], dtype=np.int64))
    return {
        position: node.tags
        for position, is_there, node in zip(index.tolist(), there.tolist(), standing, strict=True)
        if is_there
    }


def _restriction(relation: Relation) -> Restriction:
    return Restriction(
        osm_id=relation.osm_id,
        from_ways=relation.refs("w", "from"),
        via_nodes=relation.refs("n", "via"),
        via_ways=relation.refs("w", "via"),
        to_ways=relation.refs("w", "to"),
        tags=relation.tags,
    )


def _node_features(nodes: Iterable[RawNode]) -> Iterator[OsmFeature]:
    for node in nodes:
        if abs(node.x) <= _LON_LIMIT and abs(node.y) <= _LAT_LIMIT:
            lon, lat = node.x * _COORDINATE_SCALE, node.y * _COORDINATE_SCALE
            yield _feature("node", node.osm_id, node.tags, lon, lat)


def _area_features(
    shapes: Iterable[tuple[str, int, dict[str, str], list[int]]],
    node_ids: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
) -> Iterator[OsmFeature]:
    for osm_type, osm_id, tags, refs in shapes:
        # A ring ends where it begins; that corner counts once.
        index, there = _among(node_ids, np.array(list(dict.fromkeys(refs)), dtype=np.int64))
        if there.any():
            yield _feature(osm_type, osm_id, tags, float(lon[index[there]].mean()), float(lat[index[there]].mean()))


def _feature(osm_type: str, osm_id: int, tags: dict[str, str], lon: float, lat: float) -> OsmFeature:
    kind = tags["amenity"] if tags.get("amenity") in WASTE_AMENITIES else "landfill"
    return OsmFeature(kind=kind, osm_type=osm_type, osm_id=osm_id, lon=lon, lat=lat, tags=tags)
