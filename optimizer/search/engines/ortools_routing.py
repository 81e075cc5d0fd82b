"""OR-Tools' routing library as an engine: guided local search from a given plan, on every constraint.

It begins from our own plan (``construct.py``), because no construction of the library is safe on waste days. On
the built-in day of 311 visits (three streams, mixing three-wheelers, two shared cores) parallel insertion needs 2.4 s
or finds nothing, the cheapest arc, savings and local insertion leave nearly all out; ours serves all in half a second,
5 % cheaper. Iterated local search, the library's best when cold, throws a start away; half the time for it (with the
library's own constructions) and half for guided local search ended 0.5 to 7 % dearer than guided local search alone on
four days of 300 visits at 20 s.

Its objective leaves out ``Terms``: it finds plans as if they were off, and the judge decides which to keep.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from optimizer.search.engines.ortools_model import WasteModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import RouteOrder
    from optimizer.search.stop import Stop

_TELL_FRACTION: Final = 0.001
"""An improvement smaller than this part of the objective waits for the next one: judging has its cost."""

_STEP_LIMIT_MS: Final = 5_000
"""Limit of the library's inner searches. Its default of 0.1 s also bounds the reading of the start, which takes 0.5 s
at 1,600 visits: the whole search then ends at once without a word. A limit by the clock that is reached also makes a
run irreproducible."""


def states(problem: Problem) -> bool:
    """Whether the model can express the day's constraints: it has no routes that begin away from their depot."""
    return all(shift.status is None for shift in problem.shifts)


def search(
    problem: Problem,
    shifts_of: dict[str, tuple[str, ...]],
    *,
    stop: Stop,
    seed: int,
    start: Sequence[RouteOrder],
    found: Callable[[list[RouteOrder]], object],
) -> None:
    """Improve a plan until told to stop, and hand each clearly better one to ``found``.

    Parameters
    ----------
    shifts_of
        For each visit to plan, the shifts that could serve it alone; the start's own among them.
    stop
        Its step limit counts the better plans that the library finds.
    start
        The plan to improve. A route of it that the model cannot express begins empty.
    """
    if not shifts_of or stop():
        return
    model = WasteModel(problem, shifts_of, seed=seed, start=start)
    routing = model.routing
    watch = _Watch(model, found)
    routing.AddAtSolutionCallback(watch)
    routing.AddSearchMonitor(model.solver.CustomLimit(stop))
    parameters = _parameters(stop)
    routing.CloseModelWithParameters(parameters)
    first = _assignment(model, _accepted(model, model.routes(start)))
    watch.read(routing.SolveFromAssignmentWithParameters(first, parameters))


class _Watch:
    """Called inside the search at every solution; passes on those that are clearly better than the last one told."""

    def __init__(self, model: WasteModel, found: Callable[[list[RouteOrder]], object]) -> None:
        self._model = model
        self._found = found
        self._told: float = math.inf

    def __call__(self) -> None:
        routing = self._model.routing
        objective = routing.CostVar().Max()
        if objective < self._told * (1 - _TELL_FRACTION):
            self._told = objective
            self._found(self._model.orders(lambda index: routing.NextVar(index).Value()))

    def read(self, solution: Any) -> None:
        """Pass the final solution on."""
        if solution is not None and solution.ObjectiveValue() < self._told:
            routing = self._model.routing
            self._found(self._model.orders(lambda index: solution.Value(routing.NextVar(index))))


def _assignment(model: WasteModel, routes: list[list[int]]) -> Any:
    """Return the library's form of routes, None if it refuses them; visits in no route are left out."""
    return model.routing.ReadAssignmentFromRoutes(routes, True)  # noqa: FBT003 - the binding takes no keywords


def _accepted(model: WasteModel, routes: list[list[int]]) -> list[list[int]]:
    """Return the routes with those emptied that the library refuses."""
    if _assignment(model, routes) is not None:
        return routes
    alone = [[route if other == number else [] for other in range(len(routes))] for number, route in enumerate(routes)]
    return [route if _assignment(model, only) is not None else [] for route, only in zip(routes, alone, strict=True)]


def _parameters(stop: Stop) -> Any:
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.lns_time_limit.FromMilliseconds(_STEP_LIMIT_MS)
    remaining_s = stop.remaining_s()
    if math.isfinite(remaining_s):
        parameters.time_limit.FromMilliseconds(max(1, int(remaining_s * 1_000)))
    steps = stop.max_steps()
    if steps is not None:
        parameters.solution_limit = steps
    return parameters
