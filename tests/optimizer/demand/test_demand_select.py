"""What becomes of a container today, at each bound."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from optimizer.demand.clean import DAY_S, clean
from optimizer.demand.exposure import Calendar
from optimizer.demand.forecast import Question, fit, forecast
from optimizer.demand.readings import Emptying, EventTable, FillReading
from optimizer.demand.select import (
    Choice,
    Decision,
    Policy,
    Situation,
    choose_by_forecast,
    choose_by_schedule,
    choose_by_threshold,
    choose_with_hindsight,
    chosen_ids,
    situation,
)

POLICY = Policy(overflow_cost_micro=10_000_000)


def known(**changes: object) -> Situation:
    """Return the situation of one container emptied three days ago and read an hour ago."""
    usual = Situation(
        ids=("A",),
        age_days=np.array([3.0]),
        level=np.array([0.4]),
        silent_days=np.array([0.04]),
        reported=np.array([False]),
        due=np.array([False]),
    )
    return replace(usual, **{name: np.array([value]) for name, value in changes.items()})


def by_overflow(soon: float, later: float, policy: Policy = POLICY, **changes: object) -> Choice:
    """Choose for given probabilities of overflow, by way of a stand-in for the forecasts."""

    class Told:
        def __init__(self, probability: float) -> None:
            self.probability = probability

        def overflow(self) -> np.ndarray:
            return np.array([self.probability])

    return choose_by_forecast(known(**changes), Told(soon), Told(later), policy, soon_name="Thursday")[0]


@pytest.mark.parametrize(
    ("soon", "decision"), [(0.5, Decision.OPTIONAL), (0.500001, Decision.REQUIRED), (0.93, Decision.REQUIRED)]
)
def test_required_above_the_limit(soon: float, decision: Decision) -> None:
    """A container is required above the limit, not at it."""
    assert by_overflow(soon, 1.0).decision is decision


def test_the_dispatcher_is_told_why() -> None:
    """The reason names the probability and the day, and that a sensor has been silent."""
    assert by_overflow(0.93, 1.0).why == "93 % likely to overflow before Thursday"
    assert by_overflow(0.2, 1.0, silent_days=5.0).why == "20 % likely to overflow before Thursday (silent for 5 days)"


@pytest.mark.parametrize(("later", "decision"), [(0.01, Decision.OPTIONAL), (0.0099, Decision.LEFT)])
def test_left_below_the_least_probability(later: float, decision: Decision) -> None:
    """A container is left below the least probability, not at it."""
    assert by_overflow(0.005, later).decision is decision


def test_prize_is_the_overflow_cost_times_what_is_prevented() -> None:
    """The prize counts what overflows before the next chance in full and what the next chance could prevent in part."""
    assert by_overflow(0.2, 0.6).prize_micro == round(10_000_000 * (0.2 + 0.3 * 0.4))
    assert by_overflow(0.2, 0.2).prize_micro == 2_000_000
    # Overflowing cannot become less likely.
    assert by_overflow(0.2, 0.1).prize_micro == 2_000_000
    assert by_overflow(0.2, 0.6, Policy(overflow_cost_micro=0)).decision is Decision.LEFT


@pytest.mark.parametrize(("age_days", "decision"), [(13.9, Decision.LEFT), (14.0, Decision.REQUIRED)])
def test_old_waste_is_required(age_days: float, decision: Decision) -> None:
    """At the greatest age a visit is required, however empty the container."""
    assert by_overflow(0.0, 0.0, age_days=age_days).decision is decision
    assert choose_by_threshold(known(age_days=age_days), POLICY)[0].decision is decision


def test_a_silent_container_is_never_skipped() -> None:
    """A container that was never heard of is required under every policy that looks at levels."""
    nothing = {"age_days": math.nan, "level": math.nan, "silent_days": math.nan}
    assert by_overflow(0.0, 0.0, **nothing).decision is Decision.REQUIRED
    assert choose_by_threshold(known(**nothing), POLICY)[0].decision is Decision.REQUIRED


@pytest.mark.parametrize(
    ("silent_days", "prize_micro"),
    [(0.99, 1_000_000), (1.0, 4_000_000), (math.nan, 1_000_000)],
)
def test_an_unheard_containers_risk_counts_more(silent_days: float, prize_micro: int) -> None:
    """After a day's silence the risk counts several times; the dispatcher is told the likelihood itself."""
    choice = by_overflow(0.1, 0.1, replace(POLICY, unheard_risk=4.0), silent_days=silent_days)
    assert choice.prize_micro == prize_micro
    assert choice.why.startswith("10 % likely")


def test_an_unheard_container_is_required_sooner() -> None:
    """The limit is held against the risk that counts, which is never more than certain."""
    policy = replace(POLICY, unheard_risk=4.0)
    assert by_overflow(0.2, 1.0, policy, silent_days=0.5).decision is Decision.OPTIONAL
    assert by_overflow(0.2, 1.0, policy, silent_days=1.5).decision is Decision.REQUIRED
    assert by_overflow(0.9, 1.0, replace(policy, required_above=1.0), silent_days=1.5).prize_micro == 10_000_000


