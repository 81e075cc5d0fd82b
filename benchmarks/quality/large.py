"""Large days: the first plan, what more time brings, and what it takes in memory: ``--only large/3000``.

The city is made up on a plane, with travel times worked out when asked for, so that days of any size are there at
once: containers in quarters, market windows, lanes for three-wheelers, depots and landfills, a mixed fleet with breaks.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from benchmarks.quality.rows import row
from optimizer.judge.evaluate import check
from optimizer.problem.model import Break, Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit
from optimizer.search.solve import solve
from optimizer.search.stop import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from benchmarks.quality.rows import Row
    from optimizer.problem.matrix import Nodes
    from optimizer.problem.plan import Plan

FIRST_PLAN_S: Final = {300: 1.0, 3_000: 5.0, 10_000: 20.0}
"""Seconds to the first complete plan, from the project's goals."""

MOST_MB: Final = 2_000
"""Of memory for the largest day, over all processes."""

_HOUR: Final = 3_600
_SPEED_M_PER_S: Final = {"compactor": 8.0, "three_wheeler": 6.0}
_DETOUR: Final = 1.3
_METRES_PER_DEGREE: Final = 111_000.0


@dataclass(frozen=True, slots=True)
class PlaneTimes:
    """Travel times between places on a plane, worked out when asked for (see ``TravelTimes``).

    Parameters
    ----------
    points_m
        ``float64[n, 2]``.
    """

    points_m: NDArray[np.float64]

    @property
    def n(self) -> int:
        """How many places there are."""
        return len(self.points_m)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the vehicle profiles, sorted."""
        return tuple(sorted(_SPEED_M_PER_S))

    def block(self, profile: str, rows: Nodes, columns: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each row to each column."""
        gap = self.points_m[np.asarray(rows), None] - self.points_m[None, np.asarray(columns)]
        return _times(profile, gap)

    def legs(self, profile: str, origins: Nodes, destinations: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each origin to the destination beside it."""
        return _times(profile, self.points_m[np.asarray(origins)] - self.points_m[np.asarray(destinations)])

    def fastest_m_per_s(self, profile: str) -> float:
        """Return more than any leg of a second or longer has: its seconds are rounded."""
        return 2.0 * _SPEED_M_PER_S[profile]

    def fingerprint(self, profile: str) -> Mapping[str, Any]:
        """Return what tells these times from others."""
        return {"plane": hashlib.sha256(self.points_m.tobytes()).hexdigest(), "profile": profile}


def _times(profile: str, gap: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    metres = _DETOUR * np.hypot(gap[..., 0], gap[..., 1])
    return np.rint(metres / _SPEED_M_PER_S[profile]).astype(np.int32), np.rint(metres).astype(np.int32)


def made_up_day(visits: int, seed: int = 1) -> Problem:
    """Return a day of so many visits, in a city that is the larger the more there are, with a truck for every 60."""
    rng = np.random.default_rng(seed)
    side_m = 1_000.0 * math.sqrt(visits / 12)
    centres = rng.uniform(0, side_m, (max(3, visits // 60), 2))
    near = centres[rng.integers(len(centres), size=visits)] + rng.normal(0, 500, (visits, 2))
    spread = rng.uniform(0, side_m, (visits, 2))
    spots = np.where(rng.random((visits, 1)) < 0.7, near, spread)
    yards = max(2, visits // 2_500)
    fixed = np.vstack([rng.uniform(0, side_m, (yards, 2)), rng.uniform(-0.1 * side_m, 1.1 * side_m, (yards, 2))])
    trucks = max(4, visits // 60)
    fleet = [_vehicle(number, yards) for number in range(trucks)]
    rests = (Break(duration_s=1_800, earliest_s=9 * _HOUR, latest_s=11 * _HOUR),)
    points = np.vstack([fixed, spots])
    return Problem(
        matrix=PlaneTimes(points),
        locations=tuple(Location(lon=x / _METRES_PER_DEGREE, lat=y / _METRES_PER_DEGREE) for x, y in points.tolist()),
        depots=tuple(Depot(id=f"D{number}", node=number) for number in range(yards)),
        disposal_sites=tuple(
            DisposalSite(
                id=f"L{number}",
                node=yards + number,
                unloading_s=900,
                windows=(TimeWindow(start_s=5 * _HOUR, end_s=16 * _HOUR),),
            )
            for number in range(yards)
        ),
        vehicles=tuple(fleet),
        shifts=tuple(
            Shift(
                id=f"S-{vehicle.id}",
                vehicle=vehicle.id,
                start_s=5 * _HOUR,
                end_s=13 * _HOUR,
                breaks=rests,
                max_overtime_s=_HOUR,
                overtime_micro_per_s=2_000,
            )
            for vehicle in fleet
        ),
        visits=tuple(_visit(number, 2 * yards + number, rng) for number in range(visits)),
    )


def _vehicle(number: int, depots: int) -> Vehicle:
    small = number % 4 == 3
    return Vehicle(
        id=f"T{number}",
        depot=f"D{number % depots}",
        profile="three_wheeler" if small else "compactor",
        access_class="three_wheeler" if small else "compactor",
        capacity_kg=1_500 if small else 6_000,
        body_l=6_000 if small else 12_000,
        compaction_permille=1_000 if small else 2_500,
        lift_s=20,
        fixed_micro=20_000_000 if small else 60_000_000,
        micro_per_s=1_500 if small else 2_800,
        micro_per_m=200 if small else 700,
    )


def _visit(number: int, node: int, rng: np.random.Generator) -> Visit:
    return Visit(
        id=f"v{number}",
        stop=f"s{number}",
        kerb=(node,),
        stream="residual",
        demand_kg=int(rng.integers(20, 200)),
        demand_l=int(rng.integers(200, 2_000)),
        service_s=int(rng.integers(30, 120)),
        lifts=int(rng.integers(1, 3)),
        windows=(TimeWindow(start_s=5 * _HOUR, end_s=8 * _HOUR),) if rng.random() < 0.1 else (),
        access=frozenset({"three_wheeler"}) if rng.random() < 0.05 else None,
        prize_micro=int(rng.integers(1, 20)) * 1_000_000 if rng.random() < 0.05 else None,
    )


class Watch:
    """Notes when the first plan came, and the first with every required visit, from when it was made."""

    def __init__(self, problem: Problem) -> None:
        self.first_s = self.complete_s = math.inf
        self._problem = problem
        self._begun_s = time.monotonic()

    def told(self, plan: Plan) -> None:
        """Take note of a plan that was just found."""
        now_s = time.monotonic() - self._begun_s
        if plan.routes:
            self.first_s = min(self.first_s, now_s)
        if not required_left(self._problem, plan):
            self.complete_s = min(self.complete_s, now_s)


def required_left(problem: Problem, plan: Plan) -> int:
    """Return how many required visits a plan leaves out."""
    return sum(problem.visit_by_id[entry.visit].required for entry in plan.unserved)


def large_rows(case: str, seconds: float, seed: int, workers: int) -> list[Row]:
    """Plan a made-up day (``large/3000``: of 3,000 visits) and state when its first plan came, its cost and memory."""
    visits = int(case.removeprefix("large/"))
    return planned_rows(case, made_up_day(visits), seconds, seed, workers, first_plan_s=FIRST_PLAN_S.get(visits))


def planned_rows(
    case: str,
    problem: Problem,
    seconds: float,
    seed: int,
    workers: int,
    *,
    first_plan_s: float | None = None,
    most_required_left: int | None = None,
) -> list[Row]:
    """Plan a day and state when its first plans came, its cost, whether it is complete, and memory; two have goals."""
    with _Memory() as memory:
        watch = Watch(problem)
        begun_s = time.monotonic()
        result = solve(
            problem,
            stop=Deadline(seconds, time.monotonic),
            seed=seed,
            workers=workers,
            on_improvement=lambda _, plan: watch.told(plan),
        )
        taken_s = time.monotonic() - begun_s
    plan = result.plan
    print(f"{case}: {len(problem.shifts)} shifts, {workers} workers, {len(check(problem, plan))} violations.")
    return [
        row(case, "first plan", "s", finite(watch.first_s), goal=(None, first_plan_s)),
        row(case, "every required visit", "s", finite(watch.complete_s)),
        row(case, "cost", "currency", plan.cost.total_micro / 1e6),
        row(case, "routes", "routes", len(plan.routes)),
        row(case, "required unserved", "visits", required_left(problem, plan), goal=(None, most_required_left)),
        row(case, "search", "s", round(taken_s, 2), goal=(None, 1.02 * seconds + 1.0)),
        row(case, "memory", "MB", round(memory.peak_mb), goal=(None, MOST_MB)),
    ]


def finite(seconds: float) -> float | None:
    """Return seconds to hundredths; None for a moment that did not come."""
    return round(seconds, 2) if math.isfinite(seconds) else None


class _Memory:
    """Notes the most that this process and its children have resident together (Linux; 0 elsewhere)."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.peak_mb = max(self.peak_mb, _resident_mb())


def _resident_mb() -> float:
    pages = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if os.getpid() in (parent, int(status.parent.name)):
                pages += int((status.parent / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
