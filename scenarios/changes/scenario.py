"""A scenario: a name and ordered changes; its form in TOML and JSON, and which changes contradict each other."""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, cast

from scenarios.changes.case import ScenarioRefused, listed
from scenarios.changes.fleet import (
    CapacityFactor,
    Electrify,
    FleetSize,
    Overtime,
    ShiftTimes,
    SpeedFactor,
    VehicleMix,
)
from scenarios.changes.places import Closure, DisposalHours, MoveDepot, NewDisposalSite
from scenarios.changes.waste import Festival, Frequency, Policy, SensorCoverage, StreamSplit, WasteGrowth

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.changes.case import Case, Change

CHANGES: Final[Mapping[str, type[Change]]] = {
    one.kind: one
    for one in (
        FleetSize, VehicleMix, CapacityFactor, ShiftTimes, Overtime, NewDisposalSite, MoveDepot, DisposalHours, Closure,
        Frequency, Policy, SensorCoverage, WasteGrowth, StreamSplit, Electrify, SpeedFactor, Festival,
    )
}  # fmt: skip
"""Every kind of change, by its name in files."""

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})")
_MOST_CHANGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A city with changes, made in this order; without any it is the city as it is.

    Raises
    ------
    ScenarioRefused
        If two of the changes contradict each other.
    """

    name: str
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ScenarioRefused("A scenario needs a name.", field="name")
        if len(self.changes) > _MOST_CHANGES:
            raise ScenarioRefused(
                f"The scenario {self.name!r} has {len(self.changes)} changes; at most {_MOST_CHANGES}."
            )
        for one, other in combinations(self.changes, 2):
            if why := _contradiction(one, other):
                raise ScenarioRefused(f"The scenario {self.name!r} contradicts itself: {why}")

    def apply(self, case: Case) -> Case:
        """Return the case with all changes made.

        Raises
        ------
        ScenarioRefused
            With the change that cannot be made, and why.
        """
        for position, change in enumerate(self.changes):
            try:
                case = change.apply(case)
            except ScenarioRefused as error:
                sentence = f"Scenario {self.name!r}, {change.kind}: {error}"
                raise ScenarioRefused(sentence, field=error.field, change=position) from error
        if case.policy == "schedule" and any(isinstance(change, SensorCoverage) for change in self.changes):
            raise ScenarioRefused(
                f"Scenario {self.name!r}: sensors change nothing under a fixed schedule; expected a policy of "
                "threshold or forecast beside them."
            )
        return case

    def encode(self) -> dict[str, Any]:
        """Return the scenario as plain values, for JSON."""
        return {"name": self.name, "changes": [encode_change(change) for change in self.changes]}


def decode_scenario(document: Any) -> Scenario:
    """Read a scenario as ``encode`` writes it, or as a person does (docs/studies.md).

    Raises
    ------
    ScenarioRefused
        With where, what was found and what was expected.
    """
    if not isinstance(document, Mapping):
        raise ScenarioRefused(f"A scenario is a table with a name and changes, not {document!r}.")
    _no_others("A scenario", document, ("name", "changes"))
    name = document.get("name")
    if not isinstance(name, str):
        raise ScenarioRefused(f"A scenario needs a name, but its name is {name!r}.", field="name")
    changes = document.get("changes", [])
    if not isinstance(changes, list):
        raise ScenarioRefused(f"The changes of scenario {name!r} are a list, not {changes!r}.")
    return Scenario(name=name, changes=tuple(decode_change(change) for change in changes))


def encode_change(change: Change) -> dict[str, Any]:
    """Return a change as plain values, its kind first; what has its default is left out."""
    values = {"kind": change.kind}
    for field in dataclasses.fields(cast("Any", change)):
        value = getattr(change, field.name)
        if field.default is dataclasses.MISSING or value != field.default:
            values[field.name] = _plain(value)
    return values


def decode_change(document: Any) -> Change:
    """Read a change.

    Raises
    ------
    ScenarioRefused
        With what was found and what was expected.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
        raise ScenarioRefused(f"A change is a table with a kind, not {str(document)[:200]}.")
    kind = document["kind"]
    cls = CHANGES.get(kind)
    if cls is None:
        near = difflib.get_close_matches(kind, CHANGES, n=1)
        hint = f"perhaps {near[0]!r}" if near else f"one of {', '.join(CHANGES)}"
        raise ScenarioRefused(f"There is no change of kind {kind!r}; expected {hint}.")
    fields = {field.name: field for field in dataclasses.fields(cast("Any", cls))}
    _no_others(f"The change {kind}", document, ("kind", *fields))
    for name, field in fields.items():
        if name not in document and field.default is dataclasses.MISSING:
            has = listed(sorted(set(document) - {"kind"}))
            raise ScenarioRefused(f"The change {kind} needs {name}; it has {has}.", field=name)
    values = {
        name: _read(f"{name} of the change {kind}", str(fields[name].type), value)
        for name, value in document.items()
        if name != "kind"
    }
    change: Change = cls(**values)
    return change


