"""The department's page in a real browser: plan, look, change, publish, import."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages_server import Served
    from playwright.sync_api import Page


def show_today(page: Page, served: Served) -> None:
    """Choose the day that is planned and wait for its routes."""
    page.locator("#date:enabled").fill(served.date)
    page.locator("#routes .route").first.wait_for()


def test_a_search_is_followed_and_stopped(visit_mapless: Callable[..., Page], served: Served) -> None:
    """One button begins a search, whose cost is seen to fall; another one ends it, and the day stays without a plan."""
    page = visit_mapless("/")
    page.locator("#date:enabled").fill("2030-01-08")
    page.get_by_role("button", name="Plan this day").click()
    page.get_by_text(re.compile("^Searching. Best so far")).wait_for()
    page.locator("#search path[d*=V]").wait_for(state="attached")  # it has fallen at least once
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("The search was stopped; there is no plan.").wait_for()
    plans = served.client.get(f"/v1/cities/{served.city}/plans").json()["plans"]
    assert "2030-01-08" not in {plan["date"] for plan in plans}
    assert page.get_by_role("button", name="Plan this day").is_enabled()


def test_list_and_map_point_at_each_other(visit: Callable[..., Page], served: Served) -> None:
    """A route that is chosen lists its steps; a stop of the list is marked, and a click brings it into view."""
    page = visit("/")
    show_today(page, served)
    route = page.locator("#routes .route").first
    route.locator("button").first.click()
    assert route.locator("button").first.get_attribute("aria-expanded") == "true"
    stop = route.locator("[data-uid]").first
    stop.click()
    page.get_by_role("button", name="Show all routes").click()
    assert route.locator("button").first.get_attribute("aria-expanded") == "false"


def test_a_stop_is_left_out_undone_and_published(visit_mapless: Callable[..., Page], served: Served) -> None:
    """A change says what it costs before it is made, can be taken back, and what is published is what drivers get."""
    page = visit_mapless("/")
    show_today(page, served)
    page.locator("#routes .route button").first.click()
    page.get_by_role("button", name=re.compile("^Change stop")).first.click()
    page.get_by_role("button", name="Leave out …").click()
    page.get_by_label("Why is it left out?").fill("The street is dug up")
    page.get_by_role("button", name="Try").click()
    page.get_by_text(re.compile(r"^Cost [+−]")).wait_for()
    before = page.get_by_text(re.compile(r"visits? unserved")).count()
    page.get_by_role("button", name="Apply").click()
    page.get_by_text(re.compile(r"visits? unserved")).wait_for()
    assert before == 0
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Every visit is served.").wait_for()
    assert served.client.get(f"/v1/cities/{served.city}/days/{served.date}").json()["plan_id"] == served.plan


def test_a_stop_is_moved_by_keyboard(visit_mapless: Callable[..., Page], served: Served) -> None:
    """Whatever is dragged on the map can be chosen in the list without a pointer, and says what it costs or breaks."""
    page = visit_mapless("/")
    show_today(page, served)
    page.locator("#routes .route > button").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("^Change stop")).first.focus()
    page.keyboard.press("Enter")
    page.locator("#edit-to:focus").wait_for()
    page.keyboard.press("End")  # its own route
    page.keyboard.press("Tab")
    page.locator("#edit-place:focus").wait_for()
    page.keyboard.press("End")  # before the last stop
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("^(Cost [+−]|This cannot be done)")).wait_for()
    assert page.locator("#edit button:focus").count() == 1


def test_a_locked_stop_says_so(visit_mapless: Callable[..., Page], served: Served) -> None:
    """A stop that is locked to its vehicle bears a mark in the list, until that is taken back."""
    page = visit_mapless("/")
    show_today(page, served)
    page.locator("#routes .route > button").first.click()
    page.get_by_role("button", name=re.compile("^Change stop")).first.click()
    page.get_by_role("button", name="Lock", exact=True).click()
    page.get_by_role("button", name="Apply").click()
    page.locator("#undo").wait_for()
    page.locator("#routes .route > button").first.click()
    page.locator(".steps .badge", has_text="locked").wait_for()
    page.locator("#undo").click()
    page.locator("#undo").wait_for(state="detached")
    page.locator("#routes .route > button").first.click()
    page.locator("[data-uid]").first.wait_for()
    assert page.locator(".steps .badge").count() == 0


def test_run_sheets_are_printed(visit_mapless: Callable[..., Page], served: Served) -> None:
    """The sheets of a published day come as a PDF that bears its date."""
    pytest.importorskip("typst", reason="typst comes with samram[report]")
    page = visit_mapless("/")
    show_today(page, served)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Print run-sheets").click()
    assert waiting.value.suggested_filename == f"{served.date}.pdf"
    assert waiting.value.path().read_bytes().startswith(b"%PDF-")


def broken(city_zip: bytes) -> bytes:
    """Return the city with a vehicle of a depot that is not there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(city_zip)) as whole, zipfile.ZipFile(buffer, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            archive.writestr(name, content.replace(b",D1,", b",D9,") if name == "vehicles.csv" else content)
    return buffer.getvalue()


@pytest.mark.parametrize(("locale", "tab"), [("en", "City"), ("km", "ទីក្រុង")])
def test_a_broken_city_is_explained_row_by_row(
    visit_mapless: Callable[..., Page], served: Served, city_zip: bytes, locale: str, tab: str
) -> None:
    """A zip with errors stores nothing; each error stands in a row with its file, its row and what was expected."""
    cities = served.client.get("/v1/cities").json()
    page = visit_mapless("/", locale=locale)
    page.get_by_role("tab", name=tab, exact=True).click()
    page.locator("#import-file").set_input_files(
        {"name": "city.zip", "mimeType": "application/zip", "buffer": broken(city_zip)}
    )
    rows = page.locator("#import-result tbody tr")
    rows.first.wait_for()
    assert "vehicles.csv" in rows.first.inner_text()
    assert "D9" in rows.first.inner_text()
    assert served.client.get("/v1/cities").json() == cities


def test_everything_is_said_in_khmer(visit_mapless: Callable[..., Page], served: Served) -> None:
    """With Khmer chosen, the page keeps to it after a reload, and says nothing in English of its own."""
    page = visit_mapless("/")
    page.locator("#language").select_option("km")
    page.locator("html[lang=km]").wait_for()
    page.reload()
    page.locator("html[lang=km]").wait_for()
    show_today(page, served)
    words = page.locator("#panel").inner_text()
    assert "ផ្លូវប្រមូល" in words
    assert not re.search(r"\b(stops?|trips?|routes?|hours|tonnes|draft|published)\b", words)
