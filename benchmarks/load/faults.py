"""What becomes of readings that are bad, and of good ones when the server is killed."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from benchmarks.load.city import Running, bodies_of, readings_of, running
from benchmarks.load.sender import Sent, send
from benchmarks.load.servers import START_S
from benchmarks.quality.rows import row
from service.ingest.report import moment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row


MOST: Final = 12_000
"""Readings sent between two blows. After 200 blows the oldest is 333 days old, which is still taken."""


def junk(case: str, database: str, *, quick: bool) -> list[Row]:
    """Send bad readings, single and in batches, and count what became of each, by the replies and in the tables."""
    number = 2_000 if quick else 50_000
    chance = random.Random(1)  # noqa: S311 - a benchmark, not a secret
    with running(database) as at:
        if at is None:
            return [row(case, "bad readings sent", "readings", None, why="PostgreSQL is not installed")]
        items = [_spoilt(chance, one) for one in readings_of(at.containers, number)]
        bodies = [one.encode() for one in items[: number // 10]]
        rest = items[number // 10 :]
        bodies += [f"[{','.join(rest[start : start + 50])}]".encode() for start in range(0, len(rest), 50)]
        sent = send(at.server.port, at.readings_path, bodies, connections=16)
        stored, aside = at.count(), at.count("quarantine")
    failed = sum(count for status, count in sent.statuses.items() if status >= 500)
    said = sent.counts
    return [
        row(case, "bad readings sent", "readings", number),
        row(case, "replies 5xx", "", failed, goal=(None, 0)),
        row(case, "vanished", "readings", number - sum(said.values()), goal=(None, 0)),
        row(case, "told to be stored, and not there", "readings", said.get("stored", 0) - stored, goal=(None, 0)),
        row(case, "quarantined", "readings", said.get("quarantined", 0)),
        row(case, "different ones in quarantine", "readings", aside),
        row(case, "refused", "readings", said.get("refused", 0)),
    ]


_SPOIL: Final = (
    ("fill", ("NaN", "Infinity", "-0.05", "5", "1e999", '"0.4"', "true", "null", "[]", "9" * 40)),
    ("time", ('"2026-11-22T07:00:00"', "1763780400000", '"5138-01-01T00:00:00Z"', '"\\u0000"', "null", "{}")),
    ("container", ('"nowhere"', '"\\ud800"', '"a\\u0000b"', "7", "null", '"' + "x" * 300 + '"', "[[]]")),
    ("counter", ("-1", "9223372036854775808", "1.5", "true", '"1"', "1" + "0" * 30)),
    ("device", ('"unknown"', '"\\udfff"', "0", "{}")),
)


def _spoilt(chance: random.Random, reading: dict[str, Any]) -> str:
    """Return a reading as JSON with one to three of its fields spoilt, or something that is no reading at all."""
    if chance.random() < 0.05:
        return chance.choice(("null", "7", '"x"', "[7]", "{}", "NaN", '{"fill":0.4}'))
    fields = {name: json.dumps(value) for name, value in reading.items()}
    for name, values in chance.sample(_SPOIL, chance.randint(1, 3)):
        fields[name] = chance.choice(values)
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


def kill(case: str, database: str, *, rounds: int) -> list[Row]:
    """Kill the server at random instants while readings come in; hold what it acknowledged against its database."""
    chance = random.Random(1)  # noqa: S311 - a benchmark, not a secret
    again_s: list[float] = []
    wanted: list[tuple[str, str]] = []
    with running(database) as at:
        if at is None:
            return [row(case, "kill -9", "", None, why="PostgreSQL is not installed")]
        first = 0
        for _ in range(rounds):
            bodies = bodies_of(readings_of(at.containers, MOST, first=first), 5)
            first += MOST
            sent = _until_killed(at, bodies, chance.uniform(0.05, 1.0))
            wanted += [
                (one["container"], one["time"]) for number in sent.acknowledged for one in _items(bodies[number])
            ]
            started_s = time.perf_counter()
            at.server.start()
            extra = bodies_of(readings_of(at.containers, 1, first=first), 1)
            first += 1
            if send(at.server.port, at.readings_path, extra, connections=1).acknowledged != [0]:
                raise RuntimeError("The server that was started again did not take a reading.")
            again_s.append(time.perf_counter() - started_s)
        rows = at.stored()
        sound = at.sound()
    stored = {(container, moment_of(time_us).isoformat()) for container, time_us in rows}
    return [
        row(case, "kill -9", "times", rounds),
        row(case, "readings acknowledged", "readings", len(wanted)),
        row(case, "acknowledged and lost", "readings", sum(one not in stored for one in wanted), goal=(None, 0)),
        row(case, "doubled", "readings", len(rows) - len(stored), goal=(None, 0)),
        row(case, "integrity check fails", "", int(not sound), goal=(None, 0)),
        row(case, "first acknowledgement again, median", "s", sorted(again_s)[len(again_s) // 2]),
        row(case, "first acknowledgement again, longest", "s", max(again_s), goal=(None, 3)),
    ]


def _items(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(body)
    return found


def _until_killed(at: Running, bodies: Sequence[bytes], seconds: float) -> Sent:
    """Send, and kill the server so many seconds after its first commit: before that there is nothing to lose."""
    before = at.newest()

    def kill_after_commit() -> None:
        give_up_s = time.monotonic() + START_S
        while at.newest() == before and time.monotonic() < give_up_s:
            time.sleep(0.01)
        time.sleep(seconds)
        at.server.kill()

    killer = threading.Thread(target=kill_after_commit)
    killer.start()
    sent = send(at.server.port, at.readings_path, bodies, connections=8)
    killer.join()
    return sent
