"""What a study hands out: files that other programs read, a brief that a person can, and nothing taken for markup."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
import shapely

from geodata.city.dataset import read_city
from geodata.city.demo.city import write_demo_city
from scenarios.cells import Budget
from scenarios.changes.scenario import Scenario
from scenarios.changes.waste import WasteGrowth
from scenarios.charts import Bar, bar_chart
from scenarios.compare import table
from scenarios.keep import Kept
from scenarios.pool import Inline
from scenarios.study import Study, fleet_scenarios, run_study
from service.export.brief import brief_data, brief_pdf
from service.export.pdf import ExportMissing, pdf
from service.export.study import write_study

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra report)")
pytest.importorskip("typst", reason="typst is not installed (extra report)")

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.study import StudyResult

MARKUP = 'Wet season: #panic("!") *50 %* <b> & more'


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """Run a small study of the built-in city, with zones, and a scenario whose name looks like markup."""
    folder = tmp_path_factory.mktemp("study")
    reading = read_city(write_demo_city(folder / "city", containers=50, seed=1))
    assert reading.dataset is not None
    study = Study(
        name="exports",
        scenarios=(*fleet_scenarios((2, 4)), Scenario(name=MARKUP, changes=(WasteGrowth(factor=1.2),))),
        days=(dt.date(2026, 11, 23),),
        seeds=(0, 1),
        budget=Budget(steps=1),
        samples=20,
    )
    return run_study(study, reading.dataset, Inline(), workers=1, kept=Kept(folder / "kept"), extract=reading.extract)


def test_the_folder_holds_what_other_programs_read(result: StudyResult, tmp_path: Path) -> None:
    """JSON, CSV, SVG, GeoJSON, GeoParquet and PDF are all there, and agree on the scenarios."""
    written, missing = write_study(result, table(result), tmp_path)
    assert missing == []
    assert all(path.stat().st_size > 0 for path in written)
    document = json.loads((tmp_path / "study.json").read_bytes())
    names = [scenario.name for scenario in result.study.scenarios]
    assert [row["scenario"] for row in document["rows"]] == names
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text(encoding="utf-8"))))
    assert [row["scenario"] for row in rows] == names
    assert float(rows[0]["cost"]) == pytest.approx(document["rows"][0]["cost"])
    assert len(document["cells"]) == 6
    routes = sorted((tmp_path / "routes").iterdir())
    assert len(routes) == 3
    assert json.loads(routes[0].read_bytes())["type"] == "FeatureCollection"


def test_geoparquet_has_a_polygon_for_each_scenario_and_zone(result: StudyResult, tmp_path: Path) -> None:
    """The metadata say so as GeoParquet 1.1 asks, and the polygons are the zones'."""
    write_study(result, table(result), tmp_path)
    read = pq.read_table(tmp_path / "table.parquet")
    geo = json.loads(read.schema.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    rows = read.to_pylist()
    zones = {zone.id: zone.polygon for zone in result.city.zones}
    inside = [row for row in rows if row["zone"]]
    assert {row["scenario"] for row in inside} == {scenario.name for scenario in result.study.scenarios}
    assert {row["zone"] for row in inside} == set(zones)
    assert all(shapely.from_wkb(row["geometry"]).equals(zones[row["zone"]]) for row in inside)


def test_the_brief_is_a_pdf_and_names_are_no_markup(result: StudyResult) -> None:
    """A scenario called like a Typst command is set as text: the document is made, and holds its words."""
    lines = table(result)
    made = brief_pdf(result, lines)
    assert made.startswith(b"%PDF-")
    assert brief_data(result, lines)["tables"][0]["rows"][2][0].startswith(MARKUP)


def test_the_brief_of_a_study_without_zones_or_answers_is_made_too(result: StudyResult) -> None:
    """Empty parts are left out of it."""
    bare = dataclasses.replace(
        result,
        city=dataclasses.replace(result.city, zones=(), attribution=""),
        study=dataclasses.replace(result.study, scenarios=result.study.scenarios[2:]),
        results={(0, date, seed): cell for (number, date, seed), cell in result.results.items() if number == 2},
        cases=result.cases[2:],
    )
    assert brief_pdf(bare, table(bare)).startswith(b"%PDF-")


def test_without_typst_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else is harmed."""
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ExportMissing, match=r"samram\[report\]"):
        pdf("brief", {})


def test_a_chart_is_well_formed_and_its_bars_are_in_proportion() -> None:
    """Labels are escaped; a bar of half the value is half as long; an interval is drawn where it is finite."""
    svg = bar_chart("a < b", [Bar(label="<x>", value=10, text="10"), Bar(label="y", value=5, text="5", low=4, high=6)])
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(rect.get("width", "0")) for rect in root.iter(f"{space}rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert len(list(root.iter(f"{space}path"))) == 1
    with pytest.raises(ValueError, match="at least 0"):
        bar_chart("x", [Bar(label="z", value=-1, text="")])
