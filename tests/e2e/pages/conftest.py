"""A real server with the built-in city, planned and published for today, and the system's Chromium."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from pages_server import Served, client_of, imported, planned, serving, visiting, working_day, zipped

from geodata.city.demo.city import write_demo_city
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def city_zip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Zip the built-in city."""
    folder = write_demo_city(tmp_path_factory.mktemp("pages") / "city", containers=60, seed=1)
    return zipped(folder)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, city_zip: bytes) -> Iterator[Served]:
    """Start the server, import the city, plan and publish its last working day."""
    with serving(Settings(home=tmp_path_factory.mktemp("home"), auth="off")) as address, client_of(address) as client:
        city = imported(client, city_zip)
        date = working_day().isoformat()
        plan = planned(client, city, date)
        assert client.post(f"/v1/plans/{plan}/publish").status_code == 200
        routes = client.get(f"/v1/plans/{plan}").json()["routes"]
        shift = max(routes, key=lambda route: route["stops"])["shift"]
        yield Served(address=address, client=client, city=city, date=date, plan=plan, shift=shift)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[[list[str]], Browser]]:
    """Start the system's Chromium, with flags of one's own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with uv sync --group browser")
    if CHROMIUM is None:
        if os.environ.get("SAMRAM_TESTS_COMPLETE"):
            pytest.fail("Chromium is not installed; .ci/run installs it.")
        pytest.skip("Chromium is not installed.")
    with playwright.sync_playwright() as started:
        yield lambda flags: started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])


@pytest.fixture(scope="session")
def browser(chromium: Callable[[list[str]], Browser]) -> Iterator[Browser]:
    """Start a browser that draws the map, in software."""
    with chromium(["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]) as browser:
        yield browser


@pytest.fixture(scope="session")
def mapless_browser(chromium: Callable[[list[str]], Browser]) -> Iterator[Browser]:
    """Start a browser that has no WebGL: everything but the map works there, at a fifth of the processor time."""
    with chromium(["--disable-gpu", "--disable-3d-apis"]) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Open pages; each call has a browser of its own. Afterwards nothing went wrong in any, or to another origin."""
    with visiting(browser, served.address, served.date) as opened:
        yield opened


@pytest.fixture
def visit_mapless(mapless_browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Open pages where the map is not what is looked at."""
    with visiting(mapless_browser, served.address, served.date) as opened:
        yield opened
