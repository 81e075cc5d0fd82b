"""City data platforms: WasteContainer entities of NGSI-LD in (v0.3.0 of the smart data model), and ours out.

``fillingLevel`` is a ratio, 0..1. An entity is *normalised* (``{"type": "Property", "value": 0.4, "observedAt": ...}``)
or has *key-values* (``0.4``); a broker's notification holds entities in ``data``.
"""

from __future__ import annotations

from typing import Any, Final

from service.ingest.report import (
    Aside,
    Item,
    Kind,
    Refused,
    Rejected,
    Report,
    a_name,
    a_number,
    a_time,
    an_object,
    moment_of,
)

CONTEXT: Final = [
    "https://raw.githubusercontent.com/smart-data-models/dataModel.WasteManagement/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
]
_URN: Final = "urn:ngsi-ld:WasteContainer:"
_MOST_KG: Final = 50_000
_TIMES: Final = ("binLoggedTime", "dateObserved", "observationDateTime", "dateModified", "modifiedAt")


def reports(raw: Any) -> list[Item]:
    """Read an entity, a list of entities, or a notification; an entity may tell of a fill and of an emptying."""
    if isinstance(raw, dict) and raw.get("type") == "Notification":
        raw = raw.get("data")
    found: list[Item] = []
    for entity in raw if isinstance(raw, list) else [raw]:
        try:
            found += _entity(entity)
        except Rejected as error:
            found.append(Aside.of(entity, error))
    return found


def _entity(raw: Any) -> list[Item]:
    entity = an_object(raw, "An entity")
    if entity.get("type") not in ("WasteContainer", ["WasteContainer"]):
        raise Refused("no-container", "The entity's type is not WasteContainer.")
    name = a_name(entity.get("id"), "id")
    if name is None:
        raise Refused("nobody", "The entity has no id.")
    container = a_name(_value(entity, "binId"), "binId") or name.removeprefix(_URN).rsplit(":", 1)[-1]
    found: list[Item] = []
    try:
        if (emptying := _emptying(entity, container)) is not None:
            found.append(emptying)
        if "fillingLevel" in entity:
            found.append(_reading(entity, container))
    except Rejected as error:
        found.append(Aside.of(raw, error))
    if not found:
        raise Rejected("no-value", "The entity has neither fillingLevel nor dateLastEmptying.")
    return found


def _reading(entity: dict[str, Any], container: str) -> Report:
    level = {"fillingLevel": _value(entity, "fillingLevel")}
    fill = a_number(level, "fillingLevel", 0, 1, reason="fill-out-of-range")
    if fill is None:
        raise Rejected("no-value", "fillingLevel is null; a ratio from 0 to 1 is expected.")
    return Report(
        raw=entity,
        container=container,
        time_us=a_time(_observed(entity), "observedAt"),
        fill=fill,
        kg=a_number({"cargoWeight": _value(entity, "cargoWeight")}, "cargoWeight", 0, _MOST_KG, reason="bad-kg"),
        temperature_c=a_number(
            {"temperature": _value(entity, "temperature")}, "temperature", -100, 200, reason="bad-value"
        ),
    )


def _emptying(entity: dict[str, Any], container: str) -> Report | None:
    time = _value(entity, "dateLastEmptying")
    if time is None:
        return None
    return Report(raw=entity, container=container, kind=Kind.EMPTYING, time_us=a_time(time, "dateLastEmptying"))


def _value(entity: dict[str, Any], name: str) -> Any:
    """Return an attribute's value, normalised or not; a DateTime may be wrapped once more."""
    value = entity.get(name)
    for _ in range(2):
        if isinstance(value, dict):
            value = value.get("value", value.get("@value", value.get("object")))
    return value


def _observed(entity: dict[str, Any]) -> Any:
    level = entity["fillingLevel"]
    if isinstance(level, dict) and level.get("observedAt") is not None:
        return level["observedAt"]
    return next((value for name in _TIMES if (value := _value(entity, name)) is not None), None)


def waste_container(
    city_id: str,
    container: str,
    *,
    lon: float,
    lat: float,
    volume_l: int,
    stream: str,
    level: tuple[int, float] | None,
    emptied_us: int | None,
    key_values: bool,
) -> dict[str, Any]:
    """Return a container as an entity; ``level`` is a time and a fill."""
    values: dict[str, tuple[Any, int | None]] = {
        "binId": (container, None),
        "binCapacity": (volume_l, None),
        "storedWasteKind": ([stream], None),
    }
    if level is not None:
        values["fillingLevel"] = (round(level[1], 4), level[0])
    if emptied_us is not None:
        values["dateLastEmptying"] = ({"@type": "DateTime", "@value": _iso(emptied_us)}, None)
    point = {"type": "Point", "coordinates": [lon, lat]}
    entity: dict[str, Any] = {"id": f"{_URN}{city_id}:{container}", "type": "WasteContainer"}
    entity["location"] = point if key_values else {"type": "GeoProperty", "value": point}
    for name, (value, observed_us) in values.items():
        entity[name] = _attribute(value, observed_us, key_values=key_values)
    if key_values and level is not None:
        entity["binLoggedTime"] = _iso(level[0])
    return entity | {"@context": CONTEXT}


def waste_observed(
    city_id: str, container: str, *, number: int, time_us: int, fill: float | None, kg: float | None, key_values: bool
) -> dict[str, Any]:
    """Return one lift of a container as an entity."""
    entity: dict[str, Any] = {"id": f"urn:ngsi-ld:WasteObserved:{city_id}:{number}", "type": "WasteObserved"}
    refers = f"{_URN}{city_id}:{container}"
    entity["refWasteContainer"] = refers if key_values else {"type": "Relationship", "object": refers}
    moment = {"@type": "DateTime", "@value": _iso(time_us)}
    entity["dateObserved"] = _attribute(moment, None, key_values=key_values)
    for name, value in (("fillingLevel", fill), ("binWeight", kg)):
        if value is not None:
            entity[name] = _attribute(value, time_us, key_values=key_values)
    return entity | {"@context": CONTEXT}


def _attribute(value: Any, observed_us: int | None, *, key_values: bool) -> Any:
    if key_values:
        return value["@value"] if isinstance(value, dict) else value
    found = {"type": "Property", "value": value}
    return found if observed_us is None else found | {"observedAt": _iso(observed_us)}


def _iso(time_us: int) -> str:
    return moment_of(time_us).isoformat().replace("+00:00", "Z")
