"""Kim et al.'s instances are read as they stand, and their own rules are checked on a plan."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.quality.kim import (
    KimInstance,
    manhattan_feet,
    offered_vehicles,
    read_instance,
    to_problem,
    yard_parts,
)
from benchmarks.quality.kim_rules import broken_rules, route_miles
from geodata.errors import DataError
from optimizer.judge.evaluate import evaluate
from optimizer.problem.plan import Plan, Reason, RouteOrder, Step, StepKind, UnloadAction, Unserved, VisitAction

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = """\
20.5 // vehicle capacity (yards), real number
31.0 // total yardage allowed for a vehicle per day, real number
4 // total number of regular stops for a vehicle allowed per day
3600 // lunch time duration in second
40 // speed: MPH
Stop_ID X Y Early Late Svice Load Type
0 0 0 0700 1500 0 9999 0
1 52800 0 0000 1450 1200 9999.00 2
2 5280 5280 0000 2400 30 10.25 1
3 10560 -5280 0800 1200 60 10.25 1
4 15840 0 0000 2400 3600 10.5 1
5 15840 5280 0000 2400 7200 0.0 1
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes an instance file, with some of its text replaced."""

    def write_file(old: str = "", new: str = "") -> Path:
        assert old in FILE
        path = tmp_path / "6_stop.txt"
        path.write_text(FILE.replace(old, new, 1) if old else FILE, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def instance(write: Callable[..., Path]) -> KimInstance:
    """Return the small instance above."""
    return read_instance(write())


@pytest.fixture
def plan(instance: KimInstance) -> Plan:
    """Return a plan of one truck in two trips that is at the bound of capacity, day's load and stops, with a lunch."""
    order = RouteOrder(
        shift="shift-1",
        actions=(
            VisitAction(visit="2"),
            VisitAction(visit="3"),
            UnloadAction(site="1"),
            VisitAction(visit="4"),
            VisitAction(visit="5"),
            UnloadAction(site="1"),
        ),
    )
    evaluation = evaluate(to_problem(instance, vehicles=1), [order])
    assert evaluation.violations == ()
    return evaluation.plan


def test_file_is_read_as_it_stands(instance: KimInstance) -> None:
    """Header, clock times, real loads and the three kinds of stops come out of the file unchanged."""
    assert instance.name == "6"
    assert (instance.capacity_yards, instance.daily_yards, instance.max_stops) == (Decimal("20.5"), Decimal(31), 4)
    assert (instance.lunch_s, instance.speed_mph) == (3_600, 40)
    assert [stop.id for stop in instance.regular] == ["2", "3", "4", "5"]
    assert [stop.id for stop in instance.landfills] == ["1"]
    assert instance.landfills[0].latest_s == 14 * 3_600 + 50 * 60
    assert instance.regular[1].earliest_s == 8 * 3_600
    assert instance.regular[0].load_yards == Decimal("10.25")


def test_problem_is_exact(instance: KimInstance) -> None:
    """Loads stand in whole parts of a yard without rounding, seconds are never too few, and windows are the file's."""
    problem = to_problem(instance)
    assert yard_parts(instance) == 100
    assert [visit.demand_kg for visit in problem.visits] == [1_025, 1_025, 1_050, 0]
    assert problem.vehicles[0].capacity_kg == 2_050
    assert problem.shifts[0].max_daily_kg == 3_100
    assert problem.shifts[0].max_stops == 4
    assert (problem.shifts[0].start_s, problem.shifts[0].end_s) == (7 * 3_600, 15 * 3_600)
    seconds = problem.matrix.duration_s("truck")
    assert seconds[0, 1] == 10 / 40 * 3_600
    assert problem.matrix.distance_m("truck")[0, 1] == 16_093
    assert problem.disposal_sites[0].windows[0].end_s == 14 * 3_600 + 50 * 60
    assert problem.visits[0].windows == ()
    assert len(problem.vehicles) == offered_vehicles(instance) == 5


def test_legal_plan_breaks_no_rule(instance: KimInstance, plan: Plan) -> None:
    """A plan at the bounds of the rules is legal, and its miles come from the coordinates."""
    assert broken_rules(instance, plan) == []
    assert route_miles(instance, plan.routes[0]) == pytest.approx(2 + 3 + 9 + 7 + 1 + 8 + 10)
    assert [step.kind for step in plan.routes[0].steps].count(StepKind.BREAK) == 1


def test_stop_named_as_unserved_is_no_breach_unless_it_is_served(instance: KimInstance, plan: Plan) -> None:
    """A stop that a plan names as unserved breaks no rule, and one that it serves all the same does."""
    unserved = (Unserved(visit="5", reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="Left out by the test."),)
    without = with_steps(plan, lambda steps: [step for step in steps if step.id != "5"])
    assert not any("Stop 5" in fault for fault in broken_rules(instance, replace(without, unserved=unserved)))
    assert any("Stop 5" in fault for fault in broken_rules(instance, replace(plan, unserved=unserved)))


