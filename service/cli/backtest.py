"""``samram backtest``: forecasts of a city's own past, held against what came."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from geodata.errors import CityDatasetError, Finding
from optimizer.demand.backtest import METHODS, backtest
from optimizer.demand.clean import Verdict, clean
from optimizer.demand.exposure import Calendar
from optimizer.demand.readings import EventTable
from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from optimizer.demand.backtest import Backtest

REQUIRED: Final = ("container_id", "time", "kind")
KINDS: Final = ("reading", "emptying")
TESTED_SHARE: Final = 0.3
"""Of the time that the file spans, the last part is foretold unless a day is given."""
_MOST_FINDINGS: Final = 1_000
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock time is counted from a wall-clock midnight
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


def run(
    path: Path,
    *,
    from_day: dt.date | None,
    lead_hours: float,
    refit_days: int,
    most_gap_hours: float | None,
    json_path: Path | None,
) -> None:
    """Read a file of events, foretell the later part from the earlier, and print the scores.

    Raises
    ------
    CityDatasetError
        With every row that cannot be read.
    """
    events, group = read_events(path)
    first_s, last_s = int(events.time_s.min()), int(events.time_s.max())
    from_s = (
        int(last_s - TESTED_SHARE * (last_s - first_s)) // _DAY_S * _DAY_S if from_day is None else _day_s(from_day)
    )
    _print_cleaning(events)
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        found = backtest(
            events,
            group=group,
            calendar=Calendar(),
            from_s=max(from_s, first_s + 1),
            emptyings=kind == "emptying",
            lead_s=round(lead_hours * _HOUR_S),
            refit_s=refit_days * _DAY_S,
            most_gap_s=None if most_gap_hours is None else round(most_gap_hours * _HOUR_S),
        )
        if found is not None:
            _print_scores(kind, found, from_s, lead_hours)
            rows += [{"kind": kind, "events": len(found), "method": one, **found.figures(one)} for one in METHODS]
    if not rows:
        show.OUT.print("There is no event to foretell: every container needs an earlier one of the same kind.")
    if json_path is not None:
        json_path.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_events(path: Path) -> tuple[EventTable, NDArray[np.int64]]:
    """Read ``container_id, time, kind, fill`` and, if there, ``kg`` and ``group`` from a CSV file.

    Times are the city's wall clock, ISO 8601; an offset in one is dropped. ``group`` is what containers have in
    common (stream, kind of place, zone), the same in every row of a container.

    Returns
    -------
    The events, and the group of each container : int64[containers]

    Raises
    ------
    CityDatasetError
        With every row that cannot be read.
    """
    reader = _Reader(path.name)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in REQUIRED if name not in (rows.fieldnames or ())]
        if missing:
            expected = "columns container_id, time, kind, fill and perhaps kg, group"
            raise CityDatasetError(
                [Finding(file=path.name, row=1, message=f"Column {missing[0]} is missing.", expected=expected)]
            )
        for row in rows:
            reader.add(rows.line_num, row)
            if len(reader.findings) >= _MOST_FINDINGS:
                break
    if not reader.findings and not reader.time_s:
        reader.findings.append(Finding(file=path.name, message="The file holds no event."))
    if reader.findings:
        raise CityDatasetError(reader.findings)
    return reader.table()


class _Reader:
    """Rows turned into arrays, and what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.number: dict[str, int] = {}
        self.group_of: list[str] = []
        self.container: list[int] = []
        self.time_s: list[int] = []
        self.emptying: list[bool] = []
        self.fill: list[float] = []
        self.kg: list[float] = []

    def add(self, line: int, row: dict[str, str | None]) -> None:
        """Take one row."""
        cells = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        name, kind, group = cells["container_id"], cells["kind"], cells.get("group", "")
        known = len(self.findings)
        if not name:
            self._wrong(line, "container_id", "", "an id")
        if kind not in KINDS:
            self._wrong(line, "kind", kind, " or ".join(KINDS))
        time_s = self._time_s(line, cells["time"])
        fill = self._number(line, "fill", cells.get("fill", ""))
        kg = self._number(line, "kg", cells.get("kg", ""))
        if kind == "reading" and math.isnan(fill) and not cells.get("fill"):
            self._wrong(line, "fill", "", "a fill from 0 to 1, since this is a reading")
        number = self.number.setdefault(name, len(self.number))
        if number == len(self.group_of):
            self.group_of.append(group)
        elif self.group_of[number] != group:
            self._wrong(line, "group", group, f"{self.group_of[number]!r}, as in the container's rows above")
        if len(self.findings) > known:
            return
        self.container.append(number)
        self.time_s.append(time_s)
        self.emptying.append(kind == "emptying")
        self.fill.append(fill)
        self.kg.append(kg)

    def table(self) -> tuple[EventTable, NDArray[np.int64]]:
        """Return what was read."""
        names = sorted(set(self.group_of))
        events = EventTable.from_arrays(
            ids=list(self.number),
            container=np.array(self.container, dtype=np.int64),
            time_s=np.array(self.time_s, dtype=np.int64),
            emptying=np.array(self.emptying, dtype=np.bool_),
            fill=np.array(self.fill, dtype=np.float64),
            kg=np.array(self.kg, dtype=np.float64),
        )
        return events, np.array([names.index(group) for group in self.group_of], dtype=np.int64)

    def _time_s(self, line: int, text: str) -> int:
        try:
            time = dt.datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            self._wrong(line, "time", text, "a time such as 2026-11-21T06:30:00")
            return 0
        time_s = (time - _EPOCH) // dt.timedelta(seconds=1)
        if time_s < 0:
            self._wrong(line, "time", text, "a time after 1970")
        return time_s

    def _number(self, line: int, column: str, text: str) -> float:
        if not text:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self._wrong(line, column, text, "a number")
        return value

    def _wrong(self, line: int, column: str, value: str, expected: str) -> None:
        self.findings.append(
            Finding(
                file=self.file,
                row=line,
                column=column,
                value=value,
                message="This cannot be used." if value else "This is empty.",
                expected=expected,
            )
        )


