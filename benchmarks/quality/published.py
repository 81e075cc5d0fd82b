"""Instances of the literature without disposal sites of their own, as a ``Problem``: X (CVRP), Solomon (windows).

X: E. Uchoa et al., "New benchmark instances for the capacitated vehicle routing problem", European Journal of
Operational Research 257 (2017) 845-858; distances rounded to the nearest whole number. Solomon: M. M. Solomon,
Operations Research 35 (1987) 254-265; distances cut after one decimal, all 25 vehicles offered, and the distance alone
counts. In both the depot is the one disposal site, so a route of theirs is a trip, and a vehicle may drive two of them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MICRO: Final = 1_000_000
_SPARE_VEHICLES: Final = 5
_LONG_S: Final = 1 << 20
"""A shift that binds nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An instance and the best distance known; the problem's costs are ``parts`` to a unit of it."""

    problem: Problem
    best_known: float
    parts: int

    def distance(self, cost_micro: int) -> float:
        """Return a plan's cost as a distance of the literature."""
        return cost_micro / MICRO / self.parts


def read_x(path: Path) -> Published:
    """Read one ``.vrp`` with its ``.sol`` beside it."""
    words = path.read_text(encoding="utf-8").split()
    capacity = int(words[words.index("CAPACITY") + 2])
    size = int(words[words.index("DIMENSION") + 2])
    coordinates = words.index("NODE_COORD_SECTION") + 1
    demands = words.index("DEMAND_SECTION") + 1
    xy = np.array(words[coordinates : coordinates + 3 * size], dtype=float).reshape(size, 3)[:, 1:]
    demand = np.array(words[demands : demands + 2 * size], dtype=int).reshape(size, 2)[:, 1]
    metres = np.floor(_euclidean(xy) + 0.5).astype(np.int32)
    known = path.with_suffix(".sol").read_text(encoding="utf-8").split()
    vehicles = int(-(-demand.sum() // capacity)) + _SPARE_VEHICLES
    visits = [_visit(node, int(kg), 0, ()) for node, kg in enumerate(demand.tolist()) if node]
    problem = _problem(metres, metres, visits, vehicles, capacity, _LONG_S)
    return Published(problem=problem, best_known=float(known[known.index("Cost") + 1]), parts=1)


def read_solomon(path: Path) -> Published:
    """Read one instance; ``best_known_distance.csv`` lies beside it."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    vehicles, capacity = map(int, lines[4])
    table = np.array([line for line in lines[5:] if len(line) == 7 and line[0].isdecimal()], dtype=float)
    tenths = np.floor(_euclidean(table[:, 1:3]) * 10).astype(np.int32)
    visits = [
        _visit(node, int(kg), 10 * int(service), (TimeWindow(start_s=10 * int(ready), end_s=10 * int(due)),))
        for node, (_, _, _, kg, ready, due, service) in enumerate(table.tolist())
        if node
    ]
    with path.with_name("best_known_distance.csv").open(encoding="utf-8", newline="") as file:
        known = {line[0]: float(line[1]) for line in csv.reader(file) if line and line[0] != "instance"}
    problem = _problem(tenths, tenths, visits, vehicles, capacity, 10 * int(table[0, 5]))
    return Published(problem=problem, best_known=known[path.stem], parts=10)


def _euclidean(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    gap = xy[:, None, :] - xy[None, :, :]
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]))


def _visit(node: int, demand: int, service_s: int, windows: tuple[TimeWindow, ...]) -> Visit:
    return Visit(
        id=str(node),
        stop=str(node),
        kerb=(node,),
        stream="residual",
        demand_kg=demand,
        demand_l=0,
        service_s=service_s,
        windows=windows,
    )


def _problem(
    metres: NDArray[np.int32],
    seconds: NDArray[np.int32],
    visits: list[Visit],
    vehicles: int,
    capacity: int,
    end_s: int,
) -> Problem:
    return Problem(
        matrix=TravelMatrix({"truck": seconds}, {"truck": metres}),
        locations=tuple(Location(lon=0.0, lat=0.0) for _ in range(len(metres))),
        depots=(Depot(id="depot", node=0),),
        disposal_sites=(DisposalSite(id="depot", node=0, unloading_s=0),),
        vehicles=tuple(
            Vehicle(
                id=f"truck-{number}",
                depot="depot",
                profile="truck",
                access_class="truck",
                capacity_kg=capacity,
                body_l=1,
                micro_per_m=MICRO,
            )
            for number in range(vehicles)
        ),
        shifts=tuple(
            Shift(id=f"shift-{number}", vehicle=f"truck-{number}", start_s=0, end_s=end_s) for number in range(vehicles)
        ),
        visits=tuple(visits),
    )
