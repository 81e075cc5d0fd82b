"""Published instances are read as what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.quality.published import read_solomon, read_x
from optimizer.search.solve import solve
from optimizer.search.stop import StepLimit

if TYPE_CHECKING:
    from pathlib import Path

X = """NAME : X-n4-k2
DIMENSION : 4
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 0 7
DEMAND_SECTION
1 0
2 5
3 5
4 6
DEPOT_SECTION
1
-1
EOF
"""

SOLOMON = """T1

VEHICLE
NUMBER     CAPACITY
  2         200

CUSTOMER
CUST NO.   XCOORD.   YCOORD.    DEMAND   READY TIME   DUE DATE   SERVICE TIME

    0      0         0          0          0        100          0
    1      1         1         10         50         60         10
    2      2         2         10          0         20         10
"""


def test_x_rounds_distances_and_counts_trips(tmp_path: Path) -> None:
    """The best plan of four places on a plane costs its rounded legs: two trips of 20 and 14."""
    file = tmp_path / "X-n4-k2.vrp"
    file.write_text(X, encoding="utf-8")
    file.with_suffix(".sol").write_text("Route #1: 1 2\nRoute #2: 3\nCost 34\n", encoding="utf-8")
    instance = read_x(file)
    plan = solve(instance.problem, stop=StepLimit(5), seed=1).plan
    assert plan.unserved == ()
    assert instance.distance(plan.cost.total_micro) == instance.best_known == 34


def test_solomon_cuts_after_one_decimal_and_keeps_windows(tmp_path: Path) -> None:
    """Far first, as its window demands, then near: 2.8 + 1.4 + 1.4, each leg cut after one decimal."""
    file = tmp_path / "T1.txt"
    file.write_text(SOLOMON, encoding="utf-8")
    (tmp_path / "best_known_distance.csv").write_text("instance,distance\nT1,5.6\n", encoding="utf-8")
    instance = read_solomon(file)
    plan = solve(instance.problem, stop=StepLimit(5), seed=1).plan
    assert plan.unserved == ()
    assert instance.distance(plan.cost.total_micro) == pytest.approx(5.6)
    assert [step.id for step in plan.routes[0].steps if step.kind == "visit"] == ["2", "1"]
