"""How a container fills: a power of effective days, with a factor of its own that is shrunk to its group's.

``fill = s * (u / u_ref) ** p``, where u is the effective days since the emptying. Where crews and sensors decide when
to empty, long intervals are those in which little came, so that the fill an emptying finds grows much slower than
time: p is chosen by how well each observation is foretold from the earlier ones, and may be anything from nearly 0 (a
constant) to above 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S, FULL
from optimizer.demand.exposure import WEEKDAYS, Exposure
from optimizer.demand.state import fading_sums

if TYPE_CHECKING:
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.exposure import Calendar
    from optimizer.demand.readings import Floats, Longs
    from optimizer.demand.state import Cycles

POWERS: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15)
STRENGTHS: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""How many observations of its own a container needs before they count as much as its group's."""
HALF_LIVES_S: Final = (14 * DAY_S, 45 * DAY_S, 180 * DAY_S)
SHORTEST_DAYS: Final = 0.02
HIGHEST: Final = 1.5
"""A fill above full is waste beside the bin; the curve ends at so much of it."""
_GROUP_STRENGTH: Final = 10.0
_MULTIPLIER_SD: Final = 0.3
"""Before any data, a weekday's multiplier is 1 give or take so much. Our own figure."""
_MULTIPLIER_RANGE: Final = (0.2, 5.0)
_ROUNDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """What a group's containers have in common.

    Parameters
    ----------
    multiplier : float64[groups, n_kinds], of a day by its kind
    power, reference_days, factor : float64[groups]; p, u_ref and the group's s
    noise : float64[groups], standard deviation of a fill around what was foretold
    strength, half_life_s
        How much a container counts against its group, and how fast its past is forgotten.
    """

    multiplier: Floats
    power: Floats
    reference_days: Floats
    factor: Floats
    noise: Floats
    strength: float
    half_life_s: float

    def shape(self, days: Floats, group: Longs) -> Floats:
        """Return (u / u_ref) ** p for effective days ``float64[n]``."""
        found: Floats = (np.maximum(days, SHORTEST_DAYS) / self.reference_days[group]) ** self.power[group]
        return found

    def factors(self, fill_shape: Floats, shape_shape: Floats, group: Longs) -> Floats:
        """Return s from the fading sums of fill times shape and of shape squared."""
        found: Floats = (fill_shape + self.strength * self.factor[group]) / (shape_shape + self.strength)
        return found

    def days_for(self, fill: Floats, factor: Floats, group: Longs) -> Floats:
        """Return the effective days after which a container of this factor is so full."""
        found: Floats = self.reference_days[group] * (fill / np.maximum(factor, 0.01)) ** (1 / self.power[group])
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """What each usable row tells of the rate: a step from the level read before in its cycle, or from empty.

    A level says more of the past than of the rate, and long cycles are those in which little came: steps from one
    reading to the next do not suffer from that, because the truck comes after the step and not because of it.

    Parameters
    ----------
    from_row : int64[n], the reading that the step starts at, or -1
    weight : float64[n], of the step in a container's factor: 1 / days, since a step's variance grows with its days
    error_weight : float64[n], of the miss in the choice of what is common: days, at most 1
    """

    from_row: Longs
    weight: Floats
    error_weight: Floats


def steps(table: CleanTable, cycle: Cycles) -> Steps:
    """Find the steps; one from a reading at full, or of a sensor that hangs, tells nothing and weighs 0."""
    n = len(table)
    from_row = np.full(n, -1)
    if n:
        from_row[1:] = np.where(table.container[1:] == table.container[:-1], cycle.level_row[:-1], -1)
    stepped = from_row >= 0
    since_s = table.time_s - np.where(stepped, table.time_s[from_row], np.maximum(cycle.start_s, 0))
    days = np.maximum(since_s / DAY_S, SHORTEST_DAYS)
    blind = stepped & ((table.fill[from_row] >= FULL) | table.stuck[from_row])
    at_most_one = np.where(table.reported & ~stepped, 1.0, np.minimum(days, 1.0))
    tells = cycle.usable & ~blind
    return Steps(
        from_row=from_row,
        weight=np.where(tells, np.where(stepped, 1 / days, at_most_one), 0.0),
        error_weight=np.where(tells, at_most_one, 0.0),
    )


