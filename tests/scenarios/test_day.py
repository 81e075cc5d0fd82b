"""A city and a date become a problem: what is due, grouped how, for whom, and what cannot be said in the problem."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from optimizer.judge.evaluate import check
from optimizer.problem.model import TimeWindow
from optimizer.problem.plan import Reason
from optimizer.search.stop import StepLimit
from scenarios.day import plan_day, prepare_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from geodata.city.dataset import CityDataset
    from optimizer.problem.model import Visit
    from optimizer.problem.plan import Plan
    from scenarios.day import Day

    MakeCity = Callable[..., CityDataset]

MONDAY = dt.date(2026, 11, 23)
WEDNESDAY = dt.date(2026, 11, 25)
HOUR_S = 3_600

DEPOT = {"id": "D1", "lon": 103.850, "lat": 13.35}
LANDFILL = {"id": "L1", "lon": 103.870, "lat": 13.35, "unloading_s": 600}
BIN: dict[str, Any] = {"id": "B1", "lon": 103.860, "lat": 13.35, "volume_l": 1000, "stream": "residual", "fill": 1}
SHIFT = {"id": "T1-day", "vehicle": "T1", "start": "04:00", "end": "12:00"}
SMALL_SHIFT = SHIFT | {"id": "K1-day", "vehicle": "K1"}
LANE = {"lon": 103.862, "lat": 13.353, "street": "Lane"}


@pytest.fixture
def trucks(truck: dict[str, Any], small: dict[str, Any]) -> list[dict[str, Any]]:
    """Give a compactor and a three-wheeler."""
    return [truck, small]


def planned(day: Day) -> Plan:
    """Plan a day in a few steps, and have the plan judged once more."""
    plan = plan_day(day, stop=StepLimit(3)).plan
    assert check(day.problem, plan) == ()
    return plan


def only(day: Day) -> Visit:
    """Return the one visit of a day."""
    (visit,) = day.problem.visits
    return visit


# --- what is due ---


@pytest.mark.parametrize(
    ("row", "litres"),
    [
        ({"fill": 0.5, "fill_rate_l_per_day": 10}, 500),
        ({"fill": "", "fill_rate_l_per_day": 70}, 70),
        ({"fill": "", "fill_rate_l_per_day": 70, "schedule": "mon"}, 490),
        ({"fill": "", "fill_rate_l_per_day": 70, "schedule": "mon,fri"}, 210),
        ({"fill": "", "fill_rate_l_per_day": 70, "schedule": "sun,mon"}, 70),
        ({"fill": "", "fill_rate_l_per_day": 70, "schedule": "mon,tue"}, 420),
        ({"fill": "", "fill_rate_l_per_day": 999, "schedule": "mon"}, 1000),
        ({"fill": ""}, 250),
        ({"fill": 0.1234}, 124),
        ({"fill": 0.7, "volume_l": 10}, 7),
    ],
)
def test_litres_due_come_from_the_best_that_is_known(make_city: MakeCity, row: dict[str, Any], litres: int) -> None:
    """A fill counts before a rate since the last scheduled day, and that before the default; never above the volume."""
    city = make_city(containers=[BIN | row], toml="[defaults]\nfill = 0.25\n")
    assert only(prepare_day(city, MONDAY)).demand_l == litres


def test_a_reported_fill_counts_before_the_citys_own(make_city: MakeCity) -> None:
    """A newer fill replaces the one of the city's files, and one above full counts as full."""
    city = make_city(containers=[BIN, BIN | {"id": "B2", "lon": 103.855}])
    day = prepare_day(city, MONDAY, fills={"B1": 0.25, "B2": 1.3, "gone": 1.0})
    assert [visit.demand_l for visit in day.problem.visits] == [250, 1000]


@pytest.mark.parametrize("fill", [-0.01, math.nan])
def test_a_fill_that_is_no_share_is_refused(make_city: MakeCity, fill: float) -> None:
    """A reported fill below 0, or that is no number, is refused with the container's id."""
    with pytest.raises(ValueError, match="container 'B1' must be a share from 0 to 1"):
        prepare_day(make_city(), MONDAY, fills={"B1": fill})


