"""Intervals, shares and the sentence on what bound a scenario."""

from __future__ import annotations

import datetime as dt
import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from scenarios.answer import answer, sentences
from scenarios.binding import sentence
from scenarios.compare import FIGURES, interval, share_at_least, t_975, table
from scenarios.study import Study, StudyResult, fleet_scenarios


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
    """What stays behind comes first; a limit on fewer than one route in twenty is not worth a word."""
    said = sentence({"the payload": 12, "the range": 1}, {"not_enough_time_or_capacity": 7}, routes=24, days=6, left=6)
    assert (
        said
        == "1 visit a day must stay behind: no truck has time or room left; the payload binds on 2 of 4 routes a day."
    )
    assert sentence({}, {}, routes=24, days=6) == "No limit binds: there is room on every route."
    waits = sentence({}, {"not_enough_time_or_capacity": 3}, routes=24, days=6, waiting=3)
    assert waits == "No limit binds: there is room on every route; 0.5 visits a day can wait for another day."


# --- tables of figures made up by hand ---


def fleets_that_cost(costs: dict[int, float], *, left: dict[int, int], co2e: dict[int, float] | None = None) -> Any:
    """Return a study of fleets on six days: what a day costs, visits left behind, and CO2e, by vehicles."""
    days = tuple(dt.date(2026, 11, 23) + dt.timedelta(days=number) for number in range(6))
    study = Study(name="fleets", scenarios=fleet_scenarios(costs), days=days, seeds=(0,))
    results = {}
    for number, size in enumerate(costs):
        for at, day in enumerate(days):
            # All of them are a little dearer on some days: what differs between two is the same on each day, or nearly.
            cost = costs[size] + 20 * at + (0.5 if at % 2 else -0.5) * size
            figures = dict.fromkeys(FIGURES, 0.0) | {
                "cost": cost,
                "unserved": left.get(size, 0),
                "left_out": left.get(size, 0),
                "tonnes": 10.0,
            }
            figures |= {
                "unserved_tonnes": left.get(size, 0) / 100,
                "co2e_kg": (co2e or {}).get(size, 50.0),
                "routes": 2,
            }
            lived = {name: [0.0, 1.0] for name in ("overtime_hours", "early_full", "tonnes", "overflows")}
            results[number, day, 0] = {
                "figures": figures,
                "lived": {**lived, "held": 0.97},
                "zones": {"A": [100, 100]},
                "used": {"compactor": min(size, 4)},
                "limits": {},
                "reasons": {},
            }

    def city(size: int) -> Any:
        vehicles = tuple(SimpleNamespace(access_class="compactor") for _ in range(size))
        return SimpleNamespace(currency="USD", vehicles=vehicles, shifts=(SimpleNamespace(weekdays=None),))

    return StudyResult(
        study=study,
        city=city(4),
        cases=cast("Any", tuple(SimpleNamespace(city=city(size)) for size in costs)),
        results=results,
        refused={},
        failed={},
    )


def test_the_pareto_set_has_what_no_other_beats_in_everything() -> None:
    """Cheap and dirty, dear and clean both stay; what is dearer than another and no better goes."""
    result = fleets_that_cost({2: 300, 3: 400, 4: 410, 5: 500}, left={2: 40}, co2e={2: 50, 3: 50, 4: 50, 5: 30})
    assert [line.pareto for line in table(result)] == [True, True, False, True]


def test_the_answer_is_the_smallest_fleet_that_serves_all_with_its_cost_and_how_sure_it_is() -> None:
    """Then what fewer would leave behind, and what six days show: 0.05 ** (1 / 6) is 61 %."""
    result = fleets_that_cost({2: 300, 3: 400, 4: 400}, left={2: 40})
    first, *rest = sentences(result, table(result))
    # 400 and 20 more on each of the days after the first, so 450 on average; a year has 365.25 of them.
    assert first.startswith("3 vehicles are enough (3 compactors)")
    assert "for 450 USD a day and 164,36" in first
    assert not any("open" in one for one in rest)
    wider = fleets_that_cost({2: 300, 6: 400}, left={2: 40})
    assert "Whether fewer than 6 would do is open: 3 to 5 vehicles were not tried." in sentences(wider, table(wider))
    assert any(one.startswith("With 2 (2 compactors), 40.0 visits (0.40 t) stay behind") for one in rest)
    assert any("at least 61% of such days are served in full; 59 days tried would show 95 %" in one for one in rest)
    assert not any("cheaper" in one or "stand by" in one for one in rest)


def test_a_larger_fleet_that_is_cheaper_beyond_doubt_is_named() -> None:
    """It has vehicles that suit the work better; those that never leave are counted as standing by."""
    said = answer(result := fleets_that_cost({3: 400, 5: 380, 6: 379}, left={}), table(result))
    assert "A day is cheaper with 5 vehicles (5 compactors): 20 USD less (19 to 21)" in said
    assert said.startswith("3 vehicles are enough")


def test_where_no_fleet_serves_everything_the_answer_says_what_the_largest_leaves() -> None:
    """And what bound it."""
    said = answer(result := fleets_that_cost({2: 300, 3: 400}, left={2: 40, 3: 7}), table(result))
    assert said.startswith("None of the fleets serves everything: even with 3 vehicles, 7.0 visits a day stay behind.")
    assert said.endswith("7 visits a day must stay behind; no limit binds: there is room on every route.")
