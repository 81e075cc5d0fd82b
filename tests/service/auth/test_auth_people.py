"""A city's people, and the log of who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from auth_house import DATE, PASSWORD, SHIFT, renamed
from sqlmodel import Session, select

from service.auth.roles import Role
from service.db.models import CityRow
from service.db.people import AccountRow, AuditRow

if TYPE_CHECKING:
    from auth_house import House


@pytest.fixture(scope="module")
def boss(house: House) -> str:
    """Return the token of the city's administrator."""
    return house.account(Role.ADMINISTRATOR, house.here.id)


def put(house: House, boss: str, name: str, *, city_id: str | None = None, **body: Any) -> Any:
    """Give somebody a role."""
    return house.ask("PUT", f"/v1/cities/{city_id or house.here.id}/people/{name}", boss, json=body)


def signed_in(house: House, name: str, password: str = PASSWORD) -> Any:
    """Sign in."""
    return house.ask("POST", "/v1/session", json={"name": name, "password": password})


def test_administrator_adds_changes_and_removes_people(house: House, boss: str) -> None:
    """Somebody new can sign in, a changed role holds at once, and whoever is removed is out at once."""
    name = uuid4().hex
    assert put(house, boss, name, role="viewer", password=PASSWORD).status_code == 201
    token = signed_in(house, name).json()["access_token"]
    cancel = f"/v1/runs/{house.here.run}/cancel"
    assert house.ask("POST", cancel, token).status_code == 403
    assert put(house, boss, name, role="planner").status_code == 200
    assert house.ask("POST", cancel, token).status_code == 409
    people = house.ask("GET", f"/v1/cities/{house.here.id}/people", boss).json()["people"]
    assert {"name": name, "role": "planner"} in people
    assert house.ask("DELETE", f"/v1/cities/{house.here.id}/people/{name}", boss).status_code == 204
    assert house.ask("GET", f"/v1/cities/{house.here.id}", token).status_code == 401
    assert signed_in(house, name).status_code == 401


def test_somebody_of_two_cities_stays_in_one(house: House, boss: str) -> None:
    """Whoever is taken from one city keeps their role in the other, and their password."""
    name, there = uuid4().hex, house.account(Role.ADMINISTRATOR, house.there.id)
    assert put(house, there, name, city_id=house.there.id, role="viewer", password=PASSWORD).status_code == 201
    assert put(house, boss, name, role="viewer").status_code == 200
    token = signed_in(house, name).json()["access_token"]
    assert house.ask("DELETE", f"/v1/cities/{house.here.id}/people/{name}", boss).status_code == 204
    assert house.ask("GET", f"/v1/cities/{house.here.id}", token).status_code == 404
    assert house.ask("GET", f"/v1/cities/{house.there.id}", token).status_code == 200


def test_nobody_takes_over_an_account_of_elsewhere(house: House, boss: str) -> None:
    """The administrator of one city cannot set the password of somebody who has a role in another, or everywhere."""
    name, there = uuid4().hex, house.account(Role.ADMINISTRATOR, house.there.id)
    assert put(house, there, name, city_id=house.there.id, role="administrator", password=PASSWORD).status_code == 201
    assert put(house, boss, name, role="viewer", password="taken over, I hope").status_code == 403
    assert signed_in(house, name, "taken over, I hope").status_code == 401
    assert signed_in(house, name).json()["roles"] == {house.there.id: "administrator"}


@pytest.mark.parametrize("body", [{"role": "driver"}, {"role": "device"}, {"role": "king"}, {"role": "viewer"}])
def test_what_is_no_account_is_refused(house: House, boss: str, body: dict[str, str]) -> None:
    """A driver or a device is no account, and a new one has a password."""
    assert put(house, boss, uuid4().hex, **body).status_code == 422


def test_whoever_is_not_there_cannot_be_removed(house: House, boss: str) -> None:
    """An account of another city, and none at all, get the same answer."""
    name, there = uuid4().hex, house.account(Role.ADMINISTRATOR, house.there.id)
    put(house, there, name, city_id=house.there.id, role="viewer", password=PASSWORD)
    path = f"/v1/cities/{house.here.id}/people"
    elsewhere, nowhere = house.ask("DELETE", f"{path}/{name}", boss), house.ask("DELETE", f"{path}/nobody", boss)
    assert (elsewhere.status_code, nowhere.status_code) == (404, 404)
    assert elsewhere.text.replace(name, "nobody") == nowhere.text


