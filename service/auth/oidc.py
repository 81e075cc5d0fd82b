"""Signing in at a provider of identities: OpenID Connect's authorization code flow with PKCE.

The provider says who somebody is; what they may do stands in our accounts alone, so nobody gets in whom an
administrator has not added. At the first sign-in the provider's subject is bound to the account of the name in
``oidc_name_claim``, and from then on the subject counts, not the name: a name that the provider gives to somebody else
later opens nothing.

Sources: OpenID Connect Core 1.0, 3.1 and 3.1.3.7 (what of an ID token is checked); RFC 7636 (PKCE); RFC 9700, 2.1.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import jwt
from sqlmodel import Session, select

from service.auth.secret import derived
from service.clock import utc_now
from service.db.people import AccountRow, OutsideIdentityRow
from service.problems import NotAuthenticated, Overloaded

if TYPE_CHECKING:
    from service.settings import Settings

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures with a public key alone: one with a shared secret, or none, could be made by others."""
BEGUN_S: Final = 600
"""So long somebody may take to sign in at the provider. Our own figure."""
LEEWAY_S: Final = 60
_WAIT_S: Final = 10.0
_KEPT_S: Final = 3_600.0
_LARGEST: Final = 1_000_000


class Provider:
    """A provider of identities, as it describes itself; the description and its keys are fetched when they are needed.

    Raises
    ------
    ValueError
        If the settings do not name a client, or the issuer is not reached by HTTPS.
    RuntimeError
        If what checks signatures is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            import cryptography  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise RuntimeError("SAMRAM_OIDC_ISSUER is set, and samram[oidc] is not installed.") from error
        self.issuer = settings.oidc_issuer
        if not settings.oidc_client_id:
            raise ValueError("oidc_issuer is set and oidc_client_id is not; the provider's name for us is expected.")
        _need_https(self.issuer)
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret.get_secret_value()
        self._name_claim = settings.oidc_name_claim
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: jwt.PyJWKClient | None = None
        self._lock = threading.Lock()

    def begin(self, redirect_uri: str, secret: bytes) -> tuple[str, str]:
        """Return where to send a browser, and what it keeps until it comes back: signed, and good for minutes."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        begun = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "exp": int(utc_now().timestamp()) + BEGUN_S,
        }
        kept = jwt.encode(begun, derived(secret, "oidc"), algorithm="HS256")
        address: str = self._description()["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urllib.parse.urlencode(asked)}", kept

    def end(self, code: str, state: str, kept: str, redirect_uri: str, secret: bytes) -> dict[str, Any]:
        """Exchange a code for an ID token and return its claims.

        Raises
        ------
        NotAuthenticated
            If the browser did not begin here, or the token is not what was asked for.
        """
        try:
            begun = jwt.decode(kept, derived(secret, "oidc"), algorithms=["HS256"], options=_NO_TIMES)
        except jwt.InvalidTokenError as error:
            raise NotAuthenticated("Signing in did not begin in this browser; begin again.") from error
        if begun["exp"] <= utc_now().timestamp():
            raise NotAuthenticated("Signing in took too long; begin again.")
        if not hmac.compare_digest(begun["state"].encode(), state.encode()):
            raise NotAuthenticated("Signing in did not begin in this browser; begin again.")
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client_id,
            "code_verifier": begun["verifier"],
        }
        if self._client_secret:
            asked["client_secret"] = self._client_secret
        said = _fetched(self._description()["token_endpoint"], urllib.parse.urlencode(asked).encode())
        return self._claims(str(said.get("id_token", "")), begun["nonce"])

    def account(self, session: Session, claims: dict[str, Any]) -> AccountRow:
        """Return whose account it is, bound to the subject if this is the first sign-in. Does not commit.

        Raises
        ------
        NotAuthenticated
            If nobody of this name was added, or somebody else signs in to that account.
        """
        subject = str(claims["sub"])
        known = session.get(OutsideIdentityRow, (self.issuer, subject))
        if known is not None:
            return session.get_one(AccountRow, known.account_id)
        name = claims.get(self._name_claim)
        if not isinstance(name, str) or (self._name_claim == "email" and claims.get("email_verified") is not True):
            raise NotAuthenticated(f"The provider does not vouch for a name ({self._name_claim}).")
        found = session.exec(select(AccountRow).where(AccountRow.name == name.strip().casefold())).first()
        if found is None:
            raise NotAuthenticated(f"Nobody called {name!r} was added here; an administrator can do so.")
        taken = session.exec(
            select(OutsideIdentityRow).where(
                OutsideIdentityRow.issuer == self.issuer, OutsideIdentityRow.account_id == found.id
            )
        ).first()
        if taken is not None:
            raise NotAuthenticated(f"The account {found.name!r} belongs to somebody else at the provider.")
        session.add(OutsideIdentityRow(issuer=self.issuer, subject=subject, account_id=found.id, bound_at=utc_now()))
        session.flush()
        return found

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            key = self._key(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._client_id,
                issuer=self.issuer,
                options={"require": ["iss", "sub", "aud", "exp", "iat"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise Overloaded("The provider of identities does not answer; try again.") from error
        except jwt.PyJWTError as error:
            raise NotAuthenticated(f"The provider's token does not hold: {error}.") from error
        now_s = utc_now().timestamp()
        if not isinstance(claims["exp"], int | float) or claims["exp"] + LEEWAY_S <= now_s:
            raise NotAuthenticated("The provider's token has expired.")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotAuthenticated("The provider's token answers another request.")
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self._client_id:
            raise NotAuthenticated("The provider's token was made for another party.")
        return claims

    def _key(self, token: str) -> Any:
        address = self._description()["jwks_uri"]
        with self._lock:
            if self._keys is None or self._keys.uri != address:
                self._keys = jwt.PyJWKClient(address, timeout=_WAIT_S)
            return self._keys.get_signing_key_from_jwt(token)

    def _description(self) -> dict[str, Any]:
        with self._lock:
            if self._described is not None and time.monotonic() - self._described[0] < _KEPT_S:
                return self._described[1]
            found = _fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise Overloaded(f"The provider of identities calls itself {found.get('issuer')!r}.")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not isinstance(found.get(name), str):
                    raise Overloaded(f"The provider of identities does not say its {name}.")
                _need_https(found[name])
            self._described = (time.monotonic(), found)
            return found


_NO_TIMES: Final[Any] = {"verify_exp": False, "verify_iat": False}


def _fetched(address: str, form: bytes | None = None) -> dict[str, Any]:
    """Return what the provider answers.

    Raises
    ------
    NotAuthenticated
        If it refuses.
    Overloaded
        If it does not answer, or not in JSON.
    """
    request = urllib.request.Request(address, form, {"Accept": "application/json"})  # noqa: S310 - HTTPS, as was checked
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S) as reply:  # noqa: S310 - as above
            found = json.loads(reply.read(_LARGEST))
    except urllib.error.HTTPError as error:
        if form is not None and error.code < 500:  # noqa: PLR2004 - HTTP's server errors
            raise NotAuthenticated("The provider of identities refuses the code; begin again.") from error
        raise Overloaded("The provider of identities does not answer; try again.") from error
    except (OSError, ValueError) as error:
        raise Overloaded("The provider of identities does not answer; try again.") from error
    if not isinstance(found, dict):
        raise Overloaded("The provider of identities answers what cannot be read.")
    return found


def _need_https(address: str) -> None:
    """Refuse what others could read or change on its way; on this machine nobody can."""
    parts = urllib.parse.urlsplit(address)
    try:
        local = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        local = parts.hostname == "localhost"
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise ValueError(f"The address {address!r} of the provider of identities is expected to begin with https://.")