def test_kilograms_follow_from_the_streams_density(make_city: MakeCity) -> None:
    """A visit weighs its litres times the stream's density, and something at least."""
    rows = [BIN | {"fill": 0.501, "stream": "glass"}, BIN | {"id": "B2", "lon": 103.855, "fill": 0.001}]
    day = prepare_day(make_city(containers=rows, toml="[streams]\nglass = 0.3\nresidual = 0.1\n"), MONDAY)
    assert [visit.demand_kg for visit in day.problem.visits] == [150, 1]


def test_what_is_not_scheduled_or_empty_is_counted_and_left_alone(make_city: MakeCity) -> None:
    """Containers of other weekdays, and empty ones, make no visit and count as not due."""
    rows = [BIN | {"schedule": "tue"}, BIN | {"id": "B2", "fill": 0}, BIN | {"id": "B3", "lon": 103.855}]
    day = prepare_day(make_city(containers=rows), MONDAY)
    assert (only(day).containers, day.not_due) == (("B3",), 2)


# --- visits and stops ---


def test_containers_that_stand_alike_at_a_stop_are_one_visit(make_city: MakeCity) -> None:
    """What one halt serves alike is one visit with the sums of its containers and one set-up time."""
    rows = [BIN | {"stop_id": "S", "service_s": 40}, BIN | {"id": "B2", "stop_id": "S", "service_s": 50, "fill": 0.5}]
    visit = only(prepare_day(make_city(containers=rows, toml="[defaults]\nsetup_s = 33\n"), MONDAY))
    assert (visit.id, visit.stop, visit.containers) == ("S", "S", ("B1", "B2"))
    assert (visit.demand_l, visit.service_s, visit.setup_s, visit.lifts) == (1500, 90, 33, 2)


@pytest.mark.parametrize(
    "difference",
    [{"stream": "glass"}, {"windows": "05:00-06:00"}, {"locked_vehicle": "T1"}, {"prize": 3}],
)
def test_what_must_be_served_otherwise_is_a_visit_of_its_own_at_the_same_stop(
    make_city: MakeCity, difference: dict[str, Any]
) -> None:
    """Another stream, window, lock or duty makes another visit, which shares the stop and so its set-up time."""
    rows = [BIN | {"stop_id": "S"}, BIN | {"id": "B2", "stop_id": "S"} | difference]
    day = prepare_day(make_city(containers=rows), MONDAY)
    assert [(visit.id, visit.stop, visit.kerb) for visit in day.problem.visits] == [
        ("S", "S", (2,)),
        ("S#2", "S", (2,)),
    ]


def test_another_access_class_at_the_same_kerb_shares_the_stop(
    make_city: MakeCity, trucks: list[dict[str, Any]]
) -> None:
    """Containers for other vehicles that are led to the same point of the street share the stop."""
    rows = [BIN | {"stop_id": "S"}, BIN | {"id": "B2", "stop_id": "S", "access_class": "three_wheeler"}]
    first, second = prepare_day(
        make_city(containers=rows, vehicles=trucks, shifts=[SHIFT, SMALL_SHIFT]), MONDAY
    ).problem.visits
    assert first.stop == second.stop
    assert second.access == frozenset({"three_wheeler", "handcart"})


def test_another_access_class_on_another_street_is_another_stop(
    make_city: MakeCity, trucks: list[dict[str, Any]]
) -> None:
    """Where the large and the small truck halt in different streets, each pays its own set-up time."""
    rows = [
        BIN | {"lon": 103.862, "lat": 13.3499, "stop_id": "S"},
        BIN | {"id": "B2", "lon": 103.862, "lat": 13.3502, "stop_id": "S", "access_class": "three_wheeler"},
    ]
    day = prepare_day(make_city(containers=rows, vehicles=trucks, shifts=[SHIFT, SMALL_SHIFT]), MONDAY)
    first, second = day.problem.visits
    assert day.places.segment[first.kerb[0]] != day.places.segment[second.kerb[0]]
    assert (first.stop, second.stop) == ("S", "S#2")


