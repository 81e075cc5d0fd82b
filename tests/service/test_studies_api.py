"""Studies over HTTP, each in a process of its own: asked for, followed, cancelled, taken up again, compared."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient

    MakeClient = Callable[[Settings], TestClient]

ZIP = {"content-type": "application/zip"}
SMALL = {"name": "small", "days": ["2026-11-23"], "seeds": 2, "steps": 1, "samples": 10, "fleet": "2..3"}
LONG = {"name": "long", "days": ["2026-11-23"], "seeds": 40, "seconds": 20, "samples": 10, "fleet": "2..9"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the application a home of its own."""
    return tmp_path_factory.mktemp("studies") / "home"


@pytest.fixture(scope="module")
def client(home: Path, make_client: MakeClient, city_zip: bytes) -> Iterator[TestClient]:
    """Start the application with the built-in city in it."""
    with make_client(Settings(home=home)) as client:
        assert client.post("/v1/cities", content=city_zip, headers=ZIP).status_code == 201
        yield client


@pytest.fixture(scope="module")
def city(client: TestClient) -> str:
    """Return the city's short name."""
    found: str = client.get("/v1/cities").json()["cities"][0]["id"]
    return found


def followed(client: TestClient, study_id: str) -> list[dict[str, Any]]:
    """Follow a study to its end; return all that was told."""
    with client.stream("GET", f"/v1/studies/{study_id}/progress") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")]


def until_one_is_done(client: TestClient, study_id: str) -> None:
    """Wait until a study has planned a day, and is still at it."""
    deadline_s = time.monotonic() + 300
    while not (now := client.get(f"/v1/studies/{study_id}").json())["done"]:
        assert now["status"] in ("queued", "running"), now
        assert time.monotonic() < deadline_s, "The study has not begun within five minutes."
        time.sleep(0.05)


@pytest.fixture(scope="module")
def done(client: TestClient, city: str) -> dict[str, Any]:
    """Run the small study to its end."""
    asked = client.post(f"/v1/cities/{city}/studies", json=SMALL)
    assert asked.status_code == 202, asked.text
    study = asked.json()
    assert asked.headers["location"] == f"/v1/studies/{study['id']}"
    told = followed(client, study["id"])
    assert told[-1]["status"] == "done", told[-1]
    assert [one["done"] for one in told] == sorted(one["done"] for one in told)
    last: dict[str, Any] = told[-1]
    return last


def test_a_study_is_followed_to_its_end_and_listed(client: TestClient, city: str, done: dict[str, Any]) -> None:
    """Two fleets and the city as it is, on one day with two draws, are six days planned."""
    assert (done["done"], done["total"]) == (6, 6)
    assert done["id"] in [one["id"] for one in client.get(f"/v1/cities/{city}/studies").json()["studies"]]
    assert client.get(f"/v1/studies/{done['id']}").json() == done


def test_results_have_a_row_for_each_scenario(client: TestClient, done: dict[str, Any]) -> None:
    """With figures, cells and what was asked."""
    results = client.get(f"/v1/studies/{done['id']}/results").json()
    assert [row["scenario"] for row in results["rows"]] == ["2 vehicles", "3 vehicles"]
    assert len(results["cells"]) == 4
    assert results["study"]["steps"] == 1
    assert results["failures"] == []


def test_two_scenarios_are_compared_either_way(client: TestClient, done: dict[str, Any]) -> None:
    """One minus the other is the other minus one, turned round; a name that is not there is not found."""
    path = f"/v1/studies/{done['id']}/compare"
    there = client.get(path, params={"one": "2 vehicles", "other": "3 vehicles"}).json()["differences"]["cost"]
    back = client.get(path, params={"one": "3 vehicles", "other": "2 vehicles"}).json()["differences"]["cost"]
    assert there["pairs"] == 2
    assert there["mean"] == pytest.approx(-back["mean"])
    assert there["low"] == pytest.approx(-back["high"])
    missing = client.get(path, params={"one": "2 vehicles", "other": "no such"})
    assert missing.status_code == 404
    assert "'3 vehicles'" in missing.json()["detail"]


def test_the_brief_is_a_pdf_that_may_be_kept(client: TestClient, done: dict[str, Any]) -> None:
    """It has a tag, and is not sent again to who names it."""
    pytest.importorskip("typst", reason="typst is not installed (extra report)")
    brief = client.get(f"/v1/studies/{done['id']}/brief.pdf")
    assert brief.headers["content-type"] == "application/pdf"
    assert brief.content.startswith(b"%PDF-")
    again = client.get(f"/v1/studies/{done['id']}/brief.pdf", headers={"if-none-match": brief.headers["etag"]})
    assert again.status_code == 304


