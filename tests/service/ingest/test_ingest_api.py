"""Devices, quarantine, forecasts and entities over HTTP."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from service.ingest.report import DAY_US, moment_of
from service.ingest.writer import now_us

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

EUI = "24E124713B123456"


def ago(days: float = 0) -> str:
    """Return a moment before now."""
    return moment_of(now_us() - int(days * DAY_US)).isoformat()


@pytest.fixture
def containers(client: TestClient, city_id: str) -> list[str]:
    """Return the ids of the city's containers."""
    return [one["id"] for one in client.get(f"/v1/cities/{city_id}/containers").json()["features"]]


def uplink(distance_mm: int, counter: int) -> dict[str, Any]:
    """Return an uplink of The Things Stack with an EM400's bytes."""
    payload = bytes.fromhex("01755c0482") + distance_mm.to_bytes(2, "little") + bytes.fromhex("050000")
    return {
        "end_device_ids": {"device_id": "bin", "dev_eui": EUI},
        "uplink_message": {
            "session_key_id": "s",
            "f_cnt": counter,
            "f_port": 85,
            "frm_payload": base64.b64encode(payload).decode(),
            "received_at": ago(),
        },
    }


def test_calibrated_sensor_from_its_bytes_to_its_fill(client: TestClient, city_id: str, containers: list[str]) -> None:
    """A registered sensor's uplink is a fill by its calibration; before that it waits in quarantine."""
    way = f"/v1/cities/{city_id}/ingest/things-stack"
    assert client.post(way, json=uplink(700, 1)).json()["results"][0]["reason"] == "unknown-device"
    body = {"container": containers[0], "codec": "milesight-em400", "empty_mm": 1200, "full_mm": 200}
    device = f"/v1/cities/{city_id}/devices/{EUI}"
    assert [client.put(device, json=body).status_code for _ in range(2)] == [201, 200]
    assert client.post(way, json=uplink(700, 2)).json()["results"] == [{"status": "stored"}]
    found = client.get(device).json()
    assert (found["id"], found["last_counter"], found["battery_percent"]) == (EUI.lower(), 2, 92)
    [reading] = client.get(f"/v1/cities/{city_id}/readings", params={"device": EUI}).json()["readings"]
    assert (reading["fill"], reading["distance_mm"]) == (0.5, 700)
    assert client.delete(device).json()["last_counter"] == 2
    assert client.get(device).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"container": "nowhere"},
        {"empty_mm": 1200},
        {"empty_mm": 200, "full_mm": 200},
        {"codec": "morse"},
        {"active_from": "2026-11-22T00:00:00"},
        {"active_from": "9999-12-31T23:59:59-14:00"},
        {"active_from": "2026-11-22T00:00:00Z", "active_to": "2026-11-22T00:00:00Z"},
        {"offset_mm": True},
    ],
)
def test_wrong_device_is_refused(client: TestClient, city_id: str, body: dict[str, Any]) -> None:
    """A device that cannot be is answered 422 with the field that is wrong."""
    reply = client.put(f"/v1/cities/{city_id}/devices/em1", json=body)
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:samram:problem:invalid-request")


def test_quarantine_is_looked_at_and_settled(client: TestClient, city_id: str) -> None:
    """What was put aside is listed as it came, until somebody settles it."""
    way = f"/v1/cities/{city_id}/quarantine"
    for number in range(3):
        client.post(f"/v1/cities/{city_id}/readings", json={"container": f"no-{number}", "time": ago(), "fill": 0.4})
    first = client.get(way, params={"limit": 2}).json()
    assert ([one["container"] for one in first["messages"]], first["more"]) == (["no-2", "no-1"], True)
    rest = client.get(way, params={"before": first["messages"][-1]["id"]}).json()
    assert ([one["container"] for one in rest["messages"]], rest["more"]) == (["no-0"], False)
    number = rest["messages"][0]["id"]
    assert client.post(f"{way}/{number}/resolve").json()["resolved_at"]
    assert [one["id"] for one in client.get(way, params={"resolved": True}).json()["messages"]] == [number]
    assert client.post(f"{way}/{number + 99}/resolve").status_code == 404


