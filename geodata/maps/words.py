"""What a crew is told at each step, in English and Khmer: made from the kind and figures that stand in the map.

Street manoeuvres have their phrases in ``geodata.streets.instructions``. A further language is one more table in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from geodata.city.build import ZONE_PREFIX
from geodata.streets.instructions import Instruction, phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES: Final = ("en", "km")
"""The first one is spoken where no other is asked for."""

_SENTENCES: Final[dict[str, dict[str, str]]] = {
    "en": {
        "depart": "Leave depot {id}.",
        "go_on": "Go on from where you are.",
        "unload": "Unload {kg:,} kg at {id}.",
        "break": "Break of {minutes} min.",
        "break_s": "Break of {minutes} min {seconds} s.",
        "return": "Back at depot {id}.",
        "street": "Collect {kg:,} kg of {stream} waste along the street.",
        "one": "Empty 1 container of {stream} waste, {kg:,} kg.",
        "many": "Empty {count} containers of {stream} waste, {kg:,} kg.",
    },
    "km": {
        "depart": "ចេញពីដេប៉ូ {id}។",
        "go_on": "បន្តដំណើរពីកន្លែងដែលអ្នកនៅ។",
        "unload": "ចាក់សំរាម {kg:,} គីឡូក្រាម នៅ {id}។",
        "break": "សម្រាក {minutes} នាទី។",
        "break_s": "សម្រាក {minutes} នាទី {seconds} វិនាទី។",
        "return": "ត្រឡប់មកដល់ដេប៉ូ {id}។",
        "street": "ប្រមូលសំរាម {stream} តាមដងផ្លូវ {kg:,} គីឡូក្រាម។",
        "one": "ប្រមូលធុងសំរាម {stream} ចំនួន 1, {kg:,} គីឡូក្រាម។",
        "many": "ប្រមូលធុងសំរាម {stream} ចំនួន {count}, {kg:,} គីឡូក្រាម។",
    },
}


def sentence(step: Mapping[str, Any], language: str, *, unloaded_kg: int = 0, under_way: bool = False) -> str:
    """Say what the crew does at a step.

    Parameters
    ----------
    step
        The properties of its Point (``geodata.maps.geojson``).
    unloaded_kg
        What was on board before an unloading.
    under_way
        Whether the route begins somewhere on the streets, and not at the depot.

    Raises
    ------
    KeyError
        There are no sentences in this language.
    """
    words = _SENTENCES[language]
    kind = step["kind"]
    if kind == "visit":
        names = [container["id"] for container in step["containers"]]
        street = all(name.startswith(ZONE_PREFIX) for name in names)
        form = "street" if street else "one" if len(names) == 1 else "many"
        return words[form].format(count=len(names), stream=step["stream"], kg=step["demand_kg"])
    if kind == "break":
        minutes, seconds = divmod(step["departure_s"] - step["start_s"], 60)
        return words["break_s" if seconds else "break"].format(minutes=minutes, seconds=seconds)
    form = "go_on" if kind == "depart" and under_way else kind
    return words[form].format(id=step["id"], kg=unloaded_kg)


def in_language(features: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """Return a route's features with all that is said in them in another language."""
    load_kg = 0
    found = []
    for feature in features:
        step = feature["properties"]
        if "instruction" not in step:
            found.append(feature)
            continue
        said: dict[str, Any] = {
            "instruction": sentence(step, language, unloaded_kg=load_kg, under_way=bool(step.get("under_way")))
        }
        if "way" in step:
            said["way"] = [turn | {"text": turn_text(turn, language)} for turn in step["way"]]
        load_kg = step["load_kg"]
        found.append(feature | {"properties": step | said})
    return found


def turn_text(turn: Mapping[str, Any], language: str) -> str:
    """Put a manoeuvre of a step's ``way`` into words."""
    fields = ("maneuver", "street", "distance_m", "bearing_deg", "lon", "lat")
    return phrase(Instruction(**{name: turn[name] for name in fields}), language)
