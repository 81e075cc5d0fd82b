"""The linear program that proposes prices for the bound: the cheapest mix of the relaxed trips found so far.

Its value is no bound, since trips are missing from it; its dual values are good prices, and any prices give a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ortools.linear_solver import pywraplp

from optimizer.problem.errors import SolverError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewTerms:
    """What the program knows of shifts that are alike: how many, their fixed cost, and the price of more hours.

    Parameters
    ----------
    home_s, home_micro
        The way home from each site, ``int64[S]``.
    """

    count: int
    fixed_micro: int
    within_s: int
    beyond_s: int
    overtime_micro_per_s: int
    home_s: NDArray[np.int64]
    home_micro: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripColumn:
    """A relaxed trip of a crew: from an end (0 the depot, then the sites) to a site, and how often to each visit."""

    crew: int
    source: int
    site: int
    cost_micro: int
    work_s: int
    visits: NDArray[np.intp]
    times: NDArray[np.int64]


class PriceProgram:
    """Minimises cost over mixes of trips that cover every visit or miss its worth; rows are in units of ``scale``."""

    def __init__(self, worth: NDArray[np.int64], crews: Sequence[CrewTerms]) -> None:
        self._solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        if self._solver is None:
            raise SolverError("OR-Tools comes without its linear solver GLOP, which the bound needs.")
        self._scale = max(1.0, float(np.median(worth)) / 1_000)
        self._seen: set[tuple[object, ...]] = set()
        inf = self._solver.infinity()
        objective = self._solver.Objective()
        self._objective = objective
        self._cover = [self._solver.Constraint(1.0, inf) for _ in worth]
        for row, micro in zip(self._cover, worth.tolist(), strict=True):
            missed = self._solver.NumVar(0.0, inf, "")
            objective.SetCoefficient(missed, micro / self._scale)
            row.SetCoefficient(missed, 1.0)
        self._hours: list[Any] = []
        self._ends: list[list[Any]] = []
        for crew in crews:
            used = self._solver.NumVar(0.0, float(crew.count), "")
            objective.SetCoefficient(used, crew.fixed_micro / self._scale)
            over = self._solver.NumVar(0.0, inf, "")
            objective.SetCoefficient(over, crew.overtime_micro_per_s * 3_600 / self._scale)
            hours = self._solver.Constraint(-inf, 0.0)  # in hours, so that the rows are of one size
            hours.SetCoefficient(used, -crew.within_s / 3_600)
            hours.SetCoefficient(over, -1.0)
            most = self._solver.Constraint(-inf, 0.0)
            most.SetCoefficient(over, 1.0)
            most.SetCoefficient(used, -(crew.beyond_s - crew.within_s) / 3_600)
            ends = [self._solver.Constraint(0.0, 0.0) for _ in range(len(crew.home_s) + 1)]
            ends[0].SetCoefficient(used, 1.0)
            for end, home_s, home_micro in zip(ends[1:], crew.home_s.tolist(), crew.home_micro.tolist(), strict=True):
                home = self._solver.NumVar(0.0, inf, "")
                objective.SetCoefficient(home, home_micro / self._scale)
                hours.SetCoefficient(home, home_s / 3_600)
                end.SetCoefficient(home, -1.0)
            self._hours.append(hours)
            self._ends.append(ends)
        objective.SetMinimization()

    def add(self, column: TripColumn) -> bool:
        """Add a trip; False where it is there already."""
        ends = (column.crew, column.source, column.site, column.cost_micro, column.work_s)
        key = (*ends, column.visits.tobytes(), column.times.tobytes())
        if key in self._seen:
            return False
        self._seen.add(key)
        share = self._solver.NumVar(0.0, self._solver.infinity(), "")
        self._objective.SetCoefficient(share, column.cost_micro / self._scale)
        for visit, times in zip(column.visits.tolist(), column.times.tolist(), strict=True):
            self._cover[visit].SetCoefficient(share, float(times))
        self._hours[column.crew].SetCoefficient(share, column.work_s / 3_600)
        if column.source != column.site + 1:
            self._ends[column.crew][column.source].SetCoefficient(share, -1.0)
            self._ends[column.crew][column.site + 1].SetCoefficient(share, 1.0)
        return True

    def prices(self, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return millionths for each visit, and for each second of each crew's work; None if time was too short."""
        if seconds < 1e6:  # noqa: PLR2004 - a deadline lies ahead
            self._solver.SetTimeLimit(max(1, int(seconds * 1_000)))
        if self._solver.Solve() != pywraplp.Solver.OPTIMAL:
            return None
        visits = np.array([row.dual_value() for row in self._cover]) * self._scale
        hours = np.array([-row.dual_value() for row in self._hours]) * self._scale / 3_600
        return np.maximum(0.0, visits), np.maximum(0.0, hours)
