"""Drivers' links: made by a dispatcher, opened by a phone."""

import datetime as dt
import io
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, Field
from sqlmodel import Session

from geodata.city.dataset import CityDataset
from service.api.deps import CitiesDep, CityId, IdentitiesDep, SessionDep, ThrottleDep, TokensDep
from service.api.replies import errors
from service.api.schemas import In, Out, ServiceDate
from service.auth import links
from service.auth.permit import PrincipalDep
from service.auth.tokens import Claims
from service.clock import utc_now
from service.db.people import DriverLinkRow

router = APIRouter(prefix="/v1", tags=["drivers"])

_LINKS = "/cities/{city_id}/days/{date}/shifts/{shift}/driver-links"
ShiftId = Annotated[
    str, Path(pattern="^[^\\x00-\\x1f\\x7f]{1,200}$", description="The shift, as in shifts.csv.", examples=["C1-day"])
]
LinkId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The link.")]


class LinkOut(Out):
    """A driver's link, without its code."""

    id: str
    created_at: AwareDatetime
    created_by: str
    expires_at: AwareDatetime = Field(description="Twelve hours after the shift, for what a phone could not send yet.")
    revoked_at: AwareDatetime | None


class NewLinkOut(LinkOut):
    """A driver's link that was just made; its code is not shown again."""

    code: str = Field(description="For POST /v1/driver-session; written in four groups it reads well aloud.")
    url: str = Field(description="Opens the driver's page with the code; the part after # is sent to nobody.")
    qr_svg: str = Field(description="The address as a QR code, for a phone's camera.")


class LinkList(Out):
    """The links of a shift, the newest first."""

    links: list[LinkOut]


class CodeIn(In):
    """What stands in a driver's link."""

    code: str = Field(min_length=16, max_length=40, examples=["7K3M-Q2XW-9F4D-H8TC"])


class DriverSessionOut(Out):
    """One shift, opened for a phone."""

    access_token: str = Field(description="For the header Authorization: Bearer, as long as the link holds.")
    expires_at: AwareDatetime
    city_id: str
    date: str
    shift: str
    driver: str = Field(description="The link's id: the only name that a driver has here.")


@router.post(
    _LINKS, summary="Hand a shift over to a phone", status_code=HTTPStatus.CREATED, responses=errors(404, 409, 422)
)
def add_link(
    city_id: CityId,
    date: Annotated[ServiceDate, Path(description="The service day.", examples=["2026-11-23"])],
    shift: ShiftId,
    request: Request,
    session: SessionDep,
    cities: CitiesDep,
    principal: PrincipalDep,
) -> NewLinkOut:
    """Make a link, with its QR code, that opens this shift and nothing else; every phone that has it is the driver."""
    version = cities.current(session, city_id)
    assert version.id is not None
    city = cities.dataset(version.id, version.content_hash)
    found = new_link(session, city, city_id, date, shift, request, by=principal.name)
    request.state.audit = {"link": found.id}
    session.commit()
    return found


def new_link(
    session: Session, city: CityDataset, city_id: str, date: dt.date, shift: str, request: Request, *, by: str
) -> NewLinkOut:
    """Make a link whose address is on the server that was asked; does not commit.

    Raises
    ------
    NotFound
        If the city has no such shift on that day.
    """
    row, code = links.add(session, city, city_id, date, shift, by=by)
    url = f"{str(request.base_url).rstrip('/')}/drive#{code}"
    return NewLinkOut(
        **_shown(row).model_dump(),
        code="-".join(code[start : start + 4] for start in range(0, len(code), 4)),
        url=url,
        qr_svg=_qr(url),
    )


@router.get(_LINKS, summary="List a shift's links", responses=errors(404, 422))
def list_links(
    city_id: CityId,
    date: Annotated[ServiceDate, Path(description="The service day.", examples=["2026-11-23"])],
    shift: ShiftId,
    session: SessionDep,
    cities: CitiesDep,
) -> LinkList:
    """Return the links that were made for a shift, without their codes."""
    cities.current(session, city_id)
    return LinkList(links=[_shown(row) for row in links.of_shift(session, city_id, date, shift)])


@router.delete(_LINKS + "/{link_id}", summary="Revoke a driver's link", responses=errors(404, 422))
def revoke_link(
    city_id: CityId,
    date: Annotated[ServiceDate, Path(description="The service day.", examples=["2026-11-23"])],
    shift: ShiftId,
    link_id: LinkId,
    session: SessionDep,
    identities: IdentitiesDep,
) -> LinkOut:
    """End a link and what was opened with it, at once: a phone was lost."""
    found = _shown(links.revoke(session, city_id, date, shift, link_id))
    session.commit()
    identities.forget()
    return found


@router.post("/driver-session", summary="Open a driver's link", responses=errors(400, 401, 413, 422, 429))
def open_link(
    body: CodeIn, request: Request, session: SessionDep, throttle: ThrottleDep, tokens: TokensDep
) -> DriverSessionOut:
    """Exchange a link's code for a token that opens its shift until the link ends. Guessing slows down."""
    address = "?" if request.client is None else request.client.host
    now = utc_now()
    throttle.attempt("driver-session", address, now)
    row = links.opened(session, body.code)
    throttle.succeeded("driver-session", address)
    return DriverSessionOut(
        access_token=tokens.signed(Claims("driver", row.id), now=now, expires_at=row.expires_at),
        expires_at=row.expires_at,
        city_id=row.city_id,
        date=row.service_date.isoformat(),
        shift=row.shift,
        driver=row.id,
    )


def _shown(row: DriverLinkRow) -> LinkOut:
    return LinkOut(
        id=row.id,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _qr(text: str) -> str:
    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=4)
    return drawn.getvalue().decode()
