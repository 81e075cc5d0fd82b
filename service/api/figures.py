"""A day's figures, planned beside actual, as JSON, CSV, GeoJSON and GeoParquet (docs/kpis.md)."""

from typing import Any, Final

from fastapi import APIRouter, Response

from service.api.deps import CitiesDep, CityId, DayDate, PlannedDep, SessionDep
from service.api.geojson import FeatureCollection
from service.api.replies import CSV, CsvResponse, GeoJsonResponse, errors
from service.api.schemas import Out
from service.driving.figures import COLUMNS, day_figures
from service.export.day import day_geojson, day_geoparquet
from service.export.pdf import ExportMissing
from service.export.tables import csv_text
from service.problems import NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/days/{date}", tags=["reports"])

PARQUET: Final = "application/vnd.apache.parquet"


class FiguresOut(Out):
    """A day's figures: a row for the day, for each route, for each zone; what the columns mean is in docs/kpis.md."""

    date: str
    rows: list[dict[str, str | float | None]]


class ParquetResponse(Response):
    """A reply of GeoParquet."""

    media_type = PARQUET


@router.get("/kpis", summary="A day's figures, planned and actual", responses=errors(404, 409, 422))
def get_figures(
    city_id: CityId, date: DayDate, session: SessionDep, cities: CitiesDep, planned: PlannedDep
) -> FiguresOut:
    """Return what was planned beside what was done, of the day, its routes and its zones."""
    found = day_figures(session, cities, planned, city_id, date)
    return FiguresOut(date=date.isoformat(), rows=[dict(row) for row in found.rows])


@router.get(
    "/kpis.csv", summary="The same as a table", response_class=CsvResponse, responses=errors(404, 409, 422) | CSV
)
def get_csv(city_id: CityId, date: DayDate, session: SessionDep, cities: CitiesDep, planned: PlannedDep) -> Response:
    """Return a row for the day, each route and each zone."""
    return CsvResponse(csv_text(day_figures(session, cities, planned, city_id, date).rows, COLUMNS))


@router.get(
    "/kpis.geojson",
    summary="The same as a map",
    response_class=GeoJsonResponse,
    responses=errors(404, 409, 422) | {200: {"model": FeatureCollection, "description": "RFC 7946."}},
)
def get_map(city_id: CityId, date: DayDate, session: SessionDep, cities: CitiesDep, planned: PlannedDep) -> Response:
    """Return zones as polygons and routes as lines, with their figures; the day itself has no geometry."""
    return GeoJsonResponse(day_geojson(day_figures(session, cities, planned, city_id, date)))


_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "GeoParquet 1.1.", "content": {PARQUET: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/kpis.parquet",
    summary="The same as GeoParquet",
    response_class=ParquetResponse,
    responses=errors(404, 409, 422) | _FILE,
)
def get_parquet(
    city_id: CityId, date: DayDate, session: SessionDep, cities: CitiesDep, planned: PlannedDep
) -> Response:
    """Return the rows with their geometry; needs the extra ``report`` on the server."""
    try:
        return ParquetResponse(day_geoparquet(day_figures(session, cities, planned, city_id, date)))
    except ExportMissing as error:
        raise NotFound(f"There is no GeoParquet on this server. {error}") from error
