"""``samram generation``, as a clerk types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from service.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def samram(*words: object) -> Result:
    """Run the command inside this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


def zones_of(city: Path) -> list[dict[str, object]]:
    return [feature["properties"] for feature in json.loads((city / "zones.geojson").read_text())["features"]]


def test_loads_move_the_estimate_from_what_was_stated(city_folder: Path, tmp_path: Path) -> None:
    """Many loads of 0.9 kg per person and day raise a zone's rate to about that, inside its interval."""
    zone = zones_of(city_folder)[0]
    kg = 0.9 * int(str(zone["people"]))
    rows = "".join(f"{kg * wobble:.0f},{zone['id']},1\n" for wobble in (0.95, 1.0, 1.05) * 10)
    (tmp_path / "gate.csv").write_text("kg,zones,days\n" + rows, encoding="utf-8")
    ran = samram("generation", city_folder, "--weighings", tmp_path / "gate.csv", "--json", tmp_path / "rates.json")
    assert ran.exit_code == 0, ran.output
    first = next(row for row in json.loads((tmp_path / "rates.json").read_text()) if row["zone"] == zone["id"])
    assert first["loads"] == 30
    assert first["low"] <= 0.9 <= first["high"]
    assert first["kg_per_person_day"] == pytest.approx(0.9, abs=0.02)
    assert " t a day (" in ran.output


def test_days_come_from_the_schedule_unless_they_are_given(city_folder: Path, tmp_path: Path) -> None:
    """A load without days holds what a zone collected every other day or daily gathers between two collections."""
    zone = zones_of(city_folder)[0]
    schedule = str(zone.get("schedule") or "")
    days = 7 / len(schedule.split(",")) if schedule else 1
    for name, cells in (("with.csv", f"5000,{zone['id']},{days}\n"), ("without.csv", f"5000,{zone['id']},\n")):
        (tmp_path / name).write_text("kg,zones,days\n" + cells, encoding="utf-8")
        samram("generation", city_folder, "--weighings", tmp_path / name, "--json", tmp_path / f"{name}.json")
    assert (tmp_path / "with.csv.json").read_text() == (tmp_path / "without.csv.json").read_text()


def test_every_row_that_cannot_be_used_is_named(city_folder: Path, tmp_path: Path) -> None:
    """Each with file, row, column, what stood there and what was expected; nothing is estimated."""
    zone = zones_of(city_folder)[0]["id"]
    (tmp_path / "gate.csv").write_text(f"kg,zones,days\n-5,{zone},1\n900,Atlantis,1\n900,,\n900,{zone},x\n")
    (tmp_path / "asked.csv").write_text(f"zone,kg_per_person_day,standard_error\n{zone},0.5,\nNowhere,nan,0.1\n")
    ran = samram(
        *("generation", city_folder, "--weighings", tmp_path / "gate.csv", "--surveys", tmp_path / "asked.csv")
    )
    assert ran.exit_code == 1
    said = " ".join((ran.output + ran.stderr).split())
    for place in (
        "gate.csv, row 2, column kg",
        "gate.csv, row 3, column zones",
        "gate.csv, row 4, column zones",
        "gate.csv, row 5, column days",
        "asked.csv, row 2, column standard_error",
        "asked.csv, row 3, column kg_per_person_day",
        "asked.csv, row 3, column zone",
    ):
        assert place in said


def test_a_missing_column_is_named(city_folder: Path, tmp_path: Path) -> None:
    """With those that are expected."""
    (tmp_path / "gate.csv").write_text("weight,zones\n5,Z1\n")
    ran = samram("generation", city_folder, "--weighings", tmp_path / "gate.csv")
    assert ran.exit_code == 1
    assert "Column kg is missing" in ran.output + ran.stderr
