"""A city with a published plan: made once by the server itself, and copied for each test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from driving_day import Driven, publish_plan
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory, city_zip: bytes) -> tuple[Path, str, str]:
    """Return the home of a server with a city and a published plan, the city's short name and the plan's id."""
    home = tmp_path_factory.mktemp("driving") / "home"
    with TestClient(create_app(Settings(home=home))) as client:
        city_id = client.post("/v1/cities", content=city_zip, headers={"content-type": "application/zip"}).json()["id"]
        plan_id = publish_plan(client, city_id)
    return home, city_id, plan_id


@pytest.fixture
def driven(lived_in: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    """Start a server with a city and its published plan; it is Monday, 16:00 in the city."""
    home, city_id, plan_id = lived_in
    shutil.copytree(home, tmp_path / "home")
    with TestClient(create_app(Settings(home=tmp_path / "home")), raise_server_exceptions=False) as client:
        found = Driven(client=client, city_id=city_id, plan_id=plan_id)
        monkeypatch.setattr("service.api.driver_events.now_us", lambda: found.now_us)
        yield found
