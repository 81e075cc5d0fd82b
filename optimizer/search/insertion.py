"""Fit visits that were left out into routes where the judge finds room, and choose the disposal site of each trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import Action, RouteOrder, UnloadAction, VisitAction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimizer.problem.model import Problem, Vehicle, Visit
    from optimizer.search.stop import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A route with the visit fitted in, and what that adds to the cost."""

    order: RouteOrder
    added_micro: int


def cheapest_insertion(
    problem: Problem, orders: Sequence[RouteOrder], visit: Visit, shifts: Sequence[str], *, stop: Stop
) -> Insertion | None:
    """Try every place for a visit in the routes of these shifts, a new last trip included; None where none passes.

    Stops early, with the best place so far, when ``stop`` says so.
    """
    by_shift = {order.shift: order for order in orders}
    best: Insertion | None = None
    for shift in shifts:
        order = by_shift.get(shift, RouteOrder(shift=shift, actions=()))
        goes = order.actions or problem.shift_by_id[shift].out
        before_micro = evaluate_route(problem, order).route.cost.total_micro if goes else 0
        for actions in _places(problem, order, visit):
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


def _places(problem: Problem, order: RouteOrder, visit: Visit) -> Iterator[tuple[Action, ...]]:
    """Yield the actions of a route with the visit at each place where its trip has room for it."""
    vehicle = problem.vehicle_of(problem.shift_by_id[order.shift])
    serve = [VisitAction(visit=visit.id, kerb=kerb) for kerb in range(len(visit.kerb))]
    position = 0
    for trip in _trips(order):
        if _has_room(problem, vehicle, trip, visit):
            for place in range(position, position + len(trip)):
                for action in serve:
                    yield (*order.actions[:place], action, *order.actions[place:])
        position += len(trip)
    for site in problem.disposal_sites:
        if site.accepts(visit.stream):
            for action in serve:
                yield (*order.actions, action, UnloadAction(site=site.id))


def _trips(order: RouteOrder) -> Iterator[list[Action]]:
    trip: list[Action] = []
    for action in order.actions:
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
