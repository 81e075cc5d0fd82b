"""OR-Tools alone, on every constraint: guided local search from an early plan of ours, iterated local search cold.

The statement is the project's own (``optimizer/search/engines/ortools_model.py``), the search the library's. Its
objective is the judge's but for what that module names: the gate fee of a last load, which is put right here from the
loads, and the break of a route that is back between the break's earliest and latest start.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ortools.constraint_solver import (
    pywrapcp,
    routing_enums_pb2,
    routing_heuristic_parameters_pb2,
    routing_ils_pb2,
)

from benchmarks.quality.peers.answer import Answer, judged, nothing
from optimizer.judge.cost import unserved_cost
from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import UnloadAction, VisitAction
from optimizer.search.engines import ruin_recreate
from optimizer.search.engines.ortools_model import WasteModel
from optimizer.search.feasible import options
from optimizer.search.stop import StepLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import RouteOrder

_INNER_LIMIT_MS: Final = 5_000
"""Of the library's inner searches; its default of 0.1 s is too short to begin at 1,600 visits."""

_REMOVED: Final = 10
"""Visits that one ruin takes out, on average: the value of Christiaens and Vanden Berghe (2020)."""

_LONGEST: Final = 10
"""Visits in a row that string removal takes out at most: theirs as well."""


def guided(problem: Problem, *, seconds: float, seed: int) -> Answer:
    """Plan a day by guided local search, from an early plan of ours, as no construction of the library is safe.

    From our plan after one step (250 ruins) it ends a quarter cheaper than from our first insertion (demo/300, 30 s).
    """
    return _plan(problem, seconds, seed, iterated=False)


def iterated(problem: Problem, *, seconds: float, seed: int) -> Answer:
    """Plan a day by iterated local search with three ruins mixed, the best that the library has when cold."""
    return _plan(problem, seconds, seed, iterated=True)


def _plan(problem: Problem, seconds: float, seed: int, *, iterated: bool) -> Answer:
    shifts_of = options(problem).shifts
    start = () if iterated else _early_plan(problem, shifts_of, seed)
    model = WasteModel(problem, shifts_of, seed=seed, start=start)
    routing = model.routing
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.lns_time_limit.FromMilliseconds(_INNER_LIMIT_MS)
    parameters.time_limit.FromMilliseconds(max(1, int(seconds * 1_000)))
    if iterated:
        _mix_ruins(parameters)
    else:
        parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    routing.CloseModelWithParameters(parameters)
    watch = _Watch(model, unserved_cost(problem, (v for v in problem.visits if v.id not in shifts_of)).total_micro)
    routing.AddAtSolutionCallback(watch)
    if iterated:
        routing.SolveWithIteratedLocalSearch(parameters)
    else:
        first = routing.ReadAssignmentFromRoutes(model.routes(start), True)  # noqa: FBT003 - takes no keywords
        routing.SolveFromAssignmentWithParameters(first, parameters)
    return watch.best()


def _early_plan(problem: Problem, shifts_of: dict[str, tuple[str, ...]], seed: int) -> Sequence[RouteOrder]:
    """Return the best plan of our search's first step that the judge passes."""
    best: Sequence[RouteOrder] = ()
    best_micro = judged(problem, ()).plan.cost.total_micro

    def found(orders: Sequence[RouteOrder]) -> None:
        nonlocal best, best_micro
        evaluation = judged(problem, orders)
        if not evaluation.violations and evaluation.plan.cost.total_micro < best_micro:
            best, best_micro = orders, evaluation.plan.cost.total_micro

    ruin_recreate.search(problem, shifts_of, stop=StepLimit(1), seed=seed, start=(), found=found)
    return best


