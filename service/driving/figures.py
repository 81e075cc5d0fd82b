"""A day's figures for the day, each route and each zone: planned beside actual, from plans and drivers' reports.

Every row has the same columns; what a level does not have is None. Units are in the names, shares run from 0 to 1.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import shapely
from sqlalchemy import func, select
from sqlmodel import Session
from sqlmodel import select as select_rows

from optimizer.problem.codec import decode_plan, loads
from scenarios.kpi import Factors, day_kpis
from service.db.documents import unsqueeze
from service.db.models import CityVersionRow, PlanRow
from service.db.plans import document_of
from service.db.publication import published_plan, versions_of
from service.driving.contract import LATE_S, cases_of_day, found_full, reported
from service.driving.done import compare
from service.driving.fold import fold
from service.driving.month import zones_of_places
from service.driving.promised import promised_day
from service.driving.receive import moment_us
from service.driving.store import events_of_day
from service.ingest.report import DAY_US, Kind
from service.ingest.store import READING
from service.problems import NotFound

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from geodata.city.dataset import CityDataset
    from geodata.city.records import Zone
    from scenarios.kpi import DayKpis, RouteKpis
    from service.cities import Cities
    from service.driving.contract import Case, ZoneReport
    from service.driving.done import ShiftDone
    from service.driving.planned import PlannedDays
    from service.driving.promised import PromisedDay

COVERED_DAYS: Final = 7
"""A container is covered that was emptied within a week: what hot, wet cities collect least often."""
OVERFLOWS: Final = 1.0

COLUMNS: Final = (
    "level", "id", "name",
    "visits_planned", "visits_done", "late", "skipped", "unreported", "disputed",
    "service_planned", "service_actual",
    "tonnes_planned", "tonnes_done", "tonnes_weighed",
    "km_planned", "km_driven",
    "hours_planned", "hours_actual", "lifts_per_hour_planned", "lifts_per_hour_actual",
    "trips_planned", "unloadings_actual", "truck_fill_planned",
    "cost_planned", "overtime_h_planned",
    "fuel_l_planned", "fuel_l_actual", "energy_kwh_planned", "energy_kwh_actual",
    "co2e_kg_planned", "co2e_kg_actual",
    "containers", "overflowing", "covered", "days_since_service", "longest_days_since_service", "never_served",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """Rows by ``COLUMNS``, with the city's zones, and by shift the line that its published route takes."""

    rows: Sequence[dict[str, Any]]
    zones: Sequence[Zone]
    lines: Mapping[str, shapely.Geometry]


def day_figures(
    session: Session,
    cities: Cities,
    planned: PlannedDays,
    city_id: str,
    service_date: dt.date,
    *,
    factors: Factors | None = None,
) -> DayFigures:
    """Return a day's figures.

    Planned are the figures of the plan that was published first: a re-plan at noon holds the rest of the day alone.
    Fuel, electricity and CO2e are reckoned, actual ones for the metres that the phone's positions show.

    Raises
    ------
    NotFound
        If nothing is published for the day.
    """
    plan_row = published_plan(session, city_id, service_date)
    if plan_row is None:
        raise NotFound(f"No plan of city {city_id!r} is published for {service_date}.")
    city = _city(session, cities, plan_row.city_version_id)
    first_id = versions_of(session, city_id, service_date)[0].plan_id
    problem, plan = decode_plan(loads(unsqueeze(document_of(session, first_id))))
    promised = promised_day(session, planned, city_id, service_date)
    state = fold(events_of_day(session.connection(), city_id, service_date, positions="all"))
    names = [name for visit in problem.visits for name in visit.containers]
    names += [name for known in promised.promises.values() for name in known[-1][1].containers]
    zone_of = zones_of_places(city, names)
    kpis = day_kpis(
        problem,
        plan,
        electric={vehicle.id: None for vehicle in city.vehicles if vehicle.energy == "electric"},
        zone_of=zone_of,
        factors=factors,
    )
    from_us, until_us = (moment_us(service_date, seconds, city.timezone) for seconds in (0, 2 * 86_400))
    readings = found_full(session.connection(), city_id, from_us, until_us)
    cases = cases_of_day(promised, state, readings, service_date, city.timezone, late_s=LATE_S)
    done = {one.shift: one for one in compare(state, promised.versions[0][1], service_date, city.timezone)}
    weighed = {(service_date, shift): one.weighed_kg for shift, one in done.items() if one.weighed_kg is not None}
    reports = reported(cases, zone_of, weighed)
    places = _Places(session.connection(), city, city_id, until_us=moment_us(service_date, 86_400, city.timezone))
    rows = [_day_row(service_date, kpis, reports, done, city, factors or Factors(), places)]
    rows += [
        _route_row(shift, kpis, cases, done, city, factors or Factors(), promised)
        for shift in sorted({route.shift for route in kpis.routes} | done.keys())
    ]
    zones = {zone.id: zone for zone in city.zones}
    rows += [
        _zone_row(name, zones, kpis, reports, places, zone_of)
        for name in sorted(zones.keys() | kpis.zones.keys() | reports.keys())
    ]
    squeezed = session.exec(select_rows(PlanRow.routes_geojson).where(PlanRow.id == first_id)).one()
    return DayFigures(rows=rows, zones=city.zones, lines=_lines(squeezed))


