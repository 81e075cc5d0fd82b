"""Forecasts of past fills, held against what came: ``python -m benchmarks.forecast``.

The files are read from ``fill`` under ``--data`` or the environment variable SAMRAM_DATA.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.forecast.cities import CITIES, read_city, wall_clock_s, write_events
from benchmarks.forecast.synthetic import synthetic_city
from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows
from optimizer.demand.backtest import CONSTANT, MEAN, OURS, PERSISTENCE, backtest
from optimizer.demand.clean import DAY_S, clean
from optimizer.demand.exposure import Calendar
from optimizer.demand.forecast import Question, fit, forecast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.rows import Row

SPEED: Final = "speed/3000x90"
PLANNER_LEAD_H: Final = 12
QUICK_DAYS: Final = 90
"""Of history before the tested days that --quick keeps of a long file."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Foretell, score and print; 0 whatever the figures say, 2 if there is nothing to foretell."""
    options = _parser().parse_args(arguments)
    cases = [*CITIES, SPEED]
    if options.only:
        cases = [case for case in cases if case in options.only]
    folder = _folder(options.data)
    commit = commit_at(Path(__file__).parent)
    rows: list[Row] = []
    for case in cases:
        path = None if case == SPEED or folder is None else folder / CITIES[case].file
        if case != SPEED and (path is None or not path.exists()):
            print(f"{case}: no file; point --data or SAMRAM_DATA to a folder with fill/{CITIES[case].file}.")
            continue
        taken_with = {"commit": commit, "quick": options.quick}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            fresh = _speed() if path is None else _city(case, path, quick=options.quick, csv_folder=options.csv)
            found = [{**one, **taken_with} for one in fresh]
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    if not rows:
        print("Nothing was foretold.")
        return 2
    print_table(rows)
    for one in rows:
        if one["met"] is False:
            print(f"Missed: {one['case']}, {one['metric']}: {_shortfall(one)}.")
    print(f"Commit {commit or 'unknown (the sources differ from it)'}.")
    return 0


def _city(case: str, path: Path, *, quick: bool, csv_folder: Path | None) -> list[Row]:
    city = CITIES[case]
    events = read_city(case, path)
    if csv_folder is not None:
        csv_folder.mkdir(parents=True, exist_ok=True)
        write_events(events, csv_folder / f"{case}.csv")
    from_s = wall_clock_s(city.from_day)
    # The goals are for all tested days; a quick run foretells the same ones, learning less often and from less.
    if quick:
        events = events.select(events.time_s >= from_s - QUICK_DAYS * DAY_S)
    rows = []
    for lead_h in (0, PLANNER_LEAD_H):
        if lead_h and not city.emptyings:
            continue
        found = backtest(
            events,
            group=np.zeros(len(events.ids), dtype=np.int64),
            calendar=Calendar(),
            from_s=from_s,
            emptyings=city.emptyings,
            lead_s=lead_h * 3_600,
            refit_s=city.refit_days * DAY_S * (7 if quick and city.refit_days == 1 else 1),
            most_gap_s=None if city.most_gap_hours is None else city.most_gap_hours * 3_600,
        )
        if found is None:
            continue
        figures = {method: found.figures(method) for method in (OURS, CONSTANT, MEAN, PERSISTENCE)}
        if lead_h:
            rows += _edinburgh_rows(f"{case}, {lead_h} h ahead", figures, goals=False)
        elif case == "edinburgh":
            rows += _edinburgh_rows(case, figures, goals=True)
        else:
            rows += _wyndham_rows(case, figures)
        rows.append(row(case if not lead_h else f"{case}, {lead_h} h ahead", "events foretold", "events", len(found)))
    return [{**one, "case": case, "metric": _with_lead(one)} for one in rows]


def _with_lead(one: Row) -> str:
    _, _, lead = one["case"].partition(", ")
    return f"{one['metric']}, {lead}" if lead else str(one["metric"])


Figures = dict[str, dict[str, float | None]]


