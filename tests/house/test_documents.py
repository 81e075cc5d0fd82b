"""The documents agree with the project and with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
)
FENCED = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)


def prose(document: Path) -> str:
    """Return the document without its fenced blocks, in which brackets are code."""
    return FENCED.sub("", document.read_text(encoding="utf-8"))


def relative_links(document: Path) -> list[str]:
    """List the link targets inside the repository, an anchor included."""
    found = ("".join(groups) for groups in LINK.findall(prose(document)))
    return [link for link in found if "://" not in link and not link.startswith("mailto:")]


def anchors(document: Path) -> set[str]:
    """Return the names that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document points to a file that exists, and to a heading in it if it names one."""
    for link in relative_links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.relative_to(ROOT)} links to {link}, which does not exist."
        if anchor:
            assert anchor in anchors(target), f"{document.relative_to(ROOT)}: no heading {link}."


def test_documents_link_to_each_other() -> None:
    """The links are found at all: the design is linked from another document."""
    targets = {
        (document.parent / link.partition("#")[0]).resolve()
        for document in DOCUMENTS
        for link in relative_links(document)
    }
    assert ROOT / "docs" / "design.md" in targets


def test_changelog_names_the_version() -> None:
    """The newest version of the changelog is pyproject's, and older ones follow in order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = [Version(found) for found in re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)]
    assert versions[0] == Version(project["version"])
    assert versions == sorted(set(versions), reverse=True)


def test_decisions_are_numbered_and_listed() -> None:
    """Decision records are numbered from 1 without a gap, and their index lists each."""
    folder = ROOT / "docs" / "adr"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert len(records) > 0
    assert set(records) <= set(relative_links(folder / "README.md"))


def test_every_folder_has_a_home_in_the_design() -> None:
    """Every package of the four rooms is named where the design says who owns what."""
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    folders = [
        init.parent
        for room in ("optimizer", "geodata", "scenarios", "service")
        for init in (ROOT / room).rglob("__init__.py")
    ]
    assert folders
    homeless = [str(folder.relative_to(ROOT)) for folder in folders if f"{folder.name}/" not in design]
    assert not homeless


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """The command that README gives for the tests is the one that .ci/run executes."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"## Tests\s+```sh\n(.+?)\n```", readme)
    assert command is not None
    assert f'"tests, as README runs them" {command[1]}\n' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
