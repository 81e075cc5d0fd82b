"""Every constraint at its bound and one past it, the cost by hand, and stored plans judged anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from random_days import HOUR, tiny_day

from optimizer.judge.evaluate import Evaluation, check, evaluate, orders_of
from optimizer.problem.matrix import NO_PATH, TravelMatrix
from optimizer.problem.model import Break, Depot, DisposalSite, Problem, Shift, TimeWindow, Vehicle
from optimizer.problem.plan import (
    Action,
    Cost,
    Reason,
    RouteOrder,
    StepKind,
    UnloadAction,
    Unserved,
    ViolationKind,
    VisitAction,
)

START_S = 6 * HOUR
# depot 0 m, v2 2 km, v3 4 km, v4 6 km, landfill 10 km, at 10 m/s; services 60 s, unloading 600 s
AT_V3_S = START_S + 200 + 60 + 200
AT_LANDFILL_S = AT_V3_S + 60 + 200 + 60 + 400
HOME_S = AT_LANDFILL_S + 600 + 1_000
DRIVEN_M = 20_000


def until(end_s: int) -> tuple[TimeWindow, ...]:
    return (TimeWindow(start_s=0, end_s=end_s),)


def straight(problem: Problem) -> Evaluation:
    """Judge the route v2, v3, v4, landfill."""
    actions: tuple[Action, ...] = (*(VisitAction(visit=f"v{n}") for n in (2, 3, 4)), UnloadAction(site="landfill"))
    return evaluate(problem, [RouteOrder(shift="shift-1", actions=actions)])


def kinds(evaluation: Evaluation) -> set[ViolationKind]:
    return {violation.kind for violation in evaluation.violations}


CONSTRAINTS: list[tuple[ViolationKind, dict[str, Any], dict[str, Any]]] = [
    (ViolationKind.CAPACITY_KG, {"vehicle": {"capacity_kg": 300}}, {"vehicle": {"capacity_kg": 299}}),
    (ViolationKind.CAPACITY_L, {"vehicle": {"body_l": 3_000}}, {"vehicle": {"body_l": 2_999}}),
    (
        ViolationKind.CAPACITY_L,
        {"vehicle": {"body_l": 2_000, "compaction_permille": 1_500}},
        {"vehicle": {"body_l": 2_000, "compaction_permille": 1_499}},
    ),
    (ViolationKind.DAILY_KG, {"shift": {"max_daily_kg": 300}}, {"shift": {"max_daily_kg": 299}}),
    (ViolationKind.STOPS, {"shift": {"max_stops": 3}}, {"shift": {"max_stops": 2}}),
    (ViolationKind.RANGE_M, {"vehicle": {"range_m": DRIVEN_M}}, {"vehicle": {"range_m": DRIVEN_M - 1}}),
    (
        ViolationKind.ACCESS,
        {"visits": {"access": frozenset({"compactor"})}},
        {"visits": {"access": frozenset({"tipper"})}},
    ),
    (
        ViolationKind.STREAM,
        {"vehicle": {"streams": frozenset({"residual"})}},
        {"vehicle": {"streams": frozenset({"organic"})}},
    ),
    (
        ViolationKind.MIXED_STREAMS,
        {"visits": [{}, {"stream": "organic"}, {}], "vehicle": {"mixed_streams": True}},
        {"visits": [{}, {"stream": "organic"}, {}]},
    ),
    (
        ViolationKind.SITE_STREAM,
        {"site": {"streams": frozenset({"residual"})}},
        {"site": {"streams": frozenset({"organic"})}},
    ),
    (
        ViolationKind.TIME_WINDOW,
        {"visits": [{}, {"windows": until(AT_V3_S)}, {}]},
        {"visits": [{}, {"windows": until(AT_V3_S - 1)}, {}]},
    ),
    (
        ViolationKind.SITE_CLOSED,
        {"site": {"windows": until(AT_LANDFILL_S)}},
        {"site": {"windows": until(AT_LANDFILL_S - 1)}},
    ),
    (ViolationKind.OVERTIME, {"shift": {"end_s": HOME_S}}, {"shift": {"end_s": HOME_S - 1}}),
    (
        ViolationKind.OVERTIME,
        {"shift": {"end_s": HOME_S - 60, "max_overtime_s": 60}},
        {"shift": {"end_s": HOME_S - 60, "max_overtime_s": 59}},
    ),
    (
        ViolationKind.BREAK,
        # while unloading, for 600 s, no break can start
        {"shift": {"breaks": (Break(duration_s=60, earliest_s=AT_LANDFILL_S, latest_s=AT_LANDFILL_S + 600),)}},
        {
            "shift": {"breaks": (Break(duration_s=60, earliest_s=AT_LANDFILL_S + 1, latest_s=AT_LANDFILL_S + 599),)},
            # with the way there and the landfill's hours fixed, the unloading cannot be shifted
            "site": {"windows": until(AT_LANDFILL_S)},
        },
    ),
    (ViolationKind.LOCKED, {"visits": {"vehicle": "truck-1"}}, {"visits": {"vehicle": "truck-2"}}),
]


def day(changes: dict[str, Any]) -> Problem:
    """Return the tiny day with a second truck that has no shift."""
    problem = tiny_day(**{**changes, "visits": {}}) if "truck-2" in str(changes) else tiny_day(**changes)
    other = replace(problem.vehicles[0], id="truck-2")
    problem = replace(problem, vehicles=(*problem.vehicles, other))
    if "truck-2" in str(changes):
        problem = replace(problem, visits=tuple(replace(visit, **changes["visits"]) for visit in problem.visits))
    return problem


@pytest.mark.parametrize(("kind", "at_bound", "past"), CONSTRAINTS)
def test_constraint_holds_at_its_bound_and_breaks_one_past_it(
    kind: ViolationKind, at_bound: dict[str, Any], past: dict[str, Any]
) -> None:
    """A plan just inside a constraint passes, and one unit past it the judge names that constraint alone."""
    assert kinds(straight(day(at_bound))) == set()
    assert kinds(straight(day(past))) == {kind}


def test_truck_must_be_empty_when_it_comes_home() -> None:
    """A route whose last action is a visit comes home loaded and does not pass."""
    order = RouteOrder(shift="shift-1", actions=tuple(VisitAction(visit=f"v{n}") for n in (2, 3, 4)))
    evaluation = evaluate(tiny_day(), [order])
    assert kinds(evaluation) == {ViolationKind.NOT_EMPTY}
    assert evaluation.violations[0].amount == 300


def test_path_that_does_not_exist_is_a_violation() -> None:
    """A leg without a path is named and counts neither time nor distance."""
    problem = tiny_day()
    seconds, metres = (problem.matrix.duration_s("truck").copy(), problem.matrix.distance_m("truck").copy())
    seconds[2, 3] = metres[2, 3] = NO_PATH
    problem = replace(problem, matrix=TravelMatrix({"truck": seconds}, {"truck": metres}))
    evaluation = straight(problem)
    assert kinds(evaluation) == {ViolationKind.NO_PATH}
    assert evaluation.plan.distance_m == DRIVEN_M - 2_000


def test_visit_served_twice_or_forgotten_is_a_violation() -> None:
    """Each visit appears once: served by one route or named once as unserved."""
    problem = tiny_day()
    actions = (VisitAction(visit="v2"), VisitAction(visit="v2"), VisitAction(visit="v3"), UnloadAction(site="landfill"))
    found = kinds(evaluate(problem, [RouteOrder(shift="shift-1", actions=actions)]))
    assert found == {ViolationKind.VISITED_TWICE, ViolationKind.NOT_COVERED}


def test_shift_drives_one_route() -> None:
    """Two routes of one shift do not pass."""
    problem = tiny_day()
    orders = [
        RouteOrder(shift="shift-1", actions=(VisitAction(visit=name), UnloadAction(site="landfill")))
        for name in ("v2", "v3", "v4")
    ]
    assert ViolationKind.SHIFT_USED_TWICE in kinds(evaluate(problem, orders))


def test_cost_by_hand() -> None:
    """Each cost term of the straight route equals its figure worked out on paper."""
    problem = tiny_day(
        shift={"end_s": HOME_S - 100, "max_overtime_s": 200, "overtime_micro_per_s": 7},
        site={"fee_micro_per_kg": 3},
        visits=[{}, {}, {"windows": (TimeWindow(start_s=START_S + 1_000, end_s=START_S + 2_000),)}],
    )
    # v4 opens 1,000 s after the shift's start; the truck reaches it after 720 s, so it leaves 280 s later
    evaluation = straight(problem)
    plan = evaluation.plan
    assert plan.routes[0].departure_s == START_S + 280
    assert plan.routes[0].return_s == HOME_S + 280
    assert kinds(evaluation) == {ViolationKind.OVERTIME}
    assert plan.cost == Cost(
        fixed_micro=1_000_000,
        time_micro=2_780 * 100,
        overtime_micro=380 * 7,
        distance_micro=DRIVEN_M * 10,
        gate_fees_micro=300 * 3,
    )


def test_set_up_is_paid_once_while_the_truck_stays() -> None:
    """Two visits in a row at one stop share its set-up time; a visit elsewhere in between makes it due again."""
    together = tiny_day([0, 10_000, 2_000, 2_000, 4_000], visits={"setup_s": 30})
    stops = tuple(replace(visit, stop="s" if visit.id != "v4" else "t") for visit in together.visits)
    together = replace(together, visits=stops)

    def seconds(*names: str) -> int:
        actions: list[Action] = [VisitAction(visit=name) for name in names]
        order = RouteOrder(shift="shift-1", actions=(*actions, UnloadAction(site="landfill")))
        return evaluate(together, [order]).plan.duration_s

    there_and_back_s = 200 + 200 + 600 + 600 + 1_000 + 3 * 60
    assert seconds("v2", "v3", "v4") == there_and_back_s + 2 * 30
    assert seconds("v2", "v4", "v3") == there_and_back_s + 2 * 200 + 3 * 30


def test_service_takes_the_vehicles_time_for_each_lift() -> None:
    """A visit of three containers takes three of the vehicle's lifts on top of its own service time."""
    plain = straight(tiny_day()).plan.duration_s
    lifting = straight(tiny_day(visits={"lifts": 3}, vehicle={"lift_s": 20})).plan.duration_s
    assert lifting == plain + 3 * 3 * 20


