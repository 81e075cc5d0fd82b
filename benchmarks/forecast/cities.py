"""The shared cities' files, turned into the events that ``samram backtest`` reads.

edinburgh: 10,000 emptyings of litter bins in 2016 (City of Edinburgh Council, Open Government Licence 3.0). Its 100 %
is a bin that is 80 % full, and is where the sensor ends: full.
wyndham: daily levels of 31 bins, 2018 to 2021 (City of Wyndham, CC BY). Rows that say ALERT at level 0 are faults.
"""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from optimizer.demand.readings import Emptying, EventTable, FillReading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the files hold wall-clock times
_EDINBURGH_FILL: Final = "Fill level before collection (%)"
_EDINBURGH_TIME: Final = "Date & Time of bin collection (Europe/London)"


class City(NamedTuple):
    """A file, and how it is tested."""

    file: str
    from_day: str
    emptyings: bool
    refit_days: int
    most_gap_hours: int | None


CITIES: Final = {
    "edinburgh": City("edinburgh_emptyings_2016.csv", "2016-07-10", emptyings=True, refit_days=1, most_gap_hours=None),
    "wyndham": City("wyndham_bins_daily.csv", "2020-07-01", emptyings=False, refit_days=28, most_gap_hours=24),
}


def read_city(name: str, path: Path) -> EventTable:
    """Read one of ``CITIES``."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        return EventTable.of(_edinburgh(rows) if name == "edinburgh" else _wyndham(rows))


def write_events(events: EventTable, path: Path) -> None:
    """Write events as ``samram backtest`` reads them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("container_id", "time", "kind", "fill", "kg"))
        for row in range(len(events)):
            out.writerow(
                (
                    events.ids[events.container[row]],
                    (_EPOCH + dt.timedelta(seconds=int(events.time_s[row]))).isoformat(),
                    "emptying" if events.emptying[row] else "reading",
                    f"{events.fill[row]:.4g}",
                    "" if events.kg[row] != events.kg[row] else f"{events.kg[row]:.4g}",
                )
            )


def wall_clock_s(text: str) -> int:
    """Return seconds since 1970 on the wall clock that a time was read from."""
    return (dt.datetime.fromisoformat(text) - _EPOCH) // dt.timedelta(seconds=1)


def _edinburgh(rows: csv.DictReader[str]) -> Iterator[Emptying]:
    fill = next(name for name in rows.fieldnames or () if name.startswith(_EDINBURGH_FILL))
    for row in rows:
        yield Emptying(
            container=row["Site"],
            time_s=wall_clock_s(row[_EDINBURGH_TIME]),
            fill=float(row[fill]) / 100,
            kg=float(row["Weight (kg)"]),
        )


def _wyndham(rows: csv.DictReader[str]) -> Iterator[FillReading]:
    for row in rows:
        if row["reason"] == "ALERT" and row["latestFullness"] == "0":
            continue
        yield FillReading(
            container=row["serialNumber"],
            time_s=wall_clock_s(row["timestamp"]),
            fill=float(row["latestFullness"]) / 10,
        )
