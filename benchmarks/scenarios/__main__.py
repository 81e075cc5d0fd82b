"""Studies: how long they take, whether they hold what they promise: ``python -m benchmarks.scenarios``.

Heidelberg and Siem Reap are read from ``--data`` or the environment variable SAMRAM_DATA; briefs are written into
``--out``. With ``--keep`` a run that was cut short goes on: what is timed begins anew, all else does not. The goals are
in docs/studies.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import wait
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows
from benchmarks.scenarios.cities import FAR, NEAR, built_in, heidelberg, siem_reap, transfer_point
from geodata.city.dataset import read_city
from scenarios.answer import answer
from scenarios.cells import Budget
from scenarios.changes.scenario import Scenario, decode_change
from scenarios.changes.waste import WasteGrowth
from scenarios.compare import interval, table
from scenarios.keep import Kept
from scenarios.pool import local_pool
from scenarios.report import document_of
from scenarios.study import Study, fleet_scenarios, fleets, run_study
from scenarios.studyfile import fleet_sizes
from service.cli.compiling import warm_up
from service.export.study import write_study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from benchmarks.quality.rows import Row
    from geodata.city.dataset import CityReading
    from scenarios.study import StudyResult

MONDAY: Final = dt.date(2026, 11, 23)
WORKERS: Final = 2
_OVER: Final = 1.15
_SPARE_S: Final = 5.0
KILLS: Final = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases, print the rows; 0 whatever they say."""
    options = _parser().parse_args(arguments)
    if options.child is not None:
        _child(options.child)
        return 0
    warm_up()
    commit = commit_at(Path(__file__).parent)
    data = options.data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    rows: list[Row] = []
    for case, take in CASES.items():
        if options.only and case not in options.only:
            continue
        taken_with = {"commit": commit, "quick": options.quick}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            with _scratch(options.keep, case, commit, quick=options.quick) as scratch:
                fresh = take(scratch, data, options.quick, options.out)
            found = [{**one, "case": case, **taken_with} for one in fresh]
            if options.json is not None and found:
                store_rows(options.json, found)
        rows += found
    print_table(rows)
    for one in rows:
        if one["met"] is False:
            print(f"Missed: {one['case']}, {one['metric']}: {one['ours']} of {one['goal_low']}..{one['goal_high']}.")
    print(f"Commit {commit or 'unknown (the sources differ from it)'}.")
    return 0


@contextmanager
def _scratch(keep: Path | None, case: str, commit: str | None, *, quick: bool) -> Iterator[Path]:
    """Give a folder that goes with the run, or one that stays and belongs to this commit and case."""
    if keep is None or commit is None:
        with tempfile.TemporaryDirectory(prefix="samram-bench-") as scratch:
            yield Path(scratch)
        return
    folder = keep.resolve() / commit[:12] / f"{case.replace('/', '-')}{'-quick' if quick else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


# --- the cases -------------------------------------------------------------------------------------------------------


