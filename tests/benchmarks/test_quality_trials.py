"""Trials of the quality benchmark that have no peer: times on the clock, and how much room a fleet has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.quality.honest import honest_rows
from benchmarks.quality.large import made_up_day
from benchmarks.quality.room import most_served
from benchmarks.quality.rows import row
from benchmarks.quality.trials import medians, trials
from optimizer.problem.plan import StepKind
from optimizer.search.solve import solve
from optimizer.search.stop import StepLimit
from tests.optimizer.toy_days import toy_day


@pytest.mark.parametrize("seed", range(12))
def test_no_plan_serves_more_than_there_is_room_for(seed: int) -> None:
    """On small days with every constraint, a plan that the judge passes serves no more visits than the bound says."""
    problem = toy_day(seed, visits=6, shifts=2, loose=bool(seed % 2))
    plan = solve(problem, stop=StepLimit(2), seed=seed).plan
    served = sum(step.kind is StepKind.VISIT for route in plan.routes for step in route.steps)
    assert served <= most_served(problem, required=False)


def test_room_is_bounded_by_the_hours_of_a_shift() -> None:
    """A truck that works 900 s for each of its visits, and unloads for 900, serves at most 35 in nine hours."""
    day = made_up_day(60)
    truck = replace(day.vehicles[0], capacity_kg=100_000, body_l=1_000_000, lift_s=0)
    problem = replace(
        day,
        vehicles=(truck,),
        shifts=tuple(replace(one, breaks=()) for one in day.shifts if one.vehicle == truck.id),
        visits=tuple(replace(one, service_s=900, prize_micro=None, access=None) for one in day.visits),
    )
    assert 25 < most_served(problem) <= 35


def test_honest_time_states_each_time_with_its_goal() -> None:
    """A small day gives a first complete plan, the length of the search and of the slowest cancel, each as a row."""
    rows = {row["metric"]: row for row in honest_rows("honest-time/60", 0.4, seed=0, workers=1)}
    assert set(rows) == {"first plan", "first complete plan", "search", "cancel, longest of 2"}
    assert rows["first complete plan"]["ours"] >= rows["first plan"]["ours"]
    assert rows["search"]["goal_high"] == pytest.approx(1.408)
    assert rows["cancel, longest of 2"]["goal_high"] == pytest.approx(0.2)


def test_what_one_seed_leaves_out_is_not_lost_in_a_median() -> None:
    """Of three seeds costs and times are medians, and visits left out are the most of any."""
    runs = [
        [row("hundred/city", "cost", "currency", cost), row("hundred/city", "required unserved", "visits", left)]
        for cost, left in ((3.0, 0), (1.0, 2), (2.0, 0))
    ]
    assert [(one["metric"], one["ours"]) for one in medians(runs)] == [("cost", 2.0), ("required unserved", 2)]


def test_trials_are_found_by_name_and_by_kind() -> None:
    """A kind means its usual sizes, a name one of any size, and an unknown city none."""
    assert trials("hundred") == ["hundred/city", "hundred/heidelberg"]
    assert trials("honest-time/77") == ["honest-time/77"]
    assert trials("hundred/atlantis") == []
