"""Streets of a place by its name: osmnx finds the place, Overpass hands over its streets.

osmnx finds where "Siem Reap, Cambodia" lies; the extract itself is asked for here, as XML, because osmnx's own download
drops the turn restrictions and the waste features that a plan needs. The answer is kept as a file, so that the same
city is fetched once, and is read by ``read_osm`` like any other extract.

This is the one module of the room that talks to a network, and only when a city names a place.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import math
import os
import re
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from geodata.errors import DataError, Finding
from geodata.streets.geodesy import EARTH_RADIUS_M

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOMINATIM_URL = "https://nominatim.openstreetmap.org/"
OVERPASS_URL = "https://overpass-api.de/api/interpreter"
USER_AGENT = "samram (municipal waste collection planning)"

MAX_BYTES = 1_000_000_000
"""A city of ten million people, streets alone, is about 300 MB of XML."""

MAX_AREA_KM2 = 10_000
"""Larger than any municipality that one plan serves; a country by mistake is refused before it is asked for."""

MARGIN_M = 1_000
"""Streets this far outside the place's box are fetched too: routes cut corners across a border."""

COVER_MAX_M = 60_000
"""A depot or disposal site this near to the place widens the box; one farther away is somebody's typing error."""

ATTEMPTS = 5
RETRY_STATUS = frozenset({429, 502, 503, 504})
MAX_WAIT_S = 120.0
METRES_PER_DEGREE = math.radians(EARTH_RADIUS_M)
"""Length of one degree of latitude on the sphere, 111,195 m."""

Box = tuple[float, float, float, float]
_CHUNK = 1 << 18
_OSM_ROOT = re.compile(rb"<osm[\s>]")
_REMARK = re.compile(rb"<remark>([^<]*)</remark>")
_TAIL = 4096


