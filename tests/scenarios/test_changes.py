"""Each change of a scenario: what it does to the day's problem, what it refuses, and its form in files."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from optimizer.problem.model import TimeWindow
from optimizer.problem.plan import Reason
from optimizer.search.feasible import options
from scenarios.amounts import Amounts
from scenarios.changes.case import Case, ScenarioRefused
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
from scenarios.changes.scenario import CHANGES, Scenario, decode_change, decode_scenario, encode_change
from scenarios.changes.waste import Festival, Frequency, Policy, SensorCoverage, StreamSplit, WasteGrowth
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from geodata.city.dataset import CityDataset
    from optimizer.problem.model import Problem
    from scenarios.changes.case import Change

    MakeCity = Callable[..., CityDataset]

MONDAY = dt.date(2026, 11, 23)
TUESDAY = dt.date(2026, 11, 24)
HOUR_S = 3_600

BIN: dict[str, Any] = {"lon": 103.860, "lat": 13.35, "volume_l": 1000, "stream": "residual", "fill_rate_l_per_day": 300}
SMALL_SHIFT = {"id": "K1-day", "vehicle": "K1", "start": "04:00", "end": "12:00"}
SHIFT = {"id": "T1-day", "vehicle": "T1", "start": "04:00", "end": "12:00", "breaks": "30min@07:00-08:00"}
ZONE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"id": "Z1", "name": "East", "people": 0, "kg_per_person_day": 0.5},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[103.855, 13.34], [103.88, 13.34], [103.88, 13.36], [103.855, 13.36], [103.855, 13.34]]
                ],
            },
        }
    ],
}


@pytest.fixture
def case(make_city: MakeCity, truck: dict[str, Any], small: dict[str, Any]) -> Case:
    """Give a city with two trucks, a three-wheeler, four containers of which one is daily, and a zone."""
    containers = [
        BIN | {"id": "B1", "schedule": "mon,thu"},
        BIN | {"id": "B2", "lon": 103.858, "schedule": "mon,thu"},
        BIN | {"id": "B3", "lon": 103.852, "schedule": "tue"},
        BIN | {"id": "B4", "lon": 103.865, "stream": "paper", "fill_rate_l_per_day": "", "fill": 0.5},
    ]
    return Case(
        city=make_city(
            containers=containers,
            vehicles=[truck, truck | {"id": "T2"}, small],
            shifts=[SHIFT, SHIFT | {"id": "T2-day", "vehicle": "T2"}, SMALL_SHIFT],
            zones=json.dumps(ZONE),
        )
    )


def problem_of(case: Case, date: dt.date = MONDAY) -> Problem:
    """Prepare a day as a change has left it."""
    return prepare_day(case.city, date).problem


def litres(case: Case, date: dt.date = MONDAY, seed: int = 3) -> dict[str, float]:
    """Return what lies in each container, without door-to-door waste."""
    city = dataclasses.replace(case.city, zones=())
    amounts = Amounts(dataclasses.replace(case, city=city), city, seed=seed, first=MONDAY)
    return dict(zip([one.id for one in city.containers], amounts.on(date).litres.tolist(), strict=True))


def refusal(change: Change | Callable[[], Change], case: Case) -> str:
    """Return the sentence with which a change is refused, when it is made or when it is applied."""
    with pytest.raises(ScenarioRefused) as refused:
        (change() if callable(change) else change).apply(case)
    return str(refused.value)


# --- the fleet ---


def test_a_fleet_size_keeps_the_classes_in_proportion_and_each_fleet_is_the_smaller_one_and_a_vehicle_more(
    case: Case,
) -> None:
    """Fleets of 1 to 8 out of two trucks and a three-wheeler: nested, two to one, and with a shift for each vehicle."""
    before: set[str] = set()
    for size in range(1, 9):
        problem = problem_of(FleetSize(vehicles=size).apply(case))
        ids = {vehicle.id for vehicle in problem.vehicles}
        assert len(ids) == size
        assert before < ids
        assert {shift.vehicle for shift in problem.shifts} == ids
        before = ids
    assert sum(vehicle.access_class == "compactor" for vehicle in problem.vehicles) == 5
    assert {"T1", "T1+1", "T2+1", "T1+2"} <= before


def test_a_fleet_of_no_vehicle_is_refused(case: Case) -> None:
    """A fleet has at least one vehicle, and a container is not left locked to one that is gone."""
    assert "1 to 500 vehicles, not 0" in refusal(lambda: FleetSize(vehicles=0), case)
    locked = dataclasses.replace(case.city.containers[0], locked_vehicle="K1")
    held = dataclasses.replace(case, city=dataclasses.replace(case.city, containers=(locked,)))
    assert "locked to vehicle 'K1'" in refusal(FleetSize(vehicles=1), held)


def test_a_vehicle_mix_sets_each_class_and_drops_the_others(case: Case) -> None:
    """One compactor and no three-wheeler: what only a three-wheeler reaches has nobody to come."""
    problem = problem_of(VehicleMix(counts={"compactor": 1}).apply(case))
    assert [vehicle.id for vehicle in problem.vehicles] == ["T1"]
    assert [shift.id for shift in problem.shifts] == ["T1-day"]


def test_a_vehicle_mix_refuses_classes_that_the_city_has_no_model_of(case: Case) -> None:
    """A class without a vehicle to copy, an unknown class and an empty mix are refused."""
    assert "no tipper to copy" in refusal(VehicleMix(counts={"tipper": 2}), case)
    assert "no access class 'lorry'" in refusal(lambda: VehicleMix(counts={"lorry": 1}), case)
    assert "at least one vehicle" in refusal(lambda: VehicleMix(counts={"compactor": 0}), case)


def test_a_capacity_factor_changes_payload_and_body_of_the_vehicles_named(case: Case) -> None:
    """Half a capacity for one truck; the others keep theirs."""
    problem = problem_of(CapacityFactor(factor=0.5, vehicles=frozenset({"T1"})).apply(case))
    assert problem.vehicle_by_id["T1"].capacity_kg == 3_000
    assert problem.vehicle_by_id["T1"].capacity_l == 15_000
    assert problem.vehicle_by_id["T2"].capacity_kg == 6_000


def test_a_capacity_factor_refuses_unknown_vehicles_and_wild_factors(case: Case) -> None:
    """The sentence names the vehicle, and those that there are."""
    assert "no vehicle 'X'; the city has 'T1', 'T2', 'K1'" in refusal(
        CapacityFactor(factor=1, vehicles=frozenset({"X"})), case
    )
    assert "0.1 to 10, not 0" in refusal(lambda: CapacityFactor(factor=0), case)


def test_shift_times_move_shifts_and_their_breaks(case: Case) -> None:
    """An hour later for all: the break moves along."""
    problem = problem_of(ShiftTimes(start_s=5 * HOUR_S, end_s=13 * HOUR_S).apply(case))
    shift = problem.shift_by_id["T1-day"]
    assert (shift.start_s, shift.end_s) == (5 * HOUR_S, 13 * HOUR_S)
    assert (shift.breaks[0].earliest_s, shift.breaks[0].latest_s) == (8 * HOUR_S, 9 * HOUR_S)


def test_shift_times_refuse_shifts_that_end_before_they_start_or_before_their_break(case: Case) -> None:
    """The sentence names the shift and the times."""
    assert "'T1-day' would end at 03:00, not after its start, 04:00" in refusal(ShiftTimes(end_s=3 * HOUR_S), case)
    assert "before its break from 07:00" in refusal(ShiftTimes(end_s=7 * HOUR_S), case)
    assert "a start, an end or both" in refusal(ShiftTimes, case)


def test_overtime_sets_how_long_and_at_what_price(case: Case) -> None:
    """Two hours at 18 an hour are 5,000 millionths a second, for one shift."""
    change = Overtime(max_s=2 * HOUR_S, cost_per_hour=18, shifts=frozenset({"T1-day"}))
    problem = problem_of(change.apply(case))
    assert problem.shift_by_id["T1-day"].latest_return_s == 14 * HOUR_S
    assert problem.shift_by_id["T1-day"].overtime_micro_per_s == 5_000
    assert problem.shift_by_id["T2-day"].max_overtime_s == 0


def test_overtime_refuses_amounts_that_are_none(case: Case) -> None:
    """Negative hours, a negative price and nothing at all are refused."""
    assert "0 to 12 hours" in refusal(lambda: Overtime(max_s=-1), case)
    assert "at least 0" in refusal(lambda: Overtime(cost_per_hour=-1), case)
    assert "an amount, a price or both" in refusal(Overtime, case)


def test_electrify_gives_a_range_that_the_payload_shortens_and_the_price_of_energy(case: Case) -> None:
    """150 usable kWh at 1 kWh/km and 0.1 for each tonne carry a payload of 6 t for 150 / 1.3 km."""
    change = Electrify(
        battery_kwh=187.5, usable=0.8, kwh_per_km=1, kwh_per_t_km=0.1, charger_kw=22, price_per_kwh=0.2,
        vehicles=frozenset({"T1"}),
    )  # fmt: skip
    electric = change.apply(case)
    problem = problem_of(electric)
    assert problem.vehicle_by_id["T1"].range_m == round(150_000 / 1.3)
    assert problem.vehicle_by_id["T1"].micro_per_m == 260
    assert problem.vehicle_by_id["T2"].range_m is None
    assert dict(electric.batteries)["T1"].usable_kwh == pytest.approx(150)


def test_electrify_refuses_a_charger_that_the_night_is_too_short_for(case: Case) -> None:
    """160 kWh in the 16 hours between shifts take 10 kW: that is enough, and a little less is not."""
    usual = {"battery_kwh": 200, "kwh_per_km": 1, "price_per_kwh": 0.1}
    assert Electrify(charger_kw=10, **usual).apply(case).batteries
    assert "expected a charger of at least 10 kW" in refusal(Electrify(charger_kw=9.9, **usual), case)
    assert "battery_kwh above 0" in refusal(lambda: Electrify(**{**usual, "battery_kwh": 0}, charger_kw=9), case)


def test_a_speed_factor_slows_every_vehicle_down(case: Case) -> None:
    """At half the speed every drive takes longer, and twice as long where no turn or wait is in it."""
    usual, slow = problem_of(case), problem_of(SpeedFactor(factor=0.5).apply(case))
    usual_s, slow_s = usual.matrix.duration_s("compactor"), slow.matrix.duration_s("compactor")
    far = usual_s > 60
    assert far.any()
    assert (slow_s[far] > 1.5 * usual_s[far]).all()
    assert (usual.matrix.distance_m("compactor") == slow.matrix.distance_m("compactor")).all()


def test_a_speed_factor_refuses_standing_still(case: Case) -> None:
    """A factor of 0 is no weather."""
    assert "0.1 to 2, not 0" in refusal(lambda: SpeedFactor(factor=0), case)


# --- places ---


def test_a_new_disposal_site_stands_among_the_others(case: Case) -> None:
    """Its hours, its streams and its fee reach the problem."""
    change = NewDisposalSite(
        id="TS", lon=103.856, lat=13.35, unloading_s=300, windows=((5 * HOUR_S, 17 * HOUR_S),),
        streams=frozenset({"residual"}), gate_fee_per_t=8,
    )  # fmt: skip
    problem = problem_of(change.apply(case))
    site = problem.site_by_id["TS"]
    assert site.windows[0] == TimeWindow(start_s=5 * HOUR_S, end_s=17 * HOUR_S)
    assert (site.unloading_s, site.fee_micro_per_kg, site.accepts("paper")) == (300, 8_000, False)


def test_a_new_disposal_site_is_refused_where_it_cannot_be(case: Case) -> None:
    """A taken id, swapped coordinates, an unknown stream and hours that end before they begin are refused."""
    assert "'L1' already" in refusal(NewDisposalSite(id="L1", lon=103.86, lat=13.35, unloading_s=1), case)
    assert "longitude first" in refusal(NewDisposalSite(id="S", lon=13.35, lat=80, unloading_s=1), case)
    strange = NewDisposalSite(id="S", lon=103.86, lat=13.35, unloading_s=1, streams=frozenset({"gold"}))
    assert "no stream 'gold'" in refusal(strange, case)
    late = {"id": "S", "lon": 103.86, "lat": 13.35, "unloading_s": 1, "windows": ((9 * HOUR_S, 8 * HOUR_S),)}
    assert "from 09:00 until 08:00" in refusal(lambda: NewDisposalSite(**late), case)


def test_moving_a_depot_moves_where_routes_begin(case: Case) -> None:
    """The depot's node lies at its new place on the avenue."""
    problem = problem_of(MoveDepot(depot="D1", lon=103.872, lat=13.35).apply(case))
    assert problem.locations[problem.depot_by_id["D1"].node].lon == pytest.approx(103.872, abs=1e-4)


