"""Plans of the written protocol, ours and each peer's: ``python -m benchmarks.quality``.

Published instances are read from ``bench/kim2006``, ``bench/cvrp_x`` and ``bench/solomon`` under ``--data`` or the
environment variable SAMRAM_DATA. Without ``--only`` everything is run: hours. ``--only`` takes a table (``demo``,
``no-breaks``, ``single-trip``, ``kim2006``, ``cvrp_x``, ``solomon``, ``growth``, ``replan``, ``large``, ``prepare``)
or a case of it (``demo/300/tight``, ``kim2006/102``, ``large/3000``). The protocol is docs/benchmarking.md.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.quality.cases import growth_cases, published_cases, waste_case, waste_cases
from benchmarks.quality.growth import drawing
from benchmarks.quality.rows import commit_at, kept_rows, print_table, store_rows
from benchmarks.quality.runs import folder_of, runs_of
from benchmarks.quality.tables import rows_of, summary_rows
from benchmarks.quality.trials import TRIALS, trial_rows, trials
from geodata.errors import DataError
from optimizer.search.solve import warm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.cases import Case
    from benchmarks.quality.rows import Row

SEEDS: Final = 3

QUICK: Final = ("kim2006/102", "demo/100/tight", "no-breaks/100/tight", "single-trip/100/tight", "solomon/R102")
"""One case of most tables."""

QUICK_S: Final = 2.5
"""Of searching for each run of ``--quick``: reading, building and checking have the rest of the 50 seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve, judge and print; 0 whatever the figures say, 2 if there is nothing to solve."""
    options = _parser().parse_args(arguments)
    cases = _cases(options)
    alone = _trials(options)
    if not cases and not alone:
        print("No instance found: point --data or SAMRAM_DATA to a folder with bench/kim2006/*_stop.txt.")
        return 2
    commit = commit_at(Path(__file__).parent)
    begun_s = time.perf_counter()
    warm()
    print(f"Compiled or fetched from the disk in {time.perf_counter() - begun_s:.1f} s.", flush=True)
    seeds = range(options.seed, options.seed + (1 if options.quick else options.seeds))
    rows: list[Row] = []
    for found in chain(
        (_compared(case, options, seeds, commit) for case in cases),
        (_alone(name, options, seeds, commit) for name in alone),
    ):
        if options.json is not None and found:
            store_rows(options.json, found)
        rows += found
    for kind, table in groupby(rows, key=lambda one: one["case"].partition("/")[0]):
        print(f"\n{kind}")
        print_table(list(table))
    together = summary_rows(rows)
    if together:
        print("\nall cases together")
        print_table(together)
        if options.json is not None:
            store_rows(options.json, together)
    grown = [one for one in rows if one["case"].startswith("growth/")]
    if options.json is not None and grown:
        options.json.with_suffix(".growth.svg").write_text(drawing(grown), encoding="utf-8")
    print(f"\nCommit {commit or 'unknown (the sources differ from it)'}; medians of {len(seeds)} seeds.")
    return 0


def _compared(case: Case, options: argparse.Namespace, seeds: range, commit: str | None) -> list[Row]:
    """Return the rows of a case that we solve beside others; none, and a sentence, where its file cannot be read."""
    seconds = options.seconds or (QUICK_S if options.quick else case.seconds)
    try:
        runs = runs_of(
            case,
            seconds=seconds,
            seeds=seeds,
            commit=commit,
            folder=None if options.json is None else folder_of(options.json),
            vehicles=options.vehicles,
            peers=not options.no_peers,
        )
    except DataError as error:
        print(error)
        return []
    taken_with = {"commit": commit, "budget_s": seconds, "seeds": len(seeds)}
    return [{**one, **taken_with} for one in rows_of(case, runs)]


def _alone(name: str, options: argparse.Namespace, seeds: range, commit: str | None) -> list[Row]:
    """Return the rows of a trial, those kept of it where it was made at this commit."""
    taken_with = {"commit": commit, "budget_s": options.seconds, "seeds": len(seeds), "workers": options.workers}
    return kept_rows(options.json, name, **taken_with) or [
        {**one, **taken_with} for one in trial_rows(name, options.seconds, seeds, options.workers)
    ]


def _cases(options: argparse.Namespace) -> list[Case]:
    """Return the cases asked for, a table's together."""
    root = options.data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    published = [] if root is None else published_cases(root)
    if options.data is not None and not options.only:
        return published
    known = [*waste_cases(), *published, *growth_cases()]
    wishes = options.only or (QUICK if options.quick else ())
    if not wishes:
        return known
    cases: dict[str, Case] = {}
    for wish in wishes:
        waste = waste_case(wish)
        found = [waste] if waste is not None else []
        found += [case for case in known if wish in (case.name, case.kind) or case.name == f"kim2006/{wish}"]
        cases |= {case.name: case for case in found}
    return list(cases.values())


def _trials(options: argparse.Namespace) -> list[str]:
    if options.only:
        return [name for wish in options.only for name in trials(wish)]
    return [] if options.quick or options.data is not None else [*TRIALS]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 50 seconds: a sample, one seed")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="keep the rows here and every run in FILE's folder .runs; a run done at this commit is not redone",
    )
    parser.add_argument("--only", action="append", metavar="CASE", help="a table or a case; may be repeated")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="instead of SAMRAM_DATA; may be a folder of instances itself"
    )
    parser.add_argument("--seconds", type=float, help="of searching for each run, instead of the protocol's")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"how many seeds ({SEEDS})")
    parser.add_argument("--seed", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--no-peers", action="store_true", help="run ours alone, beside what is published")
    parser.add_argument("--workers", type=int, default=2, help="processes that search a large/ case (2)")
    parser.add_argument("--vehicles", type=int, help="how many vehicles to offer in Kim et al.'s cases")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
