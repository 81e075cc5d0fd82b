"""A study as a TOML file or JSON document (docs/studies.md)."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from scenarios.cells import MOST_RESERVE, Budget
from scenarios.changes.case import ScenarioRefused
from scenarios.changes.scenario import Scenario, decode_change, decode_scenario
from scenarios.study import Study, fleet_scenarios

if TYPE_CHECKING:
    from pathlib import Path

_KEYS: Final = (
    "name",
    "city",
    "days",
    "from",
    "count",
    "seeds",
    "seconds",
    "steps",
    "reserve",
    "samples",
    "scenario",
    "fleet",
)
_RANGE: Final = re.compile(r"(\d{1,6})(?:\.\.(\d{1,6}))?")
_MOST_FLEETS: Final = 200


def read_study(path: Path) -> tuple[Study, str | None]:
    """Read a study file; return the study, and the city's path where the file names one.

    Raises
    ------
    ScenarioRefused
        With what is wrong, and what was expected.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ScenarioRefused(f"{path.name} is not UTF-8 text; expected a study as TOML.") from error
    except tomllib.TOMLDecodeError as error:
        raise ScenarioRefused(f"{path.name} is not TOML: {error}.") from error
    return decode_study(document, name=path.stem), document.get("city")


def decode_study(document: Mapping[str, Any], *, name: str = "study") -> Study:
    """Read a study from plain values.

    Raises
    ------
    ScenarioRefused
        With what is wrong, and what was expected.
    """
    for key in document:
        if key not in _KEYS:
            raise ScenarioRefused(f"A study has no {key!r}; expected {', '.join(_KEYS)}.")
    scenarios = [decode_scenario(one) for one in _list(document, "scenario")]
    scenarios += _fleet(document.get("fleet"))
    return Study(
        name=_text(document.get("name", name), "name"),
        scenarios=tuple(scenarios),
        days=_days(document),
        seeds=tuple(range(_whole(document.get("seeds", 3), "seeds", 1, 1_000))),
        budget=_budget(document),
        samples=_whole(document.get("samples", 200), "samples", 1, 10_000),
    )


def encode_study(study: Study) -> dict[str, Any]:
    """Return a study as plain values, fleets written out as scenarios."""
    budget = {"steps": study.budget.steps} if study.budget.steps is not None else {"seconds": study.budget.seconds}
    return {
        "name": study.name,
        "days": [day.isoformat() for day in study.days],
        "seeds": len(study.seeds),
        **budget,
        "reserve": study.budget.reserve,
        "samples": study.samples,
        "scenario": [scenario.encode() for scenario in study.scenarios],
    }


def fleet_sizes(text: str) -> tuple[int, ...]:
    """Read "3..12", both ends of which belong to it, or several such and single sizes: "4, 8, 12..20".

    Raises
    ------
    ScenarioRefused
        If it is none.
    """
    sizes: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise ScenarioRefused(
                f'The fleets are {text!r}; expected numbers of vehicles such as "3..12" or "8, 12, 16..20".'
            )
        low, high = int(match[1]), int(match[2] or match[1])
        if not 1 <= low <= high:
            raise ScenarioRefused(
                f"The fleets run from {low} to {high}; expected at least 1, the smaller number first."
            )
        if high - low >= _MOST_FLEETS:
            raise ScenarioRefused(f"The fleets run from {low} to {high}; at most {_MOST_FLEETS} are compared.")
        sizes.update(range(low, high + 1))
    if len(sizes) > _MOST_FLEETS:
        raise ScenarioRefused(f"The fleets are {len(sizes)} sizes; at most {_MOST_FLEETS} are compared.")
    return tuple(sorted(sizes))


def days_from(first: dt.date, count: int) -> tuple[dt.date, ...]:
    """Return so many days, one after the other."""
    return tuple(first + dt.timedelta(days=number) for number in range(count))


def _fleet(value: Any) -> list[Scenario]:
    """Read ``fleet = "3..12"`` (or "8, 12, 16") or a table with ``vehicles`` and further ``changes``."""
    if value is None:
        return []
    if isinstance(value, str):
        return list(fleet_scenarios(fleet_sizes(value)))
    if not isinstance(value, Mapping) or not isinstance(value.get("vehicles"), str):
        raise ScenarioRefused(f'fleet is {value!r}; expected "3..12", or a table with vehicles = "3..12" and changes.')
    others = [decode_change(change) for change in _list(value, "changes")]
    return list(fleet_scenarios(fleet_sizes(value["vehicles"]), others))


def _days(document: Mapping[str, Any]) -> tuple[dt.date, ...]:
    if "days" in document:
        return tuple(sorted(_date(day, "days") for day in _list(document, "days")))
    if "from" not in document:
        raise ScenarioRefused('A study needs days: either days = ["2026-11-23", ...], or from and count.')
    return days_from(_date(document["from"], "from"), _whole(document.get("count", 5), "count", 1, 366))


def _budget(document: Mapping[str, Any]) -> Budget:
    reserve = document.get("reserve", 0.1)
    if isinstance(reserve, bool) or not isinstance(reserve, (int, float)) or not 0 <= reserve <= MOST_RESERVE:
        raise ScenarioRefused(f"reserve is {reserve!r}; expected a share from 0 to {MOST_RESERVE}.")
    if "steps" in document:
        if "seconds" in document:
            raise ScenarioRefused("A study searches each day for seconds or for steps, not for both.")
        return Budget(steps=_whole(document["steps"], "steps", 1, 10**9), reserve=reserve)
    seconds = document.get("seconds", 5)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 86_400:  # noqa: PLR2004
        raise ScenarioRefused(f"seconds is {seconds!r}; expected a number above 0 and up to 86,400.")
    return Budget(seconds=float(seconds), reserve=reserve)


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list):
        raise ScenarioRefused(f"{key} is {str(value)[:80]!r}; expected a list.")
    return value


def _date(value: Any, key: str) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ScenarioRefused(f"{key} has {value!r}; expected a date such as 2026-11-23.") from error


def _whole(value: Any, key: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ScenarioRefused(f"{key} is {value!r}; expected a whole number from {low} to {high:,}.")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ScenarioRefused(f"{key} is {value!r}; expected a text.")
    return value
