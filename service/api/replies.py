"""What the endpoints share in answering: errors in OpenAPI, and documents that a client may keep."""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from service.auth.gate import ACCESS_COOKIE
from service.auth.roles import Permission
from service.auth.rules import ROUTES
from service.db.documents import unsqueeze
from service.problems import PROBLEM_JSON, Problem

GEOJSON: Final = "application/geo+json"
CSV_TYPE: Final = "text/csv; charset=utf-8"
CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "RFC 4180, with a header.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
KEPT: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "What If-None-Match names is still right."}}

_DESCRIPTIONS: Final = {
    400: "The body cannot be read.",
    401: "It must be known who asks.",
    403: "Whoever asks may not do this.",
    404: "There is no such thing.",
    409: "The request contradicts the state of things.",
    413: "More than this server accepts.",
    415: "The body is of a kind that is not understood.",
    422: "Values are wrong; every one of them is listed.",
    429: "Too many attempts failed; try again later.",
    500: "The server failed.",
    503: "Not now; try again later.",
    507: "The server's disk is full.",
}

_PROBLEM: Final = {"schema": {"$ref": "#/components/schemas/Problem"}}
SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of POST /v1/session, or an API key."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE, "description": "Set by POST /v1/session."},
}


class GeoJsonResponse(Response):
    """A reply of GeoJSON bytes."""

    media_type = GEOJSON


class CsvResponse(Response):
    """A reply of comma-separated values."""

    media_type = CSV_TYPE


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of an endpoint that can answer with these errors, as problem details."""
    return {status: {"model": Problem, "description": _DESCRIPTIONS[status]} for status in (*statuses, 500)}


def kept(request: Request, squeezed: bytes, *, media_type: str, language: str | None = None) -> Response:
    """Answer with a document that is stored as gzip and never changes.

    ``language`` is that of a document that others get in another one.

    It has a strong ETag; whoever names it in If-None-Match gets 304 and no body. The gzip form and the plain one are
    different bytes and so have different tags (RFC 9110, 8.8.3.3), either of which is recognised.
    """
    zipped = "gzip" in _accepted(request.headers.get("accept-encoding", ""))
    digest = hashlib.sha256(squeezed).hexdigest()[:32]
    tags = {True: f'"{digest}-gzip"', False: f'"{digest}"'}
    headers = {"ETag": tags[zipped], "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if language is not None:
        headers |= {"Vary": "Accept-Encoding, Accept-Language", "Content-Language": language}
    if _named(request.headers.get("if-none-match", ""), set(tags.values())):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if zipped:
        return Response(squeezed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(unsqueeze(squeezed), media_type=media_type, headers=headers)


def _accepted(header: str) -> set[str]:
    """Return the codings of an Accept-Encoding header that are not switched off with q=0."""
    accepted = set()
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            accepted.add(coding.strip())
    return accepted


def _named(header: str, tags: set[str]) -> bool:
    """Whether an If-None-Match header names one of these tags; it compares weakly (RFC 9110, 13.1.2)."""
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in named or bool(named & tags)


def complete_openapi(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return the app's OpenAPI function, mended: credentials, and every error as ``application/problem+json``."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        document["components"]["securitySchemes"] = SECURITY
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if ROUTES.get(f"{method.upper()} {path}") is not Permission.PUBLIC:
                    operation["security"] = [{name: []} for name in SECURITY]
                    for status in (401, 403):
                        reply = {"description": _DESCRIPTIONS[status], "content": {PROBLEM_JSON: _PROBLEM}}
                        operation["responses"].setdefault(str(status), reply)
                for status, reply in operation["responses"].items():
                    if status >= "400" and PROBLEM_JSON not in reply.get("content", {}):
                        reply["content"] = {PROBLEM_JSON: next(iter(reply["content"].values()))}
        return document

    return openapi
