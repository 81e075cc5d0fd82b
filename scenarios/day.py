"""Plan one day of a city, end to end: files in, a judged plan out."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.city.profiles import classes_up_to, profiles_up_to, truck_profiles
from geodata.city.zones import zone_containers
from geodata.streets.cache import cached_roads
from geodata.streets.conditions import Hours
from geodata.streets.osm import read_osm
from geodata.streets.roads import build_roads
from geodata.streets.snap import other_kerb, snap
from geodata.streets.travel import travel_matrix
from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import (
    PERMILLE,
    Break,
    Depot,
    DisposalSite,
    Location,
    Problem,
    Shift,
    TimeWindow,
    Vehicle,
    Visit,
)
from optimizer.search.solve import solve

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from geodata.city.dataset import (
        CityDataset,
        Container,
        DepotRecord,
        DisposalSiteRecord,
        ShiftRecord,
        VehicleRecord,
        Windows,
    )
    from geodata.streets.osm import OsmExtract
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.rules import TruckProfile
    from geodata.streets.snap import Places
    from optimizer.problem.plan import RouteOrder
    from optimizer.search.solve import OnImprovement, Result
    from optimizer.search.stop import Stop

MICRO: Final = 1_000_000
_DAYS_A_WEEK: Final = 7
_SECONDS_AN_HOUR: Final = 3_600
_METRES_A_KM: Final = 1_000
_KG_A_TONNE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day ready to be planned.

    Parameters
    ----------
    places
        Where on the streets each index of the problem's travel matrix lies.
    not_due
        How many containers are not collected on this day: not scheduled, or empty.
    """

    city: CityDataset
    service_date: dt.date
    problem: Problem
    network: RoadNetwork
    places: Places
    not_due: int


def prepare_day(
    city: CityDataset,
    service_date: dt.date,
    *,
    extract: OsmExtract | None = None,
    fills: Mapping[str, float] | None = None,
    cache_dir: Path | None = None,
) -> Day:
    """Turn a city and a date into a problem: what is due, on which streets, with which trucks.

    Parameters
    ----------
    extract
        The city's streets where the caller has read them already.
    fills
        Fill (0 to 1) by container id where something newer than the city's files is known.
    cache_dir
        Where to keep the streets between calls; they are read and contracted each time without it.

    Raises
    ------
    DataError
        If the streets cannot be read.
    InvalidProblem
        If the city's figures contradict each other in a way that its own checks let pass.
    """
    profiles, profile_of = truck_profiles(city.vehicles)
    shifts = [shift for shift in city.shifts if shift.weekdays is None or service_date.weekday() in shift.weekdays]
    side, hours = city.driving_side, _hours(shifts, service_date.weekday())
    if cache_dir is not None:
        network = cached_roads(
            city.streets_path, profiles, driving_side=side, hours=hours, cache_dir=cache_dir, extract=extract
        )
    else:
        streets = extract if extract is not None else read_osm(city.streets_path)
        network = build_roads(streets, profiles, driving_side=side, hours=hours)
    containers = [*city.containers, *zone_containers(city, network)]
    due = [
        (container, litres)
        for container in containers
        if (litres := _litres_due(city, container, service_date.weekday(), fills or {})) > 0
    ]
    ground = _Ground(profiles)
    depots = tuple(Depot(id=depot.id, node=ground.fixed(depot)) for depot in city.depots)
    sites = tuple(
        DisposalSite(
            id=site.id,
            node=ground.fixed(site),
            unloading_s=site.unloading_s,
            windows=_windows(site.windows),
            streams=site.streams or None,
            fee_micro_per_kg=round(site.gate_fee_per_t * MICRO / _KG_A_TONNE),
        )
        for site in city.disposal_sites
    )
    drafts = list(_visits(city, due, ground))
    places = snap(
        network,
        ground.lon,
        ground.lat,
        profiles=ground.profiles,
        street=ground.street,
        max_m=city.snap_max_m,
    )
    visited = sorted({draft.node for draft in drafts})
    others = other_kerb(network, places.take(visited), profiles=[ground.profiles[node] for node in visited])
    crossed = np.flatnonzero(others.segment >= 0)
    across = {visited[at]: len(places) + number for number, at in enumerate(crossed.tolist())}
    places = places.join(others.take(crossed))
    cells = {profile.name: travel_matrix(network, profile.name, places) for profile in profiles}
    problem = Problem(
        matrix=TravelMatrix(
            {name: duration_s for name, (duration_s, _) in cells.items()},
            {name: distance_m for name, (_, distance_m) in cells.items()},
        ),
        locations=tuple(
            Location(lon=float(lon), lat=float(lat)) for lon, lat in zip(places.lon, places.lat, strict=True)
        ),
        depots=depots,
        disposal_sites=sites,
        vehicles=tuple(_vehicle(vehicle, profile_of[vehicle.id]) for vehicle in city.vehicles),
        shifts=tuple(_shift(shift) for shift in shifts),
        visits=tuple(draft.visit(reached=places.segment[draft.node] >= 0, across=across) for draft in drafts),
        currency=city.currency,
        service_date=service_date.isoformat(),
    )
    return Day(
        city=city,
        service_date=service_date,
        problem=problem,
        network=network,
        places=places,
        not_due=len(containers) - len(due),
    )


