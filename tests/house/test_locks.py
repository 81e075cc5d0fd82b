"""The pinned packages that an installation takes: requirements.lock and scripts/servers.lock, scripts/build.lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "scripts/servers.lock": [
        asked for extra in ("mqtt", "postgres") for asked in PROJECT["project"]["optional-dependencies"][extra]
    ],
    "scripts/build.lock": PROJECT["build-system"]["requires"],
}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(lock: str) -> list[tuple[Requirement, str]]:
    """List every pinned package of a lock, with the rest of its entry (the hashes)."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            pin, _, hashes = line.partition(" --hash")
            found.append((Requirement(pin), f"--hash{hashes}"))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(lock: str) -> None:
    """A lock names no address, so that it installs from whichever index the machine uses."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links)\b", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_agrees_with_pyproject(lock: str) -> None:
    """Every package that pyproject.toml asks for is pinned, at versions that it allows."""
    pinned = entries(lock)
    for asked in map(Requirement, LOCKS[lock]):
        name = canonicalize_name(asked.name)
        versions = [next(iter(pin.specifier)).version for pin, _ in pinned if canonicalize_name(pin.name) == name]
        assert versions, f"{lock} lacks {asked}; run scripts/lock.sh."
        for version in versions:
            assert asked.specifier.contains(version), f"{lock} has {version}, not {asked}; run scripts/lock.sh."


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_one_version_with_hashes(lock: str) -> None:
    """Each package is pinned to one exact version whose files are known by SHA-256."""
    pinned = entries(lock)
    assert pinned
    for pin, hashes in pinned:
        assert [clause.operator for clause in pin.specifier] == ["=="], f"{lock}: {pin} is not pinned."
        assert hashes.split(), f"{lock}: {pin} has no hash."
        assert all(HASH.fullmatch(word) for word in hashes.split()), f"{lock}: {pin} has a malformed hash."


def test_lock_holds_neither_tools_nor_extras() -> None:
    """An installation is spared the test tools, the development tools and the optional parts."""
    groups = PROJECT["dependency-groups"].values()
    extras = PROJECT["project"]["optional-dependencies"].values()
    asked = [text for group in (*groups, *extras) for text in group if isinstance(text, str)]
    unwanted = {canonicalize_name(Requirement(text).name) for text in asked}
    assert unwanted
    assert not unwanted & {canonicalize_name(pin.name) for pin, _ in entries("requirements.lock")}
