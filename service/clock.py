"""Seconds of the service day as clock time in the city, and the present moment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable


def local_clock(service_date: dt.date, timezone: str) -> Callable[[int], str]:
    """Return a function from seconds after local midnight to ISO 8601 with the zone's offset.

    Windows and shifts are written in clock time, so 14,400 s reads 04:00 on every day, also on the two days a year on
    which some zones change their offset; the offset shown is the one in force at that clock time.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        If the time zone is unknown.
    """
    zone = ZoneInfo(timezone)
    midnight = dt.datetime.combine(service_date, dt.time(), tzinfo=zone)

    def clock(seconds: int) -> str:
        # Adding to an aware datetime moves the clock's hands and looks the offset up anew: just what is wanted.
        return (midnight + dt.timedelta(seconds=seconds)).isoformat()

    return clock


def utc_now() -> dt.datetime:
    """Return the present moment, aware, in UTC: the only clock that the service reads for what it stores or decides."""
    return dt.datetime.now(dt.UTC)