def plan_day(
    day: Day,
    *,
    stop: Stop,
    seed: int = 0,
    start: Sequence[RouteOrder] | None = None,
    on_improvement: OnImprovement | None = None,
) -> Result:
    """Plan a prepared day; see ``optimizer.search.solve.solve``."""
    return solve(day.problem, stop=stop, seed=seed, start=start, on_improvement=on_improvement)


class _Ground:
    """Collects the points of a day, one for each index of the travel matrix."""

    def __init__(self, profiles: Sequence[TruckProfile]) -> None:
        self._fleet = profiles
        self._node_of: dict[tuple[tuple[str, str], str | None], int] = {}
        self.lon: list[float] = []
        self.lat: list[float] = []
        self.street: list[str | None] = []
        self.profiles: list[tuple[str, ...]] = []

    def fixed(self, record: DepotRecord | DisposalSiteRecord) -> int:
        """Return the index of a depot or disposal site, which the whole fleet comes to."""
        return self._add(record.lon, record.lat, None, None)

    def node(self, stop: tuple[str, str], container: Container) -> int:
        """Return the index of a stop for the vehicles that may come to a container; its first container places it."""
        key = (stop, container.access_class)
        if key not in self._node_of:
            self._node_of[key] = self._add(container.lon, container.lat, container.access_class, container.street)
        return self._node_of[key]

    def _add(self, lon: float, lat: float, access_class: str | None, street: str | None) -> int:
        self.lon.append(lon)
        self.lat.append(lat)
        self.street.append(street)
        self.profiles.append(profiles_up_to(access_class, self._fleet))
        return len(self.lon) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _VisitDraft:
    """A visit before its place on the streets is known."""

    id: str
    stop: str
    node: int
    containers: tuple[Container, ...]
    litres: tuple[int, ...]
    setup_s: int
    density_kg_per_l: float
    access: frozenset[str] | None = field(default=None)

    def visit(self, *, reached: bool, across: Mapping[int, int]) -> Visit:
        first = self.containers[0]
        demand_l = sum(self.litres)
        prize_micro = None
        if first.prize is not None:
            prize_micro = round(sum((container.prize or 0.0) for container in self.containers) * MICRO)
        return Visit(
            id=self.id,
            stop=self.stop,
            # In a lane that a crew can cross the plan chooses the direction in which the truck comes along.
            kerb=(self.node, *([across[self.node]] if self.node in across else [])) if reached else (),
            stream=first.stream,
            demand_kg=max(1, round(demand_l * self.density_kg_per_l)),
            demand_l=demand_l,
            service_s=sum(container.service_s for container in self.containers),
            setup_s=self.setup_s,
            lifts=len(self.containers),
            windows=_windows(first.windows),
            access=self.access,
            prize_micro=prize_micro,
            vehicle=first.locked_vehicle,
            containers=tuple(container.id for container in self.containers),
        )


def _hours(shifts: Sequence[ShiftRecord], weekday: int) -> Hours | None:
    """Return when the trucks of these shifts may be on the streets; None without shifts."""
    if not shifts:
        return None
    return Hours(
        weekday=weekday,
        start_s=min(shift.start_s for shift in shifts),
        end_s=max(shift.end_s + shift.max_overtime_s for shift in shifts),
    )


def _litres_due(city: CityDataset, container: Container, weekday: int, fills: Mapping[str, float]) -> int:
    """Return the litres to collect, rounded up; 0 when the container is not due or empty.

    A reported fill counts before the city's own, that before a typical rate since the last scheduled day, and that
    before the city's default. A container holds no more than its volume.
    """
    if container.schedule is not None and weekday not in container.schedule:
        return 0
    fill = fills.get(container.id, container.fill)
    if fill is not None:
        litres = fill * container.volume_l
    elif container.fill_rate_l_per_day is not None:
        litres = container.fill_rate_l_per_day * _days_since_collection(container.schedule, weekday)
    else:
        litres = city.default_fill * container.volume_l
    return math.ceil(min(litres, container.volume_l))


