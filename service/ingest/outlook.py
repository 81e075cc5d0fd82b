"""How full each container of a city will be on the coming days, from what is stored."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlmodel import Session

from optimizer.demand.clean import DAY_S
from optimizer.demand.forecast import Question, forecast
from scenarios.choose import calendar_of, groups_alike, learn, trusted
from service.ingest.events import events_of, wall_clock_s

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Engine

    from geodata.city.dataset import CityDataset

    Floats = NDArray[np.float64]

KEPT: Final = 4
PROBABILITIES: Final = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """Forecasts for the end of each coming day.

    Parameters
    ----------
    asked_at
        Nothing said later was looked at.
    ids
        The containers.
    day_ends
        Local midnights, aware.
    fill : float64[3, days, containers]
        Quantiles 0.1, 0.5 and 0.9 of the fill if nobody empties the container.
    kg : float64[days, containers], the middle one; NaN where nothing like it was ever weighed
    overflow : float64[days, containers], probability that it is full by then if nobody empties it
    events : int64[containers], how much was ever said of each
    """

    asked_at: dt.datetime
    ids: tuple[str, ...]
    day_ends: tuple[dt.datetime, ...]
    fill: Floats
    kg: Floats
    overflow: Floats
    events: NDArray[np.int64]


class Outlooks:
    """Makes outlooks and keeps the last few: as of one hour they are the same for everybody who asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[tuple[str, dt.datetime, int], Outlook] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, city_id: str, city: CityDataset, asked_at: dt.datetime, days: int) -> Outlook:
        """Return a city's outlook as of the full hour before a moment."""
        hour = asked_at.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        key = (city.content_hash, hour, days)
        with self._lock:
            if key not in self._kept:
                with Session(self._engine) as session:
                    self._kept[key] = outlook(session, city_id, city, hour, days)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def outlook(session: Session, city_id: str, city: CityDataset, asked_at: dt.datetime, days: int) -> Outlook:
    """Return forecasts for the ends of the coming days, by the model that plans are made with."""
    ids = tuple(container.id for container in city.containers)
    table = trusted(events_of(session, city_id, until=asked_at, ids=ids))
    zone = ZoneInfo(city.timezone)
    now_s = int(wall_clock_s(np.array([int(asked_at.timestamp())]), zone)[0])
    model = learn(table, groups_alike(city.containers), calendar_of(city), until_s=now_s)
    midnights_s = (now_s // DAY_S + 1 + np.arange(days)) * DAY_S
    question = Question(
        container=np.tile(np.arange(len(ids)), days),
        origin_s=np.full(days * len(ids), now_s),
        target_s=np.repeat(midnights_s, len(ids)),
    )
    answer = forecast(model, table, question)
    shape = (days, len(ids))
    epoch = dt.datetime(1970, 1, 1, tzinfo=zone)
    return Outlook(
        asked_at=asked_at,
        ids=ids,
        day_ends=tuple(epoch + dt.timedelta(seconds=int(midnight_s)) for midnight_s in midnights_s),
        fill=np.stack([answer.fill(probability).reshape(shape) for probability in PROBABILITIES]),
        kg=answer.kg(0.5).reshape(shape),
        overflow=answer.overflow().reshape(shape),
        events=np.bincount(table.events.container, minlength=len(ids)),
    )
