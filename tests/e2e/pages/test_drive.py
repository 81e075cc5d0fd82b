"""The driver's page in a real browser, on a phone's screen: a whole morning without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages_server import Served
    from playwright.sync_api import Page


TAPS = 20


def ready(page: Page) -> None:
    """Wait until the page is on the phone and works without a network."""
    page.locator(".buttons .main").wait_for()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def tap(page: Page) -> str:
    """Tap the large button, whatever comes next; return what it said."""
    button = page.locator(".buttons .main")
    said: str = button.get_attribute("id") or ""
    before = page.locator("#work").inner_html()
    button.click()
    if said == "do-unloaded":
        page.locator("#dialog .answers button").nth(1).click()  # not weighed, in whichever language
    page.wait_for_function("before => document.querySelector('#work').innerHTML !== before", arg=before)
    return said


def test_a_morning_without_a_network(visit: Callable[..., Page], served: Served) -> None:
    """Twenty taps without a network outlive a reload, and reach the server once each when it is back."""
    page = visit(served.drive, phone=True)
    ready(page)
    page.context.set_offline(True)
    done = 0
    while done < TAPS // 2:
        done += tap(page) == "do-done"
    page.reload()
    page.locator(".buttons .main").wait_for()
    while done < TAPS:
        done += tap(page) == "do-done"
    assert "to send" in page.locator("#outbox").inner_text()
    stops = page.locator(".progress").inner_text()
    assert stops.startswith(f"{TAPS} of")
    page.context.set_offline(False)
    page.locator("#outbox", has_text="All sent").wait_for(timeout=60_000)
    state = served.client.get(f"{served.shift_address}/state").json()
    taken = [visit["visit"] for visit in state["visits"] if visit["status"] == "done"]
    route = served.client.get(f"{served.shift_address}/route.geojson").json()["features"]
    first = [one["properties"] for one in route if one["properties"]["kind"] == "visit"]
    numbers = list(dict.fromkeys(visit["stop_number"] for visit in first))[:TAPS]
    assert taken == [visit["id"] for visit in first if visit["stop_number"] in numbers]


def test_skip_with_a_reason_in_khmer(visit: Callable[..., Page], served: Served) -> None:
    """A stop is skipped by two taps, in Khmer, and the server has the reason."""
    page = visit(served.drive, phone=True, locale="km")
    ready(page)
    while page.locator(".buttons .main").get_attribute("id") != "do-done":
        tap(page)
    stop = page.locator(".step h2").inner_text()
    page.locator("#do-skip").click()
    page.locator("#dialog button", has_text="ទ្វារចាក់សោ").click()
    page.locator("#outbox", has_text="ផ្ញើអស់ហើយ").wait_for(timeout=60_000)
    visits = served.client.get(f"{served.shift_address}/state").json()["visits"]
    assert "locked" in {visit["reason"] for visit in visits}
    assert page.locator(".step h2").inner_text() != stop
