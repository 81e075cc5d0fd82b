"""PyVRP as a peer: iterated local search, with its fleet tuned.

A trip between two unloadings is one of its trips: disposal sites are its reload depots, and the last unloading and the
way home are folded into the arcs that lead to the end of the route. Where a vehicle may not serve a visit, its profile
has no way there; service and set-up times that depend on the vehicle or the place before stand in the profile's arcs.
The kerb states of a visit are a group of clients of which one is served. A required visit has the judge's penalty as
its prize, so its objective is the judge's, but for a constant: of each group, all states but one stay uncollected.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyvrp
from pyvrp import stop as stopping
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.IteratedLocalSearch import IteratedLocalSearchCallbacks

from benchmarks.quality.peers.answer import Answer, nothing
from optimizer.judge.cost import required_penalty_micro
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, Shift, Vehicle, Visit
    from optimizer.problem.plan import Action

_FORBIDDEN: Final = 1_000_000
"""Seconds and metres of an arc that no route may take: beyond every shift, and small enough to be summed."""

_LEAST_BOUND: Final = 1e7
"""Penalties may rise to so many micro for each second or kilogram too many, and to the price of the dearest arc.

PyVRP's own bound, 100,000, is for costs of five or six digits. Of X a unit of distance costs a million: with this bound
alone no plan of X-n101-k25 kept to the trucks' loads.
"""

_FIRST_SHARE: Final = 0.4
"""Part of the time with all vehicles that are offered."""

_TRIAL_SHARE: Final = 0.1
"""Part of the time for each truck that is taken away."""

_LAST_SHARE: Final = 0.3
"""Part of the time that is kept for the fleet found."""


def plan(problem: Problem, *, seconds: float, seed: int) -> Answer:
    """Plan a day of ``subproblems.without_breaks`` for so many seconds, the time to state it not counted."""
    model = PyVRPModel(problem)
    hunt = _Hunt(model, seconds, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        best = hunt.run()
    if best is None:
        return nothing(problem, "no feasible plan within the time")
    return Answer(
        orders=model.orders(best.routes),
        objective_micro=best.cost_micro,
        curve=tuple(hunt.curve),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Best:
    """A feasible solution: each route's kind with what it does, by which it can be stated for a smaller fleet."""

    routes: tuple[tuple[int, tuple[pyvrp.Activity, ...]], ...]
    cost_micro: int


class _Hunt:
    """PyVRP's search, begun again from its best plan each time that a truck of it is taken away.

    Its own ``minimise_fleet`` knows one vehicle type and no optional clients. The loop is the same thought: as long as
    the rest takes over a truck's work at less cost, the truck stays at home.
    """

    def __init__(self, model: PyVRPModel, seconds: float, seed: int) -> None:
        self._model = model
        self._seconds = seconds
        self._seed = seed
        self._begun_s = time.perf_counter()
        self._best: _Best | None = None
        self.curve: list[tuple[float, int]] = []

    def run(self) -> _Best | None:
        """Return the best feasible solution."""
        fleet = [len(kind.shifts) for kind in self._model.kinds]
        self._search(fleet, self._seconds * _FIRST_SHARE)
        tried: set[int] = set()
        while self._best is not None and self._left_s() > self._seconds * _LAST_SHARE:
            best = self._best
            route = min(
                (route for route in best.routes if route[0] not in tried),
                key=lambda route: len(route[1]),
                default=None,
            )
            if route is None:
                break
            smaller = [sum(kind == number for kind, _ in best.routes) for number in range(len(fleet))]
            smaller[route[0]] -= 1
            start = [other for other in best.routes if other is not route]
            self._search(smaller, self._seconds * _TRIAL_SHARE, start)
            if self._best is not best:
                tried = set()
                fleet = smaller
            else:
                tried.add(route[0])
        self._search(fleet, self._left_s(), None if self._best is None else self._best.routes)
        return self._best

    def _left_s(self) -> float:
        return self._begun_s + self._seconds - time.perf_counter()

    def _search(
        self,
        fleet: Sequence[int],
        seconds: float,
        start: Sequence[tuple[int, tuple[pyvrp.Activity, ...]]] | None = None,
    ) -> None:
        """Search with so many vehicles of each kind; a better feasible solution becomes the best."""
        if min(seconds, self._left_s()) <= 0 or not any(fleet):
            return
        kinds = [number for number, count in enumerate(fleet) if count]
        types = self._model.data.vehicle_types()
        data = self._model.data.replace(
            vehicle_types=[types[kind].replace(num_available=fleet[kind]) for kind in kinds]
        )
        initial = None
        if start is not None:
            routes = [pyvrp.Route(data, list(activities), kinds.index(kind)) for kind, activities in start]
            initial = pyvrp.Solution(data, routes)
        watch = _Watch(lambda solution: self._found(solution, kinds))
        parameters = pyvrp.SolveParams(
            ils=pyvrp.IteratedLocalSearchParams(callbacks=watch),
            penalty=pyvrp.PenaltyParams(max_penalty=self._model.most_penalty),
        )
        end = stopping.MaxRuntime(min(seconds, self._left_s()))
        result = pyvrp.solve(data, end, self._seed, collect_stats=False, params=parameters, initial_solution=initial)
        self._found(result.best, kinds)

    def _found(self, solution: pyvrp.Solution, kinds: list[int]) -> None:
        if not solution.is_feasible():
            return
        cost_micro = self._model.objective_micro(solution)
        if self._best is None or cost_micro < self._best.cost_micro:
            # A scheduled activity points into its route and must not outlive it, so each is written anew.
            routes = [
                (kinds[route.vehicle_type()], tuple(pyvrp.Activity(done.type, done.idx) for done in route)[1:-1])
                for route in solution.routes()
            ]
            self._best = _Best(routes=tuple(routes), cost_micro=cost_micro)
            self.curve.append((time.perf_counter() - self._begun_s, cost_micro))


