"""What has no peer: large days, times on the clock, re-plans of a running day, and preparing a day."""

from __future__ import annotations

import re
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.quality.honest import SECONDS as HONEST_S
from benchmarks.quality.honest import SIZES as HONEST_SIZES
from benchmarks.quality.honest import honest_rows
from benchmarks.quality.hundred import CITIES, hundred_rows
from benchmarks.quality.large import large_rows
from benchmarks.quality.preparing import prepare_rows
from benchmarks.quality.replan import SECONDS as REPLAN_S
from benchmarks.quality.replan import replan_rows
from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

TRIALS: Final = (
    *(f"honest-time/{size}" for size in HONEST_SIZES),
    *("replan/1000", "large/3000", "large/10000"),
    *(f"hundred/{city}" for city in CITIES),
    *("prepare/1000", "prepare/3000", "prepare/10000"),
)

_NAME: Final = re.compile(rf"(replan|large|prepare|honest-time)/(\d+)|hundred/({'|'.join(CITIES)})")
_LARGE_S: Final = {3_000: 120.0, 10_000: 300.0}
"""Of searching; other sizes have those of the first."""

_HUNDRED_S: Final = 300.0

_LEFT_OUT: Final = "unserved"
"""Ends the name of what counts visits that are left out."""


def trials(wish: str) -> list[str]:
    """Return the trials meant: one of any size by its name, or the usual ones by their kind."""
    return [wish] if _NAME.fullmatch(wish) else [name for name in TRIALS if name.partition("/")[0] == wish]


def trial_rows(name: str, seconds: float | None, seeds: Sequence[int], workers: int) -> list[Row]:
    """Make a trial with each seed and return the medians, of visits left out the most; preparing a day is done once."""
    kind, _, size = name.partition("/")
    if kind == "prepare":
        return prepare_rows(int(size))
    runs = [_once(name, kind, size, seconds, seed, workers) for seed in seeds]
    return medians(runs)


def _once(name: str, kind: str, size: str, seconds: float | None, seed: int, workers: int) -> list[Row]:
    if kind == "replan":
        return replan_rows(name, seconds or REPLAN_S, seed)
    if kind == "hundred":
        return hundred_rows(name, seconds or _HUNDRED_S, seed, workers)
    if kind == "honest-time":
        return honest_rows(name, seconds or HONEST_S.get(int(size), HONEST_S[300]), seed, workers)
    return large_rows(name, seconds or _LARGE_S.get(int(size), _LARGE_S[3_000]), seed, workers)


def medians(runs: Sequence[Sequence[Row]]) -> list[Row]:
    """Return one row for each metric: the run of the median ratio, or the median of ours where there is no ratio.

    Of visits left out it is the most: what one seed leaves out, a city might find on its street.
    """
    by_metric: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for rows in runs:
        for one in rows:
            by_metric[one["metric"], one["unit"]].append(one)
    found = []
    for (metric, unit), taken in by_metric.items():
        same = taken
        if all(one["ratio"] is not None for one in taken):  # each seed has a day of its own: costs belong together
            same = [sorted(taken, key=lambda one: float(one["ratio"]))[(len(taken) - 1) // 2]]
        known = [one["ours"] for one in same if one["ours"] is not None]
        peers = [one["peer"] for one in same if one["peer"] is not None]
        found.append(
            row(
                same[0]["case"],
                metric,
                unit,
                (max if metric.endswith(_LEFT_OUT) else median)(known) if len(known) == len(same) else None,
                peer=median(peers) if len(peers) == len(same) else None,
                peer_name=same[0]["peer_name"],
                goal=(same[0]["goal_low"], same[0]["goal_high"]),
                goal_on=same[0]["goal_on"],
            )
        )
    return found
