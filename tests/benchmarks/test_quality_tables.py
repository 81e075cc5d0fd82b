"""Rows come from medians of runs; runs are kept by case, engine, seed and commit."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.quality import runs as keeping
from benchmarks.quality.cases import Case, waste_case
from benchmarks.quality.engines import Run
from benchmarks.quality.growth import drawing, growth_rows, near_s
from benchmarks.quality.tables import middle, rows_of, summary_rows

if TYPE_CHECKING:
    from pathlib import Path

DONE = Run(
    engine="ours",
    seed=0,
    cost_micro=100_000_000,
    required_left=0,
    left=0,
    routes=3,
    metres=1_000,
    violations=(),
    objective_micro=100_000_000,
    taken_s=1.0,
    curve=((0.1, 150_000_000), (0.4, 102_000_000), (0.9, 100_000_000)),
    audit={},
)


def costing(*micros: int, engine: str = "ours", required_left: int = 0) -> list[Run]:
    """Return a run for each seed with these costs."""
    return [
        replace(DONE, engine=engine, seed=seed, cost_micro=micro, required_left=required_left)
        for seed, micro in enumerate(micros)
    ]


def test_median_is_a_run_and_an_illegal_plan_the_dearest() -> None:
    """The middle run is that of the median cost, where a plan with violations costs more than any other."""
    assert middle(costing(3, 1, 2)).cost_micro == 2
    cheap, *others = costing(1, 5, 6)
    assert middle([replace(cheap, violations=("late",)), *others]).cost_micro == 6


@pytest.mark.parametrize(("ours", "met"), [(100_500_000, True), (100_600_000, False)])
def test_waste_day_is_compared_with_the_best_peer(ours: int, met: object) -> None:
    """The goal of a case is on the ratio to the cheapest peer that serves as much, others stand beside it."""
    case = waste_case("demo/300/tight")
    assert case is not None
    runs = {
        "ours": costing(ours),
        "ortools-gls": costing(100_000_000, engine="ortools-gls"),
        "ortools-ils": costing(120_000_000, engine="ortools-ils"),
    }
    rows = {row["metric"]: row for row in rows_of(case, runs)}
    assert rows["cost"]["peer"] == 100.0
    assert rows["cost"]["met"] is met
    assert rows["cost, other peer"]["peer"] == 120.0
    assert rows["cost, other peer"]["met"] is None


def test_plan_that_leaves_required_visits_out_has_no_ratio() -> None:
    """Beside a peer that leaves required visits out there is no ratio of costs, and the means leave the case out."""
    case = waste_case("no-breaks/300")
    assert case is not None
    runs = {"ours": costing(100_000_000), "pyvrp": costing(900_000_000, engine="pyvrp", required_left=2)}
    rows = rows_of(case, runs)
    cost = next(row for row in rows if row["metric"] == "cost")
    assert cost["ratio"] is None
    assert "2 required visits" in cost["why"]
    assert [row["metric"] for row in summary_rows(rows)] == ["cases where the best peer has no complete plan"]


def test_means_and_worst_case_are_over_comparable_cases() -> None:
    """The mean counts cases from 300 visits on, the worst case all sizes."""
    rows = []
    for name, ours in (
        ("demo/100/loose", 110_000_000),
        ("demo/300/loose", 90_000_000),
        ("demo/1000/loose", 80_000_000),
    ):
        case = waste_case(name)
        assert case is not None
        rows += rows_of(case, {"ours": costing(ours), "ortools-gls": costing(100_000_000, engine="ortools-gls")})
    mean, worst = summary_rows(rows)
    assert (mean["ours"], mean["met"]) == (0.85, True)
    assert (worst["ours"], worst["met"]) == (1.1, False)
    assert "demo/100/loose" in worst["metric"]


def test_run_is_made_once_for_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run kept at a commit is read again as it was; another commit, seed or number of seconds is another run."""
    made = []

    def run(engine: str, problem: object, *, seconds: float, seed: int, audit: object) -> Run:
        del problem, audit
        made.append((seconds, seed))
        return replace(DONE, engine=engine, seed=seed)

    monkeypatch.setattr(keeping, "run", run)
    monkeypatch.setattr(keeping, "absent", lambda engine: "" if engine == "ours" else "not here")
    monkeypatch.setattr(Case, "problem", lambda *_: None)
    case = Case(name="demo/100/loose")
    first = keeping.runs_of(case, seconds=1.0, seeds=range(2), commit="a", folder=tmp_path)
    again = keeping.runs_of(case, seconds=1.0, seeds=range(2), commit="a", folder=tmp_path)
    assert first == again == {"ours": [DONE, replace(DONE, seed=1)]}
    assert made == [(1.0, 0), (1.0, 1)]
    keeping.runs_of(case, seconds=2.0, seeds=range(1), commit="a", folder=tmp_path)
    keeping.runs_of(case, seconds=1.0, seeds=range(1), commit="b", folder=tmp_path)
    keeping.runs_of(case, seconds=1.0, seeds=range(1), commit=None, folder=tmp_path)
    assert len(made) == 5


def test_growth_reads_the_curve_at_two_percent() -> None:
    """The time to 2 % is the first at which the cost is within 2 % of the last one, at the bound included."""
    assert near_s(DONE) == 0.4
    assert near_s(replace(DONE, curve=((0.4, 102_000_001), (0.9, 100_000_000)))) == 0.9


def test_growth_is_drawn_as_svg() -> None:
    """The drawing is XML with one point for each size and quantity, of one size as of many."""
    rows = []
    for size in (100, 300, 1_000):
        rows += growth_rows(Case(name=f"growth/{size}"), replace(DONE, audit={"peak MB": size / 2}))
    for count, shown in ((3, rows), (1, rows[:2])):
        picture = ET.fromstring(drawing(shown))
        circles = [element for element in picture if element.tag.endswith("circle")]
        assert len(circles) == 2 * count
