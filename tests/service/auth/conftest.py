"""The server of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from auth_house import House, renamed
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, city_zip: bytes) -> Iterator[House]:
    """Start the application, with accounts required, on a home of its own."""
    home: Path = tmp_path_factory.mktemp("house") / "home"
    app = create_app(Settings(home=home, auth="required"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield House(client, (renamed(city_zip, "Here"), renamed(city_zip, "There")))
