"""Signing in, going on, signing out: over HTTP, as a program and as a browser does it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from auth_house import PASSWORD
from sqlmodel import Session, select

from service.auth import accounts
from service.auth.roles import Role
from service.auth.tokens import ACCESS_S
from service.clock import utc_now
from service.db.people import AccountRow, SignInRow

if TYPE_CHECKING:
    from auth_house import House

SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def name(house: House) -> str:
    """Make an account that looks at one city."""
    name = f"chief {uuid4().hex}"
    with Session(house.state.engine) as session:
        accounts.add(session, name, role=Role.VIEWER, city_id=house.here.id, password=PASSWORD)
        session.commit()
    return name


@pytest.fixture
def browser(house: House, name: str) -> House:
    """Sign in and keep the cookies, as a browser does."""
    house.client.cookies.clear()
    assert house.client.post("/v1/session", json={"name": name, "password": PASSWORD}).status_code == 200
    return house


def sign_in(house: House, name: str, password: str = PASSWORD) -> Any:
    """Sign in without anything that was there before."""
    return house.ask("POST", "/v1/session", json={"name": name, "password": password})


def test_token_says_who_one_is(house: House, name: str) -> None:
    """Signing in gives a token of a quarter of an hour, with which the server knows the name and the roles."""
    signed_in = sign_in(house, name.upper()).json()
    found = house.ask("GET", "/v1/session", signed_in["access_token"]).json()
    assert (found["kind"], found["name"], found["roles"]) == ("account", name, {house.here.id: "viewer"})
    left = dt.datetime.fromisoformat(signed_in["expires_at"]) - utc_now()
    assert 0 < left.total_seconds() <= ACCESS_S
    assert house.ask("GET", "/v1/session").json()["kind"] is None


def test_wrong_name_and_wrong_password_are_told_apart_by_nobody(house: House, name: str) -> None:
    """An account that is not there and a wrong password get the same answer, word for word."""
    wrong, nobody = sign_in(house, name, "not the password"), sign_in(house, f"no {name}", PASSWORD)
    assert wrong.status_code == 401
    assert (wrong.status_code, wrong.content) == (nobody.status_code, nobody.content)


def test_cookies_cannot_be_read_or_sent_by_other_pages(house: House, name: str) -> None:
    """Both cookies are kept from scripts and from other sites, and name the narrowest paths."""
    cookies = sign_in(house, name).headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in cookies} == {"samram_access", "samram_refresh"}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
    assert any("samram_refresh" in cookie and "Path=/v1/session" in cookie for cookie in cookies)


def test_cookie_opens_what_the_token_opens(browser: House) -> None:
    """A browser's requests are known by the cookie alone."""
    assert browser.client.get(f"/v1/cities/{browser.here.id}").status_code == 200
    assert browser.client.get(f"/v1/cities/{browser.there.id}").status_code == 404
    assert browser.client.get("/v1/session").json()["kind"] == "account"


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.example"}],
)
def test_other_pages_change_nothing_with_the_cookie(browser: House, headers: dict[str, str]) -> None:
    """A change that comes with the cookie, and not from this server's own page, is refused."""
    reply = browser.client.delete("/v1/session", headers=headers)
    assert reply.status_code == 403
    assert browser.client.get("/v1/session").json()["kind"] == "account"


@pytest.mark.parametrize("headers", [SAME, {"origin": "http://testserver"}])
def test_our_page_changes_what_it_may(browser: House, headers: dict[str, str]) -> None:
    """A change from this server's own page is carried out: here the session ends."""
    assert browser.client.delete("/v1/session", headers=headers).status_code == 204
    assert browser.client.get("/v1/session").json()["kind"] is None


def test_session_goes_on_with_the_next_token(browser: House) -> None:
    """The refresh cookie gives a new token and a new cookie, time after time."""
    seen = {browser.client.cookies["samram_refresh"]}
    for _ in range(3):
        assert browser.client.post("/v1/session/refresh").status_code == 200
        seen.add(browser.client.cookies["samram_refresh"])
    assert len(seen) == 4


