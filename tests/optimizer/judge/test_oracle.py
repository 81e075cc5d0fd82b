"""The judge against an oracle that walks through every second: any departure, any rest, any wait."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_days import toy_day

from optimizer.judge.evaluate import evaluate, evaluate_route
from optimizer.problem.plan import Action, Reason, RouteOrder, UnloadAction, Unserved, VisitAction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, Shift, TimeWindow

NO_WAY = -1
"""How a missing path is written in the matrices, said here once more: the oracle shares nothing with the judge."""


class Halt(NamedTuple):
    """What is done at a place: seconds until it may begin (drive and set-up), seconds it takes, when it may begin."""

    approach_s: int
    service_s: int
    windows: tuple[TimeWindow, ...]


class Walked(NamedTuple):
    """A route without its clock."""

    halts: list[Halt]
    metres: int
    fees_micro: int


def walk(problem: Problem, order: RouteOrder) -> Walked | None:
    """Follow a route through places, loads and permissions; None where one of them is broken."""
    shift = next(shift for shift in problem.shifts if shift.id == order.shift)
    vehicle = next(vehicle for vehicle in problem.vehicles if vehicle.id == shift.vehicle)
    depot = next(depot.node for depot in problem.depots if depot.id == vehicle.depot)
    seconds, metres = problem.matrix.duration_s(vehicle.profile), problem.matrix.distance_m(vehicle.profile)
    halts: list[Halt] = []
    here, driven, fees, stops, day_kg = depot, 0, 0, 0, 0
    trip: list[int] = []
    row: str | None = None
    for action in order.actions:
        setup_s = 0
        if isinstance(action, VisitAction):
            number, visit = next((n, one) for n, one in enumerate(problem.visits) if one.id == action.visit)
            there = visit.kerb[action.kerb]
            if row != visit.stop:
                stops += 1
                setup_s = visit.setup_s
            row = visit.stop
            trip.append(number)
            day_kg += visit.demand_kg
            service_s, windows = visit.service_s + visit.lifts * vehicle.lift_s, visit.windows
            streams = {problem.visits[n].stream for n in trip}
            allowed = (
                (visit.access is None or vehicle.access_class in visit.access)
                and (vehicle.streams is None or visit.stream in vehicle.streams)
                and visit.vehicle in (None, vehicle.id)
                and (vehicle.mixed_streams or len(streams) == 1)
                and sum(problem.visits[n].demand_kg for n in trip) <= vehicle.capacity_kg
                and 1_000 * sum(problem.visits[n].demand_l for n in trip)
                <= vehicle.body_l * vehicle.compaction_permille
            )
            if not allowed:
                return None
        else:
            site = next(site for site in problem.disposal_sites if site.id == action.site)
            there, service_s, windows = site.node, site.unloading_s, site.windows
            if site.streams is not None and any(problem.visits[n].stream not in site.streams for n in trip):
                return None
            fees += site.fee_micro_per_kg * sum(problem.visits[n].demand_kg for n in trip)
            trip, row = [], None
        if seconds[here, there] == NO_WAY:
            return None
        halts.append(Halt(int(seconds[here, there]) + setup_s, service_s, windows))
        driven += int(metres[here, there])
        here = there
    if seconds[here, depot] == NO_WAY:
        return None
    halts.append(Halt(int(seconds[here, depot]), 0, ()))
    driven += int(metres[here, depot])
    loaded = any(problem.visits[n].demand_kg or problem.visits[n].demand_l for n in trip)
    too_much = (
        (shift.max_stops is not None and stops > shift.max_stops)
        or (shift.max_daily_kg is not None and day_kg > shift.max_daily_kg)
        or (vehicle.range_m is not None and driven > vehicle.range_m)
    )
    return None if loaded or too_much else Walked(halts, driven, fees)


def returns(shift: Shift, halts: Sequence[Halt]) -> dict[int, int]:
    """Return, for each second of departure from which the day can be done, when the truck is back at the earliest.

    Backwards over the clock: at each second, with so many rests behind it and so much of the way still to go, a truck
    may go on, wait, begin a rest that is due, or, at its place, begin what it came for.
    """
    last_s = shift.end_s + shift.max_overtime_s
    longest = max(halt.approach_s for halt in halts) + 1
    # done[time, halt, left, rests behind]: the earliest return from there; what lies beyond the last second is too late
    done = np.full((last_s + 2, len(halts), longest, len(shift.breaks) + 1), last_s + 1, dtype=np.int64)
    for time_s in range(last_s, -1, -1):
        for at in range(len(halts) - 1, -1, -1):
            for left_s in range(halts[at].approach_s + 1):
                for behind in range(len(shift.breaks), -1, -1):
                    done[time_s, at, left_s, behind] = min(choices(shift, halts, done, (time_s, at, left_s, behind)))
    found = {}
    for departure_s in range(shift.start_s, last_s + 1):
        spared = sum(rest.latest_s < departure_s for rest in shift.breaks)
        back_s = int(done[departure_s, 0, halts[0].approach_s, spared])
        if back_s <= last_s:
            found[departure_s] = back_s
    return found


def choices(
    shift: Shift, halts: Sequence[Halt], done: NDArray[np.int64], now: tuple[int, int, int, int]
) -> Iterator[int]:
    """Yield the earliest return after each thing that a truck may do now: wait, go on, begin its business, rest."""
    time_s, at, left_s, behind = now
    last_s = len(done) - 2
    halt = halts[at]
    yield int(done[time_s + 1, at, left_s, behind])
    if left_s:
        yield int(done[time_s + 1, at, left_s - 1, behind])
    elif at == len(halts) - 1:
        if behind == len(shift.breaks) or time_s <= shift.breaks[behind].earliest_s:
            yield time_s
    elif not halt.windows or any(window.start_s <= time_s <= window.end_s for window in halt.windows):
        over_s = time_s + halt.service_s
        if over_s <= last_s:
            yield int(done[over_s, at + 1, halts[at + 1].approach_s, behind])
    if behind < len(shift.breaks):
        rest = shift.breaks[behind]
        if rest.earliest_s <= time_s <= rest.latest_s and time_s + rest.duration_s <= last_s:
            yield int(done[time_s + rest.duration_s, at, left_s, behind + 1])


def oracle_micro(problem: Problem, order: RouteOrder) -> int | None:
    """Return what a route costs, timed as the judge promises: first the earliest return, then the latest departure.

    Where leaving after a rest's latest start spares that rest, the cheaper of the two timings; None if none is legal.
    """
    walked = walk(problem, order)
    if walked is None:
        return None
    shift = next(shift for shift in problem.shifts if shift.id == order.shift)
    vehicle = next(vehicle for vehicle in problem.vehicles if vehicle.id == shift.vehicle)
    timings = returns(shift, walked.halts)
    costs = []
    for from_s in (shift.start_s, *(rest.latest_s + 1 for rest in shift.breaks)):
        legal = [(back_s, -departure_s) for departure_s, back_s in timings.items() if departure_s >= from_s]
        if legal:
            back_s, departure_s = min(legal)
            overtime_s = max(0, back_s - shift.end_s)
            costs.append((back_s + departure_s) * vehicle.micro_per_s + overtime_s * shift.overtime_micro_per_s)
    if not costs:
        return None
    return min(costs) + vehicle.fixed_micro + walked.metres * vehicle.micro_per_m + walked.fees_micro


def agree(problem: Problem, order: RouteOrder) -> bool:
    """Hold the judge to the oracle on one route; return whether it is legal."""
    evaluation = evaluate_route(problem, order)
    expected = oracle_micro(problem, order)
    assert (expected is not None) == (not evaluation.violations), (evaluation.violations, order)
    if expected is not None:
        assert evaluation.route.cost.total_micro == expected, order
    return expected is not None


@st.composite
def routes(draw: st.DrawFn) -> tuple[Problem, RouteOrder]:
    """Draw a toy day of up to seven visits and any route in it."""
    visits = draw(st.integers(1, 7))
    problem = toy_day(draw(st.integers(0, 1_000_000)), visits=visits, loose=draw(st.booleans()))
    shift = draw(st.sampled_from(problem.shifts))
    chosen = draw(st.lists(st.sampled_from(problem.visits), min_size=1, max_size=visits, unique_by=lambda v: v.id))
    actions: list[Action] = []
    for visit in chosen:
        actions.append(VisitAction(visit=visit.id, kerb=draw(st.integers(0, len(visit.kerb) - 1))))
        site = draw(st.sampled_from([None, "landfill", "yard"]))
        if site is not None:
            actions.append(UnloadAction(site=site))
    if isinstance(actions[-1], VisitAction) and draw(st.integers(0, 9)):
        actions.append(UnloadAction(site=draw(st.sampled_from(["landfill", "yard"]))))
    return problem, RouteOrder(shift=shift.id, actions=tuple(actions))


@settings(max_examples=1_500, deadline=None)
@given(routes())
def test_judge_passes_what_some_timing_makes_legal_and_at_its_cost(case: tuple[Problem, RouteOrder]) -> None:
    """A route passes the judge if and only if the oracle finds a legal timing, and costs what the oracle says."""
    agree(*case)


def all_orders(problem: Problem, shift: str) -> Iterator[RouteOrder]:
    """Yield every route of a shift: each set of visits, sequence, kerb state, and unloading after each visit or not."""
    sites = [None, *(site.id for site in problem.disposal_sites)]
    for count in range(1, len(problem.visits) + 1):
        for chosen in itertools.permutations(problem.visits, count):
            for kerbs in itertools.product(*(range(len(visit.kerb)) for visit in chosen)):
                for unloadings in itertools.product(sites, repeat=count):
                    actions: list[Action] = []
                    for visit, kerb, site in zip(chosen, kerbs, unloadings, strict=True):
                        actions.append(VisitAction(visit=visit.id, kerb=kerb))
                        if site is not None:
                            actions.append(UnloadAction(site=site))
                    yield RouteOrder(shift=shift, actions=tuple(actions))


@pytest.mark.parametrize("seed", range(5))
def test_judge_agrees_on_every_route_of_a_day(seed: int) -> None:
    """Over all sets, sequences, kerb states and unloadings of a toy day, judge and oracle agree."""
    problem = toy_day(seed, visits=2, loose=seed % 2 == 0)
    legal = [agree(problem, order) for shift in problem.shifts for order in all_orders(problem, shift.id)]
    assert len(legal) >= 2 * 24
    assert any(legal) or seed % 2


@pytest.mark.parametrize("seed", range(40))
def test_a_days_cost_is_that_of_its_routes_and_of_what_it_leaves_out(seed: int) -> None:
    """A plan costs the oracle's sum of its routes, the prizes missed, and one penalty for each required visit left."""
    problem = toy_day(seed, visits=4, loose=True)
    legal = [
        order
        for shift, visit in zip(problem.shifts, problem.visits, strict=False)
        for order in (RouteOrder(shift=shift.id, actions=(VisitAction(visit=visit.id), UnloadAction(site="landfill"))),)
        if oracle_micro(problem, order) is not None
    ]
    served = {order.actions[0].visit for order in legal if isinstance(order.actions[0], VisitAction)}
    left = [visit for visit in problem.visits if visit.id not in served]
    unserved = [Unserved(visit=visit.id, reason=Reason.PRIZE_BELOW_COST, detail="left out") for visit in left]
    cost = evaluate(problem, legal, unserved=unserved).plan.cost
    assert cost.operating_micro == sum(oracle_micro(problem, order) or 0 for order in legal)
    assert cost.prizes_missed_micro == sum(visit.prize_micro or 0 for visit in left)
    required = sum(visit.prize_micro is None for visit in left)
    assert (cost.required_unserved_micro == 0) == (required == 0)
    assert required == 0 or cost.required_unserved_micro % required == 0
