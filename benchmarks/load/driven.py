"""A published day, and phones that report from it: what the measurements of phones have in common."""

from __future__ import annotations

import datetime as dt
import json
import time
import urllib.request
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from benchmarks.load.city import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from benchmarks.load.city import Running
    from benchmarks.load.servers import Server

ZONE: Final = ZoneInfo("Asia/Phnom_Penh")
PATIENCE_S: Final = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """A server whose city has a plan published for yesterday: everything that may be reported of it lies behind us."""

    at: Running
    date: dt.date
    plan_id: str
    visits: Mapping[str, Sequence[dict[str, Any]]]
    """By shift with a route, its visits in order, as its map has them."""

    def path(self, shift: str, what: str) -> str:
        """Return an address of a shift."""
        return f"/v1/cities/{self.at.city_id}/days/{self.date}/shifts/{shift}/{what}"


@contextmanager
def driven(database: str, *, containers: int = 300, seconds: int = 5, **settings: str) -> Iterator[Driven | None]:
    """Run our server with a published plan; None where the database is not installed."""
    with running(database, containers=containers, **settings) as at:
        if at is None:
            yield None
            return
        date = dt.datetime.now(ZONE).date() - dt.timedelta(days=1)
        body = {"date": date.isoformat(), "seconds": seconds}
        run = over(at.server, ask(at.server, f"/v1/cities/{at.city_id}/plans", body)["id"])
        if run["plan_id"] is None:
            raise RuntimeError(f"The plan to be driven was not made: {run}")
        ask(at.server, f"/v1/plans/{run['plan_id']}/publish", method="POST")
        visits: dict[str, list[dict[str, Any]]] = {}
        for feature in ask(at.server, f"/v1/plans/{run['plan_id']}/routes.geojson")["features"]:
            said = feature["properties"]
            if said["kind"] == "visit":
                lon, lat = feature["geometry"]["coordinates"]
                visits.setdefault(said["shift"], []).append({**said, "lon": lon, "lat": lat})
        yield Driven(at=at, date=date, plan_id=run["plan_id"], visits=visits)


def ask(server: Server, path: str, body: Any = None, *, method: str | None = None) -> Any:
    """Return an answer's JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - our own server
        server.url(path), data, {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own server
        return json.load(reply)


def over(server: Server, run_id: str) -> dict[str, Any]:
    """Wait until a run is over and return it; asks often, for what is measured by it."""
    end_s = time.perf_counter() + PATIENCE_S
    while True:
        run: dict[str, Any] = ask(server, f"/v1/runs/{run_id}")
        if run["status"] not in ("queued", "running") or time.perf_counter() > end_s:
            return run
        time.sleep(0.05)


def events_of(random: Random, visits: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """Return so many events of one phone: it works along its route, stops, skips, unloads and says where it is."""
    events: list[dict[str, Any]] = []
    for sequence in range(number):
        visit = visits[sequence * len(visits) // number]
        event: dict[str, Any] = {"sequence": sequence, "time": visit["departure"]}
        match random.choice(("arrived", "done", "done", "skipped", "unloaded", "break_start", "break_end", "position")):
            case "skipped":
                event |= {"kind": "skipped", "visit": visit["id"], "reason": "blocked"}
            case "unloaded":
                event |= {"kind": "unloaded", "site": "landfill", "kg": random.randint(0, 6_000)}
            case "break_start" | "break_end" as kind:
                event |= {"kind": kind}
            case "position":
                event |= {"kind": "position", "lon": visit["lon"], "lat": visit["lat"]}
            case kind:
                event |= {"kind": kind, "visit": visit["id"]}
        events.append(event)
    return events


def phone_id(random: Random) -> str:
    """Return a phone's own id."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