@pytest.mark.parametrize("flag", ["reported", "due"])
def test_reports_and_schedules_are_required_everywhere(flag: str) -> None:
    """What a citizen reports and what its schedule asks for is required under every policy."""
    one = known(**{flag: True})
    choices = [
        by_overflow(0.0, 0.0, **{flag: True}),
        *choose_by_schedule(one),
        *choose_by_threshold(one, POLICY),
        *choose_with_hindsight(one, np.zeros(1), np.zeros(1), POLICY, soon_name="Thursday"),
    ]
    assert {choice.decision for choice in choices} == {Decision.REQUIRED}


@pytest.mark.parametrize(("level", "decision"), [(0.79, Decision.LEFT), (0.8, Decision.REQUIRED)])
def test_threshold(level: float, decision: Decision) -> None:
    """Under a threshold a container is required from the level on."""
    assert choose_by_threshold(known(level=level), POLICY)[0].decision is decision


def test_schedule_asks_nothing_but_the_schedule() -> None:
    """Under a schedule a full container that is not due is left."""
    assert choose_by_schedule(known(level=1.0))[0].decision is Decision.LEFT


def test_hindsight_requires_exactly_what_overflows() -> None:
    """With hindsight what is full by the next chance is required, what is full by the one after optional, else left."""
    three = replace(
        known(),
        ids=("A", "B", "C"),
        age_days=np.full(3, 3.0),
        level=np.full(3, 0.4),
        silent_days=np.zeros(3),
        reported=np.zeros(3, dtype=np.bool_),
        due=np.zeros(3, dtype=np.bool_),
    )
    choices = choose_with_hindsight(
        three, np.array([1.0, 0.99, 0.5]), np.array([1.2, 1.0, 0.99]), POLICY, soon_name="Thursday"
    )
    assert [choice.decision for choice in choices] == [Decision.REQUIRED, Decision.OPTIONAL, Decision.LEFT]
    assert choices[1].prize_micro == 3_000_000
    assert chosen_ids(choices) == {"A", "B"}


def test_situation_is_what_was_known() -> None:
    """Age counts from the emptying, the level is the newest since it, and silence from the newest event of any kind."""
    table = clean(
        EventTable.of(
            [
                FillReading(container="read", time_s=1 * DAY_S, fill=0.9),
                Emptying(container="read", time_s=2 * DAY_S),
                FillReading(container="read", time_s=4 * DAY_S, fill=0.3),
                FillReading(container="read", time_s=6 * DAY_S, fill=0.6),
                Emptying(container="tapped", time_s=3 * DAY_S, fill=0.7),
                FillReading(container="first", time_s=5 * DAY_S, fill=0.2),
            ],
            ids=["read", "tapped", "first", "unknown"],
        )
    )
    found = situation(table, np.arange(4), 6 * DAY_S)
    assert found.ids == ("read", "tapped", "first", "unknown")
    assert found.age_days == pytest.approx([4.0, 3.0, 1.0, math.nan], nan_ok=True)
    assert found.level == pytest.approx([0.3, math.nan, 0.2, math.nan], nan_ok=True)
    assert found.silent_days == pytest.approx([2.0, 3.0, 1.0, math.nan], nan_ok=True)


def test_from_readings_to_choices() -> None:
    """A bin that fills by a tenth a day is left when just emptied and required when nearly full."""
    events: list[FillReading | Emptying] = []
    for number in range(12):
        for day in range(60):
            fill = ((day + number) % 9) / 10 + 0.05
            events.append(FillReading(container=f"bin {number:02d}", time_s=day * DAY_S, fill=fill))
            if (day + number) % 9 == 8:
                events.append(Emptying(container=f"bin {number:02d}", time_s=day * DAY_S + 60, fill=fill))
    table = clean(EventTable.of(events))
    now_s = 59 * DAY_S + 3_600
    model = fit(table, group=np.zeros(12, dtype=np.int64), calendar=Calendar(), until_s=now_s)
    everyone, origin_s = np.arange(12), np.full(12, now_s)
    soon, later = (
        forecast(model, table, Question(container=everyone, origin_s=origin_s, target_s=origin_s + days * DAY_S))
        for days in (3, 4)
    )
    now = situation(table, everyone, now_s)
    choices = choose_by_forecast(now, soon, later, POLICY, soon_name="Thursday")
    for choice, level in zip(choices, now.level, strict=True):
        if level > 0.74:
            assert choice.decision is Decision.REQUIRED
        if level < 0.5 or np.isnan(level):
            assert choice.decision is Decision.LEFT
    assert {choice.decision for choice in choices} >= {Decision.REQUIRED, Decision.LEFT}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"overflow_cost_micro": -1}, "cannot cost"),
        ({"required_above": 1.1}, "required_above"),
        ({"least_probability": -0.1}, "least_probability"),
        ({"urgency": math.nan}, "urgency"),
        ({"most_age_days": 0}, "0 days old"),
        ({"unheard_risk": 0.9}, "once at least"),
        ({"unheard_risk": math.nan}, "once at least"),
    ],
)
def test_a_bad_policy_is_refused(changes: dict[str, float], words: str) -> None:
    """A figure outside its range is refused in a sentence that names it."""
    with pytest.raises(ValueError, match=words):
        Policy(**{"overflow_cost_micro": 1, **changes})


def test_only_optional_visits_have_a_prize() -> None:
    """A required container with a prize, or an optional one without, contradicts itself."""
    with pytest.raises(ValueError, match="'A'"):
        Choice(container="A", decision=Decision.REQUIRED, why="", prize_micro=1)
    with pytest.raises(ValueError, match="'A'"):
        Choice(container="A", decision=Decision.OPTIONAL, why="")
