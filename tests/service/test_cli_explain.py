"""`samram explain` and `samram plan --bound` as a dispatcher types them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from random_days import HOUR, tiny_day
from typer.testing import CliRunner

from optimizer.judge.evaluate import evaluate
from optimizer.problem.codec import dumps, encode_plan
from optimizer.problem.plan import Reason, RouteOrder, UnloadAction, Unserved, VisitAction
from service.cli import show
from service.cli.bound import run as say_bound
from service.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan


@pytest.fixture
def tight() -> tuple[Problem, Plan]:
    """Give a day with time for two of three visits, and its plan."""
    problem = tiny_day(shift={"end_s": 6 * HOUR + 2_720})
    actions = (VisitAction(visit="v2"), VisitAction(visit="v3"), UnloadAction(site="landfill"))
    left_out = Unserved(visit="v4", reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="left out")
    evaluation = evaluate(problem, [RouteOrder(shift="shift-1", actions=actions)], unserved=[left_out])
    assert evaluation.violations == ()
    return problem, evaluation.plan


def test_explain_says_why_and_what_would_serve_it(tight: tuple[Problem, Plan], tmp_path: Path) -> None:
    """A plan's folder is enough: sentences for the dispatcher, and the exact figures as JSON."""
    (tmp_path / "plan.json").write_bytes(dumps(encode_plan(*tight)))
    written = tmp_path / "why.json"
    ran = CliRunner().invoke(app, ["explain", os.fspath(tmp_path), "--json", os.fspath(written)])
    assert ran.exit_code == 0, ran.output
    assert "v4 (overtime): No shift that may serve it has the time left." in ran.stdout
    assert "Served if shift shift-1 may come home 1 minute later" in ran.stdout
    remedies = json.loads(written.read_bytes())["explanations"][0]["remedies"]
    overtime = next(remedy for remedy in remedies if remedy["relaxation"]["lever"] == "overtime")
    assert overtime["relaxation"]["amount"] == 60


def test_explain_refuses_a_plan_that_breaks_a_rule(tight: tuple[Problem, Plan], tmp_path: Path) -> None:
    """A plan that the judge does not pass is not explained: its violations are printed, with exit status 1."""
    document = encode_plan(*tight)
    document["routes"][0]["steps"][1]["start_s"] += 1
    (tmp_path / "plan.json").write_bytes(dumps(document))
    ran = CliRunner().invoke(app, ["explain", os.fspath(tmp_path / "plan.json")])
    assert ran.exit_code == 1
    assert "violation: " in ran.stderr or "error: " in ran.stderr


def test_bound_is_a_line_with_the_gap(tight: tuple[Problem, Plan]) -> None:
    """The bound's line names both costs and the gap between them."""
    with show.OUT.capture() as said:
        say_bound(*tight, seconds=2)
    assert said.get().startswith("bound: no plan of this day costs less than ")
    assert "a gap of " in said.get()
