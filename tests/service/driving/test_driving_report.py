"""What was promised and planned, held against what was done: by zone and month, and by day, route and zone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from driving_day import MONDAY, OTHER_PHONE, Driven, at, done, publish_plan
from sqlmodel import Session
from typer.testing import CliRunner

from service.cli.main import app as command
from service.db.publication import publish
from service.driving.contract import cases_of_day
from service.driving.events import DriverEvent, Kind
from service.driving.fold import fold
from service.driving.planned import PlannedVisit
from service.driving.promised import PromisedDay

if TYPE_CHECKING:
    from pathlib import Path

DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def reporting(client: Any, city_id: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Driven:  # noqa: ARG001
    """Publish a plan on each kind of database in turn; it is Monday, 16:00."""
    found = Driven(client=client, city_id=city_id, plan_id=publish_plan(client, city_id))
    monkeypatch.setattr("service.api.driver_events.now_us", lambda: found.now_us)
    monkeypatch.setattr("service.api.readings.now_us", lambda: found.now_us)
    return found


def month(driven: Driven, **parameters: Any) -> Any:
    reply = driven.client.get(f"/v1/cities/{driven.city_id}/months/2026-11/report", params=parameters)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_months_report_sets_what_was_done_against_what_was_promised(reporting: Driven, tmp_path: Path) -> None:
    """Of six promised visits one each is on time, late, skipped, far from the truck, found full again, and silent."""
    shift = reporting.shifts()[0]
    on_time, late, skipped, far, full, silent, *rest = reporting.visits(shift)
    near = {"lon": on_time["containers"][0]["lon"], "lat": on_time["containers"][0]["lat"]}
    reporting.send(
        shift,
        done(1, on_time),
        {"sequence": 2, "kind": "position", "time": at(on_time["departure_s"]), **near},
        done(3, late, late_s=3_601),
        {"sequence": 4, "kind": "skipped", "visit": skipped["id"], "reason": "blocked", "time": at(skipped["start_s"])},
        done(5, far),
        {"sequence": 6, "kind": "position", "time": at(far["departure_s"]), "lon": 103.5, "lat": 13.0},
        {"sequence": 7, "kind": "unloaded", "site": "landfill", "kg": 900, "time": at(rest[-1]["departure_s"])},
    )
    # Another crew says that it was done; the sensor in it is of another opinion an hour later.
    other = reporting.shifts()[1]
    reporting.send(other, done(1, full), phone=OTHER_PHONE)
    found_full = {"container": full["containers"][0]["id"], "time": at(full["departure_s"] + 3_600), "fill": 0.9}
    assert reporting.client.post(f"/v1/cities/{reporting.city_id}/readings", json=found_full).json()["stored"] == 1

    report = month(reporting)
    promised = sum(len(reporting.visits(one)) for one in reporting.shifts())
    total = {name: sum(zone[name] for zone in report["zones"]) for name in ("promised", "done", "late", "missed")}
    assert total == {"promised": promised, "done": 4, "late": 1, "missed": promised - 4}
    assert sum(zone["skipped"] for zone in report["zones"]) == 1
    assert sum(zone["weighed_t"] or 0 for zone in report["zones"]) == pytest.approx(0.9, abs=0.005)
    assert {zone["contractor"] for zone in report["zones"] if zone["zone"]} == {"Contractor A", "Contractor B"}
    cases = {case["visit"]: case for case in report["cases"]}
    assert on_time["id"] not in cases
    assert (cases[late["id"]]["late"], cases[late["id"]]["disputed"]) == (True, False)
    assert cases[skipped["id"]]["outcome"] == "blocked"
    assert cases[silent["id"]]["outcome"] == "unreported"
    [away] = cases[far["id"]]["evidence"]
    assert away["kind"] == "position"
    assert away["away_m"] > 10_000
    [reading] = cases[full["id"]]["evidence"]
    assert (reading["kind"], reading["container"], reading["fill"]) == ("reading", found_full["container"], 0.9)
    assert cases[full["id"]]["shift"] == other
    assert sum(zone["late"] for zone in month(reporting, late_minutes=61)["zones"]) == 0

    base = f"/v1/cities/{reporting.city_id}/months/2026-11"
    rows = list(csv.DictReader(io.StringIO(reporting.client.get(f"{base}/report.csv").text)))
    assert [int(row["promised"]) for row in rows] == [zone["promised"] for zone in report["zones"]]
    told = list(csv.DictReader(io.StringIO(reporting.client.get(f"{base}/cases.csv").text)))
    assert [row["visit"] for row in told] == [case["visit"] for case in report["cases"]]
    empty = reporting.client.get(f"/v1/cities/{reporting.city_id}/months/2026-10/report").json()
    assert (empty["zones"], empty["cases"]) == ([], [])

    settings = reporting.client.app.state.settings  # type: ignore[attr-defined]
    environment = {"SAMRAM_HOME": str(settings.home), "SAMRAM_DATABASE_URL": settings.database}
    words = ["report", reporting.city_id, "--month", "2026-11", "--csv", str(tmp_path / "month.csv")]
    ran = CliRunner().invoke(command, words, env=environment)
    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "month.csv").read_text(encoding="utf-8") == reporting.client.get(f"{base}/report.csv").text


@pytest.mark.parametrize(
    ("seconds", "metres", "disputed"),
    [(0, 249, False), (0, 251, True), (60, 1_089, False), (60, 1_091, True), (601, 90_000, False)],
)
def test_a_position_speaks_against_a_crew_only_if_it_could_not_have_been_there(
    seconds: int,
    metres: int,
    disputed: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """Seen 250 m off, and 14 m farther for each second between, a truck may have stood at the stop; beyond, not."""
    visit = PlannedVisit(id="v", containers=("B1",), kg=10, lon=0.0, lat=0.0, shift="s", arrival_s=0, departure_s=0)
    plan = PromisedDay(versions=(), promises={"v": [(0, visit)]})
    degrees = metres / 111_195.08
    events = [
        DriverEvent(shift="s", phone="p", sequence=1, time_us=0, kind=Kind.DONE, subject="v"),
        DriverEvent(
            shift="s", phone="p", sequence=2, time_us=seconds * 10**6, kind=Kind.POSITION, lon=degrees, lat=0.0
        ),
    ]
    [case] = cases_of_day(plan, fold(events), {}, dt.date(1970, 1, 1), "UTC")
    assert bool(case.evidence) == disputed


def test_what_a_replaced_plan_promised_stays_promised(reporting: Driven) -> None:
    """Publishing another plan takes no promise back: each visit is promised once, however many versions have it."""
    before = month(reporting)["zones"]
    second = publish_plan(reporting.client, reporting.city_id)
    assert month(reporting)["zones"] == before
    app: Any = reporting.client.app
    with Session(app.state.engine) as session:
        assert publish(session, second).version == 2


def test_a_days_figures_stand_planned_beside_actual(reporting: Driven) -> None:
    """Tables and maps hold one row for the day, each route and each zone, and say the same."""
    shift = reporting.shifts()[0]
    visits = reporting.visits(shift)
    first, last = visits[0], visits[-1]
    events = [done(number, visit) for number, visit in enumerate(visits)]
    events += [
        {"sequence": 100, "kind": "position", "time": at(first["start_s"]), "lon": 103.85, "lat": 13.36},
        {"sequence": 101, "kind": "position", "time": at(last["start_s"]), "lon": 103.86, "lat": 13.36},
    ]
    reporting.send(shift, *events)
    rows = reporting.client.get(reporting.of_day("kpis")).json()["rows"]
    of = {(row["level"], row["id"]): row for row in rows}
    plan = reporting.client.get(f"/v1/plans/{reporting.plan_id}/kpis").json()
    day, route = of["day", MONDAY], of["route", shift]
    assert day["km_planned"] == pytest.approx(plan["distance_km"])
    assert day["co2e_kg_planned"] == pytest.approx(plan["co2e_kg"])
    assert (route["visits_planned"], route["visits_done"], day["visits_done"]) == (len(visits),) * 3
    assert route["km_driven"] == pytest.approx(1.08, abs=0.01)
    assert 0 < (route["fuel_l_actual"] or route["energy_kwh_actual"]) < (route["fuel_l_planned"] or 1e9)
    assert route["hours_actual"] == pytest.approx((last["departure_s"] - first["start_s"]) / 3_600, abs=0.02)
    # What is collected from door to door stands in no container.
    emptied = sum(not name["id"].startswith("zone:") for visit in visits for name in visit["containers"])
    assert (day["containers"], day["never_served"]) == (60, 60 - emptied)
    assert day["covered"] == pytest.approx(emptied / 60)
    assert 0 < day["days_since_service"] <= day["longest_days_since_service"] < 1
    zones = [row for row in rows if row["level"] == "zone"]
    assert sum(row["visits_done"] or 0 for row in zones) == len(visits)
    assert sum(row["containers"] for row in zones) == 60
    assert sum(row["tonnes_done"] or 0 for row in zones) == pytest.approx(day["tonnes_done"])

    table = list(csv.DictReader(io.StringIO(reporting.client.get(reporting.of_day("kpis.csv")).text)))
    assert [(row["level"], row["id"]) for row in table] == [(row["level"], row["id"]) for row in rows]
    features = reporting.client.get(reporting.of_day("kpis.geojson")).json()["features"]
    assert [feature["properties"] for feature in features] == rows
    drawn = {feature["id"]: feature["geometry"] for feature in features}
    assert drawn[f"day/{MONDAY}"] is None
    assert drawn[f"route/{shift}"]["type"] == "MultiLineString"
    named = [row["id"] for row in zones if row["id"]]
    assert named
    assert {drawn[f"zone/{name}"]["type"] for name in named} <= {"Polygon", "MultiPolygon"}


def test_geoparquet_holds_the_same_rows_with_their_geometry(driven: Driven) -> None:
    """The file names its geometry column, and each row's WKB is the shape of its GeoJSON feature."""
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra report)")
    reply = driven.client.get(driven.of_day("kpis.parquet"))
    table = pq.read_table(io.BytesIO(reply.content))
    geo = json.loads(table.schema.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    features = driven.client.get(driven.of_day("kpis.geojson")).json()["features"]
    for row, feature in zip(table.to_pylist(), features, strict=True):
        shape = row.pop("geometry")
        assert row == pytest.approx(feature["properties"], nan_ok=False)
        assert (shape is None) == (feature["geometry"] is None)
        if shape is not None:
            assert shapely.from_wkb(shape).geom_type == feature["geometry"]["type"]


def test_a_day_without_a_plan_has_no_figures(driven: Driven) -> None:
    """Nothing published is nothing found, in every form; a month that is none is refused."""
    day = (dt.date.fromisoformat(MONDAY) + dt.timedelta(days=9)).isoformat()
    for form in ("kpis", "kpis.csv", "kpis.geojson", "kpis.parquet"):
        assert driven.client.get(f"/v1/cities/{driven.city_id}/days/{day}/{form}").status_code == 404
    assert driven.client.get(f"/v1/cities/{driven.city_id}/months/2026-13/report").status_code == 422
