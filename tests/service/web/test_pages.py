"""The pages and their files, and the city's own map, as the server sends them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from service.web import pages

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient


@pytest.mark.parametrize("address", pages.DOCUMENTS)
def test_page_needs_this_server_alone(client: TestClient, address: str) -> None:
    """A page and every file that it names come from this server, and its policy forbids all others."""
    page = client.get(address)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    files = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert len(files) >= 3
    for file in files:
        assert file.startswith("/")
        assert client.get(file).status_code == 200


def test_scripts_run_nothing_from_the_document() -> None:
    """No document carries a script or a style of its own, which the policy would have to allow."""
    for document in pages.WEB.glob("*.html"):
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)


def test_scripts_import_what_is_there() -> None:
    """Every module that a script imports is a file of the pages."""
    for script in (pages.WEB / "scripts").rglob("*.js"):
        code = re.sub(r"/\*.*?\*/|^\s*//.*$", "", script.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for name in re.findall(r'\bfrom "([^"]+)"|\bimport\("([^"]+)"\)', code):
            wanted = name[0] or name[1]
            path = pages.WEB / wanted.removeprefix("/web/") if wanted.startswith("/") else script.parent / wanted
            assert path.is_file(), f"{script.name} imports {wanted}"


def test_files_travel_compressed_and_are_asked_for_anew(client: TestClient) -> None:
    """A script is sent as gzip, and a browser that has it gets no second copy."""
    address = "/web/vendor/maplibre-gl/maplibre-gl.mjs"
    first = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "no-cache"
    assert client.get(address, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_missing_libraries_are_named(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the libraries were not fetched, the page says how to get them, and the API works."""
    monkeypatch.setattr(pages, "LIBRARIES", tmp_path / "none")
    page = client.get("/")
    assert page.status_code == 503
    assert "uv sync --reinstall-package samram" in page.text
    assert client.get("/v1/cities").status_code == 200


def test_basemap_is_read_by_ranges(client: TestClient, city_id: str) -> None:
    """The tiles of a city are one PMTiles file of which a browser takes the bytes that it needs."""
    address = f"/v1/cities/{city_id}/basemap.pmtiles"
    whole = client.get(address)
    assert whole.status_code == 200
    assert whole.content[:8] == b"PMTiles\x03"
    part = client.get(address, headers={"Range": "bytes=0-126"})
    assert part.status_code == 206
    assert part.content == whole.content[:127]
    assert part.headers["content-range"] == f"bytes 0-126/{len(whole.content)}"
    assert part.headers["etag"] == whole.headers["etag"]


def test_basemap_of_an_unknown_city(client: TestClient) -> None:
    """A city that is not there has no map."""
    assert client.get("/v1/cities/nowhere/basemap.pmtiles").status_code == 404
