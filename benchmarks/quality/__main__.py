"""Plans on published instances, beside their published results: ``python -m benchmarks.quality``.

The instances are read from ``bench/kim2006``, ``bench/cvrp_x`` and ``bench/solomon`` under ``--data`` or the
environment variable SAMRAM_DATA. Without ``--only`` the usual cases of Kim et al. are run; ``--only`` also takes
``demo/300`` (a day of the demo city), ``replan/1000`` (a breakdown there), ``cvrp_x/X-n101-k25``, ``solomon/R102``, and
``cvrp_x`` or ``solomon`` for all.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.compared import demo_rows, mean_rows, published_rows
from benchmarks.quality.kim import read_instance, to_problem, yard_parts
from benchmarks.quality.kim_rules import broken_rules, route_miles
from benchmarks.quality.replan import SECONDS as REPLAN_S
from benchmarks.quality.replan import replan_rows
from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows
from geodata.errors import DataError
from optimizer.judge.evaluate import check
from optimizer.search.solve import solve, warm
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
    cases = _cases(options)
    if not cases:
        print("No instance found: point --data or SAMRAM_DATA to a folder with bench/kim2006/*_stop.txt.")
        return 2
    commit = commit_at(Path(__file__).parent)
    seconds = options.seconds
    if seconds is None:
        seconds = QUICK_BUDGET_S / len(cases) if options.quick else 60.0
    rows: list[Row] = []
    warm()
    for case, file in cases:
        taken_with = {"commit": commit, "budget_s": seconds, "seed": options.seed, "vehicles_offered": options.vehicles}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            try:
                found = [{**one, **taken_with} for one in _run(case, file, seconds, options)]
            except DataError as error:
                print(error)
                continue
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    print_table([*rows, *mean_rows(rows)])
    print(f"Commit {commit or 'unknown (the sources differ from it)'}; {seconds:g} s for each case.")
    return 0


def _run(case: str, file: Path | None, seconds: float, options: argparse.Namespace) -> list[Row]:
    if case.startswith("replan/"):
        return replan_rows(case, min(seconds, REPLAN_S), options.seed)
    if file is None:
        return demo_rows(case, seconds, options.seed)
    if not case.startswith("kim2006/"):
        return published_rows(case, file, seconds, options.seed)
    return _run_kim(file, case, seconds, options.seed, options.vehicles)


def _run_kim(file: Path, case: str, seconds: float, seed: int, vehicles: int | None) -> list[Row]:
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


def _cases(options: argparse.Namespace) -> list[tuple[str, Path | None]]:
    """Return the cases asked for, each with its file; a day of the demo city has none."""
    root = options.data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    known = {} if root is None else _instances(root)
    if not options.only:
        kim = {case: file for case, file in known.items() if case.startswith("kim2006/")}
        usual = [(case, kim[case]) for name in USUAL_CASES if (case := f"kim2006/{name}") in kim]
        return [*usual] or [*kim.items()]
    cases: list[tuple[str, Path | None]] = []
    for case in options.only:
        if case.startswith(("demo/", "replan/")) and case.partition("/")[2].isdecimal():
            cases.append((case, None))
        elif f"kim2006/{case}" in known:
            cases.append((f"kim2006/{case}", known[f"kim2006/{case}"]))
        else:
            cases += [(name, file) for name, file in known.items() if name == case or name.startswith(f"{case}/")]
    return cases


def _instances(root: Path) -> dict[str, Path]:
    """Return the files of each set by case, small ones first."""
    folder = root / "bench" / "kim2006"
    files = {
        "kim2006": (folder if folder.is_dir() else root).glob("*_stop.txt"),
        "cvrp_x": (root / "bench" / "cvrp_x").glob("*.vrp"),
        "solomon": (root / "bench" / "solomon").glob("*.txt"),
    }
    return {
        f"{name}/{file.stem.removesuffix('_stop')}": file
        for name, found in files.items()
        for file in sorted(found, key=lambda file: (file.stat().st_size, file))
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 50 seconds")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep the rows here; cases done at this commit are not redone"
    )
    parser.add_argument(
        "--only", action="append", metavar="CASE", help="for example 102, demo/300 or solomon; may be repeated"
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
