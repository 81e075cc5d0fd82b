"""A plan carried out with what is really in the containers: trucks fill up early, and some visits are put off.

The order of visits stays. Where the next one no longer fits, the truck unloads on the way if the visit is required, and
passes by if it is optional: no prize is worth a trip of its own. A visit whose window has closed by then is put off,
and so are the last ones of a route that would break another limit, such as the end of the shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import RouteOrder, UnloadAction, ViolationKind, VisitAction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from optimizer.problem.model import Problem, Vehicle, Visit
    from optimizer.problem.plan import Action, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """Orders as they went.

    Parameters
    ----------
    routes
        What was driven.
    containers
        Those emptied.
    left_l
        What stayed in an emptied container because no truck's body holds it all.
    trips, extra_trips
        All that were driven, and those of them that nobody had planned.
    put_off
        Visits that were planned and not made.
    """

    routes: tuple[Route, ...]
    containers: tuple[str, ...]
    left_l: Mapping[str, float]
    kg: int
    trips: int
    extra_trips: int
    put_off: int


def carry_out(
    problem: Problem, orders: Sequence[RouteOrder], litres: Mapping[str, float], density: Mapping[str, float]
) -> CarriedOut:
    """Drive a plan's orders with what is really in the containers.

    Parameters
    ----------
    litres
        What is in each container.
    density
        Kilograms per litre of each stream.
    """
    routes: list[Route] = []
    emptied: list[str] = []
    left_l: dict[str, float] = {}
    kg = trips = extra = put_off = 0
    for planned in orders:
        vehicle = problem.vehicle_of(problem.shift_by_id[planned.shift])
        visits = {visit.id: _with_truth(visit, vehicle, litres, density) for visit in _visits(problem, planned)}
        truth = replace(problem, visits=tuple(visits.values()))
        driven, route = _driven(truth, _with_unloadings(truth, planned))
        served = _visits(truth, driven)
        trips += _unloadings(driven)
        extra += max(0, _unloadings(driven) - _unloadings(planned))
        put_off += len(visits) - len(served)
        for visit in served:
            emptied += visit.containers
            left_l |= _left(visit, litres)
        kg += sum(visit.demand_kg for visit in served)
        if route is not None:
            routes.append(route)
    return CarriedOut(
        routes=tuple(routes),
        containers=tuple(emptied),
        left_l=left_l,
        kg=kg,
        trips=trips,
        extra_trips=extra,
        put_off=put_off,
    )


def _with_truth(visit: Visit, vehicle: Vehicle, litres: Mapping[str, float], density: Mapping[str, float]) -> Visit:
    """Return the visit with what is there, as far as an empty truck can take it."""
    there_l = sum(litres[name] for name in visit.containers)
    most_l = min(float(vehicle.capacity_l), vehicle.capacity_kg / density[visit.stream])
    taken_l = min(there_l, most_l)
    return replace(
        visit,
        demand_l=min(math.ceil(round(taken_l, 6)), vehicle.capacity_l),
        demand_kg=min(math.ceil(round(taken_l * density[visit.stream], 6)), vehicle.capacity_kg),
    )


def _left(visit: Visit, litres: Mapping[str, float]) -> dict[str, float]:
    """Return what stays in each container of a visit that filled a whole truck; nothing of any other."""
    there_l = sum(litres[name] for name in visit.containers)
    if there_l <= visit.demand_l:
        return {}
    return {name: litres[name] * (1 - visit.demand_l / there_l) for name in visit.containers}


def _with_unloadings(problem: Problem, order: RouteOrder) -> RouteOrder:
    """Unload before each required visit that no longer fits, and pass by the optional ones."""
    vehicle = problem.vehicle_of(problem.shift_by_id[order.shift])
    here = problem.depot_by_id[vehicle.depot].node
    kg = litres = 0
    aboard: set[str] = set()
    actions: list[Action] = []
    for action in order.actions:
        if isinstance(action, UnloadAction):
            if aboard:
                actions.append(action)
            kg, litres, here = 0, 0, problem.site_by_id[action.site].node
            aboard.clear()
            continue
        visit = problem.visit_by_id[action.visit]
        there = visit.kerb[action.kerb]
        if kg + visit.demand_kg > vehicle.capacity_kg or litres + visit.demand_l > vehicle.capacity_l:
            if not visit.required:
                continue
            actions.append(UnloadAction(site=_site_on_the_way(problem, vehicle, here, there, aboard)))
            kg = litres = 0
            aboard.clear()
        kg, litres, here = kg + visit.demand_kg, litres + visit.demand_l, there
        aboard.add(visit.stream)
        actions.append(action)
    return RouteOrder(shift=order.shift, actions=tuple(actions))


def _driven(problem: Problem, order: RouteOrder) -> tuple[RouteOrder, Route | None]:
    """Give up visits until the route passes the judge; return what is left of it, and its times."""
    actions = order.actions
    while any(isinstance(action, VisitAction) for action in actions):
        judged = evaluate_route(problem, RouteOrder(shift=order.shift, actions=actions))
        if not judged.violations:
            return RouteOrder(shift=order.shift, actions=actions), judged.route
        late = [v.subject for v in judged.violations if v.kind is ViolationKind.TIME_WINDOW]
        visits = [action.visit for action in actions if isinstance(action, VisitAction)]
        actions = _without(actions, late[0] if late else visits[-1])
    return RouteOrder(shift=order.shift, actions=()), None


def _without(actions: Sequence[Action], visit: str) -> tuple[Action, ...]:
    """Return the actions without a visit, nor the unloading after it if nothing is left to unload."""
    kept: list[Action] = []
    for action in actions:
        if isinstance(action, VisitAction) and action.visit == visit:
            continue
        if isinstance(action, UnloadAction) and (not kept or isinstance(kept[-1], UnloadAction)):
            continue
        kept.append(action)
    return tuple(kept)


def _site_on_the_way(problem: Problem, vehicle: Vehicle, here: int, there: int, aboard: Collection[str]) -> str:
    """Return the disposal site with the shortest way round that accepts what is aboard."""
    sites = [site for site in problem.disposal_sites if all(site.accepts(stream) for stream in aboard)]
    nodes = [site.node for site in sites]
    to_s, _ = problem.matrix.block(vehicle.profile, [here], nodes)
    from_s, _ = problem.matrix.block(vehicle.profile, nodes, [there])
    seconds = to_s[0].astype(np.int64) + from_s[:, 0]
    seconds[(to_s[0] < 0) | (from_s[:, 0] < 0)] = np.iinfo(np.int64).max
    return sites[int(seconds.argmin())].id


def _visits(problem: Problem, order: RouteOrder) -> list[Visit]:
    return [problem.visit_by_id[action.visit] for action in order.actions if isinstance(action, VisitAction)]


def _unloadings(order: RouteOrder) -> int:
    return sum(isinstance(action, UnloadAction) for action in order.actions)