class _Watch(IteratedLocalSearchCallbacks):
    """Told by the search of each better solution."""

    def __init__(self, found: Callable[[pyvrp.Solution], None]) -> None:
        self._found = found

    def on_start(self, ils: pyvrp.IteratedLocalSearch) -> None:
        """Take the first solution up."""
        self._found(ils.initial_solution)

    def on_best(self, best: pyvrp.Solution) -> None:
        """Take a better solution up."""
        self._found(best)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Shifts that differ in nothing but their names: one vehicle type."""

    vehicle: Vehicle
    start_s: int
    end_s: int
    profile: int
    shifts: tuple[Shift, ...]


class PyVRPModel:
    """A day of ``subproblems.without_breaks``, stated for PyVRP."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._penalty_micro = required_penalty_micro(problem)
        self._sites = problem.disposal_sites
        self._depots = problem.depots
        self._states = [(visit, kerb) for visit in problem.visits for kerb in range(len(visit.kerb))]
        # Where every truck unloads at home in no time, a second trip is another route: so the literature states it.
        homes = {depot.node for depot in problem.depots}
        self._one_trip = all(site.node in homes and not site.unloading_s for site in problem.disposal_sites)
        self._first_site = 2 * len(self._depots)
        self._first_client = self._first_site + len(self._sites)
        places = [depot.node for depot in self._depots] * 2 + [site.node for site in self._sites]
        self._places = places + [visit.kerb[kerb] for visit, kerb in self._states]
        self._kerbs_only = sum(
            (len(visit.kerb) - 1) * self._prize_micro(visit) for visit in problem.visits if len(visit.kerb) > 1
        )
        self._unreachable = sum(self._prize_micro(visit) for visit in problem.visits if not visit.kerb)
        lifts = [vehicle.lift_s for vehicle in problem.vehicles]
        self._least_lift_s = min(lifts, default=0)
        profiles: dict[Vehicle, int] = {}
        kinds: dict[tuple[Vehicle, int, int], list[Shift]] = {}
        for shift in problem.shifts:
            vehicle = self._alike(problem.vehicle_of(shift))
            kinds.setdefault((vehicle, shift.start_s, shift.end_s), []).append(shift)
        self.kinds = [
            _Kind(
                vehicle=vehicle,
                start_s=start_s,
                end_s=end_s,
                profile=profiles.setdefault(_streets(vehicle), len(profiles)),
                shifts=tuple(shifts),
            )
            for (vehicle, start_s, end_s), shifts in kinds.items()
        ]
        self._last_site = [self._cheapest_sites(vehicle) for vehicle in profiles]
        self.data = self._data(list(profiles))

    def orders(self, routes: Sequence[tuple[int, Sequence[pyvrp.Activity]]]) -> tuple[RouteOrder, ...]:
        """Return routes (a kind, and the activities between start and end) as orders, the last unloadings added."""
        found = []
        free = [list(kind.shifts) for kind in self.kinds]
        for number, activities in routes:
            kind = self.kinds[number]
            depot = self._depot_number(kind.vehicle)
            actions: list[Action] = []
            client = -1
            for activity in activities:
                if activity.is_client():
                    client = activity.idx
                    visit, kerb = self._states[client]
                    actions.append(VisitAction(visit=visit.id, kerb=kerb))
                else:
                    actions.append(UnloadAction(site=self._sites[activity.idx - self._first_site].id))
            if actions and isinstance(actions[-1], VisitAction):
                site = self._last_site[kind.profile][client, depot]
                actions.append(UnloadAction(site=self._sites[site].id))
            if actions:
                found.append(RouteOrder(shift=free[number].pop(0).id, actions=tuple(actions)))
        return tuple(found)

    def objective_micro(self, solution: pyvrp.Solution) -> int:
        """Return PyVRP's objective of a feasible solution, without what no plan could collect."""
        cost = pyvrp.CostEvaluator([0.0] * self.data.num_load_dimensions, 0, 0).cost(solution)
        return int(cost) - self._kerbs_only + self._unreachable

    # -- stating the day ------------------------------------------------------------------------------------------

    def _alike(self, vehicle: Vehicle) -> Vehicle:
        """Return the vehicle without its name, unless a visit is locked to it."""
        locked = any(visit.vehicle == vehicle.id for visit in self.problem.visits)
        return vehicle if locked else replace(vehicle, id="any")

    def _depot_number(self, vehicle: Vehicle) -> int:
        return next(number for number, depot in enumerate(self._depots) if depot.id == vehicle.depot)

    def _prize_micro(self, visit: Visit) -> int:
        return self._penalty_micro if visit.prize_micro is None else visit.prize_micro

    def _data(self, profiles: list[Vehicle]) -> pyvrp.ProblemData:
        groups: list[pyvrp.ClientGroup] = []
        clients: list[pyvrp.Client] = []
        for visit, kerb in self._states:
            if len(visit.kerb) > 1:
                if kerb == 0:
                    groups.append(pyvrp.ClientGroup(required=False))
                groups[-1].add_client(len(clients))
            clients.append(self._client(visit, len(clients), len(groups) - 1 if len(visit.kerb) > 1 else None))
        depots = [pyvrp.Depot(location=number) for number in range(self._first_site)]
        depots += [
            pyvrp.Depot(location=number, service_duration=site.unloading_s)
            for number, site in enumerate(self._sites, start=self._first_site)
        ]
        matrices: list[tuple[Any, Any]] = [
            self._matrices(vehicle, self._last_site[number]) for number, vehicle in enumerate(profiles)
        ]
        dearest = max(float(self._prices(kind, *matrices[kind.profile]).max()) for kind in self.kinds)
        self.most_penalty = max(_LEAST_BOUND, dearest)
        return pyvrp.ProblemData(
            locations=[
                pyvrp.Location(x=self.problem.locations[place].lon, y=self.problem.locations[place].lat)
                for place in self._places
            ],
            clients=clients,
            depots=depots,
            vehicle_types=[self._vehicle_type(kind) for kind in self.kinds],
            distance_matrices=[metres for metres, _ in matrices],
            duration_matrices=[seconds for _, seconds in matrices],
            groups=groups,
        )

    def _client(self, visit: Visit, number: int, group: int | None) -> pyvrp.Client:
        window: dict[str, Any] = {}
        if visit.windows:
            window = {"tw_early": visit.windows[0].start_s, "tw_late": visit.windows[-1].end_s}
        return pyvrp.Client(
            location=self._first_client + number,
            pickup=[visit.demand_kg, visit.demand_l],
            service_duration=visit.service_s + visit.lifts * self._least_lift_s,
            prize=self._prize_micro(visit),
            required=False,
            group=group,
            **window,
        )

    def _vehicle_type(self, kind: _Kind) -> pyvrp.VehicleType:
        vehicle = kind.vehicle
        depot = self._depot_number(vehicle)
        limit: dict[str, Any] = {} if vehicle.range_m is None else {"max_distance": vehicle.range_m}
        return pyvrp.VehicleType(
            num_available=len(kind.shifts),
            capacity=[vehicle.capacity_kg, vehicle.capacity_l],
            start_depot=depot,
            end_depot=len(self._depots) + depot,
            fixed_cost=vehicle.fixed_micro,
            tw_early=kind.start_s,
            tw_late=kind.end_s,
            unit_distance_cost=vehicle.micro_per_m,
            unit_duration_cost=vehicle.micro_per_s,
            profile=kind.profile,
            reload_depots=[] if self._one_trip else list(range(self._first_site, self._first_client)),
            **limit,
        )

    def _prices(self, kind: _Kind, metres: NDArray[np.int64], seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what a profile's arcs cost in micro, those that no route may take nothing."""
        price = metres * kind.vehicle.micro_per_m + seconds * kind.vehicle.micro_per_s
        return np.where(metres < _FORBIDDEN, price, 0)

    def _cheapest_sites(self, vehicle: Vehicle) -> NDArray[np.intp]:
        """Return where a route that ends at each depot unloads last, for each client: ``intp[clients, depots]``."""
        return np.asarray(np.argmin(self._detours(vehicle)[2], axis=1))

    def _detours(self, vehicle: Vehicle) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return seconds, metres and price from each client over each site to each depot, ``int64[c, s, d]``."""
        clients = self._places[self._first_client :]
        sites = self._places[self._first_site : self._first_client]
        depots = [depot.node for depot in self._depots]
        there_s, there_m = self.problem.matrix.block(vehicle.profile, clients, sites)
        home_s, home_m = self.problem.matrix.block(vehicle.profile, sites, depots)
        unloading_s = np.array([site.unloading_s for site in self._sites], dtype=np.int64)
        seconds = there_s[:, :, None].astype(np.int64) + unloading_s[None, :, None] + home_s[None, :, :]
        metres = there_m[:, :, None].astype(np.int64) + home_m[None, :, :]
        blocked = (there_s[:, :, None] == NO_PATH) | (home_s[None, :, :] == NO_PATH)
        seconds[blocked] = metres[blocked] = _FORBIDDEN
        return seconds, metres, seconds * vehicle.micro_per_s + metres * vehicle.micro_per_m

    def _matrices(self, vehicle: Vehicle, last_site: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return metres and seconds of a profile's arcs, each ``int64[n, n]``, row = from."""
        drive_s, drive_m = self.problem.matrix.block(vehicle.profile, self._places, self._places)
        blocked = drive_s == NO_PATH
        count, ends, first = len(self._depots), self._first_site, self._first_client
        visits = [visit for visit, _ in self._states]
        excess_s = [visit.lifts * (vehicle.lift_s - self._least_lift_s) for visit in visits]
        stops = {visit.stop: number for number, visit in enumerate(visits)}
        stop = np.array([stops[visit.stop] for visit in visits])
        setup_s = np.array([visit.setup_s for visit in visits], dtype=np.int64)
        seconds, metres = drive_s.astype(np.int64), drive_m.astype(np.int64)
        seconds[first:, :] += np.array(excess_s, dtype=np.int64)[:, None]
        seconds[:first, first:] += setup_s[None, :]
        seconds[first:, first:] += np.where(stop[:, None] == stop[None, :], 0, setup_s[None, :])
        over_s, over_m, _ = self._detours(vehicle)
        row, column = np.arange(len(visits))[:, None], np.arange(count)[None, :]
        seconds[first:, count:ends] = over_s[row, last_site, column] + np.array(excess_s, dtype=np.int64)[:, None]
        metres[first:, count:ends] = over_m[row, last_site, column]
        blocked[first:, count:ends] = over_s[row, last_site, column] >= _FORBIDDEN
        blocked[:, :count] = True  # nobody comes back to where it started: the end is a place of its own
        blocked[count:ends, :] = True
        closed = [first + number for number, visit in enumerate(visits) if not _may_serve(vehicle, visit)]
        blocked[:, closed] = True
        blocked[:count, count:ends] = False
        seconds[:count, count:ends] = metres[:count, count:ends] = 0
        seconds[blocked] = metres[blocked] = _FORBIDDEN
        np.fill_diagonal(seconds, 0)
        np.fill_diagonal(metres, 0)
        return metres, seconds


def _streets(vehicle: Vehicle) -> Vehicle:
    """Return a vehicle that stands for all with the same arcs."""
    return replace(
        vehicle, depot="any", capacity_kg=1, body_l=1, compaction_permille=1_000, range_m=None, fixed_micro=0
    )


def _may_serve(vehicle: Vehicle, visit: Visit) -> bool:
    return (
        (visit.access is None or vehicle.access_class in visit.access)
        and vehicle.carries(visit.stream)
        and visit.vehicle in (None, vehicle.id)
    )
