"""Readings by the thousand, and servers killed while they come in and plan: ``python -m benchmarks.load``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.load import faults, faults_plans, noon, outbox, phones, speed
from benchmarks.quality.rows import commit_at, kept_rows, print_table, store_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

CASES: Final = (
    *(*speed.CASES, "mqtt", "backlog"),
    *(
        f"{kind}-{database}"
        for kind in ("junk", "kill", "faults", "phones", "outbox", "cancel", "replan")
        for database in ("sqlite", "postgresql")
    ),
)

QUICK: Final = tuple(
    case for case in CASES if not case.startswith("replan") and case not in ("outbox-postgresql", "cancel-postgresql")
)
_OF_PHONES: Final = {"phones": phones.phones, "outbox": outbox.outbox, "cancel": noon.cancel, "replan": noon.replan}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures say."""
    options = _parser().parse_args(arguments)
    commit = commit_at(Path(__file__).parent)
    rows: list[Row] = []
    for case in options.only or (QUICK if options.quick else CASES):
        taken_with = {"commit": commit, "quick": options.quick}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            measured = _measured(case, quick=options.quick, rounds=options.rounds)
            found = [{**one, **taken_with} for one in measured]
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    print_table(rows)
    print(f"Commit {commit or 'unknown (the sources differ from it)'}.")
    return 0


def _measured(case: str, *, quick: bool, rounds: int | None) -> list[Row]:
    kind, _, database = case.rpartition("-")
    if kind == "junk":
        return faults.junk(case, database, quick=quick)
    if kind == "kill":
        return faults.kill(case, database, rounds=rounds or (5 if quick else 200))
    if kind == "faults":
        return faults_plans.faults(case, database, rounds=rounds or (3 if quick else 50))
    if kind in _OF_PHONES:
        return _OF_PHONES[kind](case, database, quick=quick)
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
        "--rounds", type=int, metavar="N", help="how often something is killed; 200 and 50, or 5 and 3 with --quick"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
