"""What a day comes to, from the set of events alone."""

from __future__ import annotations

from typing import Any

import pytest

from service.driving.events import DriverEvent, Kind, SkipReason
from service.driving.fold import fold

A, B = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"


def event(time_us: int, kind: Kind, subject: str | None = None, **more: Any) -> DriverEvent:
    """Return an event of phone A and shift s1 at a time, which is its count too."""
    given = {"shift": "s1", "phone": A, "sequence": time_us, "time_us": time_us, "kind": kind, "subject": subject}
    return DriverEvent(**(given | more))


def skipped(time_us: int, visit: str, **more: Any) -> DriverEvent:
    """Return a visit's being skipped."""
    return event(time_us, Kind.SKIPPED, visit, reason=SkipReason.BLOCKED, **more)


def test_last_word_of_a_shift_counts() -> None:
    """A visit that was skipped and done later is done, and one that was done by mistake is skipped."""
    state = fold([skipped(1, "v"), event(2, Kind.DONE, "v"), event(3, Kind.DONE, "w"), skipped(4, "w")])
    assert (state.visits["v"].status, state.visits["v"].time_us) == ("done", 2)
    assert (state.visits["w"].status, state.visits["w"].reason) == ("skipped", SkipReason.BLOCKED)
    assert state.shifts["s1"].done == ("v",)


def test_done_twice_counts_once_and_at_the_first_time() -> None:
    """Two phones of a crew, or a finger that taps twice, make one visit done once, when it was done first."""
    state = fold([event(5, Kind.DONE, "v"), event(6, Kind.DONE, "v", phone=B), event(7, Kind.DONE, "v")])
    assert (state.visits["v"].time_us, state.shifts["s1"].done) == (5, ("v",))


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_truck_has_done_no_other_makes_undone(order: int) -> None:
    """A truck that comes after another one and finds nothing does not make the visit missed; the first has done it."""
    said = [event(1, Kind.DONE, "v"), skipped(2, "v", shift="s2"), event(3, Kind.DONE, "v", shift="s3", phone=B)]
    state = fold(said[::order])
    assert (state.visits["v"].status, state.visits["v"].shift) == ("done", "s1")
    assert [shift.done for shift in state.shifts.values()] == [("v",), (), ()]


def test_visit_at_which_a_truck_stands_has_arrived() -> None:
    """An arrival alone is no word on whether the visit was made, also when it arrives after that word."""
    state = fold([event(1, Kind.ARRIVED, "v"), event(3, Kind.ARRIVED, "w"), event(2, Kind.DONE, "w")])
    assert (state.visits["v"].status, state.visits["w"].status) == ("arrived", "done")


def test_one_ticket_is_one_unloading() -> None:
    """Two phones that report one weighbridge ticket report one unloading; without tickets each counts."""
    state = fold(
        [
            event(1, Kind.UNLOADED, "landfill", kg=900, ticket="17"),
            event(2, Kind.UNLOADED, "landfill", kg=900, ticket="17", phone=B),
            event(3, Kind.UNLOADED, "landfill", kg=500),
            event(4, Kind.UNLOADED, "landfill", kg=500),
        ]
    )
    assert [one.kg for one in state.shifts["s1"].unloadings] == [900, 500, 500]


def test_break_ends_once() -> None:
    """A break lasts from its first beginning to its first end; one that is not over has no end."""
    state = fold(
        [
            event(1, Kind.BREAK_END),
            event(2, Kind.BREAK_START),
            event(3, Kind.BREAK_START, phone=B),
            event(4, Kind.BREAK_END),
            event(5, Kind.BREAK_END, phone=B),
            event(6, Kind.BREAK_START),
        ]
    )
    assert [(rest.start_us, rest.end_us) for rest in state.shifts["s1"].rests] == [(2, 4), (6, None)]


def test_same_time_is_settled_by_phone_and_count() -> None:
    """Events of one moment have an order of their own, whichever is given first."""
    said = [skipped(1, "v", phone=B), event(1, Kind.DONE, "v", phone=A)]
    assert fold(said) == fold(said[::-1])
    assert fold(said).visits["v"].status == "skipped"
