"""Signing in and out, and who one is."""

import datetime as dt
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Cookie, Depends, Request, Response
from pydantic import AwareDatetime, Field

from service.api.deps import IdentitiesDep, SessionDep, SettingsDep, ThrottleDep, TokensDep
from service.api.replies import errors
from service.api.schemas import In, Out
from service.auth import accounts
from service.auth.gate import ACCESS_COOKIE
from service.auth.passwords import LONGEST
from service.auth.permit import PrincipalDep
from service.auth.principal import Principal
from service.auth.roles import Role
from service.auth.tokens import ACCESS_S, Claims
from service.clock import utc_now
from service.problems import FieldError, InvalidRequest, NotAuthenticated, NotPermitted

router = APIRouter(prefix="/v1/session", tags=["session"])

REFRESH_COOKIE: Final = "samram_refresh"
_PATH: Final = "/v1/session"


class SignInIn(In):
    """A name and its password."""

    name: str = Field(min_length=1, max_length=80, examples=["chief"])
    password: str = Field(min_length=1, max_length=LONGEST)


class PasswordIn(In):
    """A new password, and the one before."""

    old: str = Field(min_length=1, max_length=LONGEST)
    new: str = Field(min_length=1, max_length=LONGEST)


class WhoOut(Out):
    """Who is asking."""

    auth: Literal["required", "off"] = Field(description="off: this server asks nobody who they are.")
    kind: str | None = Field(
        description="account, key, driver, or local on a server that asks nobody; null: nobody yet."
    )
    name: str | None
    everywhere: Role | None = Field(description="The role in every city; null where it differs.")
    roles: dict[str, Role] = Field(description="The role in each city, by its short name.")
    date: str | None = Field(default=None, description="The service day of a driver's link.")
    shift: str | None = Field(default=None, description="The shift of a driver's link.")


class SignedInOut(WhoOut):
    """A session has begun, or goes on; the same token is in a cookie that a browser sends by itself."""

    access_token: str = Field(description="For the header Authorization: Bearer.")
    expires_at: AwareDatetime = Field(description="When the token ends; POST /v1/session/refresh gives the next one.")


def _who(principal: Principal | None) -> dict[str, Any]:
    if principal is None:
        return {"kind": None, "name": None, "everywhere": None, "roles": {}}
    date, shift = principal.shift or (None, None)
    return {
        "kind": principal.kind,
        "name": principal.name,
        "everywhere": principal.everywhere,
        "roles": dict(principal.roles),
        "date": date,
        "shift": shift,
    }


def _begin(
    request: Request, response: Response, settings: SettingsDep, identities: IdentitiesDep, tokens: TokensDep
) -> Callable[[accounts.Renewed], SignedInOut]:
    """Return what answers with a session that began or goes on: its token, also as cookies."""

    def begin(renewed: accounts.Renewed) -> SignedInOut:
        principal = identities.find("session", renewed.session_id)
        if principal is None:
            raise NotAuthenticated("The session is over; sign in again.")
        now = utc_now()
        expires_at = min(now + dt.timedelta(seconds=ACCESS_S), renewed.expires_at)
        token = tokens.signed(Claims("session", renewed.session_id), now=now, expires_at=expires_at)
        secure = request.url.scheme == "https"
        for name, value, path, end in (
            (ACCESS_COOKIE, token, "/v1", expires_at),
            (REFRESH_COOKIE, renewed.refresh, _PATH, renewed.expires_at),
        ):
            response.set_cookie(name, value, expires=end, path=path, secure=secure, httponly=True, samesite="strict")
        response.headers["Cache-Control"] = "no-store"
        return SignedInOut(auth=settings.auth, access_token=token, expires_at=expires_at, **_who(principal))

    return begin


BeginDep = Annotated[Callable[[accounts.Renewed], SignedInOut], Depends(_begin)]


@router.get("", summary="Who one is", responses=errors(401))
def get_session(request: Request, settings: SettingsDep) -> WhoOut:
    """Return who is asking, and what they are in which city; nobody is an answer, too."""
    return WhoOut(auth=settings.auth, **_who(getattr(request.state, "principal", None)))


@router.post("", summary="Sign in", responses=errors(400, 401, 413, 422, 429, 503))
def sign_in(
    body: SignInIn, request: Request, session: SessionDep, throttle: ThrottleDep, begin: BeginDep
) -> SignedInOut:
    """Begin a session of fourteen days, with a token of a quarter of an hour. Failures slow the next attempts down."""
    name, address = body.name.strip().casefold(), _address(request)
    throttle.attempt(name, address, utc_now())
    account = accounts.signed_in(session, body.name, body.password)
    throttle.succeeded(name, address)
    renewed = accounts.begin(session, account.id)
    session.commit()
    return begin(renewed)


@router.post("/refresh", summary="Go on with a session", responses=errors(401, 422))
def refresh(
    session: SessionDep, begin: BeginDep, samram_refresh: Annotated[str, Cookie(max_length=200)] = ""
) -> SignedInOut:
    """Return the session's next token, by the cookie that signing in has set."""
    if not samram_refresh:
        raise NotAuthenticated("There is no session to go on with; sign in.")
    renewed = accounts.renew(session, samram_refresh)
    session.commit()
    return begin(renewed)


@router.delete("", summary="Sign out", status_code=HTTPStatus.NO_CONTENT, responses=errors(401, 403))
def sign_out(response: Response, session: SessionDep, principal: PrincipalDep, identities: IdentitiesDep) -> None:
    """End the session at once, everywhere."""
    if principal.session is not None:
        accounts.end(session, principal.session)
        session.commit()
        identities.forget()
    response.delete_cookie(ACCESS_COOKIE, path="/v1")
    response.delete_cookie(REFRESH_COOKIE, path=_PATH)


@router.put(
    "/password",
    summary="Change one's password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=errors(400, 401, 403, 413, 422, 429, 503),
)
def change_password(
    body: PasswordIn,
    request: Request,
    session: SessionDep,
    principal: PrincipalDep,
    throttle: ThrottleDep,
    identities: IdentitiesDep,
) -> None:
    """Change the password of the account that is signed in; all its sessions end, this one too."""
    if principal.kind != "account":
        raise NotPermitted("Only an account has a password.")
    address = _address(request)
    throttle.attempt(principal.name, address, utc_now())
    try:
        account = accounts.signed_in(session, principal.name, body.old)
    except NotAuthenticated as error:
        raise InvalidRequest([FieldError(place="body/old", message="This is not the password.")]) from error
    throttle.succeeded(principal.name, address)
    accounts.set_password(session, account, body.new)
    session.commit()
    identities.forget()


def _address(request: Request) -> str:
    return "?" if request.client is None else request.client.host
