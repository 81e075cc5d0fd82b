"""By the clock: how soon a search that is cancelled has ended, and how long a re-plan at noon takes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load.city import running
from benchmarks.load.driven import ask, driven, over
from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row

DAY: Final = "2026-11-23"
REPLAN_S: Final = 5
"""Seconds to search that are asked for; reading, judging and drawing come on top."""
QUIET_S: Final = 30.0
"""So long nothing is asked of the server before: as at noon of an ordinary day."""


def cancel(case: str, database: str, *, quick: bool) -> list[Row]:
    """Cancel searches and wait until their processes are gone."""
    times: list[float] = []
    with running(database) as at:
        if at is None:
            return [row(case, "cancel", "s", None, why="PostgreSQL is not installed")]
        for _ in range(2 if quick else 10):
            run_id = ask(at.server, f"/v1/cities/{at.city_id}/plans", {"date": DAY, "seconds": 60})["id"]
            while ask(at.server, f"/v1/runs/{run_id}")["stage"] != "searching":
                time.sleep(0.05)
            time.sleep(0.5)
            busy = _busiest(at.server.pid)
            started_s = time.perf_counter()
            ask(at.server, f"/v1/runs/{run_id}/cancel", method="POST")
            while Path(f"/proc/{busy}").exists():
                time.sleep(0.005)
            times.append(time.perf_counter() - started_s)
    return [
        row(case, "from cancel to the end of its process, median", "s", median(times)),
        row(case, "from cancel to the end of its process, longest", "s", max(times), goal=(None, 1)),
    ]


def replan(case: str, database: str, *, quick: bool) -> list[Row]:
    """Break a truck down in a day of 1,000 containers; from the request until its plan is there, drawn and stored."""
    rows: list[Row] = []
    for spare in ("on", "off"):
        with driven(
            database, containers=200 if quick else 1_000, seconds=10 if quick else 40, spare_process=spare
        ) as day:
            if day is None:
                return [row(case, "re-plan", "s", None, why="PostgreSQL is not installed")]
            shift = max(day.visits, key=lambda one: len(day.visits[one]))
            visits = day.visits[shift]
            noon = visits[len(visits) // 3]
            events = [
                {"sequence": number, "kind": "done", "visit": visit["id"], "time": visit["departure"]}
                for number, visit in enumerate(visits[: len(visits) // 3])
            ]
            phone = "0d0c1a8e-7a0b-4b6e-9d56-2f8a3a5b1c01"
            ask(day.at.server, day.path(shift, "events"), {"phone": phone, "events": events})
            time.sleep(5 if quick else QUIET_S)
            address = f"/v1/cities/{day.at.city_id}/days/{day.date}/replans"
            wanted = {
                "changes": [{"kind": "breakdown", "vehicle": noon["vehicle"]}],
                "at": noon["departure"],
                "seconds": REPLAN_S,
            }
            started_s = time.perf_counter()
            run = over(day.at.server, ask(day.at.server, address, wanted)["id"])
            seconds = time.perf_counter() - started_s
            [found] = ask(day.at.server, address)["replans"]
        if run["status"] != "done":
            raise RuntimeError(f"The re-plan was not made: {run}")
        total = sum(len(one) for one in day.visits.values())
        ready = "a process ready" if spare == "on" else "no process ready"
        goal = (None, 10) if spare == "on" and not quick else (None, None)
        rows += [
            row(case, f"{total} visits, {REPLAN_S} s to search, {ready}", "s", seconds, goal=goal),
            row(case, f"visits moved besides the truck's, {ready}", "", len(found["moved"])),
            row(case, f"the truck's visits that nobody can take, {ready}", "", len(found["displaced_unserved"])),
        ]
    return rows


def _busiest(pid: int) -> int:
    """Return the child of a process that has used most of the processor: the one that searches (Linux)."""
    used: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            used[int(folder.name)] = int(fields[11]) + int(fields[12])
    if not used:
        raise RuntimeError(f"The server {pid} has no process that searches ({os.name}).")
    return max(used, key=lambda one: used[one])
