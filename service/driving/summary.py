"""What everybody may know of a city's collection: how much is collected, and when it comes next; no names."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.plan_life import DayRow
from service.driving.fold import fold
from service.driving.month import zones_of_places
from service.driving.promised import promised_day
from service.driving.store import events_of_day

if TYPE_CHECKING:
    from geodata.city.dataset import CityDataset
    from geodata.city.records import Zone
    from service.cities import Cities
    from service.driving.planned import PlannedDays

DAYS: Final = 28
"""Of so many days the shares are: four whole weeks."""
AHEAD_DAYS: Final = 14
"""So far ahead a zone's next collection is looked for: twice a weekly round. Our own figure."""
KEPT_S: Final = 300.0
"""So long an answer is kept in memory: whoever asks costs the server nothing. Our own figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSummary:
    """A zone; ``next_date`` None where nothing is planned or scheduled in the next two weeks."""

    id: str
    name: str
    promised: int
    done: int
    next_date: dt.date | None
    is_published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A city's last four weeks up to yesterday, and its next days."""

    name: str
    first: dt.date
    last: dt.date
    days: int
    promised: int
    done: int
    tonnes: float
    zones: tuple[ZoneSummary, ...]


class Summaries:
    """Makes summaries, and keeps each for some minutes."""

    def __init__(self, cities: Cities, planned: PlannedDays) -> None:
        self._cities = cities
        self._planned = planned
        self._kept: dict[str, tuple[float, Summary]] = {}
        self._lock = threading.Lock()

    def of(self, session: Session, city_id: str) -> Summary:
        """Return a city's summary; NotFound if there is no such city."""
        with self._lock:  # of many who ask at once one waits for the database, the others for it
            kept = self._kept.get(city_id)
            if kept is not None and time.monotonic() - kept[0] < KEPT_S:
                return kept[1]
            found = self._made(session, city_id)
            self._kept[city_id] = (time.monotonic(), found)
            return found

    def forget(self, city_id: str) -> None:
        """Make a city's summary anew the next time."""
        with self._lock:
            self._kept.pop(city_id, None)

    def _made(self, session: Session, city_id: str) -> Summary:
        version = self._cities.current(session, city_id)
        assert version.id is not None
        city = self._cities.dataset(version.id, version.content_hash)
        today = utc_now().astimezone(ZoneInfo(city.timezone)).date()
        first, last = today - dt.timedelta(days=DAYS), today - dt.timedelta(days=1)
        dates = session.exec(
            select(col(DayRow.service_date))
            .where(
                DayRow.city_id == city_id,
                DayRow.service_date >= first,
                DayRow.service_date <= today + dt.timedelta(days=AHEAD_DAYS),
            )
            .order_by(col(DayRow.service_date))
        ).all()
        promised: Counter[str] = Counter()
        done: Counter[str] = Counter()
        coming: dict[str, dt.date] = {}
        kg, lived = 0, 0
        for date in dates:
            day = promised_day(session, self._planned, city_id, date)
            visits = [day.last(visit) for visit in day.promises]
            zone_of = zones_of_places(city, (name for visit in visits for name in visit.containers))
            zones = {visit.id: zone_of.get(visit.containers[0], "") if visit.containers else "" for visit in visits}
            if date >= today:
                for zone in zones.values():
                    coming.setdefault(zone, date)
                continue
            lived += 1
            said = fold(events_of_day(session.connection(), city_id, date, positions="last")).visits
            collected = [visit for visit in visits if visit.id in said and said[visit.id].status == "done"]
            promised.update(zones.values())
            done.update(zones[visit.id] for visit in collected)
            kg += sum(visit.kg for visit in collected)
        return Summary(
            name=city.name,
            first=first,
            last=last,
            days=lived,
            promised=promised.total(),
            done=done.total(),
            tonnes=kg / 1_000,
            zones=tuple(
                ZoneSummary(
                    id=zone.id,
                    name=zone.name,
                    promised=promised[zone.id],
                    done=done[zone.id],
                    next_date=coming.get(zone.id) or _scheduled(city, zone, today),
                    is_published=zone.id in coming,
                )
                for zone in city.zones
            ),
        )


def _scheduled(city: CityDataset, zone: Zone, today: dt.date) -> dt.date | None:
    """Return the next day, from tomorrow on, on which a zone's houses or containers are collected by their schedule."""
    zone_of = zones_of_places(city, ())
    plans = [zone.schedule, *(one.schedule for one in city.containers if zone_of.get(one.id) == zone.id)]
    weekdays = frozenset[int]().union(*(one for one in plans if one is not None))
    ahead = (today + dt.timedelta(days=number) for number in range(1, 8))
    return next((date for date in ahead if date.weekday() in weekdays), None)
