"""A past reconstructed from its events: what fell in is what readings showed, whoever emptied the containers."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from optimizer.demand.clean import DAY_S
from optimizer.demand.readings import Emptying, EventTable, FillReading
from scenarios.choose import day_s
from scenarios.replay import past_of
from scenarios.savings import saving

FIRST_S = day_s(dt.date(2026, 3, 2))
VOLUME_L = np.array([1000.0, 500.0])


def told(*, readings: bool = True) -> EventTable:
    """Return ten days of a container that gains 20 % a day and is emptied on every fourth; and another's."""
    events: list[FillReading | Emptying] = [FillReading(container="B", time_s=FIRST_S, fill=0.5)]
    fill = 0.0
    for day in range(10):
        if day % 4 == 0:
            events.append(Emptying(container="A", time_s=FIRST_S + day * DAY_S))
            fill = 0.0
        fill += 0.2
        if readings:
            events.append(FillReading(container="A", time_s=FIRST_S + (day + 1) * DAY_S - 1, fill=fill))
    return EventTable.of(events, ids=["A", "B"])


def test_what_fell_is_what_was_seen() -> None:
    """Rises between readings are the inflow of their days, emptyings take nothing from it, and litres are volumes'."""
    past = past_of(told(), VOLUME_L, np.array([1.0, 50.0]), first_s=FIRST_S, days=10)
    assert past.world.inflow_l[:, :, 0].sum(axis=1) == pytest.approx(np.full(10, 200.0), rel=1e-3)
    assert past.world.inflow_l[:, 0, 0] == pytest.approx(np.full(10, 50.0), rel=1e-3)
    assert np.flatnonzero(past.emptied[:, 0]).tolist() == [0, 4, 8]
    assert past.world.start_l.tolist() == [0.0, 250.0]


def test_what_nobody_saw_falls_at_the_usual_rate() -> None:
    """Without readings, or after the last one, the city's own rate fills the days."""
    past = past_of(told(readings=False), VOLUME_L, np.array([70.0, 50.0]), first_s=FIRST_S, days=10)
    assert past.world.inflow_l[:, :, 0].sum(axis=1) == pytest.approx(np.full(10, 70.0))
    assert past.world.inflow_l[:, :, 1].sum(axis=1) == pytest.approx(np.full(10, 50.0))
    later = past_of(told(), VOLUME_L, np.array([1.0, 50.0]), first_s=FIRST_S, days=14)
    assert later.world.inflow_l[11:, :, 0].sum(axis=1) == pytest.approx(np.full(3, 200.0), rel=1e-3)


def test_full_means_at_least_full() -> None:
    """A container that stays full for days goes on receiving its usual waste; its level hides it."""
    events: list[FillReading | Emptying] = [Emptying(container="A", time_s=FIRST_S)]
    events += [
        FillReading(container="A", time_s=FIRST_S + day * DAY_S, fill=min(1.0, 0.25 * day)) for day in range(1, 9)
    ]
    table = EventTable.of(events, ids=["A", "B"])
    past = past_of(table, VOLUME_L, np.array([1.0, 1.0]), first_s=FIRST_S, days=8)
    daily_l = past.world.inflow_l[:, :, 0].sum(axis=1)
    assert daily_l[:4] == pytest.approx(np.full(4, 250.0))
    assert (daily_l[4:] > 100).all()


def test_a_saving_and_its_interval() -> None:
    """The saving is of the totals; equal weeks leave no doubt, unequal ones do, and the same weeks say the same."""
    sure = saving([100.0] * 8, [80.0] * 8)
    assert (sure.share, sure.low, sure.high) == pytest.approx((0.2, 0.2, 0.2))
    doubtful = saving([100.0, 100.0, 100.0, 100.0], [60.0, 120.0, 70.0, 110.0])
    assert doubtful.low is not None
    assert doubtful.high is not None
    assert doubtful.low < 0 < doubtful.share < doubtful.high
    assert doubtful == saving([100.0, 100.0, 100.0, 100.0], [60.0, 120.0, 70.0, 110.0])


def test_too_few_pairs_have_no_interval() -> None:
    """Two weeks say a share and no interval; none, or nothing spent, is refused."""
    few = saving([100.0, 100.0], [60.0, 70.0])
    assert (few.low, few.high, few.pairs) == (None, None, 2)
    with pytest.raises(ValueError, match="expected pairs"):
        saving([], [])
    with pytest.raises(ValueError, match="Nothing was spent"):
        saving([0.0], [1.0])
