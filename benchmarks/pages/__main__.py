"""How light the driver's page is and how smoothly the map moves: ``python -m benchmarks.pages``.

Chromium draws in software here: figures of a phone or a desktop with a graphics chip are better. The driver's page is
loaded with nothing kept, by a processor slowed to a quarter; the map shows 12 routes of 100 stops each, those of the
demo's plan over again, and is panned by a step in each frame.
"""

from __future__ import annotations

import argparse
import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2

from benchmarks.pages.server import PATIENCE_S, chromium, prepared, served
from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, BrowserContext, Page, Request

    from benchmarks.quality.rows import Row

CASES: Final = ("drive", "map")
ROUTES: Final = 12
STOPS: Final = 100
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
SLOWED: Final = 4
MAP: Final = re.compile("maplibre|pmtiles|fflate")
# Goals of the pages: 400 kB and 2 s before a driver can work, 30 frames a second.
MOST_KB: Final = 400.0
MOST_S: Final = 2.0
LEAST_FPS: Final = 30.0

# When the large button is there, on the clock that began with the navigation.
WATCH: Final = """
new MutationObserver((_, watching) => {
  if (!document.querySelector(".buttons .main")) return;
  watching.disconnect();
  requestAnimationFrame(() => { window.usableAt = performance.now(); });
}).observe(document, { subtree: true, childList: true });
"""
PAN: Final = """
async ({ city, plan, colours, seconds }) => {
  const { RouteMap } = await import("/web/scripts/map.js");
  const box = document.createElement("div");
  box.style.cssText = "position: fixed; inset: 0";
  document.body.replaceChildren(box);
  const shown = new RouteMap(box);
  const none = { type: "FeatureCollection", features: [] };
  shown.setCity(city, none, none, none);
  shown.setPlan(plan, new Map(colours));
  const idle = () => new Promise((wake) => shown.map.once("idle", wake));
  await idle();
  shown.map.setZoom(15);
  await idle();
  const began = performance.now();
  const gaps = [];
  let last = began;
  while (performance.now() - began < seconds * 1000) {
    const turn = (performance.now() - began) / 500;
    shown.map.panBy([8 * Math.cos(turn), 8 * Math.sin(turn)], { animate: false });
    await new Promise((wake) => shown.map.once("render", wake));
    await new Promise(requestAnimationFrame);
    gaps.push(performance.now() - last);
    last = performance.now();
  }
  return gaps;
}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once each; ends within 50 seconds after the demo's start")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows here; cases done are not redone")
    parser.add_argument("--only", action="append", metavar="CASE", choices=CASES, help=f"one of {', '.join(CASES)}")
    parser.add_argument(
        "--address", help="a server that runs without sign-in; a demo of its own is started unless given"
    )
    options = parser.parse_args(arguments)
    taken_with = {"commit": commit_at(Path(__file__).parent), "quick": options.quick}
    cases = options.only or CASES
    found = {case: kept_rows(options.json, case, **taken_with) for case in cases}
    missing = [case for case in cases if not found[case]]
    if missing:
        with served(options.address) as address, httpx2.Client(base_url=address, timeout=PATIENCE_S) as client:
            scene = prepared(client, study=False)
            with chromium() as browser:
                for case in missing:
                    rounds = 1 if options.quick else 5
                    made = (
                        drive(browser, address, scene, rounds)
                        if case == "drive"
                        else pan(browser, client, scene, rounds)
                    )
                    found[case] = [{**one, **taken_with} for one in made]
                    if options.json is not None:
                        store_rows(options.json, found[case])
    print_table([one for case in cases for one in found[case]])
    print(f"Commit {taken_with['commit'] or 'unknown (the sources differ from it)'}.")
    return 0


def drive(browser: Browser, address: str, scene: dict[str, str], rounds: int) -> list[Row]:
    """Load the driver's page with nothing kept, and see when it can be worked with and what came over the wire."""
    loads = [loaded(browser, address, scene) for _ in range(rounds)]
    seconds, kilobytes = zip(*loads, strict=True)
    return [
        row("drive", "first load without the map", "kB", round(statistics.median(kilobytes), 1), goal=(None, MOST_KB)),
        row(
            "drive",
            f"usable, processor slowed {SLOWED} times",
            "s",
            round(statistics.median(seconds), 2),
            goal=(None, MOST_S),
        ),
    ]


def loaded(browser: Browser, address: str, scene: dict[str, str]) -> tuple[float, float]:
    """One first load of the driver's page: s until it can be worked with, and kB over the wire without the map."""
    context = browser.new_context(base_url=address, service_workers="block", **PHONE)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    done: list[Request] = []

    def keep(request: Request) -> None:
        done.append(request)

    page.on("requestfinished", keep)
    page.add_init_script(WATCH)
    slow_down(context, page)
    page.goto(f"/drive?city={scene['city']}&date={scene['date']}&shift={scene['shift']}", wait_until="commit")
    page.wait_for_function("() => window.usableAt !== undefined")
    seconds = page.evaluate("window.usableAt") / 1000
    page.locator("#map canvas").wait_for()
    shell = [one.sizes()["responseBodySize"] for one in done if not MAP.search(one.url)]
    context.close()
    return seconds, sum(shell) / 1000


def slow_down(context: BrowserContext, page: Page) -> None:
    """Let the page's processor be as slow as that of a cheap phone."""
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})


def pan(browser: Browser, client: httpx2.Client, scene: dict[str, str], rounds: int) -> list[Row]:
    """Pan the map of a large day, and count its frames."""
    day = client.get(f"/v1/cities/{scene['city']}/days/{scene['date']}").json()
    features = client.get(f"/v1/plans/{day['plan_id']}/routes.geojson").json()["features"]
    plan = {"type": "FeatureCollection", "features": large_day(features)}
    colours = [[f"route-{number}", f"hsl({30 * number} 60% 40%)"] for number in range(ROUTES)]
    rates, longest = [], []
    for _ in range(rounds):
        context = browser.new_context(
            base_url=str(client.base_url), viewport={"width": 1280, "height": 800}, bypass_csp=True
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto("/sign-in")
        gaps = page.evaluate(PAN, {"city": scene["city"], "plan": plan, "colours": colours, "seconds": 5})
        rates.append(1000 / statistics.mean(gaps))
        longest.append(max(gaps))
        context.close()
    what = f"{ROUTES} routes x {STOPS} stops panned, drawn in software"
    return [
        row("map", what, "frames/s", round(statistics.median(rates), 1), goal=(LEAST_FPS, None)),
        row("map", "longest frame of it", "ms", round(statistics.median(longest), 0)),
    ]


def large_day(features: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return routes made of the lines and stops of other ones, each with the same number of stops."""
    lines = [one for one in features if one["properties"]["kind"] == "trip"]
    visits = [one for one in features if one["properties"]["kind"] == "visit"]
    made = []
    for number in range(ROUTES):
        shift = {"shift": f"route-{number}"}
        made += [line | {"properties": line["properties"] | shift} for line in lines[number::ROUTES]]
        for stop in range(STOPS):
            visit = visits[(number * STOPS + stop) % len(visits)]
            lon, lat = visit["geometry"]["coordinates"]
            beside = {"type": "Point", "coordinates": [lon + 0.0002 * (number % 4), lat + 0.0002 * (number // 4)]}
            properties = visit["properties"] | shift | {"stop_number": stop + 1}
            made.append(visit | {"geometry": beside, "properties": properties})
    return made


if __name__ == "__main__":
    raise SystemExit(main())
