"""What is handed out of a study: rows for tables, CSV and JSON, and the routes of each scenario as GeoJSON."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from geodata.maps.geojson import plan_geojson
from optimizer.judge.evaluate import evaluate
from optimizer.problem.plan import Reason, Unserved, VisitAction
from scenarios.answer import answer
from scenarios.cells import Task, decoded_orders
from scenarios.compare import reference
from scenarios.studyfile import encode_study

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenarios.compare import Line
    from scenarios.study import StudyResult


def rows_of(result: StudyResult, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return a flat row of plain values for each scenario; units are in docs/studies.md."""
    return [_row(result, line) for line in lines if line.cells or line.why_not]


def _row(result: StudyResult, line: Line) -> dict[str, Any]:
    change = line.differences.get("cost")
    known = change is not None and math.isfinite(change.low)
    row: dict[str, Any] = {
        "scenario": line.name,
        "cells": line.cells,
        "failed": line.failed,
        "why_not": line.why_not,
        **{name: round(value, 6) for name, value in line.figures.items()},
        "cost_per_year": round(line.cost_per_year, 2),
        "cost_per_tonne": round(line.cost_per_tonne, 4),
        "compared_with": result.study.scenarios[reference(result)].name if line.differences else "",
        "cost_difference": round(change.mean, 4) if known and change is not None else None,
        "cost_difference_low": round(change.low, 4) if known and change is not None else None,
        "cost_difference_high": round(change.high, 4) if known and change is not None else None,
        "served_days": round(line.served_days, 4),
        "held": round(line.held, 4),
        "pareto": line.pareto,
        "adopted": line.adopted,
        "bound": line.bound,
    }
    for name, (median, high) in line.lived.items():
        row[f"lived_{name}_p50"], row[f"lived_{name}_p95"] = round(median, 4), round(high, 4)
    names = {zone.id: zone.name for zone in result.city.zones}
    for zone, share in line.services.items():
        row[f"service: {names.get(zone, zone) or 'outside all zones'}"] = round(share, 4)
    return row


def document_of(result: StudyResult, lines: Sequence[Line]) -> dict[str, Any]:
    """Return the whole study as plain values, for JSON."""
    return {
        "study": encode_study(result.study),
        "city": {"name": result.city.name, "content_hash": result.city.content_hash},
        "currency": result.city.currency,
        "cancelled": result.cancelled,
        "answer": answer(result, lines),
        "rows": rows_of(result, lines),
        "differences": {
            line.name: {
                name: {"mean": one.mean, "low": _finite(one.low), "high": _finite(one.high), "pairs": one.pairs}
                for name, one in line.differences.items()
            }
            for line in lines
        },
        "cells": [
            {
                "scenario": result.study.scenarios[number].name,
                "date": date.isoformat(),
                "seed": seed,
                **{name: value for name, value in cell.items() if name not in {"orders", "took"}},
            }
            for (number, date, seed), cell in sorted(result.results.items())
            if number >= 0
        ],
        "failures": [
            {"scenario": result.study.scenarios[number].name, "date": date.isoformat(), "seed": seed, "why": why}
            for (number, date, seed), why in sorted(result.failed.items())
            if number >= 0
        ],
    }


def csv_of(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as CSV; columns that a row lacks stay empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def scenario_geojson(result: StudyResult, number: int, *, clock: Callable[[int], str]) -> bytes | None:
    """Return the routes of a scenario on the study's first day, by its first seed; None where they failed.

    Parameters
    ----------
    clock
        Turns seconds of that day into ISO 8601.
    """
    study, bench = result.study, result.bench
    date, seed = study.days[0], study.seeds[0]
    cell = result.results.get((number, date, seed))
    if cell is None or bench is None:
        return None
    place = 1 + sum(case is not None for case in result.cases[:number])
    day, _ = bench.prepare(Task(scenario=place, date=date, seed=seed))
    orders = decoded_orders(cell["orders"])
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="Left out in this scenario.")
        for visit in day.problem.visits
        if visit.id not in served
    ]
    plan = evaluate(day.problem, orders, unserved=unserved).plan
    positions = {one.id: (one.lon, one.lat) for one in day.city.containers}
    return plan_geojson(
        day.problem,
        plan,
        day.network,
        day.places,
        clock=clock,
        container_positions=positions,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
