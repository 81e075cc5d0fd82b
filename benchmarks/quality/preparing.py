"""How long it takes to prepare a day, and in how much memory, as the city grows.

    uv run python -m benchmarks.quality.preparing [--containers N ...] [--json FILE]

A Monday of the demo city, twice, each time in a process of its own: with its streets read and contracted for the first
time, and with those that the first time has kept on disk.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.quality.rows import print_table, row, store_rows
from geodata.city.dataset import load_city
from geodata.city.demo.city import write_demo_city
from optimizer.problem.codec import problem_hash
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

_SIZES: Final = (1_000, 3_000, 10_000)
_MONDAY: Final = dt.date(2026, 11, 23)
_MOST_MB: Final = 2_000.0


def prepared(folder: Path, cache_dir: Path) -> dict[str, float]:
    """Prepare a day and hash it: seconds on the clock and of the processor, places, and peak megabytes."""
    city = load_city(folder)
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    problem = prepare_day(city, _MONDAY, cache_dir=cache_dir).problem
    problem_hash(problem)
    return {
        "s": time.monotonic() - began_s,
        "s CPU": time.process_time() - began_cpu_s,
        "places": float(problem.matrix.n),
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def prepare_rows(containers: int) -> list[Row]:
    """Return the rows of one size of city."""
    case = f"prepare/{containers}"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache_dir = write_demo_city(Path(scratch) / "city", containers=containers), Path(scratch) / "roads"
        for name in ("first time", "streets kept"):
            # A process of its own each, because the peak of memory is that of a whole process.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                found = pool.submit(prepared, folder, cache_dir).result()
            rows += [
                row(case, f"{name}, {unit}", unit, round(value, 2), goal=(None, _MOST_MB if unit == "MB" else None))
                for unit, value in found.items()
            ]
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size, print the table, and keep its rows where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.preparing", description=__doc__)
    parser.add_argument("--containers", type=int, nargs="+", default=_SIZES)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    for containers in options.containers:
        rows += prepare_rows(containers)
        if options.json is not None:
            store_rows(options.json, rows)
    print_table(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
