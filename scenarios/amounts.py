"""What lies in the containers on a day: drawn from a seed, the same for every scenario that shares it.

What is thrown into a container on a date is its usual litres, times the day's own factor for the whole city, times the
container's. Both are lognormal with mean 1. A container's spread is that of a compound process of bags (as in
``scenarios.waste``): with bags of gamma-distributed litres of shape 2 and mean b, a day that brings m litres on average
has the variance 1.5 b m. The draws hang on the container's id, the date and the seed alone, so that two scenarios meet
the same waste whatever they change: growth multiplies it, another schedule lets it lie longer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from geodata.city.zones import zone_containers
from optimizer.demand.readings import EventTable
from scenarios.changes.waste import TWIN, usual_litres, zones_of
from scenarios.choose import USUAL, choose_day, day_s
from scenarios.visits import MICRO, Due

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.city.dataset import CityDataset, Container
    from geodata.streets.roads import RoadNetwork
    from optimizer.demand.readings import Flags, Floats, Longs
    from scenarios.changes.case import Case

Words: TypeAlias = "NDArray[np.uint64]"

BAG_L: Final = 12.0
"""Mean litres of a bag, as in ``scenarios.waste.Nature``."""
_CITY_SD: Final = 0.06
"""Of the logarithm of the whole city's factor for a day: our own figure, about what the weekday of a town makes."""
PAST_DAYS: Final = 28
"""Days before the study of which containers with sensors tell, so that a forecast has something to learn from."""
_NOISE: Final = 0.03
_READ_S: Final = (6 * 3_600 - 300, 86_400 - 300)
_TRUCK_S: Final = 6 * 3_600
_WEEK: Final = 7
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def settled(case: Case, network: RoadNetwork) -> CityDataset:
    """Return the city with its door-to-door waste as stops: what is due is then said of each, and no zone is left."""
    city = case.city
    return replace(city, containers=(*city.containers, *zone_containers(city, network)), zones=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """What a day begins with.

    Parameters
    ----------
    due
        What to collect, by container.
    litres : float64[n]
        What lies in and beside each container of the settled city when the truck can come.
    overflowing : bool[n]
        Which are full, or more than full; door-to-door stops never are.
    """

    due: dict[str, Due]
    litres: Floats
    overflowing: Flags


class Amounts:
    """What lies in the containers of one scenario, by one seed.

    Parameters
    ----------
    city
        As ``settled`` gives it.
    first
        The first day of the study: policies that choose have been at work since then.
    """

    def __init__(self, case: Case, city: CityDataset, *, seed: int, first: dt.date) -> None:
        self.case, self.city, self.seed, self.first = case, city, seed, first
        self.volume_l = np.array([one.volume_l for one in city.containers], dtype=np.float64)
        self._rate_l = np.array([usual_litres(one, city.default_fill) for one in city.containers])
        names = [one.id.partition(TWIN)[0] for one in city.containers]
        self._keys = np.array([key_of_name(name) for name in names], dtype=np.uint64)
        own = len(case.city.containers)
        self._bags = np.array([number >= own for number in range(len(city.containers))], dtype=np.bool_)
        self._zone = self._zones(case.city, city.containers[own:])
        self._scheduled = np.array(
            [[one.schedule is None or day in one.schedule for day in range(_WEEK)] for one in city.containers],
            dtype=np.bool_,
        ).reshape(-1, _WEEK)
        self._chain: list[tuple[dt.date, Morning]] = []
        self._left_l: Floats | None = None
        self._rows: list[tuple[Longs, Longs, Flags, Floats]] = []

    def on(self, date: dt.date) -> Morning:
        """Return what a day begins with.

        Raises
        ------
        ValueError
            If a policy chooses, and the day lies before the study's first.
        """
        if self.case.policy == "schedule":
            return self._by_schedule(date)
        if date < self.first:
            raise ValueError(f"The study begins on {self.first}, after {date}.")
        for day, morning in self._chain:
            if day == date:
                return morning
        while not self._chain or self._chain[-1][0] < date:
            self._next_day()
        return self._chain[-1][1]

    def thrown_in(self, date: dt.date) -> Floats:
        """Return the litres that a date brings to each container: float64[n]."""
        mean_l = self._rate_l * self._feast_factor(date)
        sd = np.sqrt(np.log1p(1.5 * BAG_L / np.maximum(mean_l, 1e-6)))
        sd = np.where(self._bags, np.sqrt(np.log1p(1.5 * BAG_L / np.maximum(mean_l, BAG_L))), sd)
        ordinal = np.uint64(date.toordinal())
        own = normal(self._keys, ordinal, self.seed)
        whole = float(normal(np.array([key_of_name("the whole city")], dtype=np.uint64), ordinal, self.seed)[0])
        litres: Floats = mean_l * np.exp(_CITY_SD * whole - _CITY_SD**2 / 2) * np.exp(sd * own - sd**2 / 2)
        return litres

    def _by_schedule(self, date: dt.date) -> Morning:
        """Let waste lie since the scheduled day before."""
        weekday = date.weekday()
        since = np.full(len(self._keys), 1)
        for back in range(_WEEK, 0, -1):
            since[self._scheduled[:, (weekday - back) % _WEEK]] = back
        since[~self._scheduled.any(axis=1)] = _WEEK
        litres = np.zeros(len(self._keys))
        for back in range(1, _WEEK + 1):
            litres += np.where(since >= back, self.thrown_in(date - dt.timedelta(days=back)), 0.0)
        return self._morning(litres, self._scheduled[:, weekday])

    def _morning(self, litres: Floats, due: Flags) -> Morning:
        found = {
            one.id: Due(
                litres=max(1, int(np.ceil(amount_l))),
                prize_micro=None if one.prize is None else round(one.prize * MICRO),
            )
            for one, amount_l, is_due in zip(self.city.containers, litres.tolist(), due.tolist(), strict=True)
            if is_due and amount_l > 0
        }
        return Morning(due=found, litres=litres, overflowing=(litres >= self.volume_l) & ~self._bags)

    # --- policies that look at the containers ------------------------------------------------------------------------

    def _next_day(self) -> None:
        """Let a policy choose the next day's containers, which are then emptied."""
        date = self._past() if self._left_l is None else self._chain[-1][0] + dt.timedelta(days=1)
        assert self._left_l is not None
        own = len(self.case.city.containers)
        by_schedule = self._by_schedule(date)
        litres = by_schedule.litres.copy()
        litres[:own] = self._left_l
        at_work = any(shift.weekdays is None or date.weekday() in shift.weekdays for shift in self.city.shifts)
        due = {name: one for name, one in by_schedule.due.items() if name not in self._own_ids}
        if at_work:
            chosen = choose_day(
                replace(self.case.city, zones=()), date, self._events(), kind=self.case.policy, rules=USUAL
            )
            # The plan is made for what is there: how well a policy foresees it is the business of its choice here.
            number = {one.id: at for at, one in enumerate(self.case.city.containers)}
            due |= {
                name: replace(one, litres=max(1, int(np.ceil(litres[number[name]]))))
                for name, one in chosen.due.items()
            }
            emptied = np.array([number[name] for name in chosen.due], dtype=np.int64)
            self._left_l[emptied] = 0.0
            self._tell(emptied, date, _TRUCK_S, np.full(len(emptied), np.nan), emptying=True)
        overflowing = (litres >= self.volume_l) & ~self._bags
        self._chain.append((date, Morning(due=due, litres=litres, overflowing=overflowing)))
        self._pass(date)

    @property
    def _own_ids(self) -> frozenset[str]:
        return frozenset(one.id for one in self.case.city.containers)

    def _past(self) -> dt.date:
        """Live the days before the study on the schedule, and return the study's first."""
        own = len(self.case.city.containers)
        self._left_l = np.zeros(own)
        for back in range(PAST_DAYS, 0, -1):
            date = self.first - dt.timedelta(days=back)
            emptied = np.flatnonzero(self._scheduled[:own, date.weekday()])
            self._left_l[emptied] = 0.0
            self._tell(emptied, date, _TRUCK_S, np.full(len(emptied), np.nan), emptying=True)
            self._pass(date)
        return self.first

    def _pass(self, date: dt.date) -> None:
        """Let a day's waste fall, and sensors tell of it at noon, when half of it has, and at night."""
        assert self._left_l is not None
        own = len(self._left_l)
        coming = self.thrown_in(date)[:own]
        heard = np.flatnonzero(uniform(self._keys[:own], np.uint64(1), self.seed) < self.case.sensors)
        for part, at_s in enumerate((_READ_S[0] + 6 * 3_600, _READ_S[1])):
            self._left_l = self._left_l + coming / 2
            fill = self._left_l / self.volume_l[:own]
            noise = _NOISE * normal(self._keys[:own], np.uint64(date.toordinal() * 2 + part), self.seed + 1)
            self._tell(heard, date, at_s, np.clip(fill + noise, 0.0, 1.0)[heard], emptying=False)

    def _tell(self, containers: Longs, date: dt.date, at_s: int, fill: Floats, *, emptying: bool) -> None:
        time_s = np.full(len(containers), day_s(date) + at_s, dtype=np.int64)
        self._rows.append((containers, time_s, np.full(len(containers), emptying), fill))

    def _events(self) -> EventTable:
        containers, time_s, emptying, fill = (np.concatenate(part) for part in zip(*self._rows, strict=True))
        return EventTable.from_arrays(
            ids=[one.id for one in self.case.city.containers],
            container=containers,
            time_s=time_s,
            emptying=emptying,
            fill=fill,
        )

    def _feast_factor(self, date: dt.date) -> Floats:
        factor = np.ones(len(self._keys))
        for feast in self.case.feasts:
            if feast.first <= date <= feast.last:
                where = np.array([not feast.zones or zone in feast.zones for zone in self._zone], dtype=np.bool_)
                factor = np.where(where, factor * feast.factor, factor)
        return factor

    @staticmethod
    def _zones(city: CityDataset, stops: Sequence[Container]) -> list[str]:
        """Return the zone of each container and stop; empty for none."""
        zone_of = zones_of(city)
        return [*(zone_of.get(one.id, "") for one in city.containers), *(zone_of_stop(one.id) for one in stops)]


def zone_of_stop(name: str) -> str:
    """Return the zone of a door-to-door stop, without the stream that was split from it."""
    return name.removeprefix("zone:").rpartition(":")[0].partition(TWIN)[0]


def normal(keys: Words, what: Words | np.uint64, seed: int) -> Floats:
    """Return standard normal numbers for keys and what they are drawn for, broadcast: float64.

    Each is made of two uniform ones, as by G. E. P. Box and M. E. Muller (1958).
    """
    first, second = uniform(keys, what, seed), uniform(keys, what ^ np.uint64(1 << 40), seed)
    found: Floats = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)
    return found


def uniform(keys: Words, what: Words | np.uint64, seed: int) -> Floats:
    """Return numbers above 0 and up to 1 for keys and what they are drawn for, broadcast: float64.

    The mixing is SplitMix64's (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
    OOPSLA 2014), in which the key counts as the state: no number depends on which others are drawn.
    """
    with np.errstate(over="ignore"):
        mixed = keys + what * _GOLDEN + np.uint64(seed) * np.uint64(0xD1B54A32D192ED03)
        for _ in range(2):
            mixed = mixed + _GOLDEN
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
    found: Floats = ((mixed >> np.uint64(11)).astype(np.float64) + 1.0) / float(1 << 53)
    return found


def key_of_name(name: str) -> int:
    """Return 64 bits that stand for a name in draws."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
