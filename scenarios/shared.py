"""Streets and travel times that many scenarios and days share: built once, measured once.

Scenarios differ in fleets, hours and amounts far more often than in streets. Networks that turn out the same are one
object, whatever hours and days they were asked for with; the places of all days on it are collected first, and the
travel times between all of them are measured in one go. What a day gets is exactly what it would get alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from geodata.city.profiles import truck_profiles
from geodata.streets.osm import read_osm
from geodata.streets.roads import build_roads
from geodata.streets.times import travel_times
from geodata.streets.travel import travel_matrix
from optimizer.problem.matrix import NO_PATH, SQUARE_CELLS, TravelMatrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from geodata.city.dataset import CityDataset, VehicleRecord
    from geodata.streets.conditions import Hours
    from geodata.streets.osm import OsmExtract
    from geodata.streets.overlays import InForce
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.rules import TruckProfile
    from geodata.streets.snap import Places
    from optimizer.problem.matrix import TravelTimes

_Place = tuple[int, int, int, int]
"""Segment and millimetres along it; those of a yard's other kerb follow, -1 where there is none."""
_Cells = tuple["NDArray[np.int32]", "NDArray[np.int32]"]


class SharedStreets:
    """Streets for every vehicle of several scenarios (``scenarios.day.Streets``).

    It is pickled to other processes with what was measured, and without the hierarchies that measured it.

    Parameters
    ----------
    vehicles
        Those of all scenarios. A profile has one name in all of them.
    extract
        The city's streets where the caller has read them already.
    """

    def __init__(self, vehicles: Iterable[VehicleRecord], *, extract: OsmExtract | None = None) -> None:
        self._profiles, _ = truck_profiles(vehicles)
        self._extract = extract
        self._network_of: dict[tuple[object, ...], RoadNetwork] = {}
        self._same: dict[str, RoadNetwork] = {}
        self._measured: dict[int, _Measured] = {}
        self._collecting = False
        self.measurements = 0
        """How often travel times were measured on streets."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave the extract out: networks are built already."""
        # Networks are told apart by identity, which another process does not share: they go by their number.
        networks = list(self._same.values())
        number = {id(network): at for at, network in enumerate(networks)}
        return {
            "profiles": self._profiles,
            "networks": networks,
            "digests": list(self._same),
            "network_of": {key: number[id(network)] for key, network in self._network_of.items()},
            "measured": {number[key]: kept for key, kept in self._measured.items()},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        networks = state["networks"]
        self._profiles = state["profiles"]
        self._extract = None
        self._network_of = {key: networks[at] for key, at in state["network_of"].items()}
        self._same = dict(zip(state["digests"], networks, strict=True))
        self._measured = {id(networks[at]): kept for at, kept in state["measured"].items()}
        self._collecting = False
        self.measurements = 0

    @property
    def networks(self) -> int:
        """How many different networks were asked for."""
        return len(self._same)

    def profiles(self, vehicles: Sequence[VehicleRecord]) -> tuple[tuple[TruckProfile, ...], dict[str, str]]:
        """Return the profiles of a fleet in their shared names, and the profile's name for each vehicle id.

        Raises
        ------
        ValueError
            If a vehicle is not one of those that the streets were made for.
        """
        named = {dataclasses.replace(profile, name="any"): profile for profile in self._profiles}
        own, name_of = truck_profiles(vehicles)
        shared: dict[str, TruckProfile] = {}
        for profile in own:
            known = named.get(dataclasses.replace(profile, name="any"))
            if known is None:
                raise ValueError(f"The shared streets were not made for vehicles such as {profile}.")
            shared[profile.name] = known
        return tuple(shared.values()), {vehicle: shared[name].name for vehicle, name in name_of.items()}

    def network(self, city: CityDataset, hours: Hours | None, overlays: Sequence[InForce]) -> RoadNetwork:
        """Return the streets in some hours; those that are the same, but for the hours, are one object."""
        key = (city.streets_hash, city.driving_side, hours, _overlays_key(overlays))
        if key not in self._network_of:
            extract = self._extract or read_osm(city.streets_path)
            built = build_roads(extract, self._profiles, driving_side=city.driving_side, hours=hours, overlays=overlays)
            self._network_of[key] = self._same.setdefault(_digest(built), built)
        return self._network_of[key]

    def times(
        self, network: RoadNetwork, places: Places, profiles: Sequence[TruckProfile], *, n: int, hubs: Sequence[int]
    ) -> TravelTimes:
        """Return the times between the first ``n`` places for some profiles, out of those measured before.

        A place that nobody has announced, and a day too large for squares, are measured by themselves.
        """
        names = [profile.name for profile in profiles]
        measured = self._measured.setdefault(id(network), _Measured())
        if self._collecting:
            measured.add(places, n)
            nothing = np.zeros((n, n), dtype=np.int32)
            return TravelMatrix(dict.fromkeys(names, nothing), dict.fromkeys(names, nothing))
        at = measured.find(places, n)
        if at is None:
            self.measurements += 1
            times = travel_times(network, places, n=n, hubs=hubs)
            if not isinstance(times, TravelMatrix) or set(names) == set(times.profiles):
                return times
            return TravelMatrix(
                {name: times.duration_s(name) for name in names}, {name: times.distance_m(name) for name in names}
            )
        cells = {name: measured.block(name, at) for name in names}
        _part_twice_named(network, places.segment[:n], at, cells)
        return TravelMatrix(
            {name: seconds for name, (seconds, _) in cells.items()},
            {name: metres for name, (_, metres) in cells.items()},
        )

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect the places of the days that are prepared inside, and measure between them all at the end.

        Inside, travel times mean nothing.
        """
        self._collecting = True
        try:
            yield
        finally:
            self._collecting = False
        for network in self._same.values():
            measured = self._measured.get(id(network))
            if measured is not None and measured.measure(network, [profile.name for profile in self._profiles]):
                self.measurements += 1


class _Measured:
    """Places on one network, and the times between them."""

    def __init__(self) -> None:
        self.number: dict[_Place, int] = {}
        self.places: list[Places] = []
        self.cells: dict[str, _Cells] = {}
        self._measured = 0

    def add(self, places: Places, n: int) -> None:
        """Collect the places that are new."""
        new = []
        for position, place in enumerate(_identities(places, n)):
            if place not in self.number:
                self.number[place] = len(self.number)
                new.append(position)
        if new:
            self.places.append(_kept(places, new))

    def find(self, places: Places, n: int) -> NDArray[np.intp] | None:
        """Return where the places stand among those measured; None where one does not."""
        found = [self.number.get(place, -1) for place in _identities(places, n)]
        at = np.array(found, dtype=np.intp)
        return None if not self.cells or bool((at < 0).any()) or bool((at >= self._measured).any()) else at

    def block(self, profile: str, at: NDArray[np.intp]) -> _Cells:
        """Return a copy of what lies between some of the places."""
        seconds, metres = self.cells[profile]
        return seconds[np.ix_(at, at)], metres[np.ix_(at, at)]

    def measure(self, network: RoadNetwork, names: Sequence[str]) -> bool:
        """Measure between all places; whether there was anything to measure that squares can hold."""
        total = len(self.number)
        if total == self._measured or total * total * len(names) > SQUARE_CELLS:
            return False
        places = _joined(self.places)
        every = np.arange(total)
        self.cells = {name: travel_matrix(network, name, places, sources=every, targets=every) for name in names}
        self._measured = total
        return True


def _part_twice_named(
    network: RoadNetwork, segment: NDArray[np.int32], at: NDArray[np.intp], cells: Mapping[str, _Cells]
) -> None:
    """Say that no way leads between places of a day that are one place measured, where no truck may be there."""
    for name, (seconds, metres) in cells.items():
        usable = network.usable[network.profile_index(name)]
        barred = np.flatnonzero((segment < 0) | ~usable[segment])
        same = at[barred, None] == at[None, barred]
        np.fill_diagonal(same, val=False)
        rows, columns = np.nonzero(same)
        for matrix in (seconds, metres):
            matrix[barred[rows], barred[columns]] = NO_PATH


def _identities(places: Places, n: int) -> list[_Place]:
    """Return what decides the way to and from each of the first ``n`` places."""
    segment, along = places.segment, places.along_mm
    twin = np.full(n, -1) if places.twin is None else places.twin[:n]
    has = twin >= 0
    other = np.where(has, segment[twin], -1)
    other_mm = np.where(has, along[twin], -1)
    return list(zip(segment[:n].tolist(), along[:n].tolist(), other.tolist(), other_mm.tolist(), strict=True))


def _kept(places: Places, positions: Sequence[int]) -> Places:
    """Return some of the places, the other kerbs of their yards after them."""
    taken = places.take(positions)
    if places.twin is None:
        return taken
    yards = [at for at, position in enumerate(positions) if places.twin[position] >= 0]
    return taken.with_yards(yards, places.take([int(places.twin[positions[at]]) for at in yards]))


def _joined(parts: Sequence[Places]) -> Places:
    """Return the places of all parts in order, and all their other kerbs at the end."""
    own = [_own(part) for part in parts]
    joined = parts[0].take(range(own[0]))
    for part, count in zip(parts[1:], own[1:], strict=True):
        joined = joined.join(part.take(range(count)))
    yards: list[int] = []
    others: Places | None = None
    offset = 0
    for part, count in zip(parts, own, strict=True):
        if part.twin is not None:
            at = np.flatnonzero(part.twin >= 0)
            yards += (offset + at).tolist()
            kerbs = part.take(part.twin[at])
            others = kerbs if others is None else others.join(kerbs)
        offset += count
    return joined if others is None else joined.with_yards(yards, others)


def _own(part: Places) -> int:
    """Return how many places of a part are no other kerbs, which follow them."""
    return len(part) if part.twin is None else len(part) - int((part.twin >= 0).sum())


def _overlays_key(overlays: Sequence[InForce]) -> tuple[object, ...]:
    return tuple((one.overlay.id, one.held, repr(one.overlay.fingerprint())) for one in overlays)


def _digest(network: RoadNetwork) -> str:
    """Return a hash of everything in a network but its remarks."""
    digest = hashlib.sha256()
    for field in dataclasses.fields(network):
        value = getattr(network, field.name)
        if isinstance(value, np.ndarray):
            digest.update(value.data if value.flags.c_contiguous else value.tobytes())
        elif field.name == "overlays":
            digest.update(repr([(placed.id, placed.segments) for placed in value]).encode())
        elif field.name not in {"notes", "restrictions_dropped", "way_aliases", "part_m"}:
            digest.update(repr(value).encode())
        digest.update(b"|")
    return digest.hexdigest()
