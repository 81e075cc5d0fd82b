"""What the pages say, in every language."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "service" / "web"
CATALOGUES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (WEB / "locales").glob("*.json")}
SCRIPTS = sorted((WEB / "scripts").rglob("*.js"))
DOCUMENTS = sorted(WEB.glob("*.html"))
PAPERS = sorted((WEB.parent / "export").glob("runsheet.*"))
KHMER = re.compile("[\u1780-\u17ff]")
NAMES = {"Samram"}  # said alike in every language
# Of one thing in English; Khmer does not tell one from many.
ONE = re.compile(r"\.one$")


def texts(catalogue: dict[str, str]) -> set[str]:
    """Return the keys that every language needs."""
    return {key for key in catalogue if not ONE.search(key)}


def places(text: str) -> set[str]:
    """Return the places that a text leaves to be filled."""
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_text_is_in_every_language() -> None:
    """The catalogues have the same texts, and none is empty."""
    assert set(CATALOGUES) == {"en", "km"}
    assert texts(CATALOGUES["en"]) == texts(CATALOGUES["km"])
    assert all(text.strip() for catalogue in CATALOGUES.values() for text in catalogue.values())


def test_one_and_many_stand_together() -> None:
    """A text for one thing has its text for many beside it."""
    english = CATALOGUES["en"]
    assert not [key for key in english if ONE.search(key) and ONE.sub(".other", key) not in english]


def test_languages_fill_the_same_places() -> None:
    """A translation leaves the same places to be filled as the English text."""
    english, khmer = CATALOGUES["en"], CATALOGUES["km"]
    assert {key: places(khmer[key]) for key in khmer} == {key: places(english[key]) for key in khmer}


def test_khmer_is_khmer() -> None:
    """Each Khmer text has Khmer in it, but for names, figures and what is filled in."""
    bare = {key: re.sub(r"\{\w+\}|[\d\W_]|WebGL|zip", "", text) for key, text in CATALOGUES["km"].items()}
    foreign = {
        key: text
        for key, text in bare.items()
        if text and text not in NAMES and not KHMER.search(CATALOGUES["km"][key])
    }
    assert not foreign


def keys_in(path: Path) -> set[str]:
    """Return the texts that a script or a document asks for by their whole key."""
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r'\bt\("([^"]+)"', text)) | set(re.findall(r'data-t(?:-\w+)?="([^"]+)"', text))


@pytest.mark.parametrize("path", [*SCRIPTS, *DOCUMENTS], ids=lambda path: path.relative_to(WEB).as_posix())
def test_what_is_asked_for_is_there(path: Path) -> None:
    """Each text that a page asks for is in the catalogue."""
    english = CATALOGUES["en"]
    missing = {key for key in keys_in(path) if key not in english and f"{key}.other" not in english}
    assert not missing


def test_every_text_is_asked_for() -> None:
    """The catalogue holds nothing that no page or paper says; keys that are put together count by how they begin."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*SCRIPTS, *DOCUMENTS, *PAPERS])
    whole = {key for path in [*SCRIPTS, *DOCUMENTS] for key in keys_in(path)} | set(
        re.findall(r'["\']([\w.]+)["\']', text)
    )
    whole |= {f"sheet.{key}" for key in re.findall(r"data\.words\.(\w+)", text)}
    begun = tuple(set(re.findall(r"[`\"]([a-z]+(?:\.[\w]+)*\.)\$\{", text)))
    unused = {
        key for key in CATALOGUES["en"] if re.sub(r"\.(one|other)$", "", key) not in whole and not key.startswith(begun)
    }
    assert not unused


class _Words(HTMLParser):
    """Collects the words of a document that are written into it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note labels, which are read aloud."""
        self._inside.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("aria-label", "title", "placeholder") and value]

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note words, but for the name of the program."""
        if re.search("[A-Za-z]", data) and data.strip() not in NAMES:
            self.found.append(data.strip())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_say_nothing_by_themselves(document: Path) -> None:
    """No words stand in a document: all come from the catalogue."""
    reader = _Words()
    reader.feed(document.read_text(encoding="utf-8"))
    assert not reader.found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(WEB).as_posix())
def test_scripts_say_nothing_by_themselves(script: Path) -> None:
    """No sentence stands in a script but for its own comments and what goes to whoever mends it."""
    code = re.sub(
        r"/\*.*?\*/|^\s*//.*$|(?<=[\s;])//.*$|(new Error|console\.\w+)\(.*$",
        "",
        script.read_text("utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    sentences = re.findall(r"""["'`]([A-Z][a-z]+ [a-z][^"'`$]*)["'`]""", code)
    assert not sentences
    assert not KHMER.search(code.replace('km: "ខ្មែរ"', ""))
