"""One figure for each thing that plans and scenarios are compared by; docs/kpis.md computes an example by hand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optimizer.problem.model import Problem, Vehicle
    from optimizer.problem.plan import Plan, Route
    from scenarios.changes.case import Battery

DIESEL_KG_PER_L: Final = 0.84
"""Density of road diesel: the middle of 0.820 to 0.845 kg/l that EN 590 allows, rounded up."""
DIESEL_MJ_PER_KG: Final = 43.0
"""Net calorific value of gas / diesel oil: 2006 IPCC Guidelines, volume 2, table 1.2 (43.0 TJ/Gg)."""
DIESEL_CO2_G_PER_MJ: Final = 74.1
"""2006 IPCC Guidelines, volume 2, table 3.2.1 (74,100 kg/TJ)."""
DIESEL_CH4_G_PER_MJ: Final = 0.0039
"""2006 IPCC Guidelines, volume 2, table 3.2.2 (3.9 kg/TJ)."""
DIESEL_N2O_G_PER_MJ: Final = 0.0039
"""2006 IPCC Guidelines, volume 2, table 3.2.2 (3.9 kg/TJ)."""
CH4_WARMING: Final = 28
N2O_WARMING: Final = 265
"""Over 100 years, without feedbacks: IPCC, Fifth Assessment Report, working group I, table 8.A.1."""
DIESEL_CO2E_KG_PER_L: Final = (
    (DIESEL_CO2_G_PER_MJ + CH4_WARMING * DIESEL_CH4_G_PER_MJ + N2O_WARMING * DIESEL_N2O_G_PER_MJ)
    * DIESEL_MJ_PER_KG
    * DIESEL_KG_PER_L
    / 1_000
)
"""2.72 kg, of which 2.68 kg are carbon dioxide. What leaves the exhaust; making the fuel is not in it."""
GRID_CO2E_KG_PER_KWH: Final = 0.48
"""World's average of 2023: Ember, data of July 2024, 481 g/kWh, which aims at the whole life cycle. A city states its
own grid's."""

