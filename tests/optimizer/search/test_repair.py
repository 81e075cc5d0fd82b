"""The rest of a running day keeps what is done, where the trucks are, and as much of the plan as it can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_days import HOUR, random_day, tiny_day

from optimizer.judge.evaluate import check, evaluate, evaluate_route, orders_of
from optimizer.problem.matrix import NO_PATH, TravelMatrix
from optimizer.problem.model import Break, Problem, Status, Terms, TimeWindow, Visit
from optimizer.problem.plan import Action, Plan, Reason, RouteOrder, StepKind, UnloadAction, VisitAction
from optimizer.search.repair import News, Progress, as_planned, repair, rest_of_day
from optimizer.search.solve import moved, solve
from optimizer.search.stop import StepLimit

START_S = 6 * HOUR
# depot 0 m, v2 2 km, v3 4 km, v4 6 km, landfill 10 km, at 10 m/s; services 60 s, unloading 600 s
V2_S = START_S + 200
V3_S = V2_S + 60 + 200
ACTIONS: tuple[Action, ...] = (*(VisitAction(visit=f"v{n}") for n in (2, 3, 4)), UnloadAction(site="landfill"))


def published(problem: Problem) -> Plan:
    """Return the plan v2, v3, v4, landfill."""
    return evaluate(problem, [RouteOrder(shift="shift-1", actions=ACTIONS)]).plan


def served(plan: Plan) -> set[str]:
    """Return the visits that a plan serves."""
    return {step.id for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT}


@pytest.mark.parametrize(
    ("now_s", "kept", "done"),
    [
        (START_S, 0, {"v2"}),
        (V2_S + 59, 0, {"v2"}),
        (V2_S + 60, 0, {"v2", "v3"}),
        (V2_S + 59, 1, {"v2", "v3"}),
        (START_S, 9, {"v2", "v3", "v4"}),
    ],
)
def test_what_a_truck_is_doing_is_finished(now_s: int, kept: int, done: set[str]) -> None:
    """The visit that a truck stands at or drives to counts as done, and so many more as are kept."""
    problem = tiny_day()
    progress = as_planned(problem, published(problem).routes[0], now_s, kept=kept)
    assert progress is not None
    assert progress.done == done


def test_truck_that_has_not_departed_has_nothing_behind_it() -> None:
    """Before its departure a shift may still be planned in full, from now on."""
    problem = tiny_day()
    plan = published(problem)
    assert as_planned(problem, plan.routes[0], START_S - 1) is None
    rest = rest_of_day(problem, plan, News(now_s=START_S - 1))
    assert rest.problem.shifts == problem.shifts
    assert rest.start == (RouteOrder(shift="shift-1", actions=ACTIONS),) or rest.start == ()


def test_status_is_that_of_the_last_step() -> None:
    """Place, load, metres, stops and hours are those of the step that is finished."""
    problem = tiny_day()
    progress = as_planned(problem, published(problem).routes[0], V3_S)
    assert progress == Progress(
        ready_s=V3_S + 60,
        status=Status(
            node=3,
            stop="s3",
            load_kg=200,
            load_l=2_000,
            streams=frozenset({"residual"}),
            driven_m=4_000,
            stops=2,
            collected_kg=200,
            worked_s=V3_S + 60 - START_S,
        ),
        done=frozenset({"v2", "v3"}),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(5 * HOUR, 12 * HOUR))
def test_rest_of_a_plan_costs_what_the_plan_has_left(seed: int, now_s: int) -> None:
    """A day cut in two at any moment costs as much as the whole, and every truck does what it would have done."""
    problem = random_day(seed, visits=14, vehicles=3, streams=2)
    plan = solve(problem, stop=StepLimit(2), seed=seed).plan
    rest = rest_of_day(problem, plan, News(now_s=now_s))
    evaluation = evaluate(rest.problem, rest.start)
    for route in plan.routes:
        progress = as_planned(problem, route, now_s)
        left = next((one for one in evaluation.plan.routes if one.shift == route.shift), None)
        if progress is None or left is None or route.return_s <= now_s:
            continue
        assert left.return_s == route.return_s
        assert left.distance_m + progress.status.driven_m == route.distance_m
        assert left.duration_s + progress.status.worked_s == route.duration_s
        assert left.cost.moved_micro == 0
    assert {violation.kind.value for violation in evaluation.violations} <= {"not_covered"}


def test_repair_of_an_undisturbed_day_moves_nothing() -> None:
    """With no news but the time, the rest of the plan stays and every visit is served once."""
    problem = random_day(3, visits=30, vehicles=3)
    plan = solve(problem, stop=StepLimit(20), seed=1).plan
    done = repair(problem, plan, News(now_s=7 * HOUR), stop=StepLimit(4), seed=1, moved_micro=10**9)
    assert done.moved == ()
    assert served(done.result.plan) | done.rest.done == served(plan)
    assert check(done.rest.problem, done.result.plan) == ()


def test_breakdown_hands_the_visits_of_one_truck_to_the_others() -> None:
    """The shift that is gone drives no more; what it had left is served by others or named with its reason."""
    problem = random_day(5, visits=30, vehicles=5)
    plan = solve(problem, stop=StepLimit(20), seed=1).plan
    gone = plan.routes[0].shift
    news = News(now_s=7 * HOUR, gone=frozenset({gone}))
    done = repair(problem, plan, news, stop=StepLimit(10), seed=1)
    assert gone not in {route.shift for route in done.result.plan.routes}
    assert done.rest.displaced
    assert check(done.rest.problem, done.result.plan) == ()
    named = {entry.visit for entry in done.result.plan.unserved}
    assert done.rest.displaced <= served(done.result.plan) | named


def test_visit_under_way_at_a_breakdown_is_not_done() -> None:
    """A truck that breaks down during a service has not served it."""
    problem = tiny_day()
    rest = rest_of_day(problem, published(problem), News(now_s=V3_S + 59, gone=frozenset({"shift-1"})))
    assert rest.done == {"v2"}
    assert rest.displaced == {"v3", "v4"}


def test_price_of_a_move_keeps_visits_with_their_shift() -> None:
    """A dear move leaves no visit moved where a free one moves some."""
    problem = tiny_day()
    second = replace(problem.vehicles[0], id="truck-2")
    shift = replace(problem.shifts[0], status=Status(node=2))
    problem = replace(
        problem,
        vehicles=(*problem.vehicles, second),
        shifts=(shift, replace(shift, id="shift-2", vehicle="truck-2", status=Status(node=4))),
        visits=tuple(replace(visit, planned="shift-1" if visit.id == "v4" else "shift-2") for visit in problem.visits),
    )
    for price_micro, count in ((0, 2), (10**9, 0)):
        priced = replace(problem, terms=Terms(moved_micro=price_micro))
        plan = solve(priced, stop=StepLimit(2)).plan
        assert len(moved(priced, plan)) == count
        assert plan.cost.moved_micro == 0


def test_locked_visit_stays_with_its_vehicle() -> None:
    """A lock of the rest of the day becomes a lock of the visit."""
    problem = tiny_day()
    rest = rest_of_day(problem, published(problem), News(now_s=START_S, locked=frozenset({"v4"})))
    assert rest.problem.visit_by_id["v4"].vehicle == "truck-1"
    assert rest.problem.visit_by_id["v3"].vehicle is None


def test_urgent_visit_joins_the_rest_of_the_day() -> None:
    """A new visit is served by a truck under way."""
    problem = tiny_day()
    urgent = replace(problem.visits[2], id="urgent")
    done = repair(problem, published(problem), News(now_s=V3_S, urgent=(urgent,)), stop=StepLimit(2))
    assert served(done.result.plan) == {"v4", "urgent"}
    assert done.moved == ()


def test_closed_street_leaves_out_what_nothing_reaches() -> None:
    """With a new matrix a visit that no street reaches any more is unserved and the others are kept."""
    problem = tiny_day()
    seconds, metres = (problem.matrix.duration_s("truck").copy(), problem.matrix.distance_m("truck").copy())
    for cells in (seconds, metres):
        cells[4, :] = cells[:, 4] = NO_PATH
        cells[4, 4] = 0
    closed = TravelMatrix({"truck": seconds}, {"truck": metres})
    done = repair(problem, published(problem), News(now_s=START_S, matrix=closed), stop=StepLimit(2))
    assert served(done.result.plan) == {"v3"}
    assert [(entry.visit, entry.reason) for entry in done.result.plan.unserved] == [("v4", Reason.UNREACHABLE)]


@pytest.mark.parametrize(("late_s", "notes"), [(0, 0), (1, 1)])
def test_crew_that_cannot_be_home_in_time_gets_the_overtime_it_takes(late_s: int, notes: int) -> None:
    """A truck on its last way home exactly in time is no news; a second later the limit is set aside, and said so."""
    problem = tiny_day(shift={"end_s": V3_S + 60 + 600 + 600 + 1_000})
    plan = evaluate(problem, [RouteOrder(shift="shift-1", actions=(*ACTIONS[1:2], ACTIONS[3]))], unserved=()).plan
    home_s = plan.routes[0].return_s
    problem = replace(problem, shifts=(replace(problem.shifts[0], end_s=home_s),))
    progress = as_planned(problem, plan.routes[0], START_S)
    assert progress is not None
    news = News(now_s=START_S, progress={"shift-1": replace(progress, ready_s=progress.ready_s + late_s)})
    rest = rest_of_day(problem, plan, news)
    assert len(rest.notes) == notes
    assert rest.problem.shifts[0].max_overtime_s == late_s


def test_load_stays_on_board_where_no_site_is_open_any_more() -> None:
    """A loaded truck that comes too late for every site goes home with its load, and the dispatcher is told."""
    problem = tiny_day(site={"windows": (TimeWindow(start_s=0, end_s=V3_S),)})
    plan = published(problem)
    rest = rest_of_day(problem, plan, News(now_s=V3_S))
    assert "load" in rest.notes[0]
    order = RouteOrder(shift="shift-1", actions=())
    assert evaluate_route(rest.problem, order).violations == ()


def test_break_taken_is_not_owed_again() -> None:
    """What is left of a shift lists the breaks that are left."""
    rest_at = Break(duration_s=300, earliest_s=V2_S + 60, latest_s=V2_S + 100)
    later = Break(duration_s=300, earliest_s=START_S + 2_000, latest_s=START_S + 4_000)
    first = {"windows": (TimeWindow(start_s=V2_S, end_s=V2_S),)}
    problem = tiny_day(shift={"breaks": (rest_at, later)}, visits=[first, {}, {}])
    rest = rest_of_day(problem, published(problem), News(now_s=V2_S + 70))
    assert rest.problem.shifts[0].breaks == (later,)


def test_a_day_may_be_repaired_twice() -> None:
    """The rest of a day is a day whose plan has a rest of its own; what is used up adds up."""
    problem = random_day(4, visits=24, vehicles=3)
    plan = solve(problem, stop=StepLimit(10), seed=1).plan
    first = repair(problem, plan, News(now_s=6 * HOUR), stop=StepLimit(2), moved_micro=10**9)
    second = repair(first.rest.problem, first.result.plan, News(now_s=7 * HOUR), stop=StepLimit(2), moved_micro=10**9)
    assert first.rest.done | second.rest.done | served(second.result.plan) == served(plan)
    assert check(second.rest.problem, second.result.plan) == ()
    assert orders_of(second.rest.problem, second.result.plan)


def test_urgent_visit_anywhere_is_tried_by_every_truck() -> None:
    """An urgent visit has no shift to stay with, so it costs no move wherever it goes."""
    problem = random_day(9, visits=20, vehicles=3)
    plan = solve(problem, stop=StepLimit(5), seed=1).plan
    node = int(np.argmax(problem.matrix.duration_s("compactor")[0][:22]))
    urgent = Visit(id="new", stop="new", kerb=(node,), stream="residual", demand_kg=5, demand_l=50, service_s=30)
    done = repair(problem, plan, News(now_s=6 * HOUR, urgent=(urgent,)), stop=StepLimit(2))
    assert "new" in served(done.result.plan)
    assert "new" not in done.moved
