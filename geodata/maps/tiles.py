"""A city's own map as vector tiles: streets, water, green, buildings and names, from the extract that it handed in.

``write_tiles`` makes one PMTiles file, which a browser reads by ranges of bytes; no tile server, and no map of anybody
else, is needed. What is drawn is read by osmium, which also puts together the rings of lakes and parks; clipping and
thinning are shapely's, on all features of a zoom level at once.
"""

from __future__ import annotations

import gzip
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import mapbox_vector_tile
import numpy as np
import osmium
import shapely
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geodata.streets.osm_file import EXPECTED, inspect, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Box = tuple[float, float, float, float]

MIN_ZOOM: Final = 9
MAX_ZOOM: Final = 14
"""A browser enlarges the tiles of the last level; one of them covers 2.4 km at the equator, in steps of 0.6 m."""

EXTENT: Final = 4_096  # steps across a tile, the usual number of the vector tile specification 2.1
_BUFFER: Final = 96  # steps beyond a tile's edge that are drawn in it too, so that wide lines have no seams
_THINNED_BY: Final = 6  # steps; half a pixel where a tile is shown on 512 pixels
_SMALLEST_AREA: Final = 24**2  # square steps; smaller lakes and parks are left out of a level
_AREA: Final = 2  # dimensions
_MAX_BYTES: Final = 2_000_000_000  # as read_osm

_STREETS: Final[Mapping[str, tuple[str, int]]] = {
    "motorway": ("motorway", 9), "motorway_link": ("motorway", 11),
    "trunk": ("trunk", 9), "trunk_link": ("trunk", 11),
    "primary": ("primary", 9), "primary_link": ("primary", 11),
    "secondary": ("secondary", 10), "secondary_link": ("secondary", 12),
    "tertiary": ("tertiary", 11), "tertiary_link": ("tertiary", 12),
    "unclassified": ("minor", 12), "residential": ("minor", 12), "living_street": ("minor", 12), "road": ("minor", 12),
    "pedestrian": ("path", 13), "service": ("service", 13), "track": ("track", 13),
    "path": ("path", 14), "footway": ("path", 14), "cycleway": ("path", 14), "steps": ("path", 14),
}  # fmt: skip
"""What a street is drawn as, and from which zoom on, by its ``highway`` tag."""

_WATERWAYS: Final[Mapping[str, int]] = {"river": 9, "canal": 11, "stream": 13, "drain": 14, "ditch": 14}
_WATER: Final = frozenset({
    ("natural", "water"), ("waterway", "riverbank"), ("landuse", "reservoir"), ("landuse", "basin"),
    ("landuse", "salt_pond"), ("leisure", "swimming_pool"),
})  # fmt: skip
_GREEN: Final = frozenset({
    ("leisure", "park"), ("leisure", "garden"), ("leisure", "pitch"), ("leisure", "golf_course"),
    ("leisure", "playground"), ("leisure", "nature_reserve"), ("landuse", "grass"), ("landuse", "forest"),
    ("landuse", "meadow"), ("landuse", "recreation_ground"), ("landuse", "cemetery"), ("landuse", "village_green"),
    ("landuse", "orchard"), ("natural", "wood"), ("natural", "scrub"), ("natural", "grassland"), ("natural", "wetland"),
})  # fmt: skip
_PLACES: Final[Mapping[tuple[str, str], tuple[str, int]]] = {
    ("place", "city"): ("city", 9), ("place", "town"): ("town", 9), ("place", "village"): ("village", 11),
    ("place", "suburb"): ("suburb", 11), ("place", "quarter"): ("suburb", 12),
    ("place", "neighbourhood"): ("suburb", 13), ("place", "hamlet"): ("village", 13),
    ("place", "island"): ("village", 12),
    ("amenity", "marketplace"): ("landmark", 13), ("amenity", "place_of_worship"): ("landmark", 14),
    ("amenity", "hospital"): ("landmark", 14), ("amenity", "university"): ("landmark", 14),
    ("amenity", "school"): ("landmark", 14), ("amenity", "townhall"): ("landmark", 14),
    ("amenity", "bus_station"): ("landmark", 14), ("tourism", "attraction"): ("landmark", 14),
}  # fmt: skip
_KEYS: Final = (
    "highway",
    "waterway",
    "natural",
    "landuse",
    "leisure",
    "building",
    "railway",
    "place",
    "amenity",
    "tourism",
)
_NAMES: Final = ("name", "name:en", "name:km")


class _Feature(NamedTuple):
    layer: str
    from_zoom: int
    properties: dict[str, Any]
    wkb: str