def test_moving_a_depot_refuses_unknown_depots_and_far_places(case: Case) -> None:
    """A depot that is not there cannot move, and none moves to another country."""
    assert "no depot 'D9'" in refusal(MoveDepot(depot="D9", lon=103.86, lat=13.35), case)
    assert "km from the nearest depot" in refusal(MoveDepot(depot="D1", lon=100.5, lat=13.35), case)


def test_disposal_hours_take_the_place_of_a_sites_own(case: Case) -> None:
    """A landfill open for an hour before dawn leaves nothing that can be brought away."""
    problem = problem_of(DisposalHours(site="L1", windows=((1 * HOUR_S, 2 * HOUR_S),)).apply(case))
    assert {entry.reason for entry in options(problem).hopeless} == {Reason.NO_DISPOSAL_SITE}
    assert not options(problem_of(case)).hopeless


def test_disposal_hours_refuse_unknown_sites(case: Case) -> None:
    """The sentence lists the sites."""
    assert "no disposal site 'X'; the city has 'L1'" in refusal(DisposalHours(site="X", windows=()), case)


def test_a_closure_shuts_its_street_on_its_days(case: Case) -> None:
    """The avenue closed in its middle parts depot and landfill on Monday, and no longer on Tuesday."""
    change = Closure(id="flood", points=((103.8545, 13.35), (103.8555, 13.35)), first=MONDAY, last=MONDAY)
    closed = change.apply(case)
    assert {entry.reason for entry in options(problem_of(closed)).hopeless} == {Reason.UNREACHABLE}
    assert not options(problem_of(closed, TUESDAY)).hopeless


