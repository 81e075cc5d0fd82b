"""A real server with the built-in city, and the browsers that visit it."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import socket
import threading
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx2
import uvicorn

from service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from service.settings import Settings

MONDAY = 1
PATIENCE_S = 240
"""A browser that draws in software on a machine with other work."""
SHORT = {"seconds": 60, "steps": 4}
ZONE = "Asia/Phnom_Penh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server with a city, and the day that it planned."""

    address: str
    client: httpx2.Client
    city: str
    date: str
    plan: str
    shift: str

    @property
    def shift_address(self) -> str:
        """Where the shift is in the API."""
        return f"/v1/cities/{self.city}/days/{self.date}/shifts/{self.shift}"

    @property
    def drive(self) -> str:
        """The driver's page with the shift."""
        return f"/drive?city={self.city}&date={self.date}&shift={self.shift}"


def zipped(city: Any) -> bytes:
    """Return a folder's files as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(city.iterdir()):
            archive.write(file, file.name)
    return buffer.getvalue()


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run a server on a port of its own; the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "The server ended while it started."
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=PATIENCE_S)
    assert not thread.is_alive(), "The server did not end."


def client_of(address: str) -> httpx2.Client:
    """Return a program's way to the server; a loaded machine may take its time."""
    return httpx2.Client(base_url=address, timeout=PATIENCE_S)


def imported(client: httpx2.Client, archive: bytes) -> str:
    """Import a city; its short name."""
    reply = client.post("/v1/cities", content=archive, headers={"content-type": "application/zip"})
    found: str = reply.json()["id"]
    return found


def working_day(before: int = 1) -> dt.date:
    """Return the last day, or one before it, on which the built-in city's crews have worked: they rest on Sundays."""
    day = dt.datetime.now(ZoneInfo(ZONE)).date()
    for _ in range(before):
        day -= dt.timedelta(days=2 if day.isoweekday() == MONDAY else 1)
    return day


def planned(client: httpx2.Client, city: str, date: str) -> str:
    """Ask for a day's plan and wait for it; steps end its search, however slow the machine is."""
    run = client.post(f"/v1/cities/{city}/plans", json={"date": date, **SHORT}).json()
    while run["status"] in ("queued", "running"):
        time.sleep(0.2)
        run = client.get(f"/v1/runs/{run['id']}").json()
    assert run["status"] == "done", run
    found: str = run["plan_id"]
    return found


@contextlib.contextmanager
def visiting(browser: Browser, address: str, date: str | None = None) -> Iterator[Callable[..., Page]]:
    """Open pages of a server; where ``date`` is given, phones are used at eight on that day."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def opened(path: str, *, phone: bool = False, **options: Any) -> Page:
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
        plain = {"locale": "en", "viewport": size, "reduced_motion": "reduce"}
        context = browser.new_context(base_url=address, **plain | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_S * 1000)
        if phone and date is not None:
            context.clock.set_fixed_time(f"{date}T08:00:00+07:00")
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"{path}: {error}"))
        context.on("request", lambda request: wrong.append(request.url) if _foreign(request.url) else None)
        page.goto(path)
        return page

    def _foreign(url: str) -> bool:
        return not url.startswith((address, "data:", "blob:"))

    try:
        yield opened
    finally:
        for context in contexts:
            context.close()
    assert not wrong
