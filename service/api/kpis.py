"""The KPIs of a stored plan: of the day, of each route and of each zone (docs/kpis.md)."""

from fastapi import APIRouter
from pydantic import Field
from sqlmodel import select

from geodata.city.build import ZONE_PREFIX
from geodata.city.dataset import CityDataset
from optimizer.problem.codec import decode_plan, loads
from optimizer.problem.model import Problem
from scenarios.amounts import zone_of_stop
from scenarios.changes.waste import zones_of
from scenarios.kpi import RouteKpis, day_kpis
from service.api.deps import CitiesDep, PlanId, SessionDep
from service.api.replies import errors
from service.api.schemas import Out
from service.db.documents import unsqueeze
from service.db.models import CityVersionRow, PlanRow
from service.problems import NotFound

router = APIRouter(prefix="/v1", tags=["plans"])


class RouteKpisOut(Out):
    """What a route comes to."""

    shift: str
    vehicle: str
    cost: float
    distance_km: float
    crew_hours: float
    driving_hours: float
    standing_hours: float = Field(description="Setting up, serving and unloading.")
    break_hours: float
    waiting_hours: float
    overtime_hours: float
    stops: int
    containers: int
    collected_t: float
    trips: int
    fill: list[float] = Field(description="Of each trip, the share of the payload or of the body, whichever is more.")
    fuel_l: float
    energy_kwh: float
    co2e_kg: float


class ZoneKpisOut(Out):
    """What is due in a zone, and what of it the plan collects; the empty id is outside all zones."""

    zone: str
    due_t: float
    collected_t: float
    service: float = Field(description="Share by weight, 0 to 1.")
    due_visits: int
    served_visits: int


class PlanKpisOut(Out):
    """The KPIs of a plan; fuel and CO2e are reckoned, not measured."""

    currency: str
    cost: float
    cost_per_tonne: float
    trucks: int
    crew_hours: float
    distance_km: float
    collected_t: float
    overtime_hours: float
    unserved: int = Field(description="Required visits that the plan leaves out.")
    fill: float
    fuel_l: float
    energy_kwh: float
    co2e_kg: float
    routes: list[RouteKpisOut]
    zones: list[ZoneKpisOut]


@router.get("/plans/{plan_id}/kpis", summary="A plan's KPIs", responses=errors(404, 409, 422))
def get_kpis(plan_id: PlanId, session: SessionDep, cities: CitiesDep) -> PlanKpisOut:
    """Return cost, hours, kilometres, tonnes, fuel, CO2e and service, of the day, its routes and its zones."""
    row = session.get(PlanRow, plan_id)
    if row is None:
        raise NotFound(f"There is no plan {plan_id!r}.")
    content_hash = session.exec(
        select(CityVersionRow.content_hash).where(CityVersionRow.id == row.city_version_id)
    ).one()
    city = cities.dataset(row.city_version_id, content_hash)
    problem, plan = decode_plan(loads(unsqueeze(row.document)))
    kpis = day_kpis(
        problem,
        plan,
        electric={vehicle.id: None for vehicle in city.vehicles if vehicle.energy == "electric"},
        zone_of=_zones(city, problem),
    )
    return PlanKpisOut(
        currency=problem.currency,
        cost=kpis.cost_micro / 1e6,
        cost_per_tonne=kpis.cost_per_tonne,
        trucks=kpis.trucks,
        crew_hours=kpis.total("crew_s") / 3_600,
        distance_km=kpis.total("distance_m") / 1_000,
        collected_t=kpis.collected_kg / 1_000,
        overtime_hours=kpis.total("overtime_s") / 3_600,
        unserved=kpis.unserved_required,
        fill=kpis.fill,
        fuel_l=kpis.total("fuel_l"),
        energy_kwh=kpis.total("energy_kwh"),
        co2e_kg=kpis.total("co2e_kg"),
        routes=[_route(route) for route in kpis.routes],
        zones=[
            ZoneKpisOut(
                zone=name,
                due_t=zone.due_kg / 1_000,
                collected_t=zone.collected_kg / 1_000,
                service=zone.service,
                due_visits=zone.due_visits,
                served_visits=zone.served_visits,
            )
            for name, zone in kpis.zones.items()
        ],
    )


def _route(route: RouteKpis) -> RouteKpisOut:
    """Return a route's figures in the units of the wire."""
    return RouteKpisOut(
        shift=route.shift,
        vehicle=route.vehicle,
        cost=route.cost_micro / 1e6,
        distance_km=route.distance_m / 1_000,
        crew_hours=route.crew_s / 3_600,
        driving_hours=route.driving_s / 3_600,
        standing_hours=route.standing_s / 3_600,
        break_hours=route.break_s / 3_600,
        waiting_hours=route.waiting_s / 3_600,
        overtime_hours=route.overtime_s / 3_600,
        stops=route.stops,
        containers=route.containers,
        collected_t=route.collected_kg / 1_000,
        trips=route.trips,
        fill=list(route.fill),
        fuel_l=route.fuel_l,
        energy_kwh=route.energy_kwh,
        co2e_kg=route.co2e_kg,
    )


def _zones(city: CityDataset, problem: Problem) -> dict[str, str]:
    """Return the zone of each container and door-to-door stop of a day."""
    names = [name for visit in problem.visits for name in visit.containers]
    return zones_of(city) | {name: zone_of_stop(name) for name in names if name.startswith(ZONE_PREFIX)}