def _grid(scratch: Path, _data: Path | None, quick: bool, out: Path | None) -> list[Row]:  # noqa: FBT001
    """20 scenarios and 3 seeds on 300 containers: wall time, one measurement, a curve that never falls back."""
    reading = read_city(built_in(_anew(scratch / "city"), containers=100 if quick else 300))
    sizes = range(2, 5) if quick else range(1, 21)
    study = _study("fleets", fleet_scenarios(sizes), seeds=1 if quick else 3, budget=Budget(seconds=1 if quick else 5))
    result, wall_s = _timed(study, reading, scratch / "kept")
    # The anchors, one for each day and seed, are solves too.
    solves = (len(study.scenarios) + 1) * len(study.days) * len(study.seeds)
    budget_s = solves * (study.budget.seconds or 0) / WORKERS
    lines = table(result)
    curve = [lines[number].figures["unserved"] for number, _ in fleets(study)]
    took = [cell["took"] for cell in result.results.values() if not cell.get("adopted")]
    beside_s = [one["prepare_s"] + one["reckon_s"] + one["solve_s"] - (study.budget.seconds or 0) for one in took]
    adopted = sum(line.adopted for line in lines) / max(1, sum(line.cells for line in lines))
    print(answer(result, lines))
    if out is not None:
        _write(result, out / "built-in")
    return [
        row("", "wall time", "s", round(wall_s, 1), peer=budget_s, peer_name="budgets / workers",
            goal=(None, _OVER + _SPARE_S / budget_s), goal_on="ratio"),
        row("", "a day longer than its budget, mean", "s", round(fmean(beside_s), 3)),
        row("", "travel times measured", "times", result.measurements, goal=(1, 1)),
        row("", "steps of the curve with less service", "steps", sum(b > a for a, b in pairwise(curve)), goal=(0, 0)),
        row("", "plans of a smaller fleet that were better", "share", round(adopted, 3)),
        row("", "scenarios failed", "scenarios", sum(line.failed > 0 for line in lines), goal=(0, 0)),
    ]  # fmt: skip


def _same(scratch: Path, _data: Path | None, quick: bool, _out: Path | None) -> list[Row]:  # noqa: FBT001
    """A/A: a scenario under two names, and one scenario on two sets of days' draws, in 100 small studies."""
    reading = read_city(built_in(_anew(scratch / "city"), containers=50))
    studies, seeds = (5, 3) if quick else (100, 3)
    twins = tuple(Scenario(name=name, changes=(WasteGrowth(factor=1.1),)) for name in ("one", "other"))
    study = Study(
        name="twins",
        scenarios=twins,
        days=(MONDAY,),
        seeds=tuple(range(2 * seeds * studies)),
        budget=Budget(steps=1),
        samples=1,
    )
    with local_pool(WORKERS) as pool:
        result = _run(study, reading, scratch / "kept", pool)
    cost = [[result.results[number, MONDAY, seed]["figures"]["cost"] for seed in study.seeds] for number in (0, 1)]
    paired = drawn = 0
    for first in range(0, 2 * seeds * studies, 2 * seeds):
        here, there = range(first, first + seeds), range(first + seeds, first + 2 * seeds)
        same = interval([cost[0][seed] - cost[1][seed] for seed in here])
        apart = interval([cost[0][one] - cost[1][other] for one, other in zip(here, there, strict=True)])
        paired += same.low <= 0 <= same.high
        drawn += apart.low <= 0 <= apart.high
    return [
        row("", "intervals that hold zero, paired", "share", paired / studies, goal=(0.95, None)),
        row("", "intervals that hold zero, other draws", "share", drawn / studies),
    ]


def _killed(scratch: Path, _data: Path | None, quick: bool, _out: Path | None) -> list[Row]:  # noqa: FBT001
    """Kill a study at random instants; what is resumed must say what an undisturbed one says."""
    built_in(_anew(scratch / "city"), containers=50)
    kills = 1 if quick else KILLS
    whole = scratch / "whole.json"
    whole_s = time.monotonic()
    if not whole.exists():
        _in_child(scratch, "whole").wait()
    whole_s = time.monotonic() - whole_s
    told = scratch / "whole.seconds"
    if not told.exists():
        told.write_text(str(whole_s), encoding="utf-8")
    whole_s = float(told.read_text(encoding="utf-8"))
    instants = random.Random(1)  # noqa: S311 - instants, no secrets
    same = begun = cut = 0
    for number in range(kills):
        after_s = instants.uniform(0.2, 1.0) * whole_s
        state = scratch / f"cut{number}.state"
        if not state.exists():
            _kill_and_resume(scratch, f"cut{number}", after_s, state)
        was_cut, had_begun = state.read_text(encoding="utf-8").split()
        cut, begun = cut + int(was_cut), begun + int(had_begun)
        same += (scratch / f"cut{number}.json").read_bytes() == whole.read_bytes()
    return [
        row("", "tables that are the same after a kill", "tables", same, goal=(kills, kills)),
        row("", "killed before their end", "studies", cut),
        row("", "of these with days done before", "studies", begun),
    ]


