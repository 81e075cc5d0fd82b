"""Turns rows into records and checks them against each other.

Every check notes all it finds and goes on; a record is made only of rows that are right by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from geodata.city import columns
from geodata.city.columns_overlays import FIGURE_OF
from geodata.city.geometry import MAX_LAT, MAX_LON, distance_m
from geodata.city.parsers import DAY_S, Weekdays, format_time
from geodata.city.records import (
    Container,
    DepotRecord,
    DisposalSiteRecord,
    ShiftRecord,
    SpecialDays,
    VehicleRecord,
    Zone,
)
from geodata.city.tables import Findings, Row, read_table
from geodata.streets.overlays import Overlay, faults
from geodata.streets.rules import ACCESS_CLASSES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from geodata.city.settings import CitySettings

R = TypeVar("R")
WEEK_S = 7 * DAY_S
LONGEST_SPELL_DAYS = 3_653
ZONE_PREFIX = "zone:"
OVERLAP = 0.01
"""Borders drawn twice differ a little; zones that share more than this part of the smaller one count people twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All records of a city, and the rows that positions are checked on later."""

    containers: tuple[Container, ...]
    depots: tuple[DepotRecord, ...]
    disposal_sites: tuple[DisposalSiteRecord, ...]
    vehicles: tuple[VehicleRecord, ...]
    shifts: tuple[ShiftRecord, ...]
    zones: tuple[Zone, ...]
    overlays: tuple[Overlay, ...]
    calendar: tuple[SpecialDays, ...]
    placed_rows: tuple[Row, ...]


def read_records(folder: Path, settings: CitySettings, findings: Findings) -> Records:
    """Read every table of a city folder and check each by itself and all together.

    Parameters
    ----------
    folder
        The city's folder.
    settings
        What ``city.toml`` says.
    findings
        Receives every error and warning; the records are fit for use only when it holds no error.

    Returns
    -------
    Records
        Those that could be made.
    """
    rows: dict[str, list[Row]] = {}
    files: dict[str, str] = {}
    for table in columns.TABLES:
        files[table.stem], rows[table.stem] = read_table(folder, table, findings)
        _check_ids(rows[table.stem], findings)
    _check_counts(files, rows, findings)
    _check_reserved(rows["containers"], findings)
    _check_streams(rows, settings, findings)
    _check_references(rows, findings)
    _check_vehicles(rows["vehicles"], findings)
    _check_shifts(rows["shifts"], findings)
    _check_swapped(rows, findings)
    _check_stops(rows["containers"], settings, findings)
    _check_overlays(rows["overlays"], findings)
    _check_calendar(rows["calendar"], findings)
    records = Records(
        containers=_made(rows["containers"], lambda row: _container(row, settings)),
        depots=_made(rows["depots"], lambda row: DepotRecord(**row.values)),
        disposal_sites=_made(rows["disposal_sites"], lambda row: DisposalSiteRecord(**row.values)),
        vehicles=_made(rows["vehicles"], lambda row: VehicleRecord(**row.values)),
        shifts=_made(rows["shifts"], _shift),
        zones=_made(rows["zones"], _zone),
        overlays=_made(rows["overlays"], lambda row: Overlay(**row.values, file=row.file, place=row.path)),
        calendar=_made(rows["calendar"], _special_days),
        placed_rows=tuple(row for stem in ("containers", "depots", "disposal_sites") for row in rows[stem] if row.ok),
    )
    _warn(records, rows, settings, findings)
    return records


def _made(rows: Iterable[Row], make: Callable[[Row], R]) -> tuple[R, ...]:
    return tuple(make(row) for row in rows if row.ok)


def _container(row: Row, settings: CitySettings) -> Container:
    values = dict(row.values)
    if values["service_s"] is None:
        values["service_s"] = settings.defaults["service_s"]
    return Container(**values)


def _shift(row: Row) -> ShiftRecord:
    values = dict(row.values)
    return ShiftRecord(start_s=values.pop("start"), end_s=values.pop("end"), **values)


def _zone(row: Row) -> Zone:
    values = dict(row.values)
    return Zone(polygon=values.pop("geometry"), **values)


def _special_days(row: Row) -> SpecialDays:
    return SpecialDays(**row.values | {"last": row.values["last"] or row.values["first"]})


def _check_ids(rows: list[Row], findings: Findings) -> None:
    first: dict[str, Row] = {}
    for row in rows:
        name = row.values.get("id")
        if name is None:
            continue
        if name in first:
            place = first[name].path or f"row {first[name].line}"
            row.error(findings, "id", f"the id {name!r} stands at {place} already", "an id that is used once")
        else:
            first[name] = row


def _check_reserved(rows: list[Row], findings: Findings) -> None:
    for row in rows:
        if str(row.values.get("id", "")).startswith(ZONE_PREFIX):
            expected = f"an id that does not begin with {ZONE_PREFIX!r}"
            row.error(findings, "id", "such ids are kept for the door-to-door stops of zones", expected)


def _check_counts(files: dict[str, str], rows: dict[str, list[Row]], findings: Findings) -> None:
    # A file that is missing or broken has said so; one that holds nothing but its header has not.
    reported = {finding.file for finding in findings.errors}
    for stem, what in (
        ("depots", "depot"),
        ("disposal_sites", "disposal site"),
        ("vehicles", "vehicle"),
        ("shifts", "shift"),
    ):
        if not rows[stem] and files[stem] not in reported:
            findings.error(files[stem], f"there is no {what}", expected=f"at least one {what}")
    if not rows["containers"] and not rows["zones"] and not {files["containers"], files["zones"]} & reported:
        findings.error(
            files["containers"],
            "there is no container and no zone, so there is nothing to collect",
            expected="containers in containers.csv or containers.geojson, or zones in zones.geojson",
        )


def _check_streams(rows: dict[str, list[Row]], settings: CitySettings, findings: Findings) -> None:
    known = settings.streams
    expected = "one of " + ", ".join(known) + ", or a stream of [streams] in city.toml"
    for stem in ("containers", "zones"):
        for row in rows[stem]:
            stream = row.values.get("stream")
            if stream is not None and stream not in known:
                row.error(findings, "stream", "this stream is not known", expected)
    for stem in ("disposal_sites", "vehicles"):
        for row in rows[stem]:
            unknown = sorted(row.values.get("streams", frozenset()) - known.keys())
            if unknown:
                row.error(findings, "streams", f"the stream {unknown[0]!r} is not known", expected)


def _check_references(rows: dict[str, list[Row]], findings: Findings) -> None:
    for stem, column, target in (
        ("vehicles", "depot", "depots"),
        ("shifts", "vehicle", "vehicles"),
        ("containers", "locked_vehicle", "vehicles"),
    ):
        ids = {row.values["id"] for row in rows[target] if "id" in row.values}
        if not ids:
            continue  # the target file itself is at fault, and has been named
        for row in rows[stem]:
            name = row.values.get(column)
            if name is not None and name not in ids:
                some = ", ".join(sorted(ids)[:5])
                row.error(
                    findings,
                    column,
                    f"there is no {column.removeprefix('locked_')} with this id",
                    f"an id of {target}, such as {some}",
                )


def _check_vehicles(rows: list[Row], findings: Findings) -> None:
    for row in rows:
        if row.values.get("energy") == "electric" and "range_km" in row.values and row.values["range_km"] is None:
            row.error(findings, "range_km", "an electric vehicle states no range", "a number of kilometres")


def _check_shifts(rows: list[Row], findings: Findings) -> None:
    for row in rows:
        start, end = row.values.get("start"), row.values.get("end")
        if start is None or end is None:
            continue
        if end <= start:
            row.error(
                findings,
                "end",
                f"the shift ends at or before its start at {format_time(start)}",
                "a time after the start; past midnight add 24 hours (26:30 is 02:30 of the next day)",
            )
        elif end - start > DAY_S:
            row.error(findings, "end", "the shift lasts more than 24 hours", "a shift of at most 24 hours")
        elif start >= DAY_S:
            row.error(findings, "start", "the shift starts on the day after", "a start before 24:00")
        else:
            _check_breaks(row, findings)
    by_vehicle: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.ok:
            by_vehicle[row.values["vehicle"]].append(row)
    for shifts in by_vehicle.values():
        for first, second in combinations_with_replacement(shifts, 2):
            _check_overlap(first, second, findings)


def _check_breaks(row: Row, findings: Findings) -> None:
    start, end = row.values["start"], row.values["end"] + row.values.get("max_overtime_s", 0)
    breaks = row.values.get("breaks", ())
    expected = f"breaks that start and end between {format_time(start)} and the end of the shift"
    for rest in breaks:
        if rest.earliest_s < start or rest.latest_s + rest.duration_s > end:
            row.error(findings, "breaks", "a break does not lie within the shift", expected)
    for first, second in pairwise(breaks):
        if second.earliest_s < first.earliest_s + first.duration_s or second.latest_s < first.latest_s:
            row.error(
                findings,
                "breaks",
                "two breaks overlap",
                "each break to start no earlier than the one before, taken at its earliest, has ended",
            )


def _check_overlap(first: Row, second: Row, findings: Findings) -> None:
    """Two shifts of one vehicle overlap when any of their weekly repetitions do."""
    every = frozenset(range(7))
    for day_a in sorted(first.values["weekdays"] or every):
        for day_b in sorted(second.values["weekdays"] or every):
            start_a = day_a * DAY_S + first.values["start"]
            end_a = day_a * DAY_S + first.values["end"] + first.values["max_overtime_s"]
            for week in (-WEEK_S, 0, WEEK_S):
                start_b = week + day_b * DAY_S + second.values["start"]
                end_b = week + day_b * DAY_S + second.values["end"] + second.values["max_overtime_s"]
                if first is second and start_a == start_b:
                    continue
                if start_a < end_b and start_b < end_a:
                    day = Weekdays().format(frozenset({day_b}))
                    other = "its own next one" if first is second else f"{first.values['id']!r} of the same vehicle"
                    second.error(
                        findings,
                        "start",
                        f"on {day} this shift overlaps {other}",
                        "shifts of one vehicle that do not overlap, overtime included",
                    )
                    return


def _check_swapped(rows: dict[str, list[Row]], findings: Findings) -> None:
    """Say where a latitude past 90 degrees, which has failed already, would have been a longitude."""
    for stem in ("containers", "depots", "disposal_sites"):
        for row in rows[stem]:
            lon = row.values.get("lon")
            if lon is None or "lat" in row.values:
                continue
            try:
                lat = float(row.texts.get("lat", ""))
            except ValueError:
                continue
            if abs(lon) <= MAX_LAT < abs(lat) <= MAX_LON:
                row.error(
                    findings, "lon", "longitude and latitude look swapped", "the longitude first, then the latitude"
                )


def _check_stops(rows: list[Row], settings: CitySettings, findings: Findings) -> None:
    span_m = settings.defaults.get("stop_span_m")
    if span_m is None:
        return
    first: dict[str, Row] = {}
    for row in rows:
        stop, lon, lat = (row.values.get(name) for name in ("stop_id", "lon", "lat"))
        if stop is None or lon is None or lat is None:
            continue
        if stop not in first:
            first[stop] = row
            continue
        other = first[stop]
        apart = distance_m(lon, lat, other.values["lon"], other.values["lat"])
        if apart > span_m:
            place = other.path or f"row {other.line}"
            row.error(
                findings,
                "stop_id",
                f"this container stands {apart:,.0f} m from the first one of its stop, at {place}",
                f"at most {span_m:g} m (defaults.stop_span_m in city.toml)",
            )


def _check_calendar(rows: list[Row], findings: Findings) -> None:
    kinds: dict[str, Row] = {}
    taken: dict[dt.date, Row] = {}
    for row in rows:
        if not row.ok:
            continue
        days = _special_days(row)
        if days.last < days.first:
            row.error(findings, "last", "the last day lies before the first", f"{days.first} or later")
            continue
        if (days.last - days.first).days > LONGEST_SPELL_DAYS:
            row.error(findings, "last", "these are more than ten years", "a shorter spell")
            continue
        if not days.dates:
            row.error(findings, "weekdays", "none of these weekdays lies between the two days", "one that does")
            continue
        first = kinds.setdefault(days.kind, row)
        if first.values["factor"] != days.factor:
            expected = f"{first.values['factor']:g} as in row {first.line}, or another kind"
            row.error(findings, "factor", "days of one kind bring the same", expected)
        twice = next((date for date in days.dates if date in taken), None)
        if twice is not None:
            row.error(
                findings, "first", f"{twice} stands in row {taken[twice].line} already", "days that are of one kind"
            )
        taken |= dict.fromkeys(days.dates, row)


def _check_overlays(rows: list[Row], findings: Findings) -> None:
    expected = {column.name: column.parser.expected for column in columns.OVERLAYS.columns}
    expected["geometry"] = "a line along the street, a point near it, a polygon around streets, or ids in ways"
    expected["direction"] = "along or against, with a line, or with ways and no geometry"
    for row in rows:
        if not row.ok:
            continue
        for name, fault in faults(row.values):
            row.error(findings, name, fault, expected[name])
        kind = row.values["kind"]
        for other, name in FIGURE_OF.items():
            if other != kind and row.values[name] is not None:
                row.warning(findings, name, f"this says nothing about the kind {kind!r} and is ignored", f"no {name}")
        if kind in {"closure", "flooded"} and row.values["expires"] is None:
            message = "this has no end, so it holds until somebody takes it out"
            row.warning(findings, "expires", message, "the last day on which it holds")


def _warn(records: Records, rows: dict[str, list[Row]], settings: CitySettings, findings: Findings) -> None:
    _warn_duplicates([row for row in rows["containers"] if row.ok], findings)
    used = {container.stream for container in records.containers} | {zone.stream for zone in records.zones}
    for stream in sorted(used & settings.streams.keys()):
        if records.disposal_sites and not any(
            not site.streams or stream in site.streams for site in records.disposal_sites
        ):
            findings.warning(
                "disposal_sites.csv",
                f"no disposal site accepts the stream {stream!r}, so it cannot be collected",
                column="streams",
                expected=f"a disposal site that accepts {stream}",
            )
        if records.vehicles and not any(
            not vehicle.streams or stream in vehicle.streams for vehicle in records.vehicles
        ):
            findings.warning(
                "vehicles.csv",
                f"no vehicle may carry the stream {stream!r}, so it cannot be collected",
                column="streams",
                expected=f"a vehicle that may carry {stream}",
            )
    _warn_access(rows["containers"], records, findings)
    _warn_overlaps([row for row in rows["zones"] if row.ok], findings)
    working = {shift.vehicle for shift in records.shifts}
    for row in rows["vehicles"]:
        if row.ok and working and row.values["id"] not in working:
            row.warning(findings, "id", "this vehicle has no shift and stays at home", "a row in shifts.csv")


def _warn_duplicates(rows: list[Row], findings: Findings) -> None:
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if row.values["stop_id"] is not None:
            continue  # containers of one stop may well stand on one point
        position = (round(row.values["lon"], 7), round(row.values["lat"], 7))
        if position in first:
            place = first[position].path or f"row {first[position].line}"
            row.warning(
                findings,
                "lon",
                f"the container {row.values['id']!r} has the position of {first[position].values['id']!r} at {place}",
                "containers that stand together to share a stop_id",
            )
        else:
            first[position] = row


def _warn_overlaps(rows: list[Row], findings: Findings) -> None:
    for first, second in combinations(rows, 2):
        a, b = first.values["geometry"], second.values["geometry"]
        if not a.intersects(b):
            continue
        share = a.intersection(b).area / min(a.area, b.area)
        if share > OVERLAP:
            second.warning(
                findings,
                "geometry",
                f"the zone {second.values['id']!r} shares {share:.0%} of the smaller one with {first.values['id']!r}",
                "zones side by side, so that nobody's waste counts twice",
            )


def _warn_access(rows: list[Row], records: Records, findings: Findings) -> None:
    order = {name: rank for rank, name in enumerate(ACCESS_CLASSES)}
    smallest = max((order[vehicle.access_class] for vehicle in records.vehicles), default=None)
    if smallest is None:
        return
    for row in rows:
        access = row.values.get("access_class")
        if row.ok and access is not None and order[access] > smallest:
            row.warning(
                findings, "access_class", "no vehicle is small enough to reach it", f"a vehicle of class {access}"
            )
