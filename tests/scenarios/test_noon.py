"""How far a crew is, from what it says and what was planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from random_days import HOUR, tiny_day

from optimizer.judge.evaluate import check, evaluate
from optimizer.problem.model import Status
from optimizer.problem.plan import Action, Plan, RouteOrder, StepKind, UnloadAction, VisitAction
from optimizer.search.repair import News, Progress, as_planned, repair
from optimizer.search.stop import StepLimit
from scenarios.noon import SILENT_S, Reported, Unloaded, delayed, progress_of

START_S = 6 * HOUR
# depot 0 m, v2 2 km, v3 4 km, v4 6 km, landfill 10 km, at 10 m/s; services 60 s, unloading 600 s
V2_S = START_S + 200
V3_S = V2_S + 60 + 200
ACTIONS: tuple[Action, ...] = (*(VisitAction(visit=f"v{n}") for n in (2, 3, 4)), UnloadAction(site="landfill"))
PROBLEM = tiny_day()
PLAN = evaluate(PROBLEM, [RouteOrder(shift="shift-1", actions=ACTIONS)]).plan
SHIFT = PROBLEM.shifts[0]


def progress(now_s: int, *, gone: bool = False, plan: Plan = PLAN, **said: Any) -> Progress | None:
    """Return how far the shift of the tiny day is."""
    return progress_of(PROBLEM, plan, SHIFT, Reported(**said), now_s=now_s, gone=gone)


def test_crew_that_keeps_to_its_plan_is_where_the_plan_has_it() -> None:
    """What a punctual crew says comes to the same as believing the plan."""
    said = progress(V3_S - 100, done=("v2",), last_s=V2_S + 60)
    assert said == as_planned(PROBLEM, PLAN.routes[0], V3_S - 100)


def test_word_of_a_crew_goes_before_the_plan() -> None:
    """A crew that is an hour late has done what it says, and finishes next what it says nothing about yet."""
    now_s = V2_S + HOUR
    said = progress(now_s, done=("v2",), last_s=now_s - 30, behind_s=HOUR - 90)
    assert said is not None
    assert said.done == {"v2", "v3"}
    assert said.ready_s == now_s - 30 + 200 + 60
    assert (said.status.node, said.status.load_kg, said.status.driven_m) == (3, 200, 4_000)


def test_visit_at_which_a_crew_stands_is_finished_first() -> None:
    """A crew that went to another visit than planned finishes that one."""
    said = progress(V3_S, done=("v2",), standing="v4", last_s=V3_S)
    assert said is not None
    assert (said.done, said.status.node) == ({"v2", "v4"}, 4)


def test_skipped_visit_is_not_tried_again() -> None:
    """What a crew skipped is behind it, and weighs nothing."""
    said = progress(V3_S, done=("v2",), skipped=frozenset({"v3"}), last_s=V3_S)
    assert said is not None
    assert said.done == {"v2", "v3", "v4"}
    assert said.status.load_kg == 200


def test_unloading_empties_the_truck_and_is_not_planned_again() -> None:
    """After its unloading a truck stands at the site with nothing on board, and goes on from there."""
    said = progress(V3_S, done=("v2",), unloadings=(Unloaded(site="landfill", at_s=V3_S - 10, after=1),), last_s=V3_S)
    assert said is not None
    assert (said.unloadings, said.done) == (1, {"v2", "v3"})
    assert (said.status.load_kg, said.status.node) == (100, 3)
    assert said.status.driven_m == 2_000 + 8_000 + 6_000


@pytest.mark.parametrize(("silent_s", "done"), [(SILENT_S, {"v2", "v3"}), (SILENT_S + 1, {"v2", "v3", "v4"})])
def test_silent_crew_is_believed_to_go_on(silent_s: int, done: set[str]) -> None:
    """Within a quarter of an hour a crew's word counts; a second later the plan does, as late as the crew was."""
    now_s = V2_S + 60 + silent_s
    said = progress(now_s, done=("v2",), last_s=V2_S + 60)
    assert said is not None
    assert said.done == done


def test_silent_crew_is_as_late_as_it_was() -> None:
    """A delay that was seen stays: what the plan has by now is done so much later."""
    late_s = 2 * HOUR
    now_s = V2_S + late_s + SILENT_S + 1
    said = progress(now_s, done=("v2",), last_s=V2_S + late_s, behind_s=late_s)
    undisturbed = as_planned(PROBLEM, PLAN.routes[0], now_s - late_s)
    assert said is not None
    assert undisturbed is not None
    assert (said.done, said.ready_s) == (undisturbed.done, max(now_s, undisturbed.ready_s + late_s))


def test_broken_truck_has_done_what_it_said_and_nothing_more() -> None:
    """What a truck that is gone was about to do is left for others."""
    said = progress(V3_S + 30, gone=True, done=("v2",), last_s=V3_S)
    assert said is not None
    assert said.done == {"v2"}


def test_crew_that_has_not_departed_has_nothing_behind_it() -> None:
    """A phone that is switched on early is no departure; a crew that nobody heard is left to the plan."""
    assert progress(START_S - 60, last_s=START_S - 90) is None
    assert progress(START_S - 60) is None


@pytest.mark.parametrize("heard", [True, False])
def test_full_truck_unloads_before_it_collects_again(heard: bool) -> None:  # noqa: FBT001
    """A truck that says so is full, whatever the plan has on board, and drives to the landfill next."""
    now_s = V3_S - 100
    said = progress(now_s, full=True, **({"done": ("v2",), "last_s": now_s} if heard else {}))
    assert said is not None
    vehicle = PROBLEM.vehicles[0]
    assert (said.status.load_kg, said.status.load_l) == (vehicle.capacity_kg, vehicle.capacity_l)
    news = News(now_s=now_s, progress={"shift-1": said})
    found = repair(PROBLEM, PLAN, news, stop=StepLimit(3), seed=1)
    assert check(found.rest.problem, found.result.plan) == ()
    assert found.result.plan.routes[0].steps[1].kind is StepKind.UNLOAD


def test_delay_holds_a_crew_where_it_is() -> None:
    """A delayed crew goes on, or departs, no earlier; one that has not departed need not."""
    now_s = V3_S
    said = progress(now_s, done=("v2",), last_s=now_s)
    assert delayed(PROBLEM, SHIFT, said, now_s + HOUR).ready_s == now_s + HOUR
    idle = delayed(PROBLEM, SHIFT, None, START_S + HOUR)
    assert (idle.ready_s, idle.status) == (START_S + HOUR, Status(node=0, out=False))


def test_rest_of_a_rest_counts_on_from_its_status() -> None:
    """On a day that was re-planned before, what was on board then is on board still; what came before is behind."""
    begun = Status(node=2, stop="s2", load_kg=300, load_l=3_000, streams=frozenset({"residual"}), driven_m=9_000)
    shift = replace(SHIFT, start_s=V3_S - 200, status=begun)
    problem = replace(PROBLEM, shifts=(shift,), visits=PROBLEM.visits[1:])
    plan = evaluate(problem, [RouteOrder(shift="shift-1", actions=ACTIONS[1:])]).plan
    said = Reported(
        done=("v2", "v3"),
        unloadings=(Unloaded(site="landfill", at_s=START_S + 10, after=0),),
        last_s=V3_S + 60,
    )
    found = progress_of(problem, plan, shift, said, now_s=V3_S + 60)
    assert found is not None
    assert (found.done, found.status.load_kg, found.status.driven_m) == ({"v3", "v4"}, 500, 9_000 + 4_000)
