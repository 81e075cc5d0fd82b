"""Signing in at a provider of identities, where one is set."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Cookie, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.api.deps import SessionDep
from service.api.replies import errors
from service.api.session import BeginDep
from service.auth import accounts
from service.auth.oidc import BEGUN_S, Provider
from service.problems import NotAuthenticated, NotFound

router = APIRouter(prefix="/v1/session/oidc", tags=["session"])

COOKIE: Final = "samram_oidc"
_PATH: Final = "/v1/session/oidc"
_SENT: Final[dict[int | str, dict[str, Any]]] = {303: {"description": "To the provider, or back to the page."}}


@router.get(
    "",
    summary="Sign in at a provider of identities",
    status_code=HTTPStatus.SEE_OTHER,
    response_class=RedirectResponse,
    responses=errors(401, 404, 503) | _SENT,
)
def begin_oidc(request: Request) -> Response:
    """Send the browser to the provider that SAMRAM_OIDC_ISSUER names; 404 where none is set."""
    address, kept = _provider(request).begin(_back(request), request.app.state.secret)
    reply = RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    # Lax: the browser comes back from another site, and this must come with it.
    reply.set_cookie(
        COOKIE, kept, max_age=BEGUN_S, path=_PATH, secure=request.url.scheme == "https", httponly=True, samesite="lax"
    )
    return reply


@router.get(
    "/callback",
    summary="Come back from the provider",
    status_code=HTTPStatus.SEE_OTHER,
    response_class=RedirectResponse,
    responses=errors(401, 404, 422, 503) | _SENT,
)
def end_oidc(
    request: Request,
    response: Response,
    session: SessionDep,
    begin: BeginDep,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
    samram_oidc: Annotated[str, Cookie(max_length=4_000)] = "",
) -> Response:
    """Begin a session of whoever the provider says it is, as after a password, and go to the page."""
    provider = _provider(request)
    if error or not code:
        raise NotAuthenticated("The provider of identities did not let you in.")
    claims = provider.end(code, state, samram_oidc, _back(request), request.app.state.secret)
    account = provider.account(session, claims)
    renewed = accounts.begin(session, account.id)
    session.commit()
    begin(renewed)
    reply = RedirectResponse("/", HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            reply.raw_headers.append((name, value))
    reply.delete_cookie(COOKIE, path=_PATH)
    return reply


def _provider(request: Request) -> Provider:
    found: Provider | None = request.app.state.provider
    if found is None:
        raise NotFound("This server has no provider of identities.")
    return found


def _back(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{_PATH}/callback"