def test_two_tabs_may_ask_at_once(browser: House) -> None:
    """The refresh token before the newest holds for some seconds more."""
    before = browser.client.cookies["samram_refresh"]
    assert browser.client.post("/v1/session/refresh").status_code == 200
    assert browser.ask("POST", "/v1/session/refresh", headers={"cookie": f"samram_refresh={before}"}).status_code == 200


def test_refresh_token_that_comes_again_ends_the_session(browser: House) -> None:
    """A refresh token that was used long ago was stolen: it gets nothing, and the session is over for everybody."""
    stolen = browser.client.cookies["samram_refresh"]
    token = browser.client.post("/v1/session/refresh").json()["access_token"]
    newest = browser.client.cookies["samram_refresh"]
    with Session(browser.state.engine) as session:
        row = session.get_one(SignInRow, stolen.partition(".")[0])
        row.rotated_at -= dt.timedelta(minutes=1)
        session.add(row)
        session.commit()
    for refresh in (stolen, newest):
        reply = browser.ask("POST", "/v1/session/refresh", headers={"cookie": f"samram_refresh={refresh}"})
        assert reply.status_code == 401
    browser.state.identities.forget()  # as after five seconds
    assert browser.ask("GET", f"/v1/cities/{browser.here.id}", token).status_code == 401


def test_old_cookie_keeps_nobody_from_signing_in(house: House, name: str) -> None:
    """A cookie that does not hold any more is as good as none where one signs in."""
    house.client.cookies.clear()
    house.client.cookies.set("samram_access", "old.old.old")
    assert house.client.get("/v1/session").json()["kind"] is None
    assert house.client.post("/v1/session", json={"name": name, "password": PASSWORD}).status_code == 200


def test_signing_out_ends_the_token_at_once(house: House, name: str) -> None:
    """After signing out the token does not hold, although it has not expired."""
    token = sign_in(house, name).json()["access_token"]
    assert house.ask("GET", f"/v1/cities/{house.here.id}", token).status_code == 200
    assert house.ask("DELETE", "/v1/session", token).status_code == 204
    assert house.ask("GET", f"/v1/cities/{house.here.id}", token).status_code == 401


def test_changing_the_password_ends_all_sessions(house: House, name: str) -> None:
    """The new password opens, the old one does not, and no session from before holds."""
    token, other = (sign_in(house, name).json()["access_token"] for _ in range(2))
    new = "another long passphrase"
    change = {"old": "not the password", "new": new}
    assert house.ask("PUT", "/v1/session/password", token, json=change).status_code == 422
    assert house.ask("PUT", "/v1/session/password", token, json=change | {"old": PASSWORD}).status_code == 204
    for one in (token, other):
        assert house.ask("GET", "/v1/cities", one).status_code == 401
    assert (sign_in(house, name).status_code, sign_in(house, name, new).status_code) == (401, 200)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 201])
def test_weak_passwords_are_refused(house: House, name: str, password: str) -> None:
    """A password that is short, endless or one letter is refused, and not shown again."""
    token = sign_in(house, name).json()["access_token"]
    reply = house.ask("PUT", "/v1/session/password", token, json={"old": PASSWORD, "new": password})
    assert reply.status_code == 422
    assert password[:100] not in reply.text


def test_ten_failures_slow_down_the_account_from_that_address_and_no_other(house: House, name: str) -> None:
    """The eleventh attempt is refused with the time to wait, also with the right password; another account is not."""
    for _ in range(10):
        assert sign_in(house, name, "not the password").status_code == 401
    slowed = sign_in(house, name)
    assert (slowed.status_code, slowed.json()["type"]) == (429, "urn:samram:problem:too-many-attempts")
    assert slowed.headers["retry-after"] == "1"
    other = f"{name} 2"
    with Session(house.state.engine) as session:
        accounts.add(session, other, role=Role.VIEWER, city_id=house.here.id, password=PASSWORD)
        session.commit()
    assert sign_in(house, other).status_code == 200


def test_no_password_is_stored(house: House, name: str) -> None:
    """What is stored of a password is an Argon2id hash, and another one for the same password."""
    sign_in(house, name)
    with Session(house.state.engine) as session:
        stored = [row.password_hash or "" for row in session.exec(select(AccountRow))]
    assert all(one.startswith("$argon2id$") for one in stored)
    assert len(set(stored)) == len(stored)
