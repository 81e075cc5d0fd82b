"""Runs kept on disk, one file each, so that a table of hours is filled in pieces and by several processes at once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from benchmarks.quality.engines import OURS, Run, absent, run
from benchmarks.quality.growth import run_apart

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.quality.cases import Case


def folder_of(rows_file: Path) -> Path:
    """Return the folder of the runs behind a file of rows."""
    return rows_file.with_suffix(".runs")


def runs_of(
    case: Case,
    *,
    seconds: float,
    seeds: range,
    commit: str | None,
    folder: Path | None,
    vehicles: int | None = None,
    peers: bool = True,
) -> dict[str, list[Run]]:
    """Return the runs of a case by engine, those kept at this commit as they are, the others made now.

    Peers that are not installed are absent, and all are without ``peers``.
    """
    found: dict[str, list[Run]] = {}
    for engine in case.engines:
        if absent(engine) or not (peers or engine == OURS):
            continue
        for seed in seeds:
            file = None if folder is None or commit is None else folder / _name(case, engine, seconds, seed, commit)
            if vehicles is not None and file is not None:
                file = file.with_stem(f"{file.stem}--{vehicles} vehicles")
            if file is not None and file.exists():
                kept = Run.from_json(json.loads(file.read_text(encoding="utf-8")))
            else:
                if case.kind == "growth":
                    kept = run_apart(case, engine, seconds=seconds, seed=seed)
                else:
                    kept = run(engine, case.problem(engine, vehicles), seconds=seconds, seed=seed, audit=case.audit)
                _tell(case, kept)
                if file is not None:
                    _keep(file, kept)
            found.setdefault(engine, []).append(kept)
    return found


def _name(case: Case, engine: str, seconds: float, seed: int, commit: str) -> str:
    # VROOM has no seed, but its runs count like the others': a median needs no special case.
    return f"{case.name.replace('/', '_')}--{engine}--{seconds:g}s--seed {seed}--{commit[:12]}.json"


def _keep(file: Path, kept: Run) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}.part")
    half.write_text(json.dumps(kept.to_json(), allow_nan=False) + "\n", encoding="utf-8")
    half.replace(file)


def _tell(case: Case, made: Run) -> None:
    who = "" if made.engine == OURS else f", {made.engine}"
    left = f", {made.required_left} required visits left out" if made.required_left else ""
    wrong = f", {len(made.violations)} violations" if made.violations else ""
    print(
        f"{case.name}{who}, seed {made.seed}: {made.cost_micro / 1e6:,.2f} with {made.routes} routes in "
        f"{made.taken_s:.1f} s{left}{wrong}{', ' if made.why else ''}{made.why}",
        flush=True,
    )
