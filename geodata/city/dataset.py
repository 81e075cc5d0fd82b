"""A city dataset: everything a city hands in, read, checked and immutable.

``load_city`` reads a folder or a zip of it and either returns a ``CityDataset`` or raises ``CityDatasetError`` with
every error there is. ``read_city`` does the same without raising, and keeps the street extract that it read on the way.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import shapely

from geodata.city.archive import city_folder, extract_city_archive
from geodata.city.build import Records, read_records
from geodata.city.geometry import MAX_LAT, distance_m
from geodata.city.records import (
    BreakRecord,
    Container,
    DepotRecord,
    DisposalSiteRecord,
    DrivingSide,
    Energy,
    ShiftRecord,
    SpecialDays,
    VehicleRecord,
    Windows,
    Zone,
)
from geodata.city.settings import FILE, CitySettings, read_settings
from geodata.city.tables import Findings
from geodata.errors import CityDatasetError, DataError, Finding
from geodata.streets.overlays import Overlay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geodata.city.streams import Stream
    from geodata.city.tables import Row
    from geodata.streets.osm import OsmExtract

__all__ = [
    "BreakRecord",
    "CityDataset",
    "CityReading",
    "Container",
    "DepotRecord",
    "DisposalSiteRecord",
    "DrivingSide",
    "Energy",
    "ShiftRecord",
    "SpecialDays",
    "VehicleRecord",
    "Windows",
    "Zone",
    "default_cache_dir",
    "load_city",
    "read_city",
]

STREETS_FILES = ("streets.osm", "streets.osm.gz", "streets.osm.bz2", "streets.osm.pbf")
FORMAT_VERSION = 1
"""Changes when the same files begin to mean something else; part of the content hash."""

FAR_FROM_STREETS_M = 50_000
"""A position this far outside the extract's bounds is a mistake, not a remote bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityDataset:
    """A city's files, checked.

    Attributes
    ----------
    timezone
        IANA name; all times of day are local to it.
    currency
        ISO 4217 code of all costs.
    setup_s
        Seconds to halt and get ready at a stop.
    default_fill
        Share of the volume that a container holds when neither a fill nor a rate nor a reading tells.
    snap_max_m
        A container farther than this from every street it may be served from is not reached.
    streams
        Every stream known to this city, by name, with its loose density.
    overlays
        Changes to the streets, whenever they hold.
    calendar
        Days on which more or less is thrown in than on others of their weekday; no day is in two of them.
    streets_path
        The OpenStreetMap extract.
    streets_hash
        SHA-256 of the extract's bytes, in hexadecimal.
    content_hash
        SHA-256, in hexadecimal, of everything above and below in a canonical form, the extract included. The same
        content written otherwise (separator, order of columns, GeoJSON for CSV) has the same hash; the order of rows
        counts, because it can decide between plans of equal cost.
    """

    name: str
    timezone: str
    currency: str
    driving_side: DrivingSide
    attribution: str
    setup_s: int
    default_fill: float
    snap_max_m: float
    streams: Mapping[str, Stream]
    streets_path: Path
    streets_hash: str
    containers: tuple[Container, ...]
    depots: tuple[DepotRecord, ...]
    disposal_sites: tuple[DisposalSiteRecord, ...]
    vehicles: tuple[VehicleRecord, ...]
    shifts: tuple[ShiftRecord, ...]
    zones: tuple[Zone, ...]
    content_hash: str
    warnings: tuple[Finding, ...]
    overlays: tuple[Overlay, ...] = ()
    calendar: tuple[SpecialDays, ...] = ()

    def density_kg_per_l(self, stream: str) -> float:
        """Return the loose density of a stream; KeyError when the city does not know it."""
        return self.streams[stream].density_kg_per_l


@dataclass(frozen=True, slots=True, kw_only=True)
class CityReading:
    """What came of reading a city: its findings, and the dataset and extract when there was no error."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    dataset: CityDataset | None = None
    extract: OsmExtract | None = None
    placed_rows: tuple[Row, ...] = field(default=(), repr=False)


def load_city(path: Path, *, cache_dir: Path | None = None) -> CityDataset:
    """Read a city dataset.

    Parameters
    ----------
    path
        The city's folder, or a zip of it.
    cache_dir
        Where a zip is unpacked to and fetched streets are kept; None for the user's own cache folder.

    Returns
    -------
    CityDataset
        Checked, with its warnings.

    Raises
    ------
    CityDatasetError
        With every error of every file.
    """
    reading = read_city(path, cache_dir=cache_dir)
    if reading.dataset is None:
        raise CityDatasetError(reading.errors)
    return reading.dataset


def read_city(path: Path, *, cache_dir: Path | None = None) -> CityReading:
    """Read a city dataset and return what was found, errors included; parameters as for ``load_city``."""
    findings = Findings()
    cache_dir = cache_dir or default_cache_dir()
    try:
        folder = _folder(path, cache_dir)
    except DataError as error:
        return CityReading(errors=(error.finding,), warnings=())
    settings = read_settings(folder, findings)
    records = read_records(folder, settings, findings)
    streets, extract = _streets(folder, settings, records, cache_dir, findings)
    if extract is not None:
        _check_positions(records.placed_rows, extract, findings)
    if findings.errors or streets is None or extract is None:
        return CityReading(errors=tuple(findings.errors), warnings=tuple(findings.warnings))
    dataset = _dataset(settings, records, streets, extract, tuple(findings.warnings))
    return CityReading(
        errors=(),
        warnings=tuple(findings.warnings),
        dataset=dataset,
        extract=extract,
        placed_rows=records.placed_rows,
    )


def default_cache_dir() -> Path:
    """Return the user's own cache folder for Samram (``XDG_CACHE_HOME``, else ``~/.cache``)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "samram"


