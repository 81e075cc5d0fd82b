"""Run-sheets: a route on paper for its crew, in their language, with a code that opens it on a phone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.export.pdf import pdf
from service.export.sketch import route_sketch

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

_LOCALES: Final = Path(__file__).parents[1] / "web" / "locales"
_M_PER_KM: Final = 1000
_KG_PER_T: Final = 1000

Feature = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the sheet of one route is made from.

    Attributes
    ----------
    route
        The features of the driver's map (``geodata.maps.geojson``), in the crew's language.
    code
        What opens the route on a phone, as it is typed.
    qr_svg
        The same as a picture, with the address.
    """

    vehicle: str
    shift: str
    route: Sequence[Feature]
    code: str
    qr_svg: str


def run_sheets(
    sheets: Sequence[Sheet],
    *,
    city: str,
    date: dt.date,
    streets: Sequence[Feature],
    attribution: str,
    language: str,
) -> bytes:
    """Set a document with a chapter for each route, each beginning on a page of its own.

    Parameters
    ----------
    streets
        Lines of the city's streets, drawn under the route.
    language
        ``en`` or ``km``.

    Raises
    ------
    ExportMissing
        If the package typst is not installed.
    """
    words = catalogue(language)
    pictures = {f"qr-{number}.svg": sheet.qr_svg for number, sheet in enumerate(sheets)}
    pictures |= {f"map-{number}.svg": route_sketch(sheet.route, streets) for number, sheet in enumerate(sheets)}
    data = {
        "language": language,
        "city": city,
        "day": day_in_words(date, words),
        "foot": attribution,
        "words": {key.removeprefix("sheet."): text for key, text in words.items() if key.startswith("sheet.")},
        "sheets": [_chapter(sheet, words) | {"number": number} for number, sheet in enumerate(sheets)],
    }
    return pdf("runsheet", data, pictures=pictures)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return all that the pages and papers say in a language."""
    found: dict[str, str] = json.loads((_LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def day_in_words(date: dt.date, words: Mapping[str, str]) -> str:
    """Return a service day as it is written in a catalogue's language, with its year."""
    day = words["date"].format(
        weekday=words[f"weekday.{date.isoweekday() % 7}"], day=date.day, month=words[f"month.{date.month}"]
    )
    return f"{day} {date.year}"


def _chapter(sheet: Sheet, words: Mapping[str, str]) -> dict[str, Any]:
    steps = [one["properties"] for one in sheet.route if one["properties"]["kind"] != "trip"]
    visits = [step for step in steps if step["kind"] == "visit"]
    metres = sum(step["leg_distance_m"] for step in steps)
    hours = (steps[-1]["arrival_s"] - steps[0]["departure_s"]) / 3600 if steps else 0.0
    kg = sum(step["demand_kg"] for step in visits)
    figures = words["route.figures"].format(
        km=f"{metres / _M_PER_KM:.1f}", hours=f"{hours:.1f}", tonnes=f"{kg / _KG_PER_T:.1f}"
    )
    stops = len({step["stop_number"] for step in visits})
    return {
        "vehicle": sheet.vehicle,
        "shift": sheet.shift,
        "hours": f"{_clock(steps[0]['departure'])} – {_clock(steps[-1]['arrival'])}" if steps else "",
        "figures": f"{_counted('stops', stops, words)} · {figures}",
        "code": sheet.code,
        "rows": [_row(step, words) for step in steps],
    }


def _row(step: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """Return one line: a stop to tick off, or what is done between stops."""
    row = {"stop": step["kind"] == "visit", "time": _clock(step["start"])}
    if step["kind"] != "visit":
        return row | {"number": "", "place": words[f"step.{step['kind']}"].format(place=step["id"]), "what": ""}
    street = next((turn["street"] for turn in reversed(step.get("way", [])) if turn["street"]), "")
    stream = words.get(f"stream.{step['stream']}", step["stream"])
    count = len(step["containers"])
    what = f"{stream}, {step['demand_kg']:,} {words['sheet.kg']}"
    return row | {
        "number": str(step["stop_number"]),
        "place": f"{step['stop']}{f' · {street}' if street else ''}",
        "what": f"{count} × {what}" if count > 1 else what,
    }


def _counted(key: str, count: int, words: Mapping[str, str]) -> str:
    one = words.get(f"{key}.one") if count == 1 else None
    return (one or words[f"{key}.other"]).format(count=f"{count:,}")


def _clock(moment: str) -> str:
    """Return the hours and minutes of a moment that carries the city's offset (ISO 8601)."""
    return moment[11:16]
