"""Signing in at a provider of identities, which runs beside the test and speaks HTTP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from service.app import create_app
from service.auth import accounts
from service.auth.roles import Role
from service.settings import Settings

pytest.importorskip("cryptography", reason="cryptography is not installed (extra oidc)")

from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_provider import CLIENT, CLIENT_SECRET, Provider

if TYPE_CHECKING:
    from collections.abc import Iterator

DESK = {"sub": "1", "email": "desk@city.example", "email_verified": True}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Run the provider."""
    found = Provider()
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Start the application with that provider; the desk and a guest were added, without passwords."""
    settings = Settings(
        home=tmp_path_factory.mktemp("oidc"),
        auth="required",
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=CLIENT_SECRET,  # type: ignore[arg-type]  # pydantic makes it a secret
    )
    with TestClient(create_app(settings), base_url="http://testserver", raise_server_exceptions=False) as client:
        with Session(client.app.state.engine) as session:  # type: ignore[attr-defined]
            for name in ("desk@city.example", "guest@city.example"):
                accounts.add(session, name, role=Role.VIEWER, city_id=None, password=None, outside=True)
            session.commit()
        yield client


@pytest.fixture(autouse=True)
def honest(provider: Provider, server: TestClient) -> Iterator[None]:
    """Let the provider tell the truth of the desk again after each test; nobody is signed in before."""
    server.cookies.clear()
    before = provider.key, provider.algorithm
    yield
    provider.key, provider.algorithm = before
    provider.person, provider.claims = dict(DESK), {}


def came_back(server: TestClient) -> str:
    """Begin to sign in, go to the provider as a browser does, and return the address that it sends back to."""
    begun = server.get("/v1/session/oidc", follow_redirects=False)
    assert begun.status_code == 303, begun.text
    sent = httpx2.get(begun.headers["location"], follow_redirects=False)
    return sent.headers["location"].removeprefix("http://testserver")


def signed_in(server: TestClient) -> Any:
    """Sign in and return the last reply."""
    return server.get(came_back(server), follow_redirects=False)


def test_whoever_was_added_signs_in_and_stays_signed_in(server: TestClient) -> None:
    """The session is one like after a password: cookies for the page, renewable, with the account's roles."""
    reply = signed_in(server)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    who = server.get("/v1/session").json()
    assert (who["kind"], who["name"], who["everywhere"]) == ("account", "desk@city.example", "viewer")
    assert server.post("/v1/session/refresh").status_code == 200
    assert server.get("/v1/cities").status_code == 200


def test_a_name_that_somebody_else_has_now_opens_nothing(server: TestClient, provider: Provider) -> None:
    """The subject counts: under another name it is the same account, and another subject of that name is refused."""
    assert signed_in(server).status_code == 303
    provider.person = DESK | {"email": "desk.two@city.example"}
    assert signed_in(server).status_code == 303
    assert server.get("/v1/session").json()["name"] == "desk@city.example"
    server.cookies.clear()
    provider.person = DESK | {"sub": "2"}
    assert signed_in(server).status_code == 401


@pytest.mark.parametrize(
    "person",
    [
        {"sub": "9", "email": "nobody@city.example", "email_verified": True},
        {"sub": "9", "email": "guest@city.example", "email_verified": False},
        {"sub": "9", "email": "guest@city.example"},
        {"sub": "9"},
    ],
)
def test_nobody_gets_in_whom_nobody_added_or_the_provider_does_not_vouch_for(
    server: TestClient, provider: Provider, person: dict[str, Any]
) -> None:
    """Without an account, and with a name that is not verified, there is no session."""
    provider.person = person
    assert signed_in(server).status_code == 401
    assert server.get("/v1/session").json()["kind"] is None


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-party"},
        {"aud": [CLIENT, "another-party"], "azp": "another-party"},
        {"iss": "https://elsewhere.example"},
        {"nonce": "of another request"},
        {"exp": int(time.time()) - 120},
    ],
    ids=["audience", "authorized party", "issuer", "nonce", "expired"],
)
def test_a_token_that_was_made_for_something_else_is_refused(
    server: TestClient, provider: Provider, claims: dict[str, Any]
) -> None:
    """Audience, party, issuer, nonce and time of the ID token must be those of this request."""
    provider.claims = claims
    assert signed_in(server).status_code == 401


def test_a_token_that_others_signed_is_refused(server: TestClient, provider: Provider) -> None:
    """Neither another key of the same name, nor our own secret, nor no signature at all makes a token hold."""
    provider.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    assert signed_in(server).status_code == 401
    for key, algorithm in ((CLIENT_SECRET.ljust(32, "!"), "HS256"), (None, "none")):
        provider.key, provider.algorithm = key, algorithm
        assert signed_in(server).status_code == 401


def test_what_did_not_begin_in_this_browser_does_not_end_in_it(server: TestClient) -> None:
    """Without the cookie of the beginning, with the state of another one, and a second time, nobody is let in."""
    back = came_back(server)
    kept = dict(server.cookies)
    server.cookies.clear()
    assert server.get(back, follow_redirects=False).status_code == 401
    other = came_back(server)
    assert server.get(back, follow_redirects=False).status_code == 401
    assert server.get(other, follow_redirects=False).status_code == 303
    server.cookies.clear()
    for name, value in kept.items():
        server.cookies.set(name, value)
    assert server.get(back, follow_redirects=False).status_code == 303
    for name, value in kept.items():
        server.cookies.set(name, value)
    assert server.get(back, follow_redirects=False).status_code == 401
    assert server.get("/v1/session/oidc/callback?error=access_denied", follow_redirects=False).status_code == 401


def test_an_account_without_a_password_has_none(server: TestClient) -> None:
    """Whoever signs in at the provider cannot be signed in with any password, the empty one included."""
    for password in ("x", "desk@city.example"):
        body = {"name": "desk@city.example", "password": password}
        assert server.post("/v1/session", json=body).status_code == 401


def test_a_provider_that_others_could_listen_to_is_refused(tmp_path: Any) -> None:
    """An issuer without HTTPS on another machine, and one without a client's name, keep the server from starting."""
    for issuer, client in (("http://login.example", CLIENT), ("https://login.example", "")):
        app = create_app(Settings(home=tmp_path, auth="required", oidc_issuer=issuer, oidc_client_id=client))
        with pytest.raises(ValueError, match=r"https|oidc_client_id"), TestClient(app):
            pass
