"""What a sender says, in one shape: a report, checked as far as it can be without knowing the city.

Every way in (``plain``, ``things_stack``, ``chirpstack``, ``ngsi_ld``, ``csv_rows``) is a pure function from what was
sent to a list of these. Nothing is converted silently: ``true`` is no number, ``"0.4"`` is none either.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
LARGEST_COUNTER: Final = 2**63 - 1
MOST_TEXT: Final = 200
"""Characters of an id. Our own figure."""
OLDEST_LIVE_US: Final = 400 * DAY_US
"""A sensor's clock that stands further behind was never set (1970, 2000). Our own figure: a year and some weeks."""
OLDEST_KEPT_US: Final = int(dt.datetime(2000, 1, 2, tzinfo=dt.UTC).timestamp()) * SECOND_US
"""Of files with a city's history."""
AHEAD_US: Final = 600 * SECOND_US
"""So far may a sender's clock run ahead. Our own figure: ten minutes."""

_UNSAFE: Final = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


class Kind(StrEnum):
    """Who says what."""

    READING = "reading"
    EMPTYING = "emptying"
    TAP = "tap"
    CITIZEN = "citizen"


class Rejected(ValueError):
    """A report that is not stored as a reading.

    Parameters
    ----------
    reason
        Stable, for programs: ``naive-time``.
    detail
        A sentence: what was found, and what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Refused(Rejected):
    """A report that cannot even be kept aside as somebody's reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One reading as its sender means it.

    Parameters
    ----------
    raw
        What it was made from; kept if it must be put aside.
    device, container
        One of them is named at least.
    time_us
        Microseconds since 1970-01-01, UTC.
    counter, session
        The device's own count of messages, and in which session it counts (a LoRaWAN join).
    fill
        0..1; None where only a distance, a weight or an emptying is known.
    values, payload, port
        What a network server decoded, or the bytes that the device's codec must decode.
    """

    raw: Any
    time_us: int
    device: str | None = None
    container: str | None = None
    counter: int | None = None
    session: str | None = None
    kind: Kind = Kind.READING
    fill: float | None = None
    kg: float | None = None
    distance_mm: float | None = None
    battery: float | None = None
    temperature_c: float | None = None
    tilted: bool = False
    values: Mapping[str, Any] | None = None
    payload: bytes | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What could not be made a report, with its reason.

    Parameters
    ----------
    refused
        It is not even kept: it is nobody's reading.
    """

    raw: Any
    reason: str
    detail: str
    refused: bool = False

    @staticmethod
    def of(raw: Any, error: Rejected) -> Aside:
        """Return what was rejected, with its raw form."""
        return Aside(raw=raw, reason=error.reason, detail=error.detail, refused=isinstance(error, Refused))


Item = Report | Aside


def microseconds(moment: dt.datetime) -> int:
    """Return an aware moment as microseconds since 1970, UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(time_us: int) -> dt.datetime:
    """Return microseconds since 1970 as an aware moment, UTC."""
    return EPOCH + time_us * MICROSECOND


def an_object(raw: Any, what: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    Refused
        If it is anything else.
    """
    if not isinstance(raw, dict):
        raise Refused("not-an-object", f"{what} is a JSON object; {_kind(raw)} was sent.")
    return raw


def a_time(value: Any, field: str = "time") -> int:
    """Return a moment in ISO 8601 as microseconds; digits beyond the sixth are cut.

    Raises
    ------
    Rejected
        If it is no text, no moment, or has no offset from UTC.
    """
    if value is None:
        raise Rejected("no-time", f"{field} is missing; a time such as 2026-11-22T07:30:00+07:00 is expected.")
    if not isinstance(value, str) or not 16 <= len(value) <= 40:  # noqa: PLR2004 - "2026-11-22T07:30" and nanoseconds
        raise Rejected("bad-time", f"{field} is {_shown(value)}; a time such as 2026-11-22T07:30:00+07:00 is expected.")
    try:
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise Rejected("naive-time", f"{field} is {_shown(value)}, without an offset; Z or +07:00 is expected.")
        return microseconds(moment)
    except (ValueError, OverflowError) as error:
        if isinstance(error, Rejected):
            raise
        raise Rejected("bad-time", f"{field} is {_shown(value)}; no such moment exists.") from error


def a_number(values: Mapping[str, Any], field: str, low: float, high: float, *, reason: str) -> float | None:
    """Return a number between two bounds, or None where it is absent or null.

    Raises
    ------
    Rejected
        If it is no finite number, or outside.
    """
    value = values.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(reason, f"{field} is {_shown(value)}; a number from {low:g} to {high:g} is expected.")
    if not (math.isfinite(value) if isinstance(value, float) else True) or not low <= value <= high:
        raise Rejected(reason, f"{field} is {_shown(value)}; a number from {low:g} to {high:g} is expected.")
    return float(value)


def a_counter(value: Any, field: str = "counter") -> int | None:
    """Return a count of messages, or None where there is none.

    Raises
    ------
    Rejected
        If it is no integer from 0 to 2^63 - 1.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNTER:
        raise Rejected("bad-counter", f"{field} is {_shown(value)}; an integer from 0 to 2^63 - 1 is expected.")
    return value


def a_name(value: Any, field: str) -> str | None:
    """Return an id, or None where it is absent or empty.

    Raises
    ------
    Rejected
        If it is no text, is too long, or holds characters that cannot be stored or shown.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MOST_TEXT or _UNSAFE.search(value) or value[0] == "@":
        raise Rejected(
            "bad-id", f"{field} is {_shown(value)}; text of at most {MOST_TEXT} printable characters is expected."
        )
    return value


def a_flag(value: Any, field: str) -> bool:
    """Return a boolean; absent is false.

    Raises
    ------
    Rejected
        If it is anything else.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Rejected("bad-value", f"{field} is {_shown(value)}; true or false is expected.")


def device_id(text: str) -> str:
    """Return a device's id as it is stored: a LoRaWAN EUI is the same in upper and lower case."""
    return text.lower()


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), "something else")


def _shown(value: Any) -> str:
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, a list of thousands of levels
        return f"<{type(value).__name__}>"
    return text if len(text) <= 60 else text[:60] + "..."  # noqa: PLR2004 - enough to find it again
