"""The oracle of the outbox at full size is itself held against the service's rules, without a server."""

from __future__ import annotations

import datetime as dt
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.load.driven import events_of, phone_id
from benchmarks.load.outbox import _oracle
from service.driving.fold import fold
from service.driving.store import event_of


@pytest.mark.parametrize("seed", range(20))
def test_the_oracle_says_what_the_rules_say(seed: int) -> None:
    """For phones that report along two routes the oracle's state of each shift is that of the set of events."""
    chance = Random(seed)
    start = dt.datetime(2026, 11, 23, 6, tzinfo=dt.UTC)
    times = [(start + dt.timedelta(minutes=number)).isoformat() for number in range(8)]
    visits = {
        shift: [
            {"id": f"{shift}-{number}", "lon": 103.8, "lat": 13.3, "departure": time}
            for number, time in enumerate(times)
        ]
        for shift in ("s1", "s2")
    }
    day: Any = SimpleNamespace(visits=visits)
    said = [
        (shift, phone, event)
        for shift in visits
        for phone in (phone_id(chance), phone_id(chance))
        for event in events_of(chance, visits[shift], 30)
    ]
    events = [
        event_of(body, int(dt.datetime.fromisoformat(body["time"]).timestamp() * 1e6), shift=shift, phone=phone)
        for shift, phone, body in said
    ]
    chance.shuffle(events)
    state = fold(events)
    for shift, planned in visits.items():
        mine = state.shifts[shift]
        found = {visit["id"]: state.visits.get(visit["id"]) for visit in planned}
        assert _oracle(shift, said, day) == {
            "visits": {name: (one.status, one.shift) if one else ("left", None) for name, one in found.items()},
            "unloadings": len(mine.unloadings),
            "kg": sum(one.kg or 0 for one in mine.unloadings),
            "breaks": len(mine.rests),
        }