def test_every_change_is_written_down_with_who_made_it(house: House, boss: str) -> None:
    """The log names who, what and when; what was refused, read or done elsewhere is not in it, and no secret is."""
    name = uuid4().hex
    put(house, boss, name, role="viewer", password=PASSWORD)
    put(house, boss, uuid4().hex, role="king")
    house.ask("GET", f"/v1/cities/{house.here.id}/people", boss)
    reply = house.ask("GET", f"/v1/cities/{house.here.id}/audit", boss, params={"limit": 1})
    [entry] = reply.json()["entries"]
    assert (entry["operation"], entry["target"]) == ("PUT /v1/cities/{city_id}/people/{name}", {"name": name})
    assert (entry["kind"], entry["detail"], entry["status"]) == ("account", {"role": "viewer", "password": True}, 201)
    assert PASSWORD not in reply.text
    there = house.account(Role.ADMINISTRATOR, house.there.id)
    assert name not in house.ask("GET", f"/v1/cities/{house.there.id}/audit", there).text


def test_audit_log_is_read_page_by_page(house: House, boss: str) -> None:
    """The pages of the log follow one another without a gap, the newest first."""
    for _ in range(5):
        put(house, boss, uuid4().hex, role="viewer", password=PASSWORD)
    path = f"/v1/cities/{house.here.id}/audit"
    whole = [entry["id"] for entry in house.ask("GET", path, boss).json()["entries"]]
    paged: list[int] = []
    more, before = True, {}
    while more:
        page = house.ask("GET", path, boss, params={"limit": 2} | before).json()
        paged += [entry["id"] for entry in page["entries"]]
        more, before = page["more"], {"before": paged[-1]}
    assert paged == whole == sorted(whole, reverse=True)


def test_city_is_imported_again_by_its_administrator_alone(house: House, boss: str, city_zip: bytes) -> None:
    """The administrator of a city hands in its new version, and no city that is not theirs."""
    headers = {"content-type": "application/zip"}
    own = house.ask("POST", "/v1/cities", boss, content=renamed(city_zip, "Here"), headers=headers)
    assert own.status_code == 200
    for name in ("There", "A new town"):
        reply = house.ask("POST", "/v1/cities", boss, content=renamed(city_zip, name), headers=headers)
        assert (reply.status_code, reply.json()["type"]) == (403, "urn:samram:problem:not-permitted")
    super_ = house.account(Role.ADMINISTRATOR, None)
    reply = house.ask("POST", "/v1/cities", super_, content=renamed(city_zip, "A new town"), headers=headers)
    assert reply.status_code == 201
    with Session(house.state.engine) as session:
        assert session.get(CityRow, "a-new-town") is not None


def test_a_change_and_its_line_are_one_transaction(
    house: House, boss: str, city_zip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing written after the commit each change still has its line, and a line that fails takes it along."""
    monkeypatch.setattr("service.auth.audit._write", lambda _engine, _row: None)
    name, city = uuid4().hex, f"/v1/cities/{house.here.id}"
    put(house, boss, name, role="viewer", password=PASSWORD)
    house.ask("POST", f"{city}/keys", boss, json={"label": "gateway"})
    house.ask("POST", f"{city}/days/{DATE}/shifts/{SHIFT}/driver-links", boss)
    headers = {"content-type": "application/zip"}
    house.ask("POST", "/v1/cities", boss, content=renamed(city_zip, "Here"), headers=headers)
    entries = house.ask("GET", f"{city}/audit", boss, params={"limit": 4}).json()["entries"]
    assert [(entry["operation"].split("/")[-1], entry["status"]) for entry in entries] == [
        ("cities", 200), ("driver-links", 201), ("keys", 201), ("{name}", 201),
    ]  # fmt: skip
    assert entries[1]["detail"]["link"]

    def broken(*_arguments: object) -> AuditRow:
        return AuditRow(at=None, kind="x", who="x", operation="x", target={}, status=200)  # type: ignore[arg-type]

    monkeypatch.setattr("service.auth.audit._row", broken)
    nobody = uuid4().hex
    assert put(house, boss, nobody, role="viewer", password=PASSWORD).status_code == 500
    with Session(house.state.engine) as session:
        assert session.exec(select(AccountRow).where(AccountRow.name == nobody)).first() is None
