"""What `pip install samram` puts on a machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"optimizer", "geodata", "scenarios", "service"}


def files_of_the_rooms() -> set[str]:
    """List the files of the four packages, but what Python and numba compiled, as paths in the wheel."""
    return {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    # `uv run` names its own program in UV.
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "The wheel is built with uv, which is not on PATH; run the tests with `uv run pytest`."
    target = tmp_path_factory.mktemp("wheel")
    command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(target), str(ROOT)]
    # Installing the project left its build backend in uv's cache; the network is asked only if someone emptied that.
    for option in ("--offline", "--no-progress"):
        built = subprocess.run([*command, option], capture_output=True, text=True, check=False)
        if built.returncode == 0:
            break
    assert built.returncode == 0, built.stderr
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_top_level_of_the_wheel(wheel_names: list[str]) -> None:
    """The wheel's top level is the four rooms and its own metadata, nothing else."""
    top = {name.split("/")[0] for name in wheel_names}
    (metadata,) = top - ROOMS
    assert top == ROOMS | {metadata}
    assert metadata.startswith("samram-")
    assert metadata.endswith(".dist-info")


def test_wheel_holds_every_file_of_the_rooms(wheel_names: list[str]) -> None:
    """Templates, pages and other files that are no Python reach the wheel as the modules do."""
    files = files_of_the_rooms()
    assert "optimizer/__init__.py" in files
    assert not files - set(wheel_names)


def test_wheel_carries_the_licence(wheel_names: list[str]) -> None:
    """The licence travels with the wheel."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)