def test_break_inside_a_leg_is_a_step_of_its_own() -> None:
    """A break that cuts the drive home lies between unloading and return, and delays the return by its length."""
    rest = Break(duration_s=900, earliest_s=AT_LANDFILL_S + 700, latest_s=AT_LANDFILL_S + 900)
    plan = straight(tiny_day(shift={"breaks": (rest,)}, site={"windows": until(AT_LANDFILL_S)})).plan
    kinds_of_steps = [step.kind for step in plan.routes[0].steps]
    assert kinds_of_steps[-3:] == [StepKind.UNLOAD, StepKind.BREAK, StepKind.RETURN]
    assert plan.routes[0].steps[-2].start_s == AT_LANDFILL_S + 700
    assert plan.routes[0].steps[-1].arrival_s == HOME_S + 900
    assert plan.routes[0].steps[-1].leg_duration_s == 1_000


def test_unserved_visits_cost_their_prize_or_the_penalty() -> None:
    """An optional visit left out costs its prize; a required one costs more than any route could."""
    problem = tiny_day(visits=[{"prize_micro": 5}, {}, {}])
    left_out = [
        Unserved(visit=f"v{n}", reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="left out") for n in (2, 3, 4)
    ]
    cost = evaluate(problem, [], unserved=left_out).plan.cost
    assert cost.prizes_missed_micro == 5
    assert cost.required_unserved_micro // 2 > straight(problem).plan.cost.operating_micro
    assert cost.operating_micro == 0


