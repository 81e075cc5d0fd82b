"""Holds a report against what is known of its city: it becomes a row of the table of readings, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.ingest.codecs import decode
from service.ingest.report import AHEAD_US, DAY_US, SECOND_US, Rejected, Report, moment_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from service.ingest.places import Device, Place

NO_COUNTER = -1


def row_of(
    report: Report,
    place: Place,
    devices: Mapping[str, Device],
    strangers: Collection[str],
    *,
    source: str,
    received_us: int,
    oldest_us: int,
) -> dict[str, Any]:
    """Return the row that a report becomes.

    Parameters
    ----------
    devices
        The registered ones among those that are named; they go before the sensors of the city's files.
    strangers
        Devices that are registered in another city.
    oldest_us
        No reading may be older.

    Raises
    ------
    Rejected
        With the reason why it is put aside.
    """
    _in_time(report.time_us, received_us, oldest_us)
    device = None if report.device is None else _device(report, place, devices, strangers)
    container = _container(report, place, device)
    fill, distance_mm = report.fill, report.distance_mm
    battery, temperature_c, tilted = report.battery, report.temperature_c, report.tilted
    if report.values is not None or report.payload is not None or report.port is not None:
        said = decode(None if device is None else device.codec, report.values, report.payload)
        fill, distance_mm, battery, temperature_c, tilted = (
            said.fill,
            said.distance_mm,
            said.battery,
            said.temperature_c,
            said.tilted,
        )
    if fill is None and distance_mm is not None and not tilted:
        if device is None or device.calibration is None:
            raise Rejected("no-calibration", "A distance was sent, and no calibration of its device is known.")
        fill = device.calibration.fill(distance_mm)
    return {
        "city_id": place.city_id,
        "device": report.device or f"@{report.kind.value}/{container}",
        "counter": NO_COUNTER if report.counter is None else report.counter,
        # Without a session a counter is held against those of its own day alone: devices that restart begin anew. Where
        # nobody counts a session says nothing, and the first of two reports of one moment would have settled it.
        "session": (report.counter is not None and report.session) or f"day {report.time_us // DAY_US}",
        "container": container,
        "time_us": report.time_us,
        "kind": report.kind.value,
        "fill": fill,
        "kg": report.kg,
        "distance_mm": distance_mm,
        "battery": battery,
        "temperature_c": temperature_c,
        "tilted": tilted,
        "source": source,
        "received_us": received_us,
    }


def _in_time(time_us: int, received_us: int, oldest_us: int) -> None:
    if time_us > received_us + AHEAD_US:
        raise Rejected(
            "far-off-time",
            f"The reading is {(time_us - received_us) // SECOND_US} s ahead of the server's clock; at most "
            f"{AHEAD_US // SECOND_US} s are expected.",
        )
    if time_us < oldest_us:
        raise Rejected(
            "far-off-time",
            f"The reading is of second {time_us // SECOND_US} since 1970, before {moment_of(oldest_us).date()}; older "
            "ones than a year and some weeks are taken from a file only.",
        )


def _device(report: Report, place: Place, devices: Mapping[str, Device], strangers: Collection[str]) -> Device:
    assert report.device is not None
    device = devices.get(report.device) or place.sensors.get(report.device)
    if device is None:
        if report.device in strangers:
            raise Rejected("wrong-city", f"Device {report.device!r} is registered in another city.")
        raise Rejected("unknown-device", f"There is no device {report.device!r} in city {place.city_id!r}.")
    if (device.from_us is not None and report.time_us < device.from_us) or (
        device.to_us is not None and report.time_us >= device.to_us
    ):
        raise Rejected("retired-device", f"Device {report.device!r} did not serve at the time of the reading.")
    return device


def _container(report: Report, place: Place, device: Device | None) -> str:
    container = report.container if device is None else device.container
    if container is None:
        raise Rejected("no-container", f"Device {report.device!r} is registered without a container.")
    if report.container not in (None, container):
        raise Rejected(
            "wrong-container", f"The reading says container {report.container!r}; its device sits in {container!r}."
        )
    if container not in place.containers:
        raise Rejected(
            "unknown-container", f"City {place.city_id!r} has no container {container!r}, or has it no longer."
        )
    return container
