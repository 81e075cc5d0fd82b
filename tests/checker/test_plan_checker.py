"""The checker passes a plan at the bound of every constraint and names each single thing that is broken in it."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from random_days import OnDemand

from optimizer.judge.evaluate import evaluate
from optimizer.problem.codec import dumps, encode_plan, loads
from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Break, TimeWindow
from optimizer.problem.plan import Action, Reason, RouteOrder, UnloadAction, Unserved, VisitAction

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from optimizer.problem.model import Problem

Document = dict[str, Any]

RETURN_S = 32_502
RANGE_M = 77_040


def one(document: Document, part: str, name: str) -> Document:
    """Return a vehicle, shift, visit or site of the problem."""
    found: Document = next(thing for thing in document["problem"][part] if thing["id"] == name)
    return found


def steps(document: Document, route: int = 0) -> list[Document]:
    """Return the steps of a route: depart, market, market-2, unload, school, hotel, break, unload, return."""
    found: list[Document] = document["routes"][route]["steps"]
    return found


def set_in(part: str, name: str, **values: Any) -> Callable[[Document], None]:
    """Return what changes fields of a vehicle, shift, visit or site."""
    return lambda document: one(document, part, name).update(values)


def set_step(number: int, route: int = 0, **values: Any) -> Callable[[Document], None]:
    """Return what changes fields of a step."""
    return lambda document: steps(document, route)[number].update(values)


def shift_step(number: int, route: int = 0, **differences: int) -> Callable[[Document], None]:
    """Return what adds to numbers of a step."""

    def change(document: Document) -> None:
        for field, difference in differences.items():
            steps(document, route)[number][field] += difference

    return change


def set_break(**values: int) -> Callable[[Document], None]:
    """Return what changes the compactor's break in the problem."""
    return lambda document: one(document, "shifts", "early")["breaks"][0].update(values)


def unserved_as(number: int, reason: str, *, always_open: bool = False) -> Callable[[Document], None]:
    """Return what gives an unserved visit another reason."""

    def change(document: Document) -> None:
        document["unserved"][number]["reason"] = reason
        if always_open:
            one(document, "disposal_sites", "landfill")["windows"] = []

    return change


def serve_twice(document: Document) -> None:
    steps(document).insert(3, dict(steps(document)[2]))


def drop_step(number: int) -> Callable[[Document], None]:
    """Return what takes a step out of the first route."""

    def change(document: Document) -> None:
        del steps(document)[number]

    return change


def swap_steps(document: Document) -> None:
    first = steps(document)
    first[4], first[5] = first[5], first[4]


def reseal(document: Document) -> None:
    """Make the hash right again, as docs/plan-format.md has it, so that only the intended fault is left."""
    problem = document["problem"]
    digests = {
        profile: {
            name: {
                "n": packed["n"],
                "sha256": hashlib.sha256(zlib.decompress(base64.b64decode(packed["data"]))).hexdigest(),
            }
            for name, packed in pair.items()
        }
        for profile, pair in problem["matrix"].items()
    }
    text = json.dumps({**problem, "matrix": digests}, sort_keys=True, separators=(",", ":"))
    document["problem_hash"] = "sha256:" + hashlib.sha256(text.encode()).hexdigest()


