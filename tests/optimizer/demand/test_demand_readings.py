"""Readings and emptyings as one table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.demand.readings import LATEST_S, Emptying, EventTable, FillReading, Source

COLUMNS = ("container", "time_s", "emptying", "fill", "kg", "source", "tilted")
NAMES = ("A", "B", "C")

readings = st.builds(
    FillReading,
    container=st.sampled_from(NAMES),
    time_s=st.integers(0, 20),
    fill=st.sampled_from([-0.2, 0.0, 0.4, 0.5, 1.0, 7.0]),
    source=st.sampled_from(Source),
    tilted=st.booleans(),
)
emptyings = st.builds(
    Emptying,
    container=st.sampled_from(NAMES),
    time_s=st.integers(0, 20),
    fill=st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0])),
    kg=st.one_of(st.none(), st.sampled_from([0.0, 12.5])),
)
events = st.lists(st.one_of(readings, emptyings), max_size=30)


def same(first: EventTable, second: EventTable) -> bool:
    """Whether two tables hold the same rows."""
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True) for name in COLUMNS[:3]
    ) and (
        all(
            np.array_equal(getattr(first, name).astype(float), getattr(second, name).astype(float), equal_nan=True)
            for name in COLUMNS
        )
    )


@given(events=events, data=st.data())
def test_shuffled_events_make_the_same_table(events: list[FillReading | Emptying], data: st.DataObject) -> None:
    """Events that come late and in any order end in the same table as those that came in order."""
    shuffled = data.draw(st.permutations(events))
    assert same(EventTable.of(events, ids=NAMES), EventTable.of(shuffled, ids=NAMES))


@given(events=events)
def test_events_sent_twice_count_once(events: list[FillReading | Emptying]) -> None:
    """Sending everything again changes nothing, and no two rows are the same event."""
    once = EventTable.of(events, ids=NAMES)
    assert same(once, EventTable.of([*events, *events], ids=NAMES))
    keys = list(zip(once.container, once.time_s, once.emptying, once.source, strict=True))
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys, key=lambda key: key[:3])


def test_of_two_reports_of_one_event_the_fuller_stays() -> None:
    """Of two different readings of one source at one second the fuller stays, and a known fill beats an unknown."""
    table = EventTable.of(
        [
            FillReading(container="A", time_s=5, fill=0.7),
            FillReading(container="A", time_s=5, fill=0.3),
            Emptying(container="A", time_s=9, fill=0.4),
            Emptying(container="A", time_s=9),
        ]
    )
    assert table.fill.tolist() == [0.7, 0.4]


def test_before_is_strict() -> None:
    """What was known before a moment leaves out what happened in that second."""
    table = EventTable.of([FillReading(container="A", time_s=time_s, fill=0.1) for time_s in (4, 5, 6)])
    assert table.before(5).time_s.tolist() == [4]
    assert table.before(6).time_s.tolist() == [4, 5]


def test_a_reading_comes_before_the_emptying_of_its_second() -> None:
    """Of a reading and an emptying in one second the reading is first: it saw what was emptied."""
    table = EventTable.of([Emptying(container="A", time_s=5), FillReading(container="A", time_s=5, fill=0.7)])
    assert table.emptying.tolist() == [False, True]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FillReading(container="A", time_s=-1, fill=0.1), "outside the years"),
        (lambda: FillReading(container="A", time_s=LATEST_S, fill=0.1), "outside the years"),
        (lambda: FillReading(container="A", time_s=1, fill=math.nan), "has no fill"),
        (lambda: Emptying(container="A", time_s=1, fill=-0.1), "fill must be a number of at least 0"),
        (lambda: Emptying(container="A", time_s=1, kg=math.inf), "kg must be a number of at least 0"),
        (lambda: EventTable.of([FillReading(container="A", time_s=1, fill=0.1)], ids=["B"]), "container 'A'"),
        (lambda: EventTable.of([], ids=["B", "B"]), "appears twice"),
    ],
)
def test_a_bad_event_is_refused(make: object, words: str) -> None:
    """An event outside time, without a number or of an unknown container is refused in a sentence."""
    assert callable(make)
    with pytest.raises(ValueError, match=words):
        make()


def test_the_last_second_is_allowed() -> None:
    """The last second that a table can hold is taken, one later is not (above)."""
    assert FillReading(container="A", time_s=LATEST_S - 1, fill=0.1).time_s == LATEST_S - 1
