"""``samram simulate`` as a planner types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from geodata.city.demo import write_demo_city
from service.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = ("--from", "2026-03-02")


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small town, and keep its streets beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_demo_city(tmp_path / "town", containers=50, seed=1)


def test_policies_meet_the_same_days(town: Path, tmp_path: Path) -> None:
    """Each policy gets a line in the order asked for, with the figures of the file; the same seed gives the same."""
    words = ["simulate", str(town), *MONDAY, "--days", "2", "--warm-up", "7", "--steps", "1", "--pace", "0.3"]
    words += ["--policy", "as-good", "--policy", "forecast", "--seed", "3", "--json"]
    ran = [CliRunner().invoke(app, [*words, str(tmp_path / f"{name}.json")]) for name in ("one", "two")]
    assert [one.exit_code for one in ran] == [0, 0]
    rows = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert rows == json.loads((tmp_path / "two.json").read_text(encoding="utf-8"))
    assert [row["policy"] for row in rows] == ["as-good", "forecast"]
    assert ran[0].stdout.index("as-good") < ran[0].stdout.index("forecast")
    for row in rows:
        assert row["service"] == pytest.approx(1 - row["overflow_container_days"] / (50 * 2))
        assert row["emptied"] > 0
        assert row["distance_km"] > 0
        assert f"{row['emptied']:,}" in ran[0].stdout
    assert rows[0]["overflow_container_days"] <= max(rows[1]["overflow_container_days"], 1)


@pytest.mark.parametrize(
    ("policies", "said"),
    [(["best"], "There is no policy 'best'; expected one of schedule"), (["as-good"], "ask for both")],
)
def test_policies_that_cannot_be_compared_are_refused(tmp_path: Path, policies: list[str], said: str) -> None:
    """An unknown policy, or one whose measure is missing, is named before the city is read."""
    words = ["simulate", str(tmp_path / "no city")]
    for policy in policies:
        words += ["--policy", policy]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 1
    assert said in ran.stderr