class _Level(NamedTuple):
    """The features of one layer; ``shape`` in the Mercator plane, both axes from 0 to 1, y to the south."""

    shape: NDArray[np.object_]
    from_zoom: NDArray[np.int64]
    properties: Sequence[dict[str, Any]]


def write_tiles(extract: Path, target: Path, *, bounds: Box, attribution: str) -> Path:
    """Write the map of an area as PMTiles version 3 with Mapbox vector tiles inside.

    Parameters
    ----------
    extract
        An OpenStreetMap extract of any form that ``read_osm`` reads.
    target
        The file to write; it appears whole or not at all.
    bounds
        (min lon, min lat, max lon, max lat), degrees: tiles outside are not made.
    attribution
        Whose data it is; stands in the file, and is to be shown on the map.

    Returns
    -------
    Path
        ``target``. The layers are ``streets`` (``class``), ``water``, ``waterways``, ``green``, ``buildings``,
        ``railways`` and ``places`` (``class``); each feature has ``name``, ``name:en`` and ``name:km`` where mapped.
        The same extract and bounds give the same bytes.

    Raises
    ------
    DataError
        If the extract is absent, damaged or too large.
    """
    opened = inspect(extract, max_bytes=_MAX_BYTES)
    try:
        features = list(_features(extract, opened.format))
    except (RuntimeError, ValueError) as error:
        raise refuse(extract, f"the file is damaged: {error}", expected=EXPECTED) from error
    layers = _layers(features, bounds)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".tiles-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            writer: Any = Writer(file)  # type: ignore[no-untyped-call]  # the library has no types
            for tile_id, tile in sorted(_tiles(layers, bounds)):
                writer.write_tile(tile_id, tile)
            writer.finalize(_header(bounds), _metadata(layers, attribution))
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return target


def _features(extract: Path, form: str) -> Iterator[_Feature]:
    """Read what is drawn; a shape whose nodes are not in the extract is left out."""
    maker = osmium.geom.WKBFactory()
    objects = (
        osmium.FileProcessor(osmium.io.File(str(extract), form))
        .with_areas()
        .with_filter(osmium.filter.KeyFilter(*_KEYS))
    )
    for thing in objects:
        said = _said(thing)
        if said is None:
            continue
        try:
            yield _Feature(*said, _shape(maker, thing))
        except (RuntimeError, osmium.InvalidLocationError):
            continue


def _said(thing: Any) -> tuple[str, int, dict[str, Any]] | None:
    """Return the layer, the first zoom and the properties of an object; None where it is not drawn."""
    if thing.is_node():
        return _point(thing.tags)
    if thing.is_way():
        return _line(thing.tags, closed=thing.is_closed())
    return _area(thing.tags) if thing.is_area() else None


def _shape(maker: Any, thing: Any) -> str:
    if thing.is_node():
        return str(maker.create_point(thing.location))
    return str(maker.create_linestring(thing) if thing.is_way() else maker.create_multipolygon(thing))


def _names(tags: Any) -> dict[str, Any]:
    return {key: tags[key] for key in _NAMES if key in tags}


def _point(tags: Any) -> tuple[str, int, dict[str, Any]] | None:
    if "name" not in tags:
        return None
    for key in ("place", "amenity", "tourism"):
        found = _PLACES.get((key, tags.get(key, "")))
        if found is not None:
            return "places", found[1], {"class": found[0], **_names(tags)}
    return None


def _line(tags: Any, *, closed: bool) -> tuple[str, int, dict[str, Any]] | None:
    street = _STREETS.get(tags.get("highway", ""))
    if street is not None and not (closed and tags.get("area") == "yes"):
        properties = {"class": street[0], **_names(tags)}
        if tags.get("tunnel", "no") != "no":
            properties["tunnel"] = True
        return "streets", street[1], properties
    waterway = _WATERWAYS.get(tags.get("waterway", ""))
    if waterway is not None:
        return "waterways", waterway, _names(tags)
    if tags.get("railway") == "rail":
        return "railways", 11, {}
    return None


def _area(tags: Any) -> tuple[str, int, dict[str, Any]] | None:
    kinds = {(key, tags.get(key, "")) for key in ("natural", "waterway", "landuse", "leisure")}
    if kinds & _WATER:
        return "water", MIN_ZOOM, _names(tags)
    if kinds & _GREEN:
        return "green", MIN_ZOOM + 1, {}
    if tags.get("building", "no") != "no":
        return "buildings", MAX_ZOOM, {}
    return None


