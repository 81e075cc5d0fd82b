"""Every error of the service as one kind of reply: problem details (RFC 9457), ``application/problem+json``.

``ServiceError``
    ``NotAuthenticated`` (401), ``NotPermitted`` (403), ``NotFound`` (404), ``Conflict`` (409), ``TooLarge`` (413),
    ``UnsupportedMediaType`` (415), ``InvalidRequest`` and ``InvalidCity`` (422), ``TooManyAttempts`` (429),
    ``QueueFull``, ``Overloaded``, ``NotReady`` and ``DatabaseAway`` (503), ``DiskFull`` (507).
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from geodata.errors import CityDatasetError, Finding

PROBLEM_JSON: Final = "application/problem+json"
VALUE_SHOWN: Final = 200
"""Characters of a refused value that are shown again."""

_SECRET: Final = frozenset({"password", "old", "new", "code"})
"""Fields whose values are never shown again."""
_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not know this method; the header Allow lists those it knows.",
}


class FieldError(BaseModel):
    """One field of a request that is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str = Field(description="Where it stands, as a path: body/seconds, query/shift, path/city_id.")
    message: str = Field(description="What was expected.")
    value: str | None = Field(default=None, description="What stood there, in ASCII, shortened.")


class FindingOut(BaseModel):
    """One thing that is wrong, or doubtful, in a file of a city dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    message: str
    row: int | None = Field(default=None, description="Line as an editor counts, the header being line 1.")
    column: str | None = None
    value: str | None = None
    expected: str | None = None


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="Which kind of problem; stable, for programs.")
    title: str = Field(description="The kind in words.")
    status: int
    detail: str = Field(description="What happened this time, in a sentence.")
    errors: list[FieldError] | None = Field(default=None, description="Every field of the request that is wrong.")
    findings: list[FindingOut] | None = Field(default=None, description="Everything wrong in the city dataset.")


class ServiceError(Exception):
    """A request that cannot be answered as asked; becomes problem details."""

    status: ClassVar[HTTPStatus]
    kind: ClassVar[str]
    title: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def more(self) -> dict[str, Any]:
        """Members beside the usual ones."""
        return {}


class NotAuthenticated(ServiceError):
    """Nobody, or nobody who is known."""

    status = HTTPStatus.UNAUTHORIZED
    kind = "not-authenticated"
    title = "It must be known who asks"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class NotPermitted(ServiceError):
    """Somebody who may not do this."""

    status = HTTPStatus.FORBIDDEN
    kind = "not-permitted"
    title = "Whoever asks may not do this"


class NotFound(ServiceError):
    """There is no such thing."""

    status = HTTPStatus.NOT_FOUND
    kind = "not-found"
    title = "There is no such thing"


class Conflict(ServiceError):
    """The request contradicts the state of things."""

    status = HTTPStatus.CONFLICT
    kind = "conflict"
    title = "The request contradicts the state of things"


class TooLarge(ServiceError):
    """More than the published limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "too-large"
    title = "More than this server accepts"


class UnsupportedMediaType(ServiceError):
    """A body of a kind that is not understood."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    kind = "unsupported-media-type"
    title = "The body is of a kind that is not understood"


class TooManyAttempts(ServiceError):
    """Too many attempts failed.

    Parameters
    ----------
    wait_s
        Seconds until the next one is looked at.
    """

    status = HTTPStatus.TOO_MANY_REQUESTS
    kind = "too-many-attempts"
    title = "Too many attempts failed"

    def __init__(self, *, wait_s: float) -> None:
        seconds = math.ceil(wait_s)
        super().__init__(f"Too many attempts failed; the next one is looked at in {seconds} s.")
        self.headers = {"Retry-After": str(seconds)}  # type: ignore[misc]  # this kind's differ from time to time


class QueueFull(ServiceError):
    """Too many runs wait."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "queue-full"
    title = "Too many runs are waiting"


