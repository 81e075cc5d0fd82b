"""The driver's page in a real browser, on a phone's screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages_server import Served
    from playwright.sync_api import Page


def first_stop(page: Page) -> str:
    """Go as far as the first stop that is left; what it is called."""
    page.locator("#do-left").or_(page.locator("#do-done")).wait_for()
    if page.locator("#do-left").is_visible():
        page.locator("#do-left").click()
    page.locator("#do-done").wait_for()
    return page.locator(".step h2").inner_text()


def test_skip_with_a_reason_in_khmer(visit_mapless: Callable[..., Page], served: Served) -> None:
    """A stop is skipped by two taps, in Khmer, and the server has the reason."""
    page = visit_mapless(served.drive, phone=True, locale="km")
    stop = first_stop(page)
    page.locator("#do-skip").click()
    page.locator("#dialog button", has_text="ទ្វារចាក់សោ").click()
    page.wait_for_function("stop => document.querySelector('.step h2').textContent !== stop", arg=stop)
    page.locator("#outbox.good", has_text="ផ្ញើអស់ហើយ").wait_for()
    visits = served.client.get(f"{served.shift_address}/state").json()["visits"]
    assert "locked" in {visit["reason"] for visit in visits}


def test_position_is_followed_during_the_shift(visit_mapless: Callable[..., Page], served: Served) -> None:
    """From the shift's start on the position is followed, the page says so, and says how far the stop is from there."""
    page = visit_mapless(served.drive, phone=True, permissions=["geolocation"])
    page.get_by_text("Your position is not followed.").wait_for()
    stop = first_stop(page)
    page.get_by_text("Your position is sent until you end the shift.").wait_for()
    route = served.client.get(f"{served.shift_address}/route.geojson").json()["features"]
    lon, lat = next(one["geometry"]["coordinates"] for one in route if one["properties"].get("stop") == stop)
    page.context.set_geolocation({"longitude": lon, "latitude": lat - 0.01})
    page.locator(".where strong", has_text="1.1 km").wait_for()  # a hundredth of a degree
    page.reload()
    page.get_by_text("Your position is sent until you end the shift.").wait_for()


def test_night_colours_outlive_a_reload(visit_mapless: Callable[..., Page], served: Served) -> None:
    """The driver chooses the night's colours, and the phone keeps to them."""
    page = visit_mapless(served.drive, phone=True)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Night colours").click()
    page.locator("html.night").wait_for()
    page.reload()
    page.locator("html.night").wait_for()
