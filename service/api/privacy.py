"""What is kept of a driver's phone, for the driver who asks, and its end."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field
from sqlalchemy import Connection
from sqlmodel import Session

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import Out
from service.auth.audit import write_into
from service.driving.privacy import erase_phone, export_phone
from service.problems import NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/phones/{phone}", tags=["privacy"])

Phone = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        description="The phone's own id, which its page shows.",
    ),
]


class PhoneOut(Out):
    """Everything that is kept of a phone."""

    phone: str
    events: list[dict[str, Any]] = Field(description="As they were sent, with date, shift and when they came in.")


class ErasureOut(Out):
    """What was done with what a phone had reported."""

    positions_deleted: int
    events_without_phone: int = Field(description="Kept as a record of the work; whose it was is not known any more.")


@router.get("", summary="Everything that is kept of a phone", responses=errors(404, 422, 503))
def get_phone(city_id: CityId, phone: Phone, session: SessionDep, cities: CitiesDep) -> PhoneOut:
    """Return all events of a phone, positions included, as it sent them."""
    cities.current(session, city_id)
    found = export_phone(session.connection(), city_id, phone)
    if not found:
        raise NotFound(f"Nothing is kept of phone {phone!r}.")
    return PhoneOut(phone=phone, events=found)


@router.delete("", summary="Erase a driver", responses=errors(404, 422, 503))
def delete_phone(city_id: CityId, phone: Phone, request: Request, session: SessionDep, cities: CitiesDep) -> ErasureOut:
    """Delete the phone's positions and notes, and keep its work without saying whose it was; there is no way back."""
    cities.current(session, city_id)
    session.rollback()

    def audited(connection: Connection) -> None:
        with Session(connection) as joined:
            write_into(joined, request, HTTPStatus.OK)

    found = erase_phone(request.app.state.engine, city_id, phone, also=audited)
    if found is None:
        raise NotFound(f"Nothing is kept of phone {phone!r}.")
    return ErasureOut(positions_deleted=found.positions, events_without_phone=found.events)
