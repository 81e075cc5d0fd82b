"""What ``samram simulate`` and ``samram audit`` share: the ground that lives begin on, and how lives are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from optimizer.search.engines import ruin_recreate
from scenarios.fleetday import Ground
from service.cli import show
from service.cli.compiling import told

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from scenarios.simulate import Lived

Row = dict[str, Any]
_SECONDS_AN_HOUR: Final = 3_600


def ready_ground(city: CityDataset, extract: OsmExtract, first_day: dt.date, cache_dir: Path | None) -> Ground:
    """Return the travel times, and the shifts of a day, that all the days of a life get; the search is compiled.

    Raises
    ------
    CommandError
        If nobody works on that day.
    """
    with told():
        ground = Ground.of(city, first_day, extract=extract, cache_dir=cache_dir)
        ruin_recreate.warm()
    if not ground.whole.shifts:
        raise show.CommandError(f"No vehicle has a shift on {first_day:%Y-%m-%d}, and all days get the shifts of it.")
    return ground


def figures(policy: str, lived: Lived) -> Row:
    """Return what a life came to, all days together; distances in km, time in hours, waste in kg."""
    days = lived.days
    return {
        "policy": policy,
        "days": len(days),
        "containers": lived.containers,
        "service": round(lived.service, 6),
        "overflow_container_days": lived.overflows,
        "distance_km": round(lived.km, 3),
        "duration_h": round(sum(day.duration_s for day in days) / _SECONDS_AN_HOUR, 3),
        "trips": sum(day.trips for day in days),
        "extra_trips": sum(day.extra_trips for day in days),
        "emptied": sum(day.emptied for day in days),
        "put_off": sum(day.put_off for day in days),
        "kg": sum(day.kg for day in days),
        "cost_micro": sum(day.cost_micro for day in days),
    }


def lives_table(title: str, rows: Sequence[Row], currency: str, *, extra_trips: bool = False) -> Table:
    """Return a table of lives' figures, a line each."""
    columns: list[tuple[str, Callable[[Row], str]]] = [
        ("policy", lambda row: row["policy"]),
        ("service", lambda row: f"{100 * row['service']:.2f} %"),
        ("full", lambda row: f"{row['overflow_container_days']:,}"),
        ("km", lambda row: f"{row['distance_km']:,.0f}"),
        ("hours", lambda row: f"{row['duration_h']:,.0f}"),
        ("trips", lambda row: f"{row['trips']:,}"),
        *([("extra", lambda row: f"{row['extra_trips']:,}")] if extra_trips else []),
        ("visits", lambda row: f"{row['emptied']:,}"),
        (currency, lambda row: f"{row['cost_micro'] / 1e6:,.0f}"),
    ]
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    for number, (head, _) in enumerate(columns):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(text(row) for _, text in columns))
    return table
