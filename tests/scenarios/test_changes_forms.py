"""The changes as forms see them: the schema agrees with what they refuse, and errors are said where they stand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from scenarios.changes.case import ScenarioRefused
from scenarios.changes.check import scenario_problems
from scenarios.changes.scenario import CHANGES, decode_change
from scenarios.changes.schema import BOUNDS, EITHER, changes_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from geodata.city.dataset import CityDataset

    MakeCity = Callable[..., CityDataset]

SAMPLES: dict[str, dict[str, Any]] = {
    "fleet_size": {"vehicles": 3},
    "vehicle_mix": {"counts": {"compactor": 2}},
    "capacity_factor": {"factor": 1.2},
    "shift_times": {"start_s": 14_400},
    "overtime": {"max_s": 3_600, "cost_per_hour": 4},
    "new_disposal_site": {"id": "TS", "lon": 103.86, "lat": 13.35, "unloading_s": 600, "windows": ["06:00-16:00"]},
    "move_depot": {"depot": "D1", "lon": 103.86, "lat": 13.35},
    "disposal_hours": {"site": "L1", "windows": ["06:00-16:00", "18:00-20:00"]},
    "closure": {"id": "works", "points": [[103.86, 13.35]], "first": "2026-11-23"},
    "frequency": {"weekdays": [0, 3]},
    "policy": {"policy": "threshold"},
    "sensor_coverage": {"share": 0.5},
    "waste_growth": {"factor": 1.1, "stream": "residual"},
    "stream_split": {"share": 0.4},
    "electrify": {"battery_kwh": 200, "kwh_per_km": 1.2, "charger_kw": 50, "price_per_kwh": 0.15},
    "speed_factor": {"factor": 0.8},
    "festival": {"first": "2026-11-23", "last": "2026-11-25", "factor": 2},
}
NEEDED = {("frequency", "per_week"): ("weekdays",)}
"""What must go for a field to stand in a sample: the two exclude each other."""


@pytest.fixture
def city(make_city: MakeCity, truck: dict[str, Any]) -> CityDataset:
    """Give a city with one truck."""
    return make_city(vehicles=[truck])


def refused(kind: str, field: str, value: float) -> str | None:
    """Return the field that a change is refused for when one of its fields has this value, or None if it is not."""
    values = {name: one for name, one in SAMPLES[kind].items() if name not in NEEDED.get((kind, field), ())}
    try:
        decode_change({"kind": kind, **values, field: value})
    except ScenarioRefused as error:
        return error.field or "none in particular"
    return None


def test_every_change_is_in_the_schema_and_its_samples_fit(city: CityDataset) -> None:
    """A change as a form sends it is valid by the schema and readable; one of another shape is neither."""
    validator = jsonschema_rs.validator_for(changes_schema(city))
    assert set(SAMPLES) == set(CHANGES)
    for kind, values in SAMPLES.items():
        document = {"kind": kind, **values}
        decode_change(document)
        assert validator.is_valid(document), (kind, [str(error) for error in validator.iter_errors(document)])
        for wrong in (document | {"more": 1}, {"kind": kind}):
            assert not validator.is_valid(wrong)
            with pytest.raises(ScenarioRefused):
                decode_change(wrong)


@pytest.mark.parametrize(("kind", "field"), list(BOUNDS), ids=lambda part: part)
def test_the_bounds_of_the_schema_are_those_of_the_changes(kind: str, field: str) -> None:
    """At a bound a change is made, and one step past it refused for this very field."""
    whole = "int" in str(CHANGES[kind].__dataclass_fields__[field].type)  # type: ignore[attr-defined]
    for name, bound in BOUNDS[kind, field].items():
        out = -math.inf if "inimum" in name else math.inf
        at = int(bound) if whole else float(bound)
        past = at + (1 if out > 0 else -1) if whole else math.nextafter(at, out)
        inside = math.nextafter(at, -out)
        assert refused(kind, field, inside if "exclusive" in name else at) is None
        assert refused(kind, field, at if "exclusive" in name else past) == field


@pytest.mark.parametrize("kind", EITHER)
def test_a_change_needs_one_of_its_fields(kind: str) -> None:
    """Without any of them it is refused for the first of them."""
    values = {name: one for name, one in SAMPLES[kind].items() if name not in EITHER[kind]}
    with pytest.raises(ScenarioRefused) as error:
        decode_change({"kind": kind, **values})
    assert error.value.field == EITHER[kind][0]


def scenario(*changes: Any) -> dict[str, Any]:
    """Return a scenario with these changes."""
    return {"name": "a", "changes": list(changes)}


def change(kind: str, **other: Any) -> dict[str, Any]:
    """Return a sample of a change, with other values."""
    return {"kind": kind, **SAMPLES[kind], **other}


@pytest.mark.parametrize(
    ("scenarios", "place", "sentence"),
    [
        ([scenario(change("fleet_size", vehicles=0))], (0, "changes", 0, "vehicles"), "1 to 500"),
        ([scenario({"kind": "policy"})], (0, "changes", 0, "policy"), "needs policy"),
        ([scenario({"kind": "fleet"})], (0, "changes", 0), "perhaps 'fleet_size'"),
        ([scenario(change("speed_factor", factor=10**400))], (0, "changes", 0, "factor"), "expected a number"),
        ([scenario(), scenario()], (1, "name"), "its own name"),
        ([{"name": " "}], (0, "name"), "needs a name"),
        ([{"name": "a", "changes": {}}], (0,), "are a list"),
        (["a"], (0,), "is a table"),
        ([scenario(change("move_depot", depot="D9"))], (0, "changes", 0, "depot"), "There is no depot 'D9'"),
        (
            [scenario(change("fleet_size"), change("policy"), change("move_depot", lon=13.35, lat=13.86))],
            (0, "changes", 2, "lon"),
            "the longitude first",
        ),
        ([scenario(change("speed_factor"), change("speed_factor"))], (0,), "contradicts itself"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    city: CityDataset, scenarios: list[Any], place: tuple[Any, ...], sentence: str
) -> None:
    """Each problem has the place of the scenario, the change and the field that it is about."""
    ((found, why),) = scenario_problems(scenarios, city)
    assert found == ("scenario", *place)
    assert sentence in why


def test_a_scenario_that_can_be_made_has_no_problem(city: CityDataset) -> None:
    """What can be made is not complained of."""
    changes = [{"kind": kind, **SAMPLES[kind]} for kind in ("fleet_size", "shift_times", "new_disposal_site")]
    assert scenario_problems([{"name": "a", "changes": changes}, {"name": "as it is"}], city) == []
