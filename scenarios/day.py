"""Plan one day of a city, end to end: files in, a judged plan out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from geodata.city.build import ZONE_PREFIX
from geodata.city.profiles import truck_profiles
from geodata.city.zones import held_kg_per_day, zone_containers
from geodata.streets.cache import cached_roads
from geodata.streets.conditions import Hours
from geodata.streets.osm import read_osm
from geodata.streets.overlays import in_force, overlay_notes
from geodata.streets.roads import build_roads
from geodata.streets.snap import other_kerb, snap
from geodata.streets.times import travel_times
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
)
from optimizer.search.solve import solve
from scenarios.markets import market_hours, outside_markets
from scenarios.visits import (
    MICRO,
    Ground,
    checked_fills,
    containers_due,
    groups_of,
    trucks_at_work,
    visits_of,
    windows_of,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from geodata.city.dataset import (
        CityDataset,
        Container,
        DisposalSiteRecord,
        ShiftRecord,
        VehicleRecord,
        Windows,
    )
    from geodata.streets.osm import OsmExtract
    from geodata.streets.overlays import InForce
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.rules import TruckProfile
    from geodata.streets.snap import Places
    from optimizer.problem.matrix import TravelTimes
    from optimizer.problem.plan import RouteOrder
    from optimizer.search.solve import OnImprovement, Result
    from optimizer.search.stop import Stop
    from scenarios.visits import Due

_SECONDS_A_DAY: Final = 86_400
_SECONDS_AN_HOUR: Final = 3_600
_METRES_A_KM: Final = 1_000
_KG_A_TONNE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day ready to be planned.

    Parameters
    ----------
    places
        Where on the streets each index of the problem's travel matrix lies; the other kerbs of yards follow.
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


class Streets(Protocol):
    """Streets and travel times that several days share (``scenarios.shared``)."""

    def profiles(self, vehicles: Sequence[VehicleRecord]) -> tuple[tuple[TruckProfile, ...], dict[str, str]]:
        """Return what ``truck_profiles`` does, in the names of the shared streets."""

    def network(self, city: CityDataset, hours: Hours | None, overlays: Sequence[InForce]) -> RoadNetwork:
        """Return the streets in some hours."""

    def times(
        self, network: RoadNetwork, places: Places, profiles: Sequence[TruckProfile], *, n: int, hubs: Sequence[int]
    ) -> TravelTimes:
        """Return what ``travel_times`` does, for some of the profiles."""


def prepare_day(
    city: CityDataset,
    service_date: dt.date,
    *,
    extract: OsmExtract | None = None,
    fills: Mapping[str, float] | None = None,
    chosen: Mapping[str, Due] | None = None,
    cache_dir: Path | None = None,
    streets: Streets | None = None,
) -> Day:
    """Turn a city and a date into a problem: what is due, on which streets, with which trucks.

    Parameters
    ----------
    extract
        The city's streets where the caller has read them already.
    fills
        Fill (0 to 1) by container id where something newer than the city's files is known; what is above 1 counts
        as full.
    chosen
        What a policy has chosen, by container id (``scenarios.choose``): it counts in place of schedules and fills, and
        a container that is not named is left.
    cache_dir
        Where to keep the streets between calls; they are read and contracted each time without it.
    streets
        What several days share, in place of streets and travel times of the day's own.

    Raises
    ------
    DataError
        If the streets cannot be read, or the fleet may use none of them.
    InvalidProblem
        If the city's figures contradict each other in a way that its own checks let pass.
    ValueError
        If a fill is no number of at least 0.
    """
    fills = checked_fills(fills or {})
    profiles, profile_of = (streets.profiles if streets else truck_profiles)(city.vehicles)
    at_work = shifts_of(city.shifts, service_date)
    hours = hours_of(city.shifts, service_date)
    if streets is None:
        network = roads_of(city, service_date, extract=extract, cache_dir=cache_dir)
    else:
        network = streets.network(city, hours, in_force(city.overlays, service_date, hours))
    containers = (*city.containers, *zone_containers(city, network))
    due = containers_due(city, containers, service_date.weekday(), fills, chosen)
    ground = Ground(profiles)
    depots = tuple(Depot(id=depot.id, node=ground.fixed(depot)) for depot in city.depots)
    site_nodes = [ground.fixed(site) for site in city.disposal_sites]
    groups = groups_of(due, ground)
    places = snap(
        network,
        ground.lon,
        ground.lat,
        profiles=ground.profiles,
        street=ground.street,
        max_m=city.snap_max_m,
    )
    places, across = _with_other_kerbs(network, places, ground, sorted({group.node for group in groups}))
    nodes = len(places)
    fixed = [*(depot.node for depot in depots), *site_nodes]
    places = _with_yards(network, places, ground, fixed)
    if streets is not None:
        times = streets.times(network, places, profiles, n=nodes, hubs=fixed)
    else:
        times = travel_times(network, places, n=nodes, hubs=fixed)
    vehicles = tuple(_vehicle(vehicle, profile_of[vehicle.id]) for vehicle in city.vehicles)
    shifts = tuple(_shift(shift) for shift in at_work)
    until_s = max([_SECONDS_A_DAY, *(shift.latest_return_s for shift in shifts)])
    trucks = trucks_at_work(depots, vehicles, shifts, times)
    barred = market_hours(city.overlays, network, hours)
    problem = Problem(
        matrix=times,
        locations=tuple(
            Location(lon=float(lon), lat=float(lat))
            for lon, lat in zip(places.lon[:nodes], places.lat[:nodes], strict=True)
        ),
        depots=depots,
        disposal_sites=tuple(
            _site(site, node, until_s) for site, node in zip(city.disposal_sites, site_nodes, strict=True)
        ),
        vehicles=vehicles,
        shifts=shifts,
        visits=tuple(
            outside_markets(visits_of(city, groups, places, trucks, across), barred, places.segment, vehicles, hours)
        ),
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
        notes=(
            *_notes(city, service_date, problem, places, containers),
            *overlay_notes(city.overlays, network, service_date),
        ),
    )


def roads_of(
    city: CityDataset, service_date: dt.date, *, extract: OsmExtract | None = None, cache_dir: Path | None = None
) -> RoadNetwork:
    """Return the streets of a day; see ``prepare_day``."""
    profiles, _ = truck_profiles(city.vehicles)
    side, hours = city.driving_side, hours_of(city.shifts, service_date)
    overlays = in_force(city.overlays, service_date, hours)
    if cache_dir is not None:
        return cached_roads(
            city.streets_path,
            profiles,
            driving_side=side,
            hours=hours,
            cache_dir=cache_dir,
            extract=extract,
            overlays=overlays,
        )
    streets = extract if extract is not None else read_osm(city.streets_path)
    return build_roads(streets, profiles, driving_side=side, hours=hours, overlays=overlays)


def plan_day(
    day: Day,
    *,
    stop: Stop,
    seed: int = 0,
    start: Sequence[RouteOrder] | None = None,
    on_improvement: OnImprovement | None = None,
    workers: int = 1,
) -> Result:
    """Plan a prepared day; see ``optimizer.search.solve.solve``."""
    return solve(day.problem, stop=stop, seed=seed, start=start, on_improvement=on_improvement, workers=workers)


def shifts_of(shifts: Iterable[ShiftRecord], service_date: dt.date) -> list[ShiftRecord]:
    """Return the shifts that work on a day."""
    return [shift for shift in shifts if shift.weekdays is None or service_date.weekday() in shift.weekdays]


def hours_of(shifts: Iterable[ShiftRecord], service_date: dt.date) -> Hours | None:
    """Return when the trucks may be on the streets on a day; None without shifts."""
    at_work = shifts_of(shifts, service_date)
    if not at_work:
        return None
    return Hours(
        weekday=service_date.weekday(),
        start_s=min(shift.start_s for shift in at_work),
        end_s=max(shift.end_s + shift.max_overtime_s for shift in at_work),
    )


def _with_other_kerbs(
    network: RoadNetwork, places: Places, ground: Ground, visited: Sequence[int]
) -> tuple[Places, dict[int, int]]:
    """Add the other direction of each lane that a crew can cross; say which index is across from which."""
    others = other_kerb(network, places.take(visited), profiles=[ground.profiles[node] for node in visited])
    crossed = np.flatnonzero(others.segment >= 0)
    across = {visited[at]: len(places) + number for number, at in enumerate(crossed.tolist())}
    return places.join(others.take(crossed)), across


def _with_yards(network: RoadNetwork, places: Places, ground: Ground, fixed: Sequence[int]) -> Places:
    """Let trucks turn round at depots and disposal sites, which are yards and no kerbs."""
    others = other_kerb(network, places.take(fixed), profiles=[ground.profiles[node] for node in fixed], approach="any")
    return places.with_yards(fixed, others)


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
    return windows_of(tuple(hours))


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
