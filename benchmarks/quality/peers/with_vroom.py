"""VROOM as a peer: heuristics and local search, ended by itself long before the time is over on small days.

Each truck has one trip; the last unloading and the way home are folded into the arcs that lead to its end. What may
serve what is said with skills. The price of an arc stands in a cost matrix, so its objective is the judge's but for the
visits that it leaves out, of which it says only how many.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import vroom

from benchmarks.quality.peers.answer import Answer
from optimizer.judge.cost import unserved_cost
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, Vehicle, Visit
    from optimizer.problem.plan import Action

_FORBIDDEN: Final = 1_000_000
"""Seconds of an arc that no route may take: beyond every shift."""

_MOST_THOROUGH: Final = 5
"""VROOM's highest exploration level."""


def plan(problem: Problem, *, seconds: float, seed: int) -> Answer:
    """Plan a day of ``subproblems.single_trips``; VROOM knows no ``seed``.

    Raises
    ------
    ValueError
        If time has a price: VROOM's own counts neither service nor waiting.
    """
    del seed
    model = VroomModel(problem)
    begun_s = time.perf_counter()
    solution = model.input.solve(_MOST_THOROUGH, nb_threads=1, timeout=dt.timedelta(seconds=seconds))
    taken_s = time.perf_counter() - begun_s
    orders = model.orders(solution)
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    left_out = unserved_cost(problem, (visit for visit in problem.visits if visit.id not in served))
    objective_micro = int(solution.summary.cost) * model.unit_micro + left_out.total_micro
    return Answer(orders=orders, objective_micro=objective_micro, curve=((taken_s, objective_micro),))


