"""Readings in the database: once each, whatever order they come in, and nothing vanishes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_city import HOUR_US, NOW, NOW_US, said, send
from sqlalchemy import delete, event, insert, select

from service.db.models import CityRow, DeviceRow
from service.ingest.report import moment_of
from service.ingest.store import QUARANTINE, READING, Batch, write
from service.problems import NotFound

if TYPE_CHECKING:
    from ingest_city import City


def stored(city: City) -> list[tuple[Any, ...]]:
    """Return what the table of readings holds, but for numbers and times of arrival."""
    c = READING.c
    asked = select(c.device, c.counter, c.session, c.container, c.time_us, c.kind, c.fill)
    with city.engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(asked))


def put_aside(city: City) -> list[tuple[str, str]]:
    """Return reason and digest of everything in quarantine."""
    with city.engine.connect() as connection:
        return sorted(
            tuple(row)
            for row in connection.execute(select(QUARANTINE.c.reason, QUARANTINE.c.digest))  # type: ignore[misc]
        )


def register(city: City, device: str, **fields: Any) -> None:
    """Register a device."""
    row = {"city_id": city.id, "id": device, "offset_mm": 0.0, "shape": "straight", "created_at": NOW} | fields
    with city.engine.begin() as connection:
        connection.execute(insert(DeviceRow).values(**row))


def test_reading_is_stored_once(city: City) -> None:
    """The same container, time and kind twice is one reading; the second is answered as a duplicate."""
    reading = said(city.containers[0])
    assert [one.status for one in send(city, [reading])] == ["stored"]
    assert [one.status for one in send(city, [reading, reading])] == ["duplicate", "duplicate"]
    with city.engine.connect() as connection:
        [row] = connection.execute(select(READING)).all()
    assert (row.container, row.fill, row.kind, row.time_us) == (city.containers[0], 0.4, "reading", NOW_US)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"container": "nowhere"}, "unknown-container"),
        ({"device": "nobody"}, "unknown-device"),
        ({"fill": -0.05}, "fill-out-of-range"),
        ({"fill": 5.0}, "fill-out-of-range"),
        ({"fill": None, "fill_percent": 500}, "fill-out-of-range"),
        ({"fill": float("nan")}, "fill-out-of-range"),
        ({"fill": float("inf")}, "fill-out-of-range"),
        ({"fill": True}, "fill-out-of-range"),
        ({"fill": "0.4"}, "fill-out-of-range"),
        ({"fill": 10**400}, "fill-out-of-range"),
        ({"fill": None}, "no-value"),
        ({"fill": None, "distance_mm": 700}, "no-calibration"),
        ({"time": "2026-11-22T04:00:00"}, "naive-time"),
        ({"time": None}, "no-time"),
        ({"time": 1_763_780_400_000}, "bad-time"),
        ({"time": "5138-11-16T09:46:40Z"}, "far-off-time"),
        ({"time": "9999-12-31T23:59:59-14:00"}, "far-off-time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "far-off-time"),
        ({"time": "1970-01-01T00:00:00Z"}, "far-off-time"),
        ({"time": "2026-02-30T00:00:00Z"}, "bad-time"),
        ({"counter": 2**63}, "bad-counter"),
        ({"counter": -1}, "bad-counter"),
        ({"counter": True}, "bad-counter"),
        ({"container": "a\0b"}, "bad-id"),
        ({"container": "\ud800"}, "bad-id"),
        ({"city": "elsewhere"}, "wrong-city"),
        ({"kind": "tap", "fill": 0.4}, "bad-tap"),
        ({"kind": "gossip"}, "bad-kind"),
        ({"tilted": 1}, "bad-value"),
    ],
)
def test_bad_reading_is_put_aside(city: City, fields: dict[str, Any], reason: str) -> None:
    """A reading that cannot be believed is kept aside with its reason, and is none of the readings."""
    [one] = send(city, [said(city.containers[0]) | fields])
    assert (one.status, one.reason) == ("quarantined", reason)
    assert one.detail
    assert [found for found, _ in put_aside(city)] == [reason]
    assert stored(city) == []


def test_bad_reading_holds_up_no_other(city: City) -> None:
    """Of a batch the good ones are stored, the bad ones put aside, and what is no reading is refused."""
    first, second, *_ = city.containers
    outcomes = send(city, [said(first), said("nowhere"), 7, said(second), {"fill": 0.3}])
    assert [one.status for one in outcomes] == ["stored", "quarantined", "refused", "stored", "refused"]


def test_clock_may_run_ahead_by_ten_minutes(city: City) -> None:
    """A time ten minutes ahead is taken, one microsecond more is not."""
    ahead = 600_000_000
    times = [moment_of(NOW_US + more_us).isoformat() for more_us in (ahead, ahead + 1)]
    outcomes = send(city, [said(city.containers[0], time=time) for time in times])
    assert [one.status for one in outcomes] == ["stored", "quarantined"]


def test_distance_becomes_fill_unless_tilted(city: City) -> None:
    """A calibrated distance is stored with its fill; while the sensor is tilted without one."""
    register(city, "em1", container=city.containers[0], empty_mm=1_200.0, full_mm=200.0)
    send(
        city,
        [
            {"device": "EM1", "time": moment_of(NOW_US).isoformat(), "distance_mm": 700},
            {"device": "em1", "time": moment_of(NOW_US + 1).isoformat(), "distance_mm": 700, "tilted": True},
        ],
    )
    assert [row[-1] for row in sorted(stored(city), key=lambda row: row[4])] == [0.5, None]


def test_device_serves_between_its_dates(city: City) -> None:
    """A reading from the moment a device retired, or from before it served, is put aside."""
    register(
        city,
        "em1",
        container=city.containers[0],
        active_from=moment_of(NOW_US - 2 * HOUR_US),
        active_to=moment_of(NOW_US - HOUR_US),
    )
    times = [NOW_US - 2 * HOUR_US - 1, NOW_US - 2 * HOUR_US, NOW_US - HOUR_US - 1, NOW_US - HOUR_US]
    outcomes = send(city, [{"device": "em1", "time": moment_of(time).isoformat(), "fill": 0.2} for time in times])
    assert [one.reason for one in outcomes] == ["retired-device", None, None, "retired-device"]


def test_device_of_another_city_is_told_so(city: City) -> None:
    """A device that another city registered is put aside as of the wrong city."""
    with city.engine.begin() as connection:
        row = {"id": "other", "name": "Other", "content_hash": "x", "created_at": NOW, "updated_at": NOW}
        connection.execute(insert(CityRow).values(**row))
        connection.execute(
            insert(DeviceRow).values(city_id="other", id="em9", offset_mm=0.0, shape="straight", created_at=NOW)
        )
    [one] = send(city, [said(city.containers[0], device="em9")])
    assert one.reason == "wrong-city"


def test_replayed_counter_is_put_aside(city: City) -> None:
    """A counter that comes again at a later time of the day is a replay, another time it comes too."""
    register(city, "em1", container=city.containers[0])
    first, replay = (
        said(city.containers[0], 2, device="em1", counter=7),
        said(city.containers[0], device="em1", counter=7),
    )
    assert [one.reason for one in send(city, [first, replay])] == [None, "replayed-counter"]
    assert [one.reason for one in send(city, [replay])] == ["replayed-counter"]
    assert len(put_aside(city)) == 1


def test_counter_may_begin_anew_in_another_session(city: City) -> None:
    """After a join, or on another day where no session is named, the same counter is another reading."""
    register(city, "em1", container=city.containers[0])
    readings = [
        said(city.containers[0], 2, device="em1", counter=0, session="a"),
        said(city.containers[0], 1, device="em1", counter=0, session="b"),
        said(city.containers[0], 30, device="em1", counter=0),
        said(city.containers[0], 60, device="em1", counter=0),
    ]
    assert {one.status for one in send(city, readings)} == {"stored"}


def test_unknown_city_is_not_found_and_holds_up_no_other(city: City) -> None:
    """In one transaction, the batch of an unknown city is answered with not found and the other one is written."""
    from service.ingest import plain

    batches = [
        Batch(
            city_id=city_id,
            source="http",
            items=plain.reports(said(city.containers[0]), city_id=city_id),
            received_us=NOW_US,
            oldest_us=0,
        )
        for city_id in ("nowhere", city.id)
    ]
    lost, [found] = write(city.engine, city.places, batches)  # type: ignore[misc]
    assert isinstance(lost, NotFound)
    assert found.status == "stored"


READINGS = st.lists(
    st.fixed_dictionaries(
        {
            "container": st.integers(0, 3),
            "hours_ago": st.integers(0, 40),
            "counter": st.none() | st.integers(0, 3),
            "session": st.integers(0, 2),
            "kind": st.sampled_from(["reading", "emptying", "tap", "citizen"]),
        }
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(readings=READINGS, seed=st.integers(0, 2**32), cut=st.integers(1, 7))
def test_late_and_shuffled_readings_end_in_the_same_state(
    city: City, readings: list[dict[str, Any]], seed: int, cut: int
) -> None:
    """Readings with replays and repetitions, shuffled and in other batches, leave the same readings and quarantine.

    At one moment a device is in one session; without a counter it may say any.
    """
    with city.engine.begin() as connection:
        connection.execute(delete(DeviceRow))
    for number in range(4):
        register(city, f"em{number}", container=city.containers[number])
    sent = []
    for one in readings:
        number = one["container"]
        fields: dict[str, Any] = {"kind": one["kind"], "fill": 0.5}
        if one["kind"] == "reading":
            turn = one["session"] if one["counter"] is None else one["hours_ago"]
            fields |= {"device": f"em{number}", "counter": one["counter"], "session": (None, "a", "b")[turn % 3]}
        sent.append(said(city.containers[number], one["hours_ago"], **fields))
    shuffler = random.Random(seed)
    states = []
    for _ in range(2):
        with city.engine.begin() as connection:
            connection.execute(delete(READING))
            connection.execute(delete(QUARANTINE))
        outcomes = [one for start in range(0, len(sent), cut) for one in send(city, sent[start : start + cut])]
        assert len(outcomes) == len(sent)
        states.append((stored(city), put_aside(city)))
        sent = sent + sent[: len(sent) // 3]
        shuffler.shuffle(sent)
    assert states[0] == states[1]


def test_a_look_up_asks_the_index_for_each_reading(city: City) -> None:
    """What is stored of a batch's readings is not sought by reading all of a city's, which takes longer every day."""
    hours = [moment_of(NOW_US - hour * HOUR_US).isoformat() for hour in range(300)]
    for container in city.containers[:100]:
        send(city, [said(container, time=hour) for hour in hours])
    asked: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "reading r" in statement:
            asked.append((statement, parameters))

    event.listen(city.engine, "before_cursor_execute", listen)
    try:
        send(city, [said(container) for container in city.containers[:100]])
    finally:
        event.remove(city.engine, "before_cursor_execute", listen)
    [(statement, parameters)] = asked
    explain = "EXPLAIN QUERY PLAN" if city.engine.dialect.name == "sqlite" else "EXPLAIN"
    with city.engine.connect() as connection:
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())
    assert "INDEX" in plan.upper()
    assert "SCAN R" not in plan.upper()
    assert "SEQ SCAN" not in plan.upper()
    assert "HASH" not in plan.upper()