class Overloaded(ServiceError):
    """More comes in than can be written."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "overloaded"
    title = "More comes in than can be written just now"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class DatabaseAway(ServiceError):
    """The database does not answer."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "database-unavailable"
    title = "The database does not answer"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class NotReady(ServiceError):
    """The server cannot do its work just now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "not-ready"
    title = "The server cannot do its work just now"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class DiskFull(ServiceError):
    """There is no room to keep anything."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
    kind = "disk-full"
    title = "The server's disk is full"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "60"}


class InvalidRequest(ServiceError):
    """Fields with wrong values."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "invalid-request"
    title = "The request has wrong values"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.place}: {error.message}" for error in errors[:3]))
        self.errors = errors

    @property
    def more(self) -> dict[str, Any]:
        """Return every wrong field."""
        return {"errors": [error.model_dump() for error in self.errors]}


class InvalidCity(ServiceError):
    """A city dataset with errors."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "invalid-city"
    title = "The city dataset has errors"

    def __init__(self, findings: Sequence[FindingOut]) -> None:
        one = len(findings) == 1
        super().__init__(
            f"The city dataset has {len(findings)} error{'' if one else 's'}; nothing was imported. "
            f"{findings[0].file}: {findings[0].message}"
        )
        self.findings = findings

    @classmethod
    def of(cls, error: CityDatasetError) -> "InvalidCity":
        """Make it from what reading the city raised."""
        return cls(findings_out(error.findings))

    @property
    def more(self) -> dict[str, Any]:
        """Return every finding."""
        return {"findings": [finding.model_dump() for finding in self.findings]}


def findings_out(findings: Sequence[Finding]) -> list[FindingOut]:
    """Return findings of ``geodata`` as they go over the wire."""
    return [
        FindingOut(
            file=shown(finding.file),
            message=shown(finding.message, limit=2_000),
            row=finding.row,
            column=None if finding.column is None else shown(finding.column),
            value=None if finding.value is None else shown(finding.value),
            expected=finding.expected,
        )
        for finding in findings
    ]


def shown(value: object, *, limit: int = VALUE_SHOWN) -> str:
    """Return a refused value as text that can always be sent: no lone surrogates, no control characters, short."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, a list of thousands of levels
        return f"<{type(value).__name__}>"
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: limit + 1])
    return text if len(text) <= limit else text[:limit] + "…"


def problem_response(
    status: HTTPStatus, kind: str, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return problem details as a reply."""
    body = {
        "type": f"urn:samram:problem:{kind}",
        "title": title,
        "status": int(status),
        "detail": shown(detail, limit=4_000),
        **more,
    }
    return Response(orjson.dumps(body), status_code=status, media_type=PROBLEM_JSON, headers=headers)


def install_handlers(app: FastAPI) -> None:
    """Make every error of the app problem details."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)


def _service_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return problem_response(error.status, error.kind, error.title, error.detail, error.headers, **error.more)


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(
            place=shown("/".join(str(part) for part in found.get("loc", ()))),
            message=shown(found.get("msg", "is wrong")),
            value=shown(found["input"]) if _may_be_shown(found) else None,
        )
        for found in error.errors()
    ]
    return _service_error(request, InvalidRequest(errors))


def _may_be_shown(found: Mapping[str, Any]) -> bool:
    return found.get("type") not in ("missing", "json_invalid") and _SECRET.isdisjoint(found.get("loc", ()))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    kinds = {TooLarge.status: (TooLarge.kind, TooLarge.title)}
    kind, title = kinds.get(status, (status.phrase.lower().replace(" ", "-"), status.phrase))
    # The framework's own errors say nothing but the phrase of their status again.
    detail = str(error.detail)
    if detail == status.phrase:
        detail = _SENTENCES.get(status, f"{detail}: {request.method} {request.url.path}.")
    return problem_response(status, kind, title, detail, headers=error.headers)


def _unexpected_error(_request: Request, _error: Exception) -> Response:
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "The server failed",
        "The server met an error that it did not expect; its log says more.",
    )
