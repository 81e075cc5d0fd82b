"""Every form in which senders speak: golden messages, and what they become."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import csv_rows, lorawan, ngsi_ld, plain
from service.ingest.body import json_of
from service.ingest.calibration import SHAPES, Calibration, share_of_volume
from service.ingest.codecs import decode
from service.ingest.report import Aside, Item, Kind, Refused, Rejected, Report, a_time

SEVEN_US = a_time("2026-11-22T07:00:00+07:00")
EM400 = {"battery": 92, "temperature": 25.7, "distance": 1116, "position": "normal"}

THINGS_STACK = {
    "end_device_ids": {"device_id": "bin-17", "dev_eui": "24E124713B123456", "join_eui": "24E124C0002A0001"},
    "received_at": "2026-11-22T00:00:00.512345678Z",
    "uplink_message": {
        "session_key_id": "AZOpT1==",
        "f_port": 85,
        "f_cnt": 41,
        "frm_payload": "AXVcA2cBAQSCXAQFAAA=",
        "decoded_payload": EM400,
        "received_at": "2026-11-22T00:00:00.301234567Z",
    },
}
CHIRPSTACK = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2026-11-22T00:00:00.301234567+00:00",
    "deviceInfo": {"devEui": "24e124713b123456", "deviceName": "bin-17", "tags": {}},
    "devAddr": "00189440",
    "fCnt": 41,
    "fPort": 85,
    "data": "AXVcA2cBAQSCXAQFAAA=",
    "object": EM400,
}
ENTITY = {
    "id": "urn:ngsi-ld:WasteContainer:siem-reap:C1",
    "type": "WasteContainer",
    "fillingLevel": {"type": "Property", "value": 0.4, "observedAt": "2026-11-22T00:00:00Z"},
    "binFullnessThreshold": {"type": "Property", "value": 80},
    "dateLastEmptying": {
        "type": "Property",
        "value": {"@type": "DateTime", "@value": "2026-11-21T00:00:00Z"},
    },
}
KEY_VALUES = {
    "id": "urn:ngsi-ld:WasteContainer:siem-reap:C1",
    "type": "WasteContainer",
    "fillingLevel": 0.4,
    "binLoggedTime": "2026-11-22T00:00:00Z",
}


def only(items: list[Item]) -> Report:
    """Return the one report that was read."""
    [item] = items
    assert isinstance(item, Report), item
    return item


def aside(items: list[Item]) -> Aside:
    """Return the one item that was put aside."""
    [item] = items
    assert isinstance(item, Aside), item
    return item


def test_things_stack_uplink() -> None:
    """An uplink is its device's EUI, the time at the server, counter, session, and what was decoded."""
    found = only(lorawan.things_stack(THINGS_STACK))
    assert (found.device, found.counter, found.session, found.port) == ("24e124713b123456", 41, "AZOpT1==", 85)
    assert found.time_us == SEVEN_US + 301_234
    assert found.values == EM400


def test_things_stack_leaves_out_zeros() -> None:
    """An absent counter is 0, an absent payload none, and a device without EUI goes by its name."""
    uplink = {"received_at": "2026-11-22T00:00:00Z"}
    found = only(lorawan.things_stack({"end_device_ids": {"device_id": "bin-17"}, "uplink_message": uplink}))
    assert (found.device, found.counter, found.port, found.payload, found.values) == ("bin-17", 0, 0, None, None)


def test_things_stack_events_without_uplink_are_refused() -> None:
    """A join or a downlink is nobody's reading."""
    ids = THINGS_STACK["end_device_ids"]
    found = aside(lorawan.things_stack({"end_device_ids": ids, "join_accept": {}}))
    assert (found.reason, found.refused) == ("no-uplink", True)


def test_chirpstack_uplink() -> None:
    """An event up is its device, its time with nine digits, and its address as the session."""
    found = only(lorawan.chirpstack(CHIRPSTACK))
    assert (found.device, found.counter, found.session) == ("24e124713b123456", 41, "00189440")
    assert found.time_us == SEVEN_US + 301_234
    assert found.payload is not None


