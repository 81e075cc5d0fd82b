"""The pages: one document for each, and the files that they share, all from this server."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB: Final = Path(__file__).parent
LIBRARIES: Final = WEB / "vendor" / "contents.sha256"

# A page and all it needs come from this server alone; a city hall without internet sees its map. The map's library
# keeps the pictures of its buttons in its style sheet, as data.
POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
INCOMPLETE: Final = """\
The pages' libraries are missing: they are fetched when the package is built. In a checkout,

    uv sync --reinstall-package samram

builds it again. The HTTP API works without them.
"""
DOCUMENTS: Final = {
    "/": "department.html",
    "/drive": "drive.html",
    "/sign-in": "sign-in.html",
    "/studies": "studies.html",
}


class _Files(StaticFiles):
    """Files that a browser asks for anew each time, and mostly gets "not changed"."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        reply = await super().get_response(path, scope)
        reply.headers.setdefault("Cache-Control", "no-cache")
        reply.headers["X-Content-Type-Options"] = "nosniff"
        return reply


def install_pages(app: FastAPI) -> None:
    """Serve the pages and their files."""
    for address, document in DOCUMENTS.items():
        app.add_api_route(address, _sender(document), include_in_schema=False)
    # A worker serves the addresses below its own, and the driver's page is not below /web.
    app.add_api_route("/drive-worker.js", _sender("drive-worker.js"), include_in_schema=False)
    app.mount("/web", GZipMiddleware(_Files(directory=WEB)), name="web")


def _sender(document: str) -> Callable[[], Response]:
    def page() -> Response:
        if not LIBRARIES.is_file():
            return PlainTextResponse(INCOMPLETE, status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return FileResponse(WEB / document, headers=HEADERS)

    return page
