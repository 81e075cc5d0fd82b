"""A whole day in a real browser, on a server that asks who one is: from the evening before to the driver's noon."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from pages_server import PATIENCE_S, SHORT, ZONE, client_of, imported, serving, visiting
from sqlmodel import Session

from service.auth import accounts, keys
from service.auth.roles import Role
from service.db.engine import make_engine
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from playwright.sync_api import Browser, Locator, Page, Route

NAME, PASSWORD = "chief", "a long enough passphrase"
TAPS = 20
TILE_PX = 512
CLOSE = 15.5
"""The zoom to which a stop is brought from afar."""
TRIES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A server that asks who one is, with one account; ``client`` has a key of its own."""

    address: str
    client: httpx2.Client


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Start the server, make the account and the key."""
    settings = Settings(home=tmp_path_factory.mktemp("house"), auth="required")
    with serving(settings) as address, client_of(address) as client:
        with Session(make_engine(settings.database)) as session:
            accounts.add(session, NAME, role=Role.ADMINISTRATOR, city_id=None, password=PASSWORD)
            _, key = keys.add(session, role=Role.ADMINISTRATOR, city_id=None, label="test", by=NAME, device=None)
            session.commit()
        client.headers["authorization"] = f"Bearer {key}"
        yield House(address=address, client=client)


def called(name: str, city_zip: bytes) -> bytes:
    """Return the city under another name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(city_zip)) as whole, zipfile.ZipFile(buffer, "w") as archive:
        for file in whole.namelist():
            content = whole.read(file)
            archive.writestr(
                file, content.replace(b"Samram demo city", name.encode()) if file == "city.toml" else content
            )
    return buffer.getvalue()


def day_of_now() -> str:
    """Return the service day of which drivers can report now: shifts begin at three and at five."""
    return (dt.datetime.now(ZoneInfo(ZONE)) + dt.timedelta(hours=2)).date().isoformat()


def shortly(route: Route) -> None:
    """Let a plan that a page asks for be searched for a few steps alone."""
    if route.request.method == "POST":
        route.continue_(post_data=json.dumps((route.request.post_data_json or {}) | SHORT))
    else:
        route.continue_()


@pytest.mark.parametrize(
    ("locale", "size"),
    [
        pytest.param("en", {"width": 1280, "height": 800}, id="english-desktop"),
        pytest.param("km", {"width": 390, "height": 844}, id="khmer-phone"),
    ],
)
def test_a_day_from_the_evening_before_to_noon(
    browser: Browser, house: House, city_zip: bytes, locale: str, size: dict[str, int]
) -> None:
    """Sign in, plan, drag, publish, hand over; the driver taps twenty stops without a network, and all of it arrives.

    In English on a desktop and in Khmer on a phone.
    """
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_S * 1000)
    city = imported(house.client, called(f"Town {locale}", city_zip))
    date = day_of_now()
    day = f"/v1/cities/{city}/days/{date}"
    with visiting(browser, house.address) as visit:
        page = visit(f"/?city={city}", locale=locale, viewport=size)
        page.wait_for_url("**/sign-in?next=*")
        page.locator("#name").fill(NAME)
        page.locator("#password").fill(PASSWORD)
        page.locator("#go").click()
        page.wait_for_url(f"{house.address}/?city={city}")
        expect(page.locator("html")).to_have_attribute("lang", locale)

        page.route("**/plans", shortly)
        page.locator("#date:enabled").fill(date)
        expect(page.locator("#plan .note")).to_be_visible()  # this day, and no plan of it yet
        page.locator("#go").click()
        page.locator("#routes .route").first.wait_for()
        plan = house.client.get(f"/v1/cities/{city}/plans").json()["plans"][0]["id"]

        move_a_stop(page, house, plan)
        page.locator("#edit-apply").click()
        expect(page.locator("#undo")).to_be_visible()
        page.locator("#publish").click()
        expect(page.locator("#print")).to_be_visible()
        published = house.client.get(day).json()
        assert published["state"] == "published"
        assert house.client.get(f"/v1/plans/{published['plan_id']}").json()["parent_id"] == plan

        routes = house.client.get(f"/v1/plans/{published['plan_id']}").json()["routes"]
        longest = max(range(len(routes)), key=lambda index: routes[index]["stops"])
        shift = routes[longest]["shift"]
        page.locator("#routes .route > button").nth(longest).click()
        page.locator(".hand button").first.click()
        link = page.locator("#dialog a").get_attribute("href") or ""
        assert page.locator("#dialog img").evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0

        drive(visit(link.removeprefix(house.address), locale=locale, phone=True))
        state = house.client.get(f"{day}/shifts/{shift}/state").json()
        done = [one["visit"] for one in state["visits"] if one["status"] == "done"]
        assert done == first_stops(house, day, shift, TAPS)

        page.reload()
        page.locator("#date:enabled").fill(date)
        expect(page.locator("#today")).to_contain_text(f"{len(done)} / ")


def first_stops(house: House, day: str, shift: str, count: int) -> list[str]:
    """Return the visits at a shift's first stops."""
    route = house.client.get(f"{day}/shifts/{shift}/route.geojson").json()["features"]
    visits = [one["properties"] for one in route if one["properties"]["kind"] == "visit"]
    numbers = list(dict.fromkeys(visit["stop_number"] for visit in visits))[:count]
    return [visit["id"] for visit in visits if visit["stop_number"] in numbers]


