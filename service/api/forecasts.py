"""Forecasts: how full each container will be at the end of each coming day, as a list and on the map."""

import datetime as dt
import math
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import GeoJsonResponse, errors
from service.api.schemas import Out
from service.clock import utc_now
from service.ingest.outlook import Outlook, Outlooks

router = APIRouter(prefix="/v1/cities/{city_id}", tags=["forecasts"])

Days = Annotated[int, Query(ge=1, le=14, description="How many days, today being the first.")]


class DayOut(Out):
    """One container at the end of one day, if nobody empties it."""

    date: str = Field(description="The day that ends, in the city.")
    fill_low: float = Field(description="One in ten are emptier; 0..1.")
    fill: float = Field(description="As likely more as less; 0..1.")
    fill_high: float = Field(description="One in ten are fuller; 0..1.")
    overflow_probability: float = Field(description="That it is full before the day ends; 0..1.")
    kg: float | None = Field(description="As likely more as less; null where nothing like it was weighed.")


class ContainerForecastOut(Out):
    """One container's coming days."""

    container: str
    events: int = Field(description="How much was ever said of it; without any it is like its stream's others.")
    days: list[DayOut]


class ForecastsOut(Out):
    """All containers of a city."""

    as_of: AwareDatetime = Field(description="The full hour before now; nothing said later was looked at.")
    containers: list[ContainerForecastOut]


class PointOut(Out):
    """A place: longitude, latitude."""

    type: Literal["Point"]
    coordinates: tuple[float, float]


class ForecastProperties(ContainerForecastOut):
    """What the map shows of a container."""

    stream: str


class ForecastFeature(Out):
    """A container on the map."""

    type: Literal["Feature"]
    id: str
    geometry: PointOut
    properties: ForecastProperties


class ForecastCollection(Out):
    """All containers of a city on the map, RFC 7946."""

    type: Literal["FeatureCollection"]
    features: list[ForecastFeature]


@router.get("/forecasts", summary="How full containers will be", responses=errors(404, 409, 422, 503))
def get_forecasts(
    city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep, days: Days = 3
) -> ForecastsOut:
    """Return quantiles of fill and the probability of an overflow for each container and day."""
    found, _ = _outlook(city_id, request, session, cities, days)
    return ForecastsOut(as_of=found.asked_at, containers=_containers(found))


@router.get(
    "/forecasts.geojson",
    summary="How full containers will be, on the map",
    response_class=GeoJsonResponse,
    responses=errors(404, 409, 422, 503) | {200: {"model": ForecastCollection}},
)
def get_forecast_map(
    city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep, days: Days = 3
) -> Response:
    """Return a Point for each container with its coming days."""
    found, city = _outlook(city_id, request, session, cities, days)
    features = [
        {
            "type": "Feature",
            "id": container.id,
            "geometry": {"type": "Point", "coordinates": [round(container.lon, 7), round(container.lat, 7)]},
            "properties": told.model_dump() | {"stream": container.stream},
        }
        for container, told in zip(city.containers, _containers(found), strict=True)
    ]
    return GeoJsonResponse(orjson.dumps({"type": "FeatureCollection", "features": features}))


def _outlook(city_id: str, request: Request, session: SessionDep, cities: CitiesDep, days: int) -> tuple[Outlook, Any]:
    version = cities.current(session, city_id)
    assert version.id is not None
    city = cities.dataset(version.id, version.content_hash)
    outlooks: Outlooks = request.app.state.outlooks
    return outlooks.of(city_id, city, utc_now(), days), city


def _containers(found: Outlook) -> list[ContainerForecastOut]:
    dates = [(end.date() - dt.timedelta(days=1)).isoformat() for end in found.day_ends]
    low, middle, high = np.round(found.fill, 4).tolist()
    overflow, kg = np.round(found.overflow, 4).tolist(), np.round(found.kg, 1).tolist()
    return [
        ContainerForecastOut(
            container=container,
            events=int(found.events[index]),
            days=[
                DayOut(
                    date=date,
                    fill_low=low[day][index],
                    fill=middle[day][index],
                    fill_high=high[day][index],
                    overflow_probability=overflow[day][index],
                    kg=None if math.isnan(kg[day][index]) else kg[day][index],
                )
                for day, date in enumerate(dates)
            ],
        )
        for index, container in enumerate(found.ids)
    ]
