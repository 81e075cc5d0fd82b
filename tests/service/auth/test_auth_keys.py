"""API keys, keys of one sensor, and devices that sign what they send."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from service.app import create_app
from service.auth.identities import REMEMBERED_S
from service.auth.roles import Role
from service.auth.signing import LEEWAY_S, signature
from service.db.people import ApiKeyRow

if TYPE_CHECKING:
    from auth_house import House

Sign = "Callable[..., dict[str, str]]"


@pytest.fixture(scope="module")
def boss(house: House) -> str:
    """Return the token of the city's administrator."""
    return house.account(Role.ADMINISTRATOR, house.here.id)


def made(house: House, boss: str, **wanted: Any) -> dict[str, Any]:
    """Make a key over HTTP."""
    reply = house.ask("POST", f"/v1/cities/{house.here.id}/keys", boss, json={"label": "test"} | wanted)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


def reading(device: str | None = None) -> dict[str, Any]:
    """Return a reading that nobody has sent before."""
    who = {"device": device} if device else {"container": f"B{secrets.token_hex(4)}"}
    return who | {"time": "2026-11-22T00:00:00Z", "fill": 0.4}


def test_key_is_shown_once_and_stored_as_a_hash(house: House, boss: str) -> None:
    """The list has no key, and neither has the database."""
    key = made(house, boss)
    listed = house.ask("GET", f"/v1/cities/{house.here.id}/keys", boss)
    assert key["id"] in listed.text
    secret = key["key"].rpartition("_")[2]
    assert secret not in listed.text
    with Session(house.state.engine) as session:
        assert all(secret not in str(row.model_dump()) for row in session.exec(select(ApiKeyRow)))


def test_revoked_key_ends_at_once(house: House, boss: str) -> None:
    """A key holds until it is revoked, and not a request longer."""
    key = made(house, boss, role="viewer")
    path = f"/v1/cities/{house.here.id}"
    assert house.ask("GET", path, key["key"]).status_code == 200
    for _ in range(2):
        revoked = house.ask("DELETE", f"{path}/keys/{key['id']}", boss)
        assert (revoked.status_code, revoked.json()["revoked_at"] is None) == (200, False)
    assert house.ask("GET", path, key["key"]).status_code == 401


