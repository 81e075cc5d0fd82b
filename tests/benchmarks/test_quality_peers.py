"""Peers solve the judge's problem: their objective is the judge's, and their plans pass it."""

from __future__ import annotations

import importlib
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from random_days import random_day

from benchmarks.quality.cases import half_fleet
from benchmarks.quality.engines import EXACT, run
from benchmarks.quality.peers.answer import judged
from benchmarks.quality.peers.subproblems import lunch_as_shorter_day, single_trips, without_breaks
from benchmarks.quality.published import read_x
from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction
from optimizer.search.solve import solve
from optimizer.search.stop import StepLimit

if TYPE_CHECKING:
    from pathlib import Path

    from optimizer.problem.model import Problem

SECONDS = 2.0


def day(seed: int) -> Problem:
    """Return a small day on which trucks drive several trips, with every second visit's other kerb state at a twin."""
    problem = random_day(seed, visits=16, vehicles=4, streams=2, optional=0.3, capacity_kg=1_200)
    visits = [
        replace(visit, kerb=(*visit.kerb, *other.kerb), setup_s=40) if number % 2 else replace(visit, setup_s=40)
        for number, (visit, other) in enumerate(zip(problem.visits, reversed(problem.visits), strict=True))
    ]
    # Two visits at one stop pay its set-up once.
    visits[0] = replace(visits[0], stop=visits[2].stop, kerb=visits[2].kerb)
    return replace(problem, visits=tuple(visits))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("engine", "library"), [("pyvrp", "pyvrp"), ("vroom", "vroom")])
def test_objective_of_a_peer_is_the_judges(engine: str, library: str, seed: int) -> None:
    """On its sub-problem a peer's plan passes the judge, and both say to the micro what it costs."""
    pytest.importorskip(library)
    assert engine in EXACT
    problem = without_breaks(day(seed)) if engine == "pyvrp" else single_trips(day(seed))
    done = run(engine, problem, seconds=SECONDS, seed=seed)
    assert done.legal, done.violations
    assert done.objective_micro == done.cost_micro
    assert done.routes > 0
    assert done.left < len(problem.visits)


def test_pyvrp_keeps_to_loads_where_distances_are_dear(tmp_path: Path) -> None:
    """Where a unit of distance costs a million, as of X, its penalties rise until no truck is too full."""
    pytest.importorskip("pyvrp")
    chance = random.Random(1)
    places = [f"{node} {chance.randrange(1_000)} {chance.randrange(1_000)}" for node in range(1, 62)]
    demands = ["1 0", *(f"{node} {chance.randrange(1, 100)}" for node in range(2, 62))]
    file = tmp_path / "X-n61.vrp"
    lines = ["DIMENSION : 61", "CAPACITY : 206", "NODE_COORD_SECTION", *places, "DEMAND_SECTION", *demands]
    file.write_text("\n".join(lines), encoding="utf-8")
    file.with_suffix(".sol").write_text("Cost 1", encoding="utf-8")
    problem = read_x(file).problem
    done = run("pyvrp", problem, seconds=SECONDS, seed=0)
    assert done.legal, done.violations
    assert done.left == 0


@pytest.mark.parametrize("engine", ["ortools-gls", "ortools-ils"])
@pytest.mark.parametrize("seed", range(2))
def test_objective_of_ortools_is_no_lower_than_the_judges(engine: str, seed: int) -> None:
    """On the whole day the library's plan passes the judge, who finds it no dearer than the library says."""
    done = run(engine, day(seed), seconds=SECONDS, seed=seed)
    assert done.legal, done.violations
    assert done.objective_micro is not None
    assert done.objective_micro >= done.cost_micro
    assert done.routes or done.why


def test_peers_state_a_trip_that_the_judge_costs_alike() -> None:
    """PyVRP costs a route that it is given, with two unloadings and both kerb states, as the judge costs it."""
    pytest.importorskip("pyvrp")
    import pyvrp

    module = importlib.import_module("benchmarks.quality.peers.with_pyvrp")
    problem = without_breaks(random_day(1, visits=4, vehicles=1, capacity_kg=6_000))
    problem = replace(
        problem,
        visits=tuple(replace(visit, windows=(), access=None, kerb=(*visit.kerb, 0)) for visit in problem.visits),
    )
    model = module.PyVRPModel(problem)
    visit = pyvrp.ActivityType.CLIENT
    activities = [pyvrp.Activity(visit, client) for client in (0, 3)]
    activities += [pyvrp.Activity(pyvrp.ActivityType.DEPOT, 2), pyvrp.Activity(visit, 5)]
    solution = pyvrp.Solution(model.data, [pyvrp.Route(model.data, activities, 0)])
    orders = model.orders([(0, activities)])
    names = [visit.id for visit in problem.visits]
    assert orders == (
        RouteOrder(
            shift=problem.shifts[0].id,
            actions=(
                VisitAction(visit=names[0]),
                VisitAction(visit=names[1], kerb=1),
                UnloadAction(site="landfill"),
                VisitAction(visit=names[2], kerb=1),
                UnloadAction(site="landfill"),
            ),
        ),
    )
    evaluation = judged(problem, orders)
    assert evaluation.violations == ()
    assert model.objective_micro(solution) == evaluation.plan.cost.total_micro


def test_sub_problems_are_days_that_we_solve() -> None:
    """Our plans of every sub-problem pass its judge, and on a single-trip day each truck unloads once."""
    for reduce in (without_breaks, lunch_as_shorter_day, single_trips):
        problem = reduce(day(1))
        plan = solve(problem, stop=StepLimit(3), seed=0).plan
        assert plan.routes
        if reduce is single_trips:
            assert all(len(route.trips) == 1 for route in plan.routes)


def test_single_trip_price_is_that_of_the_work() -> None:
    """A route without waiting or breaks costs on a single-trip day what it costs in full, rounded per arc."""
    full = replace(random_day(2, visits=3, vehicles=1, breaks=False), disposal_sites=day(2).disposal_sites)
    full = replace(
        full,
        visits=tuple(
            replace(visit, demand_kg=visit.demand_kg // 3, demand_l=0, windows=(), access=None, setup_s=30)
            for visit in full.visits
        ),
    )
    priced = single_trips(full)
    orders = [
        RouteOrder(
            shift=full.shifts[0].id,
            actions=(*(VisitAction(visit=visit.id) for visit in full.visits), UnloadAction(site="landfill")),
        )
    ]
    whole, single = judged(full, orders), judged(priced, orders)
    assert not whole.violations
    assert not single.violations
    arcs = len(full.visits) + 2
    assert 0 <= whole.plan.cost.total_micro - single.plan.cost.total_micro < arcs * 1_000


def test_tight_fleet_is_half_of_each_class() -> None:
    """A tight fleet keeps half of each access class, rounded up, its shifts, and no lock to a truck that is gone."""
    problem = random_day(0, vehicles=5)
    locked = replace(problem, visits=tuple(replace(visit, vehicle=problem.vehicles[-1].id) for visit in problem.visits))
    tight = half_fleet(locked)
    classes = [vehicle.access_class for vehicle in tight.vehicles]
    assert sorted(classes) == ["compactor", "compactor", "three_wheeler"]
    assert {shift.vehicle for shift in tight.shifts} == {vehicle.id for vehicle in tight.vehicles}
    assert all(visit.vehicle is None for visit in tight.visits)
