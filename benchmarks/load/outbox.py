"""The outbox at full size: every phone's whole day, each event several times and shuffled, held against an oracle."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from benchmarks.load.driven import Driven, ask, driven, events_of, phone_id
from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row

PHONES, EVENTS = 100, 500
MOST_TIMES: Final = 5
BATCHES: Final = (1, 200)


def outbox(case: str, database: str, *, quick: bool) -> list[Row]:
    """Send 50,000 events one to five times each, shuffled, in batches of any size from eight senders; then compare."""
    phones, events = (10, 100) if quick else (PHONES, EVENTS)
    chance = random.Random(1)  # noqa: S311 - a benchmark, not a secret
    with driven(database) as day:
        if day is None:
            return [row(case, "events", "", None, why="PostgreSQL is not installed")]
        shifts = sorted(day.visits)
        said: list[tuple[str, str, dict[str, Any]]] = []
        batches: list[tuple[str, str, list[dict[str, Any]]]] = []
        for number in range(phones):
            shift, phone = shifts[number % len(shifts)], phone_id(chance)
            mine = events_of(chance, day.visits[shift], events)
            said += [(shift, phone, event) for event in mine]
            again = [event for event in mine for _ in range(chance.randint(1, MOST_TIMES))]
            chance.shuffle(again)
            while again:
                size = chance.randint(*BATCHES)
                batches.append((shift, phone, again[:size]))
                again = again[size:]
        chance.shuffle(batches)
        started_s = time.perf_counter()
        with ThreadPoolExecutor(8) as senders:
            replies = list(senders.map(lambda batch: _sent(day, *batch), batches))
        seconds = time.perf_counter() - started_s
        unlike = sum(_state(day, shift) != _oracle(shift, said, day) for shift in shifts)
        stored = day.at.count("driver_event")
    sent = sum(len(events) for _, _, events in batches)
    counts = {name: sum(reply[name] for reply in replies) for name in ("stored", "duplicate", "refused")}
    return [
        row(case, "events sent", "", sent),
        row(case, "events a second", "1/s", sent / seconds),
        row(case, "different events", "", len(said)),
        row(case, "lost or doubled in the table", "", abs(stored - len(said)), goal=(None, 0)),
        row(case, "told to be stored, beside those", "", abs(counts["stored"] - len(said)), goal=(None, 0)),
        row(case, "refused", "", counts["refused"], goal=(None, 0)),
        row(case, "vanished from the replies", "", sent - sum(counts.values()), goal=(None, 0)),
        row(case, "shifts whose state is another than the oracle's", "", unlike, goal=(None, 0)),
    ]


def _sent(day: Driven, shift: str, phone: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = ask(day.at.server, day.path(shift, "events"), {"phone": phone, "events": events})
    return found


def _state(day: Driven, shift: str) -> dict[str, Any]:
    """Return what the server says that a shift has come to."""
    found = ask(day.at.server, day.path(shift, "state"))
    return {
        "visits": {one["visit"]: (one["status"], one["shift"]) for one in found["visits"]},
        "unloadings": len(found["unloadings"]),
        "kg": sum(one["kg"] for one in found["unloadings"]),
        "breaks": len(found["breaks"]),
    }


def _oracle(shift: str, said: list[tuple[str, str, dict[str, Any]]], day: Driven) -> dict[str, Any]:
    """Return the same from what was said, each once, by the rules of docs/driver-events.md word for word.

    Each visit has one shift here, so that the last word of its shift decides.
    """
    mine = sorted(
        ((event["time"], phone, event["sequence"], event) for by, phone, event in said if by == shift),
        key=lambda one: one[:3],
    )
    words: dict[str, str] = {}
    came: defaultdict[str, int] = defaultdict(int)
    kg, rests, resting = 0, 0, False
    for _, _, _, event in mine:
        kind = event["kind"]
        came[kind] += 1
        if kind == "unloaded":
            kg += event["kg"]
        elif kind == "break_start" and not resting:
            rests, resting = rests + 1, True
        elif kind == "break_end":
            resting = False
        elif kind in ("done", "skipped") or (kind == "arrived" and event["visit"] not in words):
            words[event["visit"]] = kind
    # An arrival after a word on the visit says nothing new.
    planned = [visit["id"] for visit in day.visits[shift]]
    return {
        "visits": {visit: (words.get(visit, "left"), shift if visit in words else None) for visit in planned},
        "unloadings": came["unloaded"],
        "kg": kg,
        "breaks": rests,
    }
