"""Plan one day of a city, end to end: files in, a judged plan out."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from geodata.city.build import ZONE_PREFIX
from geodata.city.profiles import classes_up_to, profiles_up_to, truck_profiles
from geodata.city.zones import held_kg_per_day, zone_containers
from geodata.streets.osm import read_osm
from geodata.streets.roads import build_roads
from geodata.streets.snap import snap
from geodata.streets.travel import travel_matrix
from optimizer.problem.matrix import NO_PATH, TravelMatrix
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

    import numpy as np
    from numpy.typing import NDArray

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
_SECONDS_A_DAY: Final = 86_400
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
    notes
        Sentences about what the problem cannot say of itself, such as a zone whose waste finds no street.
    """

    city: CityDataset
    service_date: dt.date
    problem: Problem
    network: RoadNetwork
    places: Places
    not_due: int
    notes: tuple[str, ...]


def prepare_day(
    city: CityDataset,
    service_date: dt.date,
    *,
    extract: OsmExtract | None = None,
    fills: Mapping[str, float] | None = None,
) -> Day:
    """Turn a city and a date into a problem: what is due, on which streets, with which trucks.

    Parameters
    ----------
    extract
        The city's streets where the caller has read them already.
    fills
        Fill (0 to 1) by container id where something newer than the city's files is known; what is above 1 counts
        as full.

    Raises
    ------
    DataError
        If the streets cannot be read, or the fleet may use none of them.
    InvalidProblem
        If the city's figures contradict each other in a way that its own checks let pass.
    ValueError
        If a fill is no number of at least 0.
    """
    fills = _checked(fills or {})
    weekday = service_date.weekday()
    profiles, profile_of = truck_profiles(city.vehicles)
    streets = extract if extract is not None else read_osm(city.streets_path)
    network = build_roads(streets, profiles, driving_side=city.driving_side)
    containers = (*city.containers, *zone_containers(city, network))
    due = [
        (container, litres) for container in containers if (litres := _litres_due(city, container, weekday, fills)) > 0
    ]
    ground = _Ground(profiles)
    depots = tuple(Depot(id=depot.id, node=ground.fixed(depot)) for depot in city.depots)
    site_nodes = [ground.fixed(site) for site in city.disposal_sites]
    groups = _groups(due, ground)
    places = snap(
        network,
        ground.lon,
        ground.lat,
        profiles=ground.profiles,
        street=ground.street,
        max_m=city.snap_max_m,
    )
    cells = {profile.name: travel_matrix(network, profile.name, places) for profile in profiles}
    matrix = TravelMatrix(
        {name: duration_s for name, (duration_s, _) in cells.items()},
        {name: distance_m for name, (_, distance_m) in cells.items()},
    )
    vehicles = tuple(_vehicle(vehicle, profile_of[vehicle.id]) for vehicle in city.vehicles)
    shifts = tuple(_shift(shift) for shift in city.shifts if shift.weekdays is None or weekday in shift.weekdays)
    until_s = max([_SECONDS_A_DAY, *(shift.latest_return_s for shift in shifts)])
    trucks = _trucks(depots, vehicles, shifts, matrix)
    problem = Problem(
        matrix=matrix,
        locations=tuple(
            Location(lon=float(lon), lat=float(lat)) for lon, lat in zip(places.lon, places.lat, strict=True)
        ),
        depots=depots,
        disposal_sites=tuple(
            _site(site, node, until_s) for site, node in zip(city.disposal_sites, site_nodes, strict=True)
        ),
        vehicles=vehicles,
        shifts=shifts,
        visits=tuple(_visits(city, groups, places, trucks)),
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
        notes=tuple(_notes(city, service_date, problem, places, containers)),
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


# --- what is due -----------------------------------------------------------------------------------------------------


def _checked(fills: Mapping[str, float]) -> Mapping[str, float]:
    for container, fill in fills.items():
        if not fill >= 0:  # also refuses what is not a number
            raise ValueError(f"The fill of container {container!r} must be a share from 0 to 1, not {fill}.")
    return fills


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
    # 0.7 * 10 is a little above 7 in binary; such dust is not another litre.
    return math.ceil(round(min(litres, container.volume_l), 6))


def _days_since_collection(schedule: frozenset[int] | None, weekday: int) -> int:
    """Return the days since the scheduled day before this one; 1 without a schedule (collected daily)."""
    if schedule is None:
        return 1
    return min((weekday - other - 1) % _DAYS_A_WEEK + 1 for other in schedule)


# --- where it stands -------------------------------------------------------------------------------------------------


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

    def node(self, container: Container) -> int:
        """Return the index of a stop for the vehicles that may come to a container; its first container places it."""
        key = (_stop_key(container), container.access_class)
        if key not in self._node_of:
            self._node_of[key] = self._add(container.lon, container.lat, container.access_class, container.street)
        return self._node_of[key]

    def _add(self, lon: float, lat: float, access_class: str | None, street: str | None) -> int:
        self.lon.append(lon)
        self.lat.append(lat)
        self.street.append(street)
        # Where the fleet holds no vehicle small enough, the street is not what is missing: any will do.
        self.profiles.append(profiles_up_to(access_class, self._fleet) or profiles_up_to(None, self._fleet))
        return len(self.lon) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Containers, with the litres due in each, that are served alike from one place."""

    node: int
    members: tuple[tuple[Container, int], ...]


def _groups(due: Iterable[tuple[Container, int]], ground: _Ground) -> list[_Group]:
    """Group containers that one halt can serve alike: same stop, stream, windows, access, lock, and kind of duty."""
    alike: defaultdict[tuple[object, ...], list[tuple[Container, int]]] = defaultdict(list)
    for container, litres in due:
        key = (
            _stop_key(container),
            container.stream,
            container.windows,
            container.access_class,
            container.locked_vehicle,
            container.prize is None,
        )
        alike[key].append((container, litres))
    return [_Group(node=ground.node(members[0][0]), members=tuple(members)) for members in alike.values()]


def _stop_key(container: Container) -> tuple[str, str]:
    """Return what tells stops apart; a container without a stop is one of its own, whatever other stops are called."""
    return ("stop", container.stop_id) if container.stop_id else ("container", container.id)


# --- who comes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Truck:
    """A vehicle that works on this day; ``most_kg`` is the most that it takes at once, on any of its shifts.

    Parameters
    ----------
    reaches
        bool[n], whether it can drive from its depot to each index of the travel matrix and back.
    """

    vehicle: Vehicle
    most_kg: int
    reaches: NDArray[np.bool_]

    def may_serve(self, container: Container) -> bool:
        return (
            self.vehicle.access_class in classes_up_to(container.access_class)
            and self.vehicle.carries(container.stream)
            and container.locked_vehicle in (None, self.vehicle.id)
        )

    def takes(self, litres: int, kg: int) -> bool:
        return litres <= self.vehicle.capacity_l and kg <= self.most_kg


def _trucks(
    depots: Iterable[Depot], vehicles: Iterable[Vehicle], shifts: Sequence[Shift], matrix: TravelMatrix
) -> list[_Truck]:
    home_of = {depot.id: depot.node for depot in depots}
    trucks = []
    for vehicle in vehicles:
        daily_kg = [
            vehicle.capacity_kg if shift.max_daily_kg is None else shift.max_daily_kg
            for shift in shifts
            if shift.vehicle == vehicle.id
        ]
        if not daily_kg:
            continue
        duration_s = matrix.duration_s(vehicle.profile)
        home = home_of[vehicle.depot]
        trucks.append(
            _Truck(
                vehicle=vehicle,
                most_kg=min(vehicle.capacity_kg, max(daily_kg)),
                reaches=(duration_s[home] != NO_PATH) & (duration_s[:, home] != NO_PATH),
            )
        )
    return trucks


# --- visits ----------------------------------------------------------------------------------------------------------


def _visits(city: CityDataset, groups: Iterable[_Group], places: Places, trucks: Sequence[_Truck]) -> Iterable[Visit]:
    """Make a visit of each group, or several where no truck takes all of it at once."""
    stops, visits = _Names(), _Names()
    stop_of: dict[tuple[object, ...], str] = {}
    for group in groups:
        first = group.members[0][0]
        # Containers of one stop from which different vehicles are led to different streets do not share a halt.
        place = (_stop_key(first), int(places.segment[group.node]), int(places.along_mm[group.node]))
        if place not in stop_of:
            stop_of[place] = stops.unique(first.stop_id or first.id)
        for batch in _batches(city.density_kg_per_l(first.stream), group, trucks):
            yield _visit(city, group, batch, id_=visits.unique(stop_of[place]), stop=stop_of[place], places=places)


def _visit(
    city: CityDataset,
    group: _Group,
    batch: Sequence[tuple[Container, int]],
    *,
    id_: str,
    stop: str,
    places: Places,
) -> Visit:
    first = batch[0][0]
    containers = [container for container, _ in batch]
    demand_l = sum(litres for _, litres in batch)
    prize_micro = None
    if first.prize is not None:
        prize_micro = round(sum((container.prize or 0.0) for container in containers) * MICRO)
    return Visit(
        id=id_,
        stop=stop,
        kerb=(group.node,) if places.segment[group.node] >= 0 else (),
        stream=first.stream,
        demand_kg=_kg(demand_l, city.density_kg_per_l(first.stream)),
        demand_l=demand_l,
        service_s=sum(container.service_s for container in containers),
        setup_s=city.setup_s,
        lifts=len(containers),
        windows=_windows(first.windows),
        access=None if first.access_class is None else frozenset(classes_up_to(first.access_class)),
        prize_micro=prize_micro,
        vehicle=first.locked_vehicle,
        containers=tuple(container.id for container in containers),
    )


def _batches(density_kg_per_l: float, group: _Group, trucks: Iterable[_Truck]) -> Iterable[list[tuple[Container, int]]]:
    """Split a group into visits that some truck of the day which may come, and can get there, takes at once.

    Mostly there is one. Where no truck may or can come, there is one too: its reason is another.
    """
    allowed = [truck for truck in trucks if truck.may_serve(group.members[0][0])]
    coming = [truck for truck in allowed if truck.reaches[group.node]]
    batch: list[tuple[Container, int]] = []
    total_l = 0
    for container, litres in group.members:
        kg = _kg(total_l + litres, density_kg_per_l)
        if batch and coming and not any(truck.takes(total_l + litres, kg) for truck in coming):
            yield batch
            batch, total_l = [], 0
        batch.append((container, litres))
        total_l += litres
    yield batch


def _kg(litres: int, density_kg_per_l: float) -> int:
    return max(1, round(litres * density_kg_per_l))


class _Names:
    """Gives ids that are like the wish, and different."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def unique(self, wish: str) -> str:
        """Return the wish, or the wish with the first number from 2 that makes it new."""
        name, number = wish, self._last.get(wish, 1)
        while name in self._taken:
            number += 1
            name = f"{wish}#{number}"
        self._taken.add(name)
        self._last[wish] = number
        return name


# --- records become the vocabulary of a day --------------------------------------------------------------------------


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
        # Half a metre of range is none, but a range all the same.
        range_m=None if record.range_km is None else max(1, round(record.range_km * _METRES_A_KM)),
        fixed_micro=round(record.fixed_cost * MICRO),
        micro_per_s=round(record.cost_per_hour * MICRO / _SECONDS_AN_HOUR),
        micro_per_m=round(record.cost_per_km * MICRO / _METRES_A_KM),
    )


