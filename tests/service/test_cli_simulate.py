"""``samram simulate``, ``samram audit`` and plans made from events, as a planner types them."""

from __future__ import annotations

import csv
import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from geodata.city.demo import write_demo_city
from service.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = ("--from", "2026-03-02")


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small town, and keep its streets beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_demo_city(tmp_path / "town", containers=50, seed=1)


def test_policies_meet_the_same_days(town: Path, tmp_path: Path) -> None:
    """Each policy gets a line in the order asked for, with the figures of the file; the same seed gives the same."""
    words = ["simulate", str(town), *MONDAY, "--days", "2", "--warm-up", "7", "--steps", "1", "--pace", "0.3"]
    words += ["--policy", "as-good", "--policy", "forecast", "--seed", "3", "--json"]
    ran = [CliRunner().invoke(app, [*words, str(tmp_path / f"{name}.json")]) for name in ("one", "two")]
    assert [one.exit_code for one in ran] == [0, 0]
    rows = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert rows == json.loads((tmp_path / "two.json").read_text(encoding="utf-8"))
    assert [row["policy"] for row in rows] == ["as-good", "forecast"]
    assert ran[0].stdout.index("as-good") < ran[0].stdout.index("forecast")
    for row in rows:
        assert row["service"] == pytest.approx(1 - row["overflow_container_days"] / (50 * 2))
        assert row["emptied"] > 0
        assert row["distance_km"] > 0
        assert f"{row['emptied']:,}" in ran[0].stdout
    assert rows[0]["overflow_container_days"] <= max(rows[1]["overflow_container_days"], 1)


@pytest.mark.parametrize(
    ("policies", "said"),
    [(["best"], "There is no policy 'best'; expected one of schedule"), (["as-good"], "ask for both")],
)
def test_policies_that_cannot_be_compared_are_refused(tmp_path: Path, policies: list[str], said: str) -> None:
    """An unknown policy, or one whose measure is missing, is named before the city is read."""
    words = ["simulate", str(tmp_path / "no city")]
    for policy in policies:
        words += ["--policy", policy]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 1
    assert said in ran.stderr


@pytest.fixture
def events(town: Path, tmp_path: Path) -> Path:
    """Write five weeks of what the town's containers showed each night, emptied on every third day."""
    with (town / "containers.csv").open(encoding="utf-8", newline="") as file:
        containers = [
            (row["id"], float(row["fill_rate_l_per_day"]) / 5 / float(row["volume_l"])) for row in csv.DictReader(file)
        ]
    path = tmp_path / "events.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["container_id", "time", "kind", "fill"])
        for number, (name, share) in enumerate(containers):
            fill = 0.3
            for day in range(35):
                date = dt.date(2026, 2, 2) + dt.timedelta(days=day)
                if (day + number) % 3 == 0:
                    rows.writerow([name, f"{date}T06:00", "emptying", f"{min(fill, 1.0):.3f}"])
                    fill = 0.0
                fill += share
                rows.writerow([name, f"{date}T23:00", "reading", f"{min(fill, 1.0):.3f}"])
    return path


def test_a_plan_made_from_events_is_checked_with_them(town: Path, events: Path, tmp_path: Path) -> None:
    """With the same events and policy the check finds the plan's visits; without them it says what is missing."""
    words = [
        str(town),
        "--date",
        "2026-03-09",
        "--steps",
        "1",
        "--events",
        str(events),
        "--out",
        str(tmp_path / "plan.json"),
    ]
    assert CliRunner().invoke(app, ["plan", *words]).exit_code == 0
    check = ["check", str(town), str(tmp_path / "plan.json")]
    known = CliRunner().invoke(app, [*check, "--events", str(events)])
    assert (known.exit_code, known.stderr) == (0, "")
    unknown = CliRunner().invoke(app, check)
    assert unknown.exit_code == 1
    assert "is checked with the same --events" in unknown.stderr
    other = CliRunner().invoke(app, [*check, "--events", str(events), "--policy", "schedule"])
    assert other.exit_code == 1
    assert "What differs on 2026-03-09: visits" in other.stderr


def test_an_audit_says_what_was_saved_and_how_surely(town: Path, events: Path, tmp_path: Path) -> None:
    """A daily schedule loses to the policy on the same past, week by week; the sentences say what the file says."""
    words = ["audit", str(town), "--events", str(events), "--from", "2026-02-16", "--to", "2026-03-08", "--steps", "1"]
    ran = CliRunner().invoke(app, [*words, "--json", str(tmp_path / "audit.json")])
    assert ran.exit_code == 0, ran.stderr
    found = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert [life["policy"] for life in found["lives"]] == ["own schedule", "forecast", "schedule, same service"]
    km = next(one for one in found["savings"] if one["against"] == "own schedule" and one["what"] == "km")
    assert km["weeks"] == 3
    assert 0 < km["low"] <= km["share"] <= km["high"] < 1
    said = f"saved {100 * km['share']:.1f} % against the own schedule (95 % interval {100 * km['low']:.1f} to"
    assert said in ran.stdout
    assert found["lives"][0]["emptied"] > found["lives"][1]["emptied"]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-02-16", "2026-02-20", "less than a week"),
        ("2026-02-05", "2026-02-20", "begin 3 days before 2026-02-05"),
        ("2026-03-02", "2026-03-20", "The events end before 2026-03-20"),
    ],
)
def test_an_audit_of_days_that_nobody_knows_is_refused(
    town: Path, events: Path, first: str, last: str, said: str
) -> None:
    """Too few days, too little history or no data are said before anything is simulated."""
    ran = CliRunner().invoke(app, ["audit", str(town), "--events", str(events), "--from", first, "--to", last])
    assert ran.exit_code == 1
    assert said in ran.stderr
