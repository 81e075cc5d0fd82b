"""Scenarios looked at before a study is asked for: what is wrong, and where in the document it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scenarios.changes.case import Case, ScenarioRefused
from scenarios.changes.scenario import decode_change, decode_scenario

if TYPE_CHECKING:
    from geodata.city.dataset import CityDataset

Place = tuple[str | int, ...]


def scenario_problems(documents: Sequence[Any], city: CityDataset) -> list[tuple[Place, str]]:
    """Return what a city's study would refuse in these scenarios, each with its place and a sentence.

    Of a change it is the first thing that is wrong; a scenario with changes that cannot be read is not tried on the
    city. A place is such as ``("scenario", 0, "changes", 2, "factor")``, as long as it is known.
    """
    found: list[tuple[Place, str]] = []
    names: list[Any] = []
    for number, document in enumerate(documents):
        found += [(("scenario", number, *place), why) for place, why in _problems(document, city)]
        name = document.get("name") if isinstance(document, Mapping) else None
        if name is not None and name in names:
            found.append((("scenario", number, "name"), f"There are two scenarios {name!r}; each needs its own name."))
        names.append(name)
    return found


def _problems(document: Any, city: CityDataset) -> list[tuple[Place, str]]:
    changes = document.get("changes") if isinstance(document, Mapping) else None
    found: list[tuple[Place, str]] = []
    for position, change in enumerate(changes if isinstance(changes, list) else []):
        try:
            decode_change(change)
        except ScenarioRefused as error:
            found.append((_place(position, error.field), str(error)))
    if found:
        return found
    try:
        decode_scenario(document).apply(Case(city=city))
    except ScenarioRefused as error:
        # The sentence of the change itself: its place says which scenario and change are meant.
        why = str(error if error.change is None else error.__cause__)
        return [(_place(error.change, error.field), why)]
    return []


def _place(position: int | None, field: str | None) -> Place:
    change = () if position is None else ("changes", position)
    return change if field is None else (*change, field)
