"""The log of who changed what: a line for each request that changed something, in the same transaction as the change.

The request's own session writes the line with its first commit (``joined``); what commits by itself calls
``write_into``.
A request that changed nothing, because it was sent before, has its line written before its reply leaves.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from service.auth.rules import UNAUDITED
from service.clock import utc_now
from service.db.people import AuditRow

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.auth.principal import Principal

_WRITTEN: Final = "audited"
_UNSAID: Final = frozenset({"phone"})
"""A driver's only name: the log would keep it when everything else of them is erased."""
_CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_log = logging.getLogger(__name__)


class Audit:
    """Writes down every request that changed something; an endpoint may say more in ``request.state.audit``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and write it down if it was carried out."""
        if scope["type"] != "http" or scope["method"] not in _CHANGES:
            await self._app(scope, receive, send)
            return

        async def written(message: Message) -> None:
            carried_out = message["type"] == "http.response.start" and message["status"] < 400  # noqa: PLR2004 - HTTP's errors
            if carried_out and not scope.get("state", {}).get(_WRITTEN):
                row = _row(scope, message["status"])
                if row is not None:
                    await run_in_threadpool(_write, scope["app"].state.engine, row)
            await send(message)

        await self._app(scope, receive, written)


def joined(session: Session, request: Request, response: Response) -> None:
    """Have a request's session write the line with its first commit: the change is never there without it."""
    if request.method not in _CHANGES:
        return

    def write(_session: Session) -> None:
        write_into(session, request, response.status_code or request.scope["route"].status_code or HTTPStatus.OK)

    event.listen(session, "before_commit", write)


def write_into(session: Session, request: Request, status: int) -> None:
    """Add a request's line to the session that changes something for it, once. Does not commit."""
    if getattr(request.state, _WRITTEN, False):
        return
    row = _row(request.scope, status)
    if row is not None:
        session.add(row)
        session.flush()
    # What fails after this is answered with an error, and an error has no line.
    setattr(request.state, _WRITTEN, True)


def record(session: Session, principal: Principal, operation: str, *, city_id: str | None, **detail: Any) -> None:
    """Write down a change that came by another way than a request; does not commit."""
    session.add(
        AuditRow(
            city_id=city_id,
            at=utc_now(),
            kind=principal.kind,
            who=principal.name,
            operation=operation,
            target={},
            detail=detail,
            status=200,
        )
    )


def _row(scope: Scope, status: int) -> AuditRow | None:
    path = getattr(scope.get("route"), "path_format", None)
    state = scope.get("state", {})
    principal: Principal | None = state.get("principal")
    operation = f"{scope['method']} {path}"
    if path is None or principal is None or operation in UNAUDITED:
        return None
    target = {name: str(value) for name, value in scope.get("path_params", {}).items() if name not in _UNSAID}
    return AuditRow(
        city_id=target.pop("city_id", None) or state.get("city_id"),
        at=utc_now(),
        kind=principal.kind,
        who=principal.name,
        operation=operation,
        target=target,
        detail=state.get("audit"),
        status=status,
        request_id=state.get("request_id"),
    )


def _write(engine: Engine, row: AuditRow) -> None:
    try:
        with Session(engine) as session:
            session.add(row)
            session.commit()
    except SQLAlchemyError:
        # The change itself is committed; refusing it now would be a lie.
        _log.exception("A change could not be written into the audit log: %s.", row.operation)