def test_key_that_another_process_revokes_ends_soon(house: House, boss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a key belongs to is remembered for seconds only: then the database is asked again."""
    key = made(house, boss, role="viewer")
    path = f"/v1/cities/{house.here.id}"
    assert house.ask("GET", path, key["key"]).status_code == 200
    with Session(house.state.engine) as session:
        row = session.get_one(ApiKeyRow, key["id"])
        session.delete(row)
        session.commit()
    assert house.ask("GET", path, key["key"]).status_code == 200
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + REMEMBERED_S + 0.1)
    assert house.ask("GET", path, key["key"]).status_code == 401


def test_another_citys_key_cannot_be_revoked(house: House) -> None:
    """A key of another city is not there."""
    key_id, _ = house.key(Role.DEVICE, house.here.id)
    elsewhere = house.account(Role.ADMINISTRATOR, house.there.id)
    assert house.ask("DELETE", f"/v1/cities/{house.there.id}/keys/{key_id}", elsewhere).status_code == 404


@pytest.mark.parametrize(
    "wanted", [{"role": "driver"}, {"role": "viewer", "device": "d-1"}, {"role": "viewer", "signed": True}]
)
def test_keys_that_make_no_sense_are_refused(house: House, boss: str, wanted: dict[str, Any]) -> None:
    """No key is a driver, and none that is bound to a sensor or signed is more than a device."""
    reply = house.ask("POST", f"/v1/cities/{house.here.id}/keys", boss, json={"label": "test"} | wanted)
    assert reply.status_code == 422


@pytest.mark.parametrize("way", ["readings", "ingest/things-stack", "readings.csv"])
def test_key_of_another_bin_says_nothing(house: House, boss: str, way: str) -> None:
    """A key that is bound to a sensor brings its readings alone: not another's, and none without a sensor."""
    key = made(house, boss, device="D-1")["key"]
    path = f"/v1/cities/{house.here.id}/{way}"
    uplink = {
        "end_device_ids": {"device_id": "d-2", "dev_eui": "D2"},
        "received_at": "2026-11-22T00:00:00Z",
        "uplink_message": {"f_cnt": 1, "decoded_payload": {"fill": 40}},
    }
    bodies: dict[str, list[dict[str, Any]]] = {
        "readings": [{"json": reading("d-2")}, {"json": [reading("d-1"), reading("d-2")]}, {"json": reading()}],
        "ingest/things-stack": [{"json": uplink}],
        "readings.csv": [{"content": "container_id,time,kind,fill\nB1,2019-03-01 06:00,reading,0.4\n"}],
    }
    for body in bodies[way]:
        assert house.ask("POST", path, key, **body).status_code == 403
    if way == "readings":
        assert house.ask("POST", path, key, json=reading("d-1")).status_code == 200


class Device:
    """A device that signs what it sends."""

    def __init__(self, house: House, boss: str) -> None:
        key = made(house, boss, device="signer", signed=True)
        self.key_id, self.secret = key["id"], bytes.fromhex(key["key"])
        self.path = f"/v1/cities/{house.here.id}/readings"

    def headers(self, body: bytes, *, late_s: int = 0, target: str | None = None) -> dict[str, str]:
        """Return the headers of a request to the readings."""
        at, nonce = str(int(time.time()) - late_s), secrets.token_hex(16)
        signed = signature(self.secret, "POST", target or self.path, at, nonce, body)
        return {
            "samram-key": self.key_id,
            "samram-time": at,
            "samram-nonce": nonce,
            "samram-signature": signed,
            "content-type": "application/json",
        }


@pytest.fixture(scope="module")
def device(house: House, boss: str) -> Device:
    """Give a device that signs."""
    return Device(house, boss)


BODY = json.dumps(reading("signer")).encode()


def test_signed_reading_is_taken_and_its_secret_is_stored_nowhere(house: House, device: Device) -> None:
    """A request that is signed right is let in; no row and no header holds the secret."""
    headers = device.headers(BODY)
    assert house.ask("POST", device.path, content=BODY, headers=headers).status_code == 200
    assert device.secret.hex() not in str(headers)
    with Session(house.state.engine) as session:
        row = session.get_one(ApiKeyRow, device.key_id)
        assert row.secret_hash is None
        assert device.secret.hex() not in str(row.model_dump())


def test_signed_request_is_taken_once(house: House, device: Device) -> None:
    """The same request a second time is refused, also by a server that was started after it."""
    headers = device.headers(BODY)
    assert house.ask("POST", device.path, content=BODY, headers=headers).status_code == 200
    assert house.ask("POST", device.path, content=BODY, headers=headers).status_code == 401
    with TestClient(create_app(house.state.settings)) as another:
        assert another.post(device.path, content=BODY, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"samram-signature": "0" * 64},
        {"samram-signature": ""},
        {"samram-signature": "\xe9" * 64},
        {"samram-nonce": "f" * 32},
        {"samram-nonce": "short"},
        {"samram-time": "1"},
        {"samram-time": "now"},
        {"samram-time": "9" * 30},
        {"samram-key": "0" * 12},
        {"samram-key": "' or 1=1"},
    ],
)
def test_changed_headers_are_refused(house: House, device: Device, change: dict[str, str]) -> None:
    """Whatever is changed in a signed request, it does not hold."""
    headers = {name: value.encode("latin-1") for name, value in (device.headers(BODY) | change).items()}
    assert house.ask("POST", device.path, content=BODY, headers=headers).status_code == 401


def test_changed_body_path_and_time_are_refused(house: House, device: Device) -> None:
    """A signature holds for its body, its address and its time, at the bound and not past it."""
    other = json.dumps(reading("signer") | {"fill": 0.9}).encode()
    assert house.ask("POST", device.path, content=other, headers=device.headers(BODY)).status_code == 401
    elsewhere = f"/v1/cities/{house.here.id}/readings.csv"
    assert house.ask("POST", elsewhere, content=BODY, headers=device.headers(BODY)).status_code == 401
    query = f"{device.path}?x=1"
    assert house.ask("POST", query, content=BODY, headers=device.headers(BODY)).status_code == 401
    assert house.ask("POST", query, content=BODY, headers=device.headers(BODY, target=query)).status_code == 200
    for late_s, expected in ((LEEWAY_S - 30, 200), (LEEWAY_S + 30, 401), (-LEEWAY_S - 30, 401)):
        headers = device.headers(BODY, late_s=late_s)
        assert house.ask("POST", device.path, content=BODY, headers=headers).status_code == expected


def test_secret_of_a_signed_key_is_no_bearer(house: House, device: Device) -> None:
    """What a device signs with opens nothing by itself, and neither does its id."""
    for credential in (device.secret.hex(), f"samram_{device.key_id}_{device.secret.hex()}"):
        assert house.ask("POST", device.path, credential, json=reading("signer")).status_code == 401