def test_a_closure_refuses_to_be_nowhere_or_twice(case: Case) -> None:
    """It needs a place near the city, an id of its own, and days in order."""
    assert "says no place" in refusal(lambda: Closure(id="c"), case)
    there = Closure(id="c", ways=frozenset({1}))
    assert "'c' of the streets already" in refusal(there, there.apply(case))
    backwards = {"id": "c", "ways": frozenset({1}), "first": TUESDAY, "last": MONDAY}
    assert "before it begins" in refusal(lambda: Closure(**backwards), case)


# --- waste ---


def test_a_frequency_sets_the_weekdays_of_what_it_names(case: Case) -> None:
    """Residual waste on Tuesdays alone: on Monday the paper is left."""
    problem = problem_of(Frequency(weekdays=frozenset({1}), stream="residual").apply(case))
    assert {visit.stream for visit in problem.visits} == {"paper"}
    on_tuesday = problem_of(Frequency(weekdays=frozenset({1}), stream="residual").apply(case), TUESDAY)
    assert [visit.id for visit in on_tuesday.visits if visit.stream == "residual"] == ["B1", "B2", "B3"]


def test_times_a_week_are_spread_over_the_days(case: Case) -> None:
    """Each of the containers has two days a week, and they do not all have the same."""
    schedules = [one.schedule for one in Frequency(per_week=2).apply(case).city.containers]
    assert all(schedule is not None and len(schedule) == 2 for schedule in schedules)
    assert len(set(schedules)) > 1


