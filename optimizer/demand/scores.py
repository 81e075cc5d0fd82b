"""How good forecasts were: the usual scores, each proper or named for what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.demand.readings import Flags, Floats


def pinball(seen: Floats, quantile: Floats, probability: float) -> float:
    """Return the mean pinball loss of a quantile, in the unit of what was seen (Koenker and Bassett 1978)."""
    missed = seen - quantile
    return float(np.maximum(probability * missed, (probability - 1) * missed).mean())


def coverage(seen: Floats, low: Floats, high: Floats) -> float:
    """Return the share of what was seen that lies in its interval, ends included."""
    return float(((seen >= low) & (seen <= high)).mean())


def brier_skill(happened: Flags, probability: Floats, reference: Floats) -> float | None:
    """Return 1 - Brier score / Brier score of a reference; None where the reference never misses (Brier 1950)."""
    missed = float(((reference - happened) ** 2).mean())
    return None if missed == 0 else 1 - float(((probability - happened) ** 2).mean()) / missed


def area_under_curve(happened: Flags, probability: Floats) -> float | None:
    """Return how often of two the one that happened had the higher probability, ties half; None if all are alike.

    This is the area under the ROC curve (Hanley and McNeil 1982), by ranks.
    """
    positive = int(happened.sum())
    negative = len(happened) - positive
    if positive == 0 or negative == 0:
        return None
    _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(count) - (count - 1) / 2
    ranks = float(middle_rank[place][happened].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)