def test_prizes_of_a_visit_add_up(make_city: MakeCity) -> None:
    """An optional visit is worth what its containers are worth together, in millionths."""
    rows = [BIN | {"stop_id": "S", "prize": 1.25}, BIN | {"id": "B2", "stop_id": "S", "prize": 0}]
    assert only(prepare_day(make_city(containers=rows), MONDAY)).prize_micro == 1_250_000


def test_ids_stay_different_whatever_stops_and_containers_are_called(make_city: MakeCity) -> None:
    """A container called like another stop, or like a numbered visit, does not take its name."""
    rows = [
        BIN | {"id": "a", "stop_id": "S"},
        BIN | {"id": "b", "stop_id": "S", "stream": "glass"},
        BIN | {"id": "S", "lon": 103.855},
        BIN | {"id": "S#2", "lon": 103.865},
    ]
    day = prepare_day(make_city(containers=rows), MONDAY)
    assert len({visit.id for visit in day.problem.visits}) == 4
    assert len({visit.stop for visit in day.problem.visits}) == 3


# --- batches ---


def full_bins(count: int, **more: Any) -> list[dict[str, Any]]:
    """Return rows of full bins of 1,000 l (100 kg with the tests' density) at one stop."""
    return [BIN | {"id": f"B{number}", "stop_id": "S"} | more for number in range(count)]


LIGHT = "[streams]\nresidual = 0.1\n"


@pytest.mark.parametrize(("capacity_l", "visits"), [(4000, 1), (3999, 2)])
def test_a_stop_is_split_where_no_truck_takes_all_of_it(
    make_city: MakeCity, truck: dict[str, Any], capacity_l: int, visits: int
) -> None:
    """What fills the body exactly is one visit; a litre more makes two, and both are served."""
    vehicles = [truck | {"capacity_l": capacity_l, "compaction": 1}]
    day = prepare_day(make_city(containers=full_bins(4), vehicles=vehicles, toml=LIGHT), MONDAY)
    assert len(day.problem.visits) == visits
    assert planned(day).unserved == ()


@pytest.mark.parametrize(("capacity_kg", "visits"), [(400, 1), (399, 2)])
def test_a_stop_is_split_by_weight_too(
    make_city: MakeCity, truck: dict[str, Any], capacity_kg: int, visits: int
) -> None:
    """What weighs as much as the truck may carry is one visit; a kilogram more makes two."""
    vehicles = [truck | {"capacity_kg": capacity_kg}]
    day = prepare_day(make_city(containers=full_bins(4), vehicles=vehicles, toml=LIGHT), MONDAY)
    assert len(day.problem.visits) == visits
    assert planned(day).unserved == ()


def test_compaction_counts_as_the_judge_counts_it(make_city: MakeCity, truck: dict[str, Any]) -> None:
    """A ratio with more than three decimals never makes a visit that is a few litres too large for its truck."""
    vehicles = [truck | {"capacity_l": 10_000, "compaction": 1.0004}]
    rows = [*full_bins(10), BIN | {"id": "last", "stop_id": "S", "volume_l": 3}]
    assert planned(prepare_day(make_city(containers=rows, vehicles=vehicles, toml=LIGHT), MONDAY)).unserved == ()


@pytest.mark.parametrize("lock", ["K1", ""])
def test_a_stop_is_split_for_the_trucks_that_come(make_city: MakeCity, trucks: list[dict[str, Any]], lock: str) -> None:
    """A lock on the small truck, or a large one that is off today, makes visits that the small one takes."""
    shifts = [SHIFT | {"weekdays": "daily" if lock else "tue"}, SMALL_SHIFT]
    rows = full_bins(3, locked_vehicle=lock)
    day = prepare_day(make_city(containers=rows, vehicles=trucks, shifts=shifts, toml=LIGHT), MONDAY)
    assert [visit.demand_l for visit in day.problem.visits] == [1000, 1000, 1000]
    assert planned(day).unserved == ()


