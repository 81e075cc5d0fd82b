"""The compose file, as far as it can be checked without a container engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]


def test_every_variable_of_ours_is_a_setting() -> None:
    """What the compose file sets for the server is something that the server reads, and the server accepts it."""
    given = {
        name.removeprefix("SAMRAM_").lower(): re.sub(r"\${\w+:\?[^}]*}", "0f3c", value)
        for name, value in SERVICES["samram"]["environment"].items()
        if name.startswith("SAMRAM_")
    }
    assert given.keys() <= Settings.model_fields.keys()
    settings = Settings(**given, auth="required")
    assert settings.database == "postgresql+psycopg://samram:0f3c@postgres/samram"
    assert settings.mqtt_host in SERVICES


def test_server_waits_for_what_it_needs() -> None:
    """The server starts when the database and the broker say that they are well, and both say so."""
    needed = SERVICES["samram"]["depends_on"]
    assert needed == {name: {"condition": "service_healthy"} for name in ("postgres", "mosquitto")}
    assert all("healthcheck" in SERVICES[name] for name in needed)


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_published_to_other_machines(name: str) -> None:
    """Every published port is one of this machine alone; what others reach goes through a proxy with TLS."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_no_password_stands_in_the_file() -> None:
    """Every password comes from the environment, and the file refuses to start without it."""
    for line in TEXT.splitlines():
        if re.search(r"PASSWORD\b.*: ", line) and not line.lstrip().startswith("#"):
            assert ":?" in line, line


def test_image_can_speak_to_both() -> None:
    """The drivers of the database and the broker are among what the image installs."""
    installed = (ROOT / "scripts" / "servers.lock").read_text(encoding="utf-8")
    assert {"psycopg", "psycopg-binary", "paho-mqtt"} <= set(re.findall(r"^([a-z-]+)==", installed, re.MULTILINE))
    assert "scripts/servers.lock" in (ROOT / "scripts" / "install-app.sh").read_text(encoding="utf-8")
