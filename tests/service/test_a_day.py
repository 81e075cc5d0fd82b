"""docs/a-day.md is lived through: its own commands, one after the other, against a server that asks who they are."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from ingest_city import free_port

DATABASES = ("sqlite", "postgresql")
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "a-day.md"
SUNDAY: Final = dt.date(2026, 11, 22)
LOCAL: Final = dt.timezone(dt.timedelta(hours=7))
PATIENCE_S: Final = 1_800

# The command as it is installed, by a clock that shows the time of the document's headings and runs on from there.
COMMAND = """#!{python}
import datetime as dt
import pathlib
import time

import service.clock
import service.ingest.writer

CLOCK = pathlib.Path({clock!r})


def now():
    since_s = time.time() - CLOCK.stat().st_mtime
    return dt.datetime.fromisoformat(CLOCK.read_text().strip()).astimezone(dt.UTC) + dt.timedelta(seconds=since_s)


service.clock.utc_now = now
service.ingest.writer.now_us = lambda: int(now().timestamp() * 1e6)

if __name__ == "__main__":  # a run's process reads this file, too, and has the same clock
    from service.cli import main

    main()
"""


def script(document: str, clock: Path) -> str:
    """Return the document's commands as one script that sets the clock as its headings say, and says each command."""
    lines = ["set -euo pipefail"]
    pattern = r"^## (Sunday|Monday) (\d\d):(\d\d)|^```sh\n(.*?)^```$"
    for day, hour, minute, commands in re.findall(pattern, document, re.MULTILINE | re.DOTALL):
        if day:
            date = SUNDAY + dt.timedelta(days=day == "Monday")
            moment = dt.datetime.combine(date, dt.time(int(hour), int(minute)), tzinfo=LOCAL)
            # Renamed into place: the server reads it at any moment.
            lines.append(
                f"echo {moment.isoformat()} > {clock}.new; mv {clock}.new {clock}; echo '## {day} {hour}:{minute}'"
            )
        else:
            lines.append(commands)
    return "\n".join(lines)


def test_the_documented_day_is_lived_through(database: str, settings: object, tmp_path: Path) -> None:  # noqa: ARG001
    """Import, people, plan, edit, publish, drive offline, break down, close, report, replay: every command succeeds."""
    bash = shutil.which("bash")
    if bash is None or not all(map(shutil.which, ("curl", "zip", "python3"))):
        pytest.skip("bash, curl, zip or python3 is not installed")
    clock, command, work = tmp_path / "clock", tmp_path / "bin" / "samram", tmp_path / "work"
    for folder in (command.parent, work):
        folder.mkdir()
    clock.write_text(f"{SUNDAY}T13:00:00+07:00", encoding="ascii")
    command.write_text(COMMAND.format(python=sys.executable, clock=str(clock)), encoding="utf-8")
    command.chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SAMRAM_")}
    own = {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(free_port()),
        "SAMRAM_HOME": str(tmp_path / "home"),
        "SAMRAM_DATABASE_URL": database,
        "PYTHONPATH": str(DOCUMENT.parents[1]),
    }
    log = tmp_path / "log"
    # Into a file: a server that outlives its script would hold a pipe open.
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [bash, "-c", script(DOCUMENT.read_text(encoding="utf-8"), clock)],
            cwd=work,
            env=clean | own,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(timeout=PATIENCE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    said = log.read_text(encoding="utf-8")
    assert process.returncode == 0, said[-4_000:]
    table = (work / "report.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) > 1
    assert (work / "day.backup").stat().st_size > 0
    assert "searched again, 10 steps from seed 1: the same plan" in said
    assert "edited again, 2 edits: the same plan" in said
