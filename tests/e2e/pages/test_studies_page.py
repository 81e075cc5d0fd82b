"""The planner's page in a real browser: ask, follow, read, take along, compare; in both languages."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pages_server import PATIENCE_S, client_of, imported, serving

from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pages_server import Served
    from playwright.sync_api import Page

DAY = "2026-11-23"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FAR = {"kind": "move_depot", "depot": "D1", "lon": 0.0, "lat": 0.0}
WHAT_IF: dict[str, Any] = {
    "name": "What if",
    "days": [DAY],
    "seeds": 2,
    "steps": 1,
    "samples": 10,
    "scenario": [
        {"name": "As it is"},
        {"name": "Two vehicles", "changes": [{"kind": "fleet_size", "vehicles": 2}]},
        {"name": "A depot far away", "changes": [FAR]},
    ],
}
LONG = {"name": "long", "days": [DAY], "seeds": 40, "seconds": 20, "samples": 10, "fleet": "2..9"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, city_zip: bytes) -> Iterator[SimpleNamespace]:
    """Start a server with the city and no plan: studies need none."""
    with serving(Settings(home=tmp_path_factory.mktemp("home"), auth="off")) as address, client_of(address) as client:
        yield SimpleNamespace(address=address, client=client, city=imported(client, city_zip), date=DAY)


@pytest.fixture(scope="module")
def study(served: Served) -> str:
    """Return a study that is done: two scenarios, and one that cannot be made."""
    found: str = served.client.post(f"/v1/cities/{served.city}/studies", json=WHAT_IF).json()["id"]
    with served.client.stream("GET", f"/v1/studies/{found}/progress", timeout=PATIENCE_S) as told:
        last = [line for line in told.iter_lines() if line.startswith("data:")][-1]
    assert '"status":"done"' in last, last
    return found


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, each with the element that it is about."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found: Any = axe.Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


def taken(page: Page, link: str) -> bytes:
    """Click on a link or button and return the file that it hands out."""
    with page.expect_download() as download:
        page.get_by_text(link, exact=True).first.click()
    return download.value.path().read_bytes()


def test_a_study_is_asked_for_followed_and_taken_along(visit: Callable[..., Page], served: Served) -> None:
    """From the question to the curve: progress is shown, the page says what the server says, and the files agree."""
    page = visit(f"/studies?city={served.city}")
    page.get_by_role("link", name=re.compile("What does each size of the fleet cost")).click()
    for label, value in (
        ("Fewest vehicles", "2"),
        ("Most vehicles", "3"),
        ("First day", DAY),
        ("Number of days", "1"),
        ("Draws of each day", "1"),
        ("Search for each plan, seconds", "0.1"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Begin the study").click()
    page.get_by_role("progressbar").wait_for()
    page.locator("#table").wait_for()
    id_ = page.url.rpartition("/")[2]
    results = served.client.get(f"/v1/studies/{id_}/results").json()
    shown = [row.split("\t") for row in page.locator("#table tbody").inner_text().splitlines()]
    assert [row[0].removesuffix("\u00a0★") for row in shown] == [row["scenario"] for row in results["rows"]]
    assert [row[5] for row in shown] == [f"{row['km']:,.0f}" for row in results["rows"]]
    assert page.locator("#answer").inner_text() == results["answer"]
    chart = page.get_by_role("img", name="Cost and service by number of vehicles")
    assert chart.locator(".served, .part-served").count() == len(results["rows"])
    drawn = ET.fromstring(taken(page, "Save the chart (SVG)").decode())
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [one for one in drawn.iter() if "class" in one.attrib], "a file of its own has no style sheet"
    rows = list(csv.DictReader(taken(page, "Table for a spreadsheet (CSV)").decode().splitlines()))
    assert [float(row["cost"]) for row in rows] == [row["cost"] for row in results["rows"]]
    assert taken(page, "Brief for the council (PDF)").startswith(b"%PDF")
    assert taken(page, "Service by zone, for maps (GeoParquet)").startswith(b"PAR1")


def test_the_table_is_sorted_and_shows_differences(visit: Callable[..., Page], served: Served, study: str) -> None:
    """A column's button sorts by it, and says so; differences have their interval; what cannot be made stands apart."""
    results = served.client.get(f"/v1/studies/{study}/results").json()
    page = visit(f"/studies#study/{study}")
    cost = page.get_by_role("columnheader", name="Cost a day").filter(has=page.locator(".way"))
    first = page.locator("#table tbody th").first
    for order, best in (("ascending", min), ("descending", max)):
        cost.get_by_role("button").click()
        assert cost.get_attribute("aria-sort") == order
        planned = [row for row in results["rows"] if row["cells"]]
        assert first.inner_text().startswith(best(planned, key=lambda row: row["cost"])["scenario"])
    page.get_by_label(re.compile("^Difference to “As it is”")).check()
    difference = results["differences"]["Two vehicles"]["km"]
    row = page.locator("#table tbody tr").filter(has_text="Two vehicles").inner_text()
    assert f"{abs(difference['mean']):,.0f}" in row
    assert " … " in row
    apart = page.locator("#failures").inner_text()
    assert "A depot far away" in apart
    assert "the longitude first" in apart


