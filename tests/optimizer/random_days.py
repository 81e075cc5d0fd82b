"""Small and larger days on a plane, for tests of the judge and the solvers."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.problem.matrix import TravelMatrix
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

HOUR = 3_600


def line_matrix(positions_m: list[int], metres_per_s: int = 10, profile: str = "truck") -> TravelMatrix:
    """Return the travel matrix of places on one straight street."""
    x = np.asarray(positions_m, dtype=np.int32)
    metres = np.abs(x[:, None] - x[None, :]).astype(np.int32)
    return TravelMatrix({profile: metres // metres_per_s}, {profile: metres})


def tiny_day(
    positions_m: list[int] | None = None,
    *,
    visits: dict[str, Any] | list[dict[str, Any]] | None = None,
    vehicle: dict[str, Any] | None = None,
    shift: dict[str, Any] | None = None,
    site: dict[str, Any] | None = None,
    **more: Any,
) -> Problem:
    """Return a day on one street: depot at index 0, landfill at index 1, visits ``v2``, ``v3`` ... at the rest."""
    positions = positions_m or [0, 10_000, 2_000, 4_000, 6_000]
    count = len(positions) - 2
    each = visits if isinstance(visits, list) else [visits or {}] * count
    values: dict[str, Any] = {
        "matrix": line_matrix(positions),
        "locations": tuple(Location(lon=x / 100_000, lat=0.0) for x in positions),
        "depots": (Depot(id="depot", node=0),),
        "disposal_sites": (DisposalSite(**{"id": "landfill", "node": 1, "unloading_s": 600, **(site or {})}),),
        "vehicles": (
            Vehicle(
                **{
                    "id": "truck-1",
                    "depot": "depot",
                    "profile": "truck",
                    "access_class": "compactor",
                    "capacity_kg": 1_000,
                    "body_l": 10_000,
                    "fixed_micro": 1_000_000,
                    "micro_per_s": 100,
                    "micro_per_m": 10,
                    **(vehicle or {}),
                }
            ),
        ),
        "shifts": (
            Shift(**{"id": "shift-1", "vehicle": "truck-1", "start_s": 6 * HOUR, "end_s": 14 * HOUR, **(shift or {})}),
        ),
        "visits": tuple(
            Visit(
                **{
                    "id": f"v{node}",
                    "stop": f"s{node}",
                    "kerb": (node,),
                    "stream": "residual",
                    "demand_kg": 100,
                    "demand_l": 1_000,
                    "service_s": 60,
                    **own,
                }
            )
            for node, own in zip(range(2, count + 2), each, strict=True)
        ),
    }
    values.update(more)
    return Problem(**values)


def random_day(
    seed: int,
    *,
    visits: int = 40,
    vehicles: int = 4,
    streams: int = 1,
    optional: float = 0.0,
    breaks: bool = True,
    capacity_kg: int = 6_000,
) -> Problem:
    """Return a random day in a 10 km town with one landfill 20 km out, a mixed fleet, market windows and breaks."""
    rng = np.random.default_rng(seed)
    names = ["residual", "organic", "recyclable"][:streams]
    points = np.vstack([[5_000, 5_000], [25_000, 5_000], rng.integers(0, 10_000, (visits, 2))]).astype(float)
    gap = points[:, None, :] - points[None, :, :]
    metres = np.rint(1.3 * np.hypot(gap[..., 0], gap[..., 1])).astype(np.int32)
    profiles = {"compactor": 8.0, "three_wheeler": 6.0}
    duration = {name: np.rint(metres / speed).astype(np.int32) for name, speed in profiles.items()}
    fleet = []
    for number in range(vehicles):
        small = number % 3 == 2
        fleet.append(
            Vehicle(
                id=f"truck-{number}",
                depot="depot",
                profile="three_wheeler" if small else "compactor",
                access_class="three_wheeler" if small else "compactor",
                capacity_kg=capacity_kg // 4 if small else capacity_kg,
                body_l=capacity_kg if small else 2 * capacity_kg,
                compaction_permille=1_000 if small else 2_500,
                lift_s=20,
                fixed_micro=20_000_000 if small else 60_000_000,
                micro_per_s=1_500 if small else 2_800,
                micro_per_m=200 if small else 700,
            )
        )
    rests = (Break(duration_s=1_800, earliest_s=9 * HOUR, latest_s=11 * HOUR),) if breaks else ()
    return Problem(
        matrix=TravelMatrix(duration, dict.fromkeys(profiles, metres)),
        locations=tuple(Location(lon=x / 111_000, lat=y / 111_000) for x, y in points),
        depots=(Depot(id="depot", node=0),),
        disposal_sites=(
            DisposalSite(
                id="landfill", node=1, unloading_s=900, windows=(TimeWindow(start_s=5 * HOUR, end_s=16 * HOUR),)
            ),
        ),
        vehicles=tuple(fleet),
        shifts=tuple(
            Shift(
                id=f"shift-{vehicle.id}",
                vehicle=vehicle.id,
                start_s=5 * HOUR,
                end_s=13 * HOUR,
                breaks=rests,
                max_overtime_s=HOUR,
                overtime_micro_per_s=2_000,
            )
            for vehicle in fleet
        ),
        visits=tuple(
            Visit(
                id=f"v{number}",
                stop=f"s{number}",
                kerb=(number + 2,),
                stream=names[int(rng.integers(len(names)))],
                demand_kg=int(rng.integers(20, 200)),
                demand_l=int(rng.integers(200, 2_000)),
                service_s=int(rng.integers(30, 180)),
                lifts=int(rng.integers(1, 4)),
                windows=(TimeWindow(start_s=5 * HOUR, end_s=7 * HOUR),) if rng.random() < 0.1 else (),
                access=frozenset({"three_wheeler"}) if rng.random() < 0.05 else None,
                prize_micro=int(rng.integers(1, 20)) * 1_000_000 if rng.random() < optional else None,
            )
            for number in range(visits)
        ),
    )


class OnDemand:
    """The times of a matrix as those of a large day, which come as they are asked for."""

    def __init__(self, matrix: TravelMatrix) -> None:
        self.n = matrix.n
        self.profiles = matrix.profiles
        self.block = matrix.block
        self.legs = matrix.legs
        self.fastest_m_per_s = matrix.fastest_m_per_s

    def fingerprint(self, profile: str) -> dict[str, Any]:
        """Return something of the form that such times have."""
        return {"n": self.n, "sha256": "0" * 64, "fastest_m_per_s": self.fastest_m_per_s(profile)}
