"""``samram demo``: the built-in city, planned and served, by the same requests that anyone can make."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Callable

    import uvicorn

_POLL_S: Final = 0.5
_TIMEOUT_S: Final = 60.0


class DemoFailedError(RuntimeError):
    """The server did not do what the demo asked of it."""


def plan_over_http(server: uvicorn.Server, address: str, archive: bytes, order: dict[str, Any]) -> threading.Thread:
    """Import the city and ask for its plan as soon as the server is up; report on the way, in a thread of its own."""

    def work() -> None:
        try:
            if _wait_for(server):
                _plan(server, address, archive, order)
        except (DemoFailedError, OSError) as error:
            show.ERR.print(f"error: {error}", markup=False, style="red")
            server.should_exit = True

    thread = threading.Thread(target=work, name="demo", daemon=True)
    thread.start()
    return thread


def _wait_for(server: uvicorn.Server) -> bool:
    while not server.started and not server.should_exit:
        time.sleep(_POLL_S / 10)
    return not server.should_exit


def _plan(server: uvicorn.Server, address: str, archive: bytes, order: dict[str, Any]) -> None:
    city = _call(f"{address}/v1/cities", archive, "application/zip")
    show.OUT.print(f"imported {city['name']}: {city['containers']} containers, {city['vehicles']} vehicles")
    run = _call(f"{address}/v1/cities/{city['id']}/plans", json.dumps(order).encode(), "application/json")
    with show.search_progress(order["seconds"], city["currency"]):
        run = _followed(server, lambda: _call(f"{address}/v1/runs/{run['id']}"))
    if run["status"] != "done":
        raise DemoFailedError(f"The run ended as {run['status']}: {run['error'] or 'no reason was given'}")
    plan = _call(f"{address}/v1/plans/{run['plan_id']}")
    show.OUT.print(f"planned {len(plan['routes'])} routes for {order['date']}")
    show.OUT.print(f"[bold green]Open {address}/ in a browser.[/] Press Ctrl+C to end.")


def _followed(server: uvicorn.Server, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    while True:
        run = ask()
        if run["status"] not in ("queued", "running") or server.should_exit:
            return run
        time.sleep(_POLL_S)


def _call(address: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
    request = urllib.request.Request(address, data=body, headers={"Content-Type": kind} if kind else {})  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - as above
            answer: dict[str, Any] = json.load(reply)
            return answer
    except urllib.error.HTTPError as error:
        raise DemoFailedError(f"{address} answered {error.code}: {error.read().decode(errors='replace')}") from error
