"""Large days: the first plan, what more time brings, and what it takes in memory: ``--only large/3000``.

The city is made up on a plane, with travel times worked out when asked for, so that days of any size are there at
once: containers in quarters, market windows, lanes for three-wheelers, two landfills, a mixed fleet with breaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optimizer.problem.model import Break, Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from optimizer.problem.matrix import Nodes

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
        return {"plane": hash(self.points_m.tobytes()), "profile": profile}


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
    fixed = np.array([[0.5, 0.5], [0.1, 0.3], [1.2, 0.5], [-0.1, 1.1]]) * side_m
    trucks = max(4, visits // 60)
    fleet = [_vehicle(number) for number in range(trucks)]
    rests = (Break(duration_s=1_800, earliest_s=9 * _HOUR, latest_s=11 * _HOUR),)
    points = np.vstack([fixed, spots])
    return Problem(
        matrix=PlaneTimes(points),
        locations=tuple(Location(lon=x / _METRES_PER_DEGREE, lat=y / _METRES_PER_DEGREE) for x, y in points.tolist()),
        depots=(Depot(id="D0", node=0), Depot(id="D1", node=1)),
        disposal_sites=tuple(
            DisposalSite(
                id=f"L{number}",
                node=2 + number,
                unloading_s=900,
                windows=(TimeWindow(start_s=5 * _HOUR, end_s=16 * _HOUR),),
            )
            for number in range(2)
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
        visits=tuple(_visit(number, rng) for number in range(visits)),
    )


def _vehicle(number: int) -> Vehicle:
    small = number % 4 == 3
    return Vehicle(
        id=f"T{number}",
        depot=f"D{number % 2}",
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


def _visit(number: int, rng: np.random.Generator) -> Visit:
    return Visit(
        id=f"v{number}",
        stop=f"s{number}",
        kerb=(number + 4,),
        stream="residual",
        demand_kg=int(rng.integers(20, 200)),
        demand_l=int(rng.integers(200, 2_000)),
        service_s=int(rng.integers(30, 120)),
        lifts=int(rng.integers(1, 3)),
        windows=(TimeWindow(start_s=5 * _HOUR, end_s=8 * _HOUR),) if rng.random() < 0.1 else (),
        access=frozenset({"three_wheeler"}) if rng.random() < 0.05 else None,
        prize_micro=int(rng.integers(1, 20)) * 1_000_000 if rng.random() < 0.05 else None,
    )
