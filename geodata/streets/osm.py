"""Read an OpenStreetMap extract into flat arrays.

``read_osm`` keeps the streets (every way with a ``highway`` tag), the tags that matter to a truck, what stands on
the streets' nodes (barriers, signals), the turn restrictions, and the bins, recycling points and landfills that
mappers have drawn. Nothing is judged here: what a truck may do with a street is the business of ``rules`` and
``roads``.

Ways and nodes may stand in any order, and a way may name nodes that the extract does not hold: cutting an area
out of a larger file does that. Such a way is split where nodes are missing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import osmium

from geodata.errors import DataError
from geodata.streets.osm_file import EXPECTED, inspect, refuse
from geodata.streets.rules import MOTOR_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# Tags of a way that are kept. Keys that end in ``:conditional`` are kept as well.
WAY_KEYS: Final = frozenset({
    "highway", "construction", "name", "name:en", "name:km", "alt_name", "ref", "junction", "service", "area",
    "route", "access", "vehicle", "motor_vehicle", "motorcar", "motorcycle", "goods", "hgv", "foot", "motorroad",
    "oneway", "oneway:vehicle", "oneway:motor_vehicle", "oneway:goods", "oneway:hgv", "oneway:foot",
    "maxweight", "maxweight:hgv", "maxweightrating", "maxweightrating:hgv", "maxheight", "maxheight:physical",
    "maxwidth", "maxwidth:physical", "maxlength", "width", "maxspeed", "maxspeed:forward", "maxspeed:backward",
    "maxspeed:hgv", "surface", "smoothness", "tracktype", "lanes", "bridge", "tunnel", "layer", "toll",
    "incline", "ford",
})  # fmt: skip
NODE_KEYS: Final = frozenset({
    "highway", "barrier", "access", "vehicle", "motor_vehicle", "motorcar", "motorcycle", "goods", "hgv", "foot",
    "maxwidth", "maxwidth:physical", "maxheight", "maxheight:physical", "maxweight", "maxlength", "bollard", "locked",
})  # fmt: skip
WASTE_AMENITIES: Final = frozenset({"waste_basket", "waste_disposal", "recycling", "waste_transfer_station"})
# What may stand on a node of a street and matter to driving; a crossing or a street lamp does not.
_NODE_HIGHWAYS: Final = frozenset(
    {"traffic_signals", "stop", "give_way", "turning_circle", "turning_loop", "mini_roundabout"}
)

_COORDINATE_SCALE: Final = 1e-7  # OpenStreetMap stores coordinates as whole 1e-7 degrees
_MISSING: Final = 2_147_483_647  # what osmium gives for a coordinate that is not there
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
        one mapping per way, with the keys of ``WAY_KEYS`` and conditional ones.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _RawWay:
    osm_id: int
    refs: list[int]
    tags: dict[str, str]


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
    source = osmium.io.File(str(path), opened.format)
    try:
        return _read(path, source, opened.content_hash)
    except DataError:
        raise
    except (RuntimeError, ValueError, OverflowError, osmium.InvalidLocationError) as error:
        raise refuse(path, f"the file is damaged: {error}", expected=EXPECTED) from error


def _read(path: Path, source: osmium.io.File, content_hash: str) -> OsmExtract:
    restrictions, outlines = _read_relations(source)
    outline_ways = {way for _, _, ways in outlines for way in ways}
    streets, areas, outline_refs = _read_ways(source, outline_ways)
    if not any(way.tags["highway"] in MOTOR_CLASSES for way in streets):
        raise refuse(
            path,
            "no street in the file could be driven on",
            value=f"{len(streets)} ways with a highway tag",
            expected="at least one way with highway=residential, primary, service or the like",
        )
    wanted = {ref for way in (*streets, *areas) for ref in way.refs}
    wanted.update(ref for refs in outline_refs.values() for ref in refs)
    ids, x, y = _locate(path, source, wanted)
    index_of = {int(node): index for index, node in enumerate(ids)}

    way_ids: list[int] = []
    way_tags: list[dict[str, str]] = []
    way_nodes: list[int] = []
    way_start = [0]
    for way in streets:
        for run in _runs(way.refs, index_of):
            way_ids.append(way.osm_id)
            way_tags.append(way.tags)
            way_nodes.extend(run)
            way_start.append(len(way_nodes))
    if not way_nodes:
        raise refuse(path, "the streets in the file have no nodes with a position", expected=EXPECTED)

    lon = np.asarray(x * _COORDINATE_SCALE, dtype=np.float64)
    lat = np.asarray(y * _COORDINATE_SCALE, dtype=np.float64)
    on_street = np.zeros(len(ids), dtype=np.bool_)
    node_array = np.array(way_nodes, dtype=np.int32)
    on_street[node_array] = True
    node_features, node_tags = _read_nodes(source, index_of, on_street)
    features = [*node_features, *_area_features(areas, outlines, outline_refs, index_of, lon, lat)]
    # Only nodes of streets are kept: outlines of landfills were needed for their middle alone.
    new_index = np.cumsum(on_street) - 1
    lon, lat = lon[on_street], lat[on_street]
    return OsmExtract(
        source=path.name,
        node_id=ids[on_street],
        lon=lon,
        lat=lat,
        way_id=np.array(way_ids, dtype=np.int64),
        way_start=np.array(way_start, dtype=np.int64),
        way_node=new_index[node_array].astype(np.int32),
        way_tags=tuple(way_tags),
        node_tags={int(new_index[node]): tags for node, tags in node_tags.items()},
        restrictions=tuple(restrictions),
        features=tuple(features),
        content_hash=content_hash,
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
    )


def _objects(source: osmium.io.File, kind: osmium.osm.osm_entity_bits, *keys: str) -> Iterator[Any]:
    """Give the nodes, ways or relations that have at least one of the keys (all of them without keys).

    They are of the kind asked for, which osmium's types do not say; none may be kept past its turn.
    """
    objects = osmium.FileProcessor(source, kind)
    yield from objects.with_filter(osmium.filter.KeyFilter(*keys)) if keys else objects


def _read_relations(
    source: osmium.io.File,
) -> tuple[list[Restriction], list[tuple[int, dict[str, str], list[int]]]]:
    """Turn restrictions, and multipolygons of waste features as (id, tags, outer ways)."""
    restrictions: list[Restriction] = []
    outlines: list[tuple[int, dict[str, str], list[int]]] = []
    for relation in _objects(source, osmium.osm.RELATION, "type"):
        tags = dict(relation.tags)
        members = [(member.type, member.role, member.ref) for member in relation.members]
        if tags["type"].startswith("restriction"):
            restrictions.append(
                Restriction(
                    osm_id=relation.id,
                    from_ways=_refs(members, "w", "from"),
                    via_nodes=_refs(members, "n", "via"),
                    via_ways=_refs(members, "w", "via"),
                    to_ways=_refs(members, "w", "to"),
                    tags=tags,
                )
            )
        elif tags["type"] == "multipolygon" and _waste_kind(tags):
            outlines.append((relation.id, tags, [*_refs(members, "w", "outer"), *_refs(members, "w", "")]))
    return restrictions, outlines


def _refs(members: Iterable[tuple[str, str, int]], kind: str, role: str) -> tuple[int, ...]:
    return tuple(ref for member_kind, member_role, ref in members if member_kind == kind and member_role == role)


def _read_ways(
    source: osmium.io.File, outline_ways: set[int]
) -> tuple[list[_RawWay], list[_RawWay], dict[int, list[int]]]:
    """Streets, waste areas, and the node ids of the outlines that relations name."""
    streets: list[_RawWay] = []
    areas: list[_RawWay] = []
    outlines: dict[int, list[int]] = {}
    # An outer way of a landfill may have no tags of its own, so where there is one, all ways are looked at.
    keys = () if outline_ways else ("highway", "amenity", "landuse")
    for way in _objects(source, osmium.osm.WAY, *keys):
        tags = way.tags
        if way.id in outline_ways:
            outlines[way.id] = [node.ref for node in way.nodes]
        if "highway" in tags:
            kept = _kept(tags, WAY_KEYS)
            streets.append(_RawWay(osm_id=way.id, refs=[node.ref for node in way.nodes], tags=kept))
        elif _waste_kind(tags):
            areas.append(_RawWay(osm_id=way.id, refs=[node.ref for node in way.nodes], tags=dict(tags)))
    return streets, areas, outlines


def _kept(tags: osmium.osm.TagList, keys: frozenset[str]) -> dict[str, str]:
    # Few keys and few values repeat many thousand times: one string of each is enough.
    return {sys.intern(tag.k): sys.intern(tag.v) for tag in tags if tag.k in keys or tag.k.endswith(":conditional")}


def _waste_kind(tags: osmium.osm.TagList | dict[str, str]) -> str | None:
    amenity = tags.get("amenity")
    if amenity in WASTE_AMENITIES:
        return str(amenity)
    return "landfill" if tags.get("landuse") == "landfill" else None


def _locate(
    path: Path, source: osmium.io.File, wanted: set[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the positions of the wanted nodes, in whole 1e-7 degrees, ordered by id; absent ones are left out."""
    locate = _locations_of_negative if any(node < 0 for node in wanted) else _locations
    places = locate(source, wanted)
    ids = np.array(sorted(places), dtype=np.int64)
    xy = np.array([places[int(node)] for node in ids], dtype=np.int64).reshape(-1, 2)
    outside = (np.abs(xy[:, 0]) > _LON_LIMIT) | (np.abs(xy[:, 1]) > _LAT_LIMIT)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        lon, lat = (float(value) * _COORDINATE_SCALE for value in xy[first])
        raise refuse(
            path,
            f"node {ids[first]} lies outside the globe ({int(outside.sum())} such nodes)",
            value=f"lon {lon:.7f}, lat {lat:.7f}",
            expected="longitude from -180 to 180 and latitude from -90 to 90",
        )
    return ids, xy[:, 0], xy[:, 1]


