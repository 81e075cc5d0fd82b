"""The compiled loops count what the judge counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_days import HOUR, random_day, tiny_day

from optimizer.judge.cost import unserved_cost
from optimizer.judge.evaluate import evaluate, evaluate_route
from optimizer.problem.matrix import NO_PATH, TravelMatrix
from optimizer.problem.model import Break, DisposalSite, Problem, Status, Terms, TimeWindow
from optimizer.problem.plan import Action, Reason, RouteOrder, UnloadAction, Unserved, VisitAction
from optimizer.search.feasible import homeward, may_carry, options
from optimizer.search.kernel.arrays import N_BEST, Codes, empty_state
from optimizer.search.kernel.loops import fill, improve, load
from optimizer.search.kernel.routes import count, gained, priced, refresh, tidy

BREAKS = [
    (),
    (Break(duration_s=1_800, earliest_s=6 * HOUR, latest_s=7 * HOUR),),
    (
        Break(duration_s=900, earliest_s=6 * HOUR, latest_s=7 * HOUR),
        Break(duration_s=1_200, earliest_s=7 * HOUR, latest_s=8 * HOUR),
    ),
]


def rich_day(seed: int, visits: int = 12) -> Problem:
    """Return a day on which every constraint of the vocabulary binds now and then."""
    rng = np.random.default_rng(seed)
    problem = random_day(seed, visits=visits, vehicles=3, streams=2, optional=0.3, capacity_kg=900)
    yard = DisposalSite(
        id="yard",
        node=2,
        unloading_s=300,
        streams=frozenset({"organic"}) if rng.random() < 0.5 else None,
        fee_micro_per_kg=int(rng.integers(0, 5_000)),
        windows=(TimeWindow(start_s=0, end_s=6 * HOUR), TimeWindow(start_s=7 * HOUR, end_s=9 * HOUR)),
    )
    problem = replace(
        problem,
        matrix=with_gaps(problem.matrix, rng),
        disposal_sites=(*problem.disposal_sites, yard),
        vehicles=tuple(
            replace(
                vehicle,
                mixed_streams=bool(rng.random() < 0.4),
                range_m=int(rng.integers(40_000, 160_000)) if rng.random() < 0.5 else None,
                micro_per_s=vehicle.micro_per_s if rng.random() < 0.8 else 0,
            )
            for vehicle in problem.vehicles
        ),
        shifts=tuple(
            replace(
                shift,
                breaks=BREAKS[int(rng.integers(len(BREAKS)))],
                end_s=int(rng.integers(7, 12)) * HOUR,
                max_stops=int(rng.integers(3, 12)) if rng.random() < 0.4 else None,
                max_daily_kg=int(rng.integers(300, 2_000)) if rng.random() < 0.4 else None,
            )
            for shift in problem.shifts
        ),
        visits=tuple(
            replace(
                visit,
                stop=f"s{number // 2}" if rng.random() < 0.4 else visit.stop,
                kerb=tuple(dict.fromkeys((*visit.kerb, int(rng.integers(2, visits + 2))))),
                setup_s=int(rng.integers(0, 200)),
                windows=some_windows(rng),
                vehicle="truck-1" if rng.random() < 0.1 else None,
            )
            for number, visit in enumerate(problem.visits)
        ),
    )
    return with_terms(under_way(problem, rng), rng) if rng.random() < 0.6 else problem


def under_way(problem: Problem, rng: np.random.Generator) -> Problem:
    """Let some shifts begin away from the depot, with a load and with part of their limits used up."""

    def status() -> Status | None:
        load = int(rng.integers(1, 300)) if rng.random() < 0.6 else 0
        visit = problem.visits[int(rng.integers(len(problem.visits)))]
        begun = Status(
            node=visit.kerb[0],
            stop=visit.stop if rng.random() < 0.5 else None,
            load_kg=load,
            load_l=5 * load,
            streams=frozenset({"residual"} if rng.random() < 0.7 else {"organic", "paper"}) if load else frozenset(),
            driven_m=int(rng.integers(0, 20_000)),
            stops=int(rng.integers(0, 3)),
            collected_kg=int(rng.integers(0, 300)),
            out=bool(rng.random() < 0.7),
        )
        return begun if rng.random() < 0.6 else None

    shifts = tuple(
        replace(shift, status=status(), start_s=shift.start_s + int(rng.integers(0, 3)) * 2_700)
        for shift in problem.shifts
    )
    return replace(problem, shifts=shifts)


def with_terms(problem: Problem, rng: np.random.Generator) -> Problem:
    """Give every optional term of the cost a price, and something to price."""
    names = [shift.id for shift in problem.shifts]
    return replace(
        problem,
        terms=Terms(
            moved_micro=int(rng.integers(1, 9_000_000)),
            outside_zones_micro=int(rng.integers(1, 9_000_000)),
            balance_micro_per_h2=int(rng.integers(1, 5_000_000)) if rng.random() < 0.7 else 0,
            compactness_micro_per_km2=int(rng.integers(1, 5_000_000)) if rng.random() < 0.7 else 0,
        ),
        vehicles=tuple(
            replace(
                vehicle,
                micro_per_t_km=int(rng.integers(0, 900_000)),
                zones=frozenset({"north", "south"}) if rng.random() < 0.5 else None,
            )
            for vehicle in problem.vehicles
        ),
        shifts=tuple(
            shift if shift.status is None else replace(shift, status=replace(shift.status, worked_s=5_000))
            for shift in problem.shifts
        ),
        visits=tuple(
            replace(
                visit,
                planned=str(rng.choice(names)) if rng.random() < 0.6 else None,
                zone=str(rng.choice(["north", "east"])) if rng.random() < 0.6 else None,
            )
            for visit in problem.visits
        ),
    )


def with_gaps(matrix: TravelMatrix, rng: np.random.Generator) -> TravelMatrix:
    """Take a few paths out of a matrix."""
    seconds = {profile: matrix.duration_s(profile).copy() for profile in matrix.profiles}
    metres = {profile: matrix.distance_m(profile).copy() for profile in matrix.profiles}
    gone = rng.random((matrix.n, matrix.n)) < 0.02
    np.fill_diagonal(gone, val=False)
    for cells in (*seconds.values(), *metres.values()):
        cells[gone] = NO_PATH
    return TravelMatrix(seconds, metres)


def some_windows(rng: np.random.Generator) -> tuple[TimeWindow, ...]:
    """Return no window, one or two."""
    first = int(rng.integers(5, 8)) * HOUR
    both = (
        TimeWindow(start_s=first, end_s=first + 2_000),
        TimeWindow(start_s=first + 4_000, end_s=first + 9_000),
    )
    return both[: int(rng.choice([0, 0, 1, 2]))]


@st.composite
def orders(draw: st.DrawFn) -> tuple[Problem, RouteOrder]:
    """Draw a day and any route in it that its shift's vehicle may drive as far as class, stream and lock say."""
    problem = rich_day(draw(st.integers(0, 10_000)))
    shift = draw(st.sampled_from(problem.shifts))
    vehicle = problem.vehicle_of(shift)
    able = [visit for visit in problem.visits if may_carry(vehicle, visit)]
    chosen: list[Any] = (
        draw(st.lists(st.sampled_from(able), max_size=7, unique_by=lambda visit: visit.id)) if able else []
    )
    actions: list[Action] = []
    for visit in chosen:
        actions.append(VisitAction(visit=visit.id, kerb=draw(st.integers(0, len(visit.kerb) - 1))))
        if draw(st.booleans()) or visit is chosen[-1]:
            actions.append(UnloadAction(site=draw(st.sampled_from(["landfill", "yard"]))))
    return problem, RouteOrder(shift=shift.id, actions=tuple(actions))


