"""Sends readings over many kept-alive connections, with as little work for each as may be: bytes in, bytes out."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(slots=True)
class Sent:
    """What came of sending.

    Parameters
    ----------
    seconds
        From the first request to the last reply.
    latencies_s
        Of each request.
    statuses
        How often each HTTP status was answered.
    counts
        What the replies counted: stored, duplicate, quarantined, refused.
    acknowledged
        Numbers of the bodies that were answered 200.
    """

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    acknowledged: list[int] = field(default_factory=list)

    def p99_ms(self) -> float:
        """Return the latency that one request in a hundred passes."""
        ordered = sorted(self.latencies_s)
        return 1_000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else float("nan")


def send(port: int, path: str, bodies: Sequence[bytes], *, connections: int) -> Sent:
    """Send each body once, from so many connections at the same time; ends early when the server is gone."""
    return asyncio.run(_send(port, path, bodies, connections))


async def _send(port: int, path: str, bodies: Sequence[bytes], connections: int) -> Sent:
    sent = Sent()
    todo = iter(enumerate(bodies))
    started_s = time.perf_counter()
    await asyncio.gather(*(_connection(port, path, todo, sent) for _ in range(connections)))
    sent.seconds = time.perf_counter() - started_s
    return sent


async def _connection(port: int, path: str, todo: Iterator[tuple[int, bytes]], sent: Sent) -> None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
    try:
        for number, body in todo:
            started_s = time.perf_counter()
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer[9:12])
            length = int(answer.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            reply = await reader.readexactly(length)
            sent.latencies_s.append(time.perf_counter() - started_s)
            sent.statuses[status] = sent.statuses.get(status, 0) + 1
            if status == 200:
                sent.acknowledged.append(number)
                said = orjson.loads(reply)
                for name in ("stored", "duplicate", "quarantined", "refused"):
                    sent.counts[name] = sent.counts.get(name, 0) + said[name]
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
