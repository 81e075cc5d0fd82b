"""The quick form of the table of studies."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks.scenarios import __main__ as command
from scenarios.pool import Inline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def _here(_workers: int) -> Iterator[Inline]:
    yield Inline()


def test_the_quick_table_of_a_grid_has_its_rows_and_goals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process: travel times are measured once, no scenario fails, no step of the curve falls back."""
    monkeypatch.setattr(command, "local_pool", _here)
    monkeypatch.setattr(command, "warm_up", lambda: 0)
    rows_path = tmp_path / "rows.json"
    assert command.main(["--quick", "--only", "grid/300", "--json", str(rows_path), "--out", str(tmp_path)]) == 0
    rows = {row["metric"]: row for row in json.loads(rows_path.read_text(encoding="utf-8"))}
    assert rows["wall time"]["peer"] == 2.0  # four days of one second, by two workers
    assert rows["wall time"]["goal_high"] == pytest.approx(1.15 + 5 / 2)
    for metric in ("travel times measured", "steps of the curve with less service", "scenarios failed"):
        assert rows[metric]["met"] is True
    assert (tmp_path / "built-in" / "table.csv").is_file()