def impute_full(fill: Floats, foretold: Floats, noise: Floats) -> Floats:
    """Return the fills, those at full raised to what they are on average, given that they are at least full.

    The mean of a normal distribution beyond a point is m + s * phi(a) / (1 - Phi(a)) with a = (1 - m) / s, as in
    Tobin's regression (1958). Up to a = 1, Phi is Page's logistic approximation (1977), off by less than 0.0002;
    further out, where that is too much, the ratio is Sampford's bound (1953), less than 2 % low.
    """
    above = (FULL - foretold) / noise
    density = np.exp(-0.5 * above**2) / np.sqrt(2 * np.pi)
    beyond = 1 / (1 + np.exp(np.clip(1.5976 * above + 0.070565 * above**3, -50, 50)))
    ratio = np.where(above < 1, density / np.maximum(beyond, 1e-12), (3 * above + np.sqrt(above**2 + 8)) / 4)
    return np.where(fill >= FULL, np.clip(foretold + noise * ratio, FULL, HIGHEST), fill)


def fit_curve(
    table: CleanTable,
    cycle: Cycles,
    group: Longs,
    calendar: Calendar,
    exposure: Exposure,
    *,
    most_rows: int,
    least_power: float = 0.0,
) -> Curve:
    """Choose all that is common, by how well earlier observations foretell later ones.

    Parameters
    ----------
    group : int64[containers]
    most_rows
        Only the newest observations up to about so many are tried.
    least_power
        Of the curve's; see ``forecast.fit``.
    """
    powers = np.array([power for power in POWERS if power >= least_power])
    groups = int(group.max()) + 1 if len(group) else 1
    step = steps(table, cycle)
    rows = np.flatnonzero(step.weight > 0)
    if len(rows) > most_rows:
        rows = rows[table.time_s[rows] >= np.quantile(table.time_s[rows], 1 - most_rows / len(rows))]
    prior = calendar.prior()
    curve = Curve(
        multiplier=np.tile(prior, (groups, 1)),
        power=np.full(groups, max(0.5, least_power)),
        reference_days=np.ones(groups),
        factor=np.full(groups, 0.5),
        noise=np.full(groups, 0.25),
        strength=4.0,
        half_life_s=float(HALF_LIVES_S[1]),
    )
    if len(rows) == 0:
        return curve
    sample = _Sample(table, cycle, step, group, exposure, rows)
    latent = sample.fill
    for _ in range(_ROUNDS):
        curve, foretold = _choose(sample, latent, curve, powers)
        latent = impute_full(sample.fill, foretold, curve.noise[sample.group])
        multiplier = _multipliers(sample, latent, foretold, curve, prior)
        curve = Curve(
            multiplier=multiplier,
            power=curve.power,
            reference_days=curve.reference_days,
            factor=curve.factor,
            noise=curve.noise,
            strength=curve.strength,
            half_life_s=curve.half_life_s,
        )
    return _choose(sample, latent, curve, powers)[0]


class _Sample:
    """The observations that a curve is fitted to."""

    def __init__(
        self, table: CleanTable, cycle: Cycles, step: Steps, group: Longs, exposure: Exposure, rows: Longs
    ) -> None:
        self.container = table.container[rows]
        self.time_s = table.time_s[rows]
        self.fill = table.fill[rows]
        self.group = group[self.container]
        self.groups = int(group.max()) + 1
        self.step_weight, self.weight = step.weight[rows], step.error_weight[rows]
        from_row = step.from_row[rows]
        self.stepped = from_row >= 0
        self.level = np.where(self.stepped, table.fill[from_row], 0.0)
        start = exposure.days_of_kinds(cycle.start_s[rows])
        from_s = np.where(self.stepped, table.time_s[from_row], cycle.start_s[rows])
        self.before_kind = exposure.days_of_kinds(from_s) - start
        self.by_kind = exposure.days_of_kinds(self.time_s) - start
        self.follows = np.zeros(len(rows), dtype=np.bool_)
        self.follows[1:] = self.container[1:] == self.container[:-1]

    def sum(self, values: Floats) -> Floats:
        """Return weighted sums by group."""
        return np.asarray(np.bincount(self.group, self.weight * values, minlength=self.groups), dtype=np.float64)

    def sums_before(self, values: Floats, half_life_s: float) -> Floats:
        """Return each column's fading sum before each row."""
        after = fading_sums(self.container, self.time_s, values, np.full(values.shape[1], half_life_s))
        before = np.zeros_like(after)
        faded = np.exp2(-np.diff(self.time_s) / half_life_s)
        before[1:] = np.where(self.follows[1:], faded, 0.0)[:, None] * after[:-1]
        return before


