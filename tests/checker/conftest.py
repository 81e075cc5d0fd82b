"""One day that sits at the bound of every constraint, its plan by the judge, and the independent checker."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from optimizer.judge.evaluate import evaluate
from optimizer.problem.codec import dumps, encode_plan, loads
from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Break, Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit
from optimizer.problem.plan import Reason, RouteOrder, UnloadAction, Unserved, VisitAction

if TYPE_CHECKING:
    from types import ModuleType

# depot, landfill, transfer station, both sides of the market, three places, and one that no street leaves
METRES = (
    (0, 0),
    (20_000, 0),
    (0, 3_000),
    (1_000, 0),
    (1_000, 20),
    (2_000, 500),
    (2_500, 0),
    (500, 800),
    (9_000, 9_000),
)
ISLAND = 8
METRES_PER_DEGREE = 111_195
UNSERVED = (
    Unserved(visit="far", reason=Reason.PRIZE_BELOW_COST, detail="Its prize of 0.30 is below the cost of the detour."),
    Unserved(visit="island", reason=Reason.UNREACHABLE, detail="No street leads there."),
)
ORDERS = (
    RouteOrder(
        shift="early",
        actions=(
            VisitAction(visit="market", kerb=1),
            VisitAction(visit="market-2"),
            UnloadAction(site="landfill"),
            VisitAction(visit="school"),
            VisitAction(visit="hotel"),
            UnloadAction(site="landfill"),
        ),
    ),
    RouteOrder(
        shift="lanes",
        actions=(VisitAction(visit="lane"), VisitAction(visit="shop"), UnloadAction(site="transfer")),
    ),
)


def travel_matrix(metres_per_s: int = 10) -> TravelMatrix:
    """Return Manhattan metres, and their seconds; nothing reaches the island."""
    points = np.array(METRES)
    distance_m = np.abs(points[:, None, :] - points[None, :, :]).sum(axis=2).astype(np.int32)
    duration_s = (distance_m // metres_per_s).astype(np.int32)
    for cells in (distance_m, duration_s):
        cells[ISLAND, :] = cells[:, ISLAND] = -1
        cells[ISLAND, ISLAND] = 0
    return TravelMatrix(
        {"truck": duration_s, "small": np.where(duration_s > 0, duration_s * 2, duration_s)},
        {"truck": distance_m, "small": distance_m},
    )


def visit(name: str, node: int, kg: int, litres: int, **more: Any) -> Visit:
    """Return a visit of residual waste, unless ``more`` says otherwise."""
    usual: dict[str, Any] = {"stop": name, "kerb": (node,), "stream": "residual", "service_s": 60}
    return Visit(id=name, demand_kg=kg, demand_l=litres, **(usual | more))


def example_problem() -> Problem:
    """Return the day before its limits are drawn tight."""
    return Problem(
        matrix=travel_matrix(),
        locations=tuple(Location(lon=x / METRES_PER_DEGREE, lat=y / METRES_PER_DEGREE) for x, y in METRES),
        depots=(Depot(id="yard", node=0),),
        disposal_sites=(
            DisposalSite(
                id="landfill",
                node=1,
                unloading_s=600,
                windows=(TimeWindow(start_s=21_600, end_s=43_200),),
                streams=frozenset({"residual", "organic"}),
                fee_micro_per_kg=500,
            ),
            DisposalSite(id="transfer", node=2, unloading_s=300, fee_micro_per_kg=2_000),
        ),
        vehicles=(
            Vehicle(
                id="compactor",
                depot="yard",
                profile="truck",
                access_class="truck",
                capacity_kg=650,
                body_l=2_000,
                compaction_permille=2_500,
                streams=frozenset({"residual", "organic"}),
                lift_s=10,
                fixed_micro=30_000_000,
                micro_per_s=2_000,
                micro_per_m=400,
            ),
            Vehicle(
                id="three-wheeler",
                depot="yard",
                profile="small",
                access_class="small",
                capacity_kg=150,
                body_l=1_400,
                streams=frozenset({"residual", "recyclable"}),
                mixed_streams=True,
                fixed_micro=5_000_000,
                micro_per_s=700,
                micro_per_m=90,
            ),
        ),
        shifts=(
            Shift(
                id="early",
                vehicle="compactor",
                start_s=18_000,
                end_s=43_200,
                breaks=(Break(duration_s=1_800, earliest_s=25_200, latest_s=27_000),),
                overtime_micro_per_s=5_000,
                max_stops=3,
                max_daily_kg=1_150,
            ),
            Shift(id="lanes", vehicle="three-wheeler", start_s=18_000, end_s=36_000),
        ),
        visits=(
            visit(
                "market",
                3,
                300,
                2_000,
                kerb=(3, 4),
                setup_s=90,
                lifts=2,
                windows=(TimeWindow(start_s=21_600, end_s=23_400),),
            ),
            visit("market-2", 3, 200, 1_500, stop="market", setup_s=90, lifts=1, access=frozenset({"truck"})),
            visit("school", 5, 400, 2_500, stream="organic", setup_s=30),
            visit("hotel", 6, 250, 2_500, stream="organic", vehicle="compactor"),
            visit("lane", 7, 100, 800, access=frozenset({"small"}), containers=("bin-1", "bin-2")),
            visit("shop", 5, 50, 600, stream="recyclable", prize_micro=40_000_000),
            visit("far", 1, 10, 100, prize_micro=300_000),
            visit("island", ISLAND, 10, 100, kerb=()),
        ),
        service_date="2026-11-23",
    )


def tight_problem() -> Problem:
    """Return the day with its range, shift end and overtime just wide enough for ``ORDERS``."""
    loose = example_problem()
    route = evaluate(loose, ORDERS, unserved=UNSERVED).plan.routes[0]
    compactor = replace(loose.vehicles[0], range_m=route.distance_m)
    early = replace(loose.shifts[0], start_s=route.departure_s, end_s=route.return_s - 100, max_overtime_s=100)
    return replace(loose, vehicles=(compactor, loose.vehicles[1]), shifts=(early, loose.shifts[1]))


@pytest.fixture(scope="session")
def problem() -> Problem:
    """Return the day at its bounds."""
    return tight_problem()


@pytest.fixture
def good_plan(problem: Problem) -> dict[str, Any]:
    """Return a fresh plan document, as a file would hold it, to be broken at will."""
    evaluation = evaluate(problem, ORDERS, unserved=UNSERVED)
    assert evaluation.violations == ()
    return loads(dumps(encode_plan(problem, evaluation.plan)))


@pytest.fixture(scope="session")
def checker() -> ModuleType:
    """Return the checker, loaded from its file as the program that it is."""
    name = "plan_checker"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("plan_checker.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
