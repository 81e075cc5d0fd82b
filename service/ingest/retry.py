"""What was put aside, given to the writer again: a container, a device or a city that was missing is there by now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from service.ingest import lorawan, ngsi_ld, plain
from service.ingest.report import OLDEST_KEPT_US, OLDEST_LIVE_US, Aside, Item, microseconds
from service.ingest.store import Batch

if TYPE_CHECKING:
    from service.db.models import QuarantineRow

MAY_HEAL: Final = frozenset(
    {
        "no-calibration",
        "no-container",
        "retired-device",
        "unknown-city",
        "unknown-container",
        "unknown-device",
        "wrong-city",
        "wrong-container",
    }
)
"""Reasons that lie in what is known of the city, and not in the message."""


def again(row: QuarantineRow) -> Batch:
    """Return a message as it came, at the time at which it came."""
    received_us = microseconds(row.received_at)
    oldest_us = OLDEST_KEPT_US if row.source == "csv" else received_us - OLDEST_LIVE_US
    return Batch(
        city_id=row.city_id, source=row.source, items=_items(row), received_us=received_us, oldest_us=oldest_us
    )


def _items(row: QuarantineRow) -> list[Item]:
    try:
        raw = json.loads(row.raw)
    except ValueError:  # it was longer than what is kept
        return [Aside(raw=row.raw, reason=row.reason, detail=row.detail)]
    if row.source == "things-stack":
        return lorawan.things_stack(raw)
    if row.source == "chirpstack" or (row.source == "mqtt" and _is_event(raw)):
        return lorawan.chirpstack(raw)
    if row.source == "ngsi-ld":
        return ngsi_ld.reports(raw)
    return plain.reports(raw, city_id=row.city_id)


def _is_event(raw: Any) -> bool:
    return isinstance(raw, dict) and "deviceInfo" in raw
