"""Weeks of collection under each policy, on the same waste: ``python -m benchmarks.living``.

The built-in city of 300 containers at 0.3 times its fill rates; 10 seeds, 90 days each, after a warm-up of 28 days. The
policy was made with seeds from 100 on; the table is taken on seeds 0 to 9.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.living.lives import (
    CASES,
    DEAD,
    FORECAST,
    LOWER,
    PERFECT,
    SCHEDULE,
    SCHEDULE_PACE,
    SCHEDULE_TAPS,
    SHARP,
    TAPS,
    THRESHOLD,
    THRESHOLD_AS_GOOD,
    Lives,
)
from benchmarks.quality.rows import commit_at, print_table, row, store_rows
from benchmarks.quality.runs import folder_of
from geodata.city.dataset import load_city
from geodata.city.demo import write_demo_city
from optimizer.search.engines import ruin_recreate
from scenarios.fleetday import Ground
from scenarios.policies import Town, usual_rates
from scenarios.savings import saving
from scenarios.simulate import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.living.lives import Life
    from benchmarks.quality.rows import Row

QUICK: Final = (FORECAST, SCHEDULE, THRESHOLD, PERFECT)
RATIOS: Final = (
    (FORECAST, SCHEDULE, 0.70),
    (FORECAST, SCHEDULE_PACE, None),
    (FORECAST, THRESHOLD, 0.85),
    (FORECAST, LOWER, None),
    (FORECAST, THRESHOLD_AS_GOOD, None),
    (FORECAST, SHARP, 1.05),
    (FORECAST, PERFECT, 1.05),
    (TAPS, SCHEDULE_TAPS, 0.80),
)
"""Ours, the peer, and the most that our kilometres may be of the peer's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, compare and print; 0 whatever the figures say."""
    options = _parser().parse_args(arguments)
    days = options.days or (30 if options.quick else 90)
    seeds = range(options.seed, options.seed + (options.seeds or (2 if options.quick else 10)))
    wanted = tuple(options.only or (QUICK if options.quick else CASES))
    commit = commit_at(Path(__file__).parent)
    ruin_recreate.warm()
    lives = Lives(
        shortest(built_in_town()) if options.shortest else built_in_town(),
        days=days,
        made_for="km" if options.shortest else "money",
        commit=commit,
        folder=None if options.json is None else folder_of(options.json),
        clock=time.process_time,
    )
    # Seed by seed, so that a table that is cut short has whole pairs.
    found: dict[str, list[Life]] = {name: [] for name in wanted}
    for seed in seeds:
        for name in wanted:
            found[name].append(lives.of(name, seed))
    rows = [
        {**one, "commit": commit, "days": days, "seeds": len(seeds), "made_for": lives.made_for}
        for one in rows_of(found, goals=not options.quick)
    ]
    if options.json is not None:
        store_rows(options.json, rows)
    print_table(rows)
    print(f"Commit {commit or 'unknown (the sources differ from it)'}; means of {len(seeds)} seeds of {days} days.")
    return 0


def built_in_town() -> Town:
    """Return the built-in city of 300 containers."""
    with tempfile.TemporaryDirectory(prefix="samram-living-") as scratch:
        city = load_city(write_demo_city(Path(scratch) / "city", containers=300, seed=1))
        return Town(ground=Ground.of(city, FIRST_DAY), rate_l=usual_rates(city))


def shortest(town: Town) -> Town:
    """Return the town where a kilometre of any vehicle costs 1 and nothing else costs anything: plans for distance.

    Planned for money, vehicles of 2.5 m3 that hardly cost anything carry all of the town's waste to the transfer point,
    in a dozen trips a day that no policy saves.
    """
    whole = town.ground.whole
    vehicles = tuple(
        replace(vehicle, fixed_micro=0, micro_per_s=0, micro_per_m=1_000, micro_per_t_km=0)
        for vehicle in whole.vehicles
    )
    shifts = tuple(replace(shift, overtime_micro_per_s=0) for shift in whole.shifts)
    sites = tuple(replace(site, fee_micro_per_kg=0) for site in whole.disposal_sites)
    free = replace(whole, vehicles=vehicles, shifts=shifts, disposal_sites=sites)
    return replace(town, ground=replace(town.ground, whole=free))


def rows_of(found: dict[str, list[Life]], *, goals: bool) -> list[Row]:
    """Return the rows of lives by case, one for each seed in the same order."""
    rows: list[Row] = []
    for name, lives in found.items():
        mean = {field: statistics.fmean(getattr(life, field) for life in lives) for field in lives[0].__slots__}
        service = round(100 * mean["service"], 3)
        rows.append(
            row(name, "service", "%", service, goal=(99.5, None) if name == FORECAST and goals else (None, None))
        )
        for field, metric, unit in (
            ("km", "distance", "km a day"),
            ("hours", "on the road", "h a day"),
            ("trips", "trips", "a day"),
            ("extra_trips", "trips that no plan had", "a day"),
            ("visits", "containers emptied", "a day"),
            ("cost", "cost", "USD a day"),
            ("cpu_s", "computing", "s a day"),
        ):
            rows.append(row(name, metric, unit, round(mean[field], 3)))
    for ours, peer, most in RATIOS:
        if ours in found and peer in found:
            rows.append(_compared(ours, found[ours], peer, found[peer], most if goals else None))
    if DEAD in found and FORECAST in found:
        lost = [100 * (b.service - a.service) for a, b in zip(found[DEAD], found[FORECAST], strict=True)]
        goal = (None, 1.0) if goals else (None, None)
        rows.append(row(DEAD, "service lost", "points", round(statistics.fmean(lost), 3), goal=goal))
    return rows


def _compared(ours: str, mine: list[Life], peer: str, theirs: list[Life], most: float | None) -> Row:
    saved = saving([life.km for life in theirs], [life.km for life in mine])
    interval = None
    if saved.low is not None and saved.high is not None:
        interval = [round(1 - saved.high, 4), round(1 - saved.low, 4)]
    return row(
        ours,
        f"distance beside {peer}",
        "km a day",
        round(statistics.fmean(life.km for life in mine), 2),
        peer=round(statistics.fmean(life.km for life in theirs), 2),
        peer_name=peer,
        goal=(None, most),
        goal_on="ratio",
        interval=interval,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.living", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 seeds of 30 days, the four policies; within 50 seconds")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="keep the rows here and every life in FILE's folder .runs; one done at this commit is not redone",
    )
    parser.add_argument("--shortest", action="store_true", help="plan all days for distance instead of money")
    parser.add_argument("--only", action="append", metavar="CASE", choices=CASES, help=f"one of {'; '.join(CASES)}")
    parser.add_argument("--seeds", type=int, metavar="N", help="how many seeds (10)")
    parser.add_argument("--seed", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--days", type=int, help="that count (90)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