class VroomModel:
    """A day of ``subproblems.single_trips``, stated for VROOM."""

    def __init__(self, problem: Problem) -> None:
        if any(vehicle.micro_per_s for vehicle in problem.vehicles):
            raise ValueError("VROOM takes no price for time: put it into the matrix (subproblems.single_trips).")
        self.problem = problem
        self.unit_micro = math.gcd(
            *(vehicle.micro_per_m for vehicle in problem.vehicles),
            *(vehicle.fixed_micro for vehicle in problem.vehicles),
        )
        self._vehicles = [problem.vehicle_of(shift) for shift in problem.shifts]
        self._depots = {depot.id: number for number, depot in enumerate(problem.depots)}
        self._first = 2 * len(problem.depots)
        self._last_site: dict[tuple[str, int], NDArray[np.intp]] = {}
        self.input = vroom.Input()
        for name, vehicle in {_streets(vehicle): vehicle for vehicle in self._vehicles}.items():
            seconds, prices = self._matrices(vehicle)
            self.input.set_durations_matrix(name, seconds)
            self.input.set_costs_matrix(name, prices)
        may = {visit.id: frozenset(v.id for v in self._vehicles if _may_serve(v, visit)) for visit in problem.visits}
        skills = {able: number for number, able in enumerate(dict.fromkeys(may.values()))}
        self._add_vehicles({v.id: {n for able, n in skills.items() if v.id in able} for v in self._vehicles})
        self._add_jobs({visit: {skills[able]} for visit, able in may.items()})

    def orders(self, solution: vroom.Solution) -> tuple[RouteOrder, ...]:
        """Return a solution's routes, the last unloadings added."""
        steps = solution.routes
        actions: dict[int, list[Action]] = {}
        for shift, kind, job in zip(steps["vehicle_id"], steps["type"], steps["id"], strict=True):
            if kind == "job":
                actions.setdefault(int(shift), []).append(VisitAction(visit=self.problem.visits[int(job)].id))
        numbers = {visit.id: number for number, visit in enumerate(self.problem.visits)}
        found = []
        for number, done in actions.items():
            last = done[-1]
            assert isinstance(last, VisitAction)
            vehicle = self._vehicles[number]
            site = self._last_site[_streets(vehicle), self._depots[vehicle.depot]][numbers[last.visit]]
            unloading = UnloadAction(site=self.problem.disposal_sites[site].id)
            found.append(RouteOrder(shift=self.problem.shifts[number].id, actions=(*done, unloading)))
        return tuple(found)

    def _add_vehicles(self, skills: dict[str, set[int]]) -> None:
        for number, (shift, vehicle) in enumerate(zip(self.problem.shifts, self._vehicles, strict=True)):
            depot = self._depots[vehicle.depot]
            self.input.add_vehicle(
                vroom.Vehicle(
                    number,
                    start=depot,
                    end=len(self._depots) + depot,
                    profile=_streets(vehicle),
                    capacity=[vehicle.capacity_kg],
                    skills=skills[vehicle.id],
                    time_window=(shift.start_s, shift.end_s),
                    breaks=[
                        vroom.Break(count, time_windows=[(rest.earliest_s, rest.latest_s)], service=rest.duration_s)
                        for count, rest in enumerate(shift.breaks)
                    ],
                    costs=vroom.VehicleCosts(fixed=vehicle.fixed_micro // self.unit_micro),
                    type=str(vehicle.lift_s),
                )
            )

    def _add_jobs(self, skills: dict[str, set[int]]) -> None:
        lifts = {vehicle.lift_s for vehicle in self._vehicles}
        for number, visit in enumerate(self.problem.visits):
            self.input.add_job(
                vroom.Job(
                    number,
                    self._first + number,
                    pickup=[visit.demand_kg],
                    skills=skills[visit.id],
                    time_windows=[(window.start_s, window.end_s) for window in visit.windows],
                    service_per_type={str(lift_s): visit.service_s + visit.lifts * lift_s for lift_s in lifts},
                )
            )

    def _matrices(self, vehicle: Vehicle) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return seconds and prices of a vehicle's arcs, each ``int64[n, n]``: starts, ends, visits."""
        problem, count, first = self.problem, len(self._depots), self._first
        places = [depot.node for depot in problem.depots] * 2 + [visit.kerb[0] for visit in problem.visits]
        sites = [site.node for site in problem.disposal_sites]
        drive_s, price = (cells.astype(np.int64) for cells in problem.matrix.block(vehicle.profile, places, places))
        blocked = drive_s == NO_PATH
        stops = {visit.stop: number for number, visit in enumerate(problem.visits)}
        stop = np.array([*range(-first, 0), *(stops[visit.stop] for visit in problem.visits)])
        setup_s = np.array([0] * first + [visit.setup_s for visit in problem.visits])
        seconds = drive_s + np.where(stop[:, None] == stop[None, :], 0, setup_s[None, :])
        there_s, there_m = (cells.astype(np.int64) for cells in problem.matrix.block(vehicle.profile, places, sites))
        home_s, home_m = (cells.astype(np.int64) for cells in problem.matrix.block(vehicle.profile, sites, places))
        unloading_s = np.array([site.unloading_s for site in problem.disposal_sites], dtype=np.int64)
        for depot in range(count):
            over_s = there_s[first:] + unloading_s + home_s[:, depot]
            over_m = there_m[first:] + home_m[:, depot]
            cut = (there_s[first:] == NO_PATH) | (home_s[:, depot] == NO_PATH)
            best = np.argmin(np.where(cut, np.iinfo(np.int64).max, over_m), axis=1)
            row = np.arange(len(best))
            self._last_site[_streets(vehicle), depot] = best
            seconds[first:, count + depot] = over_s[row, best]
            price[first:, count + depot] = over_m[row, best]
            blocked[first:, count + depot] = cut[row, best]
        price *= vehicle.micro_per_m // self.unit_micro
        seconds[blocked] = price[blocked] = _FORBIDDEN
        np.fill_diagonal(seconds, 0)
        return seconds, price


def _streets(vehicle: Vehicle) -> str:
    """Return a name that vehicles with the same arcs share."""
    return f"{vehicle.profile}, {vehicle.micro_per_m} micro"


def _may_serve(vehicle: Vehicle, visit: Visit) -> bool:
    return (
        (visit.access is None or vehicle.access_class in visit.access)
        and vehicle.carries(visit.stream)
        and visit.vehicle in (None, vehicle.id)
    )
