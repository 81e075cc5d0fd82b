"""Every part of a day refuses a value one past its bound, in a sentence that names whose it is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING, Any

import pytest

from optimizer.problem.errors import InvalidProblem
from optimizer.problem.model import Break, Depot, Location, Problem, Shift, TimeWindow

if TYPE_CHECKING:
    from collections.abc import Callable

AT_BOUND: list[tuple[str, dict[str, Any]]] = [
    ("vehicles", {"capacity_kg": 1, "body_l": 1}),
    ("vehicles", {"compaction_permille": 1_000}),
    ("vehicles", {"range_m": 1, "lift_s": 0, "fixed_micro": 0, "micro_per_s": 0, "micro_per_m": 0}),
    ("disposal_sites", {"unloading_s": 0, "fee_micro_per_kg": 0, "node": 3}),
    ("disposal_sites", {"windows": (TimeWindow(start_s=5, end_s=5), TimeWindow(start_s=6, end_s=6))}),
    ("depots", {"node": 3}),
    ("shifts", {"start_s": 0, "end_s": 1, "breaks": (), "max_overtime_s": 0, "max_stops": 0, "max_daily_kg": 0}),
    (
        "shifts",
        {
            "breaks": (
                Break(duration_s=10, earliest_s=0, latest_s=20),
                Break(duration_s=1, earliest_s=10, latest_s=20),
            )
        },
    ),
    ("visits", {"demand_kg": 0, "demand_l": 0, "service_s": 0, "setup_s": 0, "lifts": 0, "prize_micro": 0}),
    ("visits", {"kerb": ()}),
]

PAST_BOUND: list[tuple[str, dict[str, Any], str]] = [
    ("vehicles", {"id": " "}, "Vehicle must not be empty"),
    ("vehicles", {"capacity_kg": 0}, "Vehicle 'truck-1': capacity_kg must be at least 1, not 0"),
    ("vehicles", {"body_l": 0}, "'truck-1': body_l must be at least 1"),
    ("vehicles", {"compaction_permille": 999}, "'truck-1': compaction_permille must be at least 1000"),
    ("vehicles", {"range_m": 0}, "'truck-1': range_m must be at least 1"),
    ("vehicles", {"lift_s": -1}, "'truck-1': lift_s must be at least 0"),
    ("vehicles", {"fixed_micro": -1}, "fixed_micro must be at least 0"),
    ("vehicles", {"micro_per_s": -1}, "micro_per_s must be at least 0"),
    ("vehicles", {"micro_per_m": 0.5}, "micro_per_m must be a whole number, not 0.5"),
    ("vehicles", {"capacity_kg": True}, "capacity_kg must be a whole number, not True"),
    ("vehicles", {"depot": "moon"}, "Vehicle 'truck-1' starts at depot 'moon', which does not exist"),
    ("vehicles", {"profile": "boat"}, "Vehicle 'truck-1' has profile 'boat', absent from the travel matrix"),
    ("disposal_sites", {"unloading_s": -1}, "Disposal site 'landfill': unloading_s must be at least 0"),
    ("disposal_sites", {"fee_micro_per_kg": -1}, "fee_micro_per_kg must be at least 0"),
    ("disposal_sites", {"node": 4}, "Disposal site 'landfill' stands at index 4, outside the travel matrix of 4"),
    ("disposal_sites", {"node": -1}, "'landfill': node must be at least 0"),
    (
        "disposal_sites",
        {"windows": (TimeWindow(start_s=0, end_s=5), TimeWindow(start_s=5, end_s=6))},
        "Disposal site 'landfill' has time windows that overlap or are out of order",
    ),
    ("depots", {"node": 4}, "Depot 'yard' stands at index 4"),
    ("depots", {"id": ""}, "Depot must not be empty"),
    ("shifts", {"vehicle": "boat"}, "Shift 'early' is of vehicle 'boat', which does not exist"),
    ("shifts", {"end_s": 10_000}, "Shift 'early' ends at 10000 s, not after its start at 10000 s"),
    ("shifts", {"start_s": -1}, "'early': start_s must be at least 0"),
    ("shifts", {"max_overtime_s": -1}, "max_overtime_s must be at least 0"),
    ("shifts", {"overtime_micro_per_s": -1}, "overtime_micro_per_s must be at least 0"),
    ("shifts", {"max_stops": -1}, "max_stops must be at least 0"),
    ("shifts", {"max_daily_kg": -1}, "max_daily_kg must be at least 0"),
    (
        "shifts",
        {"breaks": (Break(duration_s=10, earliest_s=0, latest_s=20), Break(duration_s=1, earliest_s=9, latest_s=20))},
        "Shift 'early' has breaks that overlap or are out of order",
    ),
    (
        "shifts",
        {"breaks": (Break(duration_s=10, earliest_s=0, latest_s=20), Break(duration_s=1, earliest_s=10, latest_s=19))},
        "Shift 'early' has breaks that overlap or are out of order",
    ),
    ("visits", {"stop": ""}, "its stop must not be empty"),
    ("visits", {"stream": " "}, "its stream must not be empty"),
    ("visits", {"demand_kg": -1}, "demand_kg must be at least 0"),
    ("visits", {"demand_l": -1}, "demand_l must be at least 0"),
    ("visits", {"service_s": -1}, "service_s must be at least 0"),
    ("visits", {"setup_s": -1}, "setup_s must be at least 0"),
    ("visits", {"lifts": -1}, "lifts must be at least 0"),
    ("visits", {"prize_micro": -1}, "prize_micro must be at least 0"),
    ("visits", {"kerb": (2, 2)}, "lists a kerb state twice"),
    ("visits", {"kerb": (4,)}, "stands at index 4, outside the travel matrix of 4"),
    ("visits", {"vehicle": "boat"}, "is locked to vehicle 'boat', which does not exist"),
]


def with_first(problem: Problem, part: str, values: dict[str, Any]) -> Problem:
    """Return the problem with other values in the first thing of a kind."""
    first, *rest = getattr(problem, part)
    changed: dict[str, Any] = {part: (replace(first, **values), *rest)}
    return replace(problem, **changed)


@pytest.mark.parametrize(("part", "values"), AT_BOUND)
def test_values_at_their_bounds_are_taken(problem: Problem, part: str, values: dict[str, Any]) -> None:
    """A value at its bound makes a valid day."""
    changed = getattr(with_first(problem, part, values), part)[0]
    assert {name: getattr(changed, name) for name in values} == values


@pytest.mark.parametrize(("part", "values", "sentence"), PAST_BOUND)
def test_values_past_their_bounds_are_refused(
    problem: Problem, part: str, values: dict[str, Any], sentence: str
) -> None:
    """A value one past its bound is refused with its owner, its name and what was found."""
    with pytest.raises(InvalidProblem, match=sentence):
        with_first(problem, part, values)


@pytest.mark.parametrize("part", ["depots", "disposal_sites", "vehicles", "visits"])
def test_double_ids_are_refused(problem: Problem, part: str) -> None:
    """Two things of one kind cannot share an id."""
    doubled: dict[str, Any] = {part: getattr(problem, part) * 2}
    with pytest.raises(InvalidProblem, match="appears twice"):
        replace(problem, **doubled)


def test_shifts_of_one_vehicle_do_not_overlap(problem: Problem) -> None:
    """A vehicle's next shift starts no earlier than the last second of overtime of the one before."""
    early = problem.shifts[0]
    later = replace(early, id="late", start_s=early.latest_return_s, end_s=90_000, breaks=())
    assert replace(problem, shifts=(later, early)).shifts == (later, early)
    with pytest.raises(InvalidProblem, match=r"Shifts 'early' and 'late' of vehicle 'truck-1' overlap"):
        replace(problem, shifts=(replace(later, start_s=early.latest_return_s - 1), early))


