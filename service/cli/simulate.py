"""``samram simulate``: what policies would come to in a city whose waste is drawn by chance."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from scenarios.choose import USUAL, calendar_of
from scenarios.policies import POLICIES, Town, live_under, usual_rates
from scenarios.simulate import Setting
from service.cli import show
from service.cli.lives import figures, lives_table, ready_ground

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from scenarios.policies import PolicyName
    from scenarios.waste import Nature


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
    ground = ready_ground(city, extract, first_day, cache_dir)
    town = Town(ground=ground, rate_l=usual_rates(city))
    rows = []
    # The order of the table is that of the question, whatever order they are lived in.
    place = {policy: number for number, policy in enumerate(policies)}
    for policy, lived in live_under(policies, town, setting, seed=seed, nature=nature):
        show.ERR.print(f"{policy}: {days} days went by.")
        rows.append((place[policy], figures(policy, lived)))
    found = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    title = f"{city.name}: {days} days from {first_day}, seed {seed}"
    show.OUT.print(lives_table(title, found, city.currency, extra_trips=True))
    if json_path is not None:
        json_path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
