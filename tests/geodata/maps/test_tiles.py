"""A city's own map as vector tiles, read back by the libraries' own readers."""

from __future__ import annotations

import gzip
import math
from typing import TYPE_CHECKING, Any

import mapbox_vector_tile
import pytest
from pmtiles.reader import MemorySource, Reader

from geodata.city.demo.osm_xml import OsmDrawing
from geodata.errors import DataError
from geodata.maps.tiles import EXTENT, MAX_ZOOM, MIN_ZOOM, write_tiles

if TYPE_CHECKING:
    from pathlib import Path

LON, LAT = 103.86, 13.36
BOUNDS = (LON - 0.05, LAT - 0.05, LON + 0.05, LAT + 0.05)


def drawing() -> OsmDrawing:
    """Draw a street with a Khmer name, a pond with an island, a house, a place, and things that are not drawn."""
    drawn = OsmDrawing()

    def ring(lon: float, lat: float, half: float, tags: dict[str, str]) -> int:
        corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
        nodes = [drawn.node(lon + x, lat + y) for x, y in corners]
        return drawn.way([*nodes, nodes[0]], tags)

    street = [drawn.node(LON + step * 0.01, LAT) for step in range(-3, 4)]
    drawn.way(street, {"highway": "primary", "name": "ផ្លូវជាតិ", "name:en": "National Road"})
    lane = [drawn.node(LON, LAT + step * 0.001) for step in range(3)]
    drawn.way(lane, {"highway": "footway"})
    ring(LON + 0.01, LAT + 0.01, 0.004, {"natural": "water", "name": "Pond"})
    ring(LON - 0.01, LAT - 0.01, 0.0002, {"building": "yes"})
    drawn.node(LON + 0.002, LAT + 0.002, {"place": "town", "name": "ក្រុងគំរូ"})
    drawn.node(LON, LAT, {"place": "town"})
    drawn.way([street[0], 999_999], {"waterway": "river"})
    return drawn


def read(path: Path) -> Reader:
    """Open a file of tiles."""
    return Reader(MemorySource(path.read_bytes()))


def tile_at(zoom: int, lon: float = LON, lat: float = LAT) -> tuple[int, int]:
    """Return the numbers of the tile that covers a position (OpenStreetMap's slippy map formula)."""
    side = 2**zoom
    return (
        int((lon + 180) / 360 * side),
        int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side),
    )


def layers(reader: Reader, zoom: int, lon: float = LON, lat: float = LAT) -> dict[str, list[dict[str, Any]]]:
    """Decode the tile that covers a position; empty where there is none."""
    tile = reader.get(zoom, *tile_at(zoom, lon, lat))
    if tile is None:
        return {}
    decoded = mapbox_vector_tile.decode(gzip.decompress(tile), default_options={"y_coord_down": True})
    return {name: layer["features"] for name, layer in decoded.items()}


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiles of the drawing."""
    folder = tmp_path_factory.mktemp("tiles")
    extract = drawing().write(folder / "streets.osm")
    return write_tiles(extract, folder / "made" / "city.pmtiles", bounds=BOUNDS, attribution="© somebody")


def test_tiles_hold_streets_water_and_names(tiles: Path) -> None:
    """Streets, water, buildings and places are in the tiles, with their names in their own script."""
    reader = read(tiles)
    found = layers(reader, MAX_ZOOM)
    assert {one["properties"]["name"] for one in found["streets"] if "name" in one["properties"]} == {"ផ្លូវជាតិ"}
    assert [one["properties"] for one in found["places"]] == [{"class": "town", "name": "ក្រុងគំរូ"}]
    assert layers(reader, MAX_ZOOM, LON + 0.01, LAT + 0.01)["water"][0]["properties"] == {"name": "Pond"}
    assert layers(reader, MAX_ZOOM, LON - 0.01, LAT - 0.01)["buildings"]


def test_positions_are_where_they_were(tiles: Path) -> None:
    """A point decoded from its tile lies within a step of where it was mapped."""
    (place,) = layers(read(tiles), MAX_ZOOM)["places"]
    x, y = tile_at(MAX_ZOOM, LON + 0.002, LAT + 0.002)
    across, down = place["geometry"]["coordinates"]
    lon = (x + across / EXTENT) / 2**MAX_ZOOM * 360 - 180
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (y + down / EXTENT) / 2**MAX_ZOOM))))
    step = 360 / 2**MAX_ZOOM / EXTENT
    assert lon == pytest.approx(LON + 0.002, abs=step)
    assert lat == pytest.approx(LAT + 0.002, abs=step)


def test_small_things_wait_for_larger_zooms(tiles: Path) -> None:
    """A main road is on the first level, a footway and a house on the last alone."""
    reader = read(tiles)
    by_class = {
        zoom: {one["properties"]["class"] for one in layers(reader, zoom)["streets"]} for zoom in (MIN_ZOOM, MAX_ZOOM)
    }
    assert by_class == {MIN_ZOOM: {"primary"}, MAX_ZOOM: {"primary", "path"}}
    assert "buildings" not in layers(reader, MAX_ZOOM - 1, LON - 0.01, LAT - 0.01)


def test_nothing_beyond_the_bounds(tmp_path: Path) -> None:
    """No tile is made outside the bounds, however far the extract goes."""
    extract = drawing().write(tmp_path / "streets.osm")
    small = (LON - 0.001, LAT - 0.001, LON + 0.001, LAT + 0.001)
    reader = read(write_tiles(extract, tmp_path / "city.pmtiles", bounds=small, attribution=""))
    assert layers(reader, MAX_ZOOM)
    assert not layers(reader, MAX_ZOOM, LON + 0.03, LAT)


def test_file_says_whose_data_it_is(tiles: Path) -> None:
    """The attribution and the levels stand in the file itself."""
    reader = read(tiles)
    assert reader.metadata()["attribution"] == "© somebody"
    assert (reader.header()["min_zoom"], reader.header()["max_zoom"]) == (MIN_ZOOM, MAX_ZOOM)


def test_same_extract_same_bytes(tiles: Path, tmp_path: Path) -> None:
    """The same extract and bounds give the same bytes, so that a browser's copy stays right."""
    extract = drawing().write(tmp_path / "streets.osm")
    again = write_tiles(extract, tmp_path / "city.pmtiles", bounds=BOUNDS, attribution="© somebody")
    assert again.read_bytes() == tiles.read_bytes()


def test_a_damaged_extract_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """An extract that cannot be read is a data error, and no half file stays behind."""
    broken = tmp_path / "streets.osm"
    broken.write_text("<?xml version='1.0'?>\n<osm version='0.6'><node id='1' lat='13' ", encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        write_tiles(broken, tmp_path / "city.pmtiles", bounds=BOUNDS, attribution="")
    assert [path.name for path in tmp_path.iterdir()] == ["streets.osm"]
