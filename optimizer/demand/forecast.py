"""How full each container will be: a distribution for any future moment, from what was known before.

A forecast is made in three layers, each learnt from how the one before missed on earlier events: the container's curve
(``curve``); what was seen lately, its own newest reading and what all containers showed in the last hours and days
(``level``, here); and the spread of what is left (``spread``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S, FULL
from optimizer.demand.curve import HIGHEST, Curve, fit_curve, impute_full, observation_weights
from optimizer.demand.exposure import Calendar, Exposure
from optimizer.demand.spread import INTERVAL, Spread, fit_spread
from optimizer.demand.state import cycles, fading_sum_before, fading_sums, newest_row

if TYPE_CHECKING:
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.readings import Floats, Longs
    from optimizer.demand.state import Cycles

SHOCK_HALF_LIVES_S: Final = (2 * 3_600, 12 * 3_600, 3 * DAY_S)
"""How fast what all containers share (weather, a festival) fades: hours, half a day, days. Our own figures."""
_SHOCK_STRENGTH: Final = 3.0
MOST_ROWS: Final = 20_000
_LEADS_S: Final = (0, DAY_S, 3 * DAY_S)
_RIDGE: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """How full will each container be at ``target_s``, as far as was known before ``origin_s``?

    Parameters
    ----------
    container, origin_s, target_s : int64[n]
    """

    container: Longs
    origin_s: Longs
    target_s: Longs

    def __post_init__(self) -> None:
        if not len(self.container) == len(self.origin_s) == len(self.target_s):
            raise ValueError("A question needs a container, an origin and a target for each of its rows.")
        if (self.target_s < self.origin_s).any():
            raise ValueError("A question's target lies before its origin.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FillModel:
    """All that was learnt from a history up to ``until_s``; frozen, asked together with a table of events.

    Parameters
    ----------
    group : int64[containers]
    level_weights : float64[signals]
    """

    calendar: Calendar
    group: Longs
    until_s: int
    curve: Curve
    level_weights: Floats
    spread: Spread


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """The distribution of each answer.

    Parameters
    ----------
    foretold, width : float64[n], centre and width in units of fill
    """

    question: Question
    foretold: Floats
    width: Floats
    spread: Spread

    def fill(self, probability: float) -> Floats:
        """Return a quantile of the fill: ``float64[n]``, 0..1."""
        return np.clip(self.spread.quantile(self.foretold, self.width, probability), 0.0, FULL)

    def interval(self) -> tuple[Floats, Floats]:
        """Return the ends of the conformal interval that holds 80 % of what is seen."""
        widened = self.spread.widening * self.width
        low = self.spread.quantile(self.foretold, self.width, (1 - INTERVAL) / 2) - widened
        high = self.spread.quantile(self.foretold, self.width, (1 + INTERVAL) / 2) + widened
        low, high = np.minimum(low, high), np.maximum(low, high)
        return np.clip(low, 0.0, FULL), np.clip(high, 0.0, FULL)

    def overflow(self) -> Floats:
        """Return the probability that each container is full by its target, if nobody empties it."""
        return 1 - self.spread.below(np.full(len(self.foretold), FULL), self.foretold, self.width)


def fit(table: CleanTable, *, group: Longs, calendar: Calendar, until_s: int) -> FillModel:
    """Learn from a history, all of whose rows lie before ``until_s``.

    Parameters
    ----------
    group : int64[containers]
        Containers of the same stream, kind of place and zone share a number, counted from 0.
    """
    cycle = cycles(table)
    exposure = _exposure(calendar, table, until_s)
    curve = fit_curve(table, cycle, group, calendar, exposure, most_rows=MOST_ROWS)
    past = _Past(table, cycle, group, curve, exposure)
    rows = np.flatnonzero((cycle.start_s >= 0) & ~np.isnan(table.fill) & ~table.detected & ~table.pending)
    if len(rows) > MOST_ROWS:
        rows = rows[np.argsort(table.time_s[rows], kind="stable")[-MOST_ROWS:]]
    container, target_s, fill, weight = _lessons(table, cycle, rows)
    origin_s = target_s.copy()
    question = Question(container=container, origin_s=origin_s, target_s=target_s)
    centre, signals, situation = past.ask(question)
    noise = curve.noise[group[container]]
    latent = impute_full(fill, centre, noise)
    weighted = signals * weight[:, None]
    level_weights = np.linalg.solve(
        signals.T @ weighted + _RIDGE * np.eye(signals.shape[1]) * 0.05, weighted.T @ (latent - centre)
    )
    foretold = np.clip(centre + signals @ level_weights, 0.0, HIGHEST)
    situation = _situation(situation, foretold)
    spread = fit_spread(fill, impute_full(fill, foretold, noise), foretold, situation, weight)
    return FillModel(
        calendar=calendar, group=group, until_s=until_s, curve=curve, level_weights=level_weights, spread=spread
    )


def forecast(model: FillModel, table: CleanTable, question: Question) -> Forecast:
    """Answer a question from the rows before its origins, whatever else the table holds."""
    latest_s = max(model.until_s, int(question.target_s.max(initial=0)))
    exposure = _exposure(model.calendar, table, latest_s)
    past = _Past(table, cycles(table), model.group, model.curve, exposure)
    centre, signals, situation = past.ask(question)
    foretold = np.clip(centre + signals @ model.level_weights, 0.0, HIGHEST)
    width = model.spread.width(_situation(situation, foretold))
    return Forecast(question=question, foretold=foretold, width=width, spread=model.spread)


def _lessons(table: CleanTable, cycle: Cycles, rows: Longs) -> tuple[Longs, Longs, Floats, Floats]:
    del cycle
    return table.container[rows], table.time_s[rows], table.fill[rows], np.ones(len(rows))


def _exposure(calendar: Calendar, table: CleanTable, latest_s: int) -> Exposure:
    first_s = int(table.time_s.min(initial=latest_s))
    latest_s = int(table.time_s.max(initial=latest_s))
    return Exposure.over(calendar, min(first_s, latest_s) - DAY_S, latest_s + DAY_S)


def _situation(plain: Floats, foretold: Floats) -> Floats:
    capped = np.minimum(foretold, FULL)
    return np.column_stack([plain, capped, capped**2])


class _Past:
    """A table seen through a curve, ready for questions."""

    def __init__(self, table: CleanTable, cycle: Cycles, group: Longs, curve: Curve, exposure: Exposure) -> None:
        self.table, self.cycle, self.group, self.curve, self.exposure = table, cycle, group, curve, exposure
        self.row_group = group[table.container]
        self.effective = exposure.effective_days(table.time_s, self.row_group, curve.multiplier)
        started = cycle.start_s >= 0
        start_s = np.where(started, cycle.start_s, table.time_s)
        self.days = self.effective - exposure.effective_days(start_s, self.row_group, curve.multiplier)
        self.shape = curve.shape(self.days, self.row_group)
        self.weight = observation_weights(table, cycle)
        fill = np.where(cycle.usable, table.fill, 0.0)
        self.sums = self._sums(fill)
        foretold = self._foretold_rows()
        latent = impute_full(fill, foretold, curve.noise[self.row_group])
        self.sums = self._sums(latent)
        foretold = self._foretold_rows()
        self.missed = np.where(cycle.usable, latent - foretold, 0.0)
        order = np.argsort(table.time_s, kind="stable")
        self.by_time = order[cycle.usable[order]]

    def _sums(self, fill: Floats) -> Floats:
        values = self.weight[:, None] * np.column_stack([fill * self.shape, self.shape**2])
        half_life_s = np.full(2, self.curve.half_life_s)
        return fading_sums(self.table.container, self.table.time_s, values, half_life_s)

    def _foretold_rows(self) -> Floats:
        """Return what each row's fill was foretold to be from the rows before it."""
        before = np.zeros_like(self.sums)
        faded = np.exp2(-np.diff(self.table.time_s) / self.curve.half_life_s)
        follows = self.table.container[1:] == self.table.container[:-1]
        before[1:] = np.where(follows, faded, 0.0)[:, None] * self.sums[:-1]
        factor = self.curve.factors(before[:, 0], before[:, 1], self.row_group)
        return np.minimum(factor * self.shape, HIGHEST)

    def ask(self, question: Question) -> tuple[Floats, Floats, Floats]:
        """Return the curve's centre, the signals that move it, and the situation that decides the width."""
        table, cycle, curve = self.table, self.cycle, self.curve
        n = len(question.container)
        group = self.group[question.container]
        target = self.exposure.effective_days(question.target_s, group, curve.multiplier)
        row = newest_row(table, question.container, question.origin_s)
        known = row >= 0
        at = np.where(known, row, 0)
        if not len(table):
            centre = curve.factor[group].copy()
            return centre, np.zeros((n, 3 + len(SHOCK_HALF_LIVES_S))), _plain(np.ones(n), np.zeros(n), np.zeros(n))
        age = np.where(known, (question.origin_s - table.time_s[at]) / curve.half_life_s, 0.0)
        sums = np.where(known[:, None], self.sums[at] * np.exp2(-age)[:, None], 0.0)
        factor = curve.factors(sums[:, 0], sums[:, 1], group)

        level_row = np.where(known, cycle.level_row[at], -1)
        seen = level_row >= 0
        level_at = np.where(seen, level_row, 0)
        level = np.where(seen, table.fill[level_at], 0.0)
        start_s = np.where(known, cycle.next_start_s[at], -1)
        started = start_s >= 0
        start = self.exposure.effective_days(np.where(started, start_s, question.origin_s), group, curve.multiplier)
        # Where the last emptying is unknown, a level tells how long ago it may have been; without one, it is typical.
        guessed = self.effective[level_at] - np.minimum(curve.days_for(level, factor, group), 365.0)
        start = np.where(started, start, np.where(seen, guessed, target - curve.reference_days[group]))
        since_level = np.where(seen, target - self.effective[level_at], target - start)
        centre = np.minimum(factor * curve.shape(target - start, group), HIGHEST)
        at_level = np.minimum(factor * curve.shape(self.effective[level_at] - start, group), HIGHEST)
        # At full, a level says no more than that.
        surplus = np.where(seen & started, np.where(level >= FULL, np.maximum(level - at_level, 0), level - at_level), 0)
        signals = np.column_stack(
            [surplus, surplus * np.minimum(since_level, 3.0), *self._shocks(question)]
        )
        newness = np.sqrt(curve.strength / (curve.strength + sums[:, 1]))
        return centre, signals, _plain(newness, seen.astype(np.float64), since_level)

    def _shocks(self, question: Question) -> list[Floats]:
        rows = self.by_time
        values = np.column_stack([self.weight[rows] * self.missed[rows], self.weight[rows]])
        found = []
        for half_life_s in SHOCK_HALF_LIVES_S:
            sums = fading_sum_before(self.table.time_s[rows], values, question.origin_s, half_life_s=half_life_s)
            fades = np.exp2(-(question.target_s - question.origin_s) / half_life_s)
            found.append(sums[:, 0] / (sums[:, 1] + _SHOCK_STRENGTH) * fades)
        return found


def _plain(newness: Floats, seen: Floats, since_level: Floats) -> Floats:
    root = np.sqrt(np.clip(since_level, 0.0, 30.0))
    return np.column_stack([np.ones(len(newness)), newness, seen, (1 - seen) * root, seen * root])
