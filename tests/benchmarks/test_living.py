"""The table of policies: its rows, their goals, and lives that are not lived twice."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from benchmarks.living.__main__ import QUICK, main, rows_of
from benchmarks.living.lives import CASES, DEAD, FORECAST, SCHEDULE, THRESHOLD_AS_GOOD, Life, Lives
from scenarios.simulate import DayDone, Lived

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.policies import Town
    from scenarios.simulate import Setting

USUAL = Life(
    service=0.996, overflows=40, km=70.0, hours=9.0, trips=12.0, extra_trips=0.5, visits=100.0, cost=110.0, cpu_s=0.2
)


def only(rows: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """Return the one row of a metric's name."""
    (found,) = [row for row in rows if row["metric"].startswith(metric)]
    return found


def test_goals_are_judged_on_totals_of_pairs() -> None:
    """The ratio is of all seeds' kilometres, its interval of pairs; without goals nothing is met or missed."""
    theirs = [replace(USUAL, km=km) for km in (100.0, 110.0, 90.0)]
    mine = [replace(USUAL, km=0.7 * life.km) for life in theirs]
    rows = rows_of({FORECAST: mine, SCHEDULE: theirs}, goals=True)
    beside = only(rows, "distance beside")
    assert (beside["ratio"], beside["goal_high"], beside["met"]) == (0.7, 0.7, True)
    assert beside["interval"] == pytest.approx([0.7, 0.7])
    worse = only(rows_of({FORECAST: theirs, SCHEDULE: theirs}, goals=True), "distance beside")
    assert worse["met"] is False
    assert {row["met"] for row in rows_of({FORECAST: mine, SCHEDULE: theirs}, goals=False)} == {None}


def test_service_lost_to_dead_sensors() -> None:
    """It is the difference in points, and a point is the most."""
    found = {FORECAST: [USUAL, USUAL], DEAD: [replace(USUAL, service=0.990), replace(USUAL, service=0.984)]}
    lost = only(rows_of(found, goals=True), "service lost")
    assert lost["ours"] == pytest.approx(0.9)
    assert lost["met"] is True


def test_a_kept_life_is_not_lived_again(tmp_path: Path) -> None:
    """A life found in the folder at this commit is taken as it is; at another commit it is not there."""
    nowhere = cast("Town", SimpleNamespace())

    def lives(commit: str) -> Lives:
        return Lives(nowhere, days=90, commit=commit, folder=tmp_path, clock=lambda: 0.0)

    lives("a" * 40).keep(FORECAST, 3, USUAL)
    assert lives("a" * 40).of(FORECAST, 3) == USUAL
    with pytest.raises(AttributeError, match="world"):
        lives("b" * 40).of(FORECAST, 3)


def test_every_schedule_has_its_measure() -> None:
    """A fixed schedule of the table is as good as a case of the table; a policy that looks ahead finds its own way."""
    for case in CASES.values():
        assert case.as_good_as is None or case.as_good_as in CASES
        assert case.kind != "schedule" or case.as_good_as is not None
        assert case.kind not in {"forecast", "perfect"} or case.as_good_as is None


@pytest.mark.parametrize(("overflows", "found"), [(90, 80), (80, 80), (37, 35), (5, 5), (0, 5)])
def test_the_highest_threshold_that_is_as_good_is_found(
    overflows: int, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a threshold of so many percent overflows so many times, the one that is found keeps to the forecasts'."""

    def live_from(_ground: None, _world: None, setting: Setting, *, seed: int) -> Lived:
        overflowed = round(100 * setting.rules.full_from)
        day = DayDone(
            distance_m=0,
            duration_s=0,
            cost_micro=0,
            kg=0,
            emptied=seed,
            overflowed=overflowed,
            trips=0,
            extra_trips=0,
            put_off=0,
        )
        return Lived(containers=300, days=(day,), start_l=0.0, generated_l=0.0, collected_l=0.0, left_l=0.0)

    monkeypatch.setattr("benchmarks.living.lives.live", live_from)
    anywhere = cast("Town", SimpleNamespace(world=lambda *_, **__: None, ground=None))
    lives = Lives(anywhere, days=1, commit="a" * 40, folder=tmp_path, clock=lambda: 0.0)
    lives.keep(FORECAST, 3, replace(USUAL, overflows=overflows))
    assert lives.of(THRESHOLD_AS_GOOD, 3).overflows == found


def test_the_quick_form_keeps_a_row_for_each_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command lives some days of the built-in city under each policy, and compares them without a goal."""
    rows_file = tmp_path / "rows.json"
    assert main(["--quick", "--seeds", "1", "--days", "3", "--shortest", "--json", str(rows_file)]) == 0
    rows = json.loads(rows_file.read_text(encoding="utf-8"))
    assert {row["case"] for row in rows if row["metric"] == "service"} == set(QUICK)
    assert {row["met"] for row in rows} == {None}
    assert {row["ours"] for row in rows if row["metric"] == "cost"} == {
        row["ours"] for row in rows if row["metric"] == "distance"
    }
    assert "distance beside" in capsys.readouterr().out
