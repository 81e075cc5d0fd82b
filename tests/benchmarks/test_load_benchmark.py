"""The quick form of the benchmark of load, but for the rates: what is acknowledged is kept, and bad readings too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.load.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """A killed server has kept what it acknowledged, once each, and no bad reading makes an error or vanishes."""
    rows_file = tmp_path / "rows.json"
    cases = ["--only", "kill-sqlite", "--rounds", "1", "--only", "junk-sqlite"]
    assert main(["--quick", "--json", str(rows_file), *cases]) == 0
    rows = {(row["case"], row["metric"]): row for row in json.loads(rows_file.read_text(encoding="utf-8"))}
    counted = ("acknowledged and lost", "doubled", "integrity check fails")
    assert [rows["kill-sqlite", metric]["ours"] for metric in counted] == [0, 0, 0]
    assert rows["kill-sqlite", "readings acknowledged"]["ours"] > 0
    counted = ("replies 5xx", "vanished", "told to be stored, and not there")
    assert [rows["junk-sqlite", metric]["ours"] for metric in counted] == [0, 0, 0]
    assert rows["junk-sqlite", "quarantined"]["ours"] > 0
