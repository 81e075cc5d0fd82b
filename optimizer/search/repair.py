"""The rest of a running day: what is done stays done, and the published plan changes as little as it can.

A truck under way first finishes what it is doing: the visit it stands at or drives to is kept. From there on the rest
of the day is a problem of its own, with a ``Status`` for each truck, the rest of the plan to start from, and a price
for each visit that another shift takes over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from optimizer.judge.evaluate import evaluate_route, orders_of
from optimizer.problem.model import Problem, Shift, Status, Visit
from optimizer.problem.plan import Plan, Route, RouteOrder, Step, StepKind, UnloadAction, VisitAction
from optimizer.search.feasible import homeward
from optimizer.search.solve import Result, moved, solve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimizer.problem.matrix import TravelTimes
    from optimizer.problem.plan import Action
    from optimizer.search.stop import Stop

_MOVE_PERCENT: Final = 30
"""Price of a move, in hundredths of an average visit. Our own figure, from single runs on one built-in day: 8 % of the
visits moved; at 100 it is 1 %, and the rest 1.5 % dearer (docs/benchmarking.md)."""

_MOST_MOVED_PERCENT: Final = 10
"""Of the visits left: more crews than need be would have to learn a new route on the road."""

_LONGEST_S: Final = 86_400
"""Overtime that a crew is given on paper where it cannot come home in time in any way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a shift has behind it when the rest of the day begins.

    Parameters
    ----------
    ready_s
        From when on it can be told what to do next.
    status
        Of its truck at that moment.
    done
        Visits that are served.
    unloadings, breaks
        How many are behind it.
    """

    ready_s: int
    status: Status
    done: frozenset[str] = frozenset()
    unloadings: int = 0
    breaks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What has happened since a plan was published.

    Parameters
    ----------
    now_s
        The moment of asking.
    progress
        Of shifts of which more is known than that they keep to the plan.
    gone
        Shifts that do no more today: the truck broke down, the driver fell ill.
    urgent
        New visits.
    kept
        For a shift, how many of its next visits and unloadings stay as they are, beside the one under way.
    locked
        Visits that stay with their vehicle.
    matrix
        Travel times from now on, for example with a street closed; None where nothing changed.
    """

    now_s: int
    progress: Mapping[str, Progress] = field(default_factory=lambda: MappingProxyType({}))
    gone: frozenset[str] = frozenset()
    urgent: tuple[Visit, ...] = ()
    kept: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    locked: frozenset[str] = frozenset()
    matrix: TravelTimes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The rest of a day as a problem.

    Parameters
    ----------
    start
        The rest of the published plan, without what cannot be kept of it.
    done
        Visits that are served, or will be by what each truck is doing now.
    displaced
        Visits left over by shifts that do no more today.
    notes
        Limits that no way home keeps and that were set aside, in sentences for the dispatcher.
    """

    problem: Problem
    start: tuple[RouteOrder, ...]
    done: frozenset[str]
    displaced: frozenset[str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """The plan for the rest of a day, and the visits that a shift at work hands over to another one."""

    rest: Rest
    result: Result
    moved: tuple[str, ...]


def repair(
    problem: Problem,
    plan: Plan,
    news: News,
    *,
    stop: Stop,
    seed: int = 0,
    moved_micro: int | None = None,
    workers: int = 1,
) -> Repair:
    """Plan the rest of a running day.

    Parameters
    ----------
    plan
        The published plan of this problem; may itself be the rest of a day.
    stop, seed, workers
        As in ``solve``.
    moved_micro
        Price of a visit that another shift takes over; by default 0.3 times what a visit costs on average, and not more
        than one in ten is then handed over (``most_moved`` of ``solve``). A price that is asked for is the only limit.
    """
    rest = rest_of_day(problem, plan, news, moved_micro=moved_micro)
    most_moved = len(rest.problem.visits) * _MOST_MOVED_PERCENT // 100 if moved_micro is None else None
    result = solve(rest.problem, stop=stop, seed=seed, start=rest.start, workers=workers, most_moved=most_moved)
    return Repair(rest=rest, result=result, moved=moved(rest.problem, result.plan))


def rest_of_day(problem: Problem, plan: Plan, news: News, *, moved_micro: int | None = None) -> Rest:
    """Return what is left of a day.

    Raises
    ------
    InvalidProblem
        If an urgent visit has the id of another one, or the new matrix another size.
    """
    routes = {route.shift: route for route in plan.routes}
    progress = {shift.id: _progress(problem, shift, routes.get(shift.id), news) for shift in problem.shifts}
    done = frozenset[str]().union(*(one.done for one in progress.values() if one is not None))
    shifts = tuple(left for shift in problem.shifts if (left := _rest_of_shift(shift, progress[shift.id], news)))
    working = {shift.id for shift in shifts}
    planned = {step.id: route.shift for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT}
    vehicle_of = {shift.id: shift.vehicle for shift in problem.shifts}
    visits = tuple(
        replace(
            visit,
            planned=shift if (shift := planned.get(visit.id)) in working else None,
            vehicle=vehicle_of[planned[visit.id]] if visit.id in news.locked and visit.id in planned else visit.vehicle,
        )
        for visit in problem.visits
        if visit.id not in done
    )
    price_micro = _usual_micro(plan) if moved_micro is None else moved_micro
    rest = replace(
        problem,
        matrix=news.matrix or problem.matrix,
        shifts=shifts,
        visits=(*visits, *news.urgent),
        terms=replace(problem.terms, moved_micro=price_micro),
    )
    rest, notes = _with_ways_home(rest)
    start = tuple(
        _mended(rest, _left_of(order, one))
        for order in orders_of(problem, plan)
        if order.shift in working and (one := progress[order.shift]) is not None
    )
    return Rest(
        problem=rest,
        start=start,
        done=done,
        displaced=frozenset(name for name, shift in planned.items() if name not in done and shift not in working),
        notes=tuple(notes),
    )


def as_planned(problem: Problem, route: Route, now_s: int, *, kept: int = 0) -> Progress | None:
    """Return how far a shift is that keeps to its plan, what it is doing now finished; None before it departs.

    ``kept`` more visits and unloadings are taken for done.
    """
    if route.departure_s > now_s:
        return None
    shift = problem.shift_by_id[route.shift]
    acts = [number for number, step in enumerate(route.steps) if step.kind is not StepKind.BREAK]
    under_way = sum(route.steps[number].departure_s <= now_s for number in acts)
    last = acts[min(under_way + kept, len(acts) - 1)]
    return _after(problem, shift, route.steps[: last + 1])


def _progress(problem: Problem, shift: Shift, route: Route | None, news: News) -> Progress | None:
    if shift.id in news.progress:
        return news.progress[shift.id]
    if route is None:
        return None
    if shift.id not in news.gone:
        return as_planned(problem, route, news.now_s, kept=news.kept.get(shift.id, 0))
    behind = [step for step in route.steps if step.departure_s <= news.now_s]
    return _after(problem, shift, behind) if behind else None


def _after(problem: Problem, shift: Shift, steps: Sequence[Step]) -> Progress:
    """Return what a shift has behind it once these steps of its route are over."""
    begun = shift.status or Status(node=problem.begin_node(shift))
    stop, streams = begun.stop, set(begun.streams)
    stops, collected_kg, unloadings, breaks = begun.stops, begun.collected_kg, 0, 0
    done = set()
    for step in steps:
        if step.kind is StepKind.VISIT:
            visit = problem.visit_by_id[step.id]
            stops += visit.stop != stop
            stop = visit.stop
            collected_kg += visit.demand_kg
            streams.add(visit.stream)
            done.add(visit.id)
        elif step.kind is StepKind.UNLOAD:
            stop = None
            streams.clear()
            unloadings += 1
        elif step.kind is StepKind.BREAK:
            breaks = int(step.id) + 1
    last = steps[-1]
    status = Status(
        node=last.node,
        stop=stop,
        load_kg=last.load_kg,
        load_l=last.load_l,
        streams=frozenset(streams) if last.load_kg or last.load_l else frozenset(),
        driven_m=begun.driven_m + sum(step.leg_distance_m for step in steps),
        stops=stops,
        collected_kg=collected_kg,
        worked_s=begun.worked_s + last.departure_s - steps[0].departure_s,
    )
    return Progress(ready_s=last.departure_s, status=status, done=frozenset(done), unloadings=unloadings, breaks=breaks)


def _rest_of_shift(shift: Shift, progress: Progress | None, news: News) -> Shift | None:
    """Return what is left of a shift; None where nothing is."""
    if shift.id in news.gone:
        return None
    if progress is None:
        start_s = max(shift.start_s, news.now_s)
        return replace(shift, start_s=start_s) if start_s < shift.end_s else None
    start_s = max(progress.ready_s, news.now_s)
    end_s = max(shift.end_s, start_s + 1)  # a crew in its overtime: the first second of what is left has no price
    return replace(
        shift,
        start_s=start_s,
        end_s=end_s,
        max_overtime_s=max(0, shift.latest_return_s - end_s),
        breaks=shift.breaks[progress.breaks :],
        status=progress.status,
    )


def _usual_micro(plan: Plan) -> int:
    """Return the price of a move that is usual: so much of the way to an average visit and the work there."""
    served = sum(step.kind is StepKind.VISIT for route in plan.routes for step in route.steps)
    return _MOVE_PERCENT * (plan.cost.time_micro + plan.cost.distance_micro) // (100 * max(1, served))


def _left_of(order: RouteOrder, progress: Progress) -> RouteOrder:
    """Return the actions that are not behind a shift."""
    left: list[Action] = []
    unloadings = progress.unloadings
    for action in order.actions:
        if isinstance(action, VisitAction):
            if action.visit not in progress.done:
                left.append(action)
        elif unloadings:
            unloadings -= 1
        else:
            left.append(action)
    return RouteOrder(shift=order.shift, actions=tuple(left))


def _mended(problem: Problem, order: RouteOrder) -> RouteOrder:
    """Return the order without the visits at which the judge finds fault; the search finds other places for them."""
    while order.actions:
        faulty = {violation.subject for violation in evaluate_route(problem, order).violations}
        actions = tuple(
            action for action in order.actions if isinstance(action, UnloadAction) or action.visit not in faulty
        )
        if len(actions) == len(order.actions):
            break
        order = RouteOrder(shift=order.shift, actions=actions)
    return order


def _with_ways_home(problem: Problem) -> tuple[Problem, list[str]]:
    """Set aside the limits of crews that are out and that no way home keeps any more, and say which."""
    notes: list[str] = []
    for shift in problem.shifts:
        if not shift.out or homeward(problem, shift) is not None:
            continue
        assert shift.status is not None
        empty = replace(shift.status, load_kg=0, load_l=0, streams=frozenset())
        later = replace(shift, max_overtime_s=shift.max_overtime_s + _LONGEST_S)
        ways = (
            (later, "comes home later than its last overtime"),
            (replace(later, breaks=()), "comes home later than its last overtime and without its break"),
            (replace(shift, status=empty), "comes home with its load, for which no site is open"),
            (replace(later, status=empty, breaks=()), "comes home late, with its load and without its break"),
        )
        for way, what in ways:
            changed = replace(problem, shifts=tuple(way if one.id == shift.id else one for one in problem.shifts))
            if homeward(changed, way) is not None:
                problem = _with_least_overtime(changed, way, shift)
                notes.append(f"Shift {shift.id!r} {what}: nothing that it can still do avoids that.")
                break
    return problem, notes


def _with_least_overtime(problem: Problem, way: Shift, shift: Shift) -> Problem:
    """Give a crew no more overtime than its way home takes."""
    order = homeward(problem, way)
    assert order is not None
    return_s = evaluate_route(problem, order).route.return_s
    least = replace(way, max_overtime_s=max(shift.max_overtime_s, return_s - way.end_s))
    return replace(problem, shifts=tuple(least if one.id == way.id else one for one in problem.shifts))
