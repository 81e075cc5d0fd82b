"""What a city data platform reads from us: containers and lifts as entities of NGSI-LD."""

from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, ConfigDict, Field
from sqlalchemy import func
from sqlmodel import Session, col, select

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import Out
from service.db.models import ReadingRow
from service.ingest.ngsi_ld import waste_container, waste_observed
from service.ingest.report import Kind, microseconds

router = APIRouter(prefix="/v1/cities/{city_id}/ngsi-ld", tags=["ngsi-ld"])

LD_JSON: Final = "application/ld+json"
Options = Annotated[
    str, Query(pattern="^(keyValues|simplified|normalized)$", description="keyValues for plain values.")
]


class EntityOut(Out):
    """An entity of the smart data models for waste; its other attributes are as they define."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    type: str = Field(description="WasteContainer or WasteObserved.")


class LdResponse(Response):
    """A reply of JSON-LD bytes."""

    media_type = LD_JSON


@router.get(
    "/WasteContainer",
    summary="The containers as entities",
    response_class=LdResponse,
    responses=errors(404, 409, 422, 503) | {200: {"model": list[EntityOut]}},
)
def get_containers(
    city_id: CityId, session: SessionDep, cities: CitiesDep, options: Options = "normalized"
) -> Response:
    """Return every container with its newest fill and its last emptying (WasteContainer v0.3.0)."""
    version = cities.current(session, city_id)
    assert version.id is not None
    city = cities.dataset(version.id, version.content_hash)
    levels, emptied = _newest(session, city_id, emptyings=False), _newest(session, city_id, emptyings=True)
    entities = []
    for container in city.containers:
        level, lift = levels.get(container.id), emptied.get(container.id)
        entities.append(
            waste_container(
                city_id,
                container.id,
                lon=container.lon,
                lat=container.lat,
                volume_l=container.volume_l,
                stream=container.stream,
                level=None if level is None or level.fill is None else (level.time_us, level.fill),
                emptied_us=None if lift is None else lift.time_us,
                key_values=options != "normalized",
            )
        )
    return LdResponse(orjson.dumps(entities))


@router.get(
    "/WasteObserved",
    summary="The lifts as entities",
    response_class=LdResponse,
    responses=errors(404, 422, 503) | {200: {"model": list[EntityOut]}},
)
def get_lifts(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    since: Annotated[AwareDatetime | None, Query(description="From this moment on.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    options: Options = "normalized",
) -> Response:
    """Return emptyings, the oldest first (WasteObserved)."""
    cities.current(session, city_id)
    asked = select(ReadingRow).where(ReadingRow.city_id == city_id, ReadingRow.kind == Kind.EMPTYING.value)
    if since is not None:
        asked = asked.where(ReadingRow.time_us >= microseconds(since))
    rows = session.exec(asked.order_by(col(ReadingRow.time_us), col(ReadingRow.id)).limit(limit))
    entities = [
        waste_observed(
            city_id,
            row.container,
            number=row.id or 0,
            time_us=row.time_us,
            fill=row.fill,
            kg=row.kg,
            key_values=options != "normalized",
        )
        for row in rows
    ]
    return LdResponse(orjson.dumps(entities))


def _newest(session: Session, city_id: str, *, emptyings: bool) -> dict[str, ReadingRow]:
    """Return each container's newest emptying, or its newest fill that anybody saw."""
    wanted = (
        col(ReadingRow.kind) == Kind.EMPTYING.value
        if emptyings
        else (col(ReadingRow.kind) != Kind.EMPTYING.value) & col(ReadingRow.fill).is_not(None)
    )
    newest = (
        select(ReadingRow.container, func.max(ReadingRow.time_us).label("time_us"))
        .where(ReadingRow.city_id == city_id, wanted)
        .group_by(ReadingRow.container)
        .subquery()
    )
    rows = session.exec(
        select(ReadingRow)
        .join(
            newest,
            (col(ReadingRow.container) == newest.c.container) & (col(ReadingRow.time_us) == newest.c.time_us),
        )
        .where(ReadingRow.city_id == city_id, wanted)
        .order_by(col(ReadingRow.id))
    )
    return {row.container: row for row in rows}