@settings(max_examples=400, deadline=None)
@given(orders())
def test_any_route_is_legal_and_costs_what_the_judge_says(case: tuple[Problem, RouteOrder]) -> None:
    """A route passes the loops if and only if it passes the judge, and then costs the same to the millionth."""
    problem, order = case
    everywhere = tuple(shift.id for shift in problem.shifts)
    codes = Codes(problem, {visit.id: everywhere for visit in problem.visits})
    day = codes.day()
    state = empty_state(day, 1)
    row = everywhere.index(order.shift)
    state.routes["length"][row] = len(order.actions)
    state.seq[row, 1 : len(order.actions) + 1] = [codes.code(action) for action in order.actions]
    fits = refresh(day, state, row)
    if fits:
        count(day, state, row)
    if not order.actions and not problem.shifts[row].out:
        assert fits
        assert state.routes["cost"][row] == 0
        return
    evaluation = evaluate_route(problem, order)
    assert fits == (not evaluation.violations)
    if fits:
        assert state.routes["cost"][row] == evaluation.route.cost.total_micro


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_the_search_keeps_passes_the_judge_at_the_cost_that_it_states(seed: int) -> None:
    """After a few hundred steps the best plan has no violation, and the judge's total is the loops' own."""
    problem = rich_day(seed, visits=16)
    shifts_of = options(problem).shifts
    ways_home = [homeward(problem, shift) if shift.out else None for shift in problem.shifts]
    if not shifts_of or any(shift.out and way is None for shift, way in zip(problem.shifts, ways_home, strict=True)):
        return
    codes = Codes(problem, shifts_of)
    day = codes.day()
    state = empty_state(day, seed)
    for row, way in enumerate(ways_home):
        actions = () if way is None else way.actions
        state.routes["length"][row] = len(actions)
        state.seq[row, 1 : len(actions) + 1] = [codes.code(action) for action in actions]
    assert load(day, state)
    fill(day, state)
    improve(day, state, 300, 1e6, 6.0)
    found = codes.orders(state.best_seq, state.routes["best_length"])
    served = {action.visit for order in found for action in order.actions if isinstance(action, VisitAction)}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.PRIZE_BELOW_COST, detail="left out")
        for visit in problem.visits
        if visit.id not in served
    ]
    evaluation = evaluate(problem, found, unserved=unserved)
    assert evaluation.violations == ()
    hopeless = unserved_cost(problem, [visit for visit in problem.visits if visit.id not in shifts_of])
    assert evaluation.plan.cost.total_micro - hopeless.total_micro == state.numbers[N_BEST]


