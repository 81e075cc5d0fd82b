"""The command says when it compiles, and does not when it need not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numba

from service.cli.compiling import told

if TYPE_CHECKING:
    import pytest


def test_compiling_is_told_once_and_only_when_it_happens(capsys: pytest.CaptureFixture[str]) -> None:
    """The first call of a loop that is compiled says so once, with the time it took; the second one is silent."""

    @numba.njit
    def half(number: int) -> int:
        return number // 2

    @numba.njit
    def quarter(number: int) -> int:
        return half(half(number))  # type: ignore[no-any-return]

    with told() as heard:
        assert quarter(8) == 2
    said = capsys.readouterr().err
    assert heard.count == 2
    assert said.count("compiling, once on this machine") == 1
    assert said.count("compiled in") == 1
    with told() as heard:
        assert quarter(12) == 3
    assert heard.count == 0
    assert capsys.readouterr().err == ""


def test_after_warming_nothing_is_compiled_any_more() -> None:
    """A process that comes after ``samram warm`` plans a day without compiling, and warming again finds all done."""

    def samram(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMRAM_")}
        ran = subprocess.run(
            [sys.executable, "-m", "service.cli", *words],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran

    samram("warm")
    assert "compil" not in samram("demo", "--plan-only", "--seconds", "1", "--containers", "60").stderr
    again = samram("warm")
    assert "compiling" not in again.stderr
    assert "Everything is compiled." in again.stdout