def _days_since_collection(schedule: frozenset[int] | None, weekday: int) -> int:
    """Return the days since the scheduled day before this one; 1 without a schedule (collected daily)."""
    if schedule is None:
        return 1
    return min((weekday - other - 1) % _DAYS_A_WEEK + 1 for other in schedule)


def _visits(city: CityDataset, due: Sequence[tuple[Container, int]], ground: _Ground) -> Iterable[_VisitDraft]:
    """Group containers that one halt can serve alike: same stop, stream, windows, access, lock, and kind of duty."""
    groups: defaultdict[tuple[object, ...], list[tuple[Container, int]]] = defaultdict(list)
    for container, litres in due:
        key = (
            _stop_key(container),
            container.stream,
            container.windows,
            container.access_class,
            container.locked_vehicle,
            container.prize is None,
        )
        groups[key].append((container, litres))
    stops, visits = _Names(), _Names()
    stop_of: dict[tuple[str, str], str] = {}
    for members in groups.values():
        for batch in _batches(city, members):
            first = batch[0][0]
            stop_key = _stop_key(first)
            if stop_key not in stop_of:
                stop_of[stop_key] = stops.unique(first.stop_id or first.id)
            stop = stop_of[stop_key]
            yield _VisitDraft(
                id=visits.unique(stop),
                stop=stop,
                node=ground.node(stop_key, first),
                containers=tuple(container for container, _ in batch),
                litres=tuple(litres for _, litres in batch),
                setup_s=city.setup_s,
                density_kg_per_l=city.density_kg_per_l(first.stream),
                access=None if first.access_class is None else frozenset(classes_up_to(first.access_class)),
            )


def _stop_key(container: Container) -> tuple[str, str]:
    """Return what tells stops apart; a container without a stop is one of its own, whatever other stops are called."""
    return ("stop", container.stop_id) if container.stop_id else ("container", container.id)


class _Names:
    """Gives ids that are like the wish, and different."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, wish: str) -> str:
        """Return the wish, or the wish with the first number from 2 that makes it new."""
        name, number = wish, 1
        while name in self._taken:
            number += 1
            name = f"{wish}#{number}"
        self._taken.add(name)
        return name


def _batches(city: CityDataset, members: Sequence[tuple[Container, int]]) -> Iterable[list[tuple[Container, int]]]:
    """Split what stands at one stop into visits that fit into the largest truck which may come; mostly there is one."""
    first = members[0][0]
    allowed = classes_up_to(first.access_class)
    trucks = [
        vehicle
        for vehicle in city.vehicles
        if vehicle.access_class in allowed and (not vehicle.streams or first.stream in vehicle.streams)
    ]
    density = city.density_kg_per_l(first.stream)
    most_l = max((_capacity_l(vehicle, density) for vehicle in trucks), default=math.inf)
    batch: list[tuple[Container, int]] = []
    for container, litres in members:
        if batch and sum(other for _, other in batch) + litres > most_l:
            yield batch
            batch = []
        batch.append((container, litres))
    yield batch


def _capacity_l(vehicle: VehicleRecord, density_kg_per_l: float) -> float:
    return min(vehicle.capacity_l * vehicle.compaction, vehicle.capacity_kg / density_kg_per_l)


def _vehicle(record: VehicleRecord, profile: str) -> Vehicle:
    return Vehicle(
        id=record.id,
        depot=record.depot,
        profile=profile,
        access_class=record.access_class,
        capacity_kg=record.capacity_kg,
        body_l=record.capacity_l,
        compaction_permille=round(record.compaction * PERMILLE),
        streams=record.streams or None,
        mixed_streams=record.mixed_streams,
        lift_s=record.lift_s,
        range_m=None if record.range_km is None else round(record.range_km * _METRES_A_KM),
        fixed_micro=round(record.fixed_cost * MICRO),
        micro_per_s=round(record.cost_per_hour * MICRO / _SECONDS_AN_HOUR),
        micro_per_m=round(record.cost_per_km * MICRO / _METRES_A_KM),
    )


def _shift(record: ShiftRecord) -> Shift:
    return Shift(
        id=record.id,
        vehicle=record.vehicle,
        start_s=record.start_s,
        end_s=record.end_s,
        breaks=tuple(
            Break(duration_s=rest.duration_s, earliest_s=rest.earliest_s, latest_s=rest.latest_s)
            for rest in record.breaks
        ),
        max_overtime_s=record.max_overtime_s,
        overtime_micro_per_s=round(record.overtime_cost_per_hour * MICRO / _SECONDS_AN_HOUR),
        max_stops=record.max_stops,
        max_daily_kg=record.max_daily_kg,
    )


def _windows(pairs: Windows) -> tuple[TimeWindow, ...]:
    return tuple(TimeWindow(start_s=start_s, end_s=end_s) for start_s, end_s in sorted(pairs))
