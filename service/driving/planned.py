"""What plans say of shifts and visits: read once from a plan's own map, and kept, because a plan never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlmodel import Session, col, select

from service.db.documents import unsqueeze
from service.db.models import CityVersionRow, PlanRow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from service.cities import Cities
    from service.drawing import Drawings

PLANS_KEPT: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVisit:
    """A visit as a plan has it; ``shift`` and ``departure_s`` are None where the plan leaves it out."""

    id: str
    containers: tuple[str, ...]
    kg: int
    lon: float | None = None
    lat: float | None = None
    shift: str | None = None
    arrival_s: int | None = None
    departure_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShift:
    """A shift's route as a plan has it; ``visits`` in order."""

    id: str
    vehicle: str
    visits: tuple[str, ...]
    unloadings: int
    kg: int
    distance_m: int
    departure_s: int
    return_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """One plan, as far as those who follow the day need it."""

    plan_id: str
    visits: Mapping[str, PlannedVisit]
    shifts: Mapping[str, PlannedShift]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftHours:
    """When a shift works, in seconds of its service day; ``latest_s`` with its overtime."""

    vehicle: str
    start_s: int
    end_s: int
    latest_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFacts:
    """What of a version of a city those who follow the day need: its time zone, its shifts' hours, and names."""

    timezone: str
    hours: Mapping[str, ShiftHours]
    vehicles: frozenset[str]
    containers: frozenset[str]
    streams: frozenset[str]


class PlannedDays:
    """Knows plans and the hours of shifts; what was read is kept, because plans and versions never change."""

    def __init__(self, cities: Cities, drawings: Drawings) -> None:
        self._cities = cities
        self._drawings = drawings
        self._plans: OrderedDict[str, PlannedDay] = OrderedDict()
        self._facts: dict[int, CityFacts] = {}
        self._lock = threading.Lock()

    def day(self, session: Session, plan_id: str) -> PlannedDay:
        """Return a stored plan."""
        with self._lock:
            kept = self._plans.get(plan_id)
            if kept is not None:
                self._plans.move_to_end(plan_id)
                return kept
        self._drawings.ensure(plan_id)  # a plan that came of edits may not be drawn yet
        squeezed = session.exec(select(PlanRow.routes_geojson).where(PlanRow.id == plan_id)).one()
        assert squeezed is not None
        found = read_plan(plan_id, orjson.loads(unsqueeze(squeezed))["features"])
        with self._lock:
            self._plans[plan_id] = found
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return found

    def versions(self, session: Session, city_id: str, service_date: dt.date) -> Iterator[PlannedDay]:
        """Yield all plans of a city's day, the newest first: phones may still follow an old one."""
        asked = (
            select(PlanRow.id)
            .join(CityVersionRow)
            .where(
                CityVersionRow.city_id == city_id,
                PlanRow.service_date == service_date,
                col(PlanRow.routes_geojson).is_not(None),  # a draft that nobody has drawn was never on a phone
            )
            .order_by(col(PlanRow.created_at).desc())
        )
        for plan_id in session.exec(asked).all():
            yield self.day(session, plan_id)

    def facts(self, session: Session, version_id: int) -> CityFacts:
        """Return what is needed of a version of a city."""
        with self._lock:
            kept = self._facts.get(version_id)
        if kept is not None:
            return kept
        content_hash = session.exec(select(CityVersionRow.content_hash).where(CityVersionRow.id == version_id)).one()
        city = self._cities.dataset(version_id, content_hash)
        hours = {
            shift.id: ShiftHours(
                vehicle=shift.vehicle,
                start_s=shift.start_s,
                end_s=shift.end_s,
                latest_s=shift.end_s + shift.max_overtime_s,
            )
            for shift in city.shifts
        }
        found = CityFacts(
            timezone=city.timezone,
            hours=hours,
            vehicles=frozenset(vehicle.id for vehicle in city.vehicles),
            containers=frozenset(container.id for container in city.containers),
            streams=frozenset(city.streams),
        )
        with self._lock:
            self._facts[version_id] = found
        return found


def read_plan(plan_id: str, features: list[dict[str, Any]]) -> PlannedDay:
    """Return what a plan's map (``geodata.maps.geojson``) says of visits and shifts."""
    visits: dict[str, PlannedVisit] = {}
    steps: dict[str, list[dict[str, Any]]] = {}
    distance_m: dict[str, int] = {}
    for feature in features:
        said = feature["properties"]
        if said["kind"] == "trip":
            distance_m[said["shift"]] = distance_m.get(said["shift"], 0) + said["distance_m"]
            continue
        if said["kind"] != "unserved":
            steps.setdefault(said["shift"], []).append(said)
        if said["kind"] in ("visit", "unserved"):
            lon, lat = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
            visits[said["id"]] = PlannedVisit(
                id=said["id"],
                containers=tuple(container["id"] for container in said["containers"]),
                kg=said["demand_kg"],
                lon=lon,
                lat=lat,
                shift=said.get("shift"),
                arrival_s=said.get("arrival_s"),
                departure_s=said.get("departure_s"),
            )
    shifts = {}
    for shift, found in steps.items():
        served = tuple(step["id"] for step in found if step["kind"] == "visit")
        shifts[shift] = PlannedShift(
            id=shift,
            vehicle=found[0]["vehicle"],
            visits=served,
            unloadings=sum(step["kind"] == "unload" for step in found),
            kg=sum(visits[visit].kg for visit in served),
            distance_m=distance_m.get(shift, 0),
            departure_s=found[0]["departure_s"],
            return_s=found[-1]["arrival_s"],
        )
    return PlannedDay(plan_id=plan_id, visits=visits, shifts=shifts)
