"""The container image, as far as it can be checked without a container engine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def copied_into_the_build() -> list[str]:
    """List what the build stage copies from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_build_stage_copies_what_exists() -> None:
    """Everything that the Dockerfile copies is in the checkout and let through by .dockerignore."""
    copied = copied_into_the_build()
    let_through = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert copied
    assert all((ROOT / source).exists() for source in copied)
    assert set(copied) == let_through


def test_image_installs_with_the_script_of_ci() -> None:
    """The image and CI install with one script, and the image runs no other installer."""
    commands = re.findall(r"^RUN (.+)$", DOCKERFILE, re.MULTILINE)
    assert "scripts/install-app.sh /opt/samram" in commands
    assert not [command for command in commands if re.search(r"\b(pip|uv|apt-get)\b", command)]
    assert "scripts/install-app.sh" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_image_runs_without_root_and_is_watched() -> None:
    """The last stage drops root, and asks the server itself for its health."""
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root\b|0\b)\w+$", last_stage, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n.*/healthz", last_stage, re.MULTILINE)


def test_installer_refuses_a_folder_in_use(tmp_path: Path) -> None:
    """The installer touches nothing in a folder that already holds something."""
    kept = tmp_path / "kept.txt"
    kept.write_text("mine", encoding="utf-8")
    ran = subprocess.run(
        [str(ROOT / "scripts" / "install-app.sh"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "is not empty" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_scripts_are_executable() -> None:
    """The scripts that people and CI call by name may be executed."""
    scripts = [ROOT / ".ci" / "run", *(ROOT / "scripts").glob("*.sh")]
    assert all(os.access(script, os.X_OK) for script in scripts)
