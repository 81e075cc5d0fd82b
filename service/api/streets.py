"""The streets of a city as a map to draw, made once and kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from geodata.city.profiles import truck_profiles
from geodata.maps.geojson import streets_geojson
from service.db.documents import squeeze

if TYPE_CHECKING:
    from geodata.city.dataset import CityDataset


def drawn_streets(city: CityDataset, cache_dir: Path) -> bytes:
    """Return a city's streets as GeoJSON, gzip, from the cache where they are in it.

    Raises
    ------
    DataError
        If the extract cannot be read.
    """
    kept = cache_dir / f"streets-{city.content_hash}.geojson.gz"
    if kept.is_file():
        return kept.read_bytes()
    from geodata.streets.osm import read_osm  # noqa: PLC0415 - compiled code, which a server starts without
    from geodata.streets.roads import build_roads  # noqa: PLC0415

    # What no vehicle of the city may drive is not drawn.
    profiles, _ = truck_profiles(city.vehicles)
    network = build_roads(read_osm(city.streets_path), profiles, driving_side=city.driving_side)
    squeezed = squeeze(streets_geojson(network))
    cache_dir.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".streets-", dir=cache_dir)
    with os.fdopen(handle, "wb") as file:
        file.write(squeezed)
    Path(name).replace(kept)
    return squeezed
