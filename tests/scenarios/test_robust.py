"""Plans lived through: without chance they are what they were, and with it they stray as they should."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from optimizer.judge.evaluate import evaluate
from optimizer.problem.plan import RouteOrder, StepKind, UnloadAction, VisitAction
from scenarios.cells import with_reserve
from scenarios.day import prepare_day
from scenarios.robust import Chance, live_through, overflows

if TYPE_CHECKING:
    from collections.abc import Callable

    from geodata.city.dataset import CityDataset
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan

    MakeCity = Callable[..., CityDataset]

MONDAY = dt.date(2026, 11, 23)
NONE = Chance(traffic_sd=0, leg_sd=0, queue_s=0, bag_l=0)
BIN: dict[str, Any] = {"lat": 13.35, "volume_l": 2000, "stream": "residual", "fill_rate_l_per_day": 1500}


@pytest.fixture
def day(make_city: MakeCity, truck: dict[str, Any]) -> tuple[Problem, Plan]:
    """Give a truck that takes three containers, unloads, takes three more, and has its break on the way."""
    bins = [BIN | {"id": f"B{number}", "lon": 103.853 + number / 1000} for number in range(6)]
    shift = {"id": "S", "vehicle": "T1", "start": "04:00", "end": "06:00", "breaks": "10min@04:20-05:00"}
    vehicle = truck | {"capacity_kg": 400}
    city = make_city(containers=bins, vehicles=[vehicle], shifts=[shift | {"max_overtime_s": 600}])
    problem = prepare_day(city, MONDAY).problem
    visits = [VisitAction(visit=visit.id) for visit in problem.visits]
    actions = (*visits[:3], UnloadAction(site="L1"), *visits[3:], UnloadAction(site="L1"))
    evaluation = evaluate(problem, [RouteOrder(shift="S", actions=actions)])
    assert evaluation.violations == ()
    return problem, evaluation.plan


def test_without_chance_a_plan_goes_as_planned(day: tuple[Problem, Plan]) -> None:
    """Overtime, kilograms and metres are the plan's, in every sample, and no truck is full early."""
    problem, plan = day
    lived = live_through(problem, plan, samples=5, seed=1, chance=NONE)
    assert lived.overtime_s.tolist() == [0] * 5
    assert lived.early_full.tolist() == [0] * 5
    assert lived.collected_kg == pytest.approx(plan.collected_kg)
    assert lived.distance_m == pytest.approx(plan.distance_m)
    assert lived.held.all()


def test_more_than_fits_means_another_unloading_and_a_later_return(day: tuple[Problem, Plan]) -> None:
    """Of days with other amounts, those with an early unloading drive farther, and nothing is left behind."""
    problem, plan = day
    lived = live_through(problem, plan, samples=400, seed=1, chance=Chance(traffic_sd=0, leg_sd=0, queue_s=0))
    early = lived.early_full > 0
    assert 0 < early.sum() < 400
    assert (lived.distance_m[early] > plan.distance_m).all()
    assert lived.distance_m[~early] == pytest.approx(plan.distance_m)
    assert lived.collected_kg.mean() == pytest.approx(plan.collected_kg, rel=0.02)


def test_queues_make_days_longer_by_their_mean_for_each_unloading(day: tuple[Problem, Plan]) -> None:
    """With so long a queue that every day ends in overtime, the overtimes differ by what two queues take."""
    problem, plan = day
    short, long = (
        live_through(
            problem, plan, samples=4_000, seed=2, chance=Chance(traffic_sd=0, leg_sd=0, bag_l=0, queue_s=queue_s)
        )
        for queue_s in (36_000, 72_000)
    )
    unloadings = sum(step.kind is StepKind.UNLOAD for step in plan.routes[0].steps)
    assert (long.overtime_s - short.overtime_s).mean() == pytest.approx(unloadings * 36_000, rel=0.05)
    assert long.held.mean() < 0.1


def test_the_same_seed_meets_the_same_days(day: tuple[Problem, Plan]) -> None:
    """And another seed meets others."""
    problem, plan = day
    one, same, other = (live_through(problem, plan, samples=50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.overtime_s, same.overtime_s)
    assert not np.array_equal(one.collected_kg, other.collected_kg)


def test_a_reserve_shortens_shifts_and_trucks_and_still_takes_each_visit(day: tuple[Problem, Plan]) -> None:
    """A quarter of two hours and of 400 kg is left free; a truck no larger than its visit stays as it is."""
    problem, _ = day
    spared = with_reserve(problem, 0.25)
    assert spared.shifts[0].end_s == problem.shifts[0].start_s + 5_400
    assert spared.vehicles[0].capacity_kg == 300
    assert with_reserve(problem, 0.0) is problem
    heaviest = max(visit.demand_kg for visit in problem.visits)
    assert with_reserve(problem, 0.5).vehicles[0].capacity_kg == max(200, heaviest)


def test_containers_overflow_as_often_as_their_amounts_stray_past_the_brim(day: tuple[Problem, Plan]) -> None:
    """Without chance those that are full count; with it, one that is just not full does on under half of days."""
    problem, _ = day
    name = problem.visits[0].containers[0]
    litres, volume_l = {name: 2000.0, "elsewhere": 1000.0}, {name: 2000.0, "elsewhere": 2000.0}
    assert overflows(problem, litres, volume_l, samples=4, seed=1, chance=NONE).tolist() == [1] * 4
    short = overflows(problem, {name: 1999.0}, volume_l, samples=400, seed=1)
    assert 0.3 < short.mean() < 0.5
    assert overflows(problem, {name: 1000.0}, volume_l, samples=400, seed=1).mean() < 0.05
