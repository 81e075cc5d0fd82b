"""Plans on published instances, beside their published results: ``python -m benchmarks.quality``.

The instances are read from ``bench/kim2006`` under ``--data`` or the environment variable SAMRAM_DATA.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.kim import read_instance, to_problem, yard_parts
from benchmarks.quality.kim_rules import broken_rules, route_miles
from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows
from geodata.errors import DataError
from optimizer.judge.evaluate import check
from optimizer.search.solve import solve
from optimizer.search.stop import Deadline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

PEER: Final = "Kim et al. 2006, clustering-based insertion"
PUBLISHED: Final = {"102": (3, 205.1), "277": (3, 527.3), "444": (11, 87.0), "804": (5, 769.5)}
"""Vehicles and miles of the clustering-based algorithm, from the paper's table of results (second-hand)."""

USUAL_CASES: Final = ("102", "277", "444")
QUICK_BUDGET_S: Final = 30.0
"""Of searching, for all cases together: reading, building and checking have the rest of the 50 seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve, check and print; 0 whatever the figures say, 2 if there is nothing to solve."""
    options = _parser().parse_args(arguments)
    files = _instance_files(options)
    if not files:
        print("No instance found: point --data or SAMRAM_DATA to a folder with bench/kim2006/*_stop.txt.")
        return 2
    commit = commit_at(Path(__file__).parent)
    seconds = options.seconds
    if seconds is None:
        seconds = QUICK_BUDGET_S / len(files) if options.quick else 60.0
    rows: list[Row] = []
    for file in files:
        case = "kim2006/" + file.name.removesuffix("_stop.txt")
        taken_with = {"commit": commit, "budget_s": seconds, "seed": options.seed, "vehicles_offered": options.vehicles}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            try:
                found = [{**one, **taken_with} for one in _run(file, case, seconds, options.seed, options.vehicles)]
            except DataError as error:
                print(error)
                continue
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    print_table(rows)
    print(f"Commit {commit or 'unknown (the sources differ from it)'}; {seconds:g} s for each case.")
    return 0


def _run(file: Path, case: str, seconds: float, seed: int, vehicles: int | None) -> list[Row]:
    instance = read_instance(file)
    problem = to_problem(instance, vehicles=vehicles)
    started_s = time.monotonic()
    plan = solve(problem, stop=Deadline(seconds, time.monotonic), seed=seed).plan
    taken_s = time.monotonic() - started_s
    broken = [violation.message for violation in check(problem, plan)] + broken_rules(instance, plan)
    print(
        f"{case}: {len(instance.regular)} stops, {len(problem.vehicles)} vehicles offered, "
        f"1/{yard_parts(instance)} yards, {len(broken)} rules broken."
    )
    for sentence in broken[:20]:
        print(f"  {sentence}")
    miles = sum(route_miles(instance, route) for route in plan.routes)
    known_vehicles, known_miles = PUBLISHED.get(instance.name, (None, None))
    peer: dict[str, Any] = {"peer_name": PEER if instance.name in PUBLISHED else None}
    if plan.unserved and instance.name in PUBLISHED:
        # Fewer vehicles and miles for fewer stops are no better a plan.
        known_vehicles = known_miles = None
        peer["why"] = f"not comparable: {len(plan.unserved)} stops are left out"
    return [
        row(case, "vehicles", "vehicles", len(plan.routes), peer=known_vehicles, **peer),
        row(case, "distance", "miles", round(miles, 3), peer=known_miles, **peer),
        row(case, "rules broken", "rules", len(broken), goal=(None, 0)),
        row(case, "stops unserved", "stops", len(plan.unserved), goal=(None, 0)),
        row(case, "search", "s", round(taken_s, 3)),
    ]


def _instance_files(options: argparse.Namespace) -> list[Path]:
    root = options.data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    if root is None:
        return []
    folder = root / "bench" / "kim2006"
    files = sorted(
        (folder if folder.is_dir() else root).glob("*_stop.txt"), key=lambda file: (file.stat().st_size, file)
    )
    by_name = {file.name.removesuffix("_stop.txt"): file for file in files}
    if options.only:
        return [by_name[name] for case in options.only if (name := case.removeprefix("kim2006/")) in by_name]
    return [by_name[name] for name in USUAL_CASES if name in by_name] or files


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 50 seconds")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep the rows here; cases done at this commit are not redone"
    )
    parser.add_argument(
        "--only", action="append", metavar="CASE", help="for example 102 or kim2006/804; may be repeated"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="instead of SAMRAM_DATA; may be a folder of instances itself"
    )
    parser.add_argument("--seconds", type=float, help="of searching for each case (60, or a share of 30 with --quick)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vehicles", type=int, help="how many vehicles to offer in each case")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
