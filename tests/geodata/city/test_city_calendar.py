"""``calendar.csv`` in a city's folder: days that are not like others, read and refused like the other tables."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from geodata.city.dataset import load_city
from geodata.errors import CityDatasetError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "kind,first,last,weekdays,factor\n"


def state(folder: Path, *rows: str) -> Path:
    """Write ``calendar.csv``."""
    (folder / "calendar.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def test_special_days_become_dates(city: Path) -> None:
    """A spell holds both its ends, one day stands alone, and weekdays pick out a market's days."""
    rows = ("new year,2026-04-14,2026-04-16,,1.6", "pchum ben,2026-10-10,,,1.4", "market,2026-05-01,2026-05-14,sat,2")
    new_year, pchum, market = load_city(state(city, *rows)).calendar
    assert new_year.dates == (dt.date(2026, 4, 14), dt.date(2026, 4, 15), dt.date(2026, 4, 16))
    assert (pchum.dates, pchum.factor) == ((dt.date(2026, 10, 10),), 1.4)
    assert market.dates == (dt.date(2026, 5, 2), dt.date(2026, 5, 9))


def test_the_calendar_is_part_of_the_content(city: Path) -> None:
    """Another factor is another city; a calendar without rows is none."""
    without = load_city(city)
    assert load_city(state(city)).content_hash == without.content_hash
    first = load_city(state(city, "new year,2026-04-14,,,1.6")).content_hash
    assert len({without.content_hash, first, load_city(state(city, "new year,2026-04-14,,,1.7")).content_hash}) == 3


@pytest.mark.parametrize(
    ("rows", "row", "column"),
    [
        (["new year,2026-04-14,2026-04-13,,1.6"], 2, "last"),
        (["new year,2026-04-14,2126-04-13,,1.6"], 2, "last"),
        (["new year,2026-04-14,,mon,1.6"], 2, "weekdays"),
        (["new year,2026-04-14,,,0"], 2, "factor"),
        (["new year,2026-04-31,,,1.6"], 2, "first"),
        (["new year,2026-04-14,,,1.6", "new year,2027-04-14,,,1.7"], 3, "factor"),
        (["new year,2026-04-14,2026-04-16,,1.6", "market,2026-04-16,,,1.2"], 3, "first"),
    ],
)
def test_a_day_that_makes_no_sense_is_refused(city: Path, rows: list[str], row: int, column: str) -> None:
    """The report says which row and column."""
    with pytest.raises(CityDatasetError) as error:
        load_city(state(city, *rows))
    (finding,) = error.value.findings
    assert (finding.file, finding.row, finding.column) == ("calendar.csv", row, column)