def served_by(served: Served, study: str, scenario: str) -> dict[str, str]:
    """Return which truck empties each container in a scenario."""
    at = [one["name"] for one in WHAT_IF["scenario"]].index(scenario) + 1
    files = served.client.get(f"/v1/studies/{study}/files").json()["files"]
    (name,) = [one["name"] for one in files if one["name"].startswith(f"{at:02d}-")]
    routes = served.client.get(f"/v1/studies/{study}/files/{name}").json()["features"]
    visits = [one["properties"] for one in routes if one["properties"]["kind"] == "visit"]
    return {container["id"]: visit["vehicle"] for visit in visits for container in visit["containers"]}


def test_two_scenarios_side_by_side(visit: Callable[..., Page], served: Served, study: str) -> None:
    """The containers that differ are those of the two plans; when one map moves, so does the other."""
    page = visit(f"/studies#study/{study}")
    page.get_by_role("button", name="Show on maps").click()
    page.locator("#differ").wait_for()
    one, other = (served_by(served, study, name) for name in ("As it is", "Two vehicles"))
    only = len(one.keys() ^ other.keys())
    another = sum(one[name] != other[name] for name in one.keys() & other.keys())
    said = page.locator("#differ").inner_text()
    if only + another:
        assert [int(found) for found in re.findall(r"\d+", said)] == [only, another]
        assert page.locator("#differences tbody tr").count() == min(200, only + another)
    else:
        assert "same truck" in said
    scales = page.locator(".maplibregl-ctrl-scale")
    before = scales.first.inner_text()
    page.get_by_role("button", name="Zoom in").first.click()
    page.wait_for_function(
        "before => { const scales = [...document.querySelectorAll('.maplibregl-ctrl-scale')];"
        " const [one, other] = scales.map(scale => scale.textContent); return one === other && one !== before; }",
        arg=before,
    )
    assert not violations(page)


def test_what_is_wrong_is_said_at_its_field(visit: Callable[..., Page], served: Served) -> None:
    """What the browser finds wrong and what the city's server refuses stand at the field, which has the focus."""
    page = visit(f"/studies?city={served.city}#new/scenarios")
    add = page.get_by_label("Add a change to Scenario 2")
    add.select_option(label="Number of vehicles")
    vehicles = page.get_by_label("Vehicles", exact=True)
    begin = page.get_by_role("button", name="Begin the study")
    for value, wrong in (("", "Something is expected here."), ("600", "Expected at most 500.")):
        vehicles.fill(value)
        begin.click()
        page.get_by_text(wrong).wait_for()
        assert page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
    vehicles.fill("3")
    add.select_option(label="Shift times")
    end = page.get_by_label("End (after midnight 24:00 and on)")
    end.fill("1:00")
    begin.click()
    page.get_by_text("would end at 01:00").wait_for()
    assert end.get_attribute("aria-invalid") == "true"
    assert end.evaluate("one => one === document.activeElement")
    assert vehicles.get_attribute("aria-invalid") is None
    assert not violations(page)
    page.reload()
    assert page.get_by_label("Vehicles", exact=True).input_value() == "3"  # nothing that was filled in is lost