def _edinburgh_rows(case: str, figures: Figures, *, goals: bool) -> list[Row]:
    ours, mean = figures[OURS], figures[MEAN]

    def goal(low: float | None, high: float | None) -> tuple[float | None, float | None]:
        return (low, high) if goals else (None, None)

    return [
        row(case, "MAE", "points", ours["mae"], peer=mean["mae"], peer_name=MEAN, goal=goal(None, 14.0)),
        row(case, "MAE, constant", "points", ours["mae"], peer=figures[CONSTANT]["mae"], peer_name=CONSTANT),
        row(case, "MAE, persistence", "points", ours["mae"], peer=figures[PERSISTENCE]["mae"], peer_name=PERSISTENCE),
        row(
            case, "mean pinball", "points", ours["pinball"], peer=mean["pinball"], peer_name=MEAN, goal=goal(None, 4.2)
        ),
        row(case, "80 % interval holds", "%", ours["coverage"], goal=goal(77.0, 83.0)),
        row(case, "Brier skill over climatology", "%", ours["brier_skill"], goal=goal(8.0, None)),
        row(case, "AUC", "", ours["auc"], peer=mean["auc"], peer_name=MEAN, goal=goal(0.75, None)),
    ]


def _wyndham_rows(case: str, figures: Figures) -> list[Row]:
    ours = figures[OURS]
    best = min((MEAN, PERSISTENCE), key=lambda method: figures[method]["pinball"] or 0.0)
    return [
        row(
            case,
            "mean pinball, next day",
            "points",
            ours["pinball"],
            peer=figures[best]["pinball"],
            peer_name=f"{best}, with the spread of its misses",
            goal=(None, 0.9),
            goal_on="ratio",
        ),
        row(case, "MAE, next day", "points", ours["mae"], peer=figures[best]["mae"], peer_name=best),
        row(case, "80 % interval holds", "%", ours["coverage"], peer=figures[best]["coverage"], peer_name=best),
        row(case, "AUC of full", "", ours["auc"], peer=figures[best]["auc"], peer_name=best),
    ]


def _speed() -> list[Row]:
    """Time a night's work: learn from 90 days of 3,000 containers, then foretell each for three days."""
    city = synthetic_city(containers=3_000, days=90, seed=1)
    until_s = city.until_s
    started_s = time.perf_counter()
    table = clean(city.events)
    cleaned_s = time.perf_counter()
    model = fit(table, group=city.group, calendar=Calendar(), until_s=until_s)
    learnt_s = time.perf_counter()
    days = np.repeat(np.arange(1, 4), 3_000)
    question = Question(
        container=np.tile(np.arange(3_000), 3),
        origin_s=np.full(9_000, until_s),
        target_s=until_s + days * DAY_S,
    )
    answer = forecast(model, table, question)
    told = (answer.fill(0.1), answer.fill(0.5), answer.fill(0.9), answer.overflow())
    ended_s = time.perf_counter()
    assert all(np.isfinite(each).all() for each in told)
    return [
        row(SPEED, "readings", "readings", len(city.events)),
        row(SPEED, "cleaning", "s", round(cleaned_s - started_s, 3)),
        row(SPEED, "learning", "s", round(learnt_s - cleaned_s, 3)),
        row(SPEED, "forecasts for three days", "s", round(ended_s - learnt_s, 3), goal=(None, 1.0)),
    ]


def _shortfall(one: Row) -> str:
    value = one["ours"] if one["goal_on"] == "ours" else one["ratio"]
    if value is None:
        return "no figure"
    if one["goal_low"] is not None and value < one["goal_low"]:
        return f"{value:.3f} is {one['goal_low'] - value:.3f} below {one['goal_low']:g}"
    return f"{value:.3f} is {value - one['goal_high']:.3f} above {one['goal_high']:g}"


def _folder(data: Path | None) -> Path | None:
    root = data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    if root is None:
        return None
    return root / "fill" if (root / "fill").is_dir() else root


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="learn less often and from less; ends within 50 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows here; cases done are not redone")
    parser.add_argument("--only", action="append", metavar="CASE", help=f"one of {', '.join([*CITIES, SPEED])}")
    parser.add_argument("--data", type=Path, metavar="DIR", help="instead of SAMRAM_DATA; or the folder fill itself")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="write the cities' events for samram backtest here too")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