_DRIVING_L_PER_KM: Final = {
    "compactor": 0.240 / DIESEL_KG_PER_L,
    "tipper": 0.240 / DIESEL_KG_PER_L,
    "three_wheeler": 0.035 / DIESEL_KG_PER_L,
    "handcart": 0.0,
}
"""Heavy-duty vehicles 240 g/km, and 35 g/km for three-wheelers counted with motorcycles: EMEP/EEA air pollutant
emission inventory guidebook, chapter 1.A.3.b.i-iv, typical fuel consumption of tier 1; not verified (docs/kpis.md)."""
_STANDING_L_PER_H: Final = {"compactor": 5.0, "tipper": 2.0, "three_wheeler": 0.4, "handcart": 0.0}
"""Our own working figures for an engine that idles, lifts and compacts at the kerb; a city that meters its trucks
states its own. That collection takes fuel for each stop beside that for each kilometre is U. Sonesson's model
("Modelling of waste collection", Waste Management & Research 18 (2000) 115-123, doi 10.1177/0734242X0001800203)."""
_KWH_PER_KM: Final = {"compactor": 2.0, "tipper": 0.9, "three_wheeler": 0.08, "handcart": 0.0}
"""Of vehicles that the city's files call electric and nobody has said more about. The compactor's is that of trials in
docs/kpis.md, rounded; the others are our own working figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What fuel and electricity weigh; a city states its own where it knows them.

    Parameters
    ----------
    driving_l_per_km, standing_l_per_h
        Diesel by access class.
    kwh_per_km
        By access class, for electric vehicles without a battery stated.
    """

    driving_l_per_km: Mapping[str, float] = field(default_factory=lambda: _DRIVING_L_PER_KM)
    standing_l_per_h: Mapping[str, float] = field(default_factory=lambda: _STANDING_L_PER_H)
    kwh_per_km: Mapping[str, float] = field(default_factory=lambda: _KWH_PER_KM)
    diesel_co2e_kg_per_l: float = DIESEL_CO2E_KG_PER_L
    grid_co2e_kg_per_kwh: float = GRID_CO2E_KG_PER_KWH


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteKpis:
    """What a route came to.

    Parameters
    ----------
    driving_s, standing_s, waiting_s, break_s
        They make up ``crew_s``, from departure to return. Standing is at work: setting up, serving and unloading.
    fill
        Of each trip, what it brought to the disposal site as a share of the payload or of the body, whichever is more.
    """

    shift: str
    vehicle: str
    cost_micro: int
    distance_m: int
    crew_s: int
    driving_s: int
    standing_s: int
    break_s: int
    waiting_s: int
    overtime_s: int
    stops: int
    containers: int
    collected_kg: int
    trips: int
    fill: tuple[float, ...]
    fuel_l: float
    energy_kwh: float
    battery_short_kwh: float
    co2e_kg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneKpis:
    """What was due in a zone and what of it the plan collects."""

    due_kg: int = 0
    collected_kg: int = 0
    due_visits: int = 0
    served_visits: int = 0

    @property
    def service(self) -> float:
        """The share of what was due, by weight, that is collected; 1 where nothing was."""
        return self.collected_kg / self.due_kg if self.due_kg else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayKpis:
    """What a day came to, added up over its routes, and by zone (the empty name is outside all zones)."""

    routes: tuple[RouteKpis, ...]
    zones: Mapping[str, ZoneKpis]
    cost_micro: int
    vehicles: tuple[str, ...]
    unserved: int
    unserved_required: int
    unserved_kg: int

    @property
    def trucks(self) -> int:
        """How many vehicles leave their depot."""
        return len(self.vehicles)

    @property
    def collected_kg(self) -> int:
        """What is unloaded."""
        return int(self.total("collected_kg"))

    @property
    def cost_per_tonne(self) -> float:
        """In the city's currency; 0 where nothing is collected."""
        return self.cost_micro / 1_000 / self.collected_kg if self.collected_kg else 0.0

    @property
    def fill(self) -> float:
        """The average fill of all trips; 0 without any."""
        trips = [share for route in self.routes for share in route.fill]
        return sum(trips) / len(trips) if trips else 0.0

    def total(self, name: str) -> float:
        """Return the sum of a figure over all routes."""
        return float(sum(getattr(route, name) for route in self.routes))


def day_kpis(
    problem: Problem,
    plan: Plan,
    *,
    electric: Mapping[str, Battery | None] | None = None,
    zone_of: Mapping[str, str] | None = None,
    factors: Factors | None = None,
) -> DayKpis:
    """Reckon a plan's figures.

    Parameters
    ----------
    electric
        The vehicles that drive on batteries, with what they draw where it is known; all others burn diesel.
    zone_of
        The zone of each container that stands in one.
    """
    electric, zone_of, factors = electric or {}, zone_of or {}, factors or Factors()
    left_out = {entry.visit for entry in plan.unserved}
    visits = [problem.visit_by_id[name] for name in left_out]
    return DayKpis(
        routes=tuple(_route(problem, route, electric, factors) for route in plan.routes),
        zones=_zones(problem, left_out, zone_of),
        cost_micro=plan.cost.operating_micro,
        vehicles=tuple(sorted({route.vehicle for route in plan.routes})),
        unserved=len(visits),
        unserved_required=sum(visit.required for visit in visits),
        unserved_kg=sum(visit.demand_kg for visit in visits),
    )