def _kill_and_resume(scratch: Path, name: str, after_s: float, state: Path) -> None:
    """Run a study, kill it after so many seconds, and run it again; note whether it was killed, with days done."""
    shutil.rmtree(scratch / name, ignore_errors=True)
    child = _in_child(scratch, name)
    was_cut = False
    try:
        child.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        was_cut = True
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    had_begun = was_cut and (scratch / name).exists() and any((scratch / name).glob("*.json"))
    _in_child(scratch, name).wait()
    state.write_text(f"{int(was_cut)} {int(had_begun)}", encoding="utf-8")


def _cluster(scratch: Path, _data: Path | None, quick: bool, _out: Path | None) -> list[Row]:  # noqa: FBT001
    """Two Dask workers against two local processes, on the same cells."""
    try:
        from distributed import LocalCluster  # noqa: PLC0415 - an extra
    except ImportError:
        return [row("", "wall time", "s", None, why="the package distributed is not installed: samram[cluster]")]
    from scenarios.pool import dask_pool  # noqa: PLC0415

    reading = read_city(built_in(_anew(scratch / "city"), containers=100))
    sizes = range(2, 4) if quick else range(2, 7)
    study = _study("fleets", fleet_scenarios(sizes), seeds=1 if quick else 2, budget=Budget(seconds=1 if quick else 4))
    _, local_s = _timed(study, reading, scratch / "local")
    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
    )
    shutil.rmtree(scratch / "dask", ignore_errors=True)
    with cluster, dask_pool(cluster.scheduler_address) as pool:
        begun_s = time.monotonic()
        result = _run(study, reading, scratch / "dask", pool)
        dask_s = time.monotonic() - begun_s
    return [
        row("", "wall time", "s", round(dask_s, 1), peer=round(local_s, 1), peer_name="local processes",
            goal=(0.9, 1.1), goal_on="ratio"),
        row("", "scenarios failed", "scenarios", len(result.failed), goal=(0, 0)),
    ]  # fmt: skip


def _heidelberg(scratch: Path, data: Path | None, quick: bool, out: Path | None) -> list[Row]:  # noqa: FBT001
    """Fleets on Heidelberg's streets."""
    if data is None:
        return [row("", "fleet that serves everything", "vehicles", None, why="no SAMRAM_DATA")]
    reading = read_city(heidelberg(_anew(scratch / "city"), data, containers=50 if quick else 300))
    sizes = range(2, 4) if quick else range(2, 11)
    study = _study("how many trucks", fleet_scenarios(sizes), seeds=1 if quick else 2, days=1 if quick else 2,
                   budget=Budget(seconds=1 if quick else 5))  # fmt: skip
    return _fleet_rows(_ran(study, reading, scratch / "kept"), out, "heidelberg")


def _siem_reap(scratch: Path, data: Path | None, quick: bool, out: Path | None) -> list[Row]:  # noqa: FBT001
    """Siem Reap's people: fleets with the far landfill alone, and with a transfer station."""
    if data is None:
        return [row("", "fleet that serves everything", "vehicles", None, why="no SAMRAM_DATA")]
    reading = read_city(siem_reap(_anew(scratch / "city"), data))
    stations = [decode_change(transfer_point(_anew(scratch / "whole")))]
    rows: list[Row] = []
    for name, others, asked in (("far landfill", [], FAR), ("transfer station", stations, NEAR)):
        sizes = (12,) if quick else fleet_sizes(asked)
        study = _study(name, fleet_scenarios(sizes, others), seeds=1 if quick else 2,
                       budget=Budget(seconds=1 if quick else 12))  # fmt: skip
        found = _fleet_rows(_ran(study, reading, scratch / "kept"), out, f"siem-reap-{name.replace(' ', '-')}")
        rows += [{**one, "metric": f"{one['metric']}, {name}"} for one in found]
    return rows


