"""The checker follows days under way and the optional terms of the cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from optimizer.judge.evaluate import evaluate
from optimizer.problem.codec import decode_plan, dumps, encode_plan, loads
from optimizer.problem.model import Problem, Status, Terms
from optimizer.problem.plan import Reason, RouteOrder, UnloadAction, Unserved, VisitAction

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="module")
def under_way(problem: Problem) -> dict[str, Any]:
    """Return a plan in which one truck begins with a load, another one goes straight home, and every term counts."""
    compactor, small = problem.vehicles
    early, lanes = problem.shifts
    status = Status(
        node=5,
        stop="school",
        load_kg=100,
        load_l=1_000,
        streams=frozenset({"organic"}),
        driven_m=500,
        stops=1,
        collected_kg=100,
        worked_s=3_000,
    )
    day = replace(
        problem,
        terms=Terms(
            moved_micro=11,
            outside_zones_micro=13,
            balance_micro_per_h2=1_000,
            compactness_micro_per_km2=1_000_000,
            queue_micro=17,
        ),
        disposal_sites=tuple(replace(site, arrivals_per_hour=0) for site in problem.disposal_sites),
        vehicles=(
            replace(compactor, range_m=None, micro_per_t_km=20_000, zones=frozenset({"north"})),
            small,
        ),
        shifts=(
            replace(early, start_s=25_000, end_s=43_200, breaks=(), status=status),
            replace(lanes, status=Status(node=7)),
        ),
        visits=tuple(
            replace(visit, windows=(), planned="lanes", zone="south" if visit.id == "hotel" else "north")
            for visit in problem.visits
        ),
    )
    orders = (
        RouteOrder(
            shift="early",
            actions=(
                VisitAction(visit="school"),
                UnloadAction(site="landfill"),
                VisitAction(visit="market", kerb=1),
                VisitAction(visit="market-2"),
                UnloadAction(site="landfill"),
            ),
        ),
    )
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="left out")
        for visit in day.visits
        if visit.id not in served
    ]
    evaluation = evaluate(day, orders, unserved=unserved)
    assert evaluation.violations == ()
    document: dict[str, Any] = loads(dumps(encode_plan(day, evaluation.plan)))
    return document


def test_day_under_way_with_every_term_has_no_fault(checker: ModuleType, under_way: dict[str, Any]) -> None:
    """The checker, written from the page alone, agrees with the judge, and the document reads back as it was."""
    assert checker.find_faults(under_way) == []
    for name in ("load_fuel_micro", "moved_micro", "balance_micro", "compactness_micro", "queue_micro"):
        assert under_way["cost"][name] > 0
    problem, plan = decode_plan(under_way)
    assert loads(dumps(encode_plan(problem, plan))) == under_way
    assert [len(route["steps"]) for route in under_way["routes"]] == [7, 2]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d["routes"].pop(1), "'lanes' is out and has no route home"),
        (lambda d: d["routes"][1]["steps"][0].update(node=0), "is not at depot"),
        (lambda d: d["routes"][1]["steps"][0].update(departure_s=1), "is out from 18000 on and departs at 1"),
        (lambda d: d["routes"][0]["cost"].update(moved_micro=32), "moved_micro is 32, recomputed 33"),
        (lambda d: d["routes"][0]["cost"].update(compactness_micro=1), "compactness_micro is 1, recomputed"),
        (lambda d: d["routes"][0]["cost"].update(load_fuel_micro=1), "load_fuel_micro is 1, recomputed"),
        (lambda d: d["routes"][0]["cost"].update(balance_micro=1), "balance_micro is 1, recomputed"),
        (lambda d: d["cost"].update(queue_micro=35), "queue_micro is 35, recomputed 34"),
        (lambda d: d["routes"][0]["steps"][0].update(load_kg=99), "states 99 kg on board, not 100"),
    ],
)
def test_what_is_wrong_with_a_day_under_way_is_named(
    checker: ModuleType, under_way: dict[str, Any], change: Any, sentence: str
) -> None:
    """One false figure or missing route gives its sentence."""
    document = loads(dumps(under_way))
    change(document)
    assert any(sentence in fault for fault in checker.find_faults(document))


def test_terms_that_are_off_leave_no_trace_in_the_document(problem: Problem, good_plan: dict[str, Any]) -> None:
    """A day without the optional terms is written as before they came, so that its hash stays what it was."""
    assert "terms" not in good_plan["problem"]
    assert "queue_micro" not in good_plan["cost"]
    assert not any("status" in shift for shift in good_plan["problem"]["shifts"])
    assert decode_plan(good_plan)[0].terms == problem.terms == Terms()
