"""``samram generation``: how much waste people make, by zone, from weighed loads and surveys."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from geodata.errors import CityDatasetError, Finding
from optimizer.demand.generation import USUAL_KG, Surveys, Weighings, estimate_generation
from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from geodata.city.records import Zone
    from optimizer.demand.generation import Generation

WEIGHINGS: Final = ("kg", "zones")
SURVEYS: Final = ("zone", "kg_per_person_day", "standard_error")
_PROBABILITY: Final = 0.9
_DAYS_A_WEEK: Final = 7
_MOST_FINDINGS: Final = 1_000


def run(city: CityDataset, *, weighings: Path | None, surveys: Path | None, json_path: Path | None) -> None:
    """Estimate the rates of a city's zones, stream by stream, and print them.

    Raises
    ------
    CityDatasetError
        With every row that cannot be used, or if the city has no zone with people.
    """
    zones = {zone.id: zone for zone in city.zones if zone.people}
    if not zones:
        message = "The city has no zone with people, so there is nobody whose waste could be estimated."
        raise CityDatasetError([Finding(file="zones.geojson", message=message, expected="zones with their people")])
    findings: list[Finding] = []
    loads = list(_loads(weighings, zones, findings)) if weighings is not None else []
    asked = list(_surveys(surveys, zones, findings)) if surveys is not None else []
    if findings:
        raise CityDatasetError(findings)
    by_stream: defaultdict[str, list[Zone]] = defaultdict(list)
    for zone in zones.values():
        by_stream[zone.stream].append(zone)
    rows: list[dict[str, Any]] = []
    for stream, members in sorted(by_stream.items()):
        rows += _estimate(stream, members, loads, asked)
    if json_path is not None:
        json_path.write_text(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _estimate(
    stream: str,
    zones: Sequence[Zone],
    loads: Sequence[tuple[int, float, dict[str, float]]],
    asked: Sequence[tuple[str, float, float]],
) -> list[dict[str, Any]]:
    """Estimate and print one stream; return its rows."""
    number = {zone.id: place for place, zone in enumerate(zones)}
    own = [load for load in loads if next(iter(load[2])) in number]
    person_days = np.zeros((len(own), len(zones)))
    for row, (_, _, shares) in enumerate(own):
        for zone, value in shares.items():
            person_days[row, number[zone]] = value
    measured = [(number[zone], rate, error) for zone, rate, error in asked if zone in number]
    people = np.array([zone.people for zone in zones], dtype=np.float64)
    stated = float(people @ [zone.kg_per_person_day for zone in zones] / people.sum())
    found = estimate_generation(
        people,
        Weighings(kg=np.array([kg for _, kg, _ in own]), person_days=person_days) if own else None,
        Surveys(
            zone=np.array([zone for zone, _, _ in measured]),
            kg_per_person_day=np.array([rate for _, rate, _ in measured]),
            standard_error=np.array([error for _, _, error in measured]),
        )
        if measured
        else None,
        stated_kg=stated or USUAL_KG,
        probability=_PROBABILITY,
    )
    seen = ((person_days > 0) & ~found.left_out[:, None]).sum(axis=0) if own else np.zeros(len(zones), dtype=np.int64)
    _print(stream, zones, seen, found)
    for (line, kg, _), left_out in zip(own, found.left_out, strict=True):
        if left_out:
            show.OUT.print(f"Row {line} was left out: {kg:g} kg is too far from what the other loads say.")
    return [
        {
            "zone": zone.id,
            "stream": stream,
            "people": zone.people,
            "stated_kg_per_person_day": zone.kg_per_person_day,
            "kg_per_person_day": round(float(found.rate[place]), 4),
            "low": round(float(found.low[place]), 4),
            "high": round(float(found.high[place]), 4),
            "loads": int(seen[place]),
        }
        for place, zone in enumerate(zones)
    ]


def _print(stream: str, zones: Sequence[Zone], loads: Sequence[int] | np.ndarray, found: Generation) -> None:
    table = Table(
        title=f"{stream}: kg per person and day",
        box=SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, head in enumerate(("zone", "people", "loads", "stated", "estimated", f"{_PROBABILITY:.0%} interval")):
        table.add_column(head, justify="right" if place else "left", no_wrap=bool(place))
    for place, zone in enumerate(zones):
        interval = f"{found.low[place]:.2f} to {found.high[place]:.2f}"
        stated = f"{zone.kg_per_person_day:.2f}" if zone.kg_per_person_day else "-"
        table.add_row(zone.name, f"{zone.people:,}", str(loads[place]), stated, f"{found.rate[place]:.2f}", interval)
    show.OUT.print(table)
    people = sum(zone.people for zone in zones)
    low, middle, high = (people * rate / 1_000 for rate in (found.city_low, found.city, found.city_high))
    show.OUT.print(
        f"All {len(zones)} zones together: {middle:.1f} t a day ({low:.1f} to {high:.1f}), "
        f"{found.city:.2f} kg per person."
    )


def _loads(
    path: Path, zones: dict[str, Zone], findings: list[Finding]
) -> Iterator[tuple[int, float, dict[str, float]]]:
    """Give the line, the weight, and the person-days by zone of each load; days default to the zones' schedules."""
    for line, cells, wrong in _rows(path, WEIGHINGS, findings):
        kg = _above_zero(cells["kg"])
        if kg is None:
            wrong("kg", "a weight above 0, in kg")
        names = [name.strip() for name in cells["zones"].split(";") if name.strip()]
        unknown = [name for name in names if name not in zones]
        days = _above_zero(cells["days"]) if cells.get("days") else 0.0
        if days is None:
            wrong("days", "a number of days above 0, or nothing where the zones' schedules say it")
        if not names or unknown:
            wrong("zones", f"ids of zones with people, parted by semicolons, such as {';'.join(list(zones)[:2])}")
        elif len({zones[name].stream for name in names}) > 1:
            wrong("zones", "zones of one stream: a load of several says nothing of either")
        elif kg is not None and days is not None:
            yield line, kg, {name: zones[name].people * (days or _days(zones[name])) for name in names}