def test_a_frequency_refuses_days_on_which_nobody_works(case: Case) -> None:
    """Shifts on Mondays alone leave no second day."""
    shifts = tuple(dataclasses.replace(shift, weekdays=frozenset({0})) for shift in case.city.shifts)
    mondays = dataclasses.replace(case, city=dataclasses.replace(case.city, shifts=shifts))
    assert "too few to collect 2 times" in refusal(Frequency(per_week=2), mondays)
    assert "Nobody works on weekday 1" in refusal(Frequency(weekdays=frozenset({1})), mondays)
    assert "weekdays or times a week" in refusal(Frequency, mondays)


def test_a_policy_decides_what_is_due(case: Case) -> None:
    """By a threshold, the full containers of the day are due whatever the schedule says, and the others are not."""
    city = dataclasses.replace(case.city, zones=())
    threshold = Policy(policy="threshold").apply(dataclasses.replace(case, city=city))
    by_threshold = Amounts(threshold, city, seed=1, first=MONDAY)
    by_schedule = Amounts(dataclasses.replace(case, city=city), city, seed=1, first=MONDAY)
    days = [MONDAY + dt.timedelta(days=number) for number in range(5)]
    assert {name for day in days for name in by_schedule.on(day).due if name == "B3"} == {"B3"}
    assert [sorted(by_threshold.on(day).due) for day in days] != [sorted(by_schedule.on(day).due) for day in days]
    assert by_threshold.on(days[2]) is by_threshold.on(days[2])


