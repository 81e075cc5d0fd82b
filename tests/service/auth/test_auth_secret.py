"""The server's secret, and the settings that keep a server from being open."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import ValidationError

from service.auth.secret import derived, server_secret
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_secret_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    """The second start finds the secret of the first, in a file that nobody else may read."""
    first = server_secret(tmp_path / "home")
    assert server_secret(tmp_path / "home") == first
    assert stat.S_IMODE((tmp_path / "home" / "secret").stat().st_mode) == 0o600
    assert server_secret(tmp_path / "other") != first
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret"]


def test_servers_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    """However many start at the same time in one home, all have the same whole secret."""
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: server_secret(tmp_path), range(64)))
    assert len(found) == 1
    assert len(found.pop()) == 64


def test_given_secret_is_taken_and_nothing_is_written(tmp_path: Path) -> None:
    """A secret in the settings is the one; no file is made beside it."""
    assert server_secret(tmp_path, "x" * 32) == b"x" * 32
    assert list(tmp_path.iterdir()) == []


def test_spoilt_secret_is_refused(tmp_path: Path) -> None:
    """A file that was cut short is refused with a sentence that says what to do."""
    (tmp_path / "secret").write_text("short")
    with pytest.raises(ValueError, match="delete it"):
        server_secret(tmp_path)


def test_secrets_of_other_purposes_differ() -> None:
    """What is derived for one purpose is of no use for another."""
    assert len({derived(b"secret", purpose) for purpose in ("tokens", "device key 1", "device key 2")}) == 3


@pytest.mark.parametrize(
    ("host", "auth", "accepted"),
    [
        ("127.0.0.1", "off", True),
        ("127.1.2.3", "off", True),
        ("::1", "off", True),
        ("localhost", "off", True),
        ("0.0.0.0", "off", False),
        ("", "off", False),
        ("::", "off", False),
        ("10.0.0.1", "off", False),
        ("waste.example", "off", False),
        ("0.0.0.0", "required", True),
    ],
)
def test_only_this_machine_is_served_without_asking(
    host: str,
    auth: Literal["required", "off"],
    accepted: bool,  # noqa: FBT001
) -> None:
    """A server that asks nobody who they are cannot be told to listen to other machines."""
    if accepted:
        assert Settings(host=host, auth=auth).auth == auth
    else:
        with pytest.raises(ValidationError, match="without accounts"):
            Settings(host=host, auth=auth)


def test_accounts_are_required_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting the server asks who people are."""
    monkeypatch.delenv("SAMRAM_AUTH", raising=False)
    assert Settings().auth == "required"


def test_short_secret_is_refused() -> None:
    """A secret that could be guessed is refused, at 31 characters and not at 32."""
    assert Settings(secret="x" * 32).secret.get_secret_value() == "x" * 32
    with pytest.raises(ValidationError, match="too short"):
        Settings(secret="x" * 31)
