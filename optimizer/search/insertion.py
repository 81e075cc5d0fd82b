"""Fit visits that were left out into routes where the judge finds room, and choose the disposal site of each trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.judge.evaluate import evaluate_route
from optimizer.judge.schedule import most_work_s
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.plan import Action, RouteOrder, StepKind, UnloadAction, VisitAction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from optimizer.judge.evaluate import RouteEvaluation
    from optimizer.problem.model import Problem, Vehicle, Visit
    from optimizer.search.stop import Stop

_WORK: Final = frozenset({StepKind.VISIT, StepKind.UNLOAD, StepKind.RETURN})
"""Steps with a leg before them, and perhaps work at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A route with the visit fitted in, and what that adds to the cost."""

    order: RouteOrder
    added_micro: int


def cheapest_insertion(
    problem: Problem, orders: Sequence[RouteOrder], visit: Visit, shifts: Sequence[str], *, stop: Stop
) -> Insertion | None:
    """Try every place for a visit in the routes of these shifts, a new last trip included; None where none passes.

    Places to which the way alone is longer than the crew has time left are passed over: no judge would let them pass.
    Stops early, with the best place so far, when ``stop`` says so.
    """
    by_shift = {order.shift: order for order in orders}
    best: Insertion | None = None
    for shift in shifts:
        if stop():
            return best
        order = by_shift.get(shift, RouteOrder(shift=shift, actions=()))
        goes = order.actions or problem.shift_by_id[shift].out
        before = evaluate_route(problem, order)
        before_micro = before.route.cost.total_micro if goes else 0
        for actions in _places(problem, order, visit, _in_time(problem, before, order, visit)):
            if stop():
                return best
            candidate = RouteOrder(shift=shift, actions=actions)
            evaluation = evaluate_route(problem, candidate)
            added_micro = evaluation.route.cost.total_micro - before_micro
            if not evaluation.violations and (best is None or added_micro < best.added_micro):
                best = Insertion(order=candidate, added_micro=added_micro)
    return best


def choose_sites(problem: Problem, order: RouteOrder) -> RouteOrder:
    """Return the order with each unloading at the site that makes the route cheapest, one unloading at a time."""
    if len(problem.disposal_sites) <= 1:
        return order
    best = evaluate_route(problem, order)
    for position, action in enumerate(order.actions):
        if not isinstance(action, UnloadAction):
            continue
        for site in problem.disposal_sites:
            actions = (*order.actions[:position], UnloadAction(site=site.id), *order.actions[position + 1 :])
            candidate = RouteOrder(shift=order.shift, actions=actions)
            evaluation = evaluate_route(problem, candidate)
            better = (len(evaluation.violations), evaluation.route.cost.total_micro) < (
                len(best.violations),
                best.route.cost.total_micro,
            )
            if better:
                order, best = candidate, evaluation
    return order


def shorten(problem: Problem, order: RouteOrder) -> RouteOrder:
    """Return the order without its last visits, as many as it takes to pass the judge; without any where none helps."""
    actions = order.actions
    while actions and evaluate_route(problem, RouteOrder(shift=order.shift, actions=actions)).violations:
        visits = [position for position, action in enumerate(actions) if isinstance(action, VisitAction)]
        if len(visits) <= 1:
            actions = ()
        elif visits[-1] - 1 in visits:
            actions = (*actions[: visits[-1]], *actions[visits[-1] + 1 :])
        else:
            actions = actions[: visits[-1]]
    return RouteOrder(shift=order.shift, actions=actions)


def _in_time(problem: Problem, before: RouteEvaluation, order: RouteOrder, visit: Visit) -> NDArray[np.bool_]:
    """Whether the crew has time for the way to the visit and the work there, ``bool[gap, kerb]``, one gap per leg.

    What a crew waits may be waited away, and a set-up may fall away; driving and serving never do. All legs are asked
    for at once: on a large day that takes as long as asking for one.
    """
    shift = problem.shift_by_id[order.shift]
    vehicle = problem.vehicle_of(shift)
    work_s = sum(
        step.leg_duration_s + step.departure_s - step.start_s for step in before.route.steps if step.kind in _WORK
    )
    spare_s = most_work_s(shift, shift.latest_return_s) - work_s - visit.service_s - visit.lifts * vehicle.lift_s
    nodes = [problem.begin_node(shift)]
    for action in order.actions:
        if isinstance(action, VisitAction):
            nodes.append(problem.visit_by_id[action.visit].kerb[action.kerb])
        else:
            nodes.append(problem.site_by_id[action.site].node)
    nodes.append(problem.depot_by_id[vehicle.depot].node)
    tails, heads, kerbs = np.array(nodes[:-1]), np.array(nodes[1:]), np.array(visit.kerb, dtype=np.intp)
    shape = len(tails), len(kerbs)
    way_s, _ = problem.matrix.legs(
        vehicle.profile,
        np.concatenate((np.repeat(tails, shape[1]), np.tile(kerbs, shape[0]), tails)),
        np.concatenate((np.tile(kerbs, shape[0]), np.repeat(heads, shape[1]), heads)),
    )
    size = tails.size * kerbs.size
    there_s, on_s = way_s[:size].reshape(shape), way_s[size : 2 * size].reshape(shape)
    further_s = there_s.astype(np.int64) + on_s - np.maximum(0, way_s[2 * size :, None])
    possible: NDArray[np.bool_] = (there_s != NO_PATH) & (on_s != NO_PATH) & (further_s <= spare_s)
    # After the last unloading one of its own follows, from which another way leads home.
    unloading_s = min((site.unloading_s for site in problem.disposal_sites if site.accepts(visit.stream)), default=0)
    possible[-1] = (there_s[-1] != NO_PATH) & (there_s[-1] + unloading_s - max(0, int(way_s[-1])) <= spare_s)
    return possible


def _places(
    problem: Problem, order: RouteOrder, visit: Visit, in_time: NDArray[np.bool_]
) -> Iterator[tuple[Action, ...]]:
    """Yield the actions of a route with the visit at each place in time where its trip has room for it."""
    vehicle = problem.vehicle_of(problem.shift_by_id[order.shift])
    serve = [VisitAction(visit=visit.id, kerb=kerb) for kerb in range(len(visit.kerb))]
    position = 0
    for trip in trips_of(order.actions):
        if _has_room(problem, vehicle, trip, visit):
            for place in range(position, position + len(trip)):
                for action in serve:
                    if in_time[place, action.kerb]:
                        yield (*order.actions[:place], action, *order.actions[place:])
        position += len(trip)
    for site in problem.disposal_sites:
        if site.accepts(visit.stream):
            for action in serve:
                if in_time[-1, action.kerb]:
                    yield (*order.actions, action, UnloadAction(site=site.id))


def trips_of(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """Yield a route's trips, each with its unloading."""
    trip: list[Action] = []
    for action in actions:
        trip.append(action)
        if isinstance(action, UnloadAction):
            yield trip
            trip = []


def _has_room(problem: Problem, vehicle: Vehicle, trip: Sequence[Action], visit: Visit) -> bool:
    visits = [problem.visit_by_id[action.visit] for action in trip if isinstance(action, VisitAction)]
    return (
        sum(other.demand_kg for other in visits) + visit.demand_kg <= vehicle.capacity_kg
        and sum(other.demand_l for other in visits) + visit.demand_l <= vehicle.capacity_l
        and (vehicle.mixed_streams or all(other.stream == visit.stream for other in visits))
    )
