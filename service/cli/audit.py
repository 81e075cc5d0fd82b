"""``samram audit``: what a policy would have saved on a city's own past, against its fixed schedule."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from optimizer.demand.clean import DAY_S
from scenarios.choose import USUAL, calendar_of, day_s, of_city
from scenarios.policies import Town, live_as_good, usual_rates
from scenarios.replay import past_of
from scenarios.savings import saving
from scenarios.schedules import own_schedule
from scenarios.simulate import Setting, live
from service.cli import show
from service.cli.lives import figures, lives_table, ready_ground

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from optimizer.demand.readings import EventTable
    from scenarios.choose import Kind
    from scenarios.savings import Saving
    from scenarios.simulate import DayDone, Lived
    from service.cli.lives import Row

FIXED: Final = "own schedule"
FEWER: Final = "schedule, same service"
_MOST_HISTORY_DAYS: Final = 70
_LEAST_HISTORY_DAYS: Final = 7
_WEEK: Final = 7


def run(
    city: CityDataset,
    extract: OsmExtract,
    events: EventTable,
    *,
    kind: Kind,
    first_day: dt.date,
    last_day: dt.date,
    seed: int,
    steps: int,
    cache_dir: Path | None,
    json_path: Path | None,
) -> None:
    """Replay the past under the city's schedule, under a policy, and under the sparser schedule of the same service.

    Raises
    ------
    CommandError
        If the days do not make sense, or the events do not cover them.
    """
    known, strangers = of_city(events, city.containers)
    if not len(known):
        raise show.CommandError("None of the events is of a container of this city.")
    days = (last_day - first_day).days + 1
    if days < _WEEK:
        raise show.CommandError(f"From {first_day} to {last_day} is less than a week; expected at least 7 days.")
    history = day_s(first_day) // DAY_S - int(known.time_s.min()) // DAY_S
    if history < _LEAST_HISTORY_DAYS:
        raise show.CommandError(
            f"The events begin {max(history, 0)} days before {first_day}; the forecasts need at least "
            f"{_LEAST_HISTORY_DAYS} days to learn from."
        )
    if int(known.time_s.max()) < day_s(last_day):
        raise show.CommandError(f"The events end before {last_day}; what came on that day is not known.")
    warm_up = min(history, _MOST_HISTORY_DAYS)
    setting = Setting(
        kind=kind,
        rules=USUAL,
        warm_up=warm_up,
        days=days,
        steps=steps,
        first_day=first_day - dt.timedelta(days=warm_up),
        calendar=calendar_of(city),
    )
    ground = ready_ground(city, extract, first_day, cache_dir)
    town = Town(ground=ground, rate_l=usual_rates(city))
    past = past_of(known, town.volume_l, town.rate_l, first_s=day_s(setting.first_day), days=setting.world_days)
    warm = past.emptied[:warm_up]
    due = own_schedule(city.containers, setting.first_day, setting.world_days)
    lives: dict[str, Lived] = {}
    lives[FIXED] = live(ground, past.world, replace(setting, kind="schedule"), seed=seed, due=due, warm=warm)
    lives[kind] = live(ground, past.world, setting, seed=seed, due=due, warm=warm)
    lives[FEWER] = live_as_good(town, past.world, setting, seed=seed, overflows=lives[kind].overflows, warm=warm)
    rows = [figures(name, lived) for name, lived in lives.items()]
    savings = {peer: _savings(lives[peer], lives[kind]) for peer in (FIXED, FEWER)}
    show.OUT.print(lives_table(f"{city.name}, {first_day} to {last_day}, lived again", rows, city.currency))
    for peer, found in savings.items():
        for what, saved in found.items():
            show.OUT.print(_sentence(kind, peer, what, saved), markup=False)
    _caveats(strangers, past.seen, warm_up)
    if json_path is not None:
        json_path.write_text(json.dumps(_document(rows, savings), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _savings(before: Lived, after: Lived) -> dict[str, Saving]:
    """Return the savings in distance and in cost, from pairs of whole weeks."""
    return {
        "km": saving(_weeks(before, "distance_m"), _weeks(after, "distance_m")),
        "cost": saving(_weeks(before, "cost_micro"), _weeks(after, "cost_micro")),
    }


def _weeks(lived: Lived, name: str) -> list[float]:
    """Return a figure's sum over each seven days; a rest of days at the end is left out."""
    sums: defaultdict[int, float] = defaultdict(float)
    for number, day in enumerate(lived.days[: len(lived.days) // _WEEK * _WEEK]):
        sums[number // _WEEK] += _figure(day, name)
    return [sums[week] for week in sorted(sums)]


def _figure(day: DayDone, name: str) -> float:
    return float(day.distance_m if name == "distance_m" else day.cost_micro)


def _sentence(kind: str, peer: str, what: str, saved: Saving) -> str:
    if saved.low is None or saved.high is None:
        return (
            f"{what}: {kind} saved {100 * saved.share:.1f} % against the {peer}; {saved.pairs} weeks are too few for "
            "an interval."
        )
    proof = "" if saved.low > 0 else ", so no saving is proved" if saved.high >= 0 else ", so it cost more"
    return (
        f"{what}: {kind} saved {100 * saved.share:.1f} % against the {peer} (95 % interval {100 * saved.low:.1f} to "
        f"{100 * saved.high:.1f} %, {saved.pairs} weeks){proof}."
    )


def _caveats(strangers: Sequence[str], seen: float, warm_up: int) -> None:
    show.OUT.print(
        f"The forecasts began with {warm_up} days of history. Something was heard on {100 * seen:.0f} % of the "
        "container-days; between events waste was taken to fall evenly."
    )
    if strangers:
        show.notes([f"The events of {len(strangers)} containers that the city does not have were left out."])


def _document(rows: Sequence[Row], savings: dict[str, dict[str, Saving]]) -> dict[str, Any]:
    return {
        "lives": list(rows),
        "savings": [
            {"against": peer, "what": what, "share": s.share, "low": s.low, "high": s.high, "weeks": s.pairs}
            for peer, found in savings.items()
            for what, s in found.items()
        ],
    }
