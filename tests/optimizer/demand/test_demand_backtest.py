"""The backtest looks at nothing it could not have known, and its scores are what they are called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.forecast.synthetic import synthetic_city
from optimizer.demand.backtest import CONSTANT, MEAN, METHODS, OURS, PERSISTENCE, backtest
from optimizer.demand.clean import DAY_S
from optimizer.demand.exposure import Calendar
from optimizer.demand.readings import EventTable, FillReading
from optimizer.demand.scores import area_under_curve, brier_skill, coverage, pinball

CITY = synthetic_city(containers=60, days=50, seed=9)
FROM_S = CITY.until_s - 14 * DAY_S
ASKED = {"group": CITY.group, "calendar": Calendar(), "from_s": FROM_S}


@pytest.mark.parametrize("emptyings", [True, False])
@pytest.mark.parametrize("lead_s", [0, DAY_S // 2])
def test_later_rows_change_no_earlier_forecast(lead_s: int, *, emptyings: bool) -> None:
    """With every fill from a moment on replaced, all forecasts asked up to that moment are the same to the last bit."""
    cut_s = FROM_S + 5 * DAY_S
    later = CITY.events.time_s >= cut_s
    changed = replace(CITY.events, fill=np.where(later, 1 - CITY.events.fill, CITY.events.fill))
    first = backtest(CITY.events, emptyings=emptyings, lead_s=lead_s, **ASKED)
    second = backtest(changed, emptyings=emptyings, lead_s=lead_s, **ASKED)
    assert first is not None
    assert second is not None
    # The events of the cut's own second are asked from what came before it too.
    up_to = first.time_s <= cut_s + lead_s
    assert up_to.sum() > 30
    assert np.array_equal(first.time_s, second.time_s)
    for method in METHODS:
        for name in ("quantiles", "overflow", "low", "high"):
            before, after = getattr(first.by_method[method], name), getattr(second.by_method[method], name)
            assert np.array_equal(before[up_to], after[up_to])
    assert not np.array_equal(first.by_method[OURS].quantiles, second.by_method[OURS].quantiles)


def test_forecasts_beat_what_anybody_could_do() -> None:
    """On a city that fills by a law, the forecast is closer than constant, container mean and persistence."""
    found = backtest(CITY.events, emptyings=False, **ASKED)
    assert found is not None
    figures = {method: found.figures(method) for method in METHODS}
    ours = figures[OURS]["pinball"]
    assert ours is not None
    for method in (CONSTANT, MEAN, PERSISTENCE):
        theirs = figures[method]["pinball"]
        assert theirs is not None
        assert ours < 0.85 * theirs
    assert figures[CONSTANT]["brier_skill"] == 0
    skill = figures[OURS]["brier_skill"]
    assert skill is not None
    assert skill > 10


def test_first_events_and_old_predecessors_are_not_asked() -> None:
    """An event is asked only if an earlier one of its container exists, at most so old as is allowed."""
    times = {"A": [0, 10, 11, 20], "B": [11]}
    events = EventTable.of(
        [
            FillReading(container=name, time_s=day * DAY_S, fill=0.3 + day / 100)
            for name, days in times.items()
            for day in days
        ]
    )
    asked = {"group": np.zeros(2, dtype=np.int64), "calendar": Calendar(), "from_s": 10 * DAY_S, "emptyings": False}
    every = backtest(events, **asked)
    assert every is not None
    assert (every.time_s // DAY_S).tolist() == [10, 11, 20]
    fresh = backtest(events, most_gap_s=DAY_S, **asked)
    assert fresh is not None
    assert (fresh.time_s // DAY_S).tolist() == [11]
    assert backtest(events, **{**asked, "emptyings": True}) is None


@given(seen=st.lists(st.floats(0, 1), min_size=1, max_size=9), told=st.floats(0, 1), probability=st.floats(0.05, 0.95))
def test_pinball_is_least_at_the_quantile(seen: list[float], told: float, probability: float) -> None:
    """No other forecast has a smaller pinball loss than the sample's own quantile; half of it is the absolute error."""
    sample = np.array(seen)
    best = np.quantile(sample, probability, method="inverted_cdf")
    assert (
        pinball(sample, np.full(len(seen), best), probability)
        <= pinball(sample, np.full(len(seen), told), probability) + 1e-12
    )
    assert 2 * pinball(sample, np.full(len(seen), told), 0.5) == pytest.approx(np.abs(sample - told).mean())


@given(rows=st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.4, 0.5, 0.9])), min_size=1, max_size=12))
def test_area_under_curve_counts_pairs(rows: list[tuple[bool, float]]) -> None:
    """The area is the share of pairs in order, ties counted half; without pairs there is none."""
    pairs = [
        1.0 if yes[1] > no[1] else 0.5 if yes[1] == no[1] else 0.0
        for yes in rows
        for no in rows
        if yes[0] and not no[0]
    ]
    found = area_under_curve(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
    assert found == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_brier_skill_and_coverage() -> None:
    """A perfect forecast has skill 1, the reference 0, and there is none over a perfect reference; ends are inside."""
    happened = np.array([True, False, False, True])
    half = np.full(4, 0.5)
    assert brier_skill(happened, happened.astype(float), half) == 1
    assert brier_skill(happened, half, half) == 0
    assert brier_skill(happened, half, happened.astype(float)) is None
    assert coverage(np.array([0.0, 0.2, 0.5, 0.51]), np.full(4, 0.2), np.full(4, 0.5)) == 0.5
