"""Reports on a city dataset before anything is planned with it: errors, warnings, bins that no street reaches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geodata.city.dataset import CityReading, read_city
from geodata.city.profiles import profiles_up_to, truck_profiles
from geodata.city.tables import Findings
from geodata.errors import DataError, Finding
from geodata.streets.overlays import at_any_time, expired
from geodata.streets.roads import build_roads
from geodata.streets.snap import snap

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from geodata.streets.roads import RoadNetwork


_WHAT = {"containers": "container", "depots": "depot", "disposal_sites": "disposal site"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CityReport:
    """What ``check_city`` found.

    Attributes
    ----------
    errors
        Must be mended before the city can be used.
    warnings
        Should be looked at.
    dataset
        The city, when there is no error.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    dataset: CityDataset | None

    @property
    def ok(self) -> bool:
        """Whether the city can be used."""
        return self.dataset is not None

    def summary(self) -> tuple[str, ...]:
        """Return a few lines that say what the city holds; empty when it has errors."""
        if self.dataset is None:
            return ()
        city = self.dataset
        streams = Counter(container.stream for container in city.containers)
        volumes = ", ".join(f"{count:,} {stream}" for stream, count in sorted(streams.items()))
        return (
            f"{city.name}: {len(city.containers):,} containers ({volumes or 'none'}), {len(city.zones)} zones",
            ", ".join(
                f"{len(things):,} {name}{'' if len(things) == 1 else 's'}"
                for name, things in (
                    ("vehicle", city.vehicles),
                    ("shift", city.shifts),
                    ("depot", city.depots),
                    ("disposal site", city.disposal_sites),
                )
            ),
            *((f"{len(city.overlays)} overlays on the streets",) if city.overlays else ()),
            f"times in {city.timezone}, costs in {city.currency}, driving on the {city.driving_side}",
            f"content {city.content_hash}",
        )


def check_city(
    path: Path, *, cache_dir: Path | None = None, today: Callable[[str], dt.date] | None = None
) -> CityReport:
    """Read a city, bring its bins, depots and disposal sites to its streets, and report.

    Parameters
    ----------
    path
        The city's folder, or a zip of it.
    cache_dir
        As for ``load_city``.
    today
        Gives the day in a time zone, on which overlays may have expired; without it none has.

    Returns
    -------
    CityReport
        With every error and every warning; never an exception for what is wrong with the city's files.
    """
    reading = read_city(path, cache_dir=cache_dir)
    if reading.dataset is None or reading.extract is None:
        return CityReport(errors=reading.errors, warnings=reading.warnings, dataset=None)
    findings = Findings(warnings=list(reading.warnings))
    try:
        _check_streets(reading, reading.dataset, reading.extract, findings)
        day = None if today is None else today(reading.dataset.timezone)
        findings.warnings.extend(_doubtful_overlays(reading.dataset, reading.extract, day))
    except DataError as error:
        # No street is usable by this fleet: the files are right by themselves, yet no day can be planned.
        findings.errors.append(error.finding)
    return CityReport(
        errors=tuple(findings.errors),
        warnings=tuple(findings.warnings),
        dataset=None if findings.errors else reading.dataset,
    )


def _check_streets(reading: CityReading, city: CityDataset, extract: OsmExtract, findings: Findings) -> None:
    profiles, _ = truck_profiles(city.vehicles)
    network = build_roads(extract, profiles, driving_side=city.driving_side)
    findings.warnings.extend(network.notes)
    rows = reading.placed_rows
    wanted = [
        # Depots and disposal sites have no access class: any vehicle's street will do.
        profiles_up_to(row.values.get("access_class"), profiles)
        for row in rows
    ]
    lon = [row.values["lon"] for row in rows]
    lat = [row.values["lat"] for row in rows]
    street = [row.values.get("street") for row in rows]
    places = snap(network, lon, lat, profiles=wanted, street=street, max_m=city.snap_max_m)
    at_depot = [row.file == "depots.csv" for row in rows]
    homes = _parts(network, places.segment[at_depot])
    for row, names, segment in zip(rows, wanted, places.segment, strict=True):
        if not names:
            continue  # no vehicle is small enough, which has been said
        what = f"the {_WHAT[row.file.partition('.')[0]]} {row.values['id']!r}"
        if segment < 0:
            limit = f" that a {row.values['access_class']} may use" if row.values.get("access_class") else ""
            row.warning(
                findings,
                "lon",
                f"{what} is farther than {city.snap_max_m:g} m from every usable street{limit}",
                "a position near a street that its vehicles may use",
            )
        elif homes and not _parts(network, np.array([segment]), names) & homes:
            row.warning(
                findings,
                "lon",
                f"{what} lies on streets that are cut off from every depot",
                "a position to which its vehicles can drive from a depot, and back",
            )


def _doubtful_overlays(city: CityDataset, extract: OsmExtract, today: dt.date | None) -> Iterable[Finding]:
    """Report overlays that have expired, that find no street, or that contradict others while they hold.

    Bins are not held against the streets as overlays leave them: a street that is closed today opens again.
    """
    if today is not None:
        yield from expired(city.overlays, today)
    waiting = [overlay for overlay in city.overlays if today is None or not overlay.expires or overlay.expires >= today]
    if waiting:
        profiles, _ = truck_profiles(city.vehicles)
        changed = build_roads(extract, profiles, driving_side=city.driving_side, overlays=at_any_time(waiting))
        for overlay in changed.overlays:
            yield from overlay.findings


def _parts(
    network: RoadNetwork, segments: NDArray[np.integer], names: tuple[str, ...] | None = None
) -> set[tuple[int, int]]:
    """Return the connected parts, as (profile, part), in which segments lie for the profiles named, or for all."""
    profiles = range(len(network.profiles)) if names is None else [network.profile_index(name) for name in names]
    return {
        (profile, int(part))
        for profile in profiles
        for part in network.part[profile, segments[segments >= 0]]
        if part >= 0
    }
