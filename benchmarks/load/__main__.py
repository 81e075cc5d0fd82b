"""Readings by the thousand, and servers killed while they come in: ``python -m benchmarks.load``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.load import faults, speed
from benchmarks.quality.rows import commit_at, kept_rows, print_table, store_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

CASES: Final = (*speed.CASES, "mqtt", "backlog", "junk-sqlite", "junk-postgresql", "kill-sqlite", "kill-postgresql")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures say."""
    options = _parser().parse_args(arguments)
    commit = commit_at(Path(__file__).parent)
    rows: list[Row] = []
    for case in options.only or CASES:
        taken_with = {"commit": commit, "quick": options.quick}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            measured = _measured(case, quick=options.quick, rounds=options.rounds or (5 if options.quick else 200))
            found = [{**one, **taken_with} for one in measured]
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    print_table(rows)
    print(f"Commit {commit or 'unknown (the sources differ from it)'}.")
    return 0


def _measured(case: str, *, quick: bool, rounds: int) -> list[Row]:
    kind, _, database = case.rpartition("-")
    if kind == "junk":
        return faults.junk(case, database, quick=quick)
    if kind == "kill":
        return faults.kill(case, database, rounds=rounds)
    if case == "mqtt":
        return speed.mqtt(case, quick=quick)
    if case == "backlog":
        return speed.backlog(case, quick=quick)
    return speed.readings_per_second(case, quick=quick)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of each; ends within 50 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows here; cases done are not redone")
    parser.add_argument("--only", action="append", metavar="CASE", choices=CASES, help=f"one of {', '.join(CASES)}")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="how often the server is killed; 200, or 5 with --quick"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
