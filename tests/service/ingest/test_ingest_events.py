"""Stored readings as the table that forecasts are made from."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_city import HOUR_US, NOW, NOW_US, said, send
from sqlmodel import Session

from optimizer.demand.readings import Emptying, EventTable, FillReading, Source
from service.ingest.events import events_of, wall_clock_s
from service.problems import NotFound

if TYPE_CHECKING:
    from ingest_city import City

SEVEN_H_S = 7 * 3_600


def same(one: EventTable, other: EventTable) -> bool:
    """Whether two tables hold the same."""
    columns = ("container", "time_s", "emptying", "fill", "kg", "source", "tilted")
    return one.ids == other.ids and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name in ("fill", "kg")) for name in columns
    )


def test_events_are_what_was_sent_on_the_citys_clock(city: City) -> None:
    """Readings, taps, reports and emptyings come back with their source, on the wall clock of Siem Reap."""
    a, b, *_ = city.containers
    now_s = NOW_US // 1_000_000 + SEVEN_H_S
    send(
        city,
        [
            said(a, 3, fill=0.2),
            said(a, 2, kind="tap", fill=0.75),
            said(b, 2, kind="citizen", fill=None),
            said(a, 1, kind="emptying", fill=None, kg=81.5),
        ],
    )
    expected = EventTable.of(
        [
            FillReading(container=a, time_s=now_s - 3 * 3_600, fill=0.2),
            FillReading(container=a, time_s=now_s - 2 * 3_600, fill=0.75, source=Source.DRIVER),
            FillReading(container=b, time_s=now_s - 2 * 3_600, fill=1.0, source=Source.CITIZEN),
            Emptying(container=a, time_s=now_s - 3_600, kg=81.5),
        ]
    )
    with Session(city.engine) as session:
        assert same(events_of(session, city.id, until=NOW), expected)


def test_events_end_before_the_moment_and_keep_to_the_containers_asked(city: City) -> None:
    """What is said at the moment itself is not known yet; containers that are not asked for are left out."""
    a, b, *_ = city.containers
    send(city, [said(a, 1), said(a, 0), said(b, 1)])
    with Session(city.engine) as session:
        found = events_of(session, city.id, until=NOW, ids=["none", a])
        assert len(events_of(session, city.id, until=NOW + dt.timedelta(microseconds=1))) == 3
    assert found.ids == ("none", a)
    assert found.container.tolist() == [1]


def test_events_of_nobody_are_an_empty_table(city: City) -> None:
    """A city without readings has an empty table; a city that does not exist is not found."""
    with Session(city.engine) as session:
        assert len(events_of(session, city.id, until=NOW)) == 0
        with pytest.raises(NotFound):
            events_of(session, "nowhere", until=NOW)


def test_tilted_distance_is_no_event(city: City) -> None:
    """A reading whose distance means nothing is kept, and tells forecasts nothing."""
    [one] = send(city, [said(city.containers[0], fill=None, distance_mm=300, tilted=True)])
    assert one.status == "stored"
    with Session(city.engine) as session:
        assert len(events_of(session, city.id, until=NOW + dt.timedelta(seconds=1))) == 0


@given(
    st.lists(st.integers(100 * HOUR_US, 2 * NOW_US).map(lambda time_us: time_us // 1_000_000), max_size=5),
    st.sampled_from(["Asia/Phnom_Penh", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_wall_clock_is_that_of_the_zone(times_s: list[int], name: str) -> None:
    """Each moment becomes what the city's clocks show then, also where they change twice a year."""
    zone = ZoneInfo(name)
    found = wall_clock_s(np.array(times_s, dtype=np.int64), zone)
    for utc_s, local_s in zip(times_s, found, strict=True):
        shown = dt.datetime.fromtimestamp(utc_s, zone).replace(tzinfo=dt.UTC)
        assert int(shown.timestamp()) == local_s
