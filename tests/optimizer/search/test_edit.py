"""Edits: each does what it says and no more, whatever the day; what it is worth is the judge's to say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_days import tiny_day
from toy_days import toy_day

from optimizer.judge.evaluate import evaluate
from optimizer.problem.plan import Reason, RouteOrder, UnloadAction, Unserved, ViolationKind, VisitAction
from optimizer.search.edit import Add, Drop, Edit, Edited, InvalidEdit, Lock, Move, Reorder, edited

if TYPE_CHECKING:
    from optimizer.problem.model import Problem


def two_trucks(**more: Any) -> Problem:
    """Return the day on one street with a second truck like the first."""
    day = tiny_day(**more)
    return replace(
        day,
        vehicles=(*day.vehicles, replace(day.vehicles[0], id="truck-2")),
        shifts=(*day.shifts, replace(day.shifts[0], id="shift-2", vehicle="truck-2")),
    )


def plan_of(problem: Problem, **served: list[str]) -> Edited:
    """Return a plan in which these shifts (``shift_1=``) serve these visits and unload once at the end."""
    orders = tuple(
        RouteOrder(
            shift=shift.replace("_", "-"),
            actions=(*(VisitAction(visit=visit) for visit in visits), UnloadAction(site=problem.disposal_sites[0].id)),
        )
        for shift, visits in served.items()
    )
    named = {visit for visits in served.values() for visit in visits}
    unserved = tuple(
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="none")
        for visit in problem.visits
        if visit.id not in named
    )
    return Edited(problem=problem, orders=orders, unserved=unserved)


def after(plan: Edited, *edits: Edit) -> Edited:
    """Return the plan with these edits."""
    return edited(plan.problem, plan.orders, plan.unserved, edits)


def route(plan: Edited, shift: str) -> list[str]:
    """Return what a shift does, in order, by id."""
    return [
        action.visit if isinstance(action, VisitAction) else action.site
        for order in plan.orders
        if order.shift == shift
        for action in order.actions
    ]


@pytest.mark.parametrize(
    ("position", "found"),
    [
        (0, ["v2", "v3", "v4", "landfill"]),
        (1, ["v3", "v2", "v4", "landfill"]),
        (2, ["v3", "v4", "v2", "landfill"]),
        (None, ["v2", "v3", "v4", "landfill"]),
    ],
)
def test_a_visit_moves_to_its_position(position: int | None, found: list[str]) -> None:
    """A visit stands before the visit of that number afterwards; without a number where it costs least."""
    plan = after(plan_of(two_trucks(), shift_1=["v2"], shift_2=["v3", "v4"]), move("v2", "shift-2", position))
    assert route(plan, "shift-2") == found
    assert route(plan, "shift-1") == []
    assert evaluate(plan.problem, plan.orders, unserved=plan.unserved).violations == ()


def move(visit: str, shift: str, position: int | None = None) -> Move:
    """Return a move."""
    return Move(visit=visit, shift=shift, position=position)


def test_an_idle_shift_gets_a_route_with_an_unloading() -> None:
    """The first visit of a shift that stayed at the depot brings the unloading that it needs."""
    plan = after(plan_of(two_trucks(), shift_1=["v2", "v3", "v4"]), move("v3", "shift-2", 0))
    assert route(plan, "shift-2") == ["v3", "landfill"]
    assert route(plan, "shift-1") == ["v2", "v4", "landfill"]


def test_what_is_dropped_is_unserved_with_the_words_given() -> None:
    """A dropped visit is unserved for the reason that was said; the others stay where they are."""
    plan = after(plan_of(tiny_day(), shift_1=["v2", "v3", "v4"]), Drop(visit="v3", reason="The street is dug up."))
    assert route(plan, "shift-1") == ["v2", "v4", "landfill"]
    assert plan.unserved == (Unserved(visit="v3", reason=Reason.DROPPED, detail="The street is dug up."),)


def test_what_is_added_goes_where_it_costs_least() -> None:
    """An unserved visit is added to the route that it costs least, without an idle truck being started for it."""
    plan = after(plan_of(two_trucks(), shift_2=["v2", "v4"]), Add(visit="v3"))
    assert route(plan, "shift-2") == ["v2", "v3", "v4", "landfill"]
    assert plan.unserved == ()


def test_a_full_truck_is_the_judges_to_report() -> None:
    """An edit that overloads a truck is done, and the judge names the kilograms."""
    problem = two_trucks(vehicle={"capacity_kg": 200})
    plan = after(plan_of(problem, shift_1=["v2", "v3"], shift_2=["v4"]), move("v4", "shift-1", 2))
    [violation] = evaluate(problem, plan.orders, unserved=plan.unserved).violations
    assert (violation.kind, violation.shift, violation.amount) == (ViolationKind.CAPACITY_KG, "shift-1", 100)


def test_a_new_order_is_taken_as_it_is_said() -> None:
    """Visits and unloadings follow one another as said."""
    wanted = tuple(
        UnloadAction(site=name) if name == "landfill" else VisitAction(visit=name)
        for name in ("v4", "landfill", "v3", "v2", "landfill")
    )
    plan = after(plan_of(tiny_day(), shift_1=["v2", "v3", "v4"]), Reorder(shift="shift-1", actions=wanted))
    assert route(plan, "shift-1") == ["v4", "landfill", "v3", "v2", "landfill"]


def test_a_lock_binds_a_visit_to_its_vehicle() -> None:
    """A locked visit that is moved to another vehicle is a violation; once let go it is none."""
    begun = plan_of(two_trucks(), shift_1=["v2"], shift_2=["v3", "v4"])
    locked = after(begun, Lock(visit="v2"))
    assert locked.problem.visit_by_id["v2"].vehicle == "truck-1"
    moved = after(locked, move("v2", "shift-2"))
    violations = evaluate(moved.problem, moved.orders, unserved=moved.unserved).violations
    assert [violation.kind for violation in violations] == [ViolationKind.LOCKED]
    freed = after(moved, Lock(visit="v2", locked=False))
    assert evaluate(freed.problem, freed.orders, unserved=freed.unserved).violations == ()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (move("v9", "shift-1"), "no visit 'v9'"),
        (move("v2", "shift-9"), "no shift 'shift-9'"),
        (move("v4", "shift-1"), "'v4' is unserved"),
        (move("v2", "shift-1", 2), "position 2 is beyond"),
        (Add(visit="v2"), "served by shift 'shift-1' already"),
        (Drop(visit="v4", reason="x"), "'v4' is unserved"),
        (Lock(visit="v4"), "'v4' is unserved"),
        (Reorder(shift="shift-1", actions=(VisitAction(visit="v2"),)), "see 'v3'"),
        (Reorder(shift="shift-1", actions=(VisitAction(visit="v2"),) * 2 + (VisitAction(visit="v3"),)), "see 'v2'"),
        (
            Reorder(
                shift="shift-1", actions=(VisitAction(visit="v2"), VisitAction(visit="v3"), UnloadAction(site="moon"))
            ),
            "no disposal site 'moon'",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(edit: Edit, words: str) -> None:
    """An edit that makes no sense is refused in a sentence with its number."""
    with pytest.raises(InvalidEdit, match=f"Edit 1: .*{words}"):
        after(plan_of(tiny_day(), shift_1=["v2", "v3"]), Lock(visit="v2"), edit)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_every_visit_is_somewhere_once(seed: int, data: st.DataObject) -> None:
    """Whatever is edited in whatever order, each visit is served once or unserved with a reason."""
    problem = toy_day(seed)
    plan = plan_of(problem)
    names = st.sampled_from([visit.id for visit in problem.visits])
    shifts = st.sampled_from([shift.id for shift in problem.shifts])
    place = st.none() | st.integers(0, 3)
    edits = st.one_of(
        st.builds(Move, visit=names, shift=shifts, position=place),
        st.builds(Add, visit=names, shift=st.none() | shifts, position=place),
        st.builds(Drop, visit=names, reason=st.just("no")),
        st.builds(Lock, visit=names, locked=st.booleans()),
    )
    for edit in data.draw(st.lists(edits, max_size=12)):
        try:
            plan = after(plan, edit)
        except InvalidEdit:
            continue
        found = evaluate(plan.problem, plan.orders, unserved=plan.unserved).violations
        wrong = {ViolationKind.NOT_COVERED, ViolationKind.VISITED_TWICE, ViolationKind.NOT_EMPTY}
        assert not wrong & {violation.kind for violation in found}