def _locations(source: osmium.io.File, wanted: set[int]) -> dict[int, tuple[int, int]]:
    table = osmium.index.create_map("flex_mem")
    handler = osmium.NodeLocationsForWays(table)
    handler.ignore_errors()
    # Nodes first, then ways: an extract may hold them in either order, and the table is sorted when ways come.
    for kind in (osmium.osm.NODE, osmium.osm.WAY):
        osmium.apply(osmium.io.Reader(source, kind), handler)
    places: dict[int, tuple[int, int]] = {}
    for node in wanted:
        try:
            location = table.get(node)
        except KeyError:
            continue
        if _MISSING not in {location.x, location.y}:
            places[node] = (location.x, location.y)
    return places


def _locations_of_negative(source: osmium.io.File, wanted: set[int]) -> dict[int, tuple[int, int]]:
    """Do the same for extracts out of an editor, whose new nodes have negative ids; osmium's table refuses those."""
    return {
        node.id: (node.location.x, node.location.y)
        for node in _objects(source, osmium.osm.NODE)
        if node.id in wanted and _MISSING not in {node.location.x, node.location.y}
    }


def _runs(refs: list[int], index_of: dict[int, int]) -> list[list[int]]:
    """Cut a way at nodes that the extract lacks; a node repeated at once counts once; what is left has two or more."""
    runs: list[list[int]] = [[]]
    for ref in refs:
        index = index_of.get(ref)
        if index is None:
            runs.append([])
        elif not runs[-1] or runs[-1][-1] != index:
            runs[-1].append(index)
    return [run for run in runs if len(run) > 1]


