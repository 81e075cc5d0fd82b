"""Trucks that would meet at a disposal site: other sites and other orders of trips, where the judge finds that cheaper.

The engines price one route at a time and see no queue. So the plan that they found is gone over once more: one route
after the other that stands in a queue is changed where the whole day then costs less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.judge.cost import queue_micro
from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import RouteOrder, UnloadAction
from optimizer.search.insertion import trips_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Action, Route
    from optimizer.search.stop import Stop


def ease_queues(problem: Problem, orders: Sequence[RouteOrder], *, stop: Stop) -> list[RouteOrder]:
    """Return the orders of a plan that passes, with less queueing where that pays; never dearer, and served alike.

    Stops early, with what is eased so far, when ``stop`` says so.
    """
    eased = {order.shift: order for order in orders}
    routes = {order.shift: evaluate_route(problem, order).route for order in orders}
    waiting = list(eased) if problem.terms.queue_micro else []
    while waiting and not stop():
        shift = waiting.pop()
        others = [route for name, route in routes.items() if name != shift]
        if queue_micro(problem, routes.values()) == queue_micro(problem, others):
            continue
        found = _cheaper(problem, eased[shift], routes[shift], others, stop)
        if found is not None:
            eased[shift], routes[shift] = found
            waiting = list(eased)  # what did not pay before may now; each change is cheaper, so this ends
    return list(eased.values())


def _cheaper(
    problem: Problem, order: RouteOrder, route: Route, others: Sequence[Route], stop: Stop
) -> tuple[RouteOrder, Route] | None:
    """Return the best change to a route that makes the day cheaper; None where there is none."""
    least_micro = route.cost.total_micro + queue_micro(problem, [*others, route])
    best: tuple[RouteOrder, Route] | None = None
    for actions in _other_ways(problem, order.actions):
        if stop():
            break
        candidate = RouteOrder(shift=order.shift, actions=actions)
        evaluation = evaluate_route(problem, candidate)
        micro = evaluation.route.cost.total_micro + queue_micro(problem, [*others, evaluation.route])
        if not evaluation.violations and micro < least_micro:
            least_micro, best = micro, (candidate, evaluation.route)
    return best


def _other_ways(problem: Problem, actions: tuple[Action, ...]) -> Iterator[tuple[Action, ...]]:
    """Yield a route's actions with one unloading at another site, and with two trips in a row exchanged."""
    for position, action in enumerate(actions):
        if isinstance(action, UnloadAction):
            for site in problem.disposal_sites:
                if site.id != action.site:
                    yield (*actions[:position], UnloadAction(site=site.id), *actions[position + 1 :])
    trips = list(trips_of(actions))
    for number in range(len(trips) - 1):
        exchanged = [*trips[:number], trips[number + 1], trips[number], *trips[number + 2 :]]
        yield tuple(action for trip in exchanged for action in trip)
