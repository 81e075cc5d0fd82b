"""``samram people`` and ``samram keys`` on a server's database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from auth_house import PASSWORD
from typer.testing import CliRunner

from service.auth.roles import Role
from service.cli.main import app

if TYPE_CHECKING:
    from auth_house import House
    from click.testing import Result


@pytest.fixture
def samram(house: House, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a way to type the command on the database of the server that runs."""
    monkeypatch.setenv("SAMRAM_HOME", str(house.state.settings.home))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words, **more: _ran(CliRunner().invoke(app, [str(word) for word in words], **more))


def _ran(result: Result) -> Result:
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_first_account_opens_everything_until_it_is_removed(house: House, samram: Any) -> None:
    """An account made on the command line signs in at once, is listed, gets another password, and goes."""
    made = samram("people", "add", "Chief", "--role", "administrator", input=f"{PASSWORD}\n")
    assert (made.exit_code, made.stdout) == (0, "New account chief: administrator of every city.\n")
    who = {"name": "chief", "password": PASSWORD}
    token = house.ask("POST", "/v1/session", json=who).json()["access_token"]
    assert len(house.ask("GET", "/v1/cities", token).json()["cities"]) == 2
    assert "administrator" in samram("people", "list").stdout
    assert samram("people", "passwd", "chief", input="another long passphrase\n").exit_code == 0
    assert house.ask("POST", "/v1/session", json=who).status_code == 401
    assert samram("people", "remove", "chief").exit_code == 0
    assert "chief" not in samram("people", "list").stdout


def test_role_in_a_city_is_added_to_an_account_that_is_there(house: House, samram: Any) -> None:
    """A second city asks for no password, and one is taken without the other."""
    words = ("people", "add", "desk", "--role", "viewer", "--city")
    assert samram(*words, house.here.id, input=f"{PASSWORD}\n").exit_code == 0
    assert samram(*words, house.there.id).stdout == f"Account desk: viewer of city {house.there.id}.\n"
    assert samram("people", "remove", "desk", "--city", house.here.id).exit_code == 0
    listed = samram("people", "list").stdout
    assert re.findall(r"\w+: viewer", listed) == [f"{house.there.id}: viewer"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("people", "add", "vuth", "--role", "driver"), "drivers come by a link"),
        (("people", "add", "vuth", "--role", "viewer", "--city", "nowhere"), "no city 'nowhere'"),
        (("people", "add", "vu/th", "--role", "viewer"), "none of them is a slash"),
        (("people", "passwd", "nobody"), "no account 'nobody'"),
        (("keys", "revoke", "000000000000"), "no key '000000000000'"),
        (("keys", "new", "x", "--role", "driver"), "drivers come by a link"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(samram: Any, words: tuple[str, ...], said: str) -> None:
    """What makes no sense is refused with exit status 1 and a sentence, and no traceback."""
    ran = samram(*words, input=f"{PASSWORD}\n")
    assert ran.exit_code == 1
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_weak_password_makes_no_account(samram: Any) -> None:
    """A password that is too short is refused, and nobody is added."""
    assert samram("people", "add", "weak", "--role", "viewer", input="short\n").exit_code == 1
    assert "weak" not in samram("people", "list").stdout


def test_key_is_printed_alone_and_opens_until_it_is_revoked(house: House, samram: Any) -> None:
    """The key is all that stands on the standard output; once revoked, it opens nothing."""
    made = samram("keys", "new", "platform", "--role", "viewer", "--city", house.here.id)
    key = made.stdout.strip()
    assert house.ask("GET", f"/v1/cities/{house.here.id}", key).status_code == 200
    key_id = key.split("_")[1]
    assert key_id in made.stderr
    assert samram("keys", "revoke", key_id, "--city", house.here.id).exit_code == 0
    house.state.identities.forget()  # as after five seconds
    assert house.ask("GET", f"/v1/cities/{house.here.id}", key).status_code == 401


def test_what_the_command_does_is_written_down(house: House, samram: Any) -> None:
    """The city's audit log has what was done on the command line."""
    samram("keys", "new", "gateway", "--city", house.here.id)
    boss = house.account(Role.ADMINISTRATOR, house.here.id)
    entries = house.ask("GET", f"/v1/cities/{house.here.id}/audit", boss).json()["entries"]
    assert ("command", "samram keys new") in {(entry["kind"], entry["operation"]) for entry in entries}


def test_server_says_how_the_first_account_is_made(samram: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in which nobody can sign in says which command makes the first account; one that asks nobody says so."""
    monkeypatch.setenv("SAMRAM_HOME", str(tmp_path))
    monkeypatch.setattr("service.cli.serving.run", lambda _server, taken: taken.close())  # all but the serving itself
    monkeypatch.setenv("SAMRAM_AUTH", "required")
    assert "samram people add NAME --role administrator" in samram("serve", "--port", 0).stderr
    monkeypatch.setenv("SAMRAM_AUTH", "off")
    assert "Nobody is asked who they are" in samram("serve", "--port", 0).stderr


def test_server_that_asks_nobody_stays_on_this_machine(
    samram: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without accounts does not start on an address that other machines reach."""
    monkeypatch.setenv("SAMRAM_HOME", str(tmp_path))
    monkeypatch.setenv("SAMRAM_AUTH", "off")
    refused = samram("serve", "--port", 0, "--host", "0.0.0.0")
    assert refused.exit_code == 1
    assert "without accounts only 127.0.0.1" in refused.stderr
