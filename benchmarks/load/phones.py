"""Phones by the hundred that poll their routes and report, while the server searches for another plan."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from benchmarks.load.city import solving
from benchmarks.load.driven import Driven, driven, events_of, phone_id
from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row

PHONES: Final = 200
THINKS_S: Final = (2.0, 8.0)
"""So long a phone waits between asking whether its route has changed and handing in what happened: more often than one
on the road does, which does so twice a minute."""


@dataclass(slots=True)
class _Heard:
    latencies_s: dict[str, list[float]] = field(default_factory=lambda: {"route": [], "events": []})
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0

    def p99_ms(self, kind: str) -> float:
        ordered = sorted(self.latencies_s[kind])
        return 1_000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else float("nan")


def phones(case: str, database: str, *, quick: bool) -> list[Row]:
    """Let 200 phones live for a minute beside a search, and say how long they waited for answers."""
    seconds = 12.0 if quick else 60.0
    with driven(database) as day:
        if day is None:
            return [row(case, "phones", "", None, why="PostgreSQL is not installed")]
        with solving(day.at):
            heard = asyncio.run(_live(day, seconds))
        stored = day.at.count("driver_event")
    failed = sum(count for status, count in heard.statuses.items() if status >= 500)
    requests = sum(heard.statuses.values())
    return [
        row(case, f"phones for {seconds:.0f} s beside a solve", "", PHONES),
        row(case, "requests a second", "1/s", requests / seconds),
        row(case, "route asked for, p99", "ms", heard.p99_ms("route"), goal=(None, 500)),
        row(case, "events reported, p99", "ms", heard.p99_ms("events"), goal=(None, 500)),
        row(case, "replies 5xx", "", failed, goal=(None, 0)),
        row(case, "connections broken", "", heard.broken, goal=(None, 0)),
        row(case, "replies that are neither 200 nor 304", "", _others(heard), goal=(None, 0)),
        row(case, "events stored", "", stored),
    ]


def _others(heard: _Heard) -> int:
    return sum(count for status, count in heard.statuses.items() if status not in (200, 304))


async def _live(day: Driven, seconds: float) -> _Heard:
    heard = _Heard()
    end_s = time.perf_counter() + seconds
    shifts = sorted(day.visits)
    await asyncio.gather(*(_phone(day, shifts[number % len(shifts)], number, end_s, heard) for number in range(PHONES)))
    return heard


async def _phone(day: Driven, shift: str, number: int, end_s: float, heard: _Heard) -> None:
    chance = random.Random(number)  # noqa: S311 - a benchmark, not a secret
    outbox = events_of(chance, day.visits[shift], 1_000)
    name, tag = phone_id(chance), b""
    await asyncio.sleep(chance.uniform(0, THINKS_S[1]))
    try:
        while time.perf_counter() < end_s:
            # A connection for each time: the server closes one that says nothing for five seconds.
            reader, writer = await asyncio.open_connection("127.0.0.1", day.at.server.port)
            head = b"Accept-Encoding: gzip\r\nAccept-Language: km\r\n"
            head += b"If-None-Match: " + tag + b"\r\n" if tag else b""
            answer = await _asked(reader, writer, "GET", day.path(shift, "route.geojson"), head, b"", "route", heard)
            for line in answer.split(b"\r\n"):
                if line.lower().startswith(b"etag:"):
                    tag = line[5:].strip()
            part, outbox = outbox[:5], outbox[5:]
            body = orjson.dumps({"phone": name, "events": part})
            head = b"Content-Type: application/json\r\n"
            await _asked(reader, writer, "POST", day.path(shift, "events"), head, body, "events", heard)
            writer.close()
            await asyncio.sleep(chance.uniform(*THINKS_S))
    except (OSError, asyncio.IncompleteReadError):
        heard.broken += 1


async def _asked(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    path: str,
    head: bytes,
    body: bytes,
    kind: str,
    heard: _Heard,
) -> bytes:
    started_s = time.perf_counter()
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode() + head + b"\r\n" + body
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    status = int(answer[9:12])
    lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if lengths and status != 304:
        await reader.readexactly(int(lengths[0].partition(b":")[2]))
    heard.latencies_s[kind].append(time.perf_counter() - started_s)
    heard.statuses[status] = heard.statuses.get(status, 0) + 1
    return answer
