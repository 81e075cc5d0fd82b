"""How likely a container is emptied meanwhile, learnt from when it was emptied before at such a level.

A planner asks what happens if nobody comes; whoever foretells a *reading* must reckon with the truck as well. Rates are
events over days at risk, by the level last seen, shrunk from the container to all of them; a weekday's share of the
emptyings multiplies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S
from optimizer.demand.exposure import WEEKDAYS

if TYPE_CHECKING:
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.exposure import Calendar
    from optimizer.demand.readings import Flags, Floats, Longs

_BINS: Final = 12
"""Ten levels of a tenth, full, and a sensor that hangs."""
_STRENGTH: Final = 3.0
"""So many expected emptyings count as much as those seen. Our own figure."""
_LEAST_RATE: Final = 1e-4
AFTER_PROBABILITIES: Final = (np.arange(20) + 0.5) / 20
_MOST_DAYS: Final = 30.0
HALF_LIFE_S: Final = 90 * DAY_S
"""Contracts and crews change with the seasons. Our own figure."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Habit:
    """When containers are emptied, and what is seen after it.

    Parameters
    ----------
    rate : float64[containers, bins], emptyings per day
    by_kind : float64[n_kinds], multiplies the rate on days of a kind
    after : float64[len(AFTER_PROBABILITIES)], quantiles of the fill that the first reading after an emptying shows
    """

    rate: Floats
    by_kind: Floats
    after: Floats

    def emptied(self, container: Longs, level: Floats, stuck: Flags, days_by_kind: Floats) -> Floats:
        """Return the probability that each container was emptied within the days given by kind."""
        days = days_by_kind @ self.by_kind
        found: Floats = 1 - np.exp(-self.rate[container, _bin(level, stuck)] * np.clip(days, 0.0, _MOST_DAYS))
        return found

    def after_below(self, level: Floats) -> Floats:
        """Return the probability that a reading after an emptying is at most a level."""
        found: Floats = np.searchsorted(self.after, level, side="right") / len(self.after)
        return found


def _bin(level: Floats, stuck: Flags) -> Longs:
    # A fill of 0.6 may be stored as 0.5999...
    found: Longs = np.clip((level * 10 + 1e-6).astype(np.int64), 0, 10)
    return np.where(stuck, _BINS - 1, found)


def fit_habit(table: CleanTable, calendar: Calendar, *, until_s: int) -> Habit:
    """Count emptyings between neighbouring readings, those long ago for less."""
    containers = len(table.events.ids)
    chained = np.zeros(len(table), dtype=np.bool_)
    chained[1:] = table.reading[:-1] & table.reading[1:] & (table.container[1:] == table.container[:-1])
    rows = np.flatnonzero(chained)
    counts = np.exp2(-(until_s - table.time_s[rows]) / HALF_LIFE_S)
    gap_days = np.minimum((table.time_s[rows] - table.time_s[rows - 1]) / DAY_S, _MOST_DAYS)
    days = gap_days * counts
    events = np.where(table.detected[rows], counts, 0.0)
    cell = table.container[rows] * _BINS + _bin(table.fill[rows - 1], table.stuck[rows - 1])
    at_risk = np.bincount(cell, days, minlength=containers * _BINS).reshape(containers, _BINS)
    seen = np.bincount(cell, events, minlength=containers * _BINS).reshape(containers, _BINS)

    all_rate = (seen.sum() + _LEAST_RATE) / (at_risk.sum() + 1.0)
    by_bin = (seen.sum(axis=0) + all_rate) / (at_risk.sum(axis=0) + 1.0)
    own = (seen.sum(axis=1) + _STRENGTH) / ((at_risk * by_bin).sum(axis=1) + _STRENGTH)
    expected = own[:, None] * np.maximum(by_bin, _LEAST_RATE)[None, :]
    rate = (seen + _STRENGTH) / (at_risk + _STRENGTH / expected)

    by_kind = np.ones(calendar.n_kinds)
    short = gap_days <= 1.5  # noqa: PLR2004 - over longer gaps nobody knows the day
    if short.any():
        middle_s = (table.time_s[rows - 1][short] + table.time_s[rows][short]) // 2
        first_day, last_day = int(middle_s.min()) // DAY_S, int(middle_s.max()) // DAY_S
        kind = calendar.kinds(first_day, last_day)[middle_s // DAY_S - first_day]
        foreseen = rate.reshape(-1)[cell[short]] * days[short]
        counted = np.bincount(kind, events[short], minlength=calendar.n_kinds)
        by_kind = (counted + 5 * _STRENGTH) / (np.bincount(kind, foreseen, minlength=calendar.n_kinds) + 5 * _STRENGTH)
        by_kind[WEEKDAYS:] = np.where(counted[WEEKDAYS:] > 0, by_kind[WEEKDAYS:], 1.0)
    after = np.zeros(len(AFTER_PROBABILITIES))
    if events.any():
        after = np.quantile(table.fill[rows][events > 0], AFTER_PROBABILITIES)
    return Habit(rate=rate, by_kind=by_kind, after=after)
