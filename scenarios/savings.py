"""What one policy saves against another, with an interval from pairs that met the same days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS: Final = 10_000
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """The share of a total that is saved, and the interval that holds it.

    Parameters
    ----------
    low, high
        Ends of the interval at ``CONFIDENCE``; None with fewer than three pairs, from which nothing can be said.
    """

    share: float
    low: float | None
    high: float | None
    pairs: int


def saving(before: Sequence[float], after: Sequence[float], *, seed: int = 0) -> Saving:
    """Return what is saved of a total, from pairs of the same weeks (or seeds) before and after.

    The interval is the percentile bootstrap over pairs of the ratio of totals (B. Efron and R. Tibshirani, An
    Introduction to the Bootstrap, 1993, chapters 13 and 14): a week is drawn whole, so that what both policies met in
    it stays together, and days within it need not be independent.

    Raises
    ------
    ValueError
        If the pairs are none or do not match, or nothing was spent before.
    """
    if len(before) != len(after) or not before:
        raise ValueError(f"There are {len(before)} figures before and {len(after)} after; expected pairs.")
    there, here = np.array(before, dtype=np.float64), np.array(after, dtype=np.float64)
    if not there.sum() > 0:
        raise ValueError("Nothing was spent before, so no share of it can be saved.")
    share = 1 - float(here.sum() / there.sum())
    if len(before) < 3:  # noqa: PLR2004 - two pairs have no spread to speak of
        return Saving(share=share, low=None, high=None, pairs=len(before))
    drawn = np.random.default_rng(seed).integers(0, len(before), (DRAWS, len(before)))
    totals = there[drawn].sum(axis=1)
    shares = 1 - here[drawn].sum(axis=1) / np.where(totals > 0, totals, math.inf)
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Saving(share=share, low=float(low), high=float(high), pairs=len(before))
