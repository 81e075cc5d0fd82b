"""How far forecasts miss, learnt from forecasts made before: scores, their distribution, and a conformal correction.

A score is what a fill exceeded its forecast by, in units of a width that depends on the situation. Fills at full are
only known to be at least that: their scores are censored, and the distribution is the product-limit estimate (Kaplan
and Meier 1958). Situations are classed, since an empty container's forecast errs upwards and a full one's downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import FULL

if TYPE_CHECKING:
    from optimizer.demand.readings import Flags, Floats, Longs

PROBABILITIES: Final[Floats] = np.concatenate(
    [[0.002, 0.005, 0.01], np.arange(0.02, 0.985, 0.02), [0.99, 0.995, 0.998]]
)
"""At which the distribution of scores is kept; between them it is taken as straight."""
NARROWEST: Final = 0.01
FEWEST_IN_CLASS: Final = 120
MOST_CLASSES: Final = 6
INTERVAL: Final = 0.8
_RIDGE: Final = 1.0
_LEAST_OWN: Final = 0.1
_GROUP_STRENGTH: Final = 100.0
_OWN_STRENGTH: Final = 30.0
"""So many lessons weigh as much as the city's, or the group's, misses. Our own figures: a mean absolute deviation is
known to a fifth from so few as 15."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """The distribution of what forecasts miss by.

    Parameters
    ----------
    width_weights : float64[situations], of the mean absolute miss
    edges : float64[classes - 1], of the foretold fill
    scores : float64[classes, len(PROBABILITIES)], quantiles
    own : float64[containers]
        Times the situation's width: a bag fills a fifth of a small bin and hardly shows in a large one.
    widening
        What the ends of the interval are moved outwards by, in widths, so that it would have held ``INTERVAL`` of the
        fills seen (conformalised quantile regression: Romano, Patterson and Candès 2019); below 0 it is narrowed.
    """

    width_weights: Floats
    edges: Floats
    scores: Floats
    own: Floats
    widening: float

    def width(self, situation: Floats, container: Longs) -> Floats:
        """Return the widths of containers ``int64[n]`` in situations ``float64[n, situations]``."""
        found: Floats = np.maximum(situation @ self.width_weights, NARROWEST) * self.own[container]
        return found

    def class_of(self, foretold: Floats) -> Longs:
        """Return the class of each foretold fill."""
        return np.searchsorted(self.edges, foretold, side="right")

    def quantile(self, foretold: Floats, width: Floats, probability: float) -> Floats:
        """Return a quantile of each fill; above full where the waste lies beside the bin."""
        by_class = np.array([np.interp(probability, PROBABILITIES, row) for row in self.scores])
        found: Floats = foretold + width * by_class[self.class_of(foretold)]
        return found

    def below(self, level: Floats, foretold: Floats, width: Floats) -> Floats:
        """Return the probability that each fill stays below a level."""
        score = (level - foretold) / width
        of = self.class_of(foretold)
        found = np.empty(len(foretold))
        for index, row in enumerate(self.scores):
            chosen = of == index
            found[chosen] = np.interp(score[chosen], row, PROBABILITIES, left=0.0, right=1.0)
        return found


def fit_spread(
    fill: Floats,
    latent: Floats,
    foretold: Floats,
    situation: Floats,
    weight: Floats,
    *,
    container: Longs,
    group: Longs,
) -> Spread:
    """Learn the spread from forecasts and what came of them.

    Parameters
    ----------
    fill : float64[n], as seen, FULL being censored
    latent : float64[n], what was full raised to its expectation
    foretold : float64[n]
    situation : float64[n, situations], column 0 being 1
    weight : float64[n]
    container : int64[n], which one each is of
    group : int64[containers]
    """
    missed = np.abs(latent - foretold)
    weighted = situation * weight[:, None]
    penalty = _RIDGE * np.eye(situation.shape[1])
    penalty[0, 0] = 1e-6
    prior = np.zeros(situation.shape[1])
    prior[0] = 0.1 if len(fill) == 0 else float(missed @ weight / max(weight.sum(), 1e-9))
    weights = prior + np.linalg.solve(situation.T @ weighted + penalty, weighted.T @ (missed - situation @ prior))
    width = np.maximum(situation @ weights, NARROWEST)
    own = _own_width(missed, width, weight, container, group)
    width = width * own[container]
    classes = int(np.clip(len(fill) // FEWEST_IN_CLASS, 1, MOST_CLASSES))
    edges = np.unique(np.quantile(foretold, np.arange(1, classes) / classes)) if classes > 1 else np.empty(0)
    of = np.searchsorted(edges, foretold, side="right")
    scores = (fill - foretold) / width
    table = np.stack(
        [
            product_limit(scores[of == index], fill[of == index] >= FULL, weight[of == index])
            for index in range(len(edges) + 1)
        ]
    )
    plain = Spread(width_weights=weights, edges=edges, scores=table, own=own, widening=0.0)
    return replace(plain, widening=_widening(plain, fill, foretold, width, weight))


def _own_width(missed: Floats, width: Floats, weight: Floats, container: Longs, group: Longs) -> Floats:
    """Return how each container's misses compare with its situations' widths, shrunk to its group and that to 1."""
    groups = int(group.max()) + 1 if len(group) else 1
    usual = float(width @ weight / max(weight.sum(), 1e-9)) if len(width) else 1.0
    upper = np.bincount(container, weight * missed, minlength=len(group))
    lower = np.bincount(container, weight * width, minlength=len(group))
    of_group = (np.bincount(group, upper, minlength=groups) + _GROUP_STRENGTH * usual) / (
        np.bincount(group, lower, minlength=groups) + _GROUP_STRENGTH * usual
    )
    found: Floats = (upper + _OWN_STRENGTH * usual * of_group[group]) / (lower + _OWN_STRENGTH * usual)
    return np.maximum(found, _LEAST_OWN)


def product_limit(score: Floats, censored: Flags, weight: Floats) -> Floats:
    """Return the scores' quantiles at PROBABILITIES; of a censored one only a lower bound is known.

    Beyond the largest uncensored score the distribution goes on like a normal one's tail. With fewer than two scores
    it is a normal distribution's whose mean absolute deviation is 1.
    """
    normal: Floats = _NORMAL_QUANTILES * np.sqrt(np.pi / 2)
    if (~censored).sum() < 2:  # noqa: PLR2004 - one score has no spread
        return normal
    order = np.lexsort((censored, score))
    score, censored, weight = score[order], censored[order], np.maximum(weight[order], 1e-9)
    at_risk = np.cumsum(weight[::-1])[::-1]
    stays = np.cumprod(np.where(censored, 1.0, 1 - weight / at_risk))
    seen, passed = score[~censored], 1 - stays[~censored]
    middle = passed - 0.5 * np.diff(passed, prepend=0.0)
    found = np.interp(PROBABILITIES, middle, seen)
    last = float(middle[-1])
    beyond = last < PROBABILITIES
    start = np.interp(last, PROBABILITIES, normal)
    found[beyond] = seen[-1] + (normal[beyond] - start)
    rising: Floats = np.maximum.accumulate(found)
    return rising


def _widening(spread: Spread, fill: Floats, foretold: Floats, width: Floats, weight: Floats) -> float:
    if len(fill) < 2:  # noqa: PLR2004
        return 0.0
    low = spread.quantile(foretold, width, (1 - INTERVAL) / 2)
    high = spread.quantile(foretold, width, (1 + INTERVAL) / 2)
    # A full container fits any upper end at or above full.
    outside = np.maximum(low - fill, fill - high) / width
    order = np.argsort(outside)
    share = np.cumsum(weight[order]) / max(weight.sum(), 1e-9)
    return float(outside[order][min(int(np.searchsorted(share, INTERVAL)), len(fill) - 1)])


def normal_quantile(probability: float) -> float:
    """Return the standard normal distribution's quantile."""
    return _NORMAL.inv_cdf(probability)


_NORMAL: Final = NormalDist()
_NORMAL_QUANTILES: Final = np.array([normal_quantile(float(each)) for each in PROBABILITIES])