def change_stop(name: str, **values: object) -> Callable[[KimInstance], KimInstance]:
    """Return what changes one row of an instance."""
    return lambda instance: replace(
        instance,
        stops=tuple(replace(stop, **values) if stop.id == name else stop for stop in instance.stops),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda i: replace(i, capacity_yards=Decimal("20.49")), "carries 20.50 yards after 3"),
        (lambda i: replace(i, daily_yards=Decimal("30.99")), "collects 31.00 yards with a limit of 30.99"),
        (lambda i: replace(i, max_stops=3), "makes 4 stops with a limit of 3"),
        (lambda i: replace(i, lunch_s=3_601), "lunch lasts 3600 s, not 3601 s"),
        (lambda i: replace(i, speed_mph=39.9), "the way from 0 to 2 takes"),
        (change_stop("4", service_s=3_601), "4 is left before its service of 3601 s is over"),
        (change_stop("1", service_s=1_201), "1 is left before its service of 1201 s is over"),
        (change_stop("3", latest_s=8 * 3_600 - 1), "3 starts at"),
        (change_stop("2", kind="2"), "2 is no place for a visit"),
        (change_stop("0", latest_s=9 * 3_600), "0 starts at"),
        (change_stop("2", x_feet=5_000_000.0), "the way from 0 to 2 takes"),
    ],
)
def test_each_rule_is_checked(
    instance: KimInstance, plan: Plan, change: Callable[[KimInstance], KimInstance], sentence: str
) -> None:
    """A plan for which one rule is drawn tighter breaks exactly that rule by name."""
    found = broken_rules(change(instance), plan)
    assert any(sentence in fault for fault in found), found


def with_steps(plan: Plan, change: Callable[[list[Step]], list[Step]]) -> Plan:
    """Return a plan with other steps on its route."""
    route = plan.routes[0]
    return replace(plan, routes=(replace(route, steps=tuple(change(list(route.steps)))),))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda steps: [step for step in steps if step.id != "5"], "Stop 5 is served or named as unserved 0 times"),
        (lambda steps: steps[:-2] + steps[-1:], "comes home with 10.5"),
        (lambda steps: steps[1:], "does not start and finish at the depot"),
        (
            lambda steps: [step for step in steps if step.kind is not StepKind.BREAK],
            "is out after 11:00 and has no lunch",
        ),
        (
            lambda steps: [
                replace(step, start_s=12 * 3_600 + 1, departure_s=13 * 3_600 + 1)
                if step.kind is StepKind.BREAK
                else step
                for step in steps
            ],
            "not between 11:00 and 12:00",
        ),
        (lambda steps: steps + [step for step in steps if step.kind is StepKind.BREAK], "has 2 lunches"),
    ],
)
def test_each_broken_plan_is_caught(
    instance: KimInstance, plan: Plan, change: Callable[[list[Step]], list[Step]], sentence: str
) -> None:
    """A plan whose steps break one rule is caught by it."""
    found = broken_rules(instance, with_steps(plan, change))
    assert any(sentence in fault for fault in found), found


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("20.5 //", "none //", "6_stop.txt, row 1, column header"),
        ("20.5 //", "0 //", "expected a number above 0"),
        ("0800 1200", "0860 1200", r"row 10, column Early_St_Time.*'0860'"),
        ("0800 1200", "0800 2401", "a time HHMM between 0000 and 2400"),
        ("10.5 1\n", "-1 1\n", "row 11, column Load.*at least 0"),
        ("10.5 1\n", "nan 1\n", "row 11, column Load"),
        ("10.5 1\n", "10.5 3\n", "row 11, column Stop_Type"),
        ("10.5 1\n", "10.5\n", "row 11.*expected 8 columns"),
        ("9999 0\n", "9999 1\n", "exactly one depot"),
        ("3600 10.5", "36.5 10.5", "whole seconds"),
        (FILE, "20.5\n", "five header lines"),
    ],
)
def test_broken_file_is_refused_with_its_place(write: Callable[..., Path], old: str, new: str, sentence: str) -> None:
    """A line that breaks the format gives DataError with its row and column."""
    with pytest.raises(DataError, match=sentence):
        read_instance(write(old, new))


def test_published_instance_102_has_its_known_leg() -> None:
    """The drive from stop 0 to stop 1 of the instance 102 takes 262.3 s, as its mirror's check says."""
    root = os.environ.get("SAMRAM_DATA")
    if root is None:
        pytest.skip("SAMRAM_DATA does not name a folder with the published instances.")
    instance = read_instance(Path(root) / "bench" / "kim2006" / "102_stop.txt")
    first, second = instance.stops[:2]
    assert instance.drive_s(manhattan_feet(first, second)) == pytest.approx(262.3, abs=0.05)
    assert to_problem(instance).matrix.duration_s("truck")[0, 1] == 263
    assert (len(instance.regular), len(instance.landfills)) == (99, 2)
