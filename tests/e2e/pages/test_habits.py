"""Habits of all pages: WCAG 2.2 AA as far as axe can tell, small to load, readable on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages_server import Served
    from playwright.sync_api import Page


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHELL_BYTES = 400_000


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, each with the element that it is about."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found: Any = axe.Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "km"])
def test_axe_finds_nothing(
    visit: Callable[..., Page], visit_mapless: Callable[..., Page], served: Served, locale: str, scheme: Any
) -> None:
    """No page violates a rule of axe, in either language, by day and by night; once beside the map."""
    look = {"locale": locale, "color_scheme": scheme}
    drawn = visit if (locale, scheme) == ("en", "light") else visit_mapless
    page = drawn("/", **look)
    page.locator("#date:enabled").fill(served.date)
    page.locator("#routes .route button").first.click()
    page.locator(".steps").wait_for()
    assert not violations(page)
    for tab in ("containers", "readings", "city"):
        page.locator(f"#tab-{tab}").click()
        page.locator(f"#part-{tab} > *").first.wait_for()
        assert not violations(page)
    page = visit_mapless("/sign-in", **look)
    page.locator("#go:not(:empty)").wait_for()
    assert not violations(page)
    page = drawn(served.drive, phone=True, **look)
    page.locator("#do-left, #do-done").first.wait_for()
    assert not violations(page)


def test_driver_page_is_small(visit: Callable[..., Page], served: Served) -> None:
    """What the driver's page loads before the map is under 400 KB, as it travels."""
    page = visit("/sign-in", phone=True)
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto(served.drive)
    page.locator(".buttons .main").wait_for()
    shell = {url: size for url, size in sizes.items() if "/vendor/maplibre-gl" not in url and "basemap" not in url}
    assert sum(shell.values()) < SHELL_BYTES, shell


@pytest.mark.parametrize("path", ["/", "/sign-in"])
def test_nothing_is_wider_than_a_phone(visit_mapless: Callable[..., Page], path: str) -> None:
    """On a phone no page scrolls sideways."""
    page = visit_mapless(path, phone=True)
    page.locator("main").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", ["department", "drive"])
def test_nothing_moves_while_a_page_loads(visit_mapless: Callable[..., Page], served: Served, name: str) -> None:
    """What one is about to press stays where it is: cumulative layout shift under 0.1, "good" in Core Web Vitals."""
    page = visit_mapless("/" if name == "department" else served.drive, phone=True)
    page.locator("#date:enabled, .buttons .main").first.wait_for()
    moved = page.evaluate(
        """() => new Promise((done) => {
          let moved = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) moved += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => requestAnimationFrame(() => done(moved)));
        })"""
    )
    assert moved < 0.1
