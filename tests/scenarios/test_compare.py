"""Intervals, shares and the sentence on what bound a scenario."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scenarios.binding import sentence
from scenarios.compare import interval, share_at_least, t_975


@pytest.mark.parametrize(("freedom", "value"), [(1, 12.706), (10, 2.228), (31, 2.0395), (60, 2.0003), (1000, 1.9623)])
def test_students_t_is_that_of_the_tables(freedom: int, value: float) -> None:
    """Also beyond the table, to four digits."""
    assert t_975(freedom) == pytest.approx(value, abs=2e-4)


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 2,000 samples of six normal numbers about 1, 95 % of the intervals hold 1, give or take."""
    samples = np.random.default_rng(1).normal(1.0, 3.0, (2_000, 6))
    held = sum(one.low <= 1 <= one.high for one in (interval(sample.tolist()) for sample in samples))
    assert 0.93 < held / 2_000 < 0.97


def test_one_pair_says_nothing_of_its_width() -> None:
    """The interval is the whole line."""
    one = interval([4.0])
    assert (one.mean, one.low, one.high, one.clear) == (4.0, -math.inf, math.inf, False)


@pytest.mark.parametrize("trials", [1, 6, 20])
def test_days_without_a_failure_show_a_share_by_their_number(trials: int) -> None:
    """Clopper and Pearson's bound is then the n-th root of 0.05."""
    assert share_at_least(trials, trials) == pytest.approx(0.05 ** (1 / trials), abs=1e-9)


def test_a_share_of_no_success_is_at_least_nothing() -> None:
    """And half of many is nearly half."""
    assert share_at_least(0, 10) == pytest.approx(0, abs=1e-9)
    assert 0.41 < share_at_least(100, 200) < 0.5


def test_the_sentence_names_the_limits_that_bind_most() -> None:
    """Counts are of routes a day; a limit on fewer than one route in twenty is not worth a word."""
    said = sentence({"the payload": 12, "the range": 1}, {"not_enough_time_or_capacity": 6}, routes=24, days=6)
    assert said == ("The payload binds on 2 of 4 routes a day; no truck has time or room left for 1 visits a day.")
    assert sentence({}, {}, routes=24, days=6) == "No limit binds: there is room on every route."