def _mix_ruins(parameters: Any) -> None:
    """Ask for iterated local search: one of three ruins at a time, insertion in random order, then local search."""
    parameters.use_iterated_local_search = True
    # On the built-in day of 311 visits the only construction of the library's that serves all within 10 s.
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    iterated = parameters.iterated_local_search_parameters
    iterated.improve_perturbed_solution = True
    ruin = iterated.ruin_recreate_parameters
    ruin.ruin_composition_strategy = routing_ils_pb2.RuinCompositionStrategy.RUN_ONE_RANDOMLY
    string = ruin.ruin_strategies.add().sisr
    string.max_removed_sequence_size = _LONGEST
    string.avg_num_removed_visits = _REMOVED
    string.bypass_factor = 0.5
    ruin.ruin_strategies.add().random_walk.num_removed_visits = _REMOVED
    ruin.ruin_strategies.add().spatially_close_routes.num_ruined_routes = 2
    recreate = ruin.recreate_strategy
    recreate.heuristic = routing_enums_pb2.FirstSolutionStrategy.LOCAL_CHEAPEST_INSERTION
    insertion = routing_heuristic_parameters_pb2.LocalCheapestInsertionParameters
    sorting = recreate.parameters.local_cheapest_insertion.insertion_sorting_properties
    sorting.append(insertion.SORTING_PROPERTY_RANDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solution:
    """One solution of the library: successors by index, objective, and when each vehicle departs and is back."""

    following: dict[int, int]
    objective_micro: int
    span_s: tuple[tuple[int, int], ...]


class _Watch:
    """Called inside the search at every solution; keeps those that are better than all before."""

    def __init__(self, model: WasteModel, hopeless_micro: int) -> None:
        self._model = model
        self._hopeless_micro = hopeless_micro
        self._begun_s = time.perf_counter()
        self._solutions: list[_Solution] = []
        self._curve: list[tuple[float, int]] = []

    def __call__(self) -> None:
        routing, cumul = self._model.routing, self._model.time.CumulVar
        micro = routing.CostVar().Max() + self._hopeless_micro
        if self._solutions and micro >= self._solutions[-1].objective_micro:
            return
        vehicles = range(routing.vehicles())
        self._solutions.append(
            _Solution(
                following={index: routing.NextVar(index).Value() for index in range(routing.Size())},
                objective_micro=micro,
                span_s=tuple((cumul(routing.Start(v)).Value(), cumul(routing.End(v)).Value()) for v in vehicles),
            )
        )
        self._curve.append((time.perf_counter() - self._begun_s, micro))

    def best(self) -> Answer:
        """Return the best solution that the judge passes."""
        problem = self._model.problem
        for solution in reversed(self._solutions):
            orders = self._model.orders(solution.following.__getitem__)
            if judged(problem, orders).violations:
                continue
            micro = solution.objective_micro + _last_fees_micro(self._model, solution, orders)
            micro += _early_breaks_micro(self._model, solution, orders)
            return Answer(orders=tuple(orders), objective_micro=micro, curve=tuple(self._curve))
        return nothing(problem, "no plan within the time")


def _early_breaks_micro(model: WasteModel, solution: _Solution, orders: Sequence[RouteOrder]) -> int:
    """Return what breaks cost under the judge that the library puts before a route's departure or after its return."""
    number = {shift.id: vehicle for vehicle, shift in enumerate(model.shifts)}
    beyond_micro = 0
    for order in orders:
        departure_s, return_s = solution.span_s[number[order.shift]]
        shift = model.problem.shift_by_id[order.shift]
        inside = tuple(
            rest
            for rest in shift.breaks
            if return_s > rest.latest_s and departure_s < rest.earliest_s + rest.duration_s
        )
        if inside != shift.breaks:
            shifts = tuple(replace(one, breaks=inside) if one is shift else one for one in model.problem.shifts)
            without = evaluate_route(replace(model.problem, shifts=shifts), order)
            beyond_micro += evaluate_route(model.problem, order).route.cost.total_micro - without.route.cost.total_micro
    return beyond_micro


def _last_fees_micro(model: WasteModel, solution: _Solution, orders: Sequence[RouteOrder]) -> int:
    """Return what last loads pay at the gate beyond what the arcs into the ends assume."""
    problem, routing = model.problem, model.routing
    lowest_micro = min((site.fee_micro_per_kg for site in problem.disposal_sites), default=0)
    order_of = {order.shift: order for order in orders}
    beyond_micro = 0
    for number, shift in enumerate(problem.shifts):
        index, stops = routing.Start(number), [-1]
        while not routing.IsEnd(index):
            stops.append(index)
            index = solution.following[index]
        actions = order_of[shift.id].actions if shift.id in order_of else ()
        if len(actions) != len(stops) - 1:  # else the last unloading is a node of its own, or there is none
            continue
        *_, visit, unloading = actions
        assert isinstance(visit, VisitAction)
        assert isinstance(unloading, UnloadAction)
        site, last, vehicle = (
            problem.site_by_id[unloading.site],
            problem.visit_by_id[visit.visit],
            model.vehicles[number],
        )
        way = [last.kerb[visit.kerb], site.node, problem.depot_by_id[vehicle.depot].node]
        way_m = int(problem.matrix.legs(vehicle.profile, way[:-1], way[1:])[1].sum())
        assumed_micro = routing.GetArcCostForVehicle(stops[-1], index, number)
        assumed_micro -= vehicle.micro_per_s * model.time.GetTransitValue(stops[-1], index, number)
        assumed_micro -= vehicle.micro_per_m * way_m + lowest_micro * last.demand_kg
        load_kg = 0
        for action in actions[:-1]:
            load_kg = load_kg + problem.visit_by_id[action.visit].demand_kg if isinstance(action, VisitAction) else 0
        beyond_micro += (site.fee_micro_per_kg - lowest_micro) * load_kg - assumed_micro
    return beyond_micro