def fetch_place(
    place: str,
    *,
    cache_dir: Path,
    nominatim_url: str = NOMINATIM_URL,
    overpass_url: str = OVERPASS_URL,
    timeout_s: float = 180.0,
    cover: Sequence[tuple[float, float]] = (),
    max_bytes: int = MAX_BYTES,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch the streets of a place, or find them in the cache.

    Parameters
    ----------
    place
        Its name as one would type it into a map's search box.
    cache_dir
        Folder that keeps what was fetched; it is created.
    nominatim_url, overpass_url
        The services, so that a city may use its own.
    timeout_s
        Longest silence of a service.
    cover
        Positions (longitude, latitude) that the extract should reach as well, such as depots and landfills.
    max_bytes
        Largest answer that is accepted.
    sleep
        Waits between attempts.

    Returns
    -------
    Path
        An .osm file with streets, turn restrictions and waste features.

    Raises
    ------
    DataError
        osmnx is not installed, the place is not found or too large, or a service does not give a usable answer.
    """
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _error(place, f"the cache folder cannot be made: {error}", "a folder that may be written to") from error
    box = _widen(_find(place, cache_dir, nominatim_url, timeout_s), cover)
    south, west, north, east = box
    area_km2 = (north - south) * (east - west) * math.cos(math.radians(south)) * (METRES_PER_DEGREE / 1000) ** 2
    if area_km2 > MAX_AREA_KM2:
        raise _error(
            place,
            f"the place covers {area_km2:,.0f} km²",
            f"a city or district of at most {MAX_AREA_KM2:,} km²",
        )
    query = overpass_query(box, timeout_s=timeout_s)
    path = cache_dir / f"{hashlib.sha256(query.encode()).hexdigest()}.osm"
    if not path.exists():
        _download(place, query, path, overpass_url, timeout_s, max_bytes, sleep)
    return path


def overpass_query(box: Box, *, timeout_s: float) -> str:
    """Return the question to Overpass for all that ``read_osm`` reads, within (south, west, north, east) in degrees."""
    area = "({:.6f},{:.6f},{:.6f},{:.6f})".format(*box)
    return (
        f"[out:xml][timeout:{int(timeout_s)}];"
        "("
        f'way["highway"]{area};'
        f'relation["type"~"^restriction"]{area};'
        f'nwr["amenity"~"^(waste_basket|waste_disposal|recycling|waste_transfer_station)$"]{area};'
        f'nwr["landuse"="landfill"]{area};'
        ");"
        # Down to the nodes of ways and of relations' ways; restrictions keep their tags and members.
        "(._;>;);"
        "out body qt;"
    )


def _find(place: str, cache_dir: Path, nominatim_url: str, timeout_s: float) -> Box:
    """Return (south, west, north, east) of the place."""
    key = hashlib.sha256(f"{nominatim_url}\n{place}".encode()).hexdigest()
    cached = cache_dir / f"{key}.place.json"
    if cached.exists():
        south, west, north, east = json.loads(cached.read_text(encoding="utf-8"))
        return float(south), float(west), float(north), float(east)
    osmnx = _osmnx(place)
    with _osmnx_settings(osmnx, nominatim_url, timeout_s):
        try:
            found = osmnx.geocode_to_gdf(place)
        except TypeError as error:
            raise _error(
                place, "a point is known by this name, but no area", "the name of a city or district"
            ) from error
        except (ValueError, KeyError) as error:
            # osmnx's "no result" is a ValueError.
            raise _error(place, f"the place was not found: {error}", "a name that openstreetmap.org finds") from error
        except OSError as error:
            # What requests raises derives from OSError.
            raise _error(
                place, f"the place could not be looked up: {error}", f"an answer from {nominatim_url}"
            ) from error
    west, south, east, north = (float(value) for value in found.total_bounds)
    box = (south, west, north, east)
    if not all(math.isfinite(value) for value in box) or south >= north or west >= east:
        raise _error(place, f"the place has no usable bounds: {box}", "the name of a city or district")
    with _whole_file(cached) as file:
        file.write(json.dumps(box).encode())
    return box


def _osmnx(place: str) -> Any:
    try:
        return importlib.import_module("osmnx")
    except ImportError as error:
        raise _error(
            place,
            "finding a place by name needs osmnx, which is not installed",
            "either pip install 'samram[place]', or a streets file (streets.osm.pbf) in the city's folder",
        ) from error


@contextlib.contextmanager
def _osmnx_settings(osmnx: Any, nominatim_url: str, timeout_s: float) -> Iterator[None]:
    """Set osmnx's global settings for one call, and put them back."""
    wanted = {
        "nominatim_url": nominatim_url,
        "requests_timeout": timeout_s,
        "use_cache": False,
        "http_user_agent": USER_AGENT,
        # Without it osmnx asks a public resolver for every host's address.
        "doh_url_template": None,
    }
    before = {name: getattr(osmnx.settings, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(osmnx.settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(osmnx.settings, name, value)


def _widen(box: Box, cover: Sequence[tuple[float, float]]) -> Box:
    south, west, north, east = box
    # Longitudes shrink towards the poles; a cosine of at least 0.1 keeps the margin finite there.
    lon_scale = METRES_PER_DEGREE * max(0.1, math.cos(math.radians((south + north) / 2)))
    reach_lat, reach_lon = COVER_MAX_M / METRES_PER_DEGREE, COVER_MAX_M / lon_scale
    near = [
        (lon, lat)
        for lon, lat in cover
        if west - reach_lon <= lon <= east + reach_lon and south - reach_lat <= lat <= north + reach_lat
    ]
    south, north = min([south, *(lat for _, lat in near)]), max([north, *(lat for _, lat in near)])
    west, east = min([west, *(lon for lon, _ in near)]), max([east, *(lon for lon, _ in near)])
    margin_lat, margin_lon = MARGIN_M / METRES_PER_DEGREE, MARGIN_M / lon_scale
    return (
        max(-90.0, south - margin_lat),
        max(-180.0, west - margin_lon),
        min(90.0, north + margin_lat),
        min(180.0, east + margin_lon),
    )


def _download(
    place: str,
    query: str,
    path: Path,
    url: str,
    timeout_s: float,
    max_bytes: int,
    sleep: Callable[[float], None],
) -> None:
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise _error(place, f"the address {url!r} of Overpass is not a web address", "http:// or https://")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        data=urllib.parse.urlencode({"data": query}).encode(),
        headers={"User-Agent": USER_AGENT, "Accept": "application/osm3s+xml, application/xml, text/xml"},
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with (
                urllib.request.urlopen(request, timeout=timeout_s) as answer,  # noqa: S310 - the scheme is checked above
                _whole_file(path) as file,
            ):
                _copy(place, answer, file, max_bytes)
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in RETRY_STATUS or attempt == ATTEMPTS:
                    raise _error(
                        place,
                        f"the streets could not be fetched: HTTP status {error.code} after {attempt} attempts",
                        f"an extract from {url}",
                    ) from error
                wait_s = _retry_after_s(error.headers.get("Retry-After"), attempt)
            sleep(wait_s)
        except OSError as error:
            raise _error(place, f"the streets could not be fetched: {error}", f"an extract from {url}") from error
        else:
            return


def _copy(place: str, answer: Any, file: IO[bytes], max_bytes: int) -> None:
    size, head, tail = 0, b"", b""
    while chunk := answer.read(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise _error(place, "the answer with the streets is too large", f"at most {max_bytes:,} bytes")
        head = head or chunk[:_TAIL]
        tail = (tail + chunk)[-_TAIL:]
        file.write(chunk)
    if not _OSM_ROOT.search(head):
        start = head[:80].decode("utf-8", "replace")
        raise _error(place, f"the answer with the streets begins with {start!r}", "OpenStreetMap XML")
    # Overpass answers 200 and puts "runtime error: Query timed out" at the end of a cut answer.
    remark = _REMARK.search(tail)
    if remark:
        text = remark[1].decode("utf-8", "replace").strip()
        raise _error(place, f"Overpass gave up: {text}", "a complete extract; try again later or name a smaller place")
    if b"</osm>" not in tail:
        raise _error(place, "the answer with the streets was cut short", "XML that ends with </osm>")


def _retry_after_s(header: str | None, attempt: int) -> float:
    try:
        wait_s = float(header) if header else 2.0**attempt
    except ValueError:
        wait_s = 2.0**attempt  # a date; Overpass sends seconds
    return min(max(wait_s, 0.0), MAX_WAIT_S) if math.isfinite(wait_s) else MAX_WAIT_S


@contextlib.contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears under its name only when it is complete."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _error(place: str, message: str, expected: str) -> DataError:
    return DataError(Finding(file="city.toml", column="place", value=place, message=message, expected=expected))
