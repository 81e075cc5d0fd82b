"""Samram's own form of a reading: JSON over HTTP and MQTT, and what drivers tap and citizens report."""

from __future__ import annotations

from typing import Any, Final

from service.ingest.report import (
    Aside,
    Item,
    Kind,
    Refused,
    Rejected,
    Report,
    a_counter,
    a_flag,
    a_name,
    a_number,
    a_time,
    an_object,
    device_id,
)

TAPS_PERCENT: Final = (0, 25, 50, 75, 100)
MOST_KG: Final = 50_000
MOST_MM: Final = 50_000


def reports(raw: Any, *, city_id: str) -> list[Item]:
    """Read one reading, a list of them, or an object with a list ``readings``."""
    if isinstance(raw, dict) and isinstance(raw.get("readings"), list):
        raw = raw["readings"]
    items = raw if isinstance(raw, list) else [raw]
    found: list[Item] = []
    for item in items:
        try:
            found.append(report(item, city_id=city_id))
        except Rejected as error:
            found.append(Aside.of(item, error))
    return found


def report(raw: Any, *, city_id: str) -> Report:
    """Read one reading.

    Raises
    ------
    Rejected
        If it says what cannot be.
    Refused
        If it is no object, or names neither device nor container.
    """
    item = an_object(raw, "A reading")
    device, container = a_name(item.get("device"), "device"), a_name(item.get("container"), "container")
    if device is None and container is None:
        raise Refused("nobody", "A reading names its device or its container; this one names neither.")
    if item.get("city") not in (None, city_id):
        raise Rejected("wrong-city", f"It was sent to city {city_id!r} and says that it is of another one.")
    kind = _kind(item.get("kind"))
    fill = _fill(item, kind)
    kg = a_number(item, "kg", 0, MOST_KG, reason="bad-kg")
    distance_mm = a_number(item, "distance_mm", 0, MOST_MM, reason="bad-distance")
    if kind is Kind.READING and fill is None and distance_mm is None:
        raise Rejected("no-value", "A reading says fill (0..1), fill_percent (0..100) or distance_mm; none is here.")
    return Report(
        raw=raw,
        device=None if device is None else device_id(device),
        container=container,
        time_us=a_time(item.get("time")),
        counter=a_counter(item.get("counter")),
        session=a_name(item.get("session"), "session"),
        kind=kind,
        fill=fill,
        kg=kg,
        distance_mm=distance_mm,
        battery=a_number(item, "battery_percent", 0, 100, reason="bad-value"),
        temperature_c=a_number(item, "temperature_c", -100, 200, reason="bad-value"),
        tilted=a_flag(item.get("tilted"), "tilted"),
    )


def _kind(value: Any) -> Kind:
    if value is None:
        return Kind.READING
    try:
        return Kind(value)
    except ValueError:
        raise Rejected("bad-kind", "kind is reading, emptying, tap or citizen; something else was sent.") from None


def _fill(item: dict[str, Any], kind: Kind) -> float | None:
    fill = a_number(item, "fill", 0, 1, reason="fill-out-of-range")
    percent = a_number(item, "fill_percent", 0, 100, reason="fill-out-of-range")
    if fill is not None and percent is not None:
        raise Rejected("two-fills", "A reading says fill or fill_percent; this one says both.")
    if percent is not None:
        fill = percent / 100
    if kind is Kind.TAP and (fill is None or fill * 100 not in TAPS_PERCENT):
        raise Rejected("bad-tap", "A driver's tap is 0, 25, 50, 75 or 100 percent; something else was sent.")
    if kind is Kind.CITIZEN and fill is None:
        return 1.0  # who reports a container without saying more found it full
    return fill