MUTATIONS: dict[str, tuple[Callable[[Document], None], str]] = {
    "format": (lambda d: d.update(format="samram.problem"), "calls itself"),
    "version": (lambda d: d.update(version=2), "has version 2"),
    "served twice": (serve_twice, "2 times, not once"),
    "left out silently": (lambda d: d["unserved"].pop(), "'island' is served or listed as unserved 0 times"),
    "served and unserved": (lambda d: d["unserved"][0].update(visit="hotel"), "'hotel' is served or listed"),
    "unserved stranger": (lambda d: d["unserved"][1].update(visit="nobody"), "'nobody' is not in the problem"),
    "unknown reason": (lambda d: d["unserved"][0].update(reason="tired"), "unknown reason 'tired'"),
    "no sentence": (lambda d: d["unserved"][0].update(detail=" "), "without a sentence"),
    "prize of a required visit": (unserved_as(1, "prize_below_cost"), "'island' is called prize_below_cost, but it is"),
    "entry denied wrongly": (unserved_as(0, "no_vehicle_may_enter"), "but ['compactor', 'three-wheeler'] may"),
    "size exaggerated": (unserved_as(0, "larger_than_any_truck"), "but ['compactor', 'three-wheeler'] can take it"),
    "reachable": (unserved_as(0, "unreachable"), "but ['compactor', 'three-wheeler'] can drive there and home"),
    "site open": (unserved_as(0, "no_open_disposal_site", always_open=True), "but ['landfill', 'transfer'] accept it"),
    "shift driven twice": (lambda d: d["routes"].append(d["routes"][0]), "drives 2 routes"),
    "another vehicle": (lambda d: d["routes"][0].update(vehicle="three-wheeler"), "belongs to 'compactor'"),
    "never departs": (drop_step(0), "does not depart first"),
    "never returns": (drop_step(-1), "does not depart first and return last"),
    "returns elsewhere": (set_step(-1, node=1), "not at depot 'yard'"),
    "a leg's seconds": (shift_step(3, leg_duration_s=-1), "the leg takes 1899 s, not 1900"),
    "a leg's metres": (shift_step(3, leg_distance_m=1), "the leg has 19001 m, not 19000"),
    "order turned round": (swap_steps, "starts before the step before it is over"),
    "arrives early": (shift_step(5, arrival_s=-1), "arrives at 26291, not 26292"),
    "no set-up": (shift_step(4, start_s=-1, departure_s=-1), "starts at 26131, before 26132"),
    "longer set-up": (set_in("visits", "school", setup_s=31), "starts at 26132, before 26133"),
    "service too short": (shift_step(5, departure_s=-1), "is over at 26351, not 26352"),
    "slower lift": (set_in("vehicles", "compactor", lift_s=11), "is over at 21680, not 21682"),
    "slower unloading": (set_in("disposal_sites", "transfer", unloading_s=301), "is over at 19940, not 19941"),
    "window closed before": (
        set_in("visits", "market", windows=[{"start_s": 0, "end_s": 21_599}]),
        "starts at 21600, outside its time windows",
    ),
    "window not open yet": (
        set_in("visits", "market", windows=[{"start_s": 21_601, "end_s": 30_000}]),
        "starts at 21600, outside its time windows",
    ),
    "landfill closed": (
        set_in("disposal_sites", "landfill", windows=[{"start_s": 0, "end_s": 29_901}]),
        "starts at 29902, outside its time windows",
    ),
    "departs before the shift": (set_in("shifts", "early", start_s=21_409), "before its start 21409"),
    "past the overtime": (set_in("shifts", "early", max_overtime_s=99), f"returns at {RETURN_S}"),
    "one kg too much": (set_in("vehicles", "compactor", capacity_kg=649), "650 kg exceed 649"),
    "one litre too much": (set_in("vehicles", "three-wheeler", body_l=1_399), "1400 l exceed 1399"),
    "less compaction": (set_in("vehicles", "compactor", compaction_permille=2_499), "5000 l exceed 4998"),
    "heavier bin": (set_in("visits", "lane", demand_kg=101), "states 100 kg on board, not 101"),
    "load misstated": (set_step(2, load_l=3_499), "states 3499 l on board, not 3500"),
    "day's kg": (set_in("shifts", "early", max_daily_kg=1_149), "collects 1150 kg with a limit of 1149"),
    "day's stops": (set_in("shifts", "early", max_stops=2), "makes 3 stops with a limit of 2"),
    "range": (
        set_in("vehicles", "compactor", range_m=RANGE_M - 1),
        f"drives {RANGE_M} m with a range of {RANGE_M - 1}",
    ),
    "stream not carried": (set_in("vehicles", "compactor", streams=["residual"]), "does not carry"),
    "streams mixed": (set_in("vehicles", "three-wheeler", mixed_streams=False), "mixes ['recyclable', 'residual']"),
    "site refuses": (set_in("disposal_sites", "transfer", streams=["residual"]), "does not accept"),
    "no entry": (set_in("visits", "hotel", access=["small"]), "may not be entered"),
    "locked to another": (set_in("visits", "hotel", vehicle="three-wheeler"), "locked to 'three-wheeler'"),
    "not at its kerb": (set_in("visits", "market", kerb=[3]), "stands at node 4, not at its kerb"),
    "site moved": (set_in("disposal_sites", "transfer", node=5), "stands at node 2, not 5"),
    "comes home full": (drop_step(-2), "comes home with 650 kg and 5000 l"),
    "break left out": (drop_step(6), "owes break 0 and does not take it"),
    "break before its window": (set_break(earliest_s=26_353), "starts at 26352, outside its window"),
    "break after its window": (set_break(latest_s=26_351), "starts at 26352, outside its window"),
    "break too short": (shift_step(6, departure_s=-1), "lasts 1799 s, not 1800"),
    "break during service": (
        shift_step(6, arrival_s=-1, start_s=-1, departure_s=-1),
        "before the step before it is over",
    ),
    "break twice": (lambda d: steps(d).insert(7, dict(steps(d)[6])), "out of order or twice"),
    "break elsewhere": (set_step(6, node=2), "is not at the node of the step before"),
    "break drives": (set_step(6, leg_distance_m=5), "drives during a break"),
    "fixed cost": (
        set_in("vehicles", "compactor", fixed_micro=30_000_001),
        "fixed_micro is 30000000, recomputed 30000001",
    ),
    "cost of time": (set_in("vehicles", "compactor", micro_per_s=2_001), "time_micro is 22188000"),
    "cost of distance": (set_in("vehicles", "compactor", micro_per_m=401), "distance_micro is 30816000"),
    "cost of overtime": (set_in("shifts", "early", overtime_micro_per_s=5_001), "overtime_micro is 500000"),
    "gate fees": (set_in("disposal_sites", "landfill", fee_micro_per_kg=501), "gate_fees_micro is 575000"),
    "prize missed": (set_in("visits", "far", prize_micro=300_001), "prizes_missed_micro is 300000, recomputed 300001"),
    "penalty": (lambda d: d["cost"].update(required_unserved_micro=0), "required_unserved_micro is 0"),
    "sum of costs": (lambda d: d["cost"].update(total_micro=1), "total_micro is 1"),
    "totals": (lambda d: d["totals"].update(collected_kg=1_299), "totals.collected_kg is 1299, recomputed 1300"),
    "route's totals": (lambda d: d["routes"][1].update(return_s=0), "return_s is 0"),
    "not a whole number": (set_step(1, arrival_s=21_510.0), "arrival_s is 21510.0"),
    "key missing": (lambda d: steps(d)[1].pop("load_kg") and None, "promised form"),
    "matrix cut short": (
        lambda d: d["problem"]["matrix"]["truck"]["duration_s"].update(data="eJwDAAAAAAE="),
        "promised form",
    ),
}


