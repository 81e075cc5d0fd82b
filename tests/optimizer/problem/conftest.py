"""Small days for the tests of the vocabulary and of its JSON form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Break, Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit

if TYPE_CHECKING:
    from collections.abc import Callable


def small_problem(**changes: Any) -> Problem:
    """Return a day with one thing of each kind and every field away from its default, but for ``changes``."""
    duration_s = np.array([[0, 60, 30, 45], [61, 0, 50, 40], [31, 52, 0, -1], [44, 41, -1, 0]], dtype=np.int32)
    values: dict[str, Any] = {
        "matrix": TravelMatrix({"truck": duration_s}, {"truck": np.where(duration_s > 0, duration_s * 9, duration_s)}),
        "locations": tuple(Location(lon=103.85 + 0.001 * node, lat=13.36) for node in range(4)),
        "depots": (Depot(id="yard", node=0),),
        "disposal_sites": (
            DisposalSite(
                id="landfill",
                node=1,
                unloading_s=600,
                windows=(TimeWindow(start_s=0, end_s=40_000), TimeWindow(start_s=50_000, end_s=90_000)),
                streams=frozenset({"residual", "organic"}),
                fee_micro_per_kg=12,
            ),
        ),
        "vehicles": (
            Vehicle(
                id="truck-1",
                depot="yard",
                profile="truck",
                access_class="compactor",
                capacity_kg=5_000,
                body_l=9_000,
                compaction_permille=3_500,
                streams=frozenset({"residual"}),
                mixed_streams=True,
                lift_s=25,
                range_m=90_000,
                fixed_micro=1,
                micro_per_s=2,
                micro_per_m=3,
            ),
        ),
        "shifts": (
            Shift(
                id="early",
                vehicle="truck-1",
                start_s=10_000,
                end_s=40_000,
                breaks=(Break(duration_s=1_800, earliest_s=20_000, latest_s=24_000),),
                max_overtime_s=3_600,
                overtime_micro_per_s=4,
                max_stops=200,
                max_daily_kg=9_000,
            ),
        ),
        "visits": (
            Visit(
                id="ផ្សារចាស់",
                stop="market",
                kerb=(2, 3),
                stream="residual",
                demand_kg=40,
                demand_l=700,
                service_s=50,
                setup_s=20,
                lifts=2,
                windows=(TimeWindow(start_s=11_000, end_s=15_000),),
                access=frozenset({"compactor", "tipper"}),
                prize_micro=77,
                vehicle="truck-1",
                containers=("bin-1", "bin-2"),
            ),
        ),
        "currency": "KHR",
        "service_date": "2026-11-23",
    }
    return Problem(**(values | changes))


@pytest.fixture(scope="session")
def make_problem() -> Callable[..., Problem]:
    """Return ``small_problem``."""
    return small_problem


@pytest.fixture
def problem() -> Problem:
    """Return the small day."""
    return small_problem()
