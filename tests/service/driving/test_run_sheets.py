"""Run-sheets: the published routes on paper, with links that open them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from service.export import runsheet
from service.export.pdf import ExportMissing
from service.export.runsheet import Sheet, run_sheets
from service.export.sketch import route_sketch

if TYPE_CHECKING:
    from driving_day import Driven

SVG = "{http://www.w3.org/2000/svg}"
DAY = dt.date(2026, 11, 23)


@pytest.fixture
def set_with(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Catch what would be set; the list grows by the words and figures of each document."""
    found: list[dict[str, Any]] = []

    def caught(_template: str, data: dict[str, Any], *, pictures: dict[str, str]) -> bytes:
        found.append(data | {"pictures": pictures})
        return b"%PDF-"

    monkeypatch.setattr(runsheet, "pdf", caught)
    return found


def sheet_of(driven: Driven, shift: str) -> Sheet:
    """Return the sheet of a shift of the published plan."""
    route = driven.client.get(driven.of_day(f"shifts/{shift}/route.geojson")).json()["features"]
    return Sheet(vehicle="C1", shift=shift, route=route, code="7K3M-2QXW-9F4D-H8TC", qr_svg="<svg/>")


@pytest.mark.parametrize("language", ["en", "km"])
def test_sheets_are_printed_with_links(driven: Driven, language: str) -> None:
    """A day's sheets are a PDF, and each shift that is on it has a link from then on."""
    pytest.importorskip("typst", reason="typst comes with samram[report]")
    shift = driven.shifts()[0]
    reply = driven.client.post(driven.of_day("run-sheets"), json={"language": language, "shifts": [shift]})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.content.startswith(b"%PDF-")
    assert b"NotoSansKhmer" in reply.content
    links = driven.client.get(driven.of_day(f"shifts/{shift}/driver-links")).json()["links"]
    assert len(links) == 1


def test_without_the_package_nothing_is_handed_over(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot print says what it lacks, and makes no link that would stand on no paper."""

    def missing(*_: Any, **__: Any) -> bytes:
        raise ExportMissing("PDF needs the package typst.")

    monkeypatch.setattr(runsheet, "pdf", missing)
    shift = driven.shifts()[0]
    reply = driven.client.post(driven.of_day("run-sheets"), json={})
    assert reply.status_code == 404
    assert "typst" in reply.json()["detail"]
    assert driven.client.get(driven.of_day(f"shifts/{shift}/driver-links")).json()["links"] == []


def test_what_cannot_be_printed_is_named(driven: Driven) -> None:
    """A shift without a route is refused by name; a day without a published plan has no sheets."""
    reply = driven.client.post(driven.of_day("run-sheets"), json={"shifts": ["nobody"]})
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["value"] == "nobody"
    elsewhere = driven.of_day("run-sheets").replace("2026-11-23", "2026-11-24")
    assert driven.client.post(elsewhere, json={}).status_code == 404


def test_sheet_lists_the_route_in_order(driven: Driven, set_with: list[dict[str, Any]]) -> None:
    """Each visit stands on the sheet once, in its order, and nothing of it but visits is to be ticked off."""
    shift = driven.shifts()[0]
    run_sheets([sheet_of(driven, shift)], city="A", date=DAY, streets=[], attribution="", language="en")
    (chapter,) = set_with[0]["sheets"]
    visits = driven.visits(shift)
    ticked = [row for row in chapter["rows"] if row["stop"]]
    assert [row["number"] for row in ticked] == [str(visit["stop_number"]) for visit in visits]
    assert [row["time"] for row in ticked] == [visit["start"][11:16] for visit in visits]
    assert chapter["rows"][0] == {
        "stop": False,
        "time": chapter["hours"][:5],
        "number": "",
        "place": "Leave the depot",
        "what": "",
    }
    assert set_with[0]["day"] == "Monday 23 November 2026"


def test_sheet_is_in_khmer(driven: Driven, set_with: list[dict[str, Any]]) -> None:
    """In Khmer, a sheet's own words are Khmer; names stay as the city wrote them."""
    shift = driven.shifts()[0]
    run_sheets([sheet_of(driven, shift)], city="A", date=DAY, streets=[], attribution="", language="km")
    found = set_with[0]
    assert found["sheets"][0]["rows"][0]["place"] == "ចេញពីដេប៉ូ"
    assert "វិច្ឆិកា" in found["day"]
    assert all(any("\u1780" <= letter <= "\u17ff" for letter in text) for text in found["words"].values())


def test_sketch_shows_every_stop(driven: Driven) -> None:
    """The sketch is an SVG with a dot for each stop inside it, and names are text, not markup."""
    shift = driven.shifts()[0]
    route = driven.client.get(driven.of_day(f"shifts/{shift}/route.geojson")).json()["features"]
    for one in route:
        if one["properties"]["kind"] == "unload":
            one["properties"]["id"] = "<b>Tip & yard"
            one["geometry"] = next(other for other in route if other["properties"]["kind"] == "visit")["geometry"]
    drawn = ET.fromstring(route_sketch(route, []))
    _, _, width, height = (float(value) for value in drawn.attrib["viewBox"].split())
    dots = [one for one in drawn.iter(f"{SVG}circle") if one.attrib["r"] == "4"]
    assert len(dots) == len({visit["stop_number"] for visit in driven.visits(shift)})
    assert all(0 <= float(one.attrib["cx"]) <= width and 0 <= float(one.attrib["cy"]) <= height for one in dots)
    assert "<b>Tip & yard" in {one.text for one in drawn.iter(f"{SVG}text")}
