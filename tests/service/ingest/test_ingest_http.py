"""Readings over HTTP on the running application: every way in, every reply."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.readings import SHORT_WAY
from service.ingest.report import DAY_US, moment_of
from service.ingest.writer import now_us

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2
    from fastapi.testclient import TestClient

JSON = {"content-type": "application/json"}


def ago(days: float = 0) -> str:
    """Return a moment before now."""
    return moment_of(now_us() - int(days * DAY_US)).isoformat()


@pytest.fixture
def container(client: TestClient, city_id: str) -> str:
    """Return the id of one of the city's containers."""
    found: str = client.get(f"/v1/cities/{city_id}/containers").json()["features"][0]["id"]
    return found


def counts(reply: Any) -> dict[str, int]:
    """Return the counts of a reply, after checking that they add up."""
    assert reply.status_code == 200, reply.text
    body = reply.json()
    found = {name: body[name] for name in ("stored", "duplicate", "quarantined", "refused")}
    assert sum(found.values()) == body["received"]
    return found


def test_batch_is_answered_item_by_item(client: TestClient, city_id: str, container: str) -> None:
    """Each reading of a batch gets its own answer, in order, and what was stored can be read."""
    good = {"container": container, "time": ago(), "fill": 0.4}
    reply = client.post(f"/v1/cities/{city_id}/readings", json=[good, good, good | {"fill": 5}, "x"])
    assert [one["status"] for one in reply.json()["results"]] == ["stored", "duplicate", "quarantined", "refused"]
    [found] = client.get(f"/v1/cities/{city_id}/readings", params={"container": container}).json()["readings"]
    assert (found["fill"], found["device"], found["kind"], found["source"]) == (0.4, None, "reading", "http")


def test_nan_spoils_no_batch(client: TestClient, city_id: str, container: str) -> None:
    """A batch with NaN, lone surrogates, NUL and huge integers is answered item by item, and its good one is stored."""
    good = {"container": container, "time": ago(), "fill": 0.4}
    items = [
        json.dumps(good),
        json.dumps(good | {"fill": 0}).replace('"fill": 0', '"fill": NaN'),
        json.dumps(good | {"fill": 0}).replace('"fill": 0', '"fill": -Infinity'),
        json.dumps(good | {"container": "\ud800"}),
        json.dumps(good | {"container": "a\0"}),
        json.dumps(good | {"counter": 2**70}),
    ]
    reply = client.post(f"/v1/cities/{city_id}/readings", content=f"[{','.join(items)}]", headers=JSON)
    assert counts(reply) == {"stored": 1, "duplicate": 0, "quarantined": 5, "refused": 0}


@pytest.mark.parametrize("way", ["readings", "ingest/things-stack", "ingest/chirpstack", "ingest/ngsi-ld"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 50_000, b'"' + b"x" * 10])
def test_body_that_is_no_json_is_refused(client: TestClient, city_id: str, way: str, body: bytes) -> None:
    """A body that cannot be read is answered 422 with problem details."""
    reply = client.post(f"/v1/cities/{city_id}/{way}", content=body, headers=JSON)
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:samram:problem:invalid-request")


def test_unknown_city_is_not_found(client: TestClient) -> None:
    """Readings of a city that is not stored are answered 404."""
    reply = client.post("/v1/cities/nowhere/readings", json={"container": "C1", "time": ago(), "fill": 0.4})
    assert (reply.status_code, reply.json()["type"]) == (404, "urn:samram:problem:not-found")


def test_too_many_readings_are_refused(client: TestClient, city_id: str) -> None:
    """A batch beyond the published limit is answered 413."""
    assert client.post(f"/v1/cities/{city_id}/readings", json=[1] * 5_001).status_code == 413


def test_history_comes_in_as_a_file(client: TestClient, city_id: str, container: str) -> None:
    """A file's rows are stored, however old; what is wrong is told with its line; once more changes nothing."""
    rows = "".join(f"{container},2019-03-{day:02} 06:00,reading,0.{day:02}\n" for day in range(1, 31))
    text = f"container_id,time,kind,fill\n{rows}{container},2019-03-31 06:00,reading,7\n"
    first = client.post(f"/v1/cities/{city_id}/readings.csv", content=text, headers={"content-type": "text/csv"})
    assert counts(first) == {"stored": 30, "duplicate": 0, "quarantined": 1, "refused": 0}
    [wrong] = first.json()["results"]
    assert (wrong["row"], wrong["reason"]) == (32, "fill-out-of-range")
    again = client.post(f"/v1/cities/{city_id}/readings.csv", content=text, headers={"content-type": "text/csv"})
    assert counts(again)["duplicate"] == 30