def _blank(level: str, name: str, title: str) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS), "level": level, "id": name, "name": title}


def _day_row(
    service_date: dt.date,
    kpis: DayKpis,
    reports: Mapping[str, ZoneReport],
    done: Mapping[str, ShiftDone],
    city: CityDataset,
    factors: Factors,
    places: _Places,
) -> dict[str, Any]:
    due_kg = sum(zone.due_kg for zone in kpis.zones.values())
    row = _blank("day", service_date.isoformat(), city.name)
    actual = [_driven(shift, kpis, done, city, factors) for shift in done]
    driven = [one for one in actual if one is not None]
    lifts = sum(route.containers for route in kpis.routes)
    hours = kpis.total("crew_s") / 3_600
    done_hours = sum(_hours(one) or 0.0 for one in done.values())
    row |= _counts(list(reports.values()))
    row |= {
        "service_planned": _share(sum(zone.collected_kg for zone in kpis.zones.values()), due_kg),
        "service_actual": _share(sum(zone.done_kg for zone in reports.values()), due_kg),
        "tonnes_planned": kpis.collected_kg / 1_000,
        "km_planned": kpis.total("distance_m") / 1_000,
        "km_driven": sum(one[0] for one in driven) if driven else None,
        "hours_planned": hours,
        "hours_actual": done_hours or None,
        "lifts_per_hour_planned": lifts / hours if hours else None,
        "trips_planned": kpis.total("trips"),
        "unloadings_actual": sum(one.unloadings for one in done.values()),
        "truck_fill_planned": kpis.fill,
        "cost_planned": kpis.cost_micro / 1e6,
        "overtime_h_planned": kpis.total("overtime_s") / 3_600,
        "fuel_l_planned": kpis.total("fuel_l"),
        "fuel_l_actual": sum(one[1] for one in driven) if driven else None,
        "energy_kwh_planned": kpis.total("energy_kwh"),
        "energy_kwh_actual": sum(one[2] for one in driven) if driven else None,
        "co2e_kg_planned": kpis.total("co2e_kg"),
        "co2e_kg_actual": sum(one[3] for one in driven) if driven else None,
        **places.row(None),
    }
    return row


def _route_row(
    shift: str,
    kpis: DayKpis,
    cases: Sequence[Case],
    done: Mapping[str, ShiftDone],
    city: CityDataset,
    factors: Factors,
    promised: PromisedDay,
) -> dict[str, Any]:
    route = _route(kpis, shift)
    one = done.get(shift)
    row = _blank("route", shift, one.vehicle if one is not None and one.vehicle else (route.vehicle if route else ""))
    mine = [case for case in cases if case.shift == shift]
    hours = _hours(one)
    lifts = sum(len(case.visit.containers) for case in mine if case.is_done)
    planned = promised.versions[0][1].shifts.get(shift)
    row |= {
        "visits_planned": len(planned.visits) if planned is not None else 0,
        "visits_done": sum(case.is_done for case in mine),
        "late": sum(case.is_late for case in mine),
        "skipped": sum(not case.is_done and case.outcome != "unreported" for case in mine),
        "unreported": sum(case.outcome == "unreported" for case in mine),
        "disputed": sum(bool(case.evidence) for case in mine),
        "tonnes_done": sum(case.visit.kg for case in mine if case.is_done) / 1_000,
        "tonnes_weighed": None if one is None or one.weighed_kg is None else one.weighed_kg / 1_000,
        "hours_actual": hours,
        "lifts_per_hour_actual": lifts / hours if hours else None,
        "unloadings_actual": one.unloadings if one is not None else 0,
    }
    if route is not None:
        row |= {
            "tonnes_planned": route.collected_kg / 1_000,
            "km_planned": route.distance_m / 1_000,
            "hours_planned": route.crew_s / 3_600,
            "lifts_per_hour_planned": route.containers / (route.crew_s / 3_600) if route.crew_s else None,
            "trips_planned": route.trips,
            "truck_fill_planned": sum(route.fill) / len(route.fill) if route.fill else None,
            "cost_planned": route.cost_micro / 1e6,
            "overtime_h_planned": route.overtime_s / 3_600,
            "fuel_l_planned": route.fuel_l,
            "energy_kwh_planned": route.energy_kwh,
            "co2e_kg_planned": route.co2e_kg,
        }
    driven = _driven(shift, kpis, done, city, factors)
    if driven is not None:
        names = ("km_driven", "fuel_l_actual", "energy_kwh_actual", "co2e_kg_actual")
        row |= dict(zip(names, driven, strict=True))
    return row