def test_an_unknown_policy_is_refused(case: Case) -> None:
    """The sentence lists those that there are."""
    assert "'schedule', 'threshold', 'forecast'" in refusal(lambda: Policy(policy="luck"), case)  # type: ignore[arg-type]


def test_sensor_coverage_says_how_many_containers_tell(case: Case) -> None:
    """Without any sensor a threshold has nothing to go by; with all of them it finds full containers."""
    case = dataclasses.replace(case, city=dataclasses.replace(case.city, zones=()))
    days = [MONDAY + dt.timedelta(days=number) for number in range(7)]

    def collected(share: float) -> int:
        told = SensorCoverage(share=share).apply(Policy(policy="threshold").apply(case))
        amounts = Amounts(told, told.city, seed=1, first=MONDAY)
        return sum(len(amounts.on(day).due) for day in days)

    assert collected(0.0) == 0
    assert collected(1.0) > 0


def test_sensor_coverage_is_a_share_and_means_nothing_to_a_schedule(case: Case) -> None:
    """Above 1 it is refused, and so is a scenario in which nobody listens."""
    assert "between 0 and 1" in refusal(lambda: SensorCoverage(share=1.1), case)
    deaf = Scenario(name="deaf", changes=(SensorCoverage(share=1),))
    with pytest.raises(ScenarioRefused, match="change nothing under a fixed schedule"):
        deaf.apply(case)


def test_waste_growth_multiplies_what_the_city_states(case: Case) -> None:
    """Half as much again in the zone alone: rates and fills grow there; the same draws meet both."""
    grown = WasteGrowth(factor=1.5, zones=frozenset({"Z1"})).apply(case)
    assert [one.fill_rate_l_per_day for one in grown.city.containers] == [450, 450, 300, 750]
    before, after = litres(case), litres(WasteGrowth(factor=1.5).apply(case))
    assert 1.2 < sum(after.values()) / sum(before.values()) < 1.8
    assert litres(WasteGrowth(factor=1.0).apply(case)) == before


def test_waste_growth_refuses_unknown_zones_and_nothing_left(case: Case) -> None:
    """The sentence lists the zones."""
    assert "no zone 'Z9'; the city has 'Z1'" in refusal(WasteGrowth(factor=2, zones=frozenset({"Z9"})), case)
    assert "above 0" in refusal(lambda: WasteGrowth(factor=0), case)


def test_a_stream_split_puts_a_second_container_beside_each_and_keeps_the_weight(case: Case) -> None:
    """40 % of the residual weight goes into containers of organics that share the stop of the old ones."""
    city = StreamSplit(share=0.4).apply(case).city
    by_id = {one.id: one for one in city.containers}
    assert set(by_id) == {"B1", "B2", "B3", "B4", "B1::organic", "B2::organic", "B3::organic"}
    old, new = by_id["B1"], by_id["B1::organic"]
    old_kg = (old.fill_rate_l_per_day or 0) * city.density_kg_per_l("residual")
    new_kg = (new.fill_rate_l_per_day or 0) * city.density_kg_per_l("organic")
    assert old_kg + new_kg == pytest.approx(300 * city.density_kg_per_l("residual"))
    assert new_kg == pytest.approx(0.4 * (old_kg + new_kg))
    assert (new.volume_l, new.stop_id, old.stop_id) == (500, "B1", "B1")
    stops = {visit.stop for visit in problem_of(dataclasses.replace(case, city=city)).visits}
    assert {"B1", "B2"} <= stops


