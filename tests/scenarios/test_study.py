"""Studies: shared streets, cells that are kept, cutting short and going on, failures apart, paired comparison."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from geodata.city.dataset import read_city
from geodata.city.demo import write_demo_city
from optimizer.problem.codec import problem_hash
from scenarios.amounts import Amounts, settled
from scenarios.answer import answer
from scenarios.cells import Budget, Task, make_bench
from scenarios.changes.case import Case, ScenarioRefused
from scenarios.changes.fleet import FleetSize, SpeedFactor
from scenarios.changes.places import MoveDepot
from scenarios.changes.scenario import Scenario
from scenarios.changes.waste import Frequency, WasteGrowth
from scenarios.compare import table
from scenarios.day import prepare_day
from scenarios.keep import Kept
from scenarios.pool import Inline
from scenarios.report import document_of
from scenarios.study import Study, fleet_scenarios, run_study, smallest_fleet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geodata.city.dataset import CityDataset, CityReading
    from scenarios.study import StudyResult

    MakeCity = Callable[..., CityDataset]

MONDAY = dt.date(2026, 11, 23)
TUESDAY = dt.date(2026, 11, 24)
BIN: dict[str, Any] = {"lat": 13.35, "volume_l": 4000, "stream": "residual", "fill_rate_l_per_day": 3000}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> CityReading:
    """Give the built-in city with 50 containers, door-to-door zones among them."""
    return read_city(write_demo_city(tmp_path_factory.mktemp("demo") / "city", containers=50, seed=1))


@pytest.fixture
def city(make_city: MakeCity, truck: dict[str, Any]) -> CityDataset:
    """Give a street with twelve large containers and three trucks that each bring away some of them."""
    trucks = [truck | {"id": f"T{number}", "capacity_kg": 1400} for number in (1, 2, 3)]
    shifts = [
        {"id": f"T{number}-day", "vehicle": f"T{number}", "start": "04:00", "end": "05:30"} for number in (1, 2, 3)
    ]
    bins = [BIN | {"id": f"B{number}", "lon": 103.853 + number / 1000} for number in range(12)]
    return make_city(containers=bins, vehicles=trucks, shifts=shifts)


def study(*scenarios: Scenario, days: int = 1, seeds: int = 2) -> Study:
    """Return a small study."""
    return Study(
        name="small",
        scenarios=scenarios or fleet_scenarios((1, 2, 3, 4)),
        days=tuple(MONDAY + dt.timedelta(days=number) for number in range(days)),
        seeds=tuple(range(seeds)),
        budget=Budget(steps=1),
        samples=20,
    )


def told(result: StudyResult) -> dict[str, Any]:
    """Return all that a study says, without how long it took."""
    return document_of(result, table(result))


class Counting(Inline):
    """Counts the cells that are run, and breaks the next one after so many."""

    def __init__(self, break_after: int | None = None) -> None:
        self.count = 0
        self._break_after = break_after

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it, or end as a process does that is killed."""
        if self._break_after is not None and self.count >= self._break_after:
            raise KeyboardInterrupt
        self.count += 1
        return super().submit(fn, *args, **kwargs)


# --- shared streets ---


def test_days_on_shared_streets_are_those_prepared_alone(demo: CityReading) -> None:
    """Problems of four scenarios on two days, their travel times measured once, equal those of ``prepare_day``."""
    assert demo.dataset is not None
    changes: list[tuple[Any, ...]] = [
        (),
        (FleetSize(vehicles=4),),
        (Frequency(per_week=3),),
        (WasteGrowth(factor=1.3),),
    ]
    cases = [Scenario(name="x", changes=change).apply(Case(city=demo.dataset)) for change in changes]
    bench = make_bench(cases, [MONDAY, TUESDAY], budget=Budget(steps=1), samples=1, extract=demo.extract)
    for (number, case), date in itertools.product(enumerate(cases), (MONDAY, TUESDAY)):
        day, morning = bench.prepare(Task(scenario=number, date=date, seed=5))
        city = settled(case, day.network)
        assert morning.due == Amounts(case, city, seed=5, first=MONDAY).on(date).due
        alone = prepare_day(city, date, chosen=morning.due, extract=demo.extract)
        assert problem_hash(day.problem) == problem_hash(alone.problem)
    assert bench.streets.measurements == bench.streets.networks == 1


def test_a_place_that_nobody_announced_is_measured_then(demo: CityReading) -> None:
    """A depot that moved after the streets were measured is found by a measurement of the day's own."""
    assert demo.dataset is not None
    case = Case(city=demo.dataset)
    depot = demo.dataset.depots[0]
    moved = MoveDepot(depot=depot.id, lon=depot.lon + 0.0003, lat=depot.lat + 0.0003).apply(case)
    bench = make_bench([case], [MONDAY], budget=Budget(steps=1), samples=1, extract=demo.extract)
    day, morning = bench.prepare(Task(scenario=0, date=MONDAY, seed=0))
    city = settled(moved, day.network)
    late = prepare_day(city, MONDAY, chosen=morning.due, streets=bench.streets)
    alone = prepare_day(city, MONDAY, chosen=morning.due, extract=demo.extract)
    assert problem_hash(late.problem) == problem_hash(alone.problem)
    assert bench.streets.measurements == 2


# --- running ---


def test_more_trucks_never_cost_service_and_the_answer_is_the_smallest_that_serves_all(
    city: CityDataset, tmp_path: Path
) -> None:
    """Visits left behind fall with each truck; travel times are measured once for all fleets."""
    result = run_study(study(), city, Inline(), workers=1, kept=Kept(tmp_path))
    lines = table(result)
    unserved = [line.figures["unserved"] for line in lines]
    assert unserved == sorted(unserved, reverse=True)
    assert unserved[0] > 0 == unserved[-1]
    enough = next(line for line in lines if line.figures["unserved"] == 0)
    assert answer(result, lines).startswith(enough.name.partition(" ")[0])
    assert result.measurements == 1


