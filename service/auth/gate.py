"""Every request to the API passes here: whom its credential belongs to, before its body is read or its route sought.

Three kinds of credential: ``Authorization: Bearer`` with a token or an API key, the cookie of a session, or a device's
signature (``signing``). Who it is goes into the request's state as ``principal``; whether they may, ``permit`` decides.
"""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from service.auth import signing
from service.auth.identities import KEY_MARK, key_hash
from service.auth.principal import LOCAL, Principal
from service.auth.roles import Permission
from service.auth.rules import ROUTES, is_closed
from service.problems import NotAuthenticated, NotPermitted, ServiceError, problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.auth.identities import Identities, Kind
    from service.auth.tokens import Tokens
    from service.settings import Settings

ACCESS_COOKIE: Final = "samram_access"
_OPEN: Final = re.compile(
    "|".join(
        re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation))
        for operation in (
            *(operation for operation, permission in ROUTES.items() if permission is Permission.PUBLIC),
            "GET /v1/openapi.json",
        )
    )
)
"""What nobody is asked for, whatever stands for the parameters of a path."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def _is_open(scope: Scope) -> bool:
    return _OPEN.fullmatch(f"{scope['method']} {scope['path']}") is not None


class Gate:
    """Finds out who asks, and refuses credentials that do not hold."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._asks = settings.auth == "required"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass with its principal, or refuse it with 401."""
        if scope["type"] != "http" or not (self._asks and is_closed(scope["path"])):
            if not self._asks:
                scope.setdefault("state", {})["principal"] = LOCAL
            await self._app(scope, receive, send)
            return
        body: bytes | None = None
        principal: Principal | None
        try:
            if signing.KEY_HEADER in (headers := Headers(scope=scope)):
                body = await _body(receive)
                principal = await self._signed(scope, headers, body)
            else:
                principal = await self._principal(scope)
            if principal is None and not _is_open(scope):
                raise NotAuthenticated("This address needs a token or an API key; POST /v1/session gives a token.")
        except ServiceError as error:
            refusal = problem_response(error.status, error.kind, error.title, error.detail, error.headers)
            await refusal(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive if body is None else _again(body, receive), send)

    async def _principal(self, scope: Scope) -> Principal | None:
        headers = Headers(scope=scope)
        stated = headers.get("authorization")
        if stated is not None:
            scheme, _, credential = stated.partition(" ")
            if scheme.lower() != "bearer" or not credential:
                raise NotAuthenticated("The header Authorization is expected as: Bearer, and a token or an API key.")
            credential = credential.strip()
            if credential.startswith(KEY_MARK):
                return await self._known(scope, "key", key_hash(credential))
            return await self._of_token(scope, credential)
        token = _cookie(headers.get("cookie", ""))
        if token is None:
            return None
        if _is_open(scope):
            try:
                return await self._of_token(scope, token)
            except NotAuthenticated:
                return None  # an old cookie must not keep anybody from signing in
        if scope["method"] not in _SAFE and not _from_our_page(headers):
            raise NotPermitted("A request with a cookie must come from this server's own page.")
        return await self._of_token(scope, token)

    async def _signed(self, scope: Scope, headers: Headers, body: bytes) -> Principal:
        principal = await self._known(scope, "signed", signing.key_of(headers))
        state = scope["app"].state
        query = scope["query_string"]
        target = scope.get("raw_path", scope["path"].encode()).partition(b"?")[0] + (b"?" + query if query else b"")
        await run_in_threadpool(
            signing.verify, state.engine, state.secret, headers, scope["method"], target.decode("latin-1"), body
        )
        return principal

    async def _of_token(self, scope: Scope, token: str) -> Principal:
        tokens: Tokens = scope["app"].state.tokens
        claims = tokens.read(token)
        return await self._known(scope, claims.kind, claims.id)

    async def _known(self, scope: Scope, kind: Kind, name: str) -> Principal:
        identities: Identities = scope["app"].state.identities
        remembered = identities.remembered(kind, name)
        if remembered is None:
            found = await run_in_threadpool(identities.find, kind, name)
        else:
            found = remembered[0]
        if found is None:
            raise NotAuthenticated("The token or API key does not hold, or no longer.")
        return found


async def _body(receive: Receive) -> bytes:
    """Return a request's body, which is as long as the limit around us lets it be."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what hands a body out that was read already, and then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _cookie(header: str) -> str | None:
    if ACCESS_COOKIE not in header:
        return None
    try:
        found = SimpleCookie(header).get(ACCESS_COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def _from_our_page(headers: Headers) -> bool:
    """Whether a browser says that a page of this very server sends this (Fetch Metadata, or the older Origin)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin", "").partition("://")[2] == headers.get("host", "?")
