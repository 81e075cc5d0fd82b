"""Requests that may be sent again: with an Idempotency-Key the first one acts, and the others get its answer.

As in draft-ietf-httpapi-idempotency-key-header. Errors are not kept: the same key may be tried again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final

from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col
from starlette.responses import Response

from service.clock import utc_now
from service.db.answers import AnswerRow
from service.problems import Conflict, FieldError, InvalidRequest, KeyUsedDifferently

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request
    from sqlalchemy import Engine


KEPT_FOR: Final = dt.timedelta(hours=24)
WORKED_ON_FOR: Final = dt.timedelta(minutes=2)
"""A request whose server was killed may be sent again after this time."""

KEY_LENGTH: Final = 200
_KEPT_HEADERS: Final = ("content-type", "location")

HEADER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of the sender's own, such as a UUID: the same request sent again with it acts once, "
    "and is answered as before for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH},
}


class IdempotentRoute(APIRoute):
    """A route whose POST requests may carry an Idempotency-Key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "POST" in (self.methods or ()):
            extra = dict(self.openapi_extra or {})
            self.openapi_extra = extra | {"parameters": [*extra.get("parameters", []), HEADER]}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that looks for the key first."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None or request.method != "POST":
                return await handler(request)
            scope = _digest(
                request.url.path,
                request.headers.get("authorization", ""),
                request.headers.get("cookie", ""),
                _checked(key),
            )
            engine: Engine = request.app.state.engine
            asked = _digest(request.url.query, await request.body())
            stored = await run_in_threadpool(_reserve, engine, scope, asked)
            if stored is not None:
                return stored
            try:
                response = await handler(request)
            except BaseException:
                await run_in_threadpool(_release, engine, scope)
                raise
            await run_in_threadpool(_keep, engine, scope, response)
            return response

        return answer


def _checked(key: str) -> str:
    if not 0 < len(key) <= KEY_LENGTH or not key.isprintable():
        message = f"A key of 1 to {KEY_LENGTH} printable characters is expected."
        raise InvalidRequest([FieldError(place="header/idempotency-key", message=message)])
    return key


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _reserve(engine: Engine, key: str, asked: str) -> Response | None:
    """Take a key for this request; return the answer that is kept for it, None if the request is to be carried out.

    Raises
    ------
    KeyUsedDifferently
        If another request was sent with the key.
    Conflict
        If the same one is being carried out.
    """
    now = utc_now()
    with Session(engine) as session:
        session.exec(delete(AnswerRow).where(col(AnswerRow.expires_at) < now))
        session.commit()
        session.add(AnswerRow(key=key, request_hash=asked, expires_at=now + WORKED_ON_FOR))
        try:
            session.commit()
        except IntegrityError:
            session.rollback()
        else:
            return None
        row = session.get(AnswerRow, key)
        if row is not None and row.request_hash != asked:
            raise KeyUsedDifferently("This Idempotency-Key was sent with another request; take a new one.")
        if row is None or row.status is None:
            raise Conflict("The same request, with this Idempotency-Key, is being carried out just now.")
        return Response(row.body or b"", status_code=row.status, headers={**row.headers, "Idempotent-Replay": "true"})


def _keep(engine: Engine, key: str, response: Response) -> None:
    with Session(engine) as session:
        row = session.get(AnswerRow, key)
        if row is None:  # it took longer than a request is waited for
            return
        row.status = response.status_code
        row.headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        row.body = bytes(response.body)
        row.expires_at = utc_now() + KEPT_FOR
        session.add(row)
        session.commit()


def _release(engine: Engine, key: str) -> None:
    with Session(engine) as session:
        session.exec(delete(AnswerRow).where(col(AnswerRow.key) == key))
        session.commit()
