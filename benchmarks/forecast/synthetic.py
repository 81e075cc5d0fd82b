"""A city whose truth is known: containers that fill at random rates, read by sensors, emptied when nearly full."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optimizer.demand.clean import DAY_S
from optimizer.demand.readings import EventTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_START_S = 19_000 * DAY_S


class SyntheticCity(NamedTuple):
    """Events until a moment, and how the containers go on after it if nobody empties them.

    ``truth`` is float64[containers, days ahead], the fill after each further day, above 1 where waste lies beside.
    """

    events: EventTable
    group: NDArray[np.int64]
    until_s: int
    truth: NDArray[np.float64]


def synthetic_city(
    *,
    containers: int,
    days: int,
    seed: int,
    readings_a_day: int = 1,
    ahead_days: int = 3,
    full: float = 1.0,
    bags: tuple[float, float, float] = (4.0, 4.0, 4.0),
) -> SyntheticCity:
    """Make a city: rates by group and container, gamma increments, a busy Saturday, sensors off by 2 points.

    ``bags`` is how many a usual day brings to a container of each group; the fewer, the more its days differ.
    """
    random = np.random.default_rng(seed)
    group = random.integers(0, 3, containers)
    rate = np.array([0.08, 0.15, 0.25])[group] * random.lognormal(0.0, 0.3, containers)
    steps = (days + ahead_days) * readings_a_day
    first_day = _START_S // DAY_S
    weekday = (first_day + np.arange(steps) // readings_a_day + 3) % 7
    busy = np.where(weekday == 5, 1.6, 0.9)
    level = random.uniform(0, 0.5, containers)
    columns: list[tuple[NDArray[np.int64], int, bool, NDArray[np.float64]]] = []
    truth = np.zeros((containers, ahead_days))
    for step in range(steps):
        shape = np.array(bags)[group]
        level = level + random.gamma(shape / readings_a_day, 1 / shape) * rate * busy[step]
        time_s = _START_S + (step + 1) * DAY_S // readings_a_day
        if step >= days * readings_a_day:
            truth[:, (step - days * readings_a_day) // readings_a_day] = level
            continue
        seen = np.clip(level + random.normal(0, 0.02, containers), 0.0, full)
        everyone = np.arange(containers)
        columns.append((everyone, time_s, False, seen))
        emptied = everyone[(level > 0.75) & (random.random(containers) < 0.8 / readings_a_day)]
        columns.append((emptied, time_s + 60, True, np.minimum(level[emptied], full)))
        level[emptied] = 0.0
    events = EventTable.from_arrays(
        ids=[f"bin {number}" for number in range(containers)],
        container=np.concatenate([each[0] for each in columns]),
        time_s=np.concatenate([np.full(len(each[0]), each[1]) for each in columns]),
        emptying=np.concatenate([np.full(len(each[0]), each[2]) for each in columns]),
        fill=np.concatenate([each[3] for each in columns]),
    )
    return SyntheticCity(events=events, group=group, until_s=_START_S + days * DAY_S + 120, truth=truth)