@pytest.mark.parametrize("event", ["join", "status", "ack", ""])
def test_chirpstack_other_events_are_refused(event: str) -> None:
    """Only event up carries readings."""
    assert aside(lorawan.chirpstack(CHIRPSTACK, event)).reason == "no-uplink"


def test_chirpstack_without_codec_is_decoded_from_its_bytes() -> None:
    """Where no object is sent, the device's codec reads the bytes and says the same."""
    message = {key: value for key, value in CHIRPSTACK.items() if key != "object"}
    found = only(lorawan.chirpstack(message))
    assert decode("milesight-em400", found.values, found.payload) == decode("milesight-em400", EM400, None)


@pytest.mark.parametrize("read", [lorawan.things_stack, lorawan.chirpstack])
@pytest.mark.parametrize(
    "raw", [None, [], 7, "x", {}, {"deviceInfo": []}, {"end_device_ids": {}}, {"end_device_ids": 1}]
)
def test_uplink_of_nobody_is_refused(read: Any, raw: Any) -> None:
    """What names no device is refused, whatever it is."""
    assert aside(read(raw)).refused


def test_ngsi_entity_tells_of_fill_and_emptying() -> None:
    """A normalised entity is a reading at the time it was observed and an emptying; a threshold is neither."""
    emptying, reading = ngsi_ld.reports(ENTITY)
    assert isinstance(emptying, Report)
    assert isinstance(reading, Report)
    assert (emptying.kind, emptying.container, emptying.time_us) == (Kind.EMPTYING, "C1", SEVEN_US - 86_400_000_000)
    assert (reading.kind, reading.container, reading.time_us, reading.fill) == (Kind.READING, "C1", SEVEN_US, 0.4)


def test_ngsi_key_values_say_the_same() -> None:
    """An entity with key-values is the same reading as the normalised one."""
    found = only(ngsi_ld.reports(KEY_VALUES))
    assert (found.container, found.time_us, found.fill) == ("C1", SEVEN_US, 0.4)


def test_ngsi_notification_brings_each_entity() -> None:
    """A broker's notification brings the readings of all entities in its data; one that is wrong is put aside alone."""
    wrong = KEY_VALUES | {"fillingLevel": 40}
    data = [KEY_VALUES, wrong, KEY_VALUES | {"type": "Vehicle"}]
    notification = {"id": "urn:n:1", "type": "Notification", "notifiedAt": "2026-11-22T00:00:01Z", "data": data}
    found = ngsi_ld.reports(notification)
    assert [item.reason if isinstance(item, Aside) else "" for item in found] == [
        "",
        "fill-out-of-range",
        "no-container",
    ]


@pytest.mark.parametrize("key_values", [False, True])
def test_ngsi_out_can_be_read_in(key_values: bool) -> None:  # noqa: FBT001 - one of two forms
    """What we publish of a container is, read again, the same fill at the same time and the same emptying."""
    entity = ngsi_ld.waste_container(
        "siem-reap",
        "C:1",
        lon=103.86,
        lat=13.36,
        volume_l=1_100,
        stream="residual",
        level=(SEVEN_US, 0.4),
        emptied_us=SEVEN_US - 5_000_000,
        key_values=key_values,
    )
    emptying, reading = ngsi_ld.reports(entity)
    assert isinstance(reading, Report)
    assert isinstance(emptying, Report)
    assert (reading.container, reading.time_us, reading.fill) == ("C:1", SEVEN_US, 0.4)
    assert emptying.time_us == SEVEN_US - 5_000_000


@pytest.mark.parametrize("percent", [0, 25, 50, 75, 100])
def test_driver_taps_five_levels(percent: int) -> None:
    """A driver's tap is one of five levels."""
    item = {"container": "C1", "time": "2026-11-22T07:00:00+07:00", "kind": "tap", "fill_percent": percent}
    found = only(plain.reports(item, city_id="a"))
    assert (found.kind, found.fill) == (Kind.TAP, percent / 100)


def test_citizen_who_says_no_more_found_it_full() -> None:
    """A citizen's report without a level is one of a full container."""
    found = only(plain.reports({"container": "C1", "time": "2026-11-22T07:00Z", "kind": "citizen"}, city_id="a"))
    assert found.fill == 1.0


