"""Who gets where: every route of the OpenAPI document with every kind of credential that must not open it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from auth_house import DATE, PEOPLE, SHIFT, House, Town
from sqlmodel import Session

from service.app import create_app
from service.auth import keys
from service.auth.roles import ROLES_OF, Permission, Role
from service.auth.rules import ROUTES
from service.auth.tokens import Claims
from service.settings import Settings

REFUSED = {401, 403, 404}
# Written down here again, on purpose: what opens a route to everybody must be changed in two places.
OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /v1/limits",
    "GET /v1/session",
    "POST /v1/session",
    "POST /v1/session/refresh",
    "POST /v1/driver-session",
    "GET /v1/session/oidc",
    "GET /v1/session/oidc/callback",
    "GET /v1/cities/{city_id}/public",
}
EVERY_CITYS = {"GET /metrics", "GET /v1/quarantine"}  # what takes a role in every city
ANYBODYS = {"DELETE /v1/session", "PUT /v1/session/password", "GET /v1/cities"}
DOCUMENT = create_app(Settings(auth="required")).openapi()
OPERATIONS = sorted(f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item)
CLOSED = [operation for operation in OPERATIONS if operation not in OPEN]


def values(town: Town) -> dict[str, str]:
    """Return a value for each parameter of a path."""
    return {
        "city_id": town.id,
        "run_id": town.run,
        "plan_id": town.plan,
        "study_id": town.study,
        "vehicle": "C1",
        "device": "d-1",
        "number": "1",
        "date": DATE,
        "month": DATE[:7],
        "shift": SHIFT,
        "name": "chief",
        "key_id": "0" * 12,
        "link_id": "0" * 32,
        "overlay_id": "0" * 32,
        "phone": "0d0c1a8e-7a0b-4b6e-9d56-2f8a3a5b1c01",
    }


def address(operation: str, town: Town) -> tuple[str, str]:
    """Return the method and the path of an operation, with what is there in a town."""
    method, _, template = operation.partition(" ")
    known = values(town)
    missing = {name for name in re.findall(r"{(\w+)}", template) if name not in known}
    assert not missing, f"{operation}: say in values() what stands for {missing}"
    return method, re.sub(r"{(\w+)}", lambda found: known[found[1]], template)


@pytest.fixture(scope="module")
def bearers(house: House) -> dict[str, str]:
    """Return a credential of every kind that holds, and of every kind that does not."""
    here, there = house.here.id, house.there.id
    revoked = house.account(Role.ADMINISTRATOR, here)
    assert house.ask("DELETE", "/v1/session", revoked).status_code == 204
    key_id, revoked_key = house.key(Role.ADMINISTRATOR, here)
    with Session(house.state.engine) as session:
        keys.revoke(session, key_id, city_id=here)
        session.commit()
    good = house.account(Role.ADMINISTRATOR, here)
    header, payload, signature = good.split(".")
    return {
        "everywhere": house.account(Role.ADMINISTRATOR, None),
        **{role.value: house.account(role, here) for role in PEOPLE},
        **{f"{role.value} elsewhere": house.account(role, there) for role in PEOPLE},
        "device": house.key(Role.DEVICE, here)[1],
        "device elsewhere": house.key(Role.DEVICE, there)[1],
        "device of another bin": house.key(Role.DEVICE, here, "d-2")[1],
        "driver": house.driver(here),
        "driver elsewhere": house.driver(there),
        "driver of another shift": house.driver(here, shift="C2-day"),
        "driver of another day": house.driver(here, date="2026-11-24"),
        "expired": house.token(Claims("session", "x"), age_s=1_000),
        "revoked": revoked,
        "revoked key": revoked_key,
        "tampered": f"{header}.{payload}.{signature[:-4]}AAAA",
        "unsigned": "eyJhbGciOiJub25lIn0." + payload + ".",
        "other kind": house.token(Claims("driver", "x")),
        "nonsense": "Zm9v",
        "no key": "samram_000000000000_" + "A" * 43,
    }


def test_every_route_has_a_row() -> None:
    """Every operation of the API says which permission it takes, and no row is left of one that is gone."""
    assert set(OPERATIONS) == set(ROUTES)
    assert {operation for operation in OPERATIONS if ROUTES[operation] is Permission.PUBLIC} == OPEN
    assert {operation for operation in OPERATIONS if ROUTES[operation] is Permission.KNOWN} == ANYBODYS


@pytest.mark.parametrize("operation", CLOSED)
def test_nobody_gets_in_without_a_credential_that_holds(house: House, bearers: dict[str, str], operation: str) -> None:
    """Without a credential, and with one that is expired, revoked, changed or made up, a route answers 401."""
    method, path = address(operation, house.here)
    assert house.ask(method, path).status_code == 401
    for kind in ("expired", "revoked", "revoked key", "tampered", "unsigned", "other kind", "nonsense", "no key"):
        reply = house.ask(method, path, bearers[kind])
        assert (reply.status_code, reply.json()["type"]) == (401, "urn:samram:problem:not-authenticated"), kind


@pytest.mark.parametrize("operation", [one for one in CLOSED if one not in ANYBODYS])
def test_nobody_gets_where_their_role_does_not_go(house: House, bearers: dict[str, str], operation: str) -> None:
    """A role without the permission, another city's, another shift's or another bin's gets 403 or 404."""
    method, path = address(operation, house.here)
    allowed = ROLES_OF[ROUTES[operation]]
    refused = [role.value for role in PEOPLE if role not in allowed or operation in EVERY_CITYS]
    refused += [f"{role.value} elsewhere" for role in PEOPLE if operation != "POST /v1/cities"]
    refused += ["device elsewhere", "driver elsewhere"]
    if Role.DRIVER not in allowed or "{shift}" in operation:
        refused += ["driver of another shift", "driver of another day"]
    refused += [kind for kind in ("device", "driver") if Role(kind) not in allowed]
    if "{device}" in operation:
        refused.append("device of another bin")
    for kind in refused:
        reply = house.ask(method, path, bearers[kind])
        assert reply.status_code in {403, 404}, (kind, reply.text)


