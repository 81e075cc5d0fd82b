"""A study's folder: the table as JSON, CSV and GeoParquet, charts, the routes of each scenario, and a brief."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from scenarios.report import csv_of, document_of, rows_of, scenario_geojson
from service.clock import local_clock
from service.export.brief import brief_pdf, charts
from service.export.parquet import write_geoparquet
from service.export.pdf import ExportMissing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scenarios.compare import Line
    from scenarios.study import StudyResult

_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")


def write_study(result: StudyResult, lines: Sequence[Line], folder: Path) -> tuple[list[Path], list[str]]:
    """Write a study's files into a folder; return their paths, and what could not be written and why."""
    written, missing = [], []

    def write(name: str, content: str | bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        written.append(path)

    write("study.json", json.dumps(document_of(result, lines), ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    write("table.csv", csv_of(rows_of(result, lines)))
    for name, svg in charts(result, lines).items():
        write(name, svg)
    clock = local_clock(result.study.days[0], result.city.timezone)
    for number, scenario in enumerate(result.study.scenarios):
        routes = scenario_geojson(result, number, clock=clock)
        if routes is not None:
            write(f"routes/{number + 1:02d}-{_NOT_IN_NAMES.sub('_', scenario.name)[:60]}.geojson", routes)
    try:
        write("brief.pdf", brief_pdf(result, lines))
    except ExportMissing as error:
        missing.append(f"brief.pdf was not written. {error}")
    try:
        path = folder / "table.parquet"
        write_geoparquet(result, lines, path)
        written.append(path)
    except ExportMissing as error:
        missing.append(f"table.parquet was not written. {error}")
    return written, missing