def test_there_is_one_location_for_each_node(problem: Problem) -> None:
    """Locations and travel matrix have the same size."""
    with pytest.raises(InvalidProblem, match="3 locations for a travel matrix of 4"):
        replace(problem, locations=problem.locations[:3])


@pytest.mark.parametrize(("lon", "lat"), [(180.0, 90.0), (-180.0, -90.0)])
def test_the_corners_of_the_earth_are_locations(lon: float, lat: float) -> None:
    """Longitudes to 180 degrees and latitudes to 90 degrees are on the earth."""
    assert (Location(lon=lon, lat=lat).lon, Location(lon=lon, lat=lat).lat) == (lon, lat)


@pytest.mark.parametrize(("lon", "lat"), [(180.1, 0.0), (-180.1, 0.0), (0.0, 90.1), (0.0, -90.1), (float("nan"), 0.0)])
def test_places_off_the_earth_are_refused(lon: float, lat: float) -> None:
    """Anything beyond, and NaN, is no location."""
    with pytest.raises(InvalidProblem, match="is no longitude and latitude"):
        Location(lon=lon, lat=lat)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TimeWindow(start_s=6, end_s=5), "ends at 5 s, before it starts at 6 s"),
        (lambda: TimeWindow(start_s=-1, end_s=5), "start_s must be at least 0"),
        (lambda: Break(duration_s=0, earliest_s=0, latest_s=0), "duration_s must be at least 1"),
        (lambda: Break(duration_s=1, earliest_s=6, latest_s=5), "must start by 5 s, before its earliest start 6 s"),
        (lambda: Depot(id="d", node=1.0), "node must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_small_parts_are_checked(make: Callable[[], object], sentence: str) -> None:
    """Windows, breaks and depots check their own values."""
    with pytest.raises(InvalidProblem, match=sentence):
        make()


def test_compaction_makes_room_for_loose_litres(problem: Problem) -> None:
    """The capacity in loose litres is the body times the compaction, rounded down."""
    vehicle = problem.vehicles[0]
    assert replace(vehicle, body_l=999, compaction_permille=2_500).capacity_l == 2_497


def test_streams_limit_vehicles_and_sites(problem: Problem) -> None:
    """A named set of streams excludes all others, and no set excludes none."""
    vehicle, site = problem.vehicles[0], problem.disposal_sites[0]
    assert vehicle.carries("residual")
    assert not vehicle.carries("glass")
    assert replace(vehicle, streams=None).carries("glass")
    assert not replace(vehicle, streams=frozenset()).carries("residual")
    assert site.accepts("organic")
    assert not site.accepts("glass")
    assert replace(site, streams=None).accepts("glass")


def test_lookups_find_things_by_id(problem: Problem) -> None:
    """Each thing is found by its id, and a shift's vehicle by the shift."""
    assert problem.visit_by_id["ផ្សារចាស់"] is problem.visits[0]
    assert problem.site_by_id["landfill"] is problem.disposal_sites[0]
    assert problem.depot_by_id["yard"] is problem.depots[0]
    assert problem.vehicle_of(problem.shift_by_id["early"]) is problem.vehicle_by_id["truck-1"]


def test_visits_with_a_prize_are_optional(problem: Problem) -> None:
    """A visit is required exactly if it has no prize; a prize of 0 is one."""
    visit = problem.visits[0]
    assert not replace(visit, prize_micro=0).required
    assert replace(visit, prize_micro=None).required


def test_a_day_cannot_be_changed(problem: Problem) -> None:
    """A problem and its parts are frozen."""
    with pytest.raises(FrozenInstanceError):
        problem.visits[0].demand_kg = 1  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        problem.currency = "USD"  # type: ignore[misc]


def test_an_empty_day_is_a_day(problem: Problem) -> None:
    """A day without vehicles, shifts, sites and visits is valid."""
    empty = replace(problem, vehicles=(), shifts=(), visits=(), disposal_sites=(), depots=())
    assert isinstance(empty, Problem)
    assert not empty.visit_by_id


def test_latest_return_counts_overtime(problem: Problem) -> None:
    """The last second of overtime is the latest return."""
    shift: Shift = problem.shifts[0]
    assert shift.latest_return_s == 43_600