def _layers(features: Sequence[_Feature], bounds: Box) -> dict[str, _Level]:
    """Sort features by layer, project them, and leave out what lies outside the bounds."""
    layers = {}
    area = shapely.box(*_mercator_box(bounds))
    for name in sorted({feature.layer for feature in features}):
        mine = [feature for feature in features if feature.layer == name]
        shapes = shapely.transform(shapely.from_wkb([feature.wkb for feature in mine]), _mercator)
        inside = np.flatnonzero(shapely.intersects(shapely.envelope(shapes), area))
        layers[name] = _Level(
            shape=shapes[inside],
            from_zoom=np.array([mine[index].from_zoom for index in inside], dtype=np.int64),
            properties=[mine[index].properties for index in inside],
        )
    return {name: level for name, level in layers.items() if level.shape.size}


def _tiles(layers: Mapping[str, _Level], bounds: Box) -> Iterator[tuple[int, bytes]]:
    """Make the tiles of all levels, each with its number in the order of the file."""
    for zoom in range(MIN_ZOOM, MAX_ZOOM + 1):
        drawn: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for name, level in layers.items():
            for tile, features in _of_level(level, zoom, bounds):
                drawn.setdefault(tile, []).append({"name": name, "features": features})
        for (x, y), parts in drawn.items():
            plain = mapbox_vector_tile.encode(parts, default_options={"extents": EXTENT, "y_coord_down": True})
            yield zxy_to_tileid(zoom, x, y), gzip.compress(plain, mtime=0)


def _of_level(level: _Level, zoom: int, bounds: Box) -> Iterator[tuple[tuple[int, int], list[dict[str, Any]]]]:
    chosen = np.flatnonzero(level.from_zoom <= zoom)
    if not chosen.size:
        return
    scale = EXTENT * 2.0**zoom
    shapes = shapely.transform(level.shape[chosen], lambda points: points * scale)
    areas = shapely.get_dimensions(shapes) == _AREA
    large = ~areas | (shapely.area(shapes) >= _SMALLEST_AREA)
    chosen, shapes = chosen[large], shapely.simplify(shapes[large], _THINNED_BY, preserve_topology=False)
    west, north, east, south = (int(value * 2**zoom) for value in _mercator_box(bounds))
    grid = [(x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
    edges = np.array(grid, dtype=np.float64) * EXTENT
    boxes = shapely.box(*(edges - _BUFFER).T, *(edges + EXTENT + _BUFFER).T)
    tile_of, shape_of = shapely.STRtree(shapes).query(boxes)
    order = np.lexsort((shape_of, tile_of))
    tile_of, shape_of = tile_of[order], shape_of[order]
    starts = np.searchsorted(tile_of, np.arange(len(grid) + 1))
    for number, tile in enumerate(grid):
        mine = shape_of[starts[number] : starts[number + 1]]
        if not mine.size:
            continue
        cut = shapely.clip_by_rect(shapes[mine], *shapely.bounds(boxes[number]))
        cut = shapely.transform(cut, lambda points, corner=edges[number]: np.round(points - corner))
        features = [
            {"geometry": shape, "properties": level.properties[chosen[index]]}
            for index, shape in zip(mine.tolist(), cut.tolist(), strict=True)
            if not shape.is_empty
        ]
        if features:
            yield tile, features


def _mercator(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project degrees to the Web Mercator square, 0 to 1 from the west and from the north (EPSG:3857, scaled)."""
    lat = np.radians(np.clip(points[:, 1], -85.0511287, 85.0511287))
    return np.column_stack(((points[:, 0] + 180.0) / 360.0, (1.0 - np.arcsinh(np.tan(lat)) / math.pi) / 2.0))


def _mercator_box(bounds: Box) -> Box:
    """Return bounds in degrees as (west, north, east, south) of the square."""
    corners = _mercator(np.array([[bounds[0], bounds[3]], [bounds[2], bounds[1]]]))
    return (*corners[0].tolist(), *corners[1].tolist())


def _header(bounds: Box) -> dict[str, Any]:
    west, south, east, north = (round(value * 1e7) for value in bounds)
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_zoom": MIN_ZOOM,
        "max_zoom": MAX_ZOOM,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": 12,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }


def _metadata(layers: Mapping[str, _Level], attribution: str) -> dict[str, Any]:
    described = [
        {"id": name, "minzoom": max(MIN_ZOOM, int(level.from_zoom.min())), "maxzoom": MAX_ZOOM, "fields": {}}
        for name, level in layers.items()
    ]
    return {"name": "streets", "attribution": attribution, "vector_layers": described}
