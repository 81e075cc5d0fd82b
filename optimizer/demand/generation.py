"""How much waste a person makes in a day, by zone, from weighed loads and surveys, with how far it may be off.

A load over a weighbridge is the waste of the people it was collected from. Over their person-days it is an average of
their zones' rates:

    kg / person-days = sum over zones (share of the person-days * rate of the zone) + error.

The rates are spread about a rate of the whole city, so a zone that was never weighed alone leans on the others
(a normal hierarchical model: A. Gelman and others, "Bayesian Data Analysis", 3rd edition, chapter 5). How widely zones
differ and how noisy loads are is not known either: every pair of such figures on a grid counts by how well it explains
what was seen, so that few loads give wide intervals.

What is estimated is what reaches the trucks; what is burnt, buried or picked out before them is not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from optimizer.demand.readings import Flags, Floats, Longs

USUAL_KG: Final = 0.56
"""Of a person and day in East Asia and the Pacific: S. Kaza and others, "What a Waste 2.0", World Bank 2018, ch. 2."""

_USUAL_SPREAD: Final = 0.5
"""How far a city's rate may lie from the rate stated before anything was weighed, as a share of it (one standard
deviation). Our own figure: countries of one region differ by that much in the same report."""

_ZONES_SPREAD: Final = tuple(0.02 * 1.5**step for step in range(10))
_LOADS_SPREAD: Final = tuple(0.02 * 1.5**step for step in range(11))
"""How much zones, and loads, may differ, as shares of the usual rate: from 2 % to 77 % and to 115 %, in even ratios."""

_IMPLAUSIBLE: Final = 8.0
"""A load that gives so many times the median load's rate, or so little of it, is left out: a decimal point slips by a
factor of ten. Our own figure. Where loads of the same zones differ by 40 % or more, this takes light ones that were
right, and 90 % intervals hold only about 82 % (made-up cities of 100 loads); up to 30 % they hold 89 %."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighings:
    """Loads as weighed at a gate, all of one stream.

    Parameters
    ----------
    kg : float64[n], above 0
    person_days : float64[n, zones]
        How many people's waste, of how many days, lies in each load, by zone; each load has some.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a figure is out of its range.
    """

    kg: Floats
    person_days: Floats

    def __post_init__(self) -> None:
        if self.person_days.ndim != 2 or self.kg.shape != self.person_days.shape[:1]:  # noqa: PLR2004 - loads by zones
            raise ValueError(f"{self.kg.shape} loads do not fit person-days of shape {self.person_days.shape}.")
        if not (np.isfinite(self.kg).all() and (self.kg > 0).all()):
            raise ValueError("Every load must weigh more than 0 kg.")
        whole = self.person_days.sum(axis=1)
        if not (np.isfinite(whole).all() and (self.person_days >= 0).all() and (whole > 0).all()):
            raise ValueError(
                "Every load must hold the waste of somebody: person-days of at least 0, and some above it."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surveys:
    """Rates found by weighing the bags of some households, of the same stream.

    Parameters
    ----------
    zone : int64[s]
    kg_per_person_day : float64[s], at least 0
    standard_error : float64[s], above 0, in the same unit

    Raises
    ------
    ValueError
        If the shapes differ, or a figure is out of its range.
    """

    zone: Longs
    kg_per_person_day: Floats
    standard_error: Floats

    def __post_init__(self) -> None:
        if not self.zone.shape == self.kg_per_person_day.shape == self.standard_error.shape:
            raise ValueError("Every survey needs a zone, a rate and a standard error.")
        if not (np.isfinite(self.kg_per_person_day).all() and (self.kg_per_person_day >= 0).all()):
            raise ValueError("A survey's rate must be a number of at least 0.")
        if not (np.isfinite(self.standard_error).all() and (self.standard_error > 0).all()):
            raise ValueError("A survey's standard error must be above 0.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generation:
    """Rates in kg per person and day.

    Parameters
    ----------
    rate, low, high : float64[zones]
        The best estimate, and the ends of its interval.
    city, city_low, city_high
        The same of the whole city, each person counting once.
    left_out : bool[n]
        Loads too far from the others to be believed.
    """

    rate: Floats
    low: Floats
    high: Floats
    city: float
    city_low: float
    city_high: float
    left_out: Flags


def estimate_generation(
    people: Floats,
    weighings: Weighings | None,
    surveys: Surveys | None,
    *,
    stated_kg: float = USUAL_KG,
    probability: float = 0.9,
) -> Generation:
    """Estimate the rates of all zones together.

    Parameters
    ----------
    people : float64[zones]
        Inhabitants, for the rate of the city.
    weighings, surveys
        What was measured; without either the answer is the stated rate, with a wide interval.
    stated_kg
        What the city believed before, kg per person and day.
    probability
        That a rate lies in its interval, if the model holds.

    Raises
    ------
    ValueError
        If there is no zone, a figure is out of its range, or the parts name different zones.
    """
    zones = len(people)
    if not zones or not (people >= 0).all():
        raise ValueError("There must be a zone, and no zone with fewer people than 0.")
    if not stated_kg > 0 or not 0 < probability < 1:
        raise ValueError(f"A rate of {stated_kg} kg or a probability of {probability} is not possible.")
    loads, left_out = _loads(weighings, stated_kg, zones)
    asked = _asked(surveys, stated_kg, zones)
    mean, spread = _mixture(loads, asked, stated_kg, zones)
    share = people / people.sum() if people.sum() else np.full(zones, 1 / zones)
    reach = NormalDist().inv_cdf(0.5 + probability / 2)
    off = reach * np.sqrt(np.diagonal(spread))
    rate, city = stated_kg + mean, stated_kg + float(share @ mean)
    city_off = reach * math.sqrt(float(share @ spread @ share))
    return Generation(
        rate=np.maximum(rate, 0.0),
        low=np.maximum(rate - off, 0.0),
        high=np.maximum(rate + off, 0.0),
        city=max(0.0, city),
        city_low=max(0.0, city - city_off),
        city_high=max(0.0, city + city_off),
        left_out=left_out,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """All that a linear model needs of its data: X'X, X'y, y'y and how many, y counted from the stated rate."""

    outer: Floats
    cross: Floats
    square: float
    count: int


def _loads(weighings: Weighings | None, stated_kg: float, zones: int) -> tuple[_Sums, Flags]:
    if weighings is None or not len(weighings.kg):
        return _Sums(outer=np.zeros((zones, zones)), cross=np.zeros(zones), square=0.0, count=0), np.zeros(0, np.bool_)
    if weighings.person_days.shape[1] != zones:
        raise ValueError(f"The loads are of {weighings.person_days.shape[1]} zones, not of {zones}.")
    whole = weighings.person_days.sum(axis=1)
    rate = weighings.kg / whole
    away = rate / np.median(rate)
    left_out = (away > _IMPLAUSIBLE) | (away < 1 / _IMPLAUSIBLE)
    shares = (weighings.person_days / whole[:, None])[~left_out]
    above = rate[~left_out] - stated_kg
    return (
        _Sums(outer=shares.T @ shares, cross=shares.T @ above, square=float(above @ above), count=len(above)),
        left_out,
    )


def _asked(surveys: Surveys | None, stated_kg: float, zones: int) -> _Sums:
    """Return the sums of the surveys, each divided by its squared error."""
    outer, cross = np.zeros((zones, zones)), np.zeros(zones)
    if surveys is None:
        return _Sums(outer=outer, cross=cross, square=0.0, count=0)
    if len(surveys.zone) and not (surveys.zone.min() >= 0 and surveys.zone.max() < zones):
        raise ValueError(f"A survey names a zone outside the {zones} there are.")
    certain = surveys.standard_error**-2.0
    above = surveys.kg_per_person_day - stated_kg
    np.add.at(outer, (surveys.zone, surveys.zone), certain)
    np.add.at(cross, surveys.zone, certain * above)
    return _Sums(outer=outer, cross=cross, square=float(certain @ above**2), count=len(above))


def _mixture(loads: _Sums, asked: _Sums, stated_kg: float, zones: int) -> tuple[Floats, Floats]:
    """Return mean and covariance of the rates above the stated one, over all figures of the grid."""
    weights, means, spreads = [], [], []
    for zones_spread in _ZONES_SPREAD:
        prior = np.full((zones, zones), (stated_kg * _USUAL_SPREAD) ** 2)
        prior[np.diag_indices(zones)] += (stated_kg * zones_spread) ** 2
        certain, log_prior = np.linalg.inv(prior), np.linalg.slogdet(prior)[1]
        for loads_spread in _LOADS_SPREAD if loads.count else _LOADS_SPREAD[:1]:
            noise = (stated_kg * loads_spread) ** 2
            spread = np.linalg.inv(certain + loads.outer / noise + asked.outer)
            pull = loads.cross / noise + asked.cross
            mean = spread @ pull
            # The log of how likely all that was seen is; terms that are the same for the whole grid are left out. The
            # first makes every spread of zones as likely as any other beforehand, though the grid is in even ratios
            # (A. Gelman, "Prior distributions for variance parameters in hierarchical models", Bayesian Analysis 2006).
            weights.append(
                math.log(zones_spread)
                + 0.5 * (np.linalg.slogdet(spread)[1] - log_prior + pull @ mean)
                - 0.5 * (loads.count * math.log(noise) + loads.square / noise)
            )
            means.append(mean)
            spreads.append(spread)
    likely = np.exp(np.array(weights) - max(weights))
    likely /= likely.sum()
    every = np.array(means)
    mean = likely @ every
    spread = np.einsum("g,gij->ij", likely, np.array(spreads))
    return mean, spread + np.einsum("g,gi,gj->ij", likely, every - mean, every - mean)