def test_stored_plan_passes_and_a_changed_one_does_not() -> None:
    """The check accepts what evaluate made, and finds a changed time, load, cost, vehicle, hash or id."""
    problem = tiny_day()
    plan = straight(problem).plan
    assert check(problem, plan) == ()
    route = plan.routes[0]
    step = route.steps[2]
    for changed in (
        replace(step, start_s=step.start_s + 1),
        replace(step, load_kg=step.load_kg - 1),
        replace(step, leg_distance_m=0),
    ):
        steps = (*route.steps[:2], changed, *route.steps[3:])
        found = check(problem, replace(plan, routes=(replace(route, steps=steps),)))
        assert [violation.kind for violation in found] == [ViolationKind.MISMATCH]
    assert check(problem, replace(plan, problem_hash="sha256:0"))[0].kind is ViolationKind.MISMATCH
    assert check(problem, replace(plan, cost=Cost()))[0].kind is ViolationKind.MISMATCH
    assert check(problem, replace(plan, routes=(replace(route, vehicle="x"),)))[0].kind is ViolationKind.MISMATCH
    unknown = replace(route, steps=(*route.steps[:2], replace(step, id="ghost"), *route.steps[3:]))
    assert check(problem, replace(plan, routes=(unknown,)))[0].kind is ViolationKind.UNKNOWN_ID


