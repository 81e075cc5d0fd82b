"""The changes as JSON Schema (2020-12), with what a city has to choose from: forms are made from it.

Beside the standard's words a field may have one of these formats: ``clock`` (a time of day, "06:30" or seconds from
midnight), ``duration`` (seconds), ``weekday`` (0 for Monday), ``hours`` ("06:00-16:00"), ``lon`` and ``lat`` (degrees;
together a place), ``position`` (a pair of both), ``name`` (a new one).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from scenarios.changes.fleet import MOST_VEHICLES
from scenarios.changes.scenario import CHANGES
from scenarios.choose import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geodata.city.dataset import CityDataset

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DAY_S: Final = 86_400
_ABOVE_0: Final = {"exclusiveMinimum": 0}
_FROM_0: Final = {"minimum": 0}
_SHARE: Final = {"minimum": 0, "maximum": 1}

BOUNDS: Final[Mapping[tuple[str, str], Mapping[str, float]]] = {
    ("fleet_size", "vehicles"): {"minimum": 1, "maximum": MOST_VEHICLES},
    ("capacity_factor", "factor"): {"minimum": 0.1, "maximum": 10},
    ("shift_times", "start_s"): {"minimum": 0, "maximum": 2 * _DAY_S},
    ("shift_times", "end_s"): {"minimum": 0, "maximum": 2 * _DAY_S},
    ("overtime", "max_s"): {"minimum": 0, "maximum": _DAY_S // 2},
    ("overtime", "cost_per_hour"): _FROM_0,
    ("new_disposal_site", "unloading_s"): _FROM_0,
    ("new_disposal_site", "gate_fee_per_t"): _FROM_0,
    ("frequency", "per_week"): {"minimum": 1, "maximum": 7},
    ("sensor_coverage", "share"): _SHARE,
    ("waste_growth", "factor"): _ABOVE_0 | {"maximum": 10},
    ("stream_split", "share"): {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    ("stream_split", "volume"): _ABOVE_0 | {"maximum": 2},
    ("electrify", "battery_kwh"): _ABOVE_0,
    ("electrify", "kwh_per_km"): _ABOVE_0,
    ("electrify", "charger_kw"): _ABOVE_0,
    ("electrify", "price_per_kwh"): _FROM_0,
    ("electrify", "usable"): _ABOVE_0 | {"maximum": 1},
    ("electrify", "kwh_per_t_km"): _FROM_0,
    ("electrify", "upkeep_per_km"): _FROM_0,
    ("electrify", "fixed_cost"): _FROM_0,
    ("speed_factor", "factor"): {"minimum": 0.1, "maximum": 2},
    ("festival", "factor"): _ABOVE_0 | {"maximum": 10},
}
"""What the changes themselves refuse beyond; a test holds the two together."""

EITHER: Final[Mapping[str, tuple[str, ...]]] = {
    "shift_times": ("start_s", "end_s"),
    "overtime": ("max_s", "cost_per_hour"),
    "closure": ("points", "ways"),
    "frequency": ("weekdays", "per_week"),
}
"""Fields of which a change needs one at least."""

_CHOICES: Final = {
    "vehicles": "vehicle", "shifts": "shift", "zones": "zone", "streams": "stream", "stream": "stream",
    "source": "stream", "depot": "depot", "site": "site",
}  # fmt: skip
_REF: Final = {name: {"$ref": f"#/$defs/{name}"} for name in _CHOICES.values()}
_TIMES: Final = {"start_s": "clock", "end_s": "clock", "max_s": "duration", "unloading_s": "duration"}


def changes_schema(city: CityDataset) -> dict[str, Any]:
    """Return the schema of one change to this city: one of the kinds, each with its fields.

    Parameters
    ----------
    city
        Its vehicles, shifts, zones, streams, depots and disposal sites are what fields may name.
    """
    classes = sorted({vehicle.access_class for vehicle in city.vehicles})
    return {
        "$schema": DIALECT,
        "$defs": {
            "vehicle": _names((one.id, one.id) for one in city.vehicles),
            "shift": _names((one.id, one.id) for one in city.shifts),
            "zone": _names((one.id, one.name or one.id) for one in city.zones),
            "stream": _names((one, one) for one in city.streams),
            "depot": _names((one.id, one.id) for one in city.depots),
            "site": _names((one.id, one.id) for one in city.disposal_sites),
        },
        "oneOf": [_change(kind, classes) for kind in CHANGES],
    }


def _names(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    found = [{"const": value, "title": title} for value, title in pairs]
    return {"type": "string", "oneOf": found} if found else {"type": "string", "not": {}}


def _change(kind: str, classes: list[str]) -> dict[str, Any]:
    fields = dataclasses.fields(cast("Any", CHANGES[kind]))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"kind": {"const": kind}, **{one.name: _field(kind, one, classes) for one in fields}},
        "required": ["kind", *(one.name for one in fields if one.default is dataclasses.MISSING)],
        "additionalProperties": False,
    }
    if kind in EITHER:
        schema["anyOf"] = [{"required": [name]} for name in EITHER[kind]]
    return schema


def _field(kind: str, field: dataclasses.Field[Any], classes: list[str]) -> dict[str, Any]:
    found = _typed(field.name, str(field.type).removesuffix(" | None"), classes)
    found |= BOUNDS.get((kind, field.name), {})
    if isinstance(field.default, (int, float, str)):
        found["default"] = field.default
    return found


def _typed(name: str, annotation: str, classes: list[str]) -> dict[str, Any]:
    if name in _TIMES:
        return {"type": "integer", "format": _TIMES[name]}
    if name in ("lon", "lat"):
        return {"type": "number", "format": name}
    if name in _CHOICES and annotation in ("str", "frozenset[str]"):
        ref = _REF[_CHOICES[name]]
        return {"type": "array", "items": ref, "uniqueItems": True} if annotation == "frozenset[str]" else dict(ref)
    if name == "weekdays":
        weekday = {"type": "integer", "format": "weekday", "minimum": 0, "maximum": 6}
        return {"type": "array", "items": weekday, "uniqueItems": True}
    return dict(_BY_TYPE[annotation]) if annotation != "Mapping[str, int]" else _counts(classes)


def _counts(classes: list[str]) -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0, "maximum": MOST_VEHICLES}
    return {"type": "object", "properties": dict.fromkeys(classes, count), "additionalProperties": False}


_BY_TYPE: Final[Mapping[str, Mapping[str, Any]]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string", "format": "name", "minLength": 1, "maxLength": 200},
    "Kind": {"type": "string", "oneOf": [{"const": one, "title": one} for one in get_args(Kind)]},
    "dt.date": {"type": "string", "format": "date"},
    "frozenset[int]": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    "Windows": {
        "type": "array",
        "items": {"type": "string", "format": "hours", "pattern": r"^\d{1,2}:[0-5]\d-\d{1,2}:[0-5]\d$"},
    },
    "tuple[tuple[float, float], ...]": {
        "type": "array",
        "items": {"type": "array", "format": "position", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    },
}
