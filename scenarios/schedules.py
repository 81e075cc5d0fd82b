"""Fixed schedules: one interval for the containers of each route, found for the service that another policy gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geodata.city.dataset import Container
    from optimizer.demand.readings import Flags, Floats, Longs
    from scenarios.waste import World

INTERVALS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14)
"""Days between two visits that a fixed schedule may have."""


def due_days(schedule: Longs, days: int) -> Flags:
    """Return which containers a schedule, int64[n, 2] of intervals and phases, visits on each day: bool[days, n]."""
    return np.array([due_on(schedule, day) for day in range(days)]).reshape(days, len(schedule))


def own_schedule(containers: Sequence[Container], first_day: dt.date, days: int) -> Flags:
    """Return which containers the city's own schedules visit on each day from a first one: bool[days, n].

    A container without a schedule is collected daily.
    """
    weekdays = [(first_day.weekday() + day) % 7 for day in range(days)]
    return np.array([[c.schedule is None or weekday in c.schedule for c in containers] for weekday in weekdays])


def due_on(schedule: Longs, day: int) -> Flags:
    """Return which containers a schedule, int64[n, 2] of intervals and phases in days, visits on a day: bool[n]."""
    due: Flags = (day + schedule[:, 1]) % schedule[:, 0] == 0
    return due


def warm_up_schedule(containers: Sequence[Container], world: World, warm_up: int) -> Longs:
    """Return a cautious schedule by what usually falls: int64[n, 2]; each container comes when about 60 % full."""
    daily_l = world.inflow_l[: max(warm_up, 1)].sum(axis=(0, 1)) / max(warm_up, 1)
    interval = np.clip(0.6 * world.volume_l / np.maximum(daily_l, 1e-9), 1, 7).astype(np.int64)
    return np.column_stack([interval, np.arange(len(containers)) % interval])


def routes_alike(containers: Sequence[Container], *, by_pace: bool = False) -> Longs:
    """Return numbers of the containers that one fixed route would visit: same kind and quarter of the city.

    With ``by_pace`` the route passes by those that fill slower than half of their kind, by the city's own figures, and
    comes back for them on days of their own.
    """
    lon, lat = (np.array([getattr(c, name) for c in containers]) for name in ("lon", "lat"))
    pace = np.array([(c.fill_rate_l_per_day or 0.0) / c.volume_l for c in containers])
    kind = np.array([f"{c.stream}/{c.access_class}/{bool(c.windows)}" for c in containers])
    fast = np.zeros(len(containers), dtype=np.bool_)
    for name in np.unique(kind):
        fast[kind == name] = by_pace & (pace[kind == name] > np.median(pace[kind == name]))
    label = [
        f"{name}/{east}/{north}/{quick}"
        for name, east, north, quick in zip(kind, lon > np.median(lon), lat > np.median(lat), fast, strict=True)
    ]
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def halves(containers: Sequence[Container]) -> Longs:
    """Return 0 or 1 for the half of the city that each container is in, cut across the longer side.

    A stop's containers stand together and so are in one half.
    """
    lon, lat = (np.array([getattr(container, name) for container in containers]) for name in ("lon", "lat"))
    east, north = lon * np.cos(np.radians(lat.mean())), lat
    along = east if np.ptp(east) >= np.ptp(north) else north
    half: Longs = (along >= np.median(along)).astype(np.int64)
    return half


def schedule_as_good(world: World, start_l: Floats, span: range, *, group: Longs, half: Longs, overflows: int) -> Longs:
    """Find the fixed schedule with the fewest visits that has at most so many overflows, one interval for each group.

    It is found with hindsight, on the very days that it is then judged on: no schedule made beforehand can be better
    but for the choice of groups. The two halves of the city have their days by turns, which makes for fewer kilometres
    than days that differ from group to group. From daily visits, always the change is made that saves most visits for
    each overflow that it adds.

    Parameters
    ----------
    start_l : float64[n], what is in the containers before the first day
    span
        The days.
    group, half : int64[n]
    overflows
        Container-days.

    Returns
    -------
    int64[n, 2]
    """
    groups = int(group.max()) + 1
    size = np.bincount(group, minlength=groups)
    lost = np.zeros((groups, len(INTERVALS)), dtype=np.int64)
    for column, interval in enumerate(INTERVALS):
        plan = np.column_stack([np.full(len(group), interval), half * (interval // 2)])
        lost[:, column] = np.bincount(group, overflows_of(world, start_l, span, plan), minlength=groups)
    visits = size[:, None] / np.array(INTERVALS)[None, :]
    chosen: Longs = np.zeros(groups, dtype=np.int64)
    while True:
        best: tuple[float, int, int] | None = None
        total = int(lost[np.arange(groups), chosen].sum())
        for number in range(groups):
            for column in range(chosen[number] + 1, len(INTERVALS)):
                added = int(lost[number, column] - lost[number, chosen[number]])
                if total + added > overflows:
                    continue
                gain = float(visits[number, chosen[number]] - visits[number, column]) / max(added, 0.01)
                if best is None or gain > best[0]:
                    best = (gain, number, column)
        if best is None:
            break
        chosen[best[1]] = best[2]
    every: Longs = np.array(INTERVALS, dtype=np.int64)[chosen][group]
    return np.column_stack([every, half * (every // 2)])


def overflows_of(world: World, litres: Floats, span: range, schedule: Longs) -> Longs:
    """Return the days with an overflow of each container if all that is due is emptied: int64[n]."""
    found = np.zeros(len(litres), dtype=np.int64)
    for day in span:
        litres = litres + world.inflow_l[day, 0]
        full = litres >= world.volume_l
        litres = np.where(due_on(schedule, day), 0.0, litres) + world.inflow_l[day, 1]
        found += full | (litres >= world.volume_l)
    return found
