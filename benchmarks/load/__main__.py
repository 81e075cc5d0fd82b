"""Readings by the thousand, and servers killed while they come in or plan: ``python -m benchmarks.load``."""

from __future__ import annotations

import argparse
import io
import json
import random
import sqlite3
import tempfile
import threading
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from benchmarks.load.faults_plans import faults
from benchmarks.load.sender import Sent, send
from benchmarks.load.servers import Server, mosquitto, postgres
from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows
from geodata.city.demo.city import write_demo_city
from service.ingest.report import moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.quality.rows import Row

CONTAINERS: Final = 300
CONNECTIONS: Final = 64
BATCH: Final = 100
HOUR_US: Final = 3_600_000_000
CASES: Final = ("sqlite", "postgresql", "mqtt", "backlog", "junk", "kill", "faults", "faults-postgresql")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures say."""
    options = _parser().parse_args(arguments)
    commit = commit_at(Path(__file__).parent)
    measured: dict[str, Callable[[bool], list[Row]]] = {
        "sqlite": lambda quick: _speed("sqlite", quick=quick, singles=2_000, batches=20_000),
        "postgresql": lambda quick: _speed("postgresql", quick=quick, singles=1_500, batches=10_000),
        "mqtt": lambda quick: _mqtt(quick=quick),
        "backlog": lambda quick: _backlog(quick=quick),
        "junk": lambda quick: _junk(quick=quick),
        "kill": lambda quick: _kill(quick=quick, rounds=options.rounds),
        "faults": lambda quick: _faults("sqlite", rounds=options.rounds or (3 if quick else 50)),
        "faults-postgresql": lambda quick: _faults("postgresql", rounds=options.rounds or (3 if quick else 50)),
    }
    rows: list[Row] = []
    for case in options.only or CASES:
        taken_with = {"commit": commit, "quick": options.quick}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            found = [{**one, **taken_with} for one in measured[case](options.quick)]
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    print_table(rows)
    print(f"Commit {commit or 'unknown (the sources differ from it)'}.")
    return 0


@contextmanager
def _server(database: str, **settings: str) -> Iterator[tuple[Server | None, str, list[str], Path]]:
    """Run our server with the built-in city; give it, the city, its containers and its home."""
    with tempfile.TemporaryDirectory(prefix="samram-load-") as folder, _database(database) as url:
        home = Path(folder)
        if url is None:
            yield None, "", [], home
            return
        server = Server(home, url, **settings)
        server.start()
        try:
            city_id, containers = _import_city(server, home)
            yield server, city_id, containers, home
        finally:
            server.stop()


@contextmanager
def _database(name: str) -> Iterator[str | None]:
    if name == "sqlite":
        yield ""
        return
    with postgres() as url:
        yield url


def _import_city(server: Server, home: Path) -> tuple[str, list[str]]:
    folder = write_demo_city(home / "demo", containers=CONTAINERS, seed=1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    request = urllib.request.Request(  # noqa: S310 - our own server
        server.url("/v1/cities"), packed.getvalue(), {"content-type": "application/zip"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310 - our own server
        city_id = json.load(reply)["id"]
    with urllib.request.urlopen(server.url(f"/v1/cities/{city_id}/containers"), timeout=60) as reply:  # noqa: S310
        containers = [feature["id"] for feature in json.load(reply)["features"]]
    return city_id, containers


def _readings(containers: Sequence[str], number: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Return so many different readings, the newest an hour ago, each container's an hour apart."""
    newest_us = time.time_ns() // 1_000 - HOUR_US
    readings = []
    for index in range(first, first + number):
        hours, container = divmod(index, len(containers))
        time_us = newest_us - hours * HOUR_US
        readings.append({"container": containers[container], "time": moment_of(time_us).isoformat(), "fill": 0.25})
    return readings