def _day_s(day: dt.date) -> int:
    return (day - _EPOCH.date()).days * _DAY_S


def _print_cleaning(events: EventTable) -> None:
    table = clean(events)
    names = {
        Verdict.OUT_OF_RANGE: "out of range",
        Verdict.IN_PERCENT: "in percent instead of 0 to 1",
        Verdict.TILTED: "tilted",
        Verdict.SPIKE: "spikes",
        Verdict.STUCK: "of sensors that hang",
    }
    faults = [f"{count} {name}" for verdict, name in names.items() if (count := int((table.verdict == verdict).sum()))]
    show.OUT.print(
        f"{len(events)} events of {len(events.ids)} containers, {int(table.reported.sum())} emptyings reported and "
        f"{int(table.detected.sum())} seen in the readings; faults: {', '.join(faults) or 'none'}."
    )


def _print_scores(kind: str, found: Backtest, from_s: int, lead_hours: float) -> None:
    day = (_EPOCH + dt.timedelta(seconds=from_s)).date()
    before = f"{lead_hours:g} h ahead" if lead_hours else "just before"
    what = "fill at the next emptying" if kind == "emptying" else "next reading"
    table = Table(
        title=f"{what}, {len(found)} events from {day}, foretold {before}",
        box=SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    heads = ("method", "MAE", "pinball", "in 80 %", "Brier skill", "AUC")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for method in METHODS:
        table.add_row(method, *(_cell(value) for value in _values(found.figures(method))))
    show.OUT.print(table)


def _values(figures: dict[str, float | None]) -> Sequence[float | None]:
    return [figures[name] for name in ("mae", "pinball", "coverage", "brier_skill", "auc")]


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"
