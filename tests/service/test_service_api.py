"""Endpoints that need no solver: cities in and out, and everything that can be wrong with a request."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx2 import Response

DATABASES = ("sqlite", "postgresql")
ZIP = {"content-type": "application/zip"}
JSON = {"content-type": "application/json"}
PARTS = ("containers", "depots", "disposal-sites", "zones", "streets")


def problem(response: Response, status: int, kind: str) -> dict[str, Any]:
    """Return the problem details of an answer that must be an error of this kind."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    found: dict[str, Any] = response.json()
    assert found["type"] == f"urn:samram:problem:{kind}"
    assert found["status"] == status
    assert found["detail"]
    return found


def changed(folder: Path, tmp_path: Path, name: str, old: str, new: str) -> bytes:
    """Return a city as a zip with a text replaced in one of its files."""
    copy = tmp_path / "changed"
    shutil.copytree(folder, copy)
    text = (copy / name).read_text("utf-8")
    assert old in text
    (copy / name).write_text(text.replace(old, new), "utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(copy.iterdir()):
            archive.write(file, file.name)
    return buffer.getvalue()


def test_import_answers_201_once_and_200_after(client: TestClient, city_zip: bytes) -> None:
    """The same content is stored once: importing it again answers 200 with the same city."""
    first = client.post("/v1/cities", content=city_zip, headers=ZIP)
    again = client.post("/v1/cities", files={"file": ("city.zip", city_zip, "application/zip")})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == f"/v1/cities/{first.json()['id']}"
    assert first.json() == again.json()
    assert first.json()["containers"] == 60
    assert client.get("/v1/cities").json()["cities"] == [first.json()]


def test_other_content_is_a_new_version_of_the_city(
    client: TestClient, city_folder: Path, city_zip: bytes, tmp_path: Path
) -> None:
    """A city of the same name with other content keeps its short name; the old content can come back."""
    old = client.post("/v1/cities", content=city_zip, headers=ZIP).json()
    other = changed(city_folder, tmp_path, "city.toml", 'currency = "USD"', 'currency = "KHR"')
    new = client.post("/v1/cities", content=other, headers=ZIP)
    assert new.status_code == 201
    assert (new.json()["id"], new.json()["currency"]) == (old["id"], "KHR")
    assert new.json()["content_hash"] != old["content_hash"]
    assert client.get(f"/v1/cities/{old['id']}").json() == new.json()
    assert client.post("/v1/cities", content=city_zip, headers=ZIP).status_code == 200
    assert client.get(f"/v1/cities/{old['id']}").json()["content_hash"] == old["content_hash"]
    assert len(client.get("/v1/cities").json()["cities"]) == 1


def test_another_city_with_the_same_short_name_is_a_conflict(
    client: TestClient, city_folder: Path, city_id: str, tmp_path: Path
) -> None:
    """Two names that make the same short name are not taken for the same city."""
    name = client.get(f"/v1/cities/{city_id}").json()["name"]
    other = changed(city_folder, tmp_path, "city.toml", f'"{name}"', f'"{name.upper()}"')
    found = problem(client.post("/v1/cities", content=other, headers=ZIP), 409, "conflict")
    assert name in found["detail"]


def test_every_error_of_a_city_is_listed(client: TestClient, city_folder: Path, tmp_path: Path) -> None:
    """A city with errors is refused with every finding: file, row, column, value and what was expected."""
    broken = changed(city_folder, tmp_path, "vehicles.csv", "C1,", "C1,nowhere-")
    found = problem(client.post("/v1/cities", content=broken, headers=ZIP), 422, "invalid-city")
    finding = next(one for one in found["findings"] if one["file"] == "vehicles.csv")
    assert finding["row"] == 2
    assert finding["column"] == "depot"
    assert "nowhere-" in finding["value"]
    assert client.get("/v1/cities").json()["cities"] == []


@pytest.mark.parametrize("body", [b"", b"PK", b"no zip at all"])
def test_what_is_no_zip_is_refused(client: TestClient, body: bytes) -> None:
    """A body that is no zip is refused as a city with an error."""
    found = problem(client.post("/v1/cities", content=body, headers=ZIP), 422, "invalid-city")
    assert found["findings"][0]["file"] == "city.zip"


def test_truncated_zip_is_refused(client: TestClient, city_zip: bytes) -> None:
    """Half an upload is refused as a city with an error."""
    problem(client.post("/v1/cities", content=city_zip[: len(city_zip) // 2], headers=ZIP), 422, "invalid-city")


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "", "nonsense"])
def test_other_media_types_are_refused(client: TestClient, kind: str) -> None:
    """A city comes as a zip or as a form with a file, and as nothing else."""
    response = client.post("/v1/cities", content=b"x", headers={"content-type": kind})
    problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "multipart/form-data; boundary=x"}, b"no form"),
        ({"content-type": "multipart/form-data"}, b"no boundary"),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n',
        ),
    ],
)
def test_broken_forms_are_refused(client: TestClient, headers: dict[str, str], body: bytes) -> None:
    """A form that cannot be read, or has no file, is refused as the sender's mistake."""
    response = client.post("/v1/cities", content=body, headers=headers)
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"