def test_a_stream_split_refuses_what_nobody_carries_or_accepts(case: Case) -> None:
    """Trucks or sites that take residual waste alone leave organics on the street."""
    vehicles = tuple(dataclasses.replace(one, streams=frozenset({"residual"})) for one in case.city.vehicles)
    alone = dataclasses.replace(case, city=dataclasses.replace(case.city, vehicles=vehicles))
    assert "No vehicle carries 'organic'" in refusal(StreamSplit(share=0.4), alone)
    sites = tuple(dataclasses.replace(one, streams=frozenset({"residual"})) for one in case.city.disposal_sites)
    shut = dataclasses.replace(case, city=dataclasses.replace(case.city, disposal_sites=sites))
    assert "No disposal site accepts 'organic'" in refusal(StreamSplit(share=0.4), shut)
    assert "between 0 and 1" in refusal(lambda: StreamSplit(share=1), case)
    assert "nothing can be split" in refusal(StreamSplit(share=0.4, source="glass"), case)


def test_a_festival_brings_more_on_its_days_alone(case: Case) -> None:
    """Waste of a Sunday lies in Monday's containers; Tuesday's daily container has none of it any more."""
    sunday = MONDAY - dt.timedelta(days=1)
    feast = Festival(first=sunday, last=sunday, factor=3).apply(case)
    assert litres(feast)["B4"] > 1.5 * litres(case)["B4"]
    assert litres(feast, TUESDAY)["B4"] == litres(case, TUESDAY)["B4"]


def test_a_festival_refuses_to_end_before_it_begins(case: Case) -> None:
    """And a zone that the city does not have."""
    assert "before it begins" in refusal(lambda: Festival(first=TUESDAY, last=MONDAY, factor=2), case)
    assert "no zone 'X'" in refusal(Festival(first=MONDAY, last=MONDAY, factor=2, zones=frozenset({"X"})), case)


# --- scenarios and files ---

ONE_OF_EACH: list[Change] = [
    FleetSize(vehicles=4),
    VehicleMix(counts={"compactor": 1, "three_wheeler": 2}),
    CapacityFactor(factor=1.2, vehicles=frozenset({"T1"})),
    ShiftTimes(start_s=5 * HOUR_S, shifts=frozenset({"T1-day"})),
    Overtime(max_s=3_600, cost_per_hour=7.5),
    NewDisposalSite(id="TS", lon=103.856, lat=13.35, unloading_s=300, windows=((18_000, 61_200),)),
    MoveDepot(depot="D1", lon=103.872, lat=13.35),
    DisposalHours(site="L1", windows=((6 * HOUR_S, 16 * HOUR_S),)),
    Closure(id="c", ways=frozenset({7}), points=((103.85, 13.35),), street="Avenue", first=MONDAY),
    Frequency(per_week=3, stream="residual", zones=frozenset({"Z1"})),
    Policy(policy="forecast"),
    SensorCoverage(share=0.25),
    WasteGrowth(factor=1.1, stream="paper"),
    StreamSplit(share=0.4, weekdays=frozenset({0, 3})),
    Electrify(battery_kwh=200, kwh_per_km=1.2, charger_kw=40, price_per_kwh=0.15, fixed_cost=41),
    SpeedFactor(factor=0.8),
    Festival(first=MONDAY, last=TUESDAY, factor=1.5, zones=frozenset({"Z1"})),
]


def test_there_is_one_of_each_kind_of_change() -> None:
    """The list that the tests below go through is whole."""
    assert [change.kind for change in ONE_OF_EACH] == list(CHANGES)


@pytest.mark.parametrize("change", ONE_OF_EACH, ids=lambda change: change.kind)
def test_a_change_survives_its_form_in_files(change: Change) -> None:
    """What is written as JSON is read as the same change."""
    assert decode_change(json.loads(json.dumps(encode_change(change)))) == change


