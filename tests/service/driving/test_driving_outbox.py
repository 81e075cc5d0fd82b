"""Nothing is lost and nothing counted twice, however phones send: repeated, shuffled, in batches of any size."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import StaticPool, create_engine, delete

from service.clock import utc_now
from service.db.models import CityRow, Table
from service.driving.fold import DayState, fold
from service.driving.store import EVENT, OVERLAY, Outcome, Scope, Sent, event_of, events_of_day, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

DATE = dt.date(2026, 11, 23)
PHONES = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(5)]
VISITS = [f"v{number}" for number in range(6)]
SHIFTS = ["s0", "s1", "s2"]


class Event(NamedTuple):
    """An event with the phone and shift that it comes from."""

    phone: str
    shift: str
    body: dict[str, Any]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return a database in memory: what is tested here are the rules, and a thousand days."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Table.metadata.create_all(engine)
    now = utc_now()
    with engine.begin() as connection:
        connection.execute(
            CityRow.__table__.insert(),  # type: ignore[attr-defined]
            {"id": "c", "name": "c", "content_hash": "x", "created_at": now, "updated_at": now},
        )
    yield engine
    engine.dispose()


def day_of(random: Random, counts: list[int]) -> list[Event]:
    """Return a day on which each phone reports so many events; few moments and visits, so that many meet."""
    return [
        Event(
            phone, random.choice(SHIFTS), {"sequence": number, "time_us": random.randint(1_000, 1_060), **said(random)}
        )
        for phone, count in zip(PHONES, counts, strict=False)
        for number in range(count)
    ]


def said(random: Random) -> dict[str, Any]:
    """Return what one event says."""
    match random.choice(["arrived", "done", "done", "skipped", "unloaded", "break_start", "break_end", "position"]):
        case "skipped":
            return {"kind": "skipped", "visit": random.choice(VISITS), "reason": "blocked"}
        case "unloaded":
            ticket = random.choice([{}, {"ticket": "1"}, {"ticket": "2"}])
            return {"kind": "unloaded", "site": "landfill", "kg": random.randint(0, 9_000)} | ticket
        case "position":
            return {"kind": "position", "lon": random.randint(100, 105), "lat": random.randint(11, 14)}
        case "break_start" | "break_end" as kind:
            return {"kind": kind}
        case kind:
            return {"kind": kind, "visit": random.choice(VISITS)}


def oracle(events: list[Event]) -> dict[str, Any]:
    """Return what a day comes to, from the events as they happened, written down without looking at the fold."""
    order = sorted(events, key=lambda one: (one.body["time_us"], one.phone, one.body["sequence"]))
    done: dict[str, tuple[int, str]] = {}
    skipped = set()
    for visit in VISITS:
        firsts = []
        for shift in SHIFTS:
            words = [
                (number, one.body["kind"])
                for number, one in enumerate(order)
                if one.shift == shift and one.body.get("visit") == visit and one.body["kind"] in ("done", "skipped")
            ]
            after_last_skip = []
            for number, kind in reversed(words):
                if kind == "skipped":
                    break
                after_last_skip.append(number)
            if after_last_skip:
                firsts.append((min(after_last_skip), shift))
            elif words:
                skipped.add(visit)
        if firsts:
            number, shift = min(firsts)
            done[visit] = order[number].body["time_us"], shift
    weighed: defaultdict[str, float] = defaultdict(float)
    tickets = set()
    for one in order:
        if one.body["kind"] == "unloaded":
            ticket = (one.shift, one.body.get("ticket"))
            weighed[one.shift] += 0 if ticket[1] and ticket in tickets else one.body["kg"]
            tickets.add(ticket)
    return {
        "done": done,
        "skipped": skipped - set(done),
        "weighed": {shift: weighed[shift] for shift in SHIFTS},
        "last": {one.shift: one.body["time_us"] for one in order},
        "positions": {
            shift: [one.body["time_us"] for one in order if one.shift == shift and one.body["kind"] == "position"]
            for shift in SHIFTS
        },
    }


def summary(state: DayState) -> dict[str, Any]:
    """Return the same of a folded day."""
    shifts = state.shifts
    return {
        "done": {visit: (one.time_us, one.shift) for visit, one in state.visits.items() if one.status == "done"},
        "skipped": {visit for visit, one in state.visits.items() if one.status == "skipped"},
        "weighed": {
            shift: sum(one.kg or 0 for one in shifts[shift].unloadings) if shift in shifts else 0 for shift in SHIFTS
        },
        "last": {shift: one.last_us for shift, one in shifts.items()},
        "positions": {
            shift: [one.time_us for one in shifts[shift].positions] if shift in shifts else [] for shift in SHIFTS
        },
    }


@settings(max_examples=1_000, deadline=None)
@given(counts=st.lists(st.integers(1, 20), min_size=1, max_size=5), seed=st.integers(0, 2**32))
def test_final_state_is_that_of_the_events(engine: Engine, counts: list[int], seed: int) -> None:
    """Up to 5 phones x 20 events, each sent 1 to 5 times in shuffled batches, come to what an oracle says."""
    random = Random(seed)
    events = day_of(random, counts)
    outbox = [event for event in events for _ in range(random.randint(1, 5))]
    random.shuffle(outbox)
    size = random.randint(5, 200)
    batches: dict[tuple[str, str, int], list[Event]] = defaultdict(list)
    for number, event in enumerate(outbox):
        batches[event.phone, event.shift, number // size].append(event)
    outcomes: list[Outcome] = []
    for (phone, shift, _), batch in batches.items():
        outcomes += send(engine, phone, shift, [event.body for event in batch])
    assert outcomes.count(Outcome.STORED) == len(events)
    assert outcomes.count(Outcome.DUPLICATE) == len(outbox) - len(events)
    with engine.connect() as connection:
        state = fold(events_of_day(connection, "c", DATE, positions="all"))
        connection.execute(delete(EVENT))
        connection.commit()
    assert summary(state) == oracle(events)


def send(engine: Engine, phone: str, shift: str, bodies: list[dict[str, Any]]) -> list[Outcome]:
    """Record bodies as one batch."""
    scope = Scope(city_id="c", service_date=DATE, shift=shift, phone=phone, received_us=2_000)
    sent = [Sent(event=event_of(body, body["time_us"], shift=shift, phone=phone), body=body) for body in bodies]
    return record(engine, scope, sent)


def test_another_body_under_the_same_name_changes_nothing(engine: Engine) -> None:
    """The first body of a name stays, whether the other one comes in the same batch, later, or for another shift."""
    first = {"sequence": 1, "kind": "done", "visit": "v1", "time_us": 5}
    other = first | {"visit": "v2"}
    assert send(engine, PHONES[0], "s0", [first, other, first]) == [
        Outcome.STORED,
        Outcome.CHANGED,
        Outcome.DUPLICATE,
    ]
    assert send(engine, PHONES[0], "s0", [other]) == [Outcome.CHANGED]
    assert send(engine, PHONES[0], "s1", [first]) == [Outcome.CHANGED]
    assert send(engine, PHONES[1], "s0", [other]) == [Outcome.STORED]
    with engine.connect() as connection:
        assert set(fold(events_of_day(connection, "c", DATE, positions="all")).visits) == {"v1", "v2"}
        connection.execute(delete(EVENT))
        connection.commit()


def test_street_that_could_not_be_passed_is_closed_once(engine: Engine) -> None:
    """Sending it again does not close the street again, and the closure does not say whose phone it was."""
    body = {"sequence": 7, "kind": "could_not_pass", "lon": 103.8, "lat": 13.3, "time_us": 5}
    for _ in range(3):
        send(engine, PHONES[0], "s0", [body, body])
    with engine.connect() as connection:
        [row] = connection.execute(OVERLAY.select()).mappings().all()
        connection.execute(delete(OVERLAY))
        connection.execute(delete(EVENT))
        connection.commit()
    assert (row["valid_from"], row["expires"]) == (DATE, DATE + dt.timedelta(days=1))
    assert row["geometry"] == {"type": "Point", "coordinates": [103.8, 13.3]}
    assert PHONES[0] not in str(dict(row))
