"""Ctrl+C, as a terminal sends it to the command and to every process that it has started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to send Ctrl+C to.")

PATIENCE_S = 300


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give a way to start the command as the leader of a process group; what is left of it is ended."""
    running: list[subprocess.Popen[str]] = []
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SAMRAM_")}
    (tmp_path / "scratch").mkdir()
    own = {
        "SAMRAM_HOME": str(tmp_path / "home"),
        "SAMRAM_AUTH": "off",
        "TMPDIR": str(tmp_path / "scratch"),
        "XDG_CACHE_HOME": str(tmp_path),
    }

    def begin(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *map(str, words)],
            env=clean | own | {"COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def heard(process: subprocess.Popen[str], words: str) -> str:
    """Return the first line that the command prints with these words in it."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    _, said = process.communicate(timeout=PATIENCE_S)
    raise AssertionError(f"The command ended without saying {words!r}: {said}")


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Press Ctrl+C, and return what the command still had to say."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in out + err
    return out, err


def alive(group: int) -> list[int]:
    """Return the processes of a group that still run; one that has ended and waits to be noticed does not."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found


def test_ctrl_c_ends_the_search_and_keeps_its_best_plan(start: Start, city_folder: Path, tmp_path: Path) -> None:
    """A search that is interrupted writes the best plan so far, which the judge passes."""
    process = start("plan", city_folder, "--seconds", 86_400, "--out", tmp_path / "plan.json")
    heard(process, " are due")
    out, err = interrupt(process)
    assert process.returncode == 0, err
    assert "ended by Ctrl+C" in err
    assert "visits served" in out
    problem, plan = decode_plan(json.loads((tmp_path / "plan.json").read_bytes()))
    assert check(problem, plan) == ()


def test_an_imported_city_is_served_until_ctrl_c(start: Start, city_folder: Path) -> None:
    """A city that was imported on the command line is shown by the server, which ends well when interrupted."""
    imported = start("city", "import", city_folder)
    out, err = imported.communicate(timeout=PATIENCE_S)
    assert imported.returncode == 0, err
    assert "City 'samram-demo-city-synthetic' is imported" in out

    server = start("serve", "--port", 0)
    address = re.search(r"http://127\.0\.0\.1:\d+", heard(server, "Samram answers at"))
    assert address is not None
    cities = httpx2.get(f"{address[0]}/v1/cities").json()
    assert "samram-demo-city-synthetic" in json.dumps(cities)
    interrupt(server)
    assert server.returncode == 0


def test_the_demo_says_where_to_look_and_ends_without_a_trace(start: Start, tmp_path: Path) -> None:
    """The demo prints an address whose page opens; after Ctrl+C no process and no scratch folder of it is left."""
    process = start("demo", "--containers", 50, "--seconds", 1, "--port", 0)
    address = re.search(r"http://127\.0\.0\.1:\d+/", heard(process, "in a browser"))
    assert address is not None
    assert "<html" in httpx2.get(address[0]).text
    out, _ = interrupt(process)
    assert process.returncode == 0
    assert "The server has ended." in out
    assert list((tmp_path / "scratch").glob("samram-demo-*")) == []
    # multiprocessing's own helper ends when it notices that nobody is left.
    for _ in range(100):
        if not alive(process.pid):
            break
        time.sleep(0.1)
    assert alive(process.pid) == []


def test_a_server_that_is_told_to_end_ends_well(start: Start) -> None:
    """SIGTERM, which service managers send, ends the server in order and with exit status 0."""
    server = start("serve", "--port", 0)
    heard(server, "Samram answers at")
    server.send_signal(signal.SIGTERM)
    _, err = server.communicate(timeout=PATIENCE_S)
    assert server.returncode == 0
    assert "Traceback" not in err
    assert "Application shutdown complete" in err