def move_a_stop(page: Page, house: House, plan: str) -> None:
    """Drag a stop on the map onto another one, before which it may come, and see what that costs."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    shift, number, other = a_legal_move(house, plan, (box["width"], box["height"]))
    index = [route["shift"] for route in house.client.get(f"/v1/plans/{plan}").json()["routes"]].index(shift)
    page.locator("#routes .route > button").nth(index).click()
    row = page.locator(f'[data-uid="{shift}/{number}"]')
    row.click()  # brings it into the middle of the map
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    under_pointer(page, row, x, y)
    page.mouse.down()
    page.mouse.move(x + other[0] / 2, y + other[1] / 2)
    page.mouse.move(x + other[0], y + other[1])
    page.mouse.up()
    page.locator("#edit-apply").wait_for()
    assert any(sign in page.locator("#edit").inner_text() for sign in "+−")


def under_pointer(page: Page, row: Locator, x: float, y: float) -> None:
    """Move the pointer over a stop of the map until the list says that it is there: the map may still be drawn."""
    from playwright.sync_api import TimeoutError as GaveUp  # where it is absent these tests skip

    for turn in range(TRIES):
        page.mouse.move(x + turn % 2, y)
        try:
            page.wait_for_function("row => row.classList.contains('hover')", arg=row.element_handle(), timeout=5_000)
        except GaveUp:
            if turn == TRIES - 1:
                raise
        else:
            return


def a_legal_move(house: House, plan: str, size: tuple[float, float]) -> tuple[str, int, tuple[float, float]]:
    """Return a stop's shift and number, and how many pixels away another stop is before which it may be made.

    Both can be seen at once when the first one is in the middle of the map, and no third one is near to either.
    """
    features = house.client.get(f"/v1/plans/{plan}/routes.geojson").json()["features"]
    stops: dict[tuple[str, int], tuple[str, float, float]] = {}
    for one in features:
        if one["properties"]["kind"] == "visit":
            at = one["properties"]["shift"], one["properties"]["stop_number"]
            stops.setdefault(at, (one["properties"]["id"], *one["geometry"]["coordinates"]))
    order = [
        (one["properties"]["shift"], one["properties"]["stop_number"])
        for one in features
        if one["properties"]["kind"] == "visit"
    ]
    positions = {at: [other for other in order if other[0] == at[0]].index(at) for at in stops}
    for (shift, number), (visit, lon, lat) in stops.items():
        away = {at: pixels(lon, lat, *place[1:]) for at, place in stops.items() if at != (shift, number)}
        if min(math.hypot(*each) for each in away.values()) < 30:
            continue
        for (to, before), (x, y) in away.items():
            lonely = all(math.hypot(x - a, y - b) > 30 for at, (a, b) in away.items() if at != (to, before))
            inside = abs(x) < size[0] / 2 - 40 and abs(y) < size[1] / 2 - 40
            if not (lonely and inside) or (to == shift and before == number + 1):
                continue
            position = positions[to, before] - (to == shift and number < before)
            edits = [{"kind": "move", "visit": visit, "shift": to, "position": position}]
            if house.client.post(f"/v1/plans/{plan}/edits", json={"edits": edits, "dry_run": True}).json()["feasible"]:
                return shift, number, (x, y)
    raise AssertionError("No stop of this plan can be moved legally within a view of the map.")


def pixels(lon: float, lat: float, other_lon: float, other_lat: float) -> tuple[float, float]:
    """Return how far right and down a place lies on the map (Web Mercator), at the zoom of a stop that was clicked."""
    world = TILE_PX * 2**CLOSE
    down = [math.asinh(math.tan(math.radians(each))) / math.tau * world for each in (lat, other_lat)]
    return (other_lon - lon) / 360 * world, down[0] - down[1]


def drive(page: Page) -> None:
    """Tap twenty stops without a network, with a reload in between; then let the network come back."""
    from playwright.sync_api import expect

    button = page.locator(".buttons .main")
    button.wait_for()
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    tap_stops(page, TAPS // 2)
    page.reload()
    button.wait_for()
    tap_stops(page, TAPS // 2)
    expect(page.locator("#outbox")).not_to_have_class("badge good")
    expect(page.locator(".progress")).to_contain_text(str(TAPS))
    page.context.set_offline(False)
    expect(page.locator("#outbox")).to_have_class("badge good")


def tap_stops(page: Page, count: int) -> None:
    """Tap the large button until so many stops are done, whatever comes between them."""
    progress = page.locator(".progress progress")
    goal = int(progress.get_attribute("value") or 0) + count
    while int(progress.get_attribute("value") or 0) < goal:
        tap(page)


def tap(page: Page) -> str:
    """Tap the large button and wait until another step is next; what it was."""
    button = page.locator(".buttons .main")
    said: str = button.get_attribute("id") or ""
    before = page.locator("#work").inner_html()
    button.click()
    if said == "do-unloaded":
        page.locator("#dialog .answers button").nth(1).click()  # not weighed, in whichever language
    page.wait_for_function("before => document.querySelector('#work').innerHTML !== before", arg=before)
    return said
