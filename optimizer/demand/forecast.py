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
from optimizer.demand.curve import HIGHEST, Curve, fit_curve, impute_full, steps
from optimizer.demand.exposure import Calendar, Exposure
from optimizer.demand.habit import Habit, fit_habit
from optimizer.demand.spread import INTERVAL, Spread, fit_spread, normal_quantile
from optimizer.demand.state import cycles, fading_sum_before, fading_sums, newest_row

if TYPE_CHECKING:
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.readings import Flags, Floats, Longs
    from optimizer.demand.state import Cycles

SHOCK_HALF_LIVES_S: Final = (2 * 3_600, 12 * 3_600, 3 * DAY_S)
"""How fast what all containers share (weather, a festival) fades: hours, half a day, days. Our own figures."""
_SHOCK_STRENGTH: Final = 3.0
MOST_ROWS: Final = 20_000
_LEADS_S: Final = (0, DAY_S // 2, DAY_S)
"""How long before an event it is asked in lessons. Longer ones would be lessons from cycles that lasted, which are
those in which little came; with three days, overflows of synthetic cities came a tenth more often than foretold."""
_LONGEST_DAYS: Final = 60.0
_AHEAD_WEIGHT: Final = 0.25
"""Of a lesson asked ahead: there are several of them for each event. Our own figure."""
_RIDGE: Final = 0.15
"""Of the level's weights; a fill's square is the unit, so that some hundred events outweigh it."""
_KG_STRENGTH: Final = 2.0
"""Full containers' weights that the group's figure counts as. Our own figure."""
_FINE: Final = np.linspace(0.0, 1.0, 101)
_MOST_STEPS: Final = 21
"""A sensor that showed no more different levels than this shows levels only (0, 20, 40 % ...)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """Asks how full each container will be at ``target_s``, as far as was known before ``origin_s``.

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
    """All that was learnt from a history up to ``until_s``; asked together with a table of events.

    Parameters
    ----------
    group : int64[containers]
    level_weights : float64[signals]
    shown : float64[k]
        The levels that readings show, in order: the few that coarse sensors know, or every percent.
    kg_per_full : float64[containers], what a full container weighs; NaN where nothing like it was weighed
    kg_spread
        Relative standard deviation of a weight around its fill's.
    """

    calendar: Calendar
    group: Longs
    until_s: int
    curve: Curve
    level_weights: Floats
    spread: Spread
    habit: Habit
    shown: Floats
    kg_per_full: Floats
    kg_spread: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """The distribution of each answer.

    Parameters
    ----------
    foretold, width : float64[n], centre and width in units of fill, if nobody empties the container
    emptied : float64[n], probability that somebody does, as usual
    full : bool[n], whether it was full already when last seen: until somebody empties it, it stays so
    """

    question: Question
    model: FillModel
    foretold: Floats
    width: Floats
    emptied: Floats
    full: Flags

    def fill(self, probability: float) -> Floats:
        """Return a quantile of the fill if nobody empties it: ``float64[n]``, 0..1."""
        told = np.clip(self.model.spread.quantile(self.foretold, self.width, probability), 0.0, FULL)
        return np.where(self.full, FULL, told)

    def interval(self) -> tuple[Floats, Floats]:
        """Return the ends of the conformal interval that holds 80 % of the fills that are seen."""
        spread = self.model.spread
        widened = spread.widening * self.width
        low = spread.quantile(self.foretold, self.width, (1 - INTERVAL) / 2) - widened
        high = spread.quantile(self.foretold, self.width, (1 + INTERVAL) / 2) + widened
        low, high = np.minimum(low, high), np.maximum(low, high)
        low, high = np.clip(low, 0.0, FULL), np.clip(high, 0.0, FULL)
        return np.where(self.full, FULL, low), np.where(self.full, FULL, high)

    def overflow(self) -> Floats:
        """Return the probability that each container is full by its target if nobody empties it."""
        return 1 - self._below(FULL)

    def litres(self, probability: float, volume_l: Floats) -> Floats:
        """Return a quantile of the litres in containers of these volumes: ``float64[n]``."""
        return self.fill(probability) * volume_l

    def kg(self, probability: float) -> Floats:
        """Return a quantile of the weight: ``float64[n]``; NaN where nothing like it was ever weighed.

        Fill and density are taken as independent, so that their squared deviations add.
        """
        middle, there = self.fill(0.5), self.fill(probability)
        by_density = self.model.kg_spread * middle * normal_quantile(probability)
        deviation = np.sign(probability - 0.5) * np.hypot(there - middle, by_density)
        found: Floats = np.maximum(middle + deviation, 0.0) * self.model.kg_per_full[self.question.container]
        return found

    def reading(self, probability: float) -> Floats:
        """Return a quantile of what a reading will show, the usual emptyings included: ``float64[n]``, 0..1."""
        shown = self.model.shown
        # A coarse sensor shows the nearest level that it knows.
        upto = np.append((shown[1:] + shown[:-1]) / 2, np.inf)
        reached = np.zeros(len(self.foretold), dtype=np.int64)
        for level, limit in zip(shown, upto, strict=True):
            below = (1 - self.emptied) * self._below(limit) + self.emptied * self.model.habit.after_below(level)
            reached += below < probability
        return shown[np.minimum(reached, len(shown) - 1)]

    def _below(self, level: float) -> Floats:
        """Return the probability that each fill stays below a level if nobody empties it."""
        told = self.model.spread.below(np.full(len(self.foretold), level), self.foretold, self.width)
        return np.where(self.full, float(level > FULL), told)


def fit(table: CleanTable, *, group: Longs, calendar: Calendar, until_s: int, least_power: float = 0.0) -> FillModel:
    """Learn from a history, all of whose rows lie before ``until_s``.

    Parameters
    ----------
    group : int64[containers]
        Containers of the same stream, kind of place and zone share a number, counted from 0.
    least_power
        Of the containers' curves. Who foretells what an emptying will find needs none: crews come sooner to what fills
        faster, and a small power says so. Who decides whether to come asks what happens if they do not, and there waste
        goes on falling.

    Raises
    ------
    ValueError
        If a row lies later, or the groups are not one for each container.
    """
    if len(group) != len(table.events.ids):
        raise ValueError(f"There are {len(group)} groups for {len(table.events.ids)} containers.")
    if len(table) and int(table.time_s.max()) >= until_s:
        raise ValueError(f"The history goes on after {until_s} s, until which the model is to know it.")
    cycle = cycles(table)
    exposure = _exposure(calendar, table, until_s)
    curve = fit_curve(table, cycle, group, calendar, exposure, most_rows=MOST_ROWS, least_power=least_power)
    past = _Past(table, cycle, group, curve, exposure)
    rows, question = _lessons(table, cycle)
    fill = table.fill[rows]
    weight = np.where(question.origin_s == question.target_s, 1.0, _AHEAD_WEIGHT)
    noise = curve.noise[group[question.container]]
    answer = past.ask(question)
    latent = impute_full(fill, answer.centre, noise)
    weighted = answer.signals * weight[:, None]
    penalty = _RIDGE * np.eye(answer.signals.shape[1])
    level_weights = np.asarray(
        np.linalg.solve(answer.signals.T @ weighted + penalty, weighted.T @ (latent - answer.centre)), dtype=np.float64
    )
    foretold = answer.foretold(level_weights)
    spread = fit_spread(
        fill,
        impute_full(fill, foretold, noise),
        foretold,
        answer.situation(foretold),
        weight,
        container=question.container,
        group=group,
    )
    kg_per_full, kg_spread = _weights_of_full(table, group)
    return FillModel(
        calendar=calendar,
        group=group,
        until_s=until_s,
        curve=curve,
        level_weights=level_weights,
        spread=spread,
        habit=fit_habit(table, calendar, until_s=until_s),
        shown=_shown(table),
        kg_per_full=kg_per_full,
        kg_spread=kg_spread,
    )


def forecast(model: FillModel, table: CleanTable, question: Question) -> Forecast:
    """Answer a question from the rows before its origins, whatever else the table holds."""
    latest_s = max(model.until_s, int(question.target_s.max(initial=0)))
    earliest_s = int(question.target_s.min(initial=latest_s))
    exposure = _exposure(model.calendar, table, latest_s, earliest_s=earliest_s)
    past = _Past(table, cycles(table), model.group, model.curve, exposure)
    answer = past.ask(question)
    foretold = answer.foretold(model.level_weights)
    since_s = np.minimum(answer.level_s, question.target_s)
    days_by_kind = exposure.days_of_kinds(question.target_s) - exposure.days_of_kinds(since_s)
    emptied = model.habit.emptied(question.container, answer.level, answer.hangs, days_by_kind)
    return Forecast(
        question=question,
        model=model,
        foretold=foretold,
        width=model.spread.width(answer.situation(foretold), question.container),
        emptied=np.where(answer.seen, emptied, 0.0),
        full=answer.seen & (answer.level >= FULL),
    )


def _shown(table: CleanTable) -> Floats:
    levels = np.unique(np.round(table.fill[table.reading & ~np.isnan(table.fill)], 4))
    return levels if 1 < len(levels) <= _MOST_STEPS else _FINE


def _weights_of_full(table: CleanTable, group: Longs) -> tuple[Floats, float]:
    """Return what a full container weighs, shrunk to its group, and the relative spread of single weights."""
    kg = table.events.kg[table.row]
    rows = np.flatnonzero((kg > 0) & (table.fill > 0))
    container = table.container[rows]
    if not len(rows):
        return np.full(len(group), np.nan), 0.0
    groups = int(group.max()) + 1
    upper = np.bincount(container, kg[rows], minlength=len(group))
    lower = np.bincount(container, table.fill[rows], minlength=len(group))
    city = upper.sum() / lower.sum()
    of_group = (np.bincount(group, upper, minlength=groups) + _KG_STRENGTH * city) / (
        np.bincount(group, lower, minlength=groups) + _KG_STRENGTH
    )
    per_full = (upper + _KG_STRENGTH * of_group[group]) / (lower + _KG_STRENGTH)
    relative = kg[rows] / (table.fill[rows] * per_full[container]) - 1
    return per_full, float(np.sqrt(np.average(relative**2, weights=table.fill[rows])))


def _lessons(table: CleanTable, cycle: Cycles) -> tuple[Longs, Question]:
    """Return past questions and the rows that answer them: asked just before, half a day and a day ahead.

    Only where the cycle had begun when it was asked: the answer is for a container that nobody empties meanwhile.
    """
    rows = np.flatnonzero((cycle.start_s >= 0) & ~np.isnan(table.fill) & ~table.detected & ~table.pending)
    if len(rows) > MOST_ROWS:
        rows = rows[np.argsort(table.time_s[rows], kind="stable")[-MOST_ROWS:]]
    found = [rows]
    ahead = [np.zeros(len(rows), dtype=np.int64)]
    for lead_s in _LEADS_S[1:]:
        asked = rows[table.time_s[rows] - lead_s > cycle.start_s[rows]]
        found.append(asked)
        ahead.append(np.full(len(asked), lead_s))
    every = np.concatenate(found)
    target_s = table.time_s[every]
    origin_s = target_s - np.concatenate(ahead)
    return every, Question(container=table.container[every], origin_s=origin_s, target_s=target_s)


def _exposure(calendar: Calendar, table: CleanTable, latest_s: int, *, earliest_s: int | None = None) -> Exposure:
    first_s = int(table.time_s.min(initial=latest_s if earliest_s is None else earliest_s))
    latest_s = int(table.time_s.max(initial=latest_s))
    return Exposure.over(calendar, min(first_s, latest_s) - DAY_S, latest_s + DAY_S)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Answer:
    """What the curve and the newest events say, before it is weighed.

    Parameters
    ----------
    centre : float64[n], of the curve
    signals : float64[n, signals], which move it
    plain : float64[n, k], the situation but for the fill that is foretold
    seen : bool[n], whether a level was read in this cycle, then ``level`` (0..1) at ``level_s``
    hangs : bool[n], whether the sensor that read it does
    """

    centre: Floats
    signals: Floats
    plain: Floats
    seen: Flags
    level: Floats
    level_s: Longs
    hangs: Flags

    def foretold(self, level_weights: Floats) -> Floats:
        return np.clip(self.centre + self.signals @ level_weights, 0.0, HIGHEST)

    def situation(self, foretold: Floats) -> Floats:
        capped = np.minimum(foretold, FULL)
        return np.column_stack([self.plain, capped, capped**2])


class _Past:
    """A table seen through a curve, ready for questions."""

    def __init__(self, table: CleanTable, cycle: Cycles, group: Longs, curve: Curve, exposure: Exposure) -> None:
        self.table, self.cycle, self.group, self.curve, self.exposure = table, cycle, group, curve, exposure
        self.row_group = group[table.container]
        self.effective = exposure.effective_days(table.time_s, self.row_group, curve.multiplier)
        started = cycle.start_s >= 0
        start_s = np.where(started, cycle.start_s, table.time_s)
        self.days = self.effective - exposure.effective_days(start_s, self.row_group, curve.multiplier)
        self.step = steps(table, cycle)
        from_row, stepped = self.step.from_row, self.step.from_row >= 0
        self.level = np.where(stepped, table.fill[from_row], 0.0)
        self.shape = curve.shape(self.days, self.row_group)
        before = self.effective[from_row] - self.effective + self.days
        self.shape -= np.where(stepped, curve.shape(before, self.row_group), 0.0)
        fill = np.where(cycle.usable, table.fill, 0.0)
        self.sums = self._sums(fill)
        foretold = self._foretold_rows()
        latent = impute_full(fill, foretold, curve.noise[self.row_group])
        self.sums = self._sums(latent)
        foretold = self._foretold_rows()
        self.weight = self.step.error_weight
        self.missed = np.where(self.weight > 0, latent - foretold, 0.0)
        order = np.argsort(table.time_s, kind="stable")
        self.by_time = order[self.weight[order] > 0]

    def _sums(self, fill: Floats) -> Floats:
        rise = np.where(self.step.weight > 0, fill - self.level, 0.0)
        values = self.step.weight[:, None] * np.column_stack([rise * self.shape, self.shape**2])
        half_life_s = np.full(2, self.curve.half_life_s)
        return fading_sums(self.table.container, self.table.time_s, values, half_life_s)

    def _foretold_rows(self) -> Floats:
        """Return what each row's fill was foretold to be from the rows before it."""
        before = np.zeros_like(self.sums)
        faded = np.exp2(-np.diff(self.table.time_s) / self.curve.half_life_s)
        follows = self.table.container[1:] == self.table.container[:-1]
        before[1:] = np.where(follows, faded, 0.0)[:, None] * self.sums[:-1]
        factor = self.curve.factors(before[:, 0], before[:, 1], self.row_group)
        return np.minimum(self.level + factor * self.shape, HIGHEST)

    def ask(self, question: Question) -> _Answer:
        """Gather what was known before each origin."""
        table, cycle, curve = self.table, self.cycle, self.curve
        group = self.group[question.container]
        target = self.exposure.effective_days(question.target_s, group, curve.multiplier)
        row = newest_row(table, question.container, question.origin_s)
        known = row >= 0
        if not len(table):
            return self._nothing_known(question, group)
        at = np.where(known, row, 0)
        age = np.where(known, (question.origin_s - table.time_s[at]) / curve.half_life_s, 0.0)
        sums = np.where(known[:, None], self.sums[at] * np.exp2(-age)[:, None], 0.0)
        factor = curve.factors(sums[:, 0], sums[:, 1], group)

        level_row = np.where(known, cycle.level_row[at], -1)
        seen = level_row >= 0
        level_at = np.where(seen, level_row, 0)
        level = np.where(seen, table.fill[level_at], 0.0)
        hangs = seen & table.stuck[level_at]
        start_s = np.where(known, cycle.next_start_s[at], -1)
        started = start_s >= 0
        start = self.exposure.effective_days(np.where(started, start_s, question.origin_s), group, curve.multiplier)
        # Where the last emptying is unknown, a level tells how long ago it may have been; without one, it is typical.
        guessed = self.effective[level_at] - np.minimum(curve.days_for(level, factor, group), _LONGEST_DAYS)
        start = np.where(started, start, np.where(seen, guessed, target - curve.reference_days[group]))
        since_level = np.where(seen, target - self.effective[level_at], target - start)
        centre = np.minimum(factor * curve.shape(target - start, group), HIGHEST)
        at_level = np.minimum(factor * curve.shape(self.effective[level_at] - start, group), HIGHEST)
        surplus = np.where(seen & started & ~hangs, level - at_level, 0.0)
        # At full, a level says no more than that it is at least full.
        surplus = np.where(level >= FULL, np.maximum(surplus, 0.0), surplus)

        root = np.sqrt(np.clip(since_level, 0.0, _LONGEST_DAYS))
        newness = np.sqrt(curve.strength / (curve.strength + sums[:, 1]))
        stale = 1 - np.exp2(-2 * (question.target_s - question.origin_s) / DAY_S)
        rise = np.where(seen, factor * curve.shape(target - start, group) - at_level, 0.0)
        plain = np.column_stack(
            [np.ones(len(row)), newness, seen, ~seen * root, seen * root, np.clip(rise, 0.0, FULL), stale, hangs]
        )
        return _Answer(
            centre=np.where(hangs, level, centre),
            signals=np.column_stack([surplus, surplus * np.minimum(since_level, 3.0), *self._shocks(question)]),
            plain=plain,
            seen=seen,
            level=level,
            level_s=np.where(seen, table.time_s[level_at], question.origin_s),
            hangs=hangs,
        )

    def _nothing_known(self, question: Question, group: Longs) -> _Answer:
        n = len(group)
        plain = np.zeros((n, 8))
        plain[:, :2] = 1.0
        return _Answer(
            centre=self.curve.factor[group],
            signals=np.zeros((n, 2 + len(SHOCK_HALF_LIVES_S))),
            plain=plain,
            seen=np.zeros(n, dtype=np.bool_),
            level=np.zeros(n),
            level_s=question.origin_s,
            hangs=np.zeros(n, dtype=np.bool_),
        )

    def _shocks(self, question: Question) -> list[Floats]:
        rows = self.by_time
        values = np.column_stack([self.weight[rows] * self.missed[rows], self.weight[rows]])
        found = []
        for half_life_s in SHOCK_HALF_LIVES_S:
            sums = fading_sum_before(self.table.time_s[rows], values, question.origin_s, half_life_s=half_life_s)
            fades = np.exp2(-(question.target_s - question.origin_s) / half_life_s)
            found.append(sums[:, 0] / (sums[:, 1] + _SHOCK_STRENGTH) * fades)
        return found
