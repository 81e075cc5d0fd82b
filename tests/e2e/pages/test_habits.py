"""Habits of all pages: small to load, readable on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Served

SHELL_BYTES = 400_000


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
def test_nothing_is_wider_than_a_phone(visit: Callable[..., Page], path: str) -> None:
    """On a phone no page scrolls sideways."""
    page = visit(path, phone=True)
    page.locator("main").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