def test_reading_is_judged_again_once_its_device_is_known(
    client: TestClient, city_id: str, containers: list[str]
) -> None:
    """What an unknown device said is stored when it is judged again after it was registered, one by one or all."""
    way = f"/v1/cities/{city_id}/quarantine"
    for number in range(3):
        client.post(f"/v1/cities/{city_id}/ingest/things-stack", json=uplink(700, number))
    client.post(f"/v1/cities/{city_id}/readings", json={"container": "nowhere", "time": ago(), "fill": 0.4})
    nowhere, newest, *_ = client.get(way).json()["messages"]
    assert client.post(f"{way}/{newest['id']}/retry").json()["resolved_at"] is None
    body = {"container": containers[0], "codec": "milesight-em400", "empty_mm": 1200, "full_mm": 200}
    client.put(f"/v1/cities/{city_id}/devices/{EUI}", json=body)
    assert client.post(f"{way}/{newest['id']}/retry").json()["resolved_at"]
    assert client.post(f"{way}/retry").json() == {"tried": 3, "settled": 2, "next_before": None}
    stored = client.get(f"/v1/cities/{city_id}/readings", params={"device": EUI}).json()["readings"]
    assert [one["fill"] for one in stored] == [0.5] * 3
    assert [one["id"] for one in client.get(way).json()["messages"]] == [nowhere["id"]]


def test_what_can_never_be_believed_is_not_judged_again(
    client: TestClient, city_id: str, containers: list[str]
) -> None:
    """A message whose fault lies in itself is refused a second judgement with 409, and left out of one of all."""
    way = f"/v1/cities/{city_id}/quarantine"
    client.post(f"/v1/cities/{city_id}/readings", json={"container": containers[0], "time": ago(), "fill": 5})
    [found] = client.get(way).json()["messages"]
    assert client.post(f"{way}/{found['id']}/retry").status_code == 409
    assert client.post(f"{way}/retry", params={"reason": found["reason"]}).json()["tried"] == 0


def test_full_container_is_forecast_to_overflow(client: TestClient, city_id: str, containers: list[str]) -> None:
    """A container seen full is sure to be full each day; one just emptied is emptier than it; all are on the map."""
    full, emptied = containers[:2]
    history = [
        {"container": container, "time": ago(day), "fill": 1 - (day % 4) / 4}
        for container in containers[:20]
        for day in range(2, 40)
    ]
    history += [
        {"container": full, "time": ago(0.1), "fill": 1.0},
        {"container": emptied, "time": ago(0.1), "kind": "emptying"},
    ]
    assert client.post(f"/v1/cities/{city_id}/readings", json=history).json()["stored"] == len(history)
    told = client.get(f"/v1/cities/{city_id}/forecasts", params={"days": 2}).json()
    found = {one["container"]: one["days"] for one in told["containers"]}
    assert set(found) == set(containers)
    assert [day["overflow_probability"] for day in found[full]] == [1, 1]
    assert found[emptied][0]["fill"] < found[full][0]["fill"]
    for days in found.values():
        assert all(0 <= day["fill_low"] <= day["fill"] <= day["fill_high"] <= 1 for day in days)
    features = client.get(f"/v1/cities/{city_id}/forecasts.geojson").json()["features"]
    assert {feature["id"] for feature in features} == set(containers)


def test_city_without_readings_has_forecasts(client: TestClient, city_id: str, containers: list[str]) -> None:
    """A city that never sent a reading gets forecasts for all its containers, too."""
    told = client.get(f"/v1/cities/{city_id}/forecasts").json()
    assert {one["events"] for one in told["containers"]} == {0}
    assert len(told["containers"]) == len(containers)


@pytest.mark.parametrize("options", ["normalized", "keyValues"])
def test_entities_tell_the_newest(client: TestClient, city_id: str, containers: list[str], options: str) -> None:
    """A container's entity has its newest fill and its last emptying, and each lift is an entity of its own."""
    name = containers[0]
    readings = [
        {"container": name, "time": ago(2), "fill": 0.9},
        {"container": name, "time": ago(1.5), "kind": "emptying", "kg": 81.5},
        {"container": name, "time": ago(1), "fill": 0.2},
    ]
    client.post(f"/v1/cities/{city_id}/readings", json=readings)
    way = f"/v1/cities/{city_id}/ngsi-ld"
    entities = client.get(f"{way}/WasteContainer", params={"options": options}).json()
    [found] = [one for one in entities if one["id"].endswith(f":{name}")]
    level = found["fillingLevel"]
    assert (level if options == "keyValues" else level["value"]) == 0.2
    assert "dateLastEmptying" in found
    [lift] = client.get(f"{way}/WasteObserved", params={"options": options}).json()
    weight = lift["binWeight"]
    assert (weight if options == "keyValues" else weight["value"]) == 81.5


@pytest.mark.parametrize("days", [1, 2, 3, 14])
def test_city_of_which_nothing_was_said_is_foretold(client: TestClient, city_id: str, days: int) -> None:
    """However many days are asked for, a city without any reading gets its forecast."""
    reply = client.get(f"/v1/cities/{city_id}/forecasts", params={"days": days})
    assert reply.status_code == 200
    assert all(len(container["days"]) == days for container in reply.json()["containers"])
