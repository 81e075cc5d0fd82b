"""A city's history as a CSV file: container_id or device_id, time, and the fields of a plain reading.

Times without an offset are the city's wall clock, as in every file that a city hands in.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any, Final

from service.ingest.plain import report
from service.ingest.report import Aside, Item, Refused, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

TEXTS: Final = {
    "container_id": "container",
    "device_id": "device",
    "time": "time",
    "kind": "kind",
    "session": "session",
}
NUMBERS: Final = ("fill", "fill_percent", "kg", "distance_mm", "battery_percent", "temperature_c")
COLUMNS: Final = (*TEXTS, *NUMBERS, "counter", "tilted")


def reports(body: bytes, *, city_id: str, zone: ZoneInfo) -> Iterator[tuple[int, Item]]:
    """Read a file; each row with its line as an editor counts, the header being line 1.

    Raises
    ------
    Refused
        If it is no UTF-8, or its header lacks what every reading needs or has what none has.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("not-utf-8", f"The file is no UTF-8: byte {error.start} cannot be read.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    header = _header(rows)
    if "time" not in header or not {"container_id", "device_id"} & set(header):
        raise Refused("bad-header", "Line 1: the columns time and container_id (or device_id) are expected.")
    if unknown := [name for name in header if name not in COLUMNS]:
        raise Refused("bad-header", f"Line 1: no column {unknown[0][:50]!a} is known; known are {', '.join(COLUMNS)}.")
    return _rows(rows, city_id, zone)


def _header(rows: csv.DictReader[str]) -> list[str]:
    try:
        return list(rows.fieldnames or ())
    except csv.Error as error:
        raise Refused("bad-header", f"Line 1: {error}.") from error


def _rows(rows: csv.DictReader[str], city_id: str, zone: ZoneInfo) -> Iterator[tuple[int, Item]]:
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Aside(raw=f"line {line}", reason="bad-row", detail=f"Line {line}: {error}.", refused=True)
            continue
        yield line, _item(line, row, city_id, zone)


def _item(line: int, row: dict[str, Any], city_id: str, zone: ZoneInfo) -> Item:
    try:
        return report(_fields(row, zone), city_id=city_id)
    except Rejected as error:
        return Aside(
            raw=row, reason=error.reason, detail=f"Line {line}: {error.detail}", refused=isinstance(error, Refused)
        )


def _fields(row: dict[str, str | None], zone: ZoneInfo) -> dict[str, Any]:
    """Return a row as the fields of a plain reading."""
    if row.pop("", None) is not None:
        raise Rejected("bad-row", "There are more cells than the header has columns.")
    found: dict[str, Any] = {field: row.get(column) or None for column, field in TEXTS.items()}
    for column in NUMBERS:
        found[column] = _number(column, row.get(column), float)
    found["counter"] = _number("counter", row.get("counter"), int)
    if row.get("tilted"):
        found["tilted"] = {"true": True, "false": False, "1": True, "0": False}.get(str(row["tilted"]).lower(), "?")
    found["time"] = _with_offset(found["time"], zone)
    return found


def _number(column: str, text: str | None, kind: type[int | float]) -> Any:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise Rejected("bad-value", f"{column} is {text[:50]!a}; a number is expected.") from None


def _with_offset(text: Any, zone: ZoneInfo) -> Any:
    """Give a time of the city's wall clock its offset; what is no time is left for the reading's own check."""
    try:
        moment = dt.datetime.fromisoformat(text)
        return text if moment.tzinfo is not None else moment.replace(tzinfo=zone).isoformat()
    except (TypeError, ValueError, OverflowError):
        return text
