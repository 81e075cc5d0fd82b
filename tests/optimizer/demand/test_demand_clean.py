"""Which readings are believed, and when a container was emptied."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.demand.clean import (
    DAY_S,
    DROP,
    JUMP,
    SLACK,
    STUCK_READINGS,
    STUCK_S,
    SUDDEN_S,
    CleanTable,
    Verdict,
    clean,
)
from optimizer.demand.readings import Emptying, EventTable, FillReading


def cleaned(fills: list[float], *, every_s: int = 3_600) -> CleanTable:
    """Clean readings of one container at even times."""
    return clean(
        EventTable.of(
            [FillReading(container="A", time_s=number * every_s, fill=fill) for number, fill in enumerate(fills)]
        )
    )


@pytest.mark.parametrize(
    ("fill", "verdict"),
    [
        (-SLACK, Verdict.GOOD),
        (-SLACK - 0.001, Verdict.OUT_OF_RANGE),
        (1 + SLACK, Verdict.GOOD),
        (1 + SLACK + 0.001, Verdict.OUT_OF_RANGE),
        (1.5, Verdict.OUT_OF_RANGE),
        (1.6, Verdict.IN_PERCENT),
        (100.0, Verdict.IN_PERCENT),
        (100.1, Verdict.OUT_OF_RANGE),
        (float("inf"), Verdict.OUT_OF_RANGE),
    ],
)
def test_range(fill: float, verdict: Verdict) -> None:
    """A fill is believed up to the slack outside 0 to 1, and clipped; beyond that it is a fault with a name."""
    table = cleaned([fill])
    assert table.verdict.tolist() == [verdict]
    assert ((table.fill >= 0) & (table.fill <= 1)).all()
    assert len(table) == (verdict == Verdict.GOOD)


def test_a_tilted_sensor_is_not_believed() -> None:
    """A reading taken while the sensor is tilted is left out."""
    table = clean(EventTable.of([FillReading(container="A", time_s=1, fill=0.4, tilted=True)]))
    assert table.verdict.tolist() == [Verdict.TILTED]
    assert len(table) == 0


@pytest.mark.parametrize(
    ("fills", "spikes"),
    [
        ([0.2, 0.2 + JUMP + 0.001, 0.2], [1]),
        ([0.2, 0.2 + JUMP - 0.001, 0.2], []),
        ([0.8, 0.1, 0.8], [1]),
        ([0.2, 0.9, 0.9], []),
        ([0.2, 0.9, 0.2, 0.9], [1]),
        ([0.5, 0.9, 0.1], []),
    ],
)
def test_spikes(fills: list[float], spikes: list[int]) -> None:
    """A sudden jump that the next reading takes back is a spike; one that stays, or goes elsewhere, is not."""
    verdict = cleaned(fills).verdict
    assert np.flatnonzero(verdict == Verdict.SPIKE).tolist() == spikes


def test_a_slow_swing_is_no_spike() -> None:
    """Up and down again is a spike within the sudden hours, and an emptying where the readings are further apart."""
    fast, slow = cleaned([0.2, 0.9, 0.2], every_s=SUDDEN_S), cleaned([0.2, 0.9, 0.2], every_s=SUDDEN_S + 1)
    assert fast.verdict.tolist() == [0, Verdict.SPIKE, 0]
    assert not fast.detected.any()
    assert slow.verdict.tolist() == [0, 0, 0]
    assert slow.detected.tolist() == [False, False, True]


@pytest.mark.parametrize(("fall", "emptied"), [(DROP, False), (DROP + 0.001, True)])
def test_a_fall_is_an_emptying_beyond_the_bound(fall: float, *, emptied: bool) -> None:
    """Waste may settle by the bound; a fall by more is an emptying."""
    assert cleaned([fall, 0.0], every_s=DAY_S).detected.tolist() == [False, emptied]


def test_a_false_empty_is_no_emptying() -> None:
    """A sensor that reads empty once between two full readings saw no truck."""
    table = cleaned([0.8, 0.0, 0.8, 0.82])
    assert not table.detected.any()
    assert table.fill.tolist() == [0.8, 0.8, 0.82]


def test_a_reported_emptying_is_not_detected_again() -> None:
    """The fall after an emptying that somebody reported is that emptying."""
    table = clean(
        EventTable.of(
            [
                FillReading(container="A", time_s=0, fill=0.9),
                Emptying(container="A", time_s=DAY_S),
                FillReading(container="A", time_s=2 * DAY_S, fill=0.1),
            ]
        )
    )
    assert table.reported.tolist() == [False, True, False]
    assert not table.detected.any()


def test_stuck_from_the_bound_on() -> None:
    """Equal readings are a hanging sensor from the sixth on and after seven days, and not before either."""
    days = STUCK_S // DAY_S
    daily = cleaned([0.4] * (days + 2), every_s=DAY_S)
    assert daily.stuck.tolist() == [False] * days + [True, True]
    seldom = cleaned([0.4] * (STUCK_READINGS + 1), every_s=STUCK_S)
    assert seldom.stuck.tolist() == [False] * (STUCK_READINGS - 1) + [True, True]
    moving = cleaned([0.4, 0.401] * days, every_s=DAY_S)
    assert not moving.stuck.any()


def test_a_jump_is_pending_until_the_next_reading() -> None:
    """The newest reading is pending after a sudden jump, whichever way, and after nothing else."""
    assert cleaned([0.2, 0.2 + JUMP]).pending.tolist() == [False, True]
    assert cleaned([0.8, 0.1]).pending.tolist() == [False, True]
    assert cleaned([0.2, 0.2 + JUMP - 0.01]).pending.tolist() == [False, False]
    assert cleaned([0.2, 0.9], every_s=DAY_S).pending.tolist() == [False, False]


def test_containers_are_apart() -> None:
    """The first reading of a container is not compared with the last of another."""
    table = clean(
        EventTable.of([FillReading(container="A", time_s=0, fill=0.9), FillReading(container="B", time_s=60, fill=0.1)])
    )
    assert not table.detected.any()
    assert not table.pending.any()


def test_nothing_is_clean() -> None:
    """A table without events is cleaned to one without rows."""
    assert len(clean(EventTable.of([], ids=["A"]))) == 0


@pytest.mark.parametrize(("level", "hangs"), [(0.4, True), (DROP, False), (1.0, False)])
def test_a_hang_outlasts_an_emptying(level: float, *, hangs: bool) -> None:
    """A level that no emptying changes is a hang; nearly empty and full, which may be true each time, are not."""
    days = STUCK_S // DAY_S
    events: list[FillReading | Emptying] = [
        FillReading(container="A", time_s=day * DAY_S, fill=level) for day in range(days + 2)
    ]
    events += [Emptying(container="A", time_s=day * DAY_S + 3_600) for day in (2, 5)]
    assert bool(clean(EventTable.of(events)).stuck.any()) is hangs


def test_a_sensor_that_never_repeats_itself_hangs_sooner() -> None:
    """After two weeks of ever new levels a few equal ones are a hang within three days, also when nearly empty."""
    fine = np.random.default_rng(1).uniform(0.05, 0.95, 28).tolist()
    for level in (0.4, 0.1):
        table = cleaned([*fine, *[level] * 7], every_s=DAY_S // 2)
        assert not table.stuck[: len(fine) + 5].any()
        assert table.stuck[len(fine) + 5 :].all()


def test_a_coarse_sensor_may_repeat_itself() -> None:
    """What shows one of six levels for days, or rests at its ends, is no hang before the week is over."""
    coarse = [level for level in (0.2, 0.4, 0.6, 0.8) * 4 for _ in range(6)]
    assert not cleaned([*coarse, *[0.2] * 8], every_s=DAY_S // 4).stuck.any()
    fine = np.random.default_rng(1).uniform(0.05, 0.95, 28).tolist()
    for end in (0.0, 1.0):
        assert not cleaned([*fine, *[end] * 8], every_s=DAY_S // 2).stuck.any()