def test_limits_on_a_city(tmp_path: Path, city_zip: bytes) -> None:
    """A city one container or one vehicle over the limit is refused by name, one at the limit is taken."""
    with TestClient(create_app(Settings(home=tmp_path / "at", max_containers=60))) as client:
        imported = client.post("/v1/cities", content=city_zip, headers=ZIP)
        assert imported.status_code == 201
        vehicles = imported.json()["vehicles"]
    for name, settings in (
        ("containers", Settings(home=tmp_path / "fewer", max_containers=59)),
        ("vehicles", Settings(home=tmp_path / "small", max_vehicles=vehicles - 1)),
    ):
        with TestClient(create_app(settings)) as client:
            found = problem(client.post("/v1/cities", content=city_zip, headers=ZIP), 413, "too-large")
            assert name in found["detail"]


def test_limit_on_an_upload(tmp_path: Path, city_zip: bytes) -> None:
    """An archive of the largest size is taken, one byte more is refused, whether the length is stated or not."""

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(city_zip), 1000):
            yield city_zip[start : start + 1000]

    size = len(city_zip)
    with TestClient(create_app(Settings(home=tmp_path / "at", max_upload_bytes=size))) as client:
        assert client.post("/v1/cities", content=city_zip, headers=ZIP).status_code == 201
        assert client.post("/v1/cities", content=in_pieces(), headers=ZIP).status_code == 200
    with TestClient(create_app(Settings(home=tmp_path / "over", max_upload_bytes=size - 1))) as client:
        problem(client.post("/v1/cities", content=city_zip, headers=ZIP), 413, "too-large")
        problem(client.post("/v1/cities", files={"file": ("a.zip", city_zip)}), 413, "too-large")
    with TestClient(create_app(Settings(home=tmp_path / "far", max_upload_bytes=1))) as client:
        assert client.post("/v1/cities", content=in_pieces(), headers=ZIP).status_code == 413
        assert client.post("/v1/cities", content=city_zip, headers=ZIP).status_code == 413


def test_other_bodies_have_their_own_limit(client: TestClient, city_id: str, settings: Settings) -> None:
    """A request for a plan that is larger than any request needs to be is refused before it is read."""
    body = b" " * settings.max_body_bytes + b"{}"
    problem(client.post(f"/v1/cities/{city_id}/plans", content=body, headers=JSON), 413, "too-large")


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_geojson_with_an_etag(client: TestClient, city_id: str, part: str) -> None:
    """Each part of a city is GeoJSON with a strong ETag; naming it brings 304, and gzip has a tag of its own."""
    path = f"/v1/cities/{city_id}/{part}"
    plain = client.get(path, headers={"accept-encoding": "identity"})
    zipped = client.get(path, headers={"accept-encoding": "gzip"})
    assert plain.headers["content-type"] == "application/geo+json"
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert plain.content == zipped.content
    assert plain.json()["features"]
    tags = {plain.headers["etag"], zipped.headers["etag"]}
    assert len(tags) == 2
    assert all(tag.startswith('"') for tag in tags)
    for named in (*tags, f'"other", {plain.headers["etag"]}', f"W/{plain.headers['etag']}", "*"):
        again = client.get(path, headers={"if-none-match": named})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] in tags
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    assert "gzip" not in client.get(path, headers={"accept-encoding": "gzip;q=0"}).headers.get("content-encoding", "")


def test_parts_hold_what_was_imported(client: TestClient, city_id: str) -> None:
    """Containers, vehicles and shifts are those of the city's files."""
    city = client.get(f"/v1/cities/{city_id}").json()
    containers = client.get(f"/v1/cities/{city_id}/containers").json()["features"]
    assert len({feature["id"] for feature in containers}) == city["containers"]
    vehicles = client.get(f"/v1/cities/{city_id}/vehicles").json()
    shifts = client.get(f"/v1/cities/{city_id}/shifts").json()
    assert vehicles["currency"] == shifts["currency"] == city["currency"]
    assert len(vehicles["vehicles"]) == city["vehicles"]
    assert {shift["vehicle"] for shift in shifts["shifts"]} <= {vehicle["id"] for vehicle in vehicles["vehicles"]}


