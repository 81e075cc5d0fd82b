"""Servers and solvers killed while they search and publish; called by ``python -m benchmarks.load --only faults``.

After each blow the published plan must still be served, there must be one for the day, and every run must end.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from benchmarks.load.servers import Server
    from benchmarks.quality.rows import Row

DAY: Final = "2026-11-23"
SOLVE_S: Final = 2
PATIENCE_S: Final = 300.0
BLOWS: Final = ("worker", "server", "both")
_OVER: Final = ("done", "failed", "cancelled")


class _Api:
    """The server by its addresses, as a client that gives up after ten seconds."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def ask(self, way: str, body: Any = None, *, method: str | None = None) -> Any:
        """Return an answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._server.url(way), data, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - our own server
            return json.load(reply)

    def over(self, run_id: str) -> dict[str, Any]:
        """Wait until a run is over and return it."""
        end_s = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < end_s:
            run: dict[str, Any] = self.ask(f"/v1/runs/{run_id}")
            if run["status"] in _OVER:
                return run
            time.sleep(0.2)
        return run


def faults(server: Server, city_id: str, *, case: str, rounds: int) -> list[Row]:
    """Strike so many blows, each at another moment of a search or a publication, and count what is wrong afterwards."""
    api = _Api(server)
    chance = random.Random(1)  # noqa: S311 - a benchmark, not a secret
    published = _first_plan(api, city_id)
    longest_s, lost, stuck, failed, doubled = 0.0, 0, 0, 0, 0
    for number in range(rounds):
        run_id = api.ask(f"/v1/cities/{city_id}/plans", {"date": DAY, "seconds": SOLVE_S})["id"]
        time.sleep(chance.uniform(0.0, SOLVE_S + 1.0))
        _strike(server, BLOWS[number % len(BLOWS)])
        began_s = time.perf_counter()
        day = api.ask(f"/v1/cities/{city_id}/days/{DAY}")
        lost += day["plan_id"] != published
        run = api.over(run_id)
        longest_s = max(longest_s, time.perf_counter() - began_s)
        stuck += run["status"] not in _OVER
        failed += run["status"] == "failed"
        if run["plan_id"]:
            _publish_under_fire(api, server, run["plan_id"], strike=number % 2 == 0)
            published = run["plan_id"]
        doubled += _published(api, city_id) != [published]
    return [
        row(case, f"{rounds} blows: the published plan is another one", "", lost, goal=(None, 0)),
        row(case, f"{rounds} blows: days with not one published plan", "", doubled, goal=(None, 0)),
        row(case, f"{rounds} blows: runs stuck", "", stuck, goal=(None, 0)),
        row(case, f"{rounds} blows: runs failed", "", failed, goal=(None, 0)),
        row(case, f"longest from the blow to the end of a run of {SOLVE_S} s", "s", longest_s, goal=(None, 60)),
    ]


def _first_plan(api: _Api, city_id: str) -> str:
    run = api.over(api.ask(f"/v1/cities/{city_id}/plans", {"date": DAY, "seconds": SOLVE_S})["id"])
    plan_id: str = run["plan_id"]
    api.ask(f"/v1/plans/{plan_id}/publish", method="POST")
    return plan_id


def _publish_under_fire(api: _Api, server: Server, plan_id: str, *, strike: bool) -> None:
    """Publish, with the server killed before its answer is heard; then again, as a client does that heard nothing."""
    if strike:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(  # noqa: S310 - our own server
                urllib.request.Request(server.url(f"/v1/plans/{plan_id}/publish"), method="POST"),  # noqa: S310 - as above
                timeout=0.01,
            )
        server.kill()
        server.start()
    api.ask(f"/v1/plans/{plan_id}/publish", method="POST")


def _published(api: _Api, city_id: str) -> list[str]:
    plans = api.ask(f"/v1/cities/{city_id}/plans")["plans"]
    return [plan["id"] for plan in plans if plan["date"] == DAY and plan["state"] == "published"]


def _strike(server: Server, blow: str) -> None:
    if blow in ("worker", "both"):
        for child in _children(server.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    if blow in ("server", "both"):
        server.kill()
        server.start()


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
    return found
