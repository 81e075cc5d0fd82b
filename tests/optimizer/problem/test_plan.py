"""What a plan says about itself follows from its steps."""

from __future__ import annotations

from dataclasses import fields

import pytest

from optimizer.problem.plan import Cost, Plan, Route, Step, StepKind


def step(kind: str, time_s: int, load_kg: int = 0, leg_m: int = 0) -> Step:
    """Return a step that takes no time."""
    return Step(
        kind=StepKind(kind),
        id="x",
        node=0,
        arrival_s=time_s,
        start_s=time_s,
        departure_s=time_s,
        load_kg=load_kg,
        load_l=0,
        leg_distance_m=leg_m,
        leg_duration_s=leg_m // 10,
    )


def route(*steps: Step) -> Route:
    """Return a route of these steps."""
    return Route(shift="s", vehicle="v", steps=steps, cost=Cost(fixed_micro=1))


TWO_TRIPS = route(
    step("depart", 100),
    step("visit", 110, 30, 100),
    step("visit", 120, 50, 200),
    step("unload", 130, 0, 300),
    step("break", 140),
    step("visit", 150, 7, 400),
    step("unload", 160, 0, 500),
    step("break", 170),
    step("return", 200, 0, 600),
)


def test_route_adds_up_its_steps() -> None:
    """Departure, return, duration and distance are those of the steps."""
    assert (TWO_TRIPS.departure_s, TWO_TRIPS.return_s, TWO_TRIPS.duration_s) == (100, 200, 100)
    assert TWO_TRIPS.distance_m == 2_100


def test_trips_end_with_their_unloading_and_the_last_one_goes_home() -> None:
    """A route is cut after each unloading; what follows the last one belongs to the last trip."""
    kinds = [[str(step.kind) for step in trip.steps] for trip in TWO_TRIPS.trips]
    assert kinds == [["depart", "visit", "visit", "unload"], ["break", "visit", "unload", "break", "return"]]


@pytest.mark.parametrize(
    ("kinds", "trips"),
    [
        (["depart", "return"], [2]),
        (["depart", "visit", "return"], [3]),
        (["depart", "visit", "unload", "visit", "return"], [3, 2]),
        (["depart", "unload", "unload", "return"], [2, 2]),
    ],
)
def test_every_step_is_in_exactly_one_trip(kinds: list[str], trips: list[int]) -> None:
    """Trips partition the steps, on routes that do not end empty as well."""
    made = route(*(step(kind, number) for number, kind in enumerate(kinds)))
    assert [len(trip.steps) for trip in made.trips] == trips
    assert tuple(one for trip in made.trips for one in trip.steps) == made.steps


def test_plan_adds_up_its_routes() -> None:
    """Distance, duration and what is unloaded are sums over the routes."""
    plan = Plan(routes=(TWO_TRIPS, TWO_TRIPS), unserved=(), cost=Cost(), problem_hash="")
    assert (plan.distance_m, plan.duration_s, plan.collected_kg) == (4_200, 200, 114)


def test_break_before_an_unloading_does_not_hide_its_load() -> None:
    """What is unloaded is counted when a break stands between the last visit and the unloading."""
    made = route(step("depart", 0), step("visit", 1, 30), step("break", 2, 30), step("unload", 3), step("return", 4))
    assert Plan(routes=(made,), unserved=(), cost=Cost(), problem_hash="").collected_kg == 30


def test_every_cost_term_counts_in_the_total() -> None:
    """The total is the sum of all terms; the operating cost leaves out what is unserved or only wished for."""
    terms = [term.name for term in fields(Cost)]
    cost = Cost(**{name: 10**number for number, name in enumerate(terms)})
    assert cost.total_micro == (10 ** len(terms) - 1) // 9
    assert cost.operating_micro == 11_111 + cost.load_fuel_micro
    assert (cost + cost).total_micro == 2 * cost.total_micro
    assert (cost + Cost()) == cost
