"""Every page for desktop and phone, by day and by night, in both languages: ``python -m benchmarks.pages.screenshots``.

The pictures go to docs/screenshots. A demo is started in a database of its own, unless ``--address`` names a server
that runs without sign-in; its first city's plan is published, and a small study made, where there is none. Needs the
dependency group ``browser`` and Chromium.
"""

from __future__ import annotations

import argparse
import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2

from benchmarks.pages.server import PATIENCE_S, chromium, prepared, served

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

OUT: Final = Path(__file__).parents[2] / "docs" / "screenshots"
SIZES: Final[dict[str, Any]] = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
SCHEMES: Final = ("light", "dark")
LOCALES: Final = ("en", "km")
QUALITY: Final = 55
"""Of WebP: all pictures together stay under 3 MB, and small type is still sharp."""


def main() -> None:
    """Read the command line, and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages.screenshots", description=__doc__)
    parser.add_argument("--address", help="a server that is running, such as http://127.0.0.1:8000")
    parser.add_argument("--only", nargs="+", choices=list(PAGES), default=list(PAGES))
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=SCHEMES)
    parser.add_argument("--locales", nargs="+", choices=LOCALES, default=LOCALES)
    parser.add_argument("--out", type=Path, default=OUT, help="the folder; docs/screenshots unless given")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    every = [(size, scheme, locale) for size in wanted.sizes for scheme in wanted.schemes for locale in wanted.locales]
    with served(wanted.address) as address, httpx2.Client(base_url=address, timeout=PATIENCE_S) as client:
        scene = prepared(client, study=bool({"studies", "compare"} & set(wanted.only)))
        with chromium() as browser:
            for size, scheme, locale in every:
                context = browser.new_context(
                    base_url=address, viewport=SIZES[size], color_scheme=scheme, locale=locale, reduced_motion="reduce"
                )
                context.set_default_timeout(PATIENCE_S * 1000)
                page = context.new_page()
                for name in wanted.only:
                    PAGES[name](page, scene)
                    path = wanted.out / f"{name}-{size}-{scheme}-{locale}.webp"
                    path.write_bytes(photograph(page))
                    print(f"{path.name} {path.stat().st_size / 1000:.0f} kB", flush=True)
                context.close()


def photograph(page: Page) -> bytes:
    """Return what stands on the screen as WebP, once it stands still."""
    page.evaluate("document.fonts.ready.then(() => true)")
    page.locator(":focus").evaluate_all("(focused) => focused.forEach((one) => one.blur())")  # no ring
    settle(page)
    shot = page.context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    return base64.b64decode(shot["data"])


def settle(page: Page) -> None:
    """Wait until nothing is fetched any more and the picture stays as it is."""
    page.wait_for_load_state("networkidle")
    before = b""
    for _ in range(40):
        now = page.screenshot(type="jpeg", quality=20)
        if now == before:
            return
        before = now
        page.wait_for_timeout(400)


def department(page: Page, scene: dict[str, str]) -> None:
    """Show the day at a glance; a page that is there already is used as it is."""
    if page.locator("#routes").count():
        return
    page.goto("/")
    page.locator("#date:enabled").fill(scene["date"])
    page.locator("#routes .route").first.wait_for()


def route(page: Page, scene: dict[str, str]) -> None:
    """Show one route with its stops, near enough for numbers and names."""
    department(page, scene)
    page.locator("#routes .route > button").nth(1).click()
    page.locator("#routes [data-uid]").nth(4).click()


def containers(page: Page, scene: dict[str, str]) -> None:
    """Show how full containers will be."""
    department(page, scene)
    page.locator("#fit").click()
    page.locator("#tab-containers").click()
    page.locator("#part-containers table").wait_for()


def drive(page: Page, scene: dict[str, str]) -> None:
    """Show the driver's first stop."""
    page.clock.set_fixed_time(f"{scene['date']}T05:30:00+07:00")
    page.goto(f"/drive?city={scene['city']}&date={scene['date']}&shift={scene['shift']}")
    page.locator("#do-left").click()
    page.locator("#do-done").wait_for()
    page.locator("#map canvas").wait_for()


def sign_in(page: Page, _: dict[str, str]) -> None:
    """Show the door."""
    page.goto("/sign-in")
    page.locator("#go").wait_for()


def studies(page: Page, _: dict[str, str]) -> None:
    """Show a study's answer, table and chart."""
    page.goto("/studies")
    page.locator(".studies a").first.click()
    page.locator("figure svg").first.wait_for()


def scenarios(page: Page, _: dict[str, str]) -> None:
    """Show the form in which scenarios are put together."""
    page.goto("/studies#new/scenarios")
    for kind in ("shift_times", "waste_growth"):
        page.locator("#at-body-scenario-1-add").select_option(kind)
    page.locator("#at-body-scenario-1-changes-1-factor").fill("1.2")


def compare(page: Page, scene: dict[str, str]) -> None:
    """Show two scenarios side by side."""
    studies(page, scene)
    page.locator(".compare-form button").click()
    page.locator("#differ").wait_for()
    page.locator(".maps").scroll_into_view_if_needed()


PAGES: Final[dict[str, Callable[[Page, dict[str, str]], None]]] = {
    "department": department,
    "route": route,
    "containers": containers,
    "drive": drive,
    "sign-in": sign_in,
    "studies": studies,
    "scenarios": scenarios,
    "compare": compare,
}

if __name__ == "__main__":
    main()
