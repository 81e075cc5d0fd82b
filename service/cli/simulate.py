"""``samram simulate``: what policies would come to in a city whose waste is drawn by chance."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from optimizer.search.engines import ruin_recreate
from scenarios.choose import USUAL, calendar_of
from scenarios.fleetday import Ground
from scenarios.policies import POLICIES, Town, live_under, usual_rates
from scenarios.simulate import Setting
from service.cli import show
from service.cli.compiling import told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from scenarios.policies import PolicyName
    from scenarios.simulate import Lived
    from scenarios.waste import Nature

Row = dict[str, Any]
_SECONDS_AN_HOUR: Final = 3_600


def policies_named(names: Sequence[str] | None) -> list[PolicyName]:
    """Return the policies that were asked for, each once; all without names.

    Raises
    ------
    CommandError
        If one is unknown, or is to be compared with one that is not asked for.
    """
    known: dict[str, PolicyName] = {policy: policy for policy in POLICIES}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise show.CommandError(f"There is no policy {unknown[0]!r}; expected one of {', '.join(POLICIES)}.")
    wanted = [known[name] for name in dict.fromkeys(names or POLICIES)]
    if "as-good" in wanted and "forecast" not in wanted:
        raise show.CommandError("The policy 'as-good' serves as well as the policy 'forecast': ask for both.")
    return wanted


def run(
    city: CityDataset,
    extract: OsmExtract,
    *,
    policies: Sequence[PolicyName],
    first_day: dt.date,
    days: int,
    warm_up: int,
    seed: int,
    steps: int,
    nature: Nature,
    taps: bool,
    cache_dir: Path | None,
    json_path: Path | None,
) -> None:
    """Let the city live under each policy, and print what it came to.

    Raises
    ------
    CommandError
        If there is nothing to simulate.
    """
    if not city.containers:
        raise show.CommandError("The city has no containers, so there is nothing to choose among.")
    setting = Setting(
        kind="forecast",
        rules=USUAL,
        warm_up=warm_up,
        days=days,
        steps=steps,
        taps=taps,
        first_day=first_day - dt.timedelta(days=warm_up),
        calendar=calendar_of(city),
    )
    with told():
        ground = Ground.of(city, first_day, extract=extract, cache_dir=cache_dir)
        ruin_recreate.warm()
    if not ground.whole.shifts:
        raise show.CommandError(f"No vehicle has a shift on {first_day:%Y-%m-%d}, and all days get the shifts of it.")
    town = Town(ground=ground, rate_l=usual_rates(city))
    rows = []
    # The order of the table is that of the question, whatever order they are lived in.
    place = {policy: number for number, policy in enumerate(policies)}
    for policy, lived in live_under(policies, town, setting, seed=seed, nature=nature):
        show.ERR.print(f"{policy}: {days} days went by.")
        rows.append((place[policy], figures(policy, lived)))
    found = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    show.OUT.print(_table(found, city, setting, seed))
    if json_path is not None:
        json_path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")


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


def _table(rows: Sequence[Row], city: CityDataset, setting: Setting, seed: int) -> Table:
    first = setting.first_day + dt.timedelta(days=setting.warm_up)
    table = Table(
        title=f"{city.name}: {setting.days} days from {first}, seed {seed}",
        box=SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    heads = ("policy", "service", "full", "km", "hours", "trips", "extra", "visits", city.currency)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row["policy"],
            f"{100 * row['service']:.2f} %",
            f"{row['overflow_container_days']:,}",
            f"{row['distance_km']:,.0f}",
            f"{row['duration_h']:,.0f}",
            f"{row['trips']:,}",
            f"{row['extra_trips']:,}",
            f"{row['emptied']:,}",
            f"{row['cost_micro'] / 1e6:,.0f}",
        )
    return table
