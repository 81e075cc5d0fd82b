"""What the server says of itself: whether it is ready, what it counts, what it writes down, what it accepts."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service import logs
from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def written() -> Iterator[Any]:
    """Write the log as JSON and give a way to read its lines; put back what was there."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("json", stream=stream)

    def lines() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [line for line in found if not line["logger"].startswith("httpx")]  # the test's own client

    yield lines
    root.handlers[:], root.level = before[0], before[1]


def test_ready_when_everything_works(client: TestClient) -> None:
    """A server whose database, threads and disk are well is ready."""
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("writer", "nobody writes readings"),
        ("supervisor", "nobody looks after runs"),
        ("schema", "schema of another version"),
        ("disk", "bytes are free on the disk"),
    ],
)
def test_not_ready_says_why(client: TestClient, monkeypatch: pytest.MonkeyPatch, wrong: str, said: str) -> None:
    """Whatever is wrong, /readyz answers 503 with its sentence, and /healthz goes on."""
    state: Any = client.app.state  # type: ignore[attr-defined]  # Starlette's, typed as any ASGI application
    if wrong in {"writer", "supervisor"}:
        getattr(state, wrong).stop()
    elif wrong == "schema":
        with state.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    else:
        free = state.settings.min_free_bytes - 1
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, free))
    reply = client.get("/readyz")
    assert (reply.status_code, reply.json()["type"]) == (503, "urn:samram:problem:not-ready")
    assert said in reply.json()["detail"]
    assert reply.headers["retry-after"]
    assert client.get("/healthz").status_code == 200


def test_requests_are_counted_by_their_route(client: TestClient, city_id: str) -> None:
    """Requests of one route are one line whatever their values; a city's name stands in no metric."""
    for city in (city_id, city_id, "nowhere"):
        client.get(f"/v1/cities/{city}")
    for path in ("/nothing/zzz", "/v1/nothing/zzz"):
        client.get(path)
    shown = client.get("/metrics").text
    route = '{method="GET",route="/v1/cities/{city_id}"'
    assert f'samram_requests_total{route},status="200"}} 2.0' in shown
    assert f'samram_requests_total{route},status="404"}} 1.0' in shown
    assert f"samram_request_seconds_count{route}}} 3.0" in shown
    assert city_id not in shown
    assert "zzz" not in shown


def test_state_is_looked_up_at_each_scrape(client: TestClient, city_id: str) -> None:
    """Runs by their state, readings that wait and free bytes are what they are when they are asked for."""
    assert 'samram_runs{state="failed"} 0.0' in client.get("/metrics").text
    state: Any = client.app.state  # type: ignore[attr-defined]
    state.supervisor.stop()
    client.post(f"/v1/cities/{city_id}/plans", json={"date": "2026-11-23", "seconds": 1})
    shown = client.get("/metrics").text
    assert 'samram_runs{state="queued"} 1.0' in shown
    assert "samram_readings_waiting 0.0" in shown
    assert re.search(r"^samram_disk_free_bytes \d", shown, re.MULTILINE)


def test_a_scrape_tells_what_it_can_without_the_database(client: TestClient) -> None:
    """While the database is away, requests are counted and shown all the same."""
    state: Any = client.app.state  # type: ignore[attr-defined]
    with state.engine.begin() as connection:
        connection.execute(text("DROP TABLE route"))
        connection.execute(text("DROP TABLE plan"))
        connection.execute(text("DROP TABLE run"))
    shown = client.get("/metrics")
    assert shown.status_code == 200
    assert "samram_requests_total" in shown.text
    assert "samram_runs" not in shown.text


def test_every_request_has_an_id_and_a_line(client: TestClient, city_id: str, written: Any) -> None:
    """The reply has the id under which the log speaks of the request; a proxy's own id is kept, nonsense is not."""
    given = client.get(f"/v1/cities/{city_id}", headers={"x-request-id": "proxy-1234"})
    other = client.get(f"/v1/cities/{city_id}", headers={"x-request-id": 'no"id'})
    assert given.headers["x-request-id"] == "proxy-1234"
    assert re.fullmatch("[0-9a-f]{16}", other.headers["x-request-id"])
    lines = {line["request_id"]: line for line in written() if line["event"] == "request"}
    line = lines["proxy-1234"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/cities/{city_id}", 200)
    assert other.headers["x-request-id"] in lines
    assert city_id not in str(lines)


def test_log_holds_no_name_no_secret_and_no_body(tmp_path: Path, written: Any) -> None:
    """Signing in, failing to, and asking with a key leave neither names nor secrets in the log."""
    with TestClient(create_app(Settings(home=tmp_path, auth="required"))) as client:
        client.post("/v1/session", json={"name": "chief-the-first", "password": "hush-hush-hush"})
        client.get("/v1/cities/some-town/people", headers={"authorization": "Bearer samram_hush"})
        client.delete("/v1/cities/some-town/people/chief-the-first")
    said = str(written())
    assert "request" in said
    for secret in ("chief", "hush", "some-town"):
        assert secret not in said


def test_what_comes_by_the_thousand_is_counted_only(client: TestClient, city_id: str, written: Any) -> None:
    """A reading that is taken leaves no line, one that is refused does."""
    client.post(f"/v1/cities/{city_id}/readings", json=[])
    client.post(f"/v1/cities/{city_id}/readings", content=b"{")
    assert [line["status"] for line in written() if line["event"] == "request"] == [422]
    assert 'route="/v1/cities/{city_id}/readings",status="200"} 1.0' in client.get("/metrics").text


def test_error_that_nobody_expected_is_told_with_its_request(client: TestClient, written: Any) -> None:
    """A failure of the server is counted as 500, and the log has its request's id."""

    def fail() -> None:
        raise RuntimeError("as a mistake of ours would")

    client.app.add_api_route("/v1/fails", fail)  # type: ignore[attr-defined]
    reply = client.get("/v1/fails")
    assert reply.status_code == 500
    assert 'route="/v1/fails",status="500"} 1.0' in client.get("/metrics").text
    [line] = [line for line in written() if line.get("route") == "/v1/fails"]
    assert (line["status"], line["level"]) == (500, "error")


def test_errors_of_the_database_show_no_values(client: TestClient) -> None:
    """What the database refuses is told without the values that were to be stored."""
    state: Any = client.app.state  # type: ignore[attr-defined]
    with state.engine.connect() as connection, pytest.raises(Exception, match="hide_parameters") as refused:
        connection.execute(text("INSERT INTO nothing VALUES (:lon)"), {"lon": 103.8567})
    assert "103.8567" not in str(refused.value)


def test_limits_are_published_as_they_are_set(tmp_path: Path) -> None:
    """The published limits are those of the settings, and by default those of the documents."""
    usual = Settings(home=tmp_path)
    assert (usual.max_containers, usual.max_vehicles, usual.max_body_bytes, usual.max_solve_s) == (
        10_000,
        200,
        10_000_000,
        300,
    )
    with TestClient(create_app(Settings(home=tmp_path, max_solve_s=7, max_body_bytes=100))) as client:
        limits = client.get("/v1/limits").json()
        assert (limits["solve_seconds"], limits["body_bytes"], limits["containers"]) == (7, 100, 10_000)
        path = "/v1/cities/nowhere/readings"
        assert client.post(path, content=b"1" * 101).json()["type"] == "urn:samram:problem:too-large"
        assert client.post(path, content=b"1" * 100).status_code != 413