def test_a_stop_is_split_for_the_trucks_that_get_there(make_city: MakeCity, trucks: list[dict[str, Any]]) -> None:
    """In a lane that is too narrow for the large truck, visits are as large as the small one takes."""
    rows = full_bins(3, **LANE)
    day = prepare_day(make_city(containers=rows, vehicles=trucks, shifts=[SHIFT, SMALL_SHIFT], toml=LIGHT), MONDAY)
    assert len(day.problem.visits) == 3
    assert planned(day).unserved == ()


def test_a_daily_load_limit_splits_a_stop(make_city: MakeCity) -> None:
    """A shift that may carry 250 kg a day is offered a visit of at most that."""
    shifts = [SHIFT | {"max_daily_kg": 250}]
    day = prepare_day(make_city(containers=full_bins(3), shifts=shifts, toml=LIGHT), MONDAY)
    assert [visit.demand_kg for visit in day.problem.visits] == [200, 100]
    assert len(planned(day).unserved) == 1


def test_one_container_too_large_leaves_its_neighbours_served(make_city: MakeCity, truck: dict[str, Any]) -> None:
    """A container that no truck takes is unserved alone."""
    rows = [BIN | {"stop_id": "S"}, BIN | {"id": "huge", "stop_id": "S", "volume_l": 60_000}]
    rows += [BIN | {"id": "B3", "stop_id": "S"}]
    day = prepare_day(make_city(containers=rows, vehicles=[truck], toml=LIGHT), MONDAY)
    (left_out,) = planned(day).unserved
    assert day.problem.visit_by_id[left_out.visit].containers == ("huge",)
    assert left_out.reason is Reason.LARGER_THAN_ANY_TRUCK


# --- the clock and the fleet ---


def test_only_the_shifts_of_the_weekday_work(make_city: MakeCity) -> None:
    """A shift counts on the weekdays that it names, one that names none every day."""
    shifts = [SHIFT | {"weekdays": "mon-tue"}, SHIFT | {"id": "T1-night", "start": "14:00", "end": "20:00"}]
    city = make_city(shifts=shifts)
    assert [shift.id for shift in prepare_day(city, MONDAY).problem.shifts] == ["T1-day", "T1-night"]
    assert [shift.id for shift in prepare_day(city, WEDNESDAY).problem.shifts] == ["T1-night"]


def test_the_service_day_keeps_its_date_and_clock(make_city: MakeCity) -> None:
    """A night shift passes midnight as seconds above 86,400 of the day that it starts on."""
    day = prepare_day(make_city(shifts=[SHIFT | {"start": "22:00", "end": "30:00"}]), MONDAY)
    (shift,) = day.problem.shifts
    assert (day.problem.service_date, shift.start_s, shift.end_s) == ("2026-11-23", 22 * HOUR_S, 30 * HOUR_S)


@pytest.mark.parametrize(
    ("windows", "shift", "expected"),
    [
        ("05:00-18:00", ("04:00", "12:00"), [(5, 18)]),
        ("05:00-18:00", ("22:00", "32:00"), [(5, 18), (29, 42)]),
        ("05:00-18:00", ("22:00", "29:00"), [(5, 18)]),
        ("20:00-28:00", ("00:00", "06:00"), [(0, 4), (20, 28)]),
        ("00:00-24:00", ("22:00", "30:00"), [(0, 48)]),
        ("06:00-08:00;16:00-18:00", ("04:00", "12:00"), [(6, 8), (16, 18)]),
        ("26:00-30:00", ("04:00", "12:00"), [(2, 6)]),
        ("", ("22:00", "30:00"), []),
    ],
)
def test_disposal_sites_open_every_day(
    make_city: MakeCity, windows: str, shift: tuple[str, str], expected: list[tuple[int, int]]
) -> None:
    """A night shift meets the next morning's opening hours, an early one what is left of yesterday's."""
    city = make_city(
        disposal_sites=[LANDFILL | {"windows": windows}], shifts=[SHIFT | {"start": shift[0], "end": shift[1]}]
    )
    (site,) = prepare_day(city, MONDAY).problem.disposal_sites
    assert site.windows == tuple(TimeWindow(start_s=start * HOUR_S, end_s=end * HOUR_S) for start, end in expected)


