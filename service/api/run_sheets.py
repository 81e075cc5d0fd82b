"""Run-sheets: a day's routes on paper, each with a code that opens it on a phone."""

from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import Field

from service.api.deps import CitiesDep, CityId, DayDate, PlannedDep, SessionDep
from service.api.links import new_link
from service.api.replies import errors
from service.api.schemas import In
from service.api.streets import drawn_streets
from service.auth.permit import PrincipalDep
from service.db.documents import unsqueeze
from service.db.models import CityVersionRow
from service.db.publication import published_plan
from service.export.pdf import ExportMissing
from service.export.runsheet import Sheet, run_sheets
from service.problems import FieldError, InvalidRequest, NotFound

if TYPE_CHECKING:
    from service.driving.routes import Routes

router = APIRouter(prefix="/v1/cities/{city_id}/days/{date}", tags=["drivers"])

_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A4 pages.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class PdfResponse(Response):
    """A reply of PDF."""

    media_type = "application/pdf"


class SheetsIn(In):
    """Which sheets are wanted."""

    language: Literal["en", "km"] = "en"
    shifts: list[str] | None = Field(
        default=None, min_length=1, max_length=200, description="Shifts, as in shifts.csv; all that work when absent."
    )


@router.post(
    "/run-sheets",
    summary="Print a day's run-sheets",
    response_class=PdfResponse,
    responses=_PDF | errors(400, 404, 413, 422, 503),
)
def print_sheets(
    city_id: CityId,
    date: DayDate,
    wanted: SheetsIn,
    request: Request,
    session: SessionDep,
    cities: CitiesDep,
    planned: PlannedDep,
    principal: PrincipalDep,
) -> Response:
    """Return the published routes as PDF; each sheet has a new driver's link, as a QR code and to be typed.

    Links of earlier sheets hold on: paper that is printed again does not shut out a phone that is on its way.
    """
    plan = published_plan(session, city_id, date)
    if plan is None:
        raise NotFound(f"No plan of city {city_id!r} is published for {date}.")
    version = session.get_one(CityVersionRow, plan.city_version_id)
    city = cities.dataset(plan.city_version_id, version.content_hash)
    shifts = planned.day(session, plan.id).shifts
    unknown = [shift for shift in wanted.shifts or () if shift not in shifts]
    if unknown:
        message = "The published plan has no route of this shift."
        raise InvalidRequest([FieldError(place="body/shifts", message=message, value=shift) for shift in unknown])
    routes: Routes = request.app.state.routes
    sheets = []
    for shift in dict.fromkeys(wanted.shifts or shifts):
        squeezed = routes.route(session, plan.id, shift, date, language=wanted.language, form="geojson")
        link = new_link(session, city, city_id, date, shift, request, by=principal.name)
        sheets.append(
            Sheet(
                vehicle=shifts[shift].vehicle,
                shift=shift,
                route=orjson.loads(unsqueeze(squeezed))["features"],
                code=link.code,
                qr_svg=link.qr_svg,
            )
        )
    if not sheets:
        raise NotFound(f"The plan that is published for {date} has no routes; there is nothing to print.")
    streets = orjson.loads(unsqueeze(drawn_streets(city, cities.cache_dir)))["features"]
    try:
        made = run_sheets(
            sheets, city=city.name, date=date, streets=streets, attribution=city.attribution, language=wanted.language
        )
    except ExportMissing as error:
        raise NotFound(f"This server does not print. {error}") from error
    request.state.audit = {"shifts": [sheet.shift for sheet in sheets]}
    session.commit()  # only now: a link that stands on no paper is of no use
    return PdfResponse(made)
