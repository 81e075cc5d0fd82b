"""Days so small, in seconds and in visits, that everything can be tried out; every constraint binds at times."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from optimizer.problem.matrix import NO_PATH, TravelMatrix
from optimizer.problem.model import (
    Break,
    Depot,
    DisposalSite,
    Location,
    Problem,
    Shift,
    TimeWindow,
    Vehicle,
    Visit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
STREAMS = ("residual", "organic")


def toy_day(seed: int, *, visits: int = 4, shifts: int = 2, loose: bool = False) -> Problem:
    """Return a random day of some 60 seconds with two disposal sites, two profiles and visits with two kerb states.

    ``loose`` days leave out most limits, so that most routes are legal.
    """
    rng = np.random.default_rng(seed)
    rare = 0.1 if loose else 0.3

    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    def chance(share: float = rare) -> bool:
        return bool(rng.random() < share)

    def one_of(values: Sequence[T]) -> T:
        return values[whole(0, len(values) - 1)]

    places = 4 + 2 * visits
    matrix = _matrix(rng, places, gaps=0.0 if loose else 0.03)
    vehicles = tuple(
        Vehicle(
            id=f"truck-{n}",
            depot=one_of(["north", "south"]),
            profile=one_of(["large", "small"]),
            access_class=one_of(["compactor", "handcart"]),
            capacity_kg=whole(20, 60) if loose else whole(4, 20),
            body_l=whole(20, 60) if loose else whole(4, 20),
            compaction_permille=one_of([1_000, 1_500, 2_999]),
            streams=frozenset({one_of(STREAMS)}) if chance() else None,
            mixed_streams=chance(0.7 if loose else 0.4),
            lift_s=whole(0, 1),
            range_m=whole(40, 120) if loose else whole(20, 90) if chance() else None,
            fixed_micro=whole(0, 200),
            micro_per_s=one_of([0, 1, 3]),
            micro_per_m=one_of([0, 2]),
        )
        for n in range(shifts)
    )
    return Problem(
        matrix=matrix,
        locations=tuple(Location(lon=n / 1_000, lat=0.0) for n in range(places)),
        depots=(Depot(id="north", node=0), Depot(id="south", node=1)),
        disposal_sites=tuple(
            DisposalSite(
                id=name,
                node=node,
                unloading_s=whole(0, 4),
                windows=_windows(rng, 2) if chance(0.2 if loose else 0.5) else (),
                streams=frozenset({one_of(STREAMS)}) if chance() else None,
                fee_micro_per_kg=one_of([0, 1, 5]),
            )
            for name, node in (("landfill", 2), ("yard", 0 if chance() else 3))
        ),
        vehicles=vehicles,
        shifts=tuple(
            Shift(
                id=f"shift-{n}",
                vehicle=vehicle.id,
                start_s=whole(0, 10),
                end_s=whole(40, 60) if loose else whole(25, 50),
                breaks=_breaks(rng),
                max_overtime_s=one_of([0, 5, 15]),
                overtime_micro_per_s=one_of([0, 1, 20]),
                max_stops=whole(2, 5) if chance() else None,
                max_daily_kg=whole(5, 25) if chance() else None,
            )
            for n, vehicle in enumerate(vehicles)
        ),
        visits=tuple(
            Visit(
                id=f"v{n}",
                stop=f"s{n // 2}" if chance(0.4) else f"t{n}",
                kerb=tuple(range(4 + 2 * n, 5 + 2 * n + chance(0.6))),
                stream=one_of(STREAMS),
                demand_kg=whole(0, 8),
                demand_l=whole(0, 8),
                service_s=whole(0, 4),
                setup_s=whole(0, 3),
                lifts=whole(0, 2),
                windows=_windows(rng, whole(1, 2)) if chance(rare) else (),
                access=frozenset({one_of(["compactor", "handcart"])}) if chance(rare / 2) else None,
                prize_micro=whole(0, 400) if chance(0.4) else None,
                vehicle="truck-0" if chance(0.1) else None,
            )
            for n in range(visits)
        ),
    )


def _matrix(rng: np.random.Generator, places: int, gaps: float) -> TravelMatrix:
    seconds: dict[str, np.ndarray] = {}
    metres: dict[str, np.ndarray] = {}
    for profile in ("large", "small"):
        seconds[profile] = rng.integers(0, 7, (places, places)).astype(np.int32)
        metres[profile] = rng.integers(0, 15, (places, places)).astype(np.int32)
        gone = rng.random((places, places)) < gaps
        for cells in (seconds[profile], metres[profile]):
            cells[gone] = NO_PATH
            np.fill_diagonal(cells, 0)
    return TravelMatrix(seconds, metres)


def _windows(rng: np.random.Generator, count: int) -> tuple[TimeWindow, ...]:
    edges = sorted(rng.choice(50, size=2 * count, replace=False).tolist())
    return tuple(TimeWindow(start_s=edges[2 * n], end_s=edges[2 * n + 1]) for n in range(count))


def _breaks(rng: np.random.Generator) -> tuple[Break, ...]:
    breaks: list[Break] = []
    earliest_s = int(rng.integers(0, 15))
    for _ in range(int(rng.choice([0, 0, 1, 1, 2]))):
        earliest_s += int(rng.integers(0, 8))
        latest_s = max(earliest_s, breaks[-1].latest_s if breaks else 0) + int(rng.integers(0, 10))
        duration_s = int(rng.integers(1, 5))
        breaks.append(Break(duration_s=duration_s, earliest_s=earliest_s, latest_s=latest_s))
        earliest_s += duration_s
    return tuple(breaks)
