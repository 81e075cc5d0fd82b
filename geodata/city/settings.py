"""Reads ``city.toml``: the city's name, its clock, its currency, the defaults of its tables."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from geodata.city.columns import CITY_KEYS, DEFAULT_KEYS, STREAM_DENSITY
from geodata.city.streams import STREAMS, Stream, streams_with
from geodata.city.tables import Row, decode, parse_cell, read_bytes, unknown_name

if TYPE_CHECKING:
    from pathlib import Path

    from geodata.city.columns import Column
    from geodata.city.tables import Findings

FILE = "city.toml"
_CURRENCY = re.compile(r"[A-Z]{3}")
_STREAM_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_TOML_LINE = re.compile(r"at line (\d+)")


@dataclass(slots=True, kw_only=True)
class CitySettings:
    """What ``city.toml`` says; ``city`` and ``defaults`` hold the keys that could be read, by name."""

    city: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=lambda: dict(STREAMS))


def read_settings(folder: Path, findings: Findings) -> CitySettings:
    """Read ``city.toml`` of a city folder.

    Parameters
    ----------
    folder
        The city's folder.
    findings
        Receives every error and warning.

    Returns
    -------
    CitySettings
        With the defaults alone when the file cannot be read, so that the tables can still be checked.
    """
    settings = CitySettings()
    document = _document(folder, findings)
    if document is None:
        for column in DEFAULT_KEYS:
            settings.defaults[column.name] = column.parser.parse(column.default or "")
        return settings
    top = {name: value for name, value in document.items() if name not in {"defaults", "streams"}}
    settings.city = _keys(top, CITY_KEYS, "", findings)
    settings.defaults = _keys(_section(document, "defaults", findings), DEFAULT_KEYS, "defaults.", findings)
    settings.streams = _streams(_section(document, "streams", findings), findings)
    _check_timezone(settings, findings)
    currency = settings.city.get("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        findings.error(
            FILE,
            "this is not a currency code",
            column="currency",
            value=currency,
            expected="three capital letters of ISO 4217, such as USD",
        )
    return settings


def _document(folder: Path, findings: Findings) -> dict[str, Any] | None:
    path = folder / FILE
    if not path.exists():
        findings.error(FILE, "the file is missing", expected="city.toml in the city's folder")
        return None
    data = read_bytes(path, FILE, findings)
    text = None if data is None else decode(data, FILE, findings)
    if text is None:
        return None
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = _TOML_LINE.search(str(error))
        findings.error(
            FILE,
            f"this is not TOML: {error}",
            row=int(line[1]) if line else None,
            expected='lines such as name = "Siem Reap"',
        )
    except RecursionError:
        findings.error(FILE, "the values are nested too deeply", expected='lines such as name = "Siem Reap"')
    return None


def _section(document: dict[str, Any], name: str, findings: Findings) -> dict[str, Any]:
    section = document.get(name, {})
    if isinstance(section, dict):
        return section
    findings.error(FILE, "this is not a table", column=name, value=str(section)[:80], expected=f"a heading [{name}]")
    return {}


def _keys(section: dict[str, Any], columns: tuple[Column, ...], prefix: str, findings: Findings) -> dict[str, Any]:
    values: dict[str, Any] = {}
    known = [column.name for column in columns]
    for name in section:
        if name not in known:
            unknown_name(FILE, name, known, findings)
    for column in columns:
        text = _text(section.get(column.name, ""))
        if text is None:
            findings.error(
                FILE,
                "the value is of another kind",
                column=prefix + column.name,
                value=str(section[column.name])[:80],
                expected=column.parser.expected,
            )
            continue
        row = Row(file=FILE)
        before = len(findings.errors)
        parse_cell(row, column, text, findings)
        if row.ok:
            values[column.name] = row.values[column.name]
        elif prefix:
            # The report names the key as it is reached from the top of the file.
            found = findings.errors.pop(before)
            findings.error(FILE, found.message, column=prefix + column.name, value=found.value, expected=found.expected)
    return values


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return repr(value)
    return value if isinstance(value, str) else None


def _streams(section: dict[str, Any], findings: Findings) -> dict[str, Stream]:
    densities: dict[str, float] = {}
    for name, value in section.items():
        if not _STREAM_NAME.fullmatch(name):
            findings.error(
                FILE,
                "this is not a name for a stream",
                column="streams",
                value=name[:80],
                expected="small letters, digits, '-' or '_', a letter first",
            )
            continue
        column = f"streams.{name}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            findings.error(
                FILE,
                "the density is not a number",
                column=column,
                value=str(value)[:80],
                expected=STREAM_DENSITY.parser.expected + " (kg per litre)",
            )
            continue
        try:
            streams_with({name: float(value)})
        except ValueError:
            findings.error(
                FILE,
                "the density is out of bounds",
                column=column,
                value=str(value)[:80],
                expected=STREAM_DENSITY.parser.expected + " (kg per litre)",
            )
            continue
        densities[name] = float(value)
    return streams_with(densities)


def _check_timezone(settings: CitySettings, findings: Findings) -> None:
    name = settings.city.get("timezone")
    if name is None:
        return
    try:
        ZoneInfo(name)
        known = True
    except (KeyError, ValueError, OSError):
        # An unknown name is a KeyError; one with odd characters is a ValueError or, on some systems, an OSError.
        known = False
    if not known:
        findings.error(
            FILE,
            "this time zone is not known",
            column="timezone",
            value=name,
            expected="a name of the IANA time zone database, such as Asia/Phnom_Penh",
        )
