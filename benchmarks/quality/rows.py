"""The rows of a benchmark: one measurement each, beside a named peer's, kept as JSON by case and commit."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Row: TypeAlias = dict[str, Any]


def row(
    case: str,
    metric: str,
    unit: str,
    ours: float | None,
    *,
    peer: float | None = None,
    peer_name: str | None = None,
    goal: tuple[float | None, float | None] = (None, None),
    goal_on: str = "ours",
    **more: Any,
) -> Row:
    """Return one row; ``goal`` is (low, high), and ``met`` stays null where there is no goal."""
    ratio = ours / peer if ours is not None and peer else None
    judged = ours if goal_on == "ours" else ratio
    low, high = goal
    met = None
    if low is not None or high is not None:
        met = judged is not None and (low is None or judged >= low) and (high is None or judged <= high)
    return {
        "case": case,
        "metric": metric,
        "unit": unit,
        "ours": ours,
        "peer": peer,
        "peer_name": peer_name,
        "ratio": None if ratio is None else round(ratio, 4),
        "goal_on": goal_on,
        "goal_low": low,
        "goal_high": high,
        "met": met,
        **more,
    }


def commit_at(directory: Path) -> str | None:
    """Return the commit that the sources are at; None outside git, or where they differ from it."""
    try:
        changed = _git(directory, "status", "--porcelain")
        commit = _git(directory, "rev-parse", "HEAD").strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return None if changed else commit


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own words


def kept_rows(file: Path | None, case: str, **taken_with: Any) -> list[Row]:
    """Return the rows of a case that a file holds already, taken at the same commit with the same settings."""
    if file is None or not file.exists() or taken_with.get("commit") is None:
        return []
    rows: list[Row] = json.loads(file.read_text(encoding="utf-8"))
    return [
        found
        for found in rows
        if found["case"] == case and all(found.get(name) == value for name, value in taken_with.items())
    ]


def store_rows(file: Path, rows: Sequence[Row]) -> None:
    """Write the rows into a file, in place of those of the same cases."""
    cases = {new["case"] for new in rows}
    others: list[Row] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    others = [other for other in others if other["case"] not in cases]
    file.write_text(json.dumps([*others, *rows], indent=1, allow_nan=False) + "\n", encoding="utf-8")


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows, one line each."""
    heads = ("case", "metric", "unit", "ours", "peer", "ratio", "met", "peer_name", "why")
    cells = [heads, *(tuple(_cell(found.get(head)) for head in heads) for found in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
