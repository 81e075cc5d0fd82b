"""A real server with the built-in city, planned and published for today, and the system's Chromium."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import shutil
import socket
import threading
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
import uvicorn

from geodata.city.demo.city import write_demo_city
from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SUNDAY = 7
ZONE = "Asia/Phnom_Penh"
PATIENCE_MS = 120_000
"""What a browser waits for comes in a moment; on a machine with other work it takes longer, and fails nothing."""


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


@pytest.fixture(scope="module")
def city_zip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Zip the built-in city."""
    folder = write_demo_city(tmp_path_factory.mktemp("pages") / "city", containers=60, seed=1)
    return zipped(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server in this process."""

    app: FastAPI
    address: str


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[Settings], Running]]:
    """Start servers with these settings; they end with the module."""
    with contextlib.ExitStack() as ending:
        yield lambda settings: ending.enter_context(_running(settings))


@contextlib.contextmanager
def _running(settings: Settings) -> Iterator[Running]:
    app = create_app(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "The server ended while it started."
        time.sleep(0.02)
    yield Running(app=app, address=f"http://127.0.0.1:{listener.getsockname()[1]}")
    server.should_exit = True
    thread.join(timeout=30)
    assert not thread.is_alive(), "The server did not end."


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, city_zip: bytes, start: Callable[[Settings], Running]
) -> Iterator[Served]:
    """Start the server, import the city, plan and publish its last working day."""
    address = start(Settings(home=tmp_path_factory.mktemp("home"), auth="off")).address
    with httpx2.Client(base_url=address, timeout=60) as client:
        city = client.post("/v1/cities", content=city_zip, headers={"content-type": "application/zip"}).json()["id"]
        date = last_working_day().isoformat()
        plan = planned(client, city, date)
        assert client.post(f"/v1/plans/{plan}/publish").status_code == 200
        routes = client.get(f"/v1/plans/{plan}").json()["routes"]
        shift = max(routes, key=lambda route: route["stops"])["shift"]
        yield Served(address=address, client=client, city=city, date=date, plan=plan, shift=shift)


def last_working_day() -> dt.date:
    """Return the last day before today on which the built-in city's crews work: they rest on Sundays."""
    day = dt.datetime.now(ZoneInfo(ZONE)).date() - dt.timedelta(days=1)
    return day - dt.timedelta(days=1) if day.isoweekday() == SUNDAY else day


def planned(client: httpx2.Client, city: str, date: str) -> str:
    """Ask for a day's plan and wait for it."""
    run = client.post(f"/v1/cities/{city}/plans", json={"date": date, "seconds": 1}).json()
    while run["status"] in ("queued", "running"):
        time.sleep(0.2)
        run = client.get(f"/v1/runs/{run['id']}").json()
    assert run["status"] == "done", run
    found: str = run["plan_id"]
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium, which draws the map in software."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with uv sync --group browser")
    if CHROMIUM is None:
        if os.environ.get("SAMRAM_TESTS_COMPLETE"):
            pytest.fail("Chromium is not installed; .ci/run installs it.")
        pytest.skip("Chromium is not installed.")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Open pages; each call has a browser of its own. Afterwards nothing went wrong in any, or to another origin."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def opened(path: str, *, phone: bool = False, **options: Any) -> Page:
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
        context = browser.new_context(base_url=served.address, viewport=size, **{"locale": "en"} | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if phone:  # the phone is used while its shift lasts
            context.clock.set_fixed_time(f"{served.date}T08:00:00+07:00")
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"{path}: {error}"))
        context.on("request", lambda request: wrong.append(request.url) if _foreign(request.url) else None)
        page.goto(path)
        return page

    def _foreign(url: str) -> bool:
        return not url.startswith((served.address, "data:", "blob:"))

    yield opened
    for context in contexts:
        context.close()
    assert not wrong