def test_good_plan_has_no_fault(checker: ModuleType, good_plan: Document) -> None:
    """A plan that keeps every constraint at its bound is without fault."""
    assert checker.find_faults(good_plan) == []


def test_resealing_changes_nothing_in_a_good_plan(good_plan: Document) -> None:
    """The hash computed here from the format's description alone is the hash that the plan carries."""
    stated = good_plan["problem_hash"]
    reseal(good_plan)
    assert good_plan["problem_hash"] == stated


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_is_caught(checker: ModuleType, good_plan: Document, name: str) -> None:
    """One thing broken past its bound is named, even where the hash has been made right again."""
    mutate, sentence = MUTATIONS[name]
    mutate(good_plan)
    if name != "matrix cut short":
        reseal(good_plan)
    found = checker.find_faults(good_plan)
    assert any(sentence in fault for fault in found), found


def test_changed_problem_is_caught_by_its_hash(checker: ModuleType, good_plan: Document) -> None:
    """A problem that was changed after planning has another hash, even where nothing else shows the change."""
    good_plan["problem"]["currency"] = "KHR"
    (fault,) = checker.find_faults(good_plan)
    assert "problem_hash is not the hash of the problem" in fault


@st.composite
def random_days(draw: st.DrawFn, problem: Problem) -> Problem:
    """Return the example day with other breaks, windows, set-up times and limits, some of which bind."""
    breaks = []
    earliest_s = 18_000
    for _ in range(draw(st.integers(0, 2))):
        earliest_s += draw(st.integers(0, 6_000))
        latest_s = earliest_s + draw(st.integers(0, 3_000))
        breaks.append(Break(duration_s=draw(st.integers(1, 2_000)), earliest_s=earliest_s, latest_s=latest_s))
        earliest_s = latest_s + breaks[-1].duration_s
    compactor, small = problem.vehicles
    early, lanes = problem.shifts
    scale = draw(st.sampled_from([1, 2, 4]))
    return replace(
        problem,
        vehicles=(
            replace(
                compactor,
                range_m=None,
                capacity_kg=650 * scale,
                body_l=2_000 * scale,
                mixed_streams=draw(st.booleans()),
            ),
            replace(small, capacity_kg=150 * scale, body_l=1_400 * scale),
        ),
        shifts=(
            replace(
                early, start_s=18_000, max_overtime_s=9_000, breaks=tuple(breaks), max_stops=draw(st.integers(1, 5))
            ),
            replace(lanes, breaks=tuple(breaks[:1])),
        ),
        visits=tuple(
            replace(
                visit,
                setup_s=draw(st.sampled_from([0, 40, 700])),
                windows=draw(st.sampled_from([(), visit.windows, (TimeWindow(start_s=24_000, end_s=30_000),)])),
                stop=draw(st.sampled_from([visit.stop, "market"])),
            )
            for visit in problem.visits
        ),
    )