def _zone_row(
    name: str,
    zones: Mapping[str, Zone],
    kpis: DayKpis,
    reports: Mapping[str, ZoneReport],
    places: _Places,
    zone_of: Mapping[str, str],
) -> dict[str, Any]:
    zone, found, report = zones.get(name), kpis.zones.get(name), reports.get(name)
    row = _blank("zone", name, zone.name if zone is not None else "outside all zones")
    if report is not None:
        row |= _counts([report])
    if found is not None:
        row |= {
            "tonnes_planned": found.collected_kg / 1_000,
            "service_planned": found.service,
            "service_actual": _share(report.done_kg if report is not None else 0, found.due_kg),
        }
    members = [container for container in places.containers if zone_of.get(container, "") == name]
    return row | places.row(members)


def _counts(reports: Sequence[ZoneReport]) -> dict[str, Any]:
    missed: Counter[str] = sum((one.missed for one in reports), Counter())
    weighed = [one.weighed_kg for one in reports if one.weighed_kg is not None]
    return {
        "visits_planned": sum(one.promised for one in reports),
        "visits_done": sum(one.done for one in reports),
        "late": sum(one.late for one in reports),
        "skipped": sum(missed.values()) - missed["unreported"],
        "unreported": missed["unreported"],
        "disputed": sum(one.disputed for one in reports),
        "tonnes_done": sum(one.done_kg for one in reports) / 1_000,
        "tonnes_weighed": sum(weighed) / 1_000 if weighed else None,
    }


class _Places:
    """When each container of a city was emptied last before a moment, and which overflowed on the day before it."""

    def __init__(self, connection: Connection, city: CityDataset, city_id: str, *, until_us: int) -> None:
        c = READING.c
        mine = c.city_id == city_id
        emptied = select(c.container, func.max(c.time_us).label("last_us")).where(
            mine, c.kind == Kind.EMPTYING.value, c.time_us < until_us
        )
        self.containers = sorted(container.id for container in city.containers)
        self._until_us = until_us
        self._last_us = {row.container: row.last_us for row in connection.execute(emptied.group_by(c.container))}
        full = select(c.container).where(
            mine, c.time_us >= until_us - DAY_US, c.time_us < until_us, c.fill >= OVERFLOWS
        )
        self._full = {row.container for row in connection.execute(full.distinct())}

    def row(self, containers: Sequence[str] | None) -> dict[str, Any]:
        """Return the figures of some containers, or of all."""
        mine = self.containers if containers is None else containers
        ages = [(self._until_us - self._last_us[one]) / DAY_US for one in mine if one in self._last_us]
        return {
            "containers": len(mine),
            "overflowing": sum(one in self._full for one in mine),
            "covered": _share(sum(age <= COVERED_DAYS for age in ages), len(mine)),
            "days_since_service": sum(ages) / len(ages) if ages else None,
            "longest_days_since_service": max(ages, default=None),
            "never_served": len(mine) - len(ages),
        }


def _driven(
    shift: str, kpis: DayKpis, done: Mapping[str, ShiftDone], city: CityDataset, factors: Factors
) -> tuple[float, float, float, float] | None:
    """Return km, litres, kWh and kg CO2e of what a shift drove by its positions; None without any."""
    one, route = done.get(shift), _route(kpis, shift)
    if one is None or one.driven_m is None:
        return None
    km = one.driven_m / 1_000
    vehicle = next((known for known in city.vehicles if known.id == one.vehicle), None)
    if vehicle is None:
        return None
    litres = kwh = 0.0
    if vehicle.energy == "electric":
        kwh = km * factors.kwh_per_km[vehicle.access_class]
    else:
        standing_h = route.standing_s / 3_600 if route is not None else 0.0
        litres = km * factors.driving_l_per_km[vehicle.access_class]
        litres += standing_h * factors.standing_l_per_h[vehicle.access_class]
    return km, litres, kwh, litres * factors.diesel_co2e_kg_per_l + kwh * factors.grid_co2e_kg_per_kwh


def _route(kpis: DayKpis, shift: str) -> RouteKpis | None:
    return next((route for route in kpis.routes if route.shift == shift), None)


def _hours(one: ShiftDone | None) -> float | None:
    if one is None or one.first_us is None or one.last_us is None:
        return None
    return (one.last_us - one.first_us) / 3_600e6 or None


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _city(session: Session, cities: Cities, version_id: int) -> CityDataset:
    content_hash = session.exec(select_rows(CityVersionRow.content_hash).where(CityVersionRow.id == version_id)).one()
    return cities.dataset(version_id, content_hash)


def _lines(squeezed: bytes | None) -> dict[str, shapely.Geometry]:
    lines: dict[str, list[Any]] = {}
    for feature in orjson.loads(unsqueeze(squeezed))["features"] if squeezed is not None else ():
        if feature["properties"]["kind"] == "trip":
            lines.setdefault(feature["properties"]["shift"], []).append(feature["geometry"]["coordinates"])
    return {shift: shapely.MultiLineString(trips) for shift, trips in lines.items()}