@pytest.mark.parametrize("operation", CLOSED)
def test_who_may_is_let_in(house: House, bearers: dict[str, str], operation: str) -> None:
    """A credential that opens a route is refused for nothing: what is wrong then is the request itself."""
    method, path = address(operation, house.here)
    kinds = ["everywhere"]
    if operation not in ANYBODYS:
        allowed = ROLES_OF[ROUTES[operation]] if operation not in EVERY_CITYS else set()
        kinds += [role.value for role in Role if role in allowed and role.value in bearers]
    else:
        kinds = ["viewer"] if operation == "GET /v1/cities" else []
    for kind in kinds:
        reply = house.ask(method, path, bearers[kind])
        assert reply.status_code not in {401, 403}, (kind, reply.text)


@pytest.mark.parametrize("operation", [one for one in CLOSED if "{city_id}" in one or "_id}" in one])
def test_another_citys_and_nobodys_get_the_same_answer(house: House, bearers: dict[str, str], operation: str) -> None:
    """What belongs to another city is answered like what is not there, word for word, whatever one's role at home."""
    method, path = address(operation, house.there)
    nowhere = Town("nowhere", "0" * 32, "0" * 32, "0" * 32)
    _, gone = address(operation, nowhere)
    for kind in ("administrator", "viewer", "device", "driver"):
        there, missing = house.ask(method, path, bearers[kind]), house.ask(method, gone, bearers[kind])
        assert (there.status_code, missing.status_code) == (404, 404), kind
        for name in ("id", "run", "plan", "study"):
            assert getattr(house.there, name) not in missing.text
        assert _plain(there.json(), house.there) == _plain(missing.json(), nowhere)


def _plain(body: dict[str, Any], town: Town) -> str:
    text = str(body)
    for name in (town.id, town.run, town.plan, town.study):
        text = text.replace(name, "ID")
    return text


@pytest.mark.parametrize("operation", [one for one in CLOSED if not one.startswith("GET ") and one not in ANYBODYS])
def test_a_viewer_changes_nothing(house: House, bearers: dict[str, str], operation: str) -> None:
    """Whatever the table says: no route that changes something is open to a viewer."""
    method, path = address(operation, house.here)
    assert house.ask(method, path, bearers["viewer"]).status_code == 403


def test_route_without_a_row_is_refused_to_everybody(house: House, bearers: dict[str, str]) -> None:
    """A route that nobody has given a row answers 403 even to the administrator of everything."""
    house.app.add_api_route("/v1/forgotten", lambda: {"open": True})
    assert house.ask("GET", "/v1/forgotten").status_code == 401
    assert house.ask("GET", "/v1/forgotten", bearers["everywhere"]).status_code == 403


def test_cities_are_listed_to_those_who_have_a_role_there(house: House, bearers: dict[str, str]) -> None:
    """Each sees the cities in which they may look, and no others."""
    for kind, expected in {
        "everywhere": {house.here.id, house.there.id},
        "viewer": {house.here.id},
        "planner elsewhere": {house.there.id},
        "device": set(),
        "driver": set(),
    }.items():
        reply = house.ask("GET", "/v1/cities", bearers[kind])
        assert {city["id"] for city in reply.json()["cities"]} == expected, kind