def test_orders_of_a_plan_make_the_same_plan_again() -> None:
    """The decisions read out of a plan, kerb states included, are judged to that very plan."""
    problem = tiny_day()
    visits = tuple(replace(visit, kerb=(visit.kerb[0], 0)) for visit in problem.visits)
    problem = replace(problem, visits=visits)
    actions = (
        VisitAction(visit="v2", kerb=1),
        VisitAction(visit="v3"),
        UnloadAction(site="landfill"),
        VisitAction(visit="v4", kerb=1),
        UnloadAction(site="landfill"),
    )
    plan = evaluate(problem, [RouteOrder(shift="shift-1", actions=actions)]).plan
    assert orders_of(problem, plan)[0].actions == actions
    assert len(plan.routes[0].trips) == 2
    assert evaluate(problem, orders_of(problem, plan)).plan == plan


def test_several_trips_empty_the_truck_each_time() -> None:
    """A truck that holds one visit's load serves three by unloading after each."""
    problem = tiny_day(vehicle={"capacity_kg": 100})
    actions: list[Action] = []
    for n in (2, 3, 4):
        actions += [VisitAction(visit=f"v{n}"), UnloadAction(site="landfill")]
    evaluation = evaluate(problem, [RouteOrder(shift="shift-1", actions=tuple(actions))])
    assert kinds(evaluation) == set()
    assert evaluation.plan.collected_kg == 300
    loads = [step.load_kg for step in evaluation.plan.routes[0].steps]
    assert loads == [0, 100, 0, 100, 0, 100, 0, 0]


def test_night_shift_passes_midnight() -> None:
    """Times run on past 86,400 seconds for a shift that ends the next day."""
    problem = tiny_day(shift={"start_s": 24 * HOUR - 600, "end_s": 26 * HOUR})
    evaluation = straight(problem)
    assert kinds(evaluation) == set()
    assert evaluation.plan.routes[0].return_s > 24 * HOUR


def test_two_depots_each_truck_returns_to_its_own() -> None:
    """A route starts and ends at its vehicle's depot."""
    problem = tiny_day()
    far = Depot(id="far", node=4)
    truck: Vehicle = replace(problem.vehicles[0], id="truck-2", depot="far")
    shift: Shift = replace(problem.shifts[0], id="shift-2", vehicle="truck-2")
    problem = replace(
        problem,
        depots=(*problem.depots, far),
        vehicles=(*problem.vehicles, truck),
        shifts=(*problem.shifts, shift),
    )
    actions = (*(VisitAction(visit=f"v{n}") for n in (2, 3, 4)), UnloadAction(site="landfill"))
    plan = evaluate(problem, [RouteOrder(shift="shift-2", actions=actions)]).plan
    assert (plan.routes[0].steps[0].node, plan.routes[0].steps[-1].node) == (4, 4)


def test_fee_is_charged_where_the_load_goes() -> None:
    """Gate fees follow the load of each unloading to its own site."""
    problem = tiny_day(site={"fee_micro_per_kg": 2})
    dear = DisposalSite(id="dear", node=4, unloading_s=60, fee_micro_per_kg=5)
    problem = replace(problem, disposal_sites=(*problem.disposal_sites, dear))
    actions = (
        VisitAction(visit="v2"),
        VisitAction(visit="v3"),
        UnloadAction(site="dear"),
        VisitAction(visit="v4"),
        UnloadAction(site="landfill"),
    )
    plan = evaluate(problem, [RouteOrder(shift="shift-1", actions=actions)]).plan
    assert plan.cost.gate_fees_micro == 200 * 5 + 100 * 2
    assert np.isclose(plan.cost.gate_fees_micro / plan.collected_kg, 4)