def test_city_comes_back_from_the_database_alone(settings: Settings, city_zip: bytes) -> None:
    """A server that finds nothing but its database gives every part of a city again."""
    with TestClient(create_app(settings)) as client:
        city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
        before = {part: client.get(f"/v1/cities/{city_id}/{part}").content for part in PARTS}
    shutil.rmtree(settings.cities_dir)
    shutil.rmtree(settings.cache_dir)
    with TestClient(create_app(settings)) as client:
        assert {part: client.get(f"/v1/cities/{city_id}/{part}").content for part in PARTS} == before


UNKNOWN = "0" * 32


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/cities/nowhere",
        *(f"/v1/cities/nowhere/{part}" for part in (*PARTS, "vehicles", "shifts", "plans")),
        f"/v1/runs/{UNKNOWN}",
        f"/v1/plans/{UNKNOWN}",
        f"/v1/plans/{UNKNOWN}/plan.json",
        f"/v1/plans/{UNKNOWN}/routes.geojson",
        f"/v1/plans/{UNKNOWN}/routes/C1.geojson",
        f"/v1/plans/{UNKNOWN}/routes/a%2Fb.geojson",
    ],
)
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    """Whatever does not exist is answered with 404 and a sentence."""
    problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cities/%00",
        "/v1/cities/A%20B",
        "/v1/runs/x",
        "/v1/plans/..%2F..",
        f"/v1/plans/{UNKNOWN}/routes/%00.geojson",
    ],
)
def test_names_that_nothing_can_have_are_refused(client: TestClient, path: str) -> None:
    """A name in an address that no city, run or plan can have is the sender's mistake, never the server's."""
    response = client.get(path)
    assert response.status_code in {404, 422}
    assert response.headers["content-type"] == "application/problem+json"


def test_method_that_is_not_offered(client: TestClient) -> None:
    """A method that an address does not know is refused, and the answer says which ones it knows."""
    response = client.delete("/v1/cities")
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"]


GOOD = {"date": "2026-11-23", "seconds": 1, "seed": 0}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", "NaN"), ("date", "1e999"), ("date", "20261123"), ("date", '"23.11.2026"'), ("date", '"2026-02-30"'),
        ("date", '"1999-12-31"'), ("date", '"2200-01-01"'), ("date", '"2026-11-23T00:00:00"'), ("date", '"\\u0000"'),
        ("date", '"\\ud800"'), ("date", "null"), ("date", "[]"), ("date", "true"), ("date", '"２０２６-11-23"'),
        ("seconds", "0"), ("seconds", "-1"), ("seconds", "301"), ("seconds", "true"), ("seconds", "1.5"),
        ("seconds", '"5"'), ("seconds", "NaN"), ("seconds", "-Infinity"), ("seconds", "9" * 400), ("seconds", "1e999"),
        ("seed", "-1"), ("seed", "2147483648"), ("seed", "9223372036854775808"), ("seed", "false"), ("seed", "null"),
        ("unknown", "1"), ("un\\u0000known", "1"), ("\\ud83d", "1"),
    ],
)  # fmt: skip
def test_wrong_values_are_422(client: TestClient, city_id: str, field: str, value: str) -> None:
    """No value of any kind, not even one that JSON or UTF-8 cannot carry back, is taken or makes the server fail."""
    members = {f'"{name}"': json.dumps(good) for name, good in GOOD.items()} | {f'"{field}"': value}
    body = "{" + ", ".join(f"{name}: {text}" for name, text in members.items()) + "}"
    response = client.post(f"/v1/cities/{city_id}/plans", content=body.encode(), headers=JSON)
    found = problem(response, 422, "invalid-request")
    assert found["errors"]
    assert all(error["place"].startswith("body") for error in found["errors"])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"seconds": ' + b"9" * 5_000 + b"}", b'"text"'],
)
def test_bodies_that_are_no_request(client: TestClient, city_id: str, body: bytes) -> None:
    """A body that is no JSON object is refused as the sender's mistake."""
    response = client.post(f"/v1/cities/{city_id}/plans", content=body, headers=JSON)
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"


def test_health(client: TestClient) -> None:
    """The server says that it answers, and that its database does."""
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
