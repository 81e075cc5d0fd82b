"""The description of the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home: Path = tmp_path_factory.mktemp("openapi")
    return create_app(Settings(home=home)).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    """Every operation has a summary, a description, and a schema for each reply with a body."""
    names = [name for name, _ in operations(document)]
    assert len(names) >= 18
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        for status, reply in operation["responses"].items():
            assert reply["description"], (name, status)
            if status not in {"204", "303", "304"}:
                # A stream's events have an itemSchema, which OpenAPI 3.2 brings.
                schemas = [content.get("schema") or content["itemSchema"] for content in reply["content"].values()]
                assert all(schemas), (name, status)
                assert reply["content"], (name, status)


def test_every_error_is_problem_details(document: dict[str, Any]) -> None:
    """Every error of every operation is listed as application/problem+json with the same model, and nothing else."""
    for name, operation in operations(document):
        errors = {status: reply for status, reply in operation["responses"].items() if status >= "400"}
        assert "500" in errors, name
        if operation.get("parameters"):
            assert "422" in errors, name
        if "requestBody" in operation:
            assert {"400", "413", "422"} <= set(errors), name
        if "{" in name:
            assert "404" in errors, name
        for status, reply in errors.items():
            assert list(reply["content"]) == ["application/problem+json"], (name, status)
            schema = reply["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """Every $ref of the document names a schema that is in it, and every schema says what it is."""
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert reference.removeprefix("#/components/schemas/") in schemas
    for name, schema in schemas.items():
        assert schema.get("description"), name


def test_maps_are_geojson(document: dict[str, Any]) -> None:
    """Every map is announced as application/geo+json with a model of its features."""
    maps = [
        operation["responses"]["200"]
        for name, operation in operations(document)
        if name.endswith((".geojson", "containers", "depots", "disposal-sites", "zones", "streets"))
    ]
    assert len(maps) == 10
    for reply in maps:
        assert list(reply["content"]) == ["application/geo+json"]
        assert "$ref" in reply["content"]["application/geo+json"]["schema"]
