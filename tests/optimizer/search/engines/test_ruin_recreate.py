"""The search ends when it is told to, and is not in the hands of the clock where its steps are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from random_days import random_day

from optimizer.judge.evaluate import evaluate
from optimizer.search import districts
from optimizer.search.engines import ruin_recreate
from optimizer.search.feasible import options
from optimizer.search.kernel.loops import improve
from optimizer.search.solve import solve
from optimizer.search.stop import AnyOf, Cancelled, StepLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.problem.plan import RouteOrder
    from optimizer.search.kernel.arrays import Day, State
    from optimizer.search.stop import Stop


class Watch:
    """Stands before the compiled loop: notes each chunk, moves its own clock, and raises a flag in one of them."""

    def __init__(self, ruin_s: float, *, raised_in: int = 0) -> None:
        self.now_s = 0.0
        self.chunks: list[int] = []
        self._ruin_s = ruin_s
        self._raised_in = raised_in

    def __call__(self, day: Day, state: State, steps: int, temperature: float, removed: float) -> None:
        """Make the steps of a chunk, which take their time by this clock."""
        self.chunks.append(steps)
        self.now_s += steps * self._ruin_s
        improve(day, state, steps, temperature, removed)

    def clock(self) -> float:
        """Return the time of this watch."""
        return self.now_s

    def raised(self) -> bool:
        """Whether somebody asked to end."""
        return len(self.chunks) >= self._raised_in > 0


def searched(
    monkeypatch: pytest.MonkeyPatch, watch: Watch, stop: Stop, *, visits: int = 30
) -> list[Sequence[RouteOrder]]:
    """Return what a search hands on, by a watch."""
    monkeypatch.setattr(ruin_recreate, "improve", watch)
    problem = random_day(3, visits=visits)
    found: list[Sequence[RouteOrder]] = []
    ruin_recreate.search(
        problem, options(problem).shifts, stop=stop, seed=1, start=(), found=found.append, clock=watch.clock
    )
    return found


@pytest.mark.parametrize("raised_in", [1, 2, 7])
@pytest.mark.parametrize("limited", [False, True])
def test_no_chunk_is_begun_after_the_flag(monkeypatch: pytest.MonkeyPatch, raised_in: int, limited: bool) -> None:  # noqa: FBT001
    """A flag raised in a chunk ends the search with that chunk, also in the middle of a counted step."""
    watch = Watch(0.002, raised_in=raised_in)
    flag = Cancelled(watch.raised)
    found = searched(monkeypatch, watch, AnyOf(flag, StepLimit(100)) if limited else flag)
    assert len(watch.chunks) == raised_in
    assert found


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("ruin_s", [0.0001, 0.001, 0.02])
def test_a_chunk_is_short_by_the_clock(monkeypatch: pytest.MonkeyPatch, limited: bool, ruin_s: float) -> None:  # noqa: FBT001
    """However slow a ruin is, no chunk after the first takes more than twice the time between two looks."""
    watch = Watch(ruin_s, raised_in=60)
    flag = Cancelled(watch.raised)
    searched(monkeypatch, watch, AnyOf(flag, StepLimit(100)) if limited else flag)
    assert len(watch.chunks) == 60
    assert watch.chunks[0] <= ruin_recreate._FIRST_CHUNK
    assert max(watch.chunks[1:]) * ruin_s <= 2 * ruin_recreate._CHUNK_S


def test_with_a_step_limit_the_plan_does_not_depend_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine a thousand times slower, the same steps are made in smaller chunks, and hand on the same plan."""
    watches = [Watch(0.00001), Watch(0.01)]
    found = [searched(monkeypatch, watch, StepLimit(8)) for watch in watches]
    assert sum(watches[0].chunks) == sum(watches[1].chunks) == 8 * ruin_recreate.STEPS
    assert len(watches[0].chunks) < len(watches[1].chunks)
    assert found[0][-1] == found[1][-1]


def test_no_district_is_begun_after_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large day is left where the flag finds it: the district under way ends, and no other is searched."""
    monkeypatch.setattr(districts, "LARGE", 40)
    monkeypatch.setattr(districts, "VISITS", 15)
    watch = Watch(0.002, raised_in=12)
    monkeypatch.setattr(ruin_recreate, "improve", watch)
    problem = random_day(2, visits=60, vehicles=9)
    plan = solve(problem, stop=AnyOf(Cancelled(watch.raised), StepLimit(1_000)), seed=1).plan
    assert len(watch.chunks) == 12
    assert plan.routes


def test_options_end_when_asked() -> None:
    """Visits that were not tried before the flag are said to be neither possible nor hopeless."""
    problem = random_day(0, visits=10)
    asked = iter(range(100))
    tried = options(problem, stop=Cancelled(lambda: next(asked) == 4))
    assert len(tried.shifts) + len(tried.hopeless) == 4


def test_search_for_a_complete_plan_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to search until every required visit is served, it makes a step and no more of an easy day."""
    watch = Watch(1e-4)
    monkeypatch.setattr(ruin_recreate, "improve", watch)
    problem = random_day(3, visits=30, vehicles=6)
    found: list[Sequence[RouteOrder]] = []
    ruin_recreate.search(
        problem,
        options(problem).shifts,
        stop=StepLimit(400),
        seed=1,
        start=(),
        found=found.append,
        until_complete=True,
        clock=watch.clock,
    )
    assert sum(watch.chunks) <= ruin_recreate.STEPS
    plan = evaluate(problem, found[-1]).plan
    able = options(problem).shifts
    assert not [entry for entry in plan.unserved if problem.visit_by_id[entry.visit].required and entry.visit in able]