@st.composite
def random_orders(draw: st.DrawFn) -> tuple[RouteOrder, ...]:
    """Return routes that serve some of the reachable visits, mostly those that their vehicle may, in any order."""
    routes = []
    for shift, own in (("early", ["market", "market-2", "school", "hotel"]), ("lanes", ["lane", "shop"])):
        stranger = draw(st.sampled_from([[], [], [], ["far"], ["lane"], ["market"]]))
        names = draw(st.permutations(own))[: draw(st.integers(1, len(own)))] + stranger
        actions: list[Action] = []
        for name in names:
            actions.append(VisitAction(visit=name))
            if draw(st.booleans()):
                actions.append(UnloadAction(site=draw(st.sampled_from(["landfill", "transfer"]))))
        if draw(st.integers(0, 9)):
            actions.append(UnloadAction(site="transfer"))
        routes.append(RouteOrder(shift=shift, actions=tuple(actions)))
    return tuple(routes[: draw(st.integers(1, 2))])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), orders=random_orders())
def test_checker_and_judge_agree(
    checker: ModuleType, problem: Problem, data: st.DataObject, orders: tuple[RouteOrder, ...]
) -> None:
    """On any day, of squares or of legs, and any order, the checker finds a fault where the judge finds a violation."""
    day = data.draw(random_days(problem))
    if data.draw(st.booleans()):
        assert isinstance(day.matrix, TravelMatrix)
        day = replace(day, matrix=OnDemand(day.matrix))
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="Left out by the test.")
        for visit in day.visits
        if visit.id not in served
    ]
    evaluation = evaluate(day, orders, unserved=unserved)
    faults = checker.find_faults(loads(dumps(encode_plan(day, evaluation.plan))))
    messages = [violation.message for violation in evaluation.violations]
    event("illegal" if messages else "legal")
    assert bool(faults) == bool(messages), (faults, messages)


def test_command_line_says_faults_and_exits_with_one(tmp_path: Path, good_plan: Document) -> None:
    """Run as a program it is silent with status 0 on a good plan and prints a broken one's faults with status 1."""
    program = Path(__file__).with_name("plan_checker.py")
    good, broken = tmp_path / "good.json", tmp_path / "broken.json"
    good.write_bytes(dumps(good_plan))
    good_plan["totals"]["routes"] = 9
    broken.write_bytes(dumps(good_plan))
    passed, failed, unreadable = (
        subprocess.run([sys.executable, program, file], capture_output=True, text=True, check=False)
        for file in (good, broken, program)
    )
    assert (passed.returncode, passed.stdout) == (0, "")
    assert (failed.returncode, failed.stdout) == (1, "totals.routes is 9, recomputed 2.\n")
    assert unreadable.returncode == 1
    assert "cannot be read" in unreadable.stdout


def test_checker_imports_the_standard_library_alone() -> None:
    """The checker shares no code with the program that it checks."""
    tree = ast.parse(Path(__file__).with_name("plan_checker.py").read_text(encoding="utf-8"))
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names
    assert names <= sys.stdlib_module_names
