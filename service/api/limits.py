"""No body larger than its published limit is ever held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from service.problems import TooLarge, problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.settings import Settings

MULTIPART_BYTES = 10_000
"""What the form around a file may add to it."""
LONGEST_STATED = 18
"""Digits of a stated length; nobody sends more than 10^18 bytes."""


class BodyLimit:
    """Refuses a body by its stated length, or, where none is stated, as soon as it has grown too large."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it with 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._settings.max_body_bytes
        path = scope["path"].rstrip("/")
        if scope["method"] == "POST" and (path == "/v1/cities" or path.endswith("/readings.csv")):
            limit = self._settings.max_upload_bytes + MULTIPART_BYTES
        detail = f"The body is larger than the {limit:,} bytes that this server accepts here."
        headers = dict(scope["headers"])
        stated = headers.get(b"content-length", b"")
        if stated.isdigit() and b"transfer-encoding" not in headers:
            if len(stated) > LONGEST_STATED or int(stated) > limit:
                refusal = problem_response(TooLarge.status, TooLarge.kind, TooLarge.title, detail)
                await refusal(scope, receive, send)
            else:
                await self._app(scope, receive, send)  # the server reads no more than was stated
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # The framework passes its own exceptions on, and makes others a 400.
                raise HTTPException(TooLarge.status, detail)
            return message

        await self._app(scope, counted, send)
