"""Cities: import one, list them, look at their parts on a map."""

from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session
from starlette.datastructures import UploadFile

from geodata.city.dataset import CityDataset
from geodata.maps.geojson import containers_geojson, depots_geojson, disposal_sites_geojson, zones_geojson
from service.api.deps import CitiesDep, CityId, SessionDep, SettingsDep
from service.api.geojson import FeatureCollection
from service.api.replies import GEOJSON, GeoJsonResponse, errors, kept
from service.api.schemas import BreakOut, CityList, CityOut, ShiftList, ShiftOut, VehicleList, VehicleOut
from service.api.streets import drawn_streets
from service.auth.audit import write_into
from service.auth.permit import PrincipalDep
from service.auth.roles import Permission
from service.db.documents import squeeze
from service.db.models import CityVersionRow
from service.problems import FieldError, InvalidRequest, TooLarge, UnsupportedMediaType

router = APIRouter(prefix="/v1/cities", tags=["cities"])

ZIP_TYPES: Final = ("application/zip", "application/x-zip-compressed")
_UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "description": "A zip of the city's folder: as the body itself, or as the file of a form.",
        "content": {
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


async def _archive(request: Request, settings: SettingsDep) -> bytes:
    """Return the uploaded archive, whichever way it came."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    kind = header.get_content_type()
    if kind in ZIP_TYPES:
        data = await request.body()
    elif kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidRequest(
                    [FieldError(place="body/file", message="A form with a file named 'file' is expected.")]
                )
            data = await file.read()
    else:
        raise UnsupportedMediaType(
            f"A city comes as application/zip, or as the file of a multipart/form-data form; not as {kind}."
        )
    if len(data) > settings.max_upload_bytes:
        raise TooLarge(f"The archive is larger than the {settings.max_upload_bytes:,} bytes that this server accepts.")
    return data


@router.post(
    "",
    summary="Import a city",
    status_code=HTTPStatus.CREATED,
    responses=errors(400, 409, 413, 415, 422)
    | {200: {"model": CityOut, "description": "This content was imported before; nothing changed."}},
    openapi_extra=_UPLOAD,
)
def import_city(
    archive: Annotated[bytes, Depends(_archive)],
    cities: CitiesDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
) -> CityOut:
    """Check a city dataset and store it.

    When anything in it is wrong, nothing is stored and every error is listed with its file, row and column. A city of
    the same name with other content becomes that city's new version; plans keep the version they were made for.
    """

    def audited(session: Session, city_id: str, is_new: bool) -> None:  # noqa: FBT001 - as it is called
        request.state.city_id = city_id
        response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        write_into(session, request, response.status_code)

    version, _ = cities.add(archive, permitted=lambda city_id: principal.may(Permission.IMPORT, city_id), also=audited)
    response.headers["Location"] = f"/v1/cities/{version.city_id}"
    return city_out(version)


@router.get("", summary="List the cities", responses=errors())
def list_cities(session: SessionDep, cities: CitiesDep, principal: PrincipalDep) -> CityList:
    """Return every city in which one has a role, in the version that is in use."""
    versions = cities.all_current(session)
    return CityList(
        cities=[city_out(version) for version in versions if principal.may(Permission.LOOK, version.city_id)]
    )


@router.get("/{city_id}", summary="Look at a city", responses=errors(404, 422))
def get_city(city_id: CityId, session: SessionDep, cities: CitiesDep) -> CityOut:
    """Return a city in the version that is in use."""
    return city_out(cities.current(session, city_id))


def _map_of(
    city_id: str, request: Request, session: SessionDep, cities: CitiesDep, draw: Callable[[CityDataset], bytes]
) -> Response:
    version = cities.current(session, city_id)
    return kept(request, squeeze(draw(_dataset(cities, version))), media_type=GEOJSON)


def _dataset(cities: CitiesDep, version: CityVersionRow) -> CityDataset:
    assert version.id is not None
    return cities.dataset(version.id, version.content_hash)


_MAP: Final[dict[str, Any]] = {
    "response_class": GeoJsonResponse,
    "responses": errors(404, 409, 422)
    | {
        200: {"model": FeatureCollection, "description": "A FeatureCollection, RFC 7946."},
        304: {"description": "What If-None-Match names is still right."},
    },
}


@router.get("/{city_id}/containers", summary="The containers as GeoJSON", **_MAP)
def get_containers(city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep) -> Response:
    """Return a Point for each container."""
    return _map_of(city_id, request, session, cities, lambda city: containers_geojson(city.containers))


@router.get("/{city_id}/depots", summary="The depots as GeoJSON", **_MAP)
def get_depots(city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep) -> Response:
    """Return a Point for each depot."""
    return _map_of(city_id, request, session, cities, lambda city: depots_geojson(city.depots))


@router.get("/{city_id}/disposal-sites", summary="The disposal sites as GeoJSON", **_MAP)
def get_disposal_sites(city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep) -> Response:
    """Return a Point for each disposal site."""
    return _map_of(city_id, request, session, cities, lambda city: disposal_sites_geojson(city.disposal_sites))


@router.get("/{city_id}/zones", summary="The zones as GeoJSON", **_MAP)
def get_zones(city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep) -> Response:
    """Return a Polygon or MultiPolygon for each zone."""
    return _map_of(city_id, request, session, cities, lambda city: zones_geojson(city.zones))


@router.get("/{city_id}/streets", summary="The streets as GeoJSON", **_MAP)
def get_streets(
    city_id: CityId, request: Request, session: SessionDep, cities: CitiesDep, settings: SettingsDep
) -> Response:
    """Return a LineString for each piece of street, thinned for drawing."""
    version = cities.current(session, city_id)
    squeezed = drawn_streets(_dataset(cities, version), settings.cache_dir)
    return kept(request, squeezed, media_type=GEOJSON)


@router.get("/{city_id}/vehicles", summary="The vehicles", responses=errors(404, 409, 422))
def get_vehicles(city_id: CityId, session: SessionDep, cities: CitiesDep) -> VehicleList:
    """Return every vehicle of a city."""
    city = _dataset(cities, cities.current(session, city_id))
    return VehicleList(
        currency=city.currency,
        vehicles=[
            VehicleOut(
                id=vehicle.id,
                depot=vehicle.depot,
                access_class=vehicle.access_class,
                capacity_kg=vehicle.capacity_kg,
                capacity_l=vehicle.capacity_l,
                compaction=vehicle.compaction,
                width_m=vehicle.width_m,
                height_m=vehicle.height_m,
                length_m=vehicle.length_m,
                weight_t=vehicle.weight_t,
                streams=sorted(vehicle.streams),
                mixed_streams=vehicle.mixed_streams,
                speed_factor=vehicle.speed_factor,
                fixed_cost=vehicle.fixed_cost,
                cost_per_hour=vehicle.cost_per_hour,
                cost_per_km=vehicle.cost_per_km,
                energy=vehicle.energy,
                range_km=vehicle.range_km,
                lift_s=vehicle.lift_s,
            )
            for vehicle in city.vehicles
        ],
    )


@router.get("/{city_id}/shifts", summary="The shifts", responses=errors(404, 409, 422))
def get_shifts(city_id: CityId, session: SessionDep, cities: CitiesDep) -> ShiftList:
    """Return every shift of a city."""
    city = _dataset(cities, cities.current(session, city_id))
    return ShiftList(
        currency=city.currency,
        shifts=[
            ShiftOut(
                id=shift.id,
                vehicle=shift.vehicle,
                weekdays=None if shift.weekdays is None else sorted(shift.weekdays),
                start_s=shift.start_s,
                end_s=shift.end_s,
                breaks=[
                    BreakOut(duration_s=rest.duration_s, earliest_s=rest.earliest_s, latest_s=rest.latest_s)
                    for rest in shift.breaks
                ],
                max_overtime_s=shift.max_overtime_s,
                overtime_cost_per_hour=shift.overtime_cost_per_hour,
                max_stops=shift.max_stops,
                max_daily_kg=shift.max_daily_kg,
            )
            for shift in city.shifts
        ],
    )


def city_out(version: CityVersionRow) -> CityOut:
    """Return a city as it goes over the wire."""
    return CityOut.model_validate(
        {
            "id": version.city_id,
            "content_hash": version.content_hash,
            "imported_at": version.imported_at,
            **version.summary,
        }
    )
