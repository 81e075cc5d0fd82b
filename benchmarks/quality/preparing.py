"""How long it takes to prepare a day, and in how much memory, as the city grows.

A Monday of the demo city, twice, each time in a process of its own: with its streets read and contracted for the first
time, and with those that the first time has kept on disk.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.memory import peak_mb
from benchmarks.quality.rows import row
from geodata.city.dataset import load_city
from geodata.city.demo.city import write_demo_city
from optimizer.problem.codec import problem_hash
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row

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
        "MB": peak_mb(),
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
