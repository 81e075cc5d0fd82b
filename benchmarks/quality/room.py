"""How many visits of a day a fleet can serve at most: whether a plan that leaves some out could be complete at all.

A linear program over shares of visits, less strict than the judge in every point, so that its value is an upper bound:

- A truck works at most as long as ``most_work_s`` of its latest return. Work is service and lifts, the shortest leg
  into each visit from any other place of the day, and for each trip the unloading and the shortest leg to a site.
- Every trip but a truck's first begins at a site: the leg into its first visit is at least the shortest from any site,
  of which the shortest from anywhere is counted already. A truck used drives home from a site.
- A trip's kilograms and litres fit the body. Trucks that may not mix make trips for each stream apart.

Trucks and trips are counted in parts; windows, stops and set-up times are left out.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ortools.linear_solver import pywraplp

from optimizer.judge.schedule import most_work_s
from optimizer.problem.matrix import NO_PATH
from optimizer.search.feasible import may_carry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, Shift, Visit

_ROWS: Final = 500
"""Rows of travel times at a time: the whole square of a large day has no room."""

_FAR_S: Final = 1 << 30
_ROUNDING: Final = 1e-3
"""Visits by which the program's floating point may be wrong, far more than it is."""


def most_served(problem: Problem, *, required: bool = True) -> int:
    """Return how many visits all shifts together can serve at most; only the required ones are there by default."""
    visits = [visit for visit in problem.visits if visit.kerb and (visit.required or not required)]
    solver: Any = pywraplp.Solver.CreateSolver("GLOP")
    once = [solver.Constraint(0.0, 1.0) for _ in visits]
    objective = solver.Objective()
    objective.SetMaximization()
    into_s = {profile: _shortest_into(problem, profile, visits) for profile in problem.matrix.profiles}
    crews: dict[object, list[Shift]] = {}
    for shift in problem.shifts:
        vehicle = problem.vehicle_of(shift)
        crews.setdefault((replace(vehicle, id="any"), replace(shift, id="any", vehicle="any")), []).append(shift)
    for shifts in crews.values():
        _add_crew(solver, problem, shifts, visits, once, into_s[problem.vehicle_of(shifts[0]).profile])
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise RuntimeError("GLOP did not solve the program of the fleet's room.")
    value: float = objective.Value()
    return math.floor(value + _ROUNDING)


def _add_crew(
    solver: Any,
    problem: Problem,
    shifts: Sequence[Shift],
    visits: Sequence[Visit],
    once: Sequence[Any],
    into_s: NDArray[np.int64],
) -> None:
    """Add what shifts that are alike can do: times in hours, loads in bodies, so that the rows are of one size."""
    shift, vehicle = shifts[0], problem.vehicle_of(shifts[0])
    infinity = solver.infinity()
    streams = sorted({visit.stream for visit in visits})
    sets = [streams] if vehicle.mixed_streams else [[stream] for stream in streams]
    depot = problem.depot_by_id[vehicle.depot].node
    sites = [site.node for site in problem.disposal_sites]
    kerbs, owner = _states(visits)
    from_site_s = np.full(len(visits), _FAR_S, dtype=np.int64)
    np.minimum.at(from_site_s, owner, _legs_s(problem, vehicle.profile, sites, kerbs).min(axis=0))
    beyond_s = int((from_site_s - into_s).min())
    home_s = int(_legs_s(problem, vehicle.profile, sites, [depot]).min())
    used = solver.NumVar(0.0, float(len(shifts)), "")
    hours = solver.Constraint(-infinity, 0.0)
    hours.SetCoefficient(used, (home_s - beyond_s - most_work_s(shift, shift.latest_return_s)) / 3_600)
    for together in sets:
        own = [row for row, one in enumerate(visits) if one.stream in together and may_carry(vehicle, one)]
        open_sites = [site for site in problem.disposal_sites if any(site.accepts(stream) for stream in together)]
        if not own or not open_sites:
            continue
        near = [node for row in own for node in visits[row].kerb]
        to_s = min(
            site.unloading_s + int(_legs_s(problem, vehicle.profile, near, [site.node]).min()) for site in open_sites
        )
        trips = solver.NumVar(0.0, infinity, "")
        hours.SetCoefficient(trips, (to_s + beyond_s) / 3_600)
        kilograms, litres = solver.Constraint(-infinity, 0.0), solver.Constraint(-infinity, 0.0)
        kilograms.SetCoefficient(trips, -1.0)
        litres.SetCoefficient(trips, -1.0)
        for row in own:
            visit = visits[row]
            share = solver.NumVar(0.0, infinity, "")
            once[row].SetCoefficient(share, 1.0)
            solver.Objective().SetCoefficient(share, 1.0)
            work_s = visit.service_s + visit.lifts * vehicle.lift_s + int(into_s[row])
            hours.SetCoefficient(share, work_s / 3_600)
            kilograms.SetCoefficient(share, visit.demand_kg / vehicle.capacity_kg)
            litres.SetCoefficient(share, visit.demand_l / vehicle.capacity_l)


def _shortest_into(problem: Problem, profile: str, visits: Sequence[Visit]) -> NDArray[np.int64]:
    """Return the shortest leg into each visit from any place that is not its own, ``int64[V]`` of seconds."""
    kerbs, owner = _states(visits)
    others = [depot.node for depot in problem.depots] + [site.node for site in problem.disposal_sites]
    shortest = _legs_s(problem, profile, others, kerbs).min(axis=0)
    for begin in range(0, len(kerbs), _ROWS):
        rows = slice(begin, begin + _ROWS)
        legs_s = _legs_s(problem, profile, kerbs[rows], kerbs)
        legs_s[owner[rows, None] == owner[None, :]] = _FAR_S
        np.minimum(shortest, legs_s.min(axis=0), out=shortest)
    into = np.full(len(visits), _FAR_S, dtype=np.int64)
    np.minimum.at(into, owner, shortest)
    return into


def _states(visits: Sequence[Visit]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of all kerb states, and the number of the visit that each belongs to."""
    kerbs = np.array([node for visit in visits for node in visit.kerb], dtype=np.intp)
    return kerbs, np.repeat(np.arange(len(visits)), [len(visit.kerb) for visit in visits])


def _legs_s(problem: Problem, profile: str, origins: Any, destinations: Any) -> NDArray[np.int64]:
    seconds = problem.matrix.block(profile, origins, destinations)[0].astype(np.int64)
    seconds[seconds == NO_PATH] = _FAR_S
    return seconds