def _route(problem: Problem, route: Route, electric: Mapping[str, Battery | None], factors: Factors) -> RouteKpis:
    vehicle = problem.vehicle_by_id[route.vehicle]
    shift = problem.shift_by_id[route.shift]
    visits = [problem.visit_by_id[step.id] for step in route.steps if step.kind is StepKind.VISIT]
    driving_s = sum(step.leg_duration_s for step in route.steps)
    break_s = sum(step.departure_s - step.start_s for step in route.steps if step.kind is StepKind.BREAK)
    standing_s = _standing_s(problem, route)
    km = route.distance_m / 1_000
    fuel_l = energy_kwh = short_kwh = 0.0
    if route.vehicle in electric:
        battery = electric[route.vehicle]
        if battery is None:
            energy_kwh = km * factors.kwh_per_km[vehicle.access_class]
        else:
            energy_kwh = battery.kwh_per_km * km + battery.kwh_per_t_km * _tonne_km(route)
            short_kwh = max(0.0, energy_kwh - battery.usable_kwh)
    else:
        fuel_l = km * factors.driving_l_per_km[vehicle.access_class]
        fuel_l += standing_s / 3_600 * factors.standing_l_per_h[vehicle.access_class]
    fill, collected_kg = _fill(route, vehicle)
    return RouteKpis(
        shift=route.shift,
        vehicle=route.vehicle,
        cost_micro=route.cost.operating_micro,
        distance_m=route.distance_m,
        crew_s=route.duration_s,
        driving_s=driving_s,
        standing_s=standing_s,
        break_s=break_s,
        waiting_s=route.duration_s - driving_s - standing_s - break_s,
        overtime_s=max(0, route.return_s - shift.end_s),
        stops=len({visit.stop for visit in visits}),
        containers=sum(len(visit.containers) for visit in visits),
        collected_kg=collected_kg,
        trips=len(fill),
        fill=fill,
        fuel_l=fuel_l,
        energy_kwh=energy_kwh,
        battery_short_kwh=short_kwh,
        co2e_kg=fuel_l * factors.diesel_co2e_kg_per_l + energy_kwh * factors.grid_co2e_kg_per_kwh,
    )


def _standing_s(problem: Problem, route: Route) -> int:
    """Return the seconds of setting up, serving and unloading."""
    total_s = 0
    stop: str | None = None
    for step in route.steps:
        if step.kind is StepKind.VISIT:
            visit = problem.visit_by_id[step.id]
            total_s += step.departure_s - step.start_s + (0 if visit.stop == stop else visit.setup_s)
            stop = visit.stop
        elif step.kind is StepKind.UNLOAD:
            total_s += step.departure_s - step.start_s
            stop = None
    return total_s


def _tonne_km(route: Route) -> float:
    """Return the tonnes on board, each times its kilometres."""
    kg_m = 0
    before_kg = 0
    for step in route.steps:
        kg_m += before_kg * step.leg_distance_m
        before_kg = step.load_kg
    return kg_m / 1e6


def _fill(route: Route, vehicle: Vehicle) -> tuple[tuple[float, ...], int]:
    """Return how full the truck came to each unloading, and all that it brought, kg."""
    shares, total_kg = [], 0
    for before, step in zip(route.steps, route.steps[1:], strict=False):
        if step.kind is StepKind.UNLOAD:
            shares.append(max(before.load_kg / vehicle.capacity_kg, before.load_l / vehicle.capacity_l))
            total_kg += before.load_kg
    return tuple(shares), total_kg


def _zones(problem: Problem, left_out: Iterable[str], zone_of: Mapping[str, str]) -> dict[str, ZoneKpis]:
    names = frozenset(left_out)
    counts: defaultdict[str, dict[str, int]] = defaultdict(lambda: {item.name: 0 for item in fields(ZoneKpis)})
    for visit in problem.visits:
        count = counts[zone_of.get(visit.containers[0], "") if visit.containers else ""]
        count["due_kg"] += visit.demand_kg
        count["due_visits"] += 1
        if visit.id not in names:
            count["collected_kg"] += visit.demand_kg
            count["served_visits"] += 1
    return {name: ZoneKpis(**count) for name, count in sorted(counts.items())}