@pytest.mark.parametrize("change", ONE_OF_EACH, ids=lambda change: change.kind)
def test_a_change_leaves_the_case_that_it_was_given(case: Case, change: Change) -> None:
    """It returns another case, and the city's own records stay as they were."""
    before = case.city.containers, case.city.vehicles, case.city.shifts, case.city.disposal_sites
    assert change.apply(case) != case
    assert before == (case.city.containers, case.city.vehicles, case.city.shifts, case.city.disposal_sites)


def test_people_write_times_weekdays_and_hours_as_they_say_them() -> None:
    """Clock times, names of weekdays and hours are read beside seconds and numbers."""
    assert decode_change({"kind": "shift_times", "start_s": "05:30"}) == ShiftTimes(start_s=19_800)
    assert decode_change({"kind": "frequency", "weekdays": ["mon", "Thu"]}) == Frequency(weekdays=frozenset({0, 3}))
    hours = decode_change({"kind": "disposal_hours", "site": "L1", "windows": ["06:00-16:00"]})
    assert hours == DisposalHours(site="L1", windows=((21_600, 57_600),))


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"kind": "fleet_sise", "vehicles": 3}, "perhaps 'fleet_size'"),
        ({"kind": "fleet_size"}, "needs vehicles"),
        ({"kind": "fleet_size", "vehicles": 3.5}, "expected a whole number"),
        ({"kind": "fleet_size", "vehicles": True}, "expected a whole number"),
        ({"kind": "fleet_size", "vehicle": 3, "vehicles": 3}, "perhaps 'vehicles'"),
        ({"kind": "shift_times", "start_s": "25 to six"}, "06:30"),
        ({"kind": "speed_factor", "factor": float("nan")}, "expected a number"),
        ({"kind": "festival", "first": "soon", "last": "later", "factor": 2}, "2026-04-14"),
        ({"vehicles": 3}, "a table with a kind"),
        ("fleet", "a table with a kind"),
    ],
)
def test_a_change_that_cannot_be_read_says_what_was_expected(document: Any, sentence: str) -> None:
    """Misspelt kinds and names, missing fields and wrong values each get a sentence."""
    with pytest.raises(ScenarioRefused, match=sentence):
        decode_change(document)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ((FleetSize(vehicles=3), FleetSize(vehicles=4)), "settle the same thing"),
        ((FleetSize(vehicles=3), VehicleMix(counts={"compactor": 1})), "settle the same thing"),
        ((MoveDepot(depot="D1", lon=103.86, lat=13.35), MoveDepot(depot="D1", lon=103.87, lat=13.35)), "(D1)"),
        ((SpeedFactor(factor=0.8), SpeedFactor(factor=0.9)), "settle the same thing"),
        ((WasteGrowth(factor=2), WasteGrowth(factor=2, stream="paper")), "(paper)"),
        ((Policy(policy="forecast"), Frequency(per_week=2)), "does not look at"),
        ((CapacityFactor(factor=2, vehicles=frozenset({"T1"})), FleetSize(vehicles=3)), "the fleet comes first"),
        ((ONE_OF_EACH[14], CapacityFactor(factor=2)), "the capacity must change before"),
    ],
)
def test_changes_that_contradict_each_other_are_refused(changes: tuple[Change, ...], sentence: str) -> None:
    """The sentence names both, and what they are about."""
    with pytest.raises(ScenarioRefused) as refused:
        Scenario(name="torn", changes=changes)
    assert sentence in str(refused.value)


def test_changes_about_different_things_go_together() -> None:
    """Two depots may move, and two festivals may follow each other."""
    moves = (MoveDepot(depot="D1", lon=103.86, lat=13.35), MoveDepot(depot="D2", lon=103.87, lat=13.35))
    assert Scenario(name="both", changes=moves).changes == moves


def test_a_scenario_is_read_as_it_is_written(case: Case) -> None:
    """With its name and changes in order; a refused change names the scenario."""
    scenario = Scenario(name="wet", changes=(SpeedFactor(factor=0.7), MoveDepot(depot="D9", lon=103.86, lat=13.35)))
    assert decode_scenario(json.loads(json.dumps(scenario.encode()))) == scenario
    with pytest.raises(ScenarioRefused, match="Scenario 'wet', move_depot: There is no depot 'D9'"):
        scenario.apply(case)
