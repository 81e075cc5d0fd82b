"""The street network as trucks see it: what ``build_roads`` makes, and everything else on streets reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely

from geodata.streets.geodesy import EARTH_RADIUS_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geodata.errors import Finding
    from geodata.streets.overlays import PlacedOverlay
    from geodata.streets.profile import TruckProfile

DrivingSide = Literal["left", "right"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreetLine:
    """A piece of street to draw: both directions once. ``coords`` is float64[k, 2], lon and lat."""

    highway: str
    name: str
    coords: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSummary:
    """How much of the network one profile may use.

    Attributes
    ----------
    usable_km
        length of the streets usable in at least one direction, each counted once.
    segments
        number of usable directed segments.
    parts
        number of pieces of network between which no return trip exists.
    largest_part_km
        length of the streets of the largest such piece, each counted once.
    """

    usable_km: float
    segments: int
    parts: int
    largest_part_km: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class RoadNetwork:
    """Directed street segments between junctions, in flat arrays.

    n nodes (junctions, dead ends, barriers), s directed segments, a arcs from a segment to one that may follow
    it, p profiles, w ways, k shape points.

    Attributes
    ----------
    profiles
        the p truck profiles.
    driving_side
        ``"left"`` or ``"right"``.
    node_id
        int64[n], OpenStreetMap's.
    node_lon, node_lat
        float64[n], degrees.
    tail, head
        int32[s], the nodes where a segment begins and ends.
    length_mm
        int64[s], along the street, at least 1.
    reverse
        int32[s], the same street in the other direction; -1 where no profile may ever drive it.
    way
        int32[s], index into the ways.
    way_id, way_highway, way_name
        OpenStreetMap's id, class and displayed name (empty where unnamed) of the w ways.
    way_aliases
        for each way all its names and references in the form that ``plain_name`` gives.
    way_narrow
        bool[w], a crew can cross it on foot, so that a truck may halt on either side.
    arc_start, arc_to
        int64[s + 1] and int32[a]: after segment ``i`` may come ``arc_to[arc_start[i]:arc_start[i + 1]]``.
    turn_ms
        int32[p, a], what the turn costs with its waiting; ``FORBIDDEN_TURN`` (-1) where the profile must not make it.
    chains
        for each profile sequences of three or more segments that it must not drive in a row.
    inside
        bool[p, s], the profile may come in only to serve something there, or further on where no other way leads.
    usable
        bool[p, s].
    travel_ms
        int64[p, s], time over the whole segment, at least 1; 0 where not usable.
    part
        int32[p, s], number of the strongly connected part; -1 where not usable.
    part_m
        per profile float64[parts], metres of directed segments in each part.
    shape_lon, shape_lat
        float64[k], the shape points of all ways, in the ways' order.
    shape_mm
        float64[k], distance from the way's beginning.
    first, last
        int64[s], the segment's first and last shape point; ``last < first`` where it runs against its way.
    bounds
        (min lon, min lat, max lon, max lat), degrees.
    content_hash
        of the extract it was built from.
    restrictions_kept
        how many turn restrictions of the extract bind at least one profile.
    restrictions_dropped
        turn restrictions that could not be placed on the streets, with the reason.
    notes
        values in the extract that could not be understood and were passed over.
    overlays
        the overlays that were applied or could not be, with their segments.
    """

    profiles: tuple[TruckProfile, ...]
    driving_side: DrivingSide
    node_id: NDArray[np.int64]
    node_lon: NDArray[np.float64]
    node_lat: NDArray[np.float64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    length_mm: NDArray[np.int64]
    reverse: NDArray[np.int32]
    way: NDArray[np.int32]
    way_id: NDArray[np.int64]
    way_highway: tuple[str, ...]
    way_name: tuple[str, ...]
    way_aliases: tuple[frozenset[str], ...]
    way_narrow: NDArray[np.bool_]
    arc_start: NDArray[np.int64]
    arc_to: NDArray[np.int32]
    turn_ms: NDArray[np.int32]
    chains: tuple[tuple[tuple[int, ...], ...], ...]
    inside: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    travel_ms: NDArray[np.int64]
    part: NDArray[np.int32]
    part_m: tuple[NDArray[np.float64], ...]
    shape_lon: NDArray[np.float64]
    shape_lat: NDArray[np.float64]
    shape_mm: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    bounds: tuple[float, float, float, float]
    content_hash: str
    restrictions_kept: int
    restrictions_dropped: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    overlays: tuple[PlacedOverlay, ...] = ()

    def profile_index(self, name: str) -> int:
        """Position of the profile of this name.

        Raises
        ------
        KeyError
            The network was built without such a profile.
        """
        for index, profile in enumerate(self.profiles):
            if profile.name == name:
                return index
        known = ", ".join(repr(profile.name) for profile in self.profiles)
        raise KeyError(f"The network has no profile {name!r}; it was built for {known}.")

    def shape(self, segment: int) -> NDArray[np.int64]:
        """List the indices of a segment's shape points, in driving order."""
        first, last = int(self.first[segment]), int(self.last[segment])
        return np.arange(first, last + 1) if first <= last else np.arange(first, last - 1, -1)

    def coords(self, segment: int) -> NDArray[np.float64]:
        """Shape of a segment in driving order: float64[k, 2], lon and lat."""
        shape = self.shape(segment)
        return np.column_stack((self.shape_lon[shape], self.shape_lat[shape]))

    def street_name(self, segment: int) -> str:
        """Name of a segment's street, empty where it has none."""
        return self.way_name[int(self.way[segment])]

    def single(self) -> NDArray[np.int64]:
        """One directed segment of each street piece, ascending."""
        own = np.arange(self.reverse.size)
        return own[(self.reverse < 0) | (own < self.reverse)]

    def to_geojson_lines(self, *, tolerance_m: float = 1.0) -> list[StreetLine]:
        """Every piece of street once, its shape thinned to within ``tolerance_m`` metres, for drawing a map."""
        pieces = self.single()
        tolerance_deg = float(np.degrees(tolerance_m / EARTH_RADIUS_M))
        lines = [shapely.linestrings(self.coords(int(segment))) for segment in pieces]
        thinned = shapely.simplify(lines, tolerance_deg, preserve_topology=True)
        return [
            StreetLine(
                highway=self.way_highway[self.way[segment]],
                name=self.street_name(int(segment)),
                coords=shapely.get_coordinates(line),
            )
            for segment, line in zip(pieces, thinned, strict=True)
        ]

    def summary(self) -> dict[str, ProfileSummary]:
        """Count what each profile may use."""
        counted: dict[str, ProfileSummary] = {}
        own = np.arange(self.reverse.size)
        for index, profile in enumerate(self.profiles):
            usable = self.usable[index]
            twin_usable = (self.reverse >= 0) & usable[self.reverse]
            once = usable & (~twin_usable | (own < self.reverse))
            # An array of zeros in front, so that a profile that may use nothing counts as 0 km.
            km = np.concatenate((np.zeros(1), np.bincount(self.part[index][once], self.length_mm[once] / 1e6)))
            counted[profile.name] = ProfileSummary(
                usable_km=float(km.sum()),
                segments=int(usable.sum()),
                parts=int(self.part_m[index].size),
                largest_part_km=float(km.max()),
            )
        return counted


def plain_name(name: str) -> str:
    """Bring a street's name into the form in which names are compared: case and spaces do not count."""
    return " ".join(name.casefold().split())
