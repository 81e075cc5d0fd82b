"""What may not stand in any file of the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "a path that exists on one machine only": re.compile(
        r"(?<![\w.~$)}-])/(?:home|Users|root|work)/[\w.]|\b[A-Z]:\\Users\\\w"
    ),
    "the host of a package registry": re.compile(
        r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|npmjs\.com|crates\.io|anaconda\.org)\b",
        re.IGNORECASE,
    ),
    "the address of a package index": re.compile(r"\b(?:https?|file)://[^\s\"'<>)]*/simple\b", re.IGNORECASE),
}


def files_of_the_repository() -> list[Path]:
    """List the files that git tracks or would track; the ignored ones are no part of the project."""
    # Command-line scope is one of the few in which git heeds safe.directory; CI may run as another user than the owner.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip(f"Only a git checkout says which files belong to the project: {listed.stderr.strip()}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    """No file of the repository names one machine's folders or a package registry."""
    files = files_of_the_repository()
    assert ROOT / "pyproject.toml" in files
    found = []
    for path in files:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
            match = FORBIDDEN[what].search(line)
            if match is not None:
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert not found, f"Found {what} in:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("a path that exists on one machine only", ("see /home", "/someone/project")),
        ("a path that exists on one machine only", ("/root", "/.cache")),
        ("a path that exists on one machine only", ("DATA='/work", "/shared'")),
        ("a path that exists on one machine only", ("C:", "\\Users\\someone")),
        ("the host of a package registry", ("https://files.python", "hosted.org/packages")),
        ("the host of a package registry", ("registry.npmjs", ".org")),
        ("the address of a package index", ("--index-url https://mirror.example", "/simple")),
    ],
)
def test_patterns_find_what_they_are_for(what: str, parts: tuple[str, str]) -> None:
    """Each pattern finds an example of what it forbids."""
    text = "".join(parts)  # in two parts, so that this file itself holds none
    assert FORBIDDEN[what].search(text)


@pytest.mark.parametrize("text", ["the way home/work", "../work/x", "$HOME/work/x", "https://a.example/root/x"])
def test_patterns_leave_the_rest_alone(text: str) -> None:
    """A relative path, and the path of a web address, are no machine's folder."""
    assert not any(pattern.search(text) for pattern in FORBIDDEN.values())
