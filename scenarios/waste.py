"""Waste as it falls in a made-up city, and sensors as they fail: drawn once, the same for every policy.

What is thrown in follows a compound process: on each half of a day a Poisson number of bags, each of gamma-distributed
litres. Its rate is the container's own, times the weekday's, times a festival's, times a slow random walk in the
logarithm. The forecaster knows nothing of this family: it fits a power curve with a spread learnt from its misses.
All draws are made beforehand from the seed, so that two policies meet the same bags, noises and broken sensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from optimizer.demand.readings import Flags, Floats

PARTS: Final = 2
"""A day has two parts: before the truck comes, and after."""
_WASTE, _SENSORS, _DEAD = 1, 2, 3
"""What a seed is for: each has draws of its own, so that dead sensors do not change what is thrown in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """The figures of a made-up city; our own, plausible for a town, and not those of any place.

    Parameters
    ----------
    pace
        Times the containers' own rates.
    bag_l
        Mean litres of a bag; each is gamma-distributed with shape 2.
    early_share
        Of a day's waste, what comes before the truck.
    weekdays
        Multipliers from Monday; made to have mean 1.
    walk_sd, walk_keeps
        The rate's logarithm moves by a normal step of ``walk_sd`` a day and keeps this share of where it was.
    container_sd
        Of the logarithm of how far a container's true rate is from the city's own figure.
    festival_days, festival_every, festival_factor
        A festival of so many days in each spell of so many; nobody told the forecaster.
    noise, lost, outliers
        Of readings: standard deviation in fill, share that never arrives, share that is any number from 0 to 1.
    dead
        Share of sensors that die for good before the days that count, half falling silent, half showing one level.
    sensors
        Share of containers with a sensor.
    """

    pace: float = 0.3
    bag_l: float = 12.0
    early_share: float = 0.2
    weekdays: tuple[float, ...] = (1.0, 0.95, 0.95, 1.0, 1.1, 1.25, 0.75)
    walk_sd: float = 0.06
    walk_keeps: float = 0.95
    container_sd: float = 0.25
    festival_days: int = 3
    festival_every: int = 45
    festival_factor: float = 1.5
    noise: float = 0.03
    lost: float = 0.02
    outliers: float = 0.01
    dead: float = 0.0
    sensors: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """All that happens whatever anybody decides.

    Parameters
    ----------
    volume_l : float64[n]
    start_l : float64[n], what is in each container on the first morning
    inflow_l : float64[days, 2, n], what is thrown in, before the truck comes and after
    noise : float64[days, 2, n], added to the fill that a sensor shows at the end of a part
    heard : bool[days, 2, n], whether the reading arrives
    outlier : float64[days, 2, n], what is shown instead; NaN where nothing is
    hangs_from : int64[n], the day from which a sensor shows one level; -1 for never
    """

    volume_l: Floats
    start_l: Floats
    inflow_l: Floats
    noise: Floats
    heard: Flags
    outlier: Floats
    hangs_from: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def days(self) -> int:
        """How many days there are."""
        return len(self.inflow_l)


def draw_world(
    volume_l: Floats,
    rate_l: Floats,
    *,
    days: int,
    warm_up: int,
    seed: int,
    nature: Nature,
    first_weekday: int = 0,
    foreseen: Floats | None = None,
) -> World:
    """Draw a world.

    Parameters
    ----------
    volume_l, rate_l : float64[n]
        Litres that each container holds, and what a usual day brings by the city's own figures.
    days
        All days, those of the warm-up included.
    first_weekday
        Of the first of them; Monday is 0.
    foreseen : float64[days], what the city's calendar multiplies each day's waste by; 1 if absent
    """
    n = len(volume_l)
    waste = np.random.default_rng([seed, _WASTE])
    weekday = np.array(nature.weekdays) / np.mean(nature.weekdays)
    own = nature.pace * rate_l * waste.lognormal(-(nature.container_sd**2) / 2, nature.container_sd, n)
    walk = np.zeros(n)
    inflow_l = np.zeros((days, PARTS, n))
    start_l = waste.uniform(0.0, 0.7, n) * volume_l
    festive = {int(first) + k for first in _festivals(waste, days, nature) for k in range(nature.festival_days)}
    for day in range(days):
        walk = nature.walk_keeps * walk + waste.normal(0.0, nature.walk_sd, n)
        factor = weekday[(first_weekday + day) % len(weekday)] * (nature.festival_factor if day in festive else 1.0)
        factor *= 1.0 if foreseen is None else foreseen[day]
        for part, share in enumerate((nature.early_share, 1 - nature.early_share)):
            bags = waste.poisson(own * np.exp(walk) * factor * share / nature.bag_l)
            inflow_l[day, part] = waste.gamma(2.0 * bags) * nature.bag_l / 2
    sensors = np.random.default_rng([seed, _SENSORS])
    shape = (days, PARTS, n)
    noise = sensors.normal(0.0, nature.noise, shape)
    heard = sensors.random(shape) >= nature.lost
    outlier = np.where(sensors.random(shape) < nature.outliers, sensors.random(shape), np.nan)
    heard &= sensors.permutation(n) < round(nature.sensors * n)
    hangs_from = np.full(n, -1, dtype=np.int64)
    death = np.random.default_rng([seed, _DEAD])
    dying = death.permutation(n)[: round(nature.dead * n)]
    died = death.integers(warm_up // 2, max(warm_up, warm_up // 2 + 1), len(dying))
    for container, day, silent in zip(dying, died, death.random(len(dying)) < 0.5, strict=True):  # noqa: PLR2004
        if silent:
            heard[day:, :, container] = False
        else:
            hangs_from[container] = day
    return World(
        volume_l=volume_l,
        start_l=start_l,
        inflow_l=inflow_l,
        noise=noise,
        heard=heard,
        outlier=outlier,
        hangs_from=hangs_from,
    )


def _festivals(random: np.random.Generator, days: int, nature: Nature) -> list[int]:
    """Draw the first day of each festival, one somewhere in each spell of days."""
    if nature.festival_days == 0:
        return []
    spells = range(0, days - nature.festival_every + 1, nature.festival_every)
    return [first + int(random.integers(0, nature.festival_every - nature.festival_days)) for first in spells]