def _read_nodes(
    source: osmium.io.File, index_of: dict[int, int], on_street: NDArray[np.bool_]
) -> tuple[list[OsmFeature], dict[int, dict[str, str]]]:
    features: list[OsmFeature] = []
    node_tags: dict[int, dict[str, str]] = {}
    for node in _objects(source, osmium.osm.NODE, "barrier", "highway", "amenity", "landuse"):
        kind = _waste_kind(node.tags)
        if kind and node.location.valid():
            features.append(
                OsmFeature(
                    kind=kind,
                    osm_type="node",
                    osm_id=node.id,
                    lon=node.location.x * _COORDINATE_SCALE,
                    lat=node.location.y * _COORDINATE_SCALE,
                    tags=dict(node.tags),
                )
            )
        index = index_of.get(node.id)
        if (
            index is not None
            and on_street[index]
            and ("barrier" in node.tags or node.tags.get("highway") in _NODE_HIGHWAYS)
        ):
            node_tags[index] = _kept(node.tags, NODE_KEYS)
    return features, node_tags


def _area_features(
    areas: list[_RawWay],
    outlines: list[tuple[int, dict[str, str], list[int]]],
    outline_refs: dict[int, list[int]],
    index_of: dict[int, int],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
) -> list[OsmFeature]:
    shapes = [("way", way.osm_id, way.tags, way.refs) for way in areas]
    for osm_id, tags, ways in outlines:
        shapes.append(("relation", osm_id, tags, [ref for way in ways for ref in outline_refs.get(way, [])]))
    features: list[OsmFeature] = []
    for osm_type, osm_id, tags, refs in shapes:
        corners = [index_of[ref] for ref in dict.fromkeys(refs) if ref in index_of]
        kind = _waste_kind(tags)
        if corners and kind:
            features.append(
                OsmFeature(
                    kind=kind,
                    osm_type=osm_type,
                    osm_id=osm_id,
                    lon=float(lon[corners].mean()),
                    lat=float(lat[corners].mean()),
                    tags=tags,
                )
            )
    return features
