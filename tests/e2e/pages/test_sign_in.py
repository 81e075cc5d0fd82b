"""Signing in and out in a real browser, on a server that asks who everybody is."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from pages_server import client_of, serving
from sqlmodel import Session

from service.auth import accounts, throttle
from service.auth.roles import Role
from service.clock import utc_now
from service.db.engine import make_engine
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

NAME, PASSWORD = "chief", "a long enough passphrase"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, city_zip: bytes) -> Iterator[SimpleNamespace]:
    """Start a server that asks, with an account and a city."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), auth="required")
    with serving(settings) as address, client_of(address) as client:
        engine = make_engine(settings.database)
        with Session(engine) as session:
            accounts.add(session, NAME, role=Role.ADMINISTRATOR, city_id=None, password=PASSWORD)
            session.commit()
        token = client.post("/v1/session", json={"name": NAME, "password": PASSWORD}).json()["access_token"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/zip"}
        city = client.post("/v1/cities", content=city_zip, headers=headers).json()["id"]
        yield SimpleNamespace(address=address, engine=engine, city=city, date="2026-11-23")
        engine.dispose()


def fill(page: Page, password: str) -> None:
    """Fill in the name and a password, and send them."""
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_whoever_signs_in_comes_back_to_the_page_that_was_wanted(visit: Callable[..., Page]) -> None:
    """A page asks to sign in; a wrong password is said so and the field can be typed over; then the page is there."""
    page = visit("/studies?city=none#new/curve")
    page.wait_for_url("**/sign-in?next=*")
    page.get_by_text("you are back where you wanted to go").wait_for()
    fill(page, "not the passphrase")
    page.get_by_role("alert").filter(has_text="This name and password do not go together.").wait_for()
    page.keyboard.type(PASSWORD)  # the field has the focus, and its text is marked
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies?city=none#new/curve")
    page.get_by_role("button", name="Begin the study").wait_for()
    assert NAME in page.locator("#who").inner_text()


def test_whoever_signs_out_is_asked_again(visit: Callable[..., Page]) -> None:
    """After signing out the pages show nothing; the browser's way back does not help."""
    page = visit("/sign-in?next=/studies")
    fill(page, PASSWORD)
    page.locator(".cards").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto("/studies")
    page.wait_for_url("**/sign-in?next=*")


def test_no_other_server_is_led_to(visit: Callable[..., Page], served: SimpleNamespace) -> None:
    """An address of another origin behind next is not followed."""
    page = visit("/sign-in?next=https://elsewhere.example/")
    fill(page, PASSWORD)
    page.wait_for_url(f"{served.address}/")


@pytest.mark.parametrize(("locale", "said"), [("en", r"Try again in \d+ second"), ("km", r"ក្នុង \d+ វិនាទី")])
def test_too_many_attempts_are_told_to_wait(
    visit: Callable[..., Page], served: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, locale: str, said: str
) -> None:
    """The page says how long, counts down, and lets one try again when it is over."""
    # Longer than a machine with other work takes to open the page; here the wait is passed by the page's own clock.
    monkeypatch.setattr(throttle, "delay_s", lambda failures, free: throttle.LONGEST_DELAY_S if failures >= free else 0)
    name = f"{locale}-{NAME}"
    for _ in range(throttle.FREE_FAILURES):
        throttle.Throttle(served.engine).attempt(name, "127.0.0.1", utc_now())
    page = visit("/sign-in", locale=locale)
    page.clock.install()
    page.goto("/sign-in")
    page.locator("#name").fill(name)
    page.locator("#password").fill("wrong")
    page.locator("#go").click()
    page.locator("#said", has_text=re.compile(said)).wait_for()
    assert page.locator("#go").is_disabled()
    page.clock.run_for(throttle.LONGEST_DELAY_S * 1_000)
    page.locator("#go:enabled").wait_for()
    assert page.locator("#said").is_hidden()