def _site(record: DisposalSiteRecord, node: int, until_s: int) -> DisposalSite:
    return DisposalSite(
        id=record.id,
        node=node,
        unloading_s=record.unloading_s,
        windows=_opening_hours(record.windows, until_s),
        streams=record.streams or None,
        fee_micro_per_kg=round(record.gate_fee_per_t * MICRO / _KG_A_TONNE),
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


def _opening_hours(daily: Windows, until_s: int) -> tuple[TimeWindow, ...]:
    """Return opening hours on the clock of the service day, from its midnight until the last truck is home.

    They are the same every day: a night shift meets the next morning's, and an early one what yesterday's opening
    past midnight has left.
    """
    hours: list[tuple[int, int]] = []
    for start_s, end_s in sorted(
        (start_s + days * _SECONDS_A_DAY, end_s + days * _SECONDS_A_DAY)
        for start_s, end_s in daily
        for days in (-1, 0, 1)
    ):
        if end_s < 0 or (start_s >= until_s and hours):
            continue
        if hours and start_s <= hours[-1][1]:
            hours[-1] = (hours[-1][0], max(hours[-1][1], end_s))
        else:
            hours.append((max(0, start_s), end_s))
    return _windows(tuple(hours))


# --- what the problem cannot say -------------------------------------------------------------------------------------


def _notes(
    city: CityDataset, service_date: dt.date, problem: Problem, places: Places, containers: Sequence[Container]
) -> Iterable[str]:
    if not problem.shifts:
        yield f"No vehicle has a shift on {service_date:%Y-%m-%d}, so nothing can be collected."
    if not problem.visits:
        yield f"None of the {len(containers)} containers is due on {service_date:%Y-%m-%d}: not scheduled, or empty."
    for kind, things in (("depot", problem.depots), ("disposal site", problem.disposal_sites)):
        for thing in things:
            if places.segment[thing.node] < 0:
                yield (
                    f"The {kind} {thing.id!r} is farther than {city.snap_max_m:g} m from every street that the fleet "
                    "may use, so no route passes there."
                )
    yield from _zones_without_streets(city, service_date.weekday(), containers)


def _zones_without_streets(city: CityDataset, weekday: int, containers: Sequence[Container]) -> Iterable[str]:
    """Name the zones collected on this day whose waste should be carried as stops, and is not."""
    with_stops = {container.id.rpartition(":")[0] for container in containers}
    idle = [zone for zone in city.zones if f"{ZONE_PREFIX}{zone.id}" not in with_stops]
    if not idle:
        return
    held_kg = held_kg_per_day(city)
    for zone in idle:
        left_kg = zone.kg_per_day - held_kg[zone.id]
        if left_kg > 0 and (zone.schedule is None or weekday in zone.schedule):
            yield (
                f"The zone {zone.id!r} ({zone.name}) holds no street that a vehicle of the fleet may use, so its "
                f"{left_kg:,.0f} kg of waste a day that no container receives are not collected."
            )
