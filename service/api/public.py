"""A city's summary for everybody, where its administrator lets them see it."""

import datetime as dt

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlmodel import Session

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import In, Out
from service.clock import utc_now
from service.db.people import OpenCityRow
from service.driving.summary import KEPT_S, Summaries
from service.problems import NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/public", tags=["public"])


class OpenIn(In):
    """Whether everybody may see the summary."""

    open: bool


class ZoneSummaryOut(Out):
    """A zone, as everybody may see it."""

    zone: str
    name: str
    collected: float | None = Field(description="Share of the promised visits that were made; null where none was.")
    next_collection: dt.date | None
    announced: bool = Field(description="A plan is published for that day; else the day is that of the schedule.")


class SummaryOut(Out):
    """What everybody may know: no person, truck, container or contractor is named."""

    city: str
    first: dt.date = Field(description="The share and the tonnes are of the days from here ...")
    last: dt.date = Field(description="... until here: the four weeks before today.")
    days: int = Field(description="Of these, days on which a plan was published.")
    collected: float | None
    tonnes: float = Field(description="As planned, of the visits made.")
    zones: list[ZoneSummaryOut]


@router.get("", summary="What everybody may know", responses=errors(404, 422))
def get_summary(city_id: CityId, request: Request, response: Response, session: SessionDep) -> SummaryOut:
    """Return how much is collected and when it comes next, without asking who asks.

    A city that has not opened its summary is answered like one that is not there.
    """
    if session.get(OpenCityRow, city_id) is None:
        raise NotFound(f"There is no city {city_id!r}.")
    summaries: Summaries = request.app.state.summaries
    found = summaries.of(session, city_id)
    response.headers["Cache-Control"] = f"public, max-age={KEPT_S:.0f}"
    return SummaryOut(
        city=found.name,
        first=found.first,
        last=found.last,
        days=found.days,
        collected=_share(found.done, found.promised),
        tonnes=round(found.tonnes, 1),
        zones=[
            ZoneSummaryOut(
                zone=zone.id,
                name=zone.name,
                collected=_share(zone.done, zone.promised),
                next_collection=zone.next_date,
                announced=zone.is_published,
            )
            for zone in found.zones
        ],
    )


@router.put("", summary="Open or close the summary", responses=errors(400, 404, 413, 422))
def put_summary(city_id: CityId, body: OpenIn, session: SessionDep, cities: CitiesDep, request: Request) -> OpenIn:
    """Let everybody see the city's summary, or nobody; closed unless it was opened."""
    cities.current(session, city_id)
    _set(session, city_id, is_open=body.open)
    request.state.audit = {"open": body.open}
    session.commit()
    return body


def _set(session: Session, city_id: str, *, is_open: bool) -> None:
    row = session.get(OpenCityRow, city_id)
    if is_open:
        session.merge(row or OpenCityRow(city_id=city_id, opened_at=utc_now()))
    elif row is not None:
        session.delete(row)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
