"""What drivers and dispatchers have stated of the streets, and an end to it."""

import datetime as dt
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Response
from sqlmodel import col, select

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.geojson import FeatureCollection
from service.api.replies import GeoJsonResponse, errors
from service.api.schemas import Out
from service.clock import utc_now
from service.db.driving import OverlayRow
from service.problems import NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/overlays", tags=["drivers"])


class OverlayOut(Out):
    """A stated change to the streets."""

    id: str
    kind: str
    source: str
    note: str | None
    valid_from: dt.date
    expires: dt.date
    created_at: dt.datetime
    ended_at: dt.datetime | None


@router.get(
    "",
    summary="Streets that were stated to be closed",
    response_class=GeoJsonResponse,
    responses=errors(404, 422, 503) | {200: {"model": FeatureCollection, "description": "RFC 7946."}},
)
def list_overlays(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    since: Annotated[dt.date | None, Query(description="Those that hold on this day or later.")] = None,
) -> Response:
    """Return what drivers could not pass and dispatchers closed, the newest first."""
    cities.current(session, city_id)
    asked = select(OverlayRow).where(OverlayRow.city_id == city_id)
    if since is not None:
        asked = asked.where(col(OverlayRow.expires) >= since)
    rows = session.exec(asked.order_by(col(OverlayRow.created_at).desc(), col(OverlayRow.id)).limit(1_000)).all()
    features = [
        {
            "type": "Feature",
            "id": row.id,
            "geometry": row.geometry,
            "properties": {"kind": "overlay", **_out(row).model_dump(exclude={"kind"}), "change": row.kind},
        }
        for row in rows
    ]
    return GeoJsonResponse(orjson.dumps({"type": "FeatureCollection", "features": features}))


@router.post("/{overlay_id}/end", summary="End a closure", responses=errors(404, 422, 503))
def end_overlay(
    city_id: CityId,
    overlay_id: Annotated[str, Path(pattern="^[a-z0-9-]{1,80}$", description="The stated change.")],
    session: SessionDep,
) -> OverlayOut:
    """Let plans use the street again from now on; those made before stay as they are. Twice is as good as once."""
    row = session.get(OverlayRow, (city_id, overlay_id))
    if row is None:
        raise NotFound(f"There is no stated change {overlay_id!r} of city {city_id!r}.")
    if row.ended_at is None:
        row.ended_at = utc_now()
        session.add(row)
        session.commit()
    return _out(row)


def _out(row: OverlayRow) -> OverlayOut:
    return OverlayOut(
        id=row.id,
        kind=row.kind,
        source=row.source,
        note=row.note,
        valid_from=row.valid_from,
        expires=row.expires,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