def test_a_night_shift_unloads_when_the_landfill_opens_in_the_morning(make_city: MakeCity) -> None:
    """A landfill that closes before the night shift takes its load the next morning."""
    city = make_city(
        disposal_sites=[LANDFILL | {"windows": "05:00-18:00"}], shifts=[SHIFT | {"start": "22:00", "end": "30:00"}]
    )
    (route,) = planned(prepare_day(city, MONDAY)).routes
    assert [step.start_s // HOUR_S for step in route.steps if step.kind.value == "unload"] == [29]


def test_windows_are_in_order(make_city: MakeCity) -> None:
    """Windows written in any order come out in order of time."""
    visit = only(prepare_day(make_city(containers=[BIN | {"windows": "13:00-15:00;04:00-06:30"}]), MONDAY))
    assert [(window.start_s, window.end_s) for window in visit.windows] == [(14_400, 23_400), (46_800, 54_000)]


def test_a_lock_holds(make_city: MakeCity, truck: dict[str, Any]) -> None:
    """A container that is locked to a vehicle is served by it, though another would do."""
    vehicles = [truck, truck | {"id": "T2", "cost_per_hour": 900}]
    city = make_city(
        containers=[BIN | {"locked_vehicle": "T2"}],
        vehicles=vehicles,
        shifts=[SHIFT, SHIFT | {"id": "x", "vehicle": "T2"}],
    )
    (route,) = planned(prepare_day(city, MONDAY)).routes
    assert route.vehicle == "T2"


@pytest.mark.parametrize("range_km", [0.0001, 0.0005])
def test_a_range_below_a_metre_is_a_range(make_city: MakeCity, truck: dict[str, Any], range_km: float) -> None:
    """A range that the city's check lets pass makes a day whose visits are unserved, not an exception."""
    city = make_city(vehicles=[truck | {"energy": "electric", "range_km": range_km}])
    assert len(planned(prepare_day(city, MONDAY)).unserved) == 1


# --- impossible days ---


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"shifts": [SHIFT | {"weekdays": "tue"}]}, Reason.OUTSIDE_EVERY_SHIFT, "No vehicle has a shift"),
        ({"containers": [BIN | {"lat": 13.37}]}, Reason.UNREACHABLE, "No street"),
        ({"containers": [BIN | LANE]}, Reason.UNREACHABLE, "No"),
        ({"depots": [DEPOT | {"lat": 13.37}]}, Reason.UNREACHABLE, "No allowed path"),
        ({"disposal_sites": [LANDFILL | {"lat": 13.37}]}, Reason.NO_DISPOSAL_SITE, "No allowed path"),
        ({"disposal_sites": [LANDFILL | {"streams": "glass"}]}, Reason.NO_DISPOSAL_SITE, "residual"),
        ({"containers": [BIN | {"access_class": "handcart"}]}, Reason.NO_VEHICLE_MAY_ENTER, "handcart"),
        ({"containers": [BIN | {"volume_l": 60_000}]}, Reason.LARGER_THAN_ANY_TRUCK, "60000 l"),
        ({"containers": [BIN | {"windows": "13:00-14:00"}]}, Reason.OUTSIDE_EVERY_SHIFT, "windows"),
    ],
)
def test_an_impossible_day_is_an_answer(
    make_city: MakeCity, change: dict[str, Any], reason: Reason, words: str
) -> None:
    """Where nothing can be collected, every visit is unserved with the reason that stands in its way."""
    toml = "[defaults]\nsnap_max_m = 100\n"
    plan = planned(prepare_day(make_city(toml=toml, **change), MONDAY))
    assert plan.routes == ()
    (left_out,) = plan.unserved
    assert left_out.reason is reason
    assert words in left_out.detail


