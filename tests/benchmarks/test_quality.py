"""The quality benchmark runs as one command, prints its table and keeps its rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.quality.rows import kept_rows, row, store_rows

FILE = """\
20 // capacity
40 // a day
500 // stops
3600 // lunch
40 // speed
Stop_ID X Y Early Late Svice Load Type
0 0 0 0700 1500 0 9999 0
1 52800 0 0000 2400 1200 9999 2
2 5280 5280 0000 2400 30 10 1
3 10560 -5280 0800 1200 60 10 1
4 15840 0 0000 2400 60 10 1
"""


def test_command_prints_and_keeps_rows(tmp_path: Path) -> None:
    """On a folder of instances nobody has seen, the command ends with 0, a legal plan and one row for each metric."""
    (tmp_path / "5_stop.txt").write_text(FILE, encoding="utf-8")
    (tmp_path / "9_stop.txt").write_text("not an instance", encoding="utf-8")
    rows_file = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks.quality", "--data", str(tmp_path), "--seconds", "1"]
    done = subprocess.run(
        [*command, "--json", str(rows_file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert "9_stop.txt" in done.stdout
    rows = {found["metric"]: found for found in json.loads(rows_file.read_text(encoding="utf-8"))}
    assert rows["vehicles"]["ours"] == 1
    assert rows["rules broken"]["met"] is True
    assert rows["stops unserved"]["met"] is True
    assert rows["distance"]["case"] == "kim2006/5"


def test_command_without_instances_says_so(tmp_path: Path) -> None:
    """A folder without instances ends with 2 and a sentence that says what was expected."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.quality", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2
    assert "No instance found" in done.stdout


@pytest.mark.parametrize(
    ("ours", "goal", "goal_on", "expected"),
    [
        (10.0, (None, 10.0), "ours", True),
        (10.1, (None, 10.0), "ours", False),
        (10.0, (10.0, None), "ours", True),
        (9.9, (10.0, None), "ours", False),
        (10.0, (None, 2.0), "ratio", True),
        (10.1, (None, 2.0), "ratio", False),
        (None, (None, 2.0), "ratio", False),
        (10.0, (None, None), "ours", None),
    ],
)
def test_goal_is_met_at_its_bound(
    ours: float | None, goal: tuple[float | None, float | None], goal_on: str, expected: object
) -> None:
    """A goal is met at its bound and missed one past it or without a figure; without a goal nothing is said."""
    assert row("case", "metric", "unit", ours, peer=5.0, goal=goal, goal_on=goal_on)["met"] is expected


def test_rows_are_kept_by_case_and_commit(tmp_path: Path) -> None:
    """Rows of a case replace those before; they are taken again only at the same commit with the same settings."""
    file = tmp_path / "rows.json"
    old = {**row("a", "miles", "mi", 1.0), "commit": "old", "seed": 0}
    other = {**row("b", "miles", "mi", 2.0), "commit": "old", "seed": 0}
    new = {**row("a", "miles", "mi", 3.0), "commit": "new", "seed": 0}
    store_rows(file, [old, other])
    store_rows(file, [new])
    assert kept_rows(file, "a", commit="new", seed=0) == [new]
    assert kept_rows(file, "a", commit="old", seed=0) == []
    assert kept_rows(file, "a", commit="new", seed=1) == []
    assert kept_rows(file, "b", commit="old", seed=0) == [other]
    assert kept_rows(file, "b", commit=None, seed=0) == []
    assert kept_rows(tmp_path / "none.json", "a", commit="new") == []