def _contradiction(one: Change, other: Change) -> str | None:
    if other.kind in one.clashes and (one.subject == other.subject or None in (one.subject, other.subject)):
        about = one.subject or other.subject
        return f"{one.label!r} and {other.label!r} both settle the same thing{f' ({about})' if about else ''}."
    for policy, schedule in ((one, other), (other, one)):
        if isinstance(policy, Policy) and policy.policy != "schedule" and isinstance(schedule, Frequency):
            return f"{schedule.label!r} sets a schedule, which the policy {policy.policy!r} does not look at."
    if isinstance(one, Electrify) and isinstance(other, CapacityFactor):
        return "a battery's range is reckoned with the payload; the capacity must change before the energy does."
    if isinstance(one, (Electrify, CapacityFactor)) and isinstance(other, (FleetSize, VehicleMix)) and one.subject:
        return f"{one.label!r} names vehicles that {other.label!r} then takes away or copies; the fleet comes first."
    return None


def _no_others(owner: str, document: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in document:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            raise ScenarioRefused(
                f"{owner} has no {name!r}; expected {f'perhaps {near[0]!r}' if near else ', '.join(known)}."
            )


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _read(owner: str, kind: str, value: Any) -> Any:
    """Read a value as its field's annotation says."""
    if value is None and kind.endswith("| None"):
        return None
    reader, expected = _READERS[kind.removesuffix(" | None")]
    seconds = owner.partition(" ")[0].endswith("_s")
    try:
        return _seconds(value) if seconds else reader(value)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        expected = 'seconds from midnight or a time such as "06:30"' if seconds else expected
        field = owner.partition(" ")[0]
        raise ScenarioRefused(f"{owner} is {str(value)[:80]!r}; expected {expected}.", field=field) from error


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - not a number
        raise TypeError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    return dt.date.fromisoformat(_text(value))


def _seconds(value: Any) -> int:
    if isinstance(value, str):
        match = _CLOCK.fullmatch(value.strip())
        if match is None or int(match[2]) >= 60:  # noqa: PLR2004 - minutes
            raise ValueError
        return int(match[1]) * 3_600 + int(match[2]) * 60
    return _whole(value)


def _windows(value: Any) -> tuple[tuple[int, int], ...]:
    pairs = []
    for item in _list(value):
        start, end = item.split("-") if isinstance(item, str) else item
        pairs.append((_seconds(start), _seconds(end)))
    return tuple(sorted(pairs))


def _days(value: Any) -> frozenset[int]:
    return frozenset(
        WEEKDAYS.index(item.strip().lower()) if isinstance(item, str) else _whole(item) for item in _list(value)
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return list(value)


def _counts(value: Any) -> dict[str, int]:
    return {_text(name): _whole(count) for name, count in value.items()} if isinstance(value, Mapping) else _never()


def _never() -> Any:
    raise TypeError


_READERS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "int": (_whole, "a whole number"),
    "float": (_number, "a number"),
    "str": (_text, "a text"),
    "Kind": (_text, "the name of a policy"),
    "dt.date": (_date, "a date such as 2026-04-14"),
    "frozenset[str]": (lambda value: frozenset(_text(item) for item in _list(value)), "a list of names"),
    "frozenset[int]": (_days, 'a list of whole numbers, or of weekdays such as "mon"'),
    "Windows": (_windows, 'a list of hours such as "06:00-16:00"'),
    "tuple[tuple[float, float], ...]": (
        lambda value: tuple((_number(lon), _number(lat)) for lon, lat in _list(value)),
        "a list of pairs of longitude and latitude",
    ),
    "Mapping[str, int]": (_counts, "a table of access classes with a number each"),
}
