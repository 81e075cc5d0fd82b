"""A city's past as a world to live in again: what was thrown in between its own readings and emptyings.

What nobody saw is filled in as plainly as it can be: between two events waste falls evenly, before the first, after the
last and where no fill was seen by the container's own mean rate. A full container's level says only that it is full;
there the rate counts if it is more. So every policy that is tried on this past meets the same waste.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S, FULL, clean
from scenarios.simulate import TRUCK_S
from scenarios.waste import PARTS, World

if TYPE_CHECKING:
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.readings import EventTable, Flags, Floats, Longs

_MOST_DAYS: Final = 21.0
"""Two events farther apart than this tell no rate: a sensor that was away, or emptyings that nobody wrote down."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Past:
    """What came of a city's events.

    Parameters
    ----------
    emptied : bool[days, n], on which days a container was emptied
    seen
        The share of the container-days with an event on them.
    """

    world: World
    emptied: Flags
    seen: float


def past_of(events: EventTable, volume_l: Floats, rate_l: Floats, *, first_s: int, days: int) -> Past:
    """Reconstruct a past.

    Parameters
    ----------
    events
        Of the city's containers, numbered as they are.
    volume_l, rate_l : float64[n]
        Litres that each holds, and what usually falls into it where its events do not tell.
    first_s
        Midnight of the first day, on the wall clock since 1970.
    days
        How many days to reconstruct; after the last event waste goes on at the usual rate.
    """
    n = len(volume_l)
    table = clean(events)
    bounds_s = first_s + np.arange(days + 1) * DAY_S
    edges_s = np.sort(np.concatenate([bounds_s, bounds_s[:-1] + TRUCK_S]))
    inflow_l = np.zeros((days, PARTS, n))
    start_l = np.zeros(n)
    ends = np.searchsorted(table.container, np.arange(n + 1))
    for number in range(n):
        rows = slice(int(ends[number]), int(ends[number + 1]))
        fallen = _Fallen.of(table, rows, usual=rate_l[number] / volume_l[number])
        start_l[number] = fallen.level_at(first_s) * volume_l[number]
        inflow_l[:, :, number] = np.diff(fallen.upto(edges_s)).reshape(days, PARTS) * volume_l[number]
    day, second_s = np.divmod(table.time_s - first_s, DAY_S)
    inside = (day >= 0) & (day < days)
    heard = np.zeros((days, PARTS, n), dtype=np.bool_)
    read = inside & table.reading
    heard[day[read], (second_s[read] >= TRUCK_S).astype(np.int64), table.container[read]] = True
    emptied = np.zeros((days, n), dtype=np.bool_)
    told = inside & (table.reported | table.detected)
    emptied[day[told], table.container[told]] = True
    shape = (days, PARTS, n)
    world = World(
        volume_l=volume_l,
        start_l=start_l,
        inflow_l=inflow_l,
        noise=np.zeros(shape),
        heard=heard,
        outlier=np.full(shape, np.nan),
        hangs_from=np.full(n, -1, dtype=np.int64),
    )
    return Past(world=world, emptied=emptied, seen=float((heard.any(axis=1) | emptied).mean()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fallen:
    """What fell into one container since its first event, in volumes: ``total`` at each of ``time_s``.

    Parameters
    ----------
    rate
        Volumes a day, where nothing was seen.
    level : float64[k], how full it was just after each event
    """

    time_s: Longs
    total: Floats
    level: Floats
    rate: float

    @staticmethod
    def of(table: CleanTable, rows: slice, *, usual: float) -> _Fallen:
        time_s, fill = table.time_s[rows], table.fill[rows]
        empties = table.reported[rows]
        if len(time_s) == 0:
            return _Fallen(time_s=np.zeros(0, np.int64), total=np.zeros(0), level=np.zeros(0), rate=usual)
        days = np.diff(time_s) / DAY_S
        known = ~np.isnan(fill)
        after = np.where(empties, 0.0, fill)
        # What was seen at both ends, with nobody coming unseen in between, tells the rate.
        tells = known[1:] & ~np.isnan(after[:-1]) & ~table.detected[rows][1:] & (days <= _MOST_DAYS)
        rise = np.maximum(fill[1:] - after[:-1], 0.0)
        rate = float(rise[tells].sum() / days[tells].sum()) if days[tells].sum() > 0 else usual
        rate = rate if rate > 0 else usual
        fallen = np.where(tells, rise, rate * days)
        fallen = np.where(tells & (fill[1:] >= FULL), np.maximum(rise, rate * days), fallen)
        level = np.where(np.isnan(after), 0.0, after)
        return _Fallen(time_s=time_s, total=np.concatenate([[0.0], np.cumsum(fallen)]), level=level, rate=rate)

    def upto(self, at_s: Longs) -> Floats:
        """Return what has fallen by each moment, less by what came before the first event: ``float64[k]``."""
        if len(self.time_s) == 0:
            return self.rate * at_s / DAY_S
        early = np.minimum(at_s - self.time_s[0], 0) / DAY_S
        late = np.maximum(at_s - self.time_s[-1], 0) / DAY_S
        found: Floats = np.interp(at_s, self.time_s, self.total) + self.rate * (early + late)
        return found

    def level_at(self, at_s: int) -> float:
        """Return how full it was at a moment, at most full."""
        row = int(np.searchsorted(self.time_s, at_s, side="right")) - 1
        if row < 0:
            return 0.0
        since = float(self.upto(np.array([at_s]))[0] - self.total[row])
        return min(float(self.level[row]) + since, FULL)