def test_tidying_ends_where_two_changes_each_seem_to_undo_the_other_at_a_gain() -> None:
    """A route whose unloading seems cheaper before a visit when it is after it, and after it when before, is left."""
    seconds = np.full((5, 5), 600, dtype=np.int32)
    seconds[2, 3] = 660
    metres = np.full((5, 5), 6_000, dtype=np.int32)
    metres[3, 4] = 9_000
    for square in (seconds, metres):
        np.fill_diagonal(square, 0)
    # A truck that goes from v2 straight to v3 waits there, and has overtime for it; the estimates see no waiting.
    late = (TimeWindow(start_s=6 * HOUR + 2_460, end_s=9 * HOUR),)
    problem = tiny_day(
        visits=[{"demand_kg": 400}, {"demand_kg": 400, "windows": late}, {"demand_kg": 400}],
        vehicle={"micro_per_s": 100, "micro_per_m": 10},
        shift={"end_s": 6 * HOUR + 5_400, "max_overtime_s": HOUR, "overtime_micro_per_s": 10_000},
        matrix=TravelMatrix({"truck": seconds}, {"truck": metres}),
    )
    codes = Codes(problem, {visit.id: ("shift-1",) for visit in problem.visits})
    day = codes.day()
    state = empty_state(day, 1)
    v2, v3, v4 = (codes.code(VisitAction(visit=name)) for name in ("v2", "v3", "v4"))
    unload = codes.code(UnloadAction(site="landfill"))
    after, before = [v2, v3, unload, v4, unload], [v2, unload, v3, v4, unload]
    state.routes["length"][0] = 5
    for route, i, j, one, two in ((after, 1, 4, unload, v3), (before, 1, 4, v3, unload)):
        state.seq[0, 1:6] = route
        assert load(day, state)
        assert priced(day, state, 0, *gained(day, state, 0, i, j, one, two)) < 0
        tidy(day, state, 0)
        assert state.seq[0, 1:6].tolist() in (after, before)
