"""A city's own map: vector tiles in one file, made from its extract once and kept."""

import threading
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from geodata.city.dataset import CityDataset
from service.api.deps import CitiesDep, CityId, SessionDep, SettingsDep
from service.api.replies import errors

router = APIRouter(prefix="/v1/cities/{city_id}", tags=["cities"])

PMTILES: Final = "application/vnd.pmtiles"
AROUND_DEG: Final = 0.03
"""What is drawn around all that the city handed in: about 3 km."""

_TILES: Final = {"content": {PMTILES: {"schema": {"type": "string", "format": "binary"}}}}
_VERSION: Final = 1  # of the tiles; part of the file's name, so that a newer server makes them anew
_making = threading.Lock()


class PmtilesResponse(FileResponse):
    """Vector tiles."""

    media_type = PMTILES


def _basemap(city_id: CityId, session: SessionDep, cities: CitiesDep, settings: SettingsDep) -> Path:
    version = cities.current(session, city_id)
    assert version.id is not None
    return drawn_basemap(cities.dataset(version.id, version.content_hash), settings.cache_dir)


@router.get(
    "/basemap.pmtiles",
    summary="The city's own map as vector tiles",
    response_class=PmtilesResponse,
    responses=errors(404, 409, 422)
    | {
        200: {"description": "PMTiles version 3 with Mapbox vector tiles; see docs/http-api.md.", **_TILES},
        206: {"description": "The bytes that the Range header names.", **_TILES},
    },
)
def get_basemap(tiles: Annotated[Path, Depends(_basemap)]) -> PmtilesResponse:
    """Return streets, water, green, buildings and names of the city's extract, to be read by ranges of bytes."""
    return PmtilesResponse(tiles, headers={"Cache-Control": "no-cache"})


def drawn_basemap(city: CityDataset, cache_dir: Path) -> Path:
    """Return a city's map, from the cache where it is there.

    Raises
    ------
    DataError
        If the extract cannot be read.
    """
    kept = cache_dir / f"basemap-{_VERSION}-{city.content_hash}.pmtiles"
    with _making:  # two browsers that ask at once are no reason to make it twice
        if not kept.is_file():
            from geodata.maps.tiles import write_tiles  # noqa: PLC0415 - loads osmium, which a server starts without

            write_tiles(city.streets_path, kept, bounds=_around(city), attribution=city.attribution)
    return kept


def _around(city: CityDataset) -> tuple[float, float, float, float]:
    parts = (city.containers, city.depots, city.disposal_sites)
    lons = [place.lon for part in parts for place in part]
    lats = [place.lat for part in parts for place in part]
    return min(lons) - AROUND_DEG, min(lats) - AROUND_DEG, max(lons) + AROUND_DEG, max(lats) + AROUND_DEG
