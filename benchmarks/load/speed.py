"""How fast readings come in: one by one, in batches, from a broker, and a whole day's at once."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from benchmarks.load.city import Running, bodies_of, readings_of, running, solving
from benchmarks.load.sender import Sent, send
from benchmarks.load.servers import mosquitto
from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

CONNECTIONS: Final = 64
BATCH: Final = 100
SENDERS: Final = 32
"""Connections that send batches. While one group is committed the next one gathers: with 8, which all wait for one
commit, SQLite takes a third less."""
WARM: Final = 500
GOALS: Final = {"sqlite": (2_000, 20_000), "postgresql": (1_500, 10_000)}
"""Readings a second, single and in batches, beside a solve."""
CASES: Final = ("sqlite+solve", "sqlite", "postgresql+solve", "postgresql")


def readings_per_second(case: str, *, quick: bool) -> list[Row]:
    """Time single readings from many connections, then batches from fewer."""
    database, _, beside = case.partition("+")
    singles, batches = GOALS[database] if beside else (None, None)
    one_by_one, many = (4_000, 20_000) if quick else (20_000, 200_000)
    with running(database) as at:
        if at is None:
            return [row(case, "single readings", "1/s", None, why="PostgreSQL is not installed")]
        send(at.server.port, at.readings_path, bodies_of(readings_of(at.containers, WARM), 1), connections=CONNECTIONS)
        with solving(at) if beside else nullcontext():
            one, one_us = _timed(at, one_by_one, first=WARM, size=1, connections=CONNECTIONS)
            hundred, hundred_us = _timed(at, many, first=WARM + one_by_one, size=BATCH, connections=SENDERS)
    return [
        row(case, "single readings", "1/s", one_by_one / one.seconds, goal=(singles, None)),
        row(case, "single readings, p99", "ms", one.p99_ms(), goal=(None, singles and 250)),
        row(case, "single readings, processor for each", "us", one_us),
        row(case, "in batches of 100", "readings/s", many / hundred.seconds, goal=(batches, None)),
        row(case, "in batches of 100, p99", "ms", hundred.p99_ms()),
        row(case, "in batches of 100, processor for each", "us", hundred_us),
    ]


def _timed(at: Running, number: int, *, first: int, size: int, connections: int) -> tuple[Sent, float | None]:
    """Return what came of sending so many readings, and microseconds of the server's processor for each."""
    bodies = bodies_of(readings_of(at.containers, number, first=first), size)
    before_s = at.server.processor_s()
    sent = send(at.server.port, at.readings_path, bodies, connections=connections)
    if sent.counts.get("stored") != number:
        raise RuntimeError(f"Of {number} readings {sent.counts} were told to be stored: {sent.statuses}")
    after_s = at.server.processor_s()
    return sent, None if before_s is None or after_s is None else 1e6 * (after_s - before_s) / number


def backlog(case: str, *, quick: bool) -> list[Row]:
    """Time a day of 10,000 hourly containers that comes at once, in batches of 1,000, beside a solve."""
    number = 24_000 if quick else 240_000
    with running("sqlite") as at:
        assert at is not None
        with solving(at):
            sent, _ = _timed(at, number, first=0, size=1_000, connections=4)
    return [row(case, f"{number} readings, SQLite", "s", sent.seconds, goal=(None, None if quick else 60))]


def mqtt(case: str, *, quick: bool) -> list[Row]:
    """Time messages of one reading from the first publication to the last commit, beside a solve."""
    number = 4_000 if quick else 20_000
    with mosquitto() as port:
        if port is None:
            return [row(case, "messages, QoS 1", "1/s", None, why="Mosquitto is not installed")]
        with running("sqlite", mqtt_host="127.0.0.1", mqtt_port=str(port)) as at:
            assert at is not None
            bodies = bodies_of(readings_of(at.containers, number), 1)
            with solving(at):
                started_s = time.perf_counter()
                _publish(port, f"samram/{at.city_id}/readings", bodies)
                while at.count() < number and time.perf_counter() < started_s + 120:
                    time.sleep(0.05)
                seconds = time.perf_counter() - started_s
            found = at.count()
    return [
        row(case, "messages, QoS 1", "1/s", found / seconds, goal=(1_000, None)),
        row(case, "messages lost", "", number - found, goal=(None, 0)),
    ]


def _publish(port: int, topic: str, bodies: Sequence[bytes]) -> None:
    import paho.mqtt.client as paho  # noqa: PLC0415 - its library is an extra

    client = paho.Client(paho.CallbackAPIVersion.VERSION2)  # type: ignore[attr-defined]
    client.max_inflight_messages_set(1_000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    last = [client.publish(topic, body, qos=1) for body in bodies][-1]
    last.wait_for_publish(timeout=120)
    client.disconnect()
    client.loop_stop()