def test_same_reading_from_many_at_once_is_stored_once(serve: Callable[[], httpx2.Client], city_zip: bytes) -> None:
    """Of forty concurrent requests on a real server with the same reading, one stores it."""
    client = serve()
    city_id = client.post("/v1/cities", content=city_zip, headers={"content-type": "application/zip"}).json()["id"]
    container = client.get(f"/v1/cities/{city_id}/containers").json()["features"][0]["id"]
    reading = {"container": container, "time": ago(), "fill": 0.4}
    started = threading.Barrier(8)

    def send(_number: int) -> list[str]:
        started.wait()
        return [
            client.post(f"/v1/cities/{city_id}/readings", json=reading).json()["results"][0]["status"] for _ in range(5)
        ]

    with ThreadPoolExecutor(8) as pool:
        statuses = [status for found in pool.map(send, range(8)) for status in found]
    assert sorted(statuses) == ["duplicate"] * 39 + ["stored"]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(["", "\0", "\ud800", "1e400", "2026-11-22T07:00:00", "x" * 300]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = (
    "device",
    "container",
    "time",
    "counter",
    "session",
    "kind",
    "fill",
    "fill_percent",
    "kg",
    "distance_mm",
    "tilted",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=5) | JUNK, max_size=40))
def test_no_junk_vanishes_or_fails(client: TestClient, city_id: str, container: str, sent: list[Any]) -> None:
    """Whatever is sent, no answer is a 5xx, and each item is stored, a duplicate, put aside or refused."""
    items = [
        {"container": container, "time": ago(1), "fill": 0.4} | one if isinstance(one, dict) else one for one in sent
    ]
    reply = client.post(f"/v1/cities/{city_id}/readings", content=json.dumps(items), headers=JSON)
    assert sum(counts(reply).values()) == len(items)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[]", 200), (b'[{"container": "x", "fill": NaN}, 7]', 200), (b"{", 422), (b"[" + b"1," * 6_000 + b"1]", 413)],
)
def test_short_way_answers_as_the_route(client: TestClient, city_id: str, body: bytes, status: int) -> None:
    """The short way to the endpoint of readings gives the same answers as the route beside which it leads."""
    ways = [f"/v1/cities/{city_id}/readings", "/v1/cities/nowhere/readings", "/v1/cities/-/readings"]
    short = [client.post(way, content=body, headers=JSON) for way in ways]
    client.app.router.routes.remove(SHORT_WAY)  # type: ignore[attr-defined]
    plain = [client.post(way, content=body, headers=JSON) for way in ways]
    assert [(one.status_code, one.content) for one in short] == [(one.status_code, one.content) for one in plain]
    assert short[0].status_code == status


def test_body_in_pieces_is_one_body(client: TestClient, city_id: str, container: str) -> None:
    """Readings that come without a stated length, in pieces, are stored; more than the limit of them is refused."""
    way = f"/v1/cities/{city_id}/readings"
    pieces = [b'{"container": "', container.encode(), b'", "time": "', ago().encode(), b'", "fill": 0.4}']
    assert counts(client.post(way, content=iter(pieces), headers=JSON))["stored"] == 1
    reply = client.post(way, content=(b" " * 1_000_000 for _ in range(11)), headers=JSON)
    assert (reply.status_code, reply.json()["type"]) == (413, "urn:samram:problem:too-large")


def test_length_that_is_no_length_is_refused(serve: Callable[[], httpx2.Client]) -> None:
    """A stated length of more digits than any body has is refused before a byte of the body is read."""
    server = serve().base_url
    with socket.create_connection((server.host, server.port)) as taken:
        length = b"0" * 18 + b"9999999"
        taken.sendall(b"POST /v1/cities/a/readings HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
        assert taken.makefile("rb").readline().split()[1] in (b"400", b"413")
