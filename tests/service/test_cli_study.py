"""``samram study`` as a planner types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from service.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

STUDY = """
name = "two fleets"
days = ["2026-11-23"]
seeds = 1
steps = 1
samples = 10
fleet = "2, 3..3"

[[scenario]]
name = "today"
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep streets in a folder of the test, and let lines be long."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")


def samram(*words: object) -> tuple[int, str]:
    """Type the command; return its exit code and all that it said."""
    ran = CliRunner().invoke(app, [str(word) for word in words])
    return ran.exit_code, ran.output


def test_a_study_is_run_from_its_file_and_shown_again(city_folder: Path, tmp_path: Path) -> None:
    """The table of ``show`` is that of ``run``; a second run takes every cell from the folder."""
    (tmp_path / "what.toml").write_text(STUDY, encoding="utf-8")
    code, said = samram("study", "run", tmp_path / "what.toml", city_folder)
    assert code == 0, said
    assert "Travel times were measured once, for 3 scenarios on 1 days." in said
    folder = tmp_path / "what.study"
    cells = {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}
    assert len(cells) == 4
    code, shown = samram("study", "show", folder)
    assert code == 0
    assert "today" in shown
    assert "3 vehicles" in shown
    code, _ = samram("study", "run", tmp_path / "what.toml", city_folder)
    assert code == 0
    assert {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()} == cells
    assert len(json.loads((folder / "study.json").read_bytes())["rows"]) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("fleet", "demo", "--vehicles", "many"), 'expected numbers of vehicles such as "3..12"'),
        (("fleet", "demo", "--vehicles", "5..3"), "the smaller number first"),
        (("fleet", "demo", "--vehicles", "1..999"), "at most 200 are compared"),
        (("fleet", "no-such-city", "--vehicles", "1..2"), "the path does not exist"),
        (("show", "no-such-folder"), "holds no study.json"),
    ],
)
def test_what_cannot_be_studied_is_said_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    """Exit code 1, and what was expected."""
    code, said = samram("study", *words)
    assert code == 1
    assert sentence in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seeds = 1", "needs days"),
        (STUDY.replace("seeds", "seed"), "A study has no 'seed'"),
        (STUDY + "[[scenario.changes]]\nkind = 'fleet_sise'\n", "perhaps 'fleet_size'"),
        (STUDY.replace("steps = 1", "steps = 0"), "steps is 0; expected a whole number from 1"),
        ("name = ", "is not TOML"),
        (STUDY, "names no city"),
    ],
)
def test_a_study_file_that_cannot_be_read_says_why(tmp_path: Path, text: str, sentence: str) -> None:
    """Exit code 1, and a sentence with what was expected."""
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    code, said = samram("study", "run", tmp_path / "study.toml")
    assert code == 1
    assert sentence in said