def _surveys(path: Path, zones: dict[str, Zone], findings: list[Finding]) -> Iterator[tuple[str, float, float]]:
    for _, cells, wrong in _rows(path, SURVEYS, findings):
        rate, error = _above_zero(cells["kg_per_person_day"]), _above_zero(cells["standard_error"])
        if rate is None:
            wrong("kg_per_person_day", "a rate above 0")
        if error is None:
            wrong("standard_error", "a number above 0: the households' standard deviation / the root of their number")
        if cells["zone"] not in zones:
            wrong("zone", f"the id of a zone with people, such as {next(iter(zones))}")
        elif rate is not None and error is not None:
            yield cells["zone"], rate, error


def _rows(
    path: Path, columns: Sequence[str], findings: list[Finding]
) -> Iterator[tuple[int, dict[str, str], Callable[[str, str], None]]]:
    """Give each row's line and cells, with a function that notes what is wrong in it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in columns if name not in (rows.fieldnames or ())]
        if missing:
            message = f"Column {missing[0]} is missing."
            findings.append(Finding(file=path.name, row=1, message=message, expected=f"columns {', '.join(columns)}"))
            return
        for row in rows:
            cells = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
            line = rows.line_num

            def wrong(column: str, expected: str, *, cells: dict[str, str] = cells, line: int = line) -> None:
                value = cells.get(column, "")
                message = "This cannot be used." if value else "This is empty."
                findings.append(
                    Finding(file=path.name, row=line, column=column, value=value, message=message, expected=expected)
                )

            yield line, cells, wrong
            if len(findings) >= _MOST_FINDINGS:
                return


def _above_zero(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _days(zone: Zone) -> float:
    """Return the days of waste that a collection takes, on average."""
    return _DAYS_A_WEEK / len(zone.schedule) if zone.schedule else 1.0