def _choose(sample: _Sample, fill: Floats, curve: Curve, powers: Floats) -> tuple[Curve, Floats]:
    multiplier = curve.multiplier[sample.group]
    days = np.maximum((sample.by_kind * multiplier).sum(axis=1), SHORTEST_DAYS)
    before_days = np.maximum((sample.before_kind * multiplier).sum(axis=1), SHORTEST_DAYS)
    reference = np.array([_median(days[sample.group == g]) for g in range(sample.groups)])
    shapes = (days / reference[sample.group])[:, None] ** powers
    shapes -= np.where(sample.stepped[:, None], (before_days / reference[sample.group])[:, None] ** powers, 0.0)
    rise = (fill - sample.level)[:, None]
    products = sample.step_weight[:, None] * np.hstack([rise * shapes, shapes**2])
    n_powers = len(powers)
    factor = _group_factors(sample, products[:, :n_powers], products[:, n_powers:])
    best: tuple[float, Longs, Floats, float, float, Floats] | None = None
    for half_life_s in map(float, HALF_LIVES_S):
        before = sample.sums_before(products, half_life_s)
        for strength in STRENGTHS:
            own = (before[:, :n_powers] + strength * factor[sample.group]) / (before[:, n_powers:] + strength)
            foretold = np.minimum(sample.level[:, None] + own * shapes, HIGHEST)
            missed = np.stack([sample.sum((fill - foretold[:, k]) ** 2) for k in range(n_powers)], axis=1)
            weight = sample.sum(np.ones(len(fill)))
            # A group of few observations follows the city.
            blended = missed + _GROUP_STRENGTH * missed.sum(axis=0) / max(weight.sum(), 1e-9)
            chosen = blended.argmin(axis=1).astype(np.int64)
            error = float(missed[np.arange(sample.groups), chosen].sum())
            if best is None or error < best[0]:
                noise = np.sqrt(blended[np.arange(sample.groups), chosen] / (weight + _GROUP_STRENGTH))
                best = (error, chosen, noise, strength, half_life_s, foretold)
    assert best is not None
    _, chosen, noise, strength, half_life_s, foretold = best
    found = Curve(
        multiplier=curve.multiplier,
        power=powers[chosen],
        reference_days=reference,
        factor=factor[np.arange(sample.groups), chosen],
        noise=np.maximum(noise, 0.01),
        strength=strength,
        half_life_s=half_life_s,
    )
    return found, foretold[np.arange(len(fill)), chosen[sample.group]]


def _group_factors(sample: _Sample, fill_shape: Floats, shape_shape: Floats) -> Floats:
    """Return s by group and power, shrunk to the city's."""
    upper, lower = (
        np.stack([np.bincount(sample.group, part[:, k], minlength=sample.groups) for k in range(part.shape[1])], axis=1)
        for part in (fill_shape, shape_shape)
    )
    city = upper.sum(axis=0) / np.maximum(lower.sum(axis=0), 1e-9)
    found: Floats = (upper + _GROUP_STRENGTH * city) / (lower + _GROUP_STRENGTH)
    return found


def _multipliers(sample: _Sample, fill: Floats, foretold: Floats, curve: Curve, prior: Floats) -> Floats:
    """Take one Gauss-Newton step from the multipliers, first for the city, then for each group from the city's."""
    group = sample.group
    multiplier = curve.multiplier[group]
    factor = curve.factor[group] * curve.power[group] / curve.reference_days[group]
    columns = np.zeros_like(sample.by_kind)
    for by_kind, sign in ((sample.by_kind, 1.0), (sample.before_kind, -1.0)):
        days = np.maximum((by_kind * multiplier).sum(axis=1), SHORTEST_DAYS)
        slope = factor * (days / curve.reference_days[group]) ** (curve.power[group] - 1)
        columns += np.where(sample.stepped | (sign > 0), sign * slope, 0.0)[:, None] * by_kind
    columns[foretold >= HIGHEST] = 0.0
    target = fill - foretold + (columns * multiplier).sum(axis=1)
    scale = 1 / (curve.noise[sample.group] ** 2)
    city = _ridge(columns, target, sample.weight * scale, prior)
    city = _normal(np.clip(city, *_MULTIPLIER_RANGE))
    found = np.empty_like(curve.multiplier)
    for g in range(sample.groups):
        of_group = sample.group == g
        own = _ridge(columns[of_group], target[of_group], (sample.weight * scale)[of_group], city)
        found[g] = _normal(np.clip(own, *_MULTIPLIER_RANGE))
    return found


def _ridge(columns: Floats, target: Floats, weight: Floats, centre: Floats) -> Floats:
    precision = np.diag(1 / (_MULTIPLIER_SD * centre) ** 2)
    weighted = columns * weight[:, None]
    found = np.linalg.solve(columns.T @ weighted + precision, weighted.T @ target + precision @ centre)
    return np.asarray(found, dtype=np.float64)


def _normal(multiplier: Floats) -> Floats:
    """Keep the mean weekday at 1: a level that all days share is the factor's business."""
    found: Floats = multiplier / multiplier[:WEEKDAYS].mean()
    return found


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else 1.0