def _bodies(readings: Sequence[Any], size: int) -> list[bytes]:
    if size == 1:
        return [orjson.dumps(one) for one in readings]
    return [orjson.dumps(readings[start : start + size]) for start in range(0, len(readings), size)]


def _speed(database: str, *, quick: bool, singles: int, batches: int) -> list[Row]:
    """Time single readings from many connections, then batches from a few."""
    with _server(database) as (server, city_id, containers, _):
        if server is None:
            return [row(database, "single readings", "1/s", None, why="PostgreSQL is not installed")]
        way = f"/v1/cities/{city_id}/readings"
        send(server.port, way, _bodies(_readings(containers, 500), 1), connections=CONNECTIONS)  # warm
        number = 6_000 if quick else 20_000
        one = send(server.port, way, _bodies(_readings(containers, number, first=500), 1), connections=CONNECTIONS)
        many = _readings(containers, 40_000 if quick else 200_000, first=500 + number)
        hundred = send(server.port, way, _bodies(many, BATCH), connections=8)
    assert one.counts.get("stored") == number
    assert hundred.counts.get("stored") == len(many)
    return [
        row(database, "single readings", "1/s", number / one.seconds, goal=(singles, None)),
        row(database, "single readings, p99", "ms", one.p99_ms(), goal=(None, 250)),
        row(database, "in batches of 100", "readings/s", len(many) / hundred.seconds, goal=(batches, None)),
        row(database, "in batches of 100, p99", "ms", hundred.p99_ms()),
    ]


def _backlog(*, quick: bool) -> list[Row]:
    """Time a day of 10,000 hourly containers that comes at once, in batches of 1,000."""
    number = 24_000 if quick else 240_000
    with _server("sqlite") as (server, city_id, containers, _):
        assert server is not None
        readings = _readings(containers, number)
        sent = send(server.port, f"/v1/cities/{city_id}/readings", _bodies(readings, 1_000), connections=4)
    assert sent.counts.get("stored") == number
    goal = (None, None) if quick else (None, 60)
    return [row("backlog", f"{number} readings, SQLite", "s", sent.seconds, goal=goal)]


