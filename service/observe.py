"""The outermost layer: each request gets an id, is counted, and is written down when it is worth a line."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Final

from service.auth.rules import UNAUDITED
from service.logs import about_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.metrics import Metrics

HEADER: Final = b"x-request-id"
_GIVEN: Final = re.compile(rb"[A-Za-z0-9-]{8,64}")
_WRONG: Final = 400
_FAILED: Final = 500
_UNWRITTEN: Final = UNAUDITED | {"GET /healthz", "GET /readyz", "GET /metrics"}
"""What comes thousands of times a minute and went well is counted, and no more."""
_log = logging.getLogger(__name__)


class Observe:
    """Counts requests and writes them down, by the template of their route."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its id goes into the log's lines, the audit log and the reply."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        about_request(request_id)
        began_s, status = time.perf_counter(), _FAILED

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id.encode())]
                self._told(scope, status, time.perf_counter() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if status == _FAILED:
                self._told(scope, status, time.perf_counter() - began_s)
            raise

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", None) or "(none)"
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        self._metrics.request(method, route, status, seconds)
        if status >= _WRONG or f"{method} {route}" not in _UNWRITTEN:
            level = logging.ERROR if status >= _FAILED else logging.INFO
            fields = {"method": method, "route": route, "status": status, "ms": round(1_000 * seconds, 1)}
            _log.log(level, "request", extra=fields)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _request_id(scope: Scope) -> str:
    """Return the id that a proxy has given, or a new one."""
    for name, value in scope["headers"]:
        if name == HEADER and _GIVEN.fullmatch(value):
            given: str = value.decode()
            return given
    return secrets.token_hex(8)
