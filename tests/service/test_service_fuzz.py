"""Requests made from the API's own description, right ones and wrong ones: whatever comes, no answer is a failure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from ingest_city import empty_database
from schemathesis import GenerationMode

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = create_app(Settings(auth="off")).openapi()
OPERATIONS = sorted((path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES = int(os.environ.get("SAMRAM_TESTS_FUZZ", "2"))
"""Of each kind for each route; a night's run takes hundreds."""
NOT_NOW = {503}  # said in the description: the queue is full, or the database is away


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, city_zip: bytes
) -> Iterator[tuple[TestClient, str]]:
    """Start the application on each kind of database, with a city in it."""
    folder = tmp_path_factory.mktemp("fuzz")
    url = empty_database(request, request.param, folder)
    # Nothing is searched here: runs wait, and end with the server.
    given_settings = Settings(home=folder / "home", database_url=url, auth="off", max_solve_s=1)
    with TestClient(create_app(given_settings), raise_server_exceptions=False) as client:
        imported = client.post("/v1/cities", content=city_zip, headers={"content-type": "application/zip"})
        yield client, imported.json()["id"]


def takes_something(path: str, method: str) -> bool:
    """Whether a route takes anything that could be wrong."""
    operation = DOCUMENT["paths"][path][method.lower()]
    return bool(operation.get("parameters") or operation.get("requestBody"))


ASKED = [
    (path, method, mode)
    for path, method in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or takes_something(path, method)
]


@pytest.mark.parametrize(("path", "method", "mode"), ASKED, ids=str)
def test_no_request_fails(town: tuple[TestClient, str], path: str, method: str, mode: GenerationMode) -> None:
    """Requests that fit the description of a route, and such that do not, are answered, and never with a 5xx."""
    client, city_id = town
    operation = SCHEMA[path][method]

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(operation.as_strategy(generation_mode=mode))
    def answered(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://testserver")
        sent.pop("cookies", None)
        if sent.pop("files", None) is not None:  # forms are tested by themselves; the client cannot send wrong ones
            sent["content"] = b"no zip"
        if "{city_id}" in path:  # mostly a city that is there; the unknown ones are right, and soon answered
            there = case.path_parameters.get("city_id", "")
            sent["url"] = sent["url"].replace(f"/v1/cities/{there}", f"/v1/cities/{city_id}", 1)
        if "data" in sent:
            sent["content"] = sent.pop("data")
        reply = client.request(**sent, follow_redirects=False)
        assert reply.status_code < 500 or reply.status_code in NOT_NOW, (sent, reply.text)
        if reply.status_code >= 400:
            assert reply.headers["content-type"] == "application/problem+json"

    answered()
