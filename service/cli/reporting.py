"""A month of a city by zone, from the server's database: promised against done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.table import Table
from sqlmodel import Session

from service.api.months import CASE_COLUMNS, ZONE_COLUMNS
from service.cities import Cities
from service.cli import show, store
from service.drawing import Drawings
from service.driving.month import case_rows, flat_cases, month_report, zone_rows
from service.driving.planned import PlannedDays
from service.export.tables import csv_text
from service.opened import OpenedPlans
from service.problems import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

_MONTH: Final = re.compile(r"2[01]\d\d-(0[1-9]|1[0-2])")
_SHOWN: Final = ("zone", "contractor", "days", "promised", "done", "late", "missed", "disputed", "done_t", "weighed_t")


def run(city_id: str, month: str, *, late_minutes: int, csv: Path | None, cases: Path | None) -> None:
    """Print the report, and write its tables where they are wanted.

    Raises
    ------
    CommandError
        If there is no such city, or the month is none.
    """
    if _MONTH.fullmatch(month) is None:
        raise show.CommandError(f"--month is {month!r}; a month such as 2026-11 is expected.")
    settings = store.read_settings()
    engine = store.open_database(settings)
    cities = Cities(engine, settings)
    planned = PlannedDays(cities, Drawings(engine, settings, cities, OpenedPlans(engine)))
    try:
        with Session(engine) as session:
            found = month_report(session, cities, planned, city_id, month, late_s=60 * late_minutes)
    except ServiceError as error:
        raise show.CommandError(error.detail) from error
    finally:
        engine.dispose()
    rows, single = zone_rows(found), case_rows(found)
    table = Table(*_SHOWN, title=f"{city_id}, {month}")
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in _SHOWN))
    show.OUT.print(table)
    if csv is not None:
        csv.write_text(csv_text(rows, ZONE_COLUMNS), encoding="utf-8")
        show.OUT.print(f"table: {csv}", markup=False)
    if cases is not None:
        cases.write_text(csv_text(flat_cases(single), CASE_COLUMNS), encoding="utf-8")
        show.OUT.print(f"cases: {cases}", markup=False)
