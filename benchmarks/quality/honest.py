"""When a plan is there, whether a deadline is kept, how soon a cancelled search ends: ``--only honest-time/3000``.

By the clock, on a Monday of the demo city with all its fleet. The search is cancelled at several moments, from the
first tenth of a second on, because it does other things in each; the longest of them counts.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from benchmarks.quality.cases import waste_day
from benchmarks.quality.large import FIRST_PLAN_S, Watch, finite
from benchmarks.quality.rows import row
from optimizer.search.solve import solve
from optimizer.search.stop import AnyOf, Cancelled, Deadline

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row
    from optimizer.problem.model import Problem

SIZES: Final = (300, 1_000, 3_000, 10_000)
SECONDS: Final = {300: 10.0, 1_000: 20.0, 3_000: 30.0, 10_000: 60.0}
"""Of searching; other sizes have those of the first. Enough for the first complete plan and something after it."""

CANCEL_S: Final = 0.2
_MOMENTS_S: Final = (0.1, 0.3, 1.0, 3.0, 8.0, 20.0)
"""After which the search is cancelled, as far as they lie within the time for searching."""


def honest_rows(case: str, seconds: float, seed: int, workers: int) -> list[Row]:
    """Plan a day with a deadline, and again with each moment of cancelling; return times on the clock."""
    size = int(case.removeprefix("honest-time/"))
    problem = waste_day(size, tight=False)
    watch = Watch(problem)
    begun_s = time.monotonic()
    solve(
        problem,
        stop=Deadline(seconds, time.monotonic),
        seed=seed,
        workers=workers,
        on_improvement=lambda _, plan: watch.told(plan),
    )
    taken_s = time.monotonic() - begun_s
    ends = {moment_s: _cancelled(problem, moment_s, seed, workers) for moment_s in _MOMENTS_S if moment_s < seconds}
    print(f"{case}: cancelled after", ", ".join(f"{moment_s:g} s: {end_s:.3f} s" for moment_s, end_s in ends.items()))
    first_goal_s = FIRST_PLAN_S.get(size)
    return [
        row(case, "first plan", "s", finite(watch.first_s)),
        row(case, "first complete plan", "s", finite(watch.complete_s), goal=(None, first_goal_s)),
        row(case, "search", "s", round(taken_s, 2), goal=(None, 1.02 * seconds + 1.0)),
        row(case, f"cancel, longest of {len(ends)}", "s", round(max(ends.values()), 3), goal=(None, CANCEL_S)),
    ]


def _cancelled(problem: Problem, moment_s: float, seed: int, workers: int) -> float:
    """Return the seconds from the moment of cancelling until the search has returned."""
    flag = threading.Event()
    asked_s = [0.0]

    def ask() -> None:
        asked_s[0] = time.monotonic()
        flag.set()

    timer = threading.Timer(moment_s, ask)
    timer.start()
    # The deadline is what the crew of processes and the temperature are planned by; it is never reached.
    solve(problem, stop=AnyOf(Cancelled(flag.is_set), Deadline(3_600.0, time.monotonic)), seed=seed, workers=workers)
    ended_s = time.monotonic()
    timer.join()
    return ended_s - asked_s[0]