def test_a_study_s_files_are_those_that_it_names(client: TestClient, done: dict[str, Any]) -> None:
    """The table for other programs, and the routes of each scenario; what is not named is not found."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra report)")
    path = f"/v1/studies/{done['id']}/files"
    named = {one["name"]: one for one in client.get(path).json()["files"]}
    assert {"table.csv", "table.parquet", "01-2_vehicles.geojson", "02-3_vehicles.geojson"} <= set(named)
    for name, one in named.items():
        file = client.get(f"{path}/{name}")
        assert len(file.content) == one["bytes"]
        assert file.headers["content-type"] == one["media_type"]
    assert client.get(f"{path}/01-2_vehicles.geojson").json()["type"] == "FeatureCollection"
    for name in ("no.csv", "..%2F..%2Fsamram.db", "%2Fetc%2Fpasswd"):
        assert client.get(f"{path}/{name}").status_code == 404


def test_a_study_under_way_is_cancelled_and_cannot_be_twice_over(client: TestClient, city: str) -> None:
    """Its table is there with what was done, or not at all if nothing was; a study that is done stays done."""
    study = client.post(f"/v1/cities/{city}/studies", json=LONG).json()
    assert client.post(f"/v1/studies/{study['id']}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/v1/studies/{study['id']}/cancel").status_code == 200
    assert client.get(f"/v1/studies/{study['id']}/files").status_code == 409
    assert followed(client, study["id"])[-1]["status"] == "cancelled"


def test_a_study_that_is_over_cannot_be_cancelled(client: TestClient, done: dict[str, Any]) -> None:
    """It stays done."""
    refused = client.post(f"/v1/studies/{done['id']}/cancel")
    assert refused.status_code == 409
    assert "is over (done)" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fleet": "9..2"}, "the smaller number first"),
        ({"days": None}, "needs days"),
        ({"scenario": [{"name": "x", "changes": [{"kind": "fleet_sise"}]}]}, "perhaps 'fleet_size'"),
        ({"seeds": 1_000, "fleet": "1..100"}, "at most"),
        ({"steps": None, "seconds": 4_000.0}, "at most 300 seconds"),
    ],
)
def test_a_study_that_cannot_be_made_is_refused_at_once(
    client: TestClient, city: str, change: dict[str, Any], sentence: str
) -> None:
    """The reply says what was expected."""
    asked = {name: value for name, value in (SMALL | change).items() if value is not None}
    refused = client.post(f"/v1/cities/{city}/studies", json=asked)
    assert refused.status_code == 422
    assert sentence in refused.text


def test_a_study_that_a_restart_cut_short_goes_on(tmp_path: Path, make_client: MakeClient, city_zip: bytes) -> None:
    """After its first day the server ends; the next one does the rest, and no day twice."""
    settings = Settings(home=tmp_path / "home")
    with make_client(settings) as client:
        client.post("/v1/cities", content=city_zip, headers=ZIP)
        city = client.get("/v1/cities").json()["cities"][0]["id"]
        study = client.post(f"/v1/cities/{city}/studies", json=SMALL | {"seeds": 6}).json()
        until_one_is_done(client, study["id"])
    kept = {path.name: path.stat().st_mtime_ns for path in (settings.studies_dir / study["id"]).iterdir()}
    assert 0 < len(kept) < 18
    with make_client(settings) as client:
        assert followed(client, study["id"])[-1]["status"] == "done"
        assert len(client.get(f"/v1/studies/{study['id']}/results").json()["cells"]) == 12
    after = {path.name: path.stat().st_mtime_ns for path in (settings.studies_dir / study["id"]).iterdir()}
    assert {name: after[name] for name in kept} == kept


def test_a_cancelled_study_goes_on_and_one_that_is_done_does_not(
    client: TestClient, city: str, done: dict[str, Any]
) -> None:
    """It waits again, or is at it already."""
    study = client.post(f"/v1/cities/{city}/studies", json=LONG).json()
    client.post(f"/v1/studies/{study['id']}/cancel")
    assert client.post(f"/v1/studies/{study['id']}/resume").json()["status"] in ("queued", "running")
    assert client.post(f"/v1/studies/{study['id']}/cancel").json()["status"] == "cancelled"
    refused = client.post(f"/v1/studies/{done['id']}/resume")
    assert refused.status_code == 409
    assert "is done" in refused.json()["detail"]


def test_the_smallest_fleet_is_found_by_halving(client: TestClient, city: str, done: dict[str, Any]) -> None:
    """Not every fleet is tried; how far the search is never falls back."""
    assert done["status"] == "done"
    asked = client.post(f"/v1/cities/{city}/studies", json=SMALL | {"fleet": "2..6", "seeds": 1, "search": True})
    told = followed(client, asked.json()["id"])
    assert told[-1]["status"] == "done", told[-1]
    assert [one["done"] for one in told] == sorted(one["done"] for one in told)
    results = client.get(f"/v1/studies/{asked.json()['id']}/results").json()
    tried = [row["scenario"] for row in results["rows"] if row["cells"]]
    assert len(tried) < 5
    assert "vehicle" in results["answer"]


def test_a_form_learns_the_changes_and_what_is_wrong_with_them(client: TestClient, city: str) -> None:
    """The schema names the city's own things; a check says where a wrong value stands, and how many days that is."""
    schema = client.get(f"/v1/cities/{city}/changes").json()
    assert {one["properties"]["kind"]["const"] for one in schema["oneOf"]} >= {"fleet_size", "festival"}
    depot = schema["$defs"]["depot"]["oneOf"][0]["const"]
    moved = {"kind": "move_depot", "depot": depot, "lon": 0.0, "lat": 0.0}
    asked = {"days": ["2026-11-23"], "seeds": 2, "scenario": [{"name": "as it is"}, {"name": "b", "changes": [moved]}]}
    path = f"/v1/cities/{city}/studies/check"
    wrong = client.post(path, json=asked).json()
    assert [(one["place"], wrong["days"]) for one in wrong["wrong"]] == [("body/scenario/1/changes/0/lon", 0)]
    assert client.post(path, json=asked | {"scenario": [{"name": "as it is"}]}).json() == {"days": 2, "wrong": []}
    (beyond,) = client.post(path, json=asked | {"scenario": [], "fleet": "9..2"}).json()["wrong"]
    assert beyond["place"] == "body"
    (mixed,) = client.post(path, json=asked | {"scenario": [{"name": "x"}], "search": True}).json()["wrong"]
    assert mixed["place"] == "body/search"
