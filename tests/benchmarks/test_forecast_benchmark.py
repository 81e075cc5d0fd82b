"""The forecast benchmark reads the cities' own files, prints its table, and hands on what samram backtest reads."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.forecast.__main__ import main
from benchmarks.forecast.cities import read_city, write_events
from optimizer.demand.clean import DAY_S
from service.cli.backtest import read_events
from service.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

EDINBURGH = (
    "ID,Site,Date & Time of bin collection (Europe/London),"
    "Fill level before collection (%) [Nb 100% is actually a bin that's 80% full],Weight (kg)\n"
)
WYNDHAM = "timestamp,latestFullness,serialNumber,reason\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write two small cities in the published files' shapes."""
    random = np.random.default_rng(4)
    fill = tmp_path / "fill"
    fill.mkdir()
    lines = [
        f"{site * 100 + day},{site},2016-{month:02d}-{date:02d} {random.integers(6, 20):02d}:10:05,"
        f"{min(100, int(random.normal(30 + 5 * site, 12)))},{random.uniform(5, 20):.2f}\n"
        for site in range(12)
        for day, (month, date) in enumerate((m, d) for m in (6, 7) for d in range(1, 29, 2))
    ]
    (fill / "edinburgh_emptyings_2016.csv").write_text(EDINBURGH + "".join(lines), encoding="utf-8")
    start = np.datetime64("2020-03-01")
    lines = [
        f"{start + day},{2 * ((day + bin_) % 6)},{bin_},{'ALERT' if day % 17 == 0 else 'NOT_READY'}\n"
        for bin_ in range(8)
        for day in range(180)
    ]
    (fill / "wyndham_bins_daily.csv").write_text(WYNDHAM + "".join(lines), encoding="utf-8")
    return tmp_path


def test_command_prints_and_keeps_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On files of the same kinds the command ends with 0, prints a table, and keeps a row for each goal."""
    rows_file = folder / "rows.json"
    only = ["--only", "edinburgh", "--only", "wyndham"]
    assert main(["--data", str(folder), "--quick", "--json", str(rows_file), *only]) == 0
    printed = capsys.readouterr().out
    assert "mean pinball" in printed
    rows = json.loads(rows_file.read_text(encoding="utf-8"))
    goals = {(row["case"], row["metric"]) for row in rows if row["met"] is not None}
    assert goals == {
        ("edinburgh", "MAE"),
        ("edinburgh", "mean pinball"),
        ("edinburgh", "80 % interval holds"),
        ("edinburgh", "Brier skill over climatology"),
        ("edinburgh", "AUC"),
        ("wyndham", "mean pinball, next day"),
    }
    missed = {row["metric"] for row in rows if row["met"] is False}
    assert all(f"Missed: {row['case']}, {row['metric']}" in printed for row in rows if row["met"] is False)
    # The levels of the second city go round like a clock: its next day is easily foretold.
    assert "mean pinball, next day" not in missed


def test_command_without_files_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without the cities' files ends with 2 and says which file was expected."""
    assert main(["--data", str(tmp_path), "--only", "edinburgh"]) == 2
    assert "fill/edinburgh_emptyings_2016.csv" in capsys.readouterr().out


def test_files_are_read_as_they_are_meant(folder: Path) -> None:
    """100 % is full, ALERT at level 0 is no reading, and an ALERT at another level is one."""
    edinburgh = read_city("edinburgh", folder / "fill" / "edinburgh_emptyings_2016.csv")
    assert edinburgh.emptying.all()
    assert edinburgh.fill.max() <= 1
    assert len(edinburgh) == 12 * 28
    wyndham = read_city("wyndham", folder / "fill" / "wyndham_bins_daily.csv")
    with (folder / "fill" / "wyndham_bins_daily.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    faults = sum(row["reason"] == "ALERT" and row["latestFullness"] == "0" for row in rows)
    alerts = sum(row["reason"] == "ALERT" for row in rows)
    assert 0 < faults < alerts
    assert len(wyndham) == len(rows) - faults


def test_written_events_are_read_back(folder: Path) -> None:
    """What is written for samram backtest reads back as the same events."""
    events = read_city("edinburgh", folder / "fill" / "edinburgh_emptyings_2016.csv")
    write_events(events, folder / "events.csv")
    again, group = read_events(folder / "events.csv")
    assert again.time_s.tolist() == events.time_s.tolist()
    assert [again.ids[number] for number in again.container] == [events.ids[number] for number in events.container]
    assert again.fill == pytest.approx(events.fill)
    assert again.kg == pytest.approx(events.kg, rel=1e-3)
    assert set(group) == {0}


def test_backtest_command(folder: Path) -> None:
    """``samram backtest`` prints all four methods for the kind of event that a file holds, and writes their scores."""
    write_events(read_city("wyndham", folder / "fill" / "wyndham_bins_daily.csv"), folder / "events.csv")
    out = folder / "scores.json"
    done = CliRunner().invoke(app, ["backtest", str(folder / "events.csv"), "--json", str(out), "--lead", "12"])
    assert done.exit_code == 0, done.output
    rows = json.loads(out.read_text(encoding="utf-8"))
    assert [row["method"] for row in rows] == ["samram", "constant", "container mean", "persistence"]
    assert {row["kind"] for row in rows} == {"reading"}
    assert all(row["method"] in done.output for row in rows)
    assert rows[0]["pinball"] < rows[1]["pinball"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("container_id,kind,fill\nA,reading,0.5\n", "row 1: Column time is missing"),
        ("container_id,time,kind,fill\n", "holds no event"),
        ("container_id,time,kind,fill\nA,2026-01-01,reading,half\n", "row 2, column fill"),
        ("container_id,time,kind,fill\nA,2026-01-01,reading,nan\n", "row 2, column fill"),
        ("container_id,time,kind,fill\nA,2026-01-01,reading,\n", "row 2, column fill"),
        ("container_id,time,kind,fill\nA,yesterday,reading,0.5\n", "row 2, column time"),
        ("container_id,time,kind,fill\nA,1969-12-31,reading,0.5\n", "row 2, column time"),
        ("container_id,time,kind,fill\nA,2026-01-01,emptied,0.5\n", "row 2, column kind"),
        ("container_id,time,kind,fill\n,2026-01-01,emptying,\n", "row 2, column container_id"),
        (
            "container_id,time,kind,fill,group\nA,2026-01-01,reading,1,x\nA,2026-01-02,reading,1,y\n",
            "row 3, column group",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, text: str, words: str) -> None:
    """Every row that cannot be read is named with its column; the command ends with 1 and no traceback."""
    file = tmp_path / "events.csv"
    file.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["backtest", str(file)])
    assert done.exit_code == 1
    assert words in done.output


def test_offsets_and_empty_fills(tmp_path: Path) -> None:
    """A time keeps its wall clock whatever its offset, and an emptying needs neither fill nor kg."""
    file = tmp_path / "events.csv"
    file.write_text("container_id,time,kind,fill\nA,1970-01-02T00:00:07+07:00,emptying,\n", encoding="utf-8")
    events, _ = read_events(file)
    assert events.time_s.tolist() == [DAY_S + 7]
    assert np.isnan(events.fill).all()
