"""What is due on a day, where it stands, and the visits that it makes: containers become stops and visits."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.city.profiles import classes_up_to, profiles_up_to
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.model import TimeWindow, Visit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geodata.city.dataset import CityDataset, Container, DepotRecord, DisposalSiteRecord, Windows
    from geodata.streets.rules import TruckProfile
    from geodata.streets.snap import Places
    from optimizer.problem.matrix import TravelTimes
    from optimizer.problem.model import Depot, Shift, Vehicle

MICRO: Final = 1_000_000
_DAYS_A_WEEK: Final = 7


# --- what is due -----------------------------------------------------------------------------------------------------


def checked_fills(fills: Mapping[str, float]) -> Mapping[str, float]:
    """Return the fills; ValueError with the container's id where one is no share."""
    for container, fill in fills.items():
        if not fill >= 0:  # also refuses what is not a number
            raise ValueError(f"The fill of container {container!r} must be a share from 0 to 1, not {fill}.")
    return fills


def litres_due(city: CityDataset, container: Container, weekday: int, fills: Mapping[str, float]) -> int:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a policy has chosen for a container: litres to reckon with, and a prize where the visit is optional."""

    litres: int
    prize_micro: int | None = None

    def __post_init__(self) -> None:
        if self.litres < 0:
            raise ValueError(f"There cannot be {self.litres} l to collect.")


def containers_due(
    city: CityDataset,
    containers: Iterable[Container],
    weekday: int,
    fills: Mapping[str, float],
    chosen: Mapping[str, Due] | None,
) -> list[tuple[Container, int]]:
    """Return the containers to collect, with their litres.

    Where a policy has chosen, its word counts for the city's containers in place of their schedule, fill and prize;
    what is collected from door to door goes on as it is scheduled.
    """
    own = frozenset() if chosen is None else frozenset(container.id for container in city.containers)
    due = []
    for container in containers:
        if chosen is not None and container.id in own:
            choice = chosen.get(container.id, Due(litres=0))
            prize = None if choice.prize_micro is None else choice.prize_micro / MICRO
            due.append((replace(container, prize=prize), choice.litres))
        else:
            due.append((container, litres_due(city, container, weekday, fills)))
    return [(container, litres) for container, litres in due if litres > 0]


def _days_since_collection(schedule: frozenset[int] | None, weekday: int) -> int:
    """Return the days since the scheduled day before this one; 1 without a schedule (collected daily)."""
    if schedule is None:
        return 1
    return min((weekday - other - 1) % _DAYS_A_WEEK + 1 for other in schedule)


# --- where it stands -------------------------------------------------------------------------------------------------


class Ground:
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
class Group:
    """Containers, with the litres due in each, that are served alike from one place."""

    node: int
    members: tuple[tuple[Container, int], ...]


def groups_of(due: Iterable[tuple[Container, int]], ground: Ground) -> list[Group]:
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
    return [Group(node=ground.node(members[0][0]), members=tuple(members)) for members in alike.values()]


def _stop_key(container: Container) -> tuple[str, str]:
    """Return what tells stops apart; a container without a stop is one of its own, whatever other stops are called."""
    return ("stop", container.stop_id) if container.stop_id else ("container", container.id)


# --- who comes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
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
        """Whether its class, its streams and any lock let it serve the container."""
        return (
            self.vehicle.access_class in classes_up_to(container.access_class)
            and self.vehicle.carries(container.stream)
            and container.locked_vehicle in (None, self.vehicle.id)
        )

    def takes(self, litres: int, kg: int) -> bool:
        """Whether it takes so much at once."""
        return litres <= self.vehicle.capacity_l and kg <= self.most_kg


def trucks_at_work(
    depots: Iterable[Depot], vehicles: Iterable[Vehicle], shifts: Sequence[Shift], times: TravelTimes
) -> list[Truck]:
    """Return the vehicles that have a shift, with what they take and where they get to."""
    home_of = {depot.id: depot.node for depot in depots}
    reached: dict[tuple[str, str], NDArray[np.bool_]] = {}
    trucks = []
    for vehicle in vehicles:
        daily_kg = [
            vehicle.capacity_kg if shift.max_daily_kg is None else shift.max_daily_kg
            for shift in shifts
            if shift.vehicle == vehicle.id
        ]
        if not daily_kg:
            continue
        way = vehicle.profile, vehicle.depot
        if way not in reached:
            reached[way] = _there_and_back(times, vehicle.profile, home_of[vehicle.depot])
        trucks.append(
            Truck(
                vehicle=vehicle,
                most_kg=min(vehicle.capacity_kg, max(daily_kg)),
                reaches=reached[way],
            )
        )
    return trucks


def _there_and_back(times: TravelTimes, profile: str, home: int) -> NDArray[np.bool_]:
    every = np.arange(times.n)
    there_s, _ = times.block(profile, [home], every)
    back_s, _ = times.block(profile, every, [home])
    reaches: NDArray[np.bool_] = (there_s[0] != NO_PATH) & (back_s[:, 0] != NO_PATH)
    return reaches


# --- the visits ------------------------------------------------------------------------------------------------------


def visits_of(
    city: CityDataset,
    groups: Iterable[Group],
    places: Places,
    trucks: Sequence[Truck],
    across: Mapping[int, int],
) -> Iterable[Visit]:
    """Make a visit of each group, or several where no truck takes all of it at once.

    ``across`` gives, for an index in a lane that a crew can cross, that of the other direction: the plan chooses.
    """
    stops, visits = _Names(), _Names()
    stop_of: dict[tuple[object, ...], str] = {}
    able: dict[tuple[object, ...], list[Truck]] = {}
    for group in groups:
        first = group.members[0][0]
        kind = first.access_class, first.stream, first.locked_vehicle
        if kind not in able:
            able[kind] = _unlike(truck for truck in trucks if truck.may_serve(first))
        # Containers of one stop from which different vehicles are led to different streets do not share a halt.
        place = (_stop_key(first), int(places.segment[group.node]), int(places.along_mm[group.node]))
        if place not in stop_of:
            stop_of[place] = stops.unique(first.stop_id or first.id)
        kerb = _kerb(group.node, places, across)
        for batch in _batches(city.density_kg_per_l(first.stream), group, kerb, able[kind]):
            yield _visit(city, batch, id_=visits.unique(stop_of[place]), stop=stop_of[place], kerb=kerb)


def _visit(
    city: CityDataset,
    batch: Sequence[tuple[Container, int]],
    *,
    id_: str,
    stop: str,
    kerb: tuple[int, ...],
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
        kerb=kerb,
        stream=first.stream,
        demand_kg=weight_kg(demand_l, city.density_kg_per_l(first.stream)),
        demand_l=demand_l,
        service_s=sum(container.service_s for container in containers),
        setup_s=city.setup_s,
        lifts=len(containers),
        windows=windows_of(first.windows),
        access=None if first.access_class is None else frozenset(classes_up_to(first.access_class)),
        prize_micro=prize_micro,
        vehicle=first.locked_vehicle,
        containers=tuple(container.id for container in containers),
    )


def _kerb(node: int, places: Places, across: Mapping[int, int]) -> tuple[int, ...]:
    if places.segment[node] < 0:
        return ()
    return (node, across[node]) if node in across else (node,)


def _unlike(trucks: Iterable[Truck]) -> list[Truck]:
    """Return one truck of all that take as much and get to the same places: a fleet of a hundred has few kinds."""
    kinds: dict[tuple[object, ...], Truck] = {}
    for truck in trucks:
        vehicle = truck.vehicle
        kinds.setdefault((vehicle.profile, vehicle.depot, truck.most_kg, vehicle.capacity_l), truck)
    return list(kinds.values())


def _batches(
    density_kg_per_l: float, group: Group, kerb: tuple[int, ...], allowed: Iterable[Truck]
) -> Iterable[list[tuple[Container, int]]]:
    """Split a group into visits that some truck that may come (``allowed``), and can get there, takes at once.

    Mostly there is one. Where no truck may or can come, there is one too: its reason is another.
    """
    coming = [truck for truck in allowed if any(truck.reaches[node] for node in kerb)]
    batch: list[tuple[Container, int]] = []
    total_l = 0
    for container, litres in group.members:
        kg = weight_kg(total_l + litres, density_kg_per_l)
        if batch and coming and not any(truck.takes(total_l + litres, kg) for truck in coming):
            yield batch
            batch, total_l = [], 0
        batch.append((container, litres))
        total_l += litres
    yield batch


def weight_kg(litres: int, density_kg_per_l: float) -> int:
    """Return what loose litres weigh, at least 1 kg."""
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


def windows_of(pairs: Windows) -> tuple[TimeWindow, ...]:
    """Return a record's windows in order."""
    return tuple(TimeWindow(start_s=start_s, end_s=end_s) for start_s, end_s in sorted(pairs))