def test_a_stream_that_no_vehicle_carries_is_unserved_alone(make_city: MakeCity, truck: dict[str, Any]) -> None:
    """What the fleet may not carry is named as such, and the rest is collected."""
    rows = [BIN, BIN | {"id": "B2", "stream": "glass"}]
    day = prepare_day(make_city(containers=rows, vehicles=[truck | {"streams": "residual"}]), MONDAY)
    plan = planned(day)
    assert len(plan.routes) == 1
    assert [(entry.visit, entry.reason) for entry in plan.unserved] == [("B2", Reason.NO_VEHICLE_MAY_ENTER)]
    assert "carries glass" in plan.unserved[0].detail


def test_a_prize_below_the_cost_is_left_out(make_city: MakeCity) -> None:
    """An optional container that costs more than it is worth stays, with that reason."""
    plan = planned(prepare_day(make_city(containers=[BIN | {"prize": 0.01}]), MONDAY))
    assert [entry.reason for entry in plan.unserved] == [Reason.PRIZE_BELOW_COST]


def test_a_day_on_which_nothing_is_due_has_no_routes(make_city: MakeCity) -> None:
    """Where every container is empty the answer is a plan without routes, and a note says why."""
    day = prepare_day(make_city(containers=[BIN | {"fill": 0}]), MONDAY)
    plan = planned(day)
    assert (plan.routes, plan.unserved, plan.cost.total_micro) == ((), (), 0)
    assert day.notes == ("None of the 1 containers is due on 2026-11-23: not scheduled, or empty.",)


# --- notes ---


def test_a_usual_day_has_no_notes(make_city: MakeCity) -> None:
    """Nothing is noted where there is nothing to say."""
    assert prepare_day(make_city(), MONDAY).notes == ()


def test_places_off_the_streets_are_noted(make_city: MakeCity) -> None:
    """A depot and a disposal site that no street reaches are named."""
    day = prepare_day(
        make_city(
            depots=[DEPOT | {"lat": 13.37}],
            disposal_sites=[LANDFILL | {"lat": 13.37}],
            toml="[defaults]\nsnap_max_m = 100\n",
        ),
        MONDAY,
    )
    depot, site = day.notes
    assert depot.startswith("The depot 'D1' is farther than 100 m from every street")
    assert site.startswith("The disposal site 'L1' is farther than 100 m from every street")


def zone(west: float, *, south: float = 13.348, schedule: str = "") -> str:
    """Return a zone of 1 km by 0.4 km with 1,000 people, as GeoJSON."""
    east, north = west + 0.01, south + 0.004
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    properties = {"id": "Z1", "name": "East", "people": 1000, "kg_per_person_day": 0.5, "schedule": schedule}
    feature = {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def test_waste_of_a_zone_is_collected_along_its_streets(make_city: MakeCity) -> None:
    """What no container of a zone receives is due at its streets, down to the last visit's rounding."""
    day = prepare_day(make_city(containers=[], zones=zone(103.85)), MONDAY)
    assert sum(visit.demand_kg for visit in day.problem.visits) == pytest.approx(500, abs=len(day.problem.visits))
    assert all(visit.containers[0].startswith("zone:Z1:") for visit in day.problem.visits)
    assert day.notes == ()


def test_waste_of_a_zone_without_streets_does_not_vanish_silently(make_city: MakeCity) -> None:
    """A zone whose waste finds no street is named with its kilograms."""
    day = prepare_day(make_city(zones=zone(103.85, south=13.36)), MONDAY)
    (note,) = day.notes
    assert "zone 'Z1' (East)" in note
    assert "500 kg" in note


def test_a_zone_without_streets_is_silent_on_other_days(make_city: MakeCity) -> None:
    """A zone that is not collected on this weekday is not noted."""
    assert prepare_day(make_city(zones=zone(103.85, south=13.36, schedule="tue")), MONDAY).notes == ()


def test_the_same_city_and_date_make_the_same_plan(make_city: MakeCity) -> None:
    """With a step limit and a seed, a day is planned twice alike."""
    rows = [BIN | {"id": f"B{number}", "lon": 103.846 + number / 1000} for number in range(12)]
    city = make_city(containers=rows)
    first, second = (plan_day(prepare_day(city, MONDAY), stop=StepLimit(2), seed=5).plan for _ in range(2))
    assert first == second