CASES: Final[dict[str, Callable[[Path, Path | None, bool, Path | None], list[Row]]]] = {
    "grid/300": _grid,
    "a-a": _same,
    "killed": _killed,
    "cluster": _cluster,
    "heidelberg": _heidelberg,
    "siem-reap": _siem_reap,
}


def _fleet_rows(result: StudyResult, out: Path | None, name: str) -> list[Row]:
    lines = table(result)
    print(f"{name}: {answer(result, lines)}")
    for line in lines:
        if line.cells:
            print(f"  {line.name}: {line.figures['cost']:,.0f} a day, {line.figures['unserved']:.1f} unserved, "
                  f"held {line.held:.0%}. {line.bound}")  # fmt: skip
    if out is not None:
        _write(result, out / name)
    curve = [(lines[number].figures["unserved"], size) for number, size in fleets(result.study) if lines[number].cells]
    enough = [size for unserved, size in curve if unserved == 0]
    return [
        row("", "fleet that serves everything", "vehicles", enough[0] if enough else None),
        row(
            "",
            "steps of the curve with less service",
            "steps",
            sum(b > a for (a, _), (b, _) in pairwise(curve)),
            goal=(0, 0),
        ),
    ]


def _study(name: str, scenarios: Sequence[Scenario], *, seeds: int, budget: Budget, days: int = 1) -> Study:
    return Study(
        name=name,
        scenarios=tuple(scenarios),
        days=tuple(MONDAY + dt.timedelta(days=number) for number in range(days)),
        seeds=tuple(range(seeds)),
        budget=budget,
    )


def _timed(study: Study, reading: CityReading, folder: Path) -> tuple[StudyResult, float]:
    """Run a study anew on local processes that are up, and return what it came to and its seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    with local_pool(WORKERS) as pool:
        wait([pool.submit(time.sleep, 1.0) for _ in range(WORKERS)])  # each occupies one: all are up, and compiled
        begun_s = time.monotonic()
        result = _run(study, reading, folder, pool)
        return result, time.monotonic() - begun_s


def _ran(study: Study, reading: CityReading, folder: Path) -> StudyResult:
    """Run a study, or what is left of it, on local processes."""
    with local_pool(WORKERS) as pool:
        return _run(study, reading, folder, pool)


def _anew(folder: Path) -> Path:
    """Return a folder's path, of which nothing is left."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _run(study: Study, reading: CityReading, folder: Path, pool: Executor) -> StudyResult:
    assert reading.dataset is not None
    return run_study(study, reading.dataset, pool, workers=WORKERS, kept=Kept(folder), extract=reading.extract)


def _write(result: StudyResult, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _, missing = write_study(result, table(result), folder)
    for sentence in missing:
        print(sentence)


def _in_child(scratch: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.scenarios", "--child", str(scratch / name)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words


def _child(folder: Path) -> None:
    """Run a small study into a folder, and write its table beside it: what is killed and resumed."""
    reading = read_city(folder.parent / "city")
    study = Study(
        name="small",
        scenarios=fleet_scenarios(range(2, 6)),
        days=(MONDAY,),
        seeds=(0, 1),
        budget=Budget(steps=1),
        samples=20,
    )
    with local_pool(WORKERS) as pool:
        result = _run(study, reading, folder, pool)
    document: dict[str, Any] = document_of(result, table(result))
    folder.with_suffix(".json").write_text(json.dumps(document, sort_keys=True), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small studies, within 50 seconds")
    parser.add_argument("--json", type=Path, help="keep the rows here; runs resume by case and commit")
    parser.add_argument("--only", action="append", choices=[*CASES], help="take this case alone")
    parser.add_argument("--data", type=Path, help="folder of the shared data; SAMRAM_DATA if absent")
    parser.add_argument("--out", type=Path, help="write each study's report into this folder")
    parser.add_argument("--keep", type=Path, help="keep what is done here; a run that was cut short goes on")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