def test_emptying_needs_no_fill() -> None:
    """An emptying may say only what was weighed."""
    item = {"container": "C1", "time": "2026-11-22T07:00Z", "kind": "emptying", "kg": 81.5}
    found = only(plain.reports(item, city_id="a"))
    assert (found.fill, found.kg) == (None, 81.5)


def test_file_names_the_line_of_what_is_wrong() -> None:
    """Rows are read with the city's clock where they have no offset; a wrong one is told with its line."""
    text = (
        "container_id,time,kind,fill,kg\n"
        "C1,2026-11-22 07:00:00,reading,0.4,\n"
        "C1,2026-11-22T07:00:00+07:00,emptying,,81.5\n"
        "C1,2026-11-22 07:00:00,reading,forty,\n"
        "C1,2026-11-22 07:00:00,reading,0.4,,surplus\n"
    )
    rows = list(csv_rows.reports(text.encode(), city_id="a", zone=ZoneInfo("Asia/Phnom_Penh")))
    assert [line for line, _ in rows] == [2, 3, 4, 5]
    reading, emptying, wrong, surplus = (item for _, item in rows)
    assert isinstance(reading, Report)
    assert isinstance(emptying, Report)
    assert reading.time_us == emptying.time_us == SEVEN_US
    assert isinstance(wrong, Aside)
    assert wrong.detail == "Line 4: fill is 'forty'; a number is expected."
    assert isinstance(surplus, Aside)
    assert surplus.detail.startswith("Line 5: ")


@pytest.mark.parametrize("text", [b"", b"time\n", b"container_id,fill\n", b"container_id,time,colour\n", b"\xff"])
def test_file_without_its_columns_is_refused(text: bytes) -> None:
    """A file whose header does not fit, or that is no UTF-8, is refused as a whole."""
    with pytest.raises(Refused):
        csv_rows.reports(text, city_id="a", zone=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("codec", "values", "expected"),
    [
        ("milesight-em400", EM400, {"distance_mm": 1116, "battery": 92, "temperature_c": 25.7}),
        ("milesight-em400", EM400 | {"position": "tilt"}, {"distance_mm": 1116, "tilted": True}),
        ("percent", {"percentCalculated": 40, "temperature": 30}, {"fill": 0.4, "temperature_c": 30}),
        ("dragino-ldds", {"Bat": 3.3, "Distance": "1116 mm", "TempC_DS18B20": "30.1"}, {"distance_mm": 1116}),
        ("dragino-ldds", {"Bat": 3.3, "Distance": 1116}, {"distance_mm": 1116}),
        (None, {"fill": 0.4}, {"fill": 0.4}),
        (None, {"distance": 1116}, {"distance_mm": 1116}),
    ],
)
def test_codec_reads_decoded_values(codec: str | None, values: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each codec finds its sensor's values under the names that the sensor's decoder gives them."""
    found = decode(codec, values, None)
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        (
            "milesight-em400",
            "01755c0367010104825c04050001",
            {"distance_mm": 1116, "temperature_c": 25.7, "tilted": True},
        ),
        ("percent", "28", {"fill": 0.4}),
        ("dragino-ldds", "0ce4045c00012d01", {"distance_mm": 1116, "temperature_c": 30.1}),
    ],
)
def test_codec_reads_bytes(codec: str, payload: str, expected: dict[str, Any]) -> None:
    """Each codec reads its sensor's bytes where the network server does not."""
    found = decode(codec, None, bytes.fromhex(payload))
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("codec", "values", "payload", "reason"),
    [
        ("percent", {"percent": 140}, None, "fill-out-of-range"),
        ("percent", {"percent": -5}, None, "fill-out-of-range"),
        ("percent", {"percent": True}, None, "bad-value"),
        ("percent", {"percent": math.nan}, None, "bad-value"),
        ("percent", {"battery": 50}, None, "no-value"),
        ("percent", None, None, "no-payload"),
        ("dragino-ldds", {"Distance": "No Sensor"}, None, "bad-value"),
        ("dragino-ldds", None, bytes.fromhex("0ce4001400000001"), "nothing-measured"),
        ("milesight-em400", None, bytes.fromhex("048201"), "bad-payload"),
    ],
)
def test_codec_refuses_what_no_sensor_measured(codec: str, values: Any, payload: bytes | None, reason: str) -> None:
    """A message without a value that can be is rejected with its reason."""
    with pytest.raises(Rejected) as caught:
        decode(codec, values, payload)
    assert caught.value.reason == reason


