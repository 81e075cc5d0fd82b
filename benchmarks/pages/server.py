"""A demo server with a published day, for those who look at its pages, and the browser that they look with."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

import httpx2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

PATIENCE_S: Final = 600
FLAGS: Final = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars")


@contextlib.contextmanager
def served(address: str | None) -> Iterator[str]:
    """Return the address of a server: the one that is given, else a demo of its own that ends with this."""
    if address is not None:
        yield address
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="samram-pages-") as home:
        command = [sys.executable, "-m", "service.cli", "demo", "--port", str(port)]
        process = subprocess.Popen(command, env=os.environ | {"SAMRAM_HOME": home})  # noqa: S603 - ourselves
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, which draws in software."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - comes with the group browser

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def prepared(client: httpx2.Client, *, study: bool) -> dict[str, str]:
    """Wait for the demo's plan and publish it, and have a small study made; what the pages are to show."""
    plan = waited(lambda: next(iter(plans_of(client)), None))
    city = client.get("/v1/cities").json()["cities"][0]["id"]
    date = plan["date"]
    if client.get(f"/v1/cities/{city}/days/{date}").json().get("plan_id") is None:
        client.post(f"/v1/plans/{plan['id']}/publish").raise_for_status()
    routes = client.get(f"/v1/plans/{plan['id']}").json()["routes"]
    studies = f"/v1/cities/{city}/studies"
    if study and not client.get(studies).json()["studies"]:
        asked = {"from": date, "count": 2, "seeds": 2, "seconds": 2, "fleet": "2..5"}
        client.post(studies, json=asked).raise_for_status()
    if study:
        waited(lambda: all(one["status"] == "done" for one in client.get(studies).json()["studies"]) or None)
    return {"city": city, "date": date, "shift": max(routes, key=lambda route: route["stops"])["shift"]}


def plans_of(client: httpx2.Client) -> list[dict[str, Any]]:
    """Return the plans of the server's first city; none while it is not there yet."""
    try:
        cities = client.get("/v1/cities").json()["cities"]
    except httpx2.TransportError:
        return []
    return client.get(f"/v1/cities/{cities[0]['id']}/plans").json()["plans"] if cities else []


def waited(found: Callable[[], Any]) -> Any:
    """Ask again and again until there is an answer."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = found()
        if answer is not None:
            return answer
        time.sleep(0.5)
    raise TimeoutError("The server did not become ready.")