def _folder(path: Path, cache_dir: Path) -> Path:
    if path.is_dir():
        return city_folder(path)
    if not path.exists():
        raise DataError(
            Finding(file=path.name, message="the path does not exist", expected="a city's folder or a zip of it")
        )
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            Finding(
                file=path.name,
                message=f"the file cannot be read: {error.strerror}",
                expected="a zip of a city's folder",
            )
        ) from error
    target = cache_dir / "cities" / digest
    if not _unpacked(target):
        try:
            extract_city_archive(path, target)
        except DataError:
            # Another process may have unpacked the same archive meanwhile; then it is there, and whole.
            if not _unpacked(target):
                raise
    return city_folder(target)


def _unpacked(target: Path) -> bool:
    """Whether an archive was unpacked there before; it appears whole or not at all."""
    return target.is_dir() and any(target.iterdir())


def _streets(
    folder: Path, settings: CitySettings, records: Records, cache_dir: Path, findings: Findings
) -> tuple[Path | None, OsmExtract | None]:
    # What reads streets is compiled, and takes seconds to load; a server starts without it.
    from geodata.streets.osm import read_osm  # noqa: PLC0415
    from geodata.streets.place import fetch_place  # noqa: PLC0415

    present = [name for name in STREETS_FILES if (folder / name).exists()]
    place = settings.city.get("place")
    if len(present) > 1:
        findings.error(present[0], f"{present[1]} stands beside it", expected="only one streets file")
        return None, None
    try:
        if present:
            path = folder / present[0]
            if not path.is_file():
                findings.error(present[0], "this is not a file", expected="an OpenStreetMap extract")
                return None, None
            return path, read_osm(path)
        if place is None:
            if (folder / FILE).exists():
                findings.error(
                    "streets.osm",
                    "there are no streets",
                    expected="an OpenStreetMap extract (" + ", ".join(STREETS_FILES) + ") in the city's folder, "
                    'or a line such as place = "Siem Reap, Cambodia" in city.toml',
                )
            return None, None
        if findings.errors:
            return None, None  # a city with errors is mended before the network is asked
        cover = [(row.values["lon"], row.values["lat"]) for row in records.placed_rows]
        path = fetch_place(place, cache_dir=cache_dir / "places", cover=cover)
        return path, read_osm(path)
    except DataError as error:
        findings.errors.append(error.finding)
        return None, None


def _check_positions(rows: tuple[Row, ...], extract: OsmExtract, findings: Findings) -> None:
    """Refuse positions far from all streets; where the mirror image is among them, the numbers were swapped."""
    for row in rows:
        lon, lat = row.values["lon"], row.values["lat"]
        if _outside_m(lon, lat, extract.bounds) <= FAR_FROM_STREETS_M:
            continue
        if abs(lon) <= MAX_LAT and _outside_m(lat, lon, extract.bounds) <= FAR_FROM_STREETS_M:
            row.error(
                findings,
                "lon",
                "longitude and latitude look swapped: the other way round it lies among the streets",
                "the longitude first, then the latitude",
            )
        else:
            west, south, east, north = extract.bounds
            row.error(
                findings,
                "lon",
                f"the position lies more than {FAR_FROM_STREETS_M // 1000} km outside the streets",
                f"a position near longitude {west:.4f} to {east:.4f}, latitude {south:.4f} to {north:.4f}",
            )


def _outside_m(lon: float, lat: float, bounds: tuple[float, float, float, float]) -> float:
    west, south, east, north = bounds
    return distance_m(lon, lat, min(max(lon, west), east), min(max(lat, south), north))


def _dataset(
    settings: CitySettings, records: Records, streets: Path, extract: OsmExtract, warnings: tuple[Finding, ...]
) -> CityDataset:
    content: dict[str, Any] = {
        "name": settings.city["name"],
        "timezone": settings.city["timezone"],
        "currency": settings.city["currency"],
        "driving_side": settings.city["driving_side"],
        "attribution": settings.city["attribution"],
        "setup_s": settings.defaults["setup_s"],
        "default_fill": settings.defaults["fill"],
        "snap_max_m": settings.defaults["snap_max_m"],
        "streams": settings.streams,
        "streets_hash": extract.content_hash,
        "containers": records.containers,
        "depots": records.depots,
        "disposal_sites": records.disposal_sites,
        "vehicles": records.vehicles,
        "shifts": records.shifts,
        "zones": records.zones,
    }
    if records.overlays:  # a city without any keeps the hash that it had before there were overlays
        content["overlays"] = records.overlays
    if records.calendar:
        content["calendar"] = records.calendar
    return CityDataset(**content, streets_path=streets, content_hash=_hash(content), warnings=warnings)


def _hash(content: dict[str, Any]) -> str:
    canonical = orjson.dumps(
        {"format": FORMAT_VERSION, **content},
        default=_plain,
        option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS,
    )
    return hashlib.sha256(canonical).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Overlay):
        return value.fingerprint()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, shapely.Geometry):
        return value.wkb_hex
    raise TypeError(f"{type(value).__name__} has no canonical form.")