@pytest.mark.parametrize("shape", SHAPES)
@given(heights=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_volume_grows_with_height(shape: Any, heights: list[float]) -> None:
    """Empty is 0, full is 1, and more height never is less volume."""
    assert share_of_volume(0.0, shape) == pytest.approx(0.0)
    assert share_of_volume(1.0, shape) == pytest.approx(1.0)
    assert share_of_volume(heights[0], shape) <= share_of_volume(heights[1], shape) + 1e-9


def test_lying_cylinder_is_half_full_at_half_its_height() -> None:
    """A lying cylinder's halves are equal; a tapered bin holds less in its lower one."""
    assert share_of_volume(0.5, "round") == pytest.approx(0.5)
    assert share_of_volume(0.5, "tapered") < 0.5


def test_calibration_at_its_bounds() -> None:
    """A distance is empty up to a tenth beyond the empty container's, and nothing the sensor could see past that."""
    calibration = Calibration(empty_mm=1_200, full_mm=200)
    assert [calibration.fill(mm) for mm in (0, 200, 700, 1_200, 1_300)] == [1, 1, 0.5, 0, 0]
    assert Calibration(empty_mm=1_200, full_mm=200, offset_mm=-50).fill(750) == 0.5
    with pytest.raises(Rejected):
        calibration.fill(1_300.1)
    with pytest.raises(ValueError, match="is expected"):
        Calibration(empty_mm=200, full_mm=200)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": 1' + b"0" * 5_000 + b"}"])
def test_body_that_is_no_json_is_refused(body: bytes) -> None:
    """Whatever cannot be read at all is refused, never an error of ours."""
    with pytest.raises(Refused):
        json_of(body)


def test_body_with_one_bad_number_is_read() -> None:
    """NaN, a lone surrogate and a large integer in one reading leave the others readable."""
    found = json_of(b'[{"fill": NaN}, {"device": "\\ud800"}, {"counter": 99999999999999999999999}, {"fill": 0.4}]')
    assert found[-1] == {"fill": 0.4}
    assert len(found) == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
GOLDEN = st.sampled_from([THINGS_STACK, CHIRPSTACK, ENTITY, KEY_VALUES, {"container": "C1", "time": "x", "fill": 1}])


def spoilt(golden: Any, path: list[int], junk: Any) -> Any:
    """Return a message with one of its values replaced."""
    if not path or not isinstance(golden, dict) or not golden:
        return junk
    key = sorted(golden)[path[0] % len(golden)]
    return golden | {key: spoilt(golden[key], path[1:], junk)}


@given(golden=GOLDEN, path=st.lists(st.integers(0, 9), max_size=3), junk=JSON)
def test_spoilt_message_is_a_report_or_put_aside(golden: Any, path: list[int], junk: Any) -> None:
    """Whatever stands in a message, every way in gives reports or reasons, and decoding gives values or a reason."""
    raw = spoilt(golden, path, junk)
    items = [
        *lorawan.things_stack(raw),
        *lorawan.chirpstack(raw),
        *ngsi_ld.reports(raw),
        *plain.reports(raw, city_id="a"),
    ]
    for item in items:
        assert isinstance(item, Report | Aside)
        if isinstance(item, Report):
            for codec in ("milesight-em400", None):
                with suppress(Rejected):
                    decode(codec, item.values, item.payload)


@given(st.binary(max_size=30), st.sampled_from(["milesight-em400", "percent", "dragino-ldds"]))
def test_any_bytes_are_decoded_or_rejected(payload: bytes, codec: str) -> None:
    """No bytes make a codec fail otherwise than with a reason."""
    with suppress(Rejected):
        found = decode(codec, None, payload)
        assert found.fill is not None or found.distance_mm is not None