def _mqtt(*, quick: bool) -> list[Row]:
    """Time messages of one reading from the first publication to the last commit."""
    number = 4_000 if quick else 20_000
    with mosquitto() as port:
        if port is None:
            return [row("mqtt", "messages, QoS 1", "1/s", None, why="Mosquitto is not installed")]
        settings = {"mqtt_host": "127.0.0.1", "mqtt_port": str(port)}
        with _server("sqlite", **settings) as (server, city_id, containers, home):
            assert server is not None
            bodies = _bodies(_readings(containers, number), 1)
            started_s = time.perf_counter()
            _publish(port, f"samram/{city_id}/readings", bodies)
            while _stored(home) < number and time.perf_counter() < started_s + 120:
                time.sleep(0.05)
            seconds = time.perf_counter() - started_s
            found = _stored(home)
    return [
        row("mqtt", "messages, QoS 1", "1/s", found / seconds, goal=(1_000, None)),
        row("mqtt", "messages lost", "", number - found, goal=(None, 0)),
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


def _stored(home: Path) -> int:
    with sqlite3.connect(home / "samram.sqlite", timeout=30) as connection:
        return int(connection.execute("SELECT count(*) FROM reading").fetchone()[0])


def _junk(*, quick: bool) -> list[Row]:
    """Send bad readings, single and in batches, and count what became of each."""
    number = 5_000 if quick else 50_000
    chance = random.Random(1)  # noqa: S311 - a benchmark, not a secret
    with _server("sqlite") as (server, city_id, containers, _):
        assert server is not None
        items = [_spoilt(chance, one) for one in _readings(containers, number)]
        bodies = [one.encode() for one in items[: number // 10]]
        rest = items[number // 10 :]
        bodies += [f"[{','.join(rest[start : start + 50])}]".encode() for start in range(0, len(rest), 50)]
        sent = send(server.port, f"/v1/cities/{city_id}/readings", bodies, connections=16)
    failed = sum(count for status, count in sent.statuses.items() if status >= 500)
    answered = sum(sent.counts.values())
    return [
        row("junk", "bad readings sent", "readings", number),
        row("junk", "replies 5xx", "", failed, goal=(None, 0)),
        row("junk", "vanished", "readings", number - answered, goal=(None, 0)),
        row("junk", "quarantined", "readings", sent.counts.get("quarantined", 0)),
        row("junk", "refused", "readings", sent.counts.get("refused", 0)),
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


def _kill(*, quick: bool, rounds: int | None) -> list[Row]:
    """Kill the server at random instants while readings come in; hold what it acknowledged against its database."""
    rounds = rounds or (4 if quick else 200)
    chance = random.Random(1)  # noqa: S311 - a benchmark, not a secret
    again_s: list[float] = []
    acknowledged = lost = doubled = 0
    with tempfile.TemporaryDirectory(prefix="samram-load-") as folder:
        home = Path(folder)
        server = Server(home)
        server.start()
        city_id, containers = _import_city(server, home)
        first = 0
        for _ in range(rounds):
            bodies = _bodies(_readings(containers, 20_000, first=first), 5)
            first += 20_000
            sent = _until_killed(server, f"/v1/cities/{city_id}/readings", bodies, chance.uniform(0.05, 1.0))
            wanted = [(one["container"], one["time"]) for number in sent.acknowledged for one in _items(bodies[number])]
            started_s = time.perf_counter()
            server.start()
            extra = _bodies(_readings(containers, 1, first=first), 1)
            first += 1
            assert send(server.port, f"/v1/cities/{city_id}/readings", extra, connections=1).acknowledged == [0]
            again_s.append(time.perf_counter() - started_s)
            acknowledged += len(wanted)
            missing, twice = _compare(home, wanted)
            lost += missing
            doubled += twice
        server.stop()
        with sqlite3.connect(home / "samram.sqlite") as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    return [
        row("kill", "kill -9", "times", rounds),
        row("kill", "readings acknowledged", "readings", acknowledged),
        row("kill", "acknowledged and lost", "readings", lost, goal=(None, 0)),
        row("kill", "doubled", "readings", doubled, goal=(None, 0)),
        row("kill", "integrity check fails", "", int(not sound), goal=(None, 0)),
        row("kill", "first acknowledgement again, median", "s", sorted(again_s)[len(again_s) // 2]),
        row("kill", "first acknowledgement again, longest", "s", max(again_s), goal=(None, 3)),
    ]


def _faults(database: str, *, rounds: int) -> list[Row]:
    """Kill solvers, the server, and both, while they search and publish."""
    with _server(database) as (server, city_id, _, _):
        if server is None:
            return [row("faults-postgresql", "blows", "", None, why="PostgreSQL is not installed")]
        return faults(server, city_id, case="faults" if database == "sqlite" else "faults-postgresql", rounds=rounds)


def _items(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(body)
    return found


def _until_killed(server: Server, way: str, bodies: Sequence[bytes], seconds: float) -> Sent:
    killer = threading.Timer(seconds, server.kill)
    killer.start()
    sent = send(server.port, way, bodies, connections=8)
    killer.join()
    return sent


def _compare(home: Path, wanted: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Return how many of the acknowledged readings are not stored, and how many rows are there twice."""
    with sqlite3.connect(home / "samram.sqlite") as connection:
        rows = connection.execute("SELECT container, time_us FROM reading").fetchall()
    stored = {(container, moment_of(time_us).isoformat()) for container, time_us in rows}
    return sum(one not in stored for one in wanted), len(rows) - len(stored)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of each; ends within 50 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows here; cases done are not redone")
    parser.add_argument("--only", action="append", metavar="CASE", choices=CASES, help=f"one of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often the server is killed; 200 or 50 if absent")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