def test_a_place_is_chosen_on_the_map_by_keyboard(visit: Callable[..., Page], served: Served) -> None:
    """The middle of the map is taken with two keys, and lies in the city; Escape changes nothing."""
    page = visit(f"/studies?city={served.city}#new/scenarios")
    page.get_by_label("Add a change to Scenario 2").select_option(label="New disposal site")
    longitude = page.get_by_label("Longitude")
    choose = page.get_by_role("button", name="Choose on the map")
    choose.press("Enter")
    page.locator("#place-map canvas").wait_for()
    page.keyboard.press("Escape")
    page.locator("#place").wait_for(state="hidden")
    assert longitude.input_value() == ""
    choose.press("Enter")
    page.get_by_role("button", name="Take the middle").press("Enter")
    page.get_by_role("button", name="Use it").press("Enter")
    page.locator("#place").wait_for(state="hidden")
    spots = served.client.get(f"/v1/cities/{served.city}/containers").json()["features"]
    longitudes = [one["geometry"]["coordinates"][0] for one in spots]
    assert min(longitudes) < float(longitude.input_value()) < max(longitudes)


def test_a_study_is_stopped_and_goes_on_where_events_do_not_pass(visit: Callable[..., Page], served: Served) -> None:
    """Where server-sent events are held up the page asks instead; a study that was stopped can go on."""
    id_ = served.client.post(f"/v1/cities/{served.city}/studies", json=LONG).json()["id"]
    page = visit("/sign-in")
    page.route("**/progress", lambda route: route.abort())
    page.goto(f"/studies#study/{id_}")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("The study was stopped").wait_for()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("progressbar").wait_for()
    assert served.client.post(f"/v1/studies/{id_}/cancel").json()["status"] == "cancelled"
    page.get_by_text("The study was stopped").wait_for()


@pytest.mark.parametrize(
    ("locale", "scheme", "phone"), [("en", "dark", False), ("km", "light", True)], ids=["desktop", "phone"]
)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    visit: Callable[..., Page], study: str, locale: str, scheme: str, *, phone: bool
) -> None:
    """The list, the forms and the results violate no rule of axe, and no page scrolls sideways."""
    page = visit("/studies", locale=locale, color_scheme=scheme, phone=phone)
    for hash_, there in (("", ".studies li"), ("#new/curve", "#go"), (f"#study/{study}", "figure")):
        page.goto(f"/studies{hash_}")
        page.locator(there).first.wait_for()
        assert not violations(page), hash_
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), hash_


def test_the_results_are_said_in_khmer(visit: Callable[..., Page], study: str) -> None:
    """The page has no English of its own; names that people gave, units and the server's sentences stay."""
    page = visit(f"/studies#study/{study}", locale="km")
    page.locator("figure").first.wait_for()
    own = page.evaluate(
        "() => { const view = document.querySelector('#view').cloneNode(true);"
        " view.querySelectorAll('[lang=en], h2').forEach(one => one.remove()); return view.textContent; }"
    )
    for name in ("As it is", "Two vehicles", "A depot far away"):
        own = own.replace(name, "")
    words = set(re.findall(r"[A-Za-z]{3,}", own))
    assert words <= {"SVG", "PDF", "CSV", "GeoParquet", "JSON", "GeoJSON", "CO"}, words
    assert "ករណី" in own
