"""Lookups into a container's past, against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.demand.clean import DAY_S, clean
from optimizer.demand.exposure import Calendar, Exposure
from optimizer.demand.readings import Emptying, EventTable, FillReading
from optimizer.demand.state import cycles, fading_sum_before, fading_sums, newest_row

rows_of_times = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 500), st.floats(-5, 5)),
    min_size=1,
    max_size=25,
    unique_by=lambda r: r[:2],
)


@given(rows=rows_of_times, half_life_s=st.sampled_from([1.0, 40.0, 1e4]))
def test_fading_sums_match_the_definition(rows: list[tuple[int, int, float]], half_life_s: float) -> None:
    """Each sum is that of its container's values so far, halved with every half-life gone by."""
    rows = sorted(rows)
    container, time_s = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    values = np.array([[row[2], 1.0] for row in rows])
    found = fading_sums(container, time_s, values, np.array([half_life_s, 2 * half_life_s]))
    for number, row in enumerate(rows):
        past = [other for other in rows[: number + 1] if other[0] == row[0]]
        expected = sum(other[2] * 0.5 ** ((row[1] - other[1]) / half_life_s) for other in past)
        count = sum(0.5 ** ((row[1] - other[1]) / half_life_s / 2) for other in past)
        assert found[number] == pytest.approx([expected, count], abs=1e-9)


@given(rows=rows_of_times, half_life_s=st.sampled_from([0.3, 40.0, 1e4]), at_s=st.integers(0, 600))
def test_fading_sum_before_is_strict(rows: list[tuple[int, int, float]], half_life_s: float, at_s: int) -> None:
    """The sum before a moment leaves out that moment, also over more half-lives than a float can hold at once."""
    rows = sorted(rows, key=lambda row: row[1])
    time_s, values = np.array([row[1] for row in rows]), np.array([[row[2]] for row in rows])
    found = fading_sum_before(time_s, values, np.array([at_s]), half_life_s=half_life_s)
    expected = sum(row[2] * 0.5 ** ((at_s - row[1]) / half_life_s) for row in rows if row[1] < at_s)
    assert found[0, 0] == pytest.approx(expected, abs=1e-9)


def test_newest_row_is_strictly_before_and_never_pending() -> None:
    """The newest row lies before the moment; a sudden jump is looked at only once the next reading has confirmed it."""
    table = clean(
        EventTable.of(
            [
                FillReading(container="A", time_s=100, fill=0.2),
                FillReading(container="A", time_s=200, fill=0.9),
                FillReading(container="A", time_s=300, fill=0.9),
            ],
            ids=["A", "B"],
        )
    )
    found = newest_row(table, np.array([0, 0, 0, 0, 0, 1]), np.array([100, 101, 201, 300, 301, 999]))
    assert found.tolist() == [-1, 0, 0, 0, 2, -1]


def test_a_cycle_begins_with_the_emptying() -> None:
    """A reported emptying begins a cycle, the fill it found belongs to the one before, and later levels to the new."""
    table = clean(
        EventTable.of(
            [
                Emptying(container="A", time_s=0),
                FillReading(container="A", time_s=DAY_S, fill=0.5),
                Emptying(container="A", time_s=2 * DAY_S, fill=0.8),
                FillReading(container="A", time_s=4 * DAY_S, fill=0.6),
                FillReading(container="A", time_s=6 * DAY_S, fill=0.1),
            ]
        )
    )
    found = cycles(table)
    assert found.start_s.tolist() == [-1, 0, 0, 2 * DAY_S, 5 * DAY_S]
    assert found.next_start_s.tolist() == [0, 0, 2 * DAY_S, 2 * DAY_S, 5 * DAY_S]
    assert found.level_row.tolist() == [-1, 1, -1, 3, 4]
    assert found.usable.tolist() == [False, True, True, True, False]


@given(first_s=st.integers(0, 30 * DAY_S), length_s=st.integers(0, 30 * DAY_S))
def test_days_of_kinds_add_up(first_s: int, length_s: int) -> None:
    """Between two times the days of all kinds add up to the time gone by."""
    calendar = Calendar(expected={"market": 2.0}, days={3: "market", 11: "market"})
    exposure = Exposure.over(calendar, 0, 61 * DAY_S)
    upto = exposure.days_of_kinds(np.array([first_s, first_s + length_s]))
    assert (upto[1] - upto[0]).sum() == pytest.approx(length_s / DAY_S)
    assert (upto[1] - upto[0] > -1e-9).all()


def test_effective_days_follow_the_calendar() -> None:
    """1970-01-05 was a Monday; a market day in place of it counts with the market's multiplier, half a day half."""
    calendar = Calendar(expected={"market": 3.0}, days={4: "market"})
    exposure = Exposure.over(calendar, 0, 10 * DAY_S)
    multiplier = calendar.prior()[None, :]
    times = np.array([4 * DAY_S, 4 * DAY_S + DAY_S // 2, 5 * DAY_S, 6 * DAY_S])
    assert exposure.effective_days(times, np.zeros(4, dtype=np.int64), multiplier).tolist() == [4.0, 5.5, 7.0, 8.0]
    assert Calendar().kinds(4, 4).tolist() == [0]


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("inf"), float("nan")])
def test_calendar_refuses_what_is_no_multiplier(multiplier: float) -> None:
    """A kind of day needs a multiplier above 0."""
    with pytest.raises(ValueError, match="must be above 0"):
        Calendar(expected={"market": multiplier})


def test_calendar_refuses_an_unknown_kind() -> None:
    """A day's kind must have a multiplier."""
    with pytest.raises(ValueError, match="Day 3 is of kind 'market'"):
        Calendar(days={3: "market"})
