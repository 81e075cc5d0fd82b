"""Short-lived tokens (JWT, HS256): they say which session or which driver's link their bearer has, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import jwt

from service.auth.secret import derived
from service.clock import utc_now
from service.problems import NotAuthenticated

if TYPE_CHECKING:
    import datetime as dt

ACCESS_S: Final = 900
"""How long a token of a session holds; then the session is asked for another."""
SESSION_S: Final = 14 * 86_400
"""How long a session can be renewed before the password is asked for again. Our own figure."""

Kind = Literal["session", "driver"]


class Claims(NamedTuple):
    """What a token says: of which kind it is, and the id of its session or link."""

    kind: Kind
    id: str


class Tokens:
    """Signs tokens and reads them.

    Parameters
    ----------
    secret
        The server's.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = derived(secret, "tokens")

    def signed(self, claims: Claims, *, now: dt.datetime, expires_at: dt.datetime) -> str:
        """Return a token."""
        payload = {"typ": claims.kind, "sub": claims.id, "iat": now, "exp": expires_at}
        return jwt.encode(payload, self._key, algorithm="HS256")

    def read(self, token: str) -> Claims:
        """Return what a token says.

        Raises
        ------
        NotAuthenticated
            If it is expired, was changed, or is none of ours.
        """
        # Its times are held against the service's own clock, like everything else that ends.
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                options={"require": ["typ", "sub", "iat", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise NotAuthenticated("The token is none of this server's.") from error
        if payload["exp"] <= utc_now().timestamp():
            raise NotAuthenticated("The token has expired; ask for another one.")
        return Claims(payload["typ"], payload["sub"])
