"""``samram demo``: the built-in city, planned and served, by the same requests that anyone can make."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from service.cli import serving, show
from service.cli.store import city_archive, read_settings

if TYPE_CHECKING:
    import datetime as dt
    import socket
    from collections.abc import Callable
    from pathlib import Path

MAX_SOLVE_S: Final = 300
"""What its pages may ask for, as on a server with the usual settings."""
_POLL_S: Final = 0.5
_TIMEOUT_S: Final = 600.0
"""Longer than the largest built-in city takes to be imported."""


def serve_demo(folder: Path, service_date: dt.date, *, seconds: float, seed: int, port: int, home: Path) -> None:
    """Serve a city folder with a plan of a day, from a database of its own, until Ctrl+C.

    Raises
    ------
    CommandError
        If the port is taken, or the server did not do what was asked of it.
    """
    from service import logs
    from service.app import create_app

    logs.set_up("text", level=logging.WARNING)
    whole_seconds = max(1, round(seconds))
    order = {"date": service_date.isoformat(), "seconds": whole_seconds, "seed": seed}
    taken = serving.listen("127.0.0.1", port)
    # The limits of a city's own server, from its environment, are not the demo's.
    settings = read_settings(
        home=home,
        database_url="",
        auth="off",
        host="127.0.0.1",
        max_containers=10_000,
        max_vehicles=1_000,
        max_solve_s=max(whole_seconds, MAX_SOLVE_S),
    )
    work = _Work(taken, city_archive(folder), order)
    server = serving.make_server(create_app(settings), on_started=work.start)
    work.server = server
    serving.run(server, taken)
    if work.failure is not None:
        raise show.CommandError(work.failure)
    show.OUT.print("The server has ended.")


class _Work:
    """Imports the city and asks for its plan, in a thread beside the server; tells about it on the way."""

    server: serving.Server

    def __init__(self, taken: socket.socket, archive: bytes, order: dict[str, Any]) -> None:
        self.failure: str | None = None
        self._host, self._port = taken.getsockname()
        self._address = serving.address_of(taken)
        self._archive = archive
        self._order = order

    def start(self) -> None:
        """Begin, once the server answers."""
        threading.Thread(target=self._work, name="samram-demo", daemon=True).start()

    def _work(self) -> None:
        try:
            self._plan()
        except (show.CommandError, OSError, http.client.HTTPException) as error:
            # A server that was told to end leaves the last request unanswered.
            if not self.server.should_exit:
                self.failure = str(error) or type(error).__name__
                self.server.should_exit = True

    def _plan(self) -> None:
        city = self._call("/v1/cities", self._archive, "application/zip")
        show.OUT.print(f"imported {city['name']}: {city['containers']} containers, {city['vehicles']} vehicles")
        run = self._call(f"/v1/cities/{city['id']}/plans", json.dumps(self._order).encode(), "application/json")
        with show.search_bar(self._order["seconds"]) as tell:
            run = self._followed(run["id"], tell)
        if self.server.should_exit:
            return
        if run["status"] != "done":
            raise show.CommandError(f"The run ended as {run['status']}: {run['error'] or 'no reason was given'}")
        plan = self._call(f"/v1/plans/{run['plan_id']}")
        show.OUT.print(f"planned {len(plan['routes'])} routes for {self._order['date']}")
        show.OUT.print(f"[bold green]Open {self._address}/ in a browser.[/] Press Ctrl+C to end.")

    def _followed(self, run_id: str, tell: Callable[[float, str], None]) -> dict[str, Any]:
        while True:
            run = self._call(f"/v1/runs/{run_id}")
            if run["progress"]:
                last = run["progress"][-1]
                # What is unserved counts in the cost with a penalty, which is no money.
                cost = f"{run['cost']:,.2f} {run['currency']}"
                tell(last["elapsed_s"], f"{last['unserved']} unserved" if last["unserved"] else cost)
            elif run["stage"]:
                tell(0.0, run["stage"])
            if run["status"] not in ("queued", "running") or self.server.should_exit:
                return run
            time.sleep(_POLL_S)

    def _call(self, path: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET" if body is None else "POST", path, body, {"Content-Type": kind} if kind else {})
            reply = connection.getresponse()
            text = reply.read()
        finally:
            connection.close()
        answer: dict[str, Any] = json.loads(text)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise show.CommandError(f"{path} was answered with {reply.status}: {answer.get('detail', answer)}")
        return answer
