"""Uplinks as LoRaWAN network servers send them: The Things Stack v3 and ChirpStack v4."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from service.ingest.report import (
    Aside,
    Item,
    Refused,
    Rejected,
    Report,
    a_counter,
    a_name,
    a_time,
    an_object,
    device_id,
)


def things_stack(raw: Any) -> list[Item]:
    """Read a webhook of The Things Stack v3; fields that are "", 0 or false are absent in it."""
    return _one(raw, _things_stack)


def chirpstack(raw: Any, event: str = "up") -> list[Item]:
    """Read an event of ChirpStack v4; only ``up`` carries readings."""
    if event != "up":
        return [Aside(raw=raw, reason="no-uplink", detail="Only event up carries readings.", refused=True)]
    return _one(raw, _chirpstack)


def _one(raw: Any, read: Any) -> list[Item]:
    try:
        return [read(raw)]
    except Rejected as error:
        return [Aside.of(raw, error)]


def _things_stack(raw: Any) -> Report:
    message = an_object(raw, "A webhook's body")
    ids = message.get("end_device_ids")
    uplink = message.get("uplink_message")
    if not isinstance(ids, dict):
        raise Refused("nobody", "The webhook names no device in end_device_ids.")
    if not isinstance(uplink, dict):
        raise Refused("no-uplink", "The webhook has no uplink_message; only uplinks carry readings.")
    device = a_name(ids.get("dev_eui"), "dev_eui") or a_name(ids.get("device_id"), "device_id")
    if device is None:
        raise Refused("nobody", "The webhook names no device in end_device_ids.")
    time = uplink.get("received_at") or message.get("received_at")
    return Report(
        raw=raw,
        device=device_id(device),
        time_us=a_time(time, "received_at"),
        counter=a_counter(uplink.get("f_cnt", 0), "f_cnt"),
        session=a_name(uplink.get("session_key_id"), "session_key_id"),
        values=_values(uplink.get("decoded_payload"), "decoded_payload"),
        payload=_bytes(uplink.get("frm_payload"), "frm_payload"),
        port=a_counter(uplink.get("f_port", 0), "f_port"),
    )


def _chirpstack(raw: Any) -> Report:
    message = an_object(raw, "An event's body")
    info = message.get("deviceInfo")
    device = a_name(info.get("devEui"), "devEui") if isinstance(info, dict) else None
    if device is None:
        raise Refused("nobody", "The event names no device in deviceInfo.devEui.")
    return Report(
        raw=raw,
        device=device_id(device),
        time_us=a_time(message.get("time")),
        counter=a_counter(message.get("fCnt", 0), "fCnt"),
        # Every join gives the device another address and counts from 0 again.
        session=a_name(message.get("devAddr"), "devAddr"),
        values=_values(message.get("object"), "object"),
        payload=_bytes(message.get("data"), "data"),
        port=a_counter(message.get("fPort", 0), "fPort"),
    )


def _values(value: Any, field: str) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    raise Rejected("bad-payload", f"{field} is not an object.")


def _bytes(value: Any, field: str) -> bytes | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Rejected("bad-payload", f"{field} is not base64.")
