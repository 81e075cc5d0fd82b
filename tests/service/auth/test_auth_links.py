"""Drivers' links: from the dispatcher's screen to a phone, and to their end."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from auth_house import DATE, SHIFT, House
from sqlmodel import Session, delete

from service.auth.roles import Role
from service.db.people import DriverLinkRow, SignInFailureRow

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def dispatcher(house: House) -> str:
    """Return the token of the city's dispatcher."""
    return house.account(Role.DISPATCHER, house.here.id)


@pytest.fixture
def link(house: House, dispatcher: str) -> dict[str, Any]:
    """Make a link of a shift."""
    reply = house.ask("POST", links_of(house), dispatcher)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


def links_of(house: House, date: str = DATE, shift: str = SHIFT) -> str:
    """Return the address of a shift's links."""
    return f"/v1/cities/{house.here.id}/days/{date}/shifts/{shift}/driver-links"


def opened(house: House, code: str) -> Any:
    """Open a link as a phone does."""
    return house.ask("POST", "/v1/driver-session", json={"code": code})


@pytest.mark.parametrize("written", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code}"])
def test_code_opens_its_shift(house: House, link: dict[str, Any], written: Callable[[str], str]) -> None:
    """However a code is written, it gives a token of its city, day and shift, as long as the link holds."""
    session = opened(house, written(link["code"])).json()
    assert (session["city_id"], session["date"], session["shift"]) == (house.here.id, DATE, SHIFT)
    assert (session["driver"], session["expires_at"]) == (link["id"], link["expires_at"])
    who = house.ask("GET", "/v1/session", session["access_token"]).json()
    assert (who["kind"], who["date"], who["shift"]) == ("driver", DATE, SHIFT)


def test_link_ends_twelve_hours_after_the_shift(house: House, link: dict[str, Any]) -> None:
    """A link holds until its shift is over, overtime included, and twelve hours more."""
    shifts = house.ask("GET", f"/v1/cities/{house.here.id}/shifts", house.account(Role.VIEWER, house.here.id)).json()
    [shift] = [one for one in shifts["shifts"] if one["id"] == SHIFT]
    midnight = dt.datetime.fromisoformat(DATE).replace(tzinfo=ZoneInfo("Asia/Phnom_Penh"))
    end = midnight + dt.timedelta(seconds=shift["end_s"] + shift["max_overtime_s"], hours=12)
    assert dt.datetime.fromisoformat(link["expires_at"]) == end


def test_revoked_link_ends_its_tokens_at_once(house: House, dispatcher: str, link: dict[str, Any]) -> None:
    """A lost phone's token and its code do not hold any more; another link of the same shift does."""
    token = opened(house, link["code"]).json()["access_token"]
    other = house.ask("POST", links_of(house), dispatcher).json()
    assert house.ask("GET", "/v1/cities", token).status_code == 200
    assert house.ask("DELETE", f"{links_of(house)}/{link['id']}", dispatcher).status_code == 200
    assert house.ask("GET", "/v1/cities", token).status_code == 401
    assert (opened(house, link["code"]).status_code, opened(house, other["code"]).status_code) == (401, 200)


def test_expired_link_opens_nothing(house: House, link: dict[str, Any]) -> None:
    """When its time is over, neither the code nor a token from before holds."""
    token = opened(house, link["code"]).json()["access_token"]
    with Session(house.state.engine) as session:
        row = session.get_one(DriverLinkRow, link["id"])
        row.expires_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        session.add(row)
        session.commit()
    house.state.identities.forget()
    assert opened(house, link["code"]).status_code == 401
    assert house.ask("GET", "/v1/cities", token).status_code == 401


def test_qr_code_is_a_picture_of_the_address(link: dict[str, Any]) -> None:
    """The QR code is an SVG by itself, and the address keeps the code behind the #, where no server log sees it."""
    drawn = ET.fromstring(link["qr_svg"])
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    path, _, code = link["url"].partition("#")
    assert (path, code) == ("http://testserver/drive", link["code"].replace("-", ""))


def test_links_are_listed_without_their_codes(house: House, dispatcher: str, link: dict[str, Any]) -> None:
    """The list says who made a link and when it ends; its code is not shown again."""
    listed = house.ask("GET", links_of(house), dispatcher)
    assert link["id"] in {one["id"] for one in listed.json()["links"]}
    assert link["code"] not in listed.text


@pytest.mark.parametrize(("date", "shift"), [(DATE, "no-such-shift"), ("2026-13-01", SHIFT), ("tomorrow", SHIFT)])
def test_links_of_no_shift_are_refused(house: House, dispatcher: str, date: str, shift: str) -> None:
    """A shift or a day that is not there gets no link."""
    assert house.ask("POST", links_of(house, date, shift), dispatcher).status_code in {404, 422}


def test_guessing_codes_slows_down(house: House) -> None:
    """After ten wrong codes from one address the next one waits, with Retry-After."""
    with Session(house.state.engine) as session:  # no failure of the tests before counts
        session.exec(delete(SignInFailureRow))
        session.commit()
    statuses = [opened(house, f"{number:016}").status_code for number in range(11)]
    assert statuses == [401] * 10 + [429]