def test_halving_finds_the_same_fleet_with_fewer_cells(city: CityDataset, tmp_path: Path) -> None:
    """Of eight fleets at most three are tried, and the answer is that of the whole curve."""
    fleets = study(*fleet_scenarios(range(1, 9)))
    whole = run_study(fleets, city, Inline(), workers=1, kept=Kept(tmp_path / "whole"))
    found = smallest_fleet(fleets, city, Inline(), workers=1, kept=Kept(tmp_path / "halved"))
    tried = {scenario for scenario, _, _ in found.results if scenario >= 0}
    assert len(tried) <= 4
    first = [answer(one, table(one)).partition(", for ")[0] for one in (whole, found)]
    assert first[0] == first[1]


def test_equal_scenarios_differ_by_nothing(city: CityDataset, tmp_path: Path) -> None:
    """Two names for one thing give the same figures on each day: neither gains by coming later."""
    twins = study(*(Scenario(name=name, changes=(WasteGrowth(factor=1.1),)) for name in ("first", "second")), seeds=3)
    lines = table(run_study(twins, city, Inline(), workers=1, kept=Kept(tmp_path)))
    assert {one.mean for one in lines[1].differences.values()} == {0}
    assert not any(one.clear for one in lines[1].differences.values())


def test_the_same_study_gives_the_same_table(city: CityDataset, tmp_path: Path) -> None:
    """With steps for a budget, a second run in another folder says the same."""
    results = [
        run_study(study(days=2, seeds=1), city, Inline(), workers=1, kept=Kept(tmp_path / name)) for name in "ab"
    ]
    assert told(results[0]) == told(results[1])


@pytest.mark.parametrize("done", [0, 1, 2, 5, 9])
def test_a_study_that_was_cut_short_goes_on_to_the_same_table(city: CityDataset, tmp_path: Path, done: int) -> None:
    """Whatever was done is kept and not run again; the table is that of an undisturbed run."""
    whole = Counting()
    expected = told(run_study(study(), city, whole, workers=1, kept=Kept(tmp_path / "whole")))
    kept = Kept(tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        run_study(study(), city, Counting(break_after=done), workers=1, kept=kept)
    rest = Counting()
    assert told(run_study(study(), city, rest, workers=1, kept=kept)) == expected
    assert whole.count - done <= rest.count <= whole.count - max(0, done - 2)


def test_a_damaged_result_is_made_again(city: CityDataset, tmp_path: Path) -> None:
    """A file that is cut off, or is another's, counts as absent."""
    expected = told(run_study(study(), city, Inline(), workers=1, kept=Kept(tmp_path)))
    files = sorted(tmp_path.glob("*.json"))
    files[0].write_bytes(files[0].read_bytes()[:100])
    files[1].write_bytes(files[2].read_bytes())
    again = Counting()
    assert told(run_study(study(), city, again, workers=1, kept=Kept(tmp_path))) == expected
    assert again.count == 2


def test_a_cancelled_study_says_what_is_done(city: CityDataset, tmp_path: Path) -> None:
    """Asked to end after the third cell, it ends there and keeps the cells before."""
    asked = itertools.count()
    result = run_study(study(), city, Inline(), workers=1, kept=Kept(tmp_path), cancelled=lambda: next(asked) > 3)
    assert result.cancelled
    assert 0 < len(list(tmp_path.glob("*.json"))) < 10


def test_a_refused_scenario_does_not_stop_the_others(city: CityDataset, tmp_path: Path) -> None:
    """Its sentence stands in its line, and the others have their cells."""
    torn = Scenario(name="torn", changes=(MoveDepot(depot="D9", lon=103.86, lat=13.35),))
    lines = table(run_study(study(Scenario(name="now"), torn), city, Inline(), workers=1, kept=Kept(tmp_path)))
    assert (lines[0].cells, lines[1].cells) == (2, 0)
    assert "no depot 'D9'" in lines[1].why_not


def test_a_day_that_fails_is_kept_apart(city: CityDataset, tmp_path: Path) -> None:
    """What a worker raises is said of its cell; other scenarios have theirs."""

    class Failing(Inline):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            task = next(argument for argument in args if isinstance(argument, Task))
            if task.scenario == 2 and task.seed == 1:
                broken: Future[Any] = Future()
                broken.set_exception(ValueError("The truck has no wheels."))
                return broken
            return super().submit(fn, *args, **kwargs)

    slow = Scenario(name="slow", changes=(SpeedFactor(factor=0.5),))
    lines = table(run_study(study(Scenario(name="now"), slow), city, Failing(), workers=1, kept=Kept(tmp_path)))
    assert (lines[0].cells, lines[1].cells, lines[1].failed) == (2, 1, 1)
    assert lines[1].why_not == "The truck has no wheels."


# --- what a study refuses ---


def test_a_study_refuses_what_would_be_compared_with_itself() -> None:
    """A name, a day or a seed that stands twice is a mistake."""
    with pytest.raises(ScenarioRefused, match="names the scenario 'a' twice"):
        study(Scenario(name="a"), Scenario(name="a"))
    with pytest.raises(ScenarioRefused, match="names the seed '0' twice"):
        dataclasses.replace(study(), seeds=(0, 0))
    with pytest.raises(ScenarioRefused, match="needs at least one day"):
        dataclasses.replace(study(), days=())
