"""Bring bins, depots and disposal sites to the street: to a point on a directed segment, and its side.

The nearest street decides, with two corrections for what maps are like. Where the thing's street name is
known, a street of that name is taken although another is a little nearer: 7 to 10 % of real
bins stand 3 to 9 m nearer to a wrong street, a lane or a side street. And a scrap of street that leads nowhere (cut off
by a private gate, or by the extract's edge) loses against a street that is a little farther.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import shapely

from geodata.streets._compiled import compiled
from geodata.streets.geodesy import EARTH_RADIUS_M, mercator_m
from geodata.streets.roads import plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.roads import RoadNetwork

Approach = Literal["curb", "either", "any"]

RIGHT: Final = 1
LEFT: Final = -1
ON_STREET: Final = 0

# How much farther a street may be and still win by its name or by leading somewhere: wider than the 9 m seen
# on real bins, narrower than a block of houses.
_SLACK_M: Final = 25.0
# A part of the network with less than this leads nowhere (both directions counted); the smallest inhabited
# islands have more.
_SCRAP_M: Final = 1000.0
# Nearer than this, OpenStreetMap's own resolution (1e-7 degrees is about 1 cm) cannot tell the side.
_ON_STREET_M: Final = 0.05
_LON_LIMIT: Final = 180.0
_LAT_LIMIT: Final = 90.0
# Mercator's scale changes across the search radius, by less than this within a kilometre below 80 degrees of
# latitude.
_MERCATOR_SLACK: Final = 1.001


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where n things stand on a network's streets.

    Attributes
    ----------
    segment
        int32[n], directed segment; -1 where no usable street is near enough.
    along_mm
        int64[n], position along the directed segment.
    side
        int8[n], the thing stands to the right (+1), to the left (-1) of the directed segment, or on it (0).
    offset_m
        float64[n], distance from the thing to the street; infinite where ``segment`` is -1.
    lon, lat
        float64[n], the point on the street, degrees; the thing's own position where ``segment`` is -1.
    twin
        int32[n], position of the same point driven the other way where the place is a yard, in which a truck turns
        round: it may come by either and leave by either. -1 for all other places; None without any yard.
    """

    segment: NDArray[np.int32]
    along_mm: NDArray[np.int64]
    side: NDArray[np.int8]
    offset_m: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    twin: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return int(self.segment.size)

    def take(self, indices: Sequence[int] | NDArray[np.integer]) -> Places:
        """Give the places at these positions, in this order; yards become plain places."""
        chosen = np.asarray(indices, dtype=np.intp)
        return Places(
            segment=self.segment[chosen],
            along_mm=self.along_mm[chosen],
            side=self.side[chosen],
            offset_m=self.offset_m[chosen],
            lon=self.lon[chosen],
            lat=self.lat[chosen],
        )

    def join(self, other: Places) -> Places:
        """Give these places and, after them, the others; yards become plain places."""
        return Places(
            segment=np.concatenate((self.segment, other.segment)),
            along_mm=np.concatenate((self.along_mm, other.along_mm)),
            side=np.concatenate((self.side, other.side)),
            offset_m=np.concatenate((self.offset_m, other.offset_m)),
            lon=np.concatenate((self.lon, other.lon)),
            lat=np.concatenate((self.lat, other.lat)),
        )

    def with_yards(self, positions: Sequence[int], others: Places) -> Places:
        """Make yards of the places at these positions: ``others`` gives their other kerbs, and follows at the end."""
        there = np.flatnonzero(others.segment >= 0)
        twin = np.full(len(self) + there.size, -1, dtype=np.int32)
        twin[np.asarray(positions, dtype=np.intp)[there]] = len(self) + np.arange(there.size)
        return replace(self.join(others.take(there)), twin=twin)

    def ways_to(self, place: int) -> tuple[int, ...]:
        """Return the positions by which a place is reached and left: its own, and its twin's where it is a yard."""
        if self.twin is None or self.twin[place] < 0:
            return (place,)
        return (place, int(self.twin[place]))

    def along_of(self, place: int, segment: int) -> int:
        """Return where a place lies along the segment by which a path reaches or leaves it, millimetres."""
        way = next((one for one in self.ways_to(place) if self.segment[one] == segment), place)
        return int(self.along_mm[way])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidates:
    """Possible streets for points: point, segment int64[c]; along_mm, offset_m float64[c]; side int8[c]."""

    point: NDArray[np.int64]
    segment: NDArray[np.int64]
    along_mm: NDArray[np.float64]
    offset_m: NDArray[np.float64]
    side: NDArray[np.int8]


def snap(
    network: RoadNetwork,
    lon: Sequence[float] | NDArray[np.float64],
    lat: Sequence[float] | NDArray[np.float64],
    *,
    profiles: Sequence[Sequence[str]],
    street: Sequence[str | None] | None = None,
    max_m: float = 500.0,
) -> Places:
    """Find for each point the street that serves it.

    Parameters
    ----------
    network
        the streets.
    lon, lat
        n points, degrees.
    profiles
        for each point the names of the profiles that may come to it; a street usable by one of them will do.
    street
        for each point the name of its street where known; decides between streets that are about equally near.
    max_m
        a street farther away than this is none.

    Returns
    -------
    Places
        Where both directions of the street serve equally well, the one whose kerb the thing stands at
        (right-hand kerb where people drive on the right); the one that exists otherwise.

    Raises
    ------
    KeyError
        A profile that the network was not built for.
    ValueError
        Sequences of different lengths, a coordinate outside the globe, or ``max_m`` not above 0.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    n = x.size
    names = [None] * n if street is None else list(street)
    if not x.shape == y.shape == (n,) or len(profiles) != n or len(names) != n:
        raise ValueError(
            f"Points, profiles and street names must be equally many, but there are {x.size} longitudes, {y.size} "
            f"latitudes, {len(profiles)} lists of profiles and {len(names)} street names."
        )
    on_globe = (np.abs(x) <= _LON_LIMIT) & (np.abs(y) <= _LAT_LIMIT)
    if not on_globe.all():
        bad = int(np.flatnonzero(~on_globe)[0])
        raise ValueError(f"Point {bad} at longitude {x[bad]}, latitude {y[bad]} does not lie on the globe.")
    if not max_m > 0:
        raise ValueError(f"max_m must be above 0, but is {max_m}.")

    result = Places(
        segment=np.full(n, -1, dtype=np.int32),
        along_mm=np.zeros(n, dtype=np.int64),
        side=np.zeros(n, dtype=np.int8),
        offset_m=np.full(n, np.inf),
        lon=x.copy(),
        lat=y.copy(),
    )
    groups: dict[frozenset[int], list[int]] = {}
    for point, allowed in enumerate(profiles):
        groups.setdefault(frozenset(network.profile_index(name) for name in allowed), []).append(point)
    for group, points in groups.items():
        if group:
            _snap_group(network, x, y, names, np.array(sorted(group)), np.array(points), max_m, result)
    return result


def other_kerb(
    network: RoadNetwork,
    places: Places,
    *,
    profiles: Sequence[Sequence[str]],
    approach: Approach | None = None,
) -> Places:
    """Find for each place the same point of the street driven the other way, where a truck may halt there as well.

    Parameters
    ----------
    profiles
        As for ``snap``: which profiles may come. One of them must be able to drive that way, and back.
    approach
        ``"curb"``: only the thing's own side of the street will do; ``"either"``: both sides where the street is
        narrow enough to be crossed with a bin; ``"any"``: both sides everywhere. Narrow streets by default.

    Returns
    -------
    Places
        n places, ``segment`` -1 where there is no other kerb. The two are a choice for whoever plans: the nearer one
        on arrival and the other one on departure would be a turn in mid-street that no truck can make.
    """
    own = places.segment.astype(np.int64)
    back = np.where(own >= 0, network.reverse[own], -1).astype(np.int64)
    for group in {frozenset(allowed) for allowed in profiles}:
        members = np.array([frozenset(allowed) == group for allowed in profiles], dtype=np.bool_)
        indices = [network.profile_index(name) for name in group]
        # A direction that is cut off from where the own one leads is no choice.
        served = (
            network.usable[indices][:, back] & (network.part[indices][:, back] == network.part[indices][:, own])
        ).any(axis=0)
        back[members & (back >= 0) & ~served] = -1
    if approach == "curb":
        back[:] = -1
    elif approach != "any":
        back[(back >= 0) & ~network.way_narrow[network.way[own]]] = -1
    there = back >= 0
    return Places(
        segment=back.astype(np.int32),
        along_mm=np.where(there, network.length_mm[back] - places.along_mm, 0),
        side=np.where(there, -places.side, 0).astype(np.int8),
        offset_m=np.where(there, places.offset_m, np.inf),
        lon=places.lon.copy(),
        lat=places.lat.copy(),
    )


def point_at(network: RoadNetwork, segment: int, along_mm: int) -> tuple[float, float]:
    """Longitude and latitude of a position along a directed segment."""
    shape = network.shape(segment)
    at = np.abs(network.shape_mm[shape] - network.shape_mm[shape[0]])
    return (
        float(np.interp(along_mm, at, network.shape_lon[shape])),
        float(np.interp(along_mm, at, network.shape_lat[shape])),
    )


def _snap_group(
    network: RoadNetwork,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    names: Sequence[str | None],
    profiles: NDArray[np.int64],
    points: NDArray[np.int64],
    max_m: float,
    result: Places,
) -> None:
    """Snap the points that the same profiles may come to, into ``result``."""
    served_by = network.usable[profiles].sum(axis=0)
    twin = network.reverse
    pieces = network.single()
    # A street is searched once; which of its directions is taken is decided when the street is.
    either = served_by[pieces] + np.where(twin[pieces] >= 0, served_by[twin[pieces]], 0)
    pieces = pieces[either > 0]
    if not pieces.size:
        return
    found = _candidates(network, lon, lat, pieces, points, max_m)
    ways = network.way[found.segment]
    longest = np.zeros(served_by.size)
    for index in profiles:
        part = network.part[index]
        longest = np.maximum(longest, np.where(part >= 0, network.part_m[index][part], 0.0))
    leads_nowhere = longest < _SCRAP_M
    longest = np.maximum(longest, np.where(twin >= 0, longest[twin], 0.0))
    wanted = [None if name is None else plain_name(name) for name in names]
    named = np.array(
        [wanted[point] in network.way_aliases[way] for point, way in zip(found.point, ways, strict=True)],
        dtype=np.bool_,
    )
    rank = found.offset_m + np.where(longest[found.segment] < _SCRAP_M, _SLACK_M, 0.0) - np.where(named, _SLACK_M, 0.0)
    # Of equal ones the lower segment, so that the answer never depends on the order of the search.
    order = np.lexsort((found.segment, rank, found.point))
    _, firsts = np.unique(found.point[order], return_index=True)
    for choice in order[firsts]:
        point = int(found.point[choice])
        segment, side = int(found.segment[choice]), int(found.side[choice])
        along = round(float(found.along_mm[choice]))
        length = int(network.length_mm[segment])
        along = min(max(along, 0), length)
        back = int(twin[segment])
        if _goes_back(network, served_by, leads_nowhere, segment, back, side):
            segment, side, along = back, -side, length - along
        result.segment[point] = segment
        result.side[point] = side
        result.along_mm[point] = along
        result.offset_m[point] = found.offset_m[choice]
        result.lon[point], result.lat[point] = point_at(network, segment, along)


def _goes_back(
    network: RoadNetwork,
    served_by: NDArray[np.int64],
    leads_nowhere: NDArray[np.bool_],
    segment: int,
    back: int,
    side: int,
) -> bool:
    """Whether the opposite direction serves better.

    It does if it is not cut off while this one is, if more profiles may drive it, or if the thing stands at its kerb.
    """
    if back < 0:
        return False
    if leads_nowhere[segment] != leads_nowhere[back]:
        return bool(leads_nowhere[segment])
    if served_by[segment] != served_by[back]:
        return bool(served_by[back] > served_by[segment])
    return side == (LEFT if network.driving_side == "right" else RIGHT)


def _candidates(
    network: RoadNetwork,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    pieces: NDArray[np.int64],
    points: NDArray[np.int64],
    max_m: float,
) -> _Candidates:
    """Find the nearest piece of street for each point, and all others within the slack of it."""
    # The shape points of all pieces end to end; in which direction a line is drawn does not matter here.
    begin = np.minimum(network.first[pieces], network.last[pieces])
    count = np.abs(network.last[pieces] - network.first[pieces]) + 1
    owner = np.repeat(np.arange(pieces.size), count)
    corner = np.arange(owner.size) + np.repeat(begin - (np.cumsum(count) - count), count)
    shape_xy = mercator_m(network.shape_lon[corner], network.shape_lat[corner])
    tree = shapely.STRtree(shapely.linestrings(shape_xy, indices=owner))
    stretch = 1 / np.cos(np.radians(lat[points]))
    geometry = shapely.points(mercator_m(lon[points], lat[points]))
    (near_point, _), near = tree.query_nearest(geometry, return_distance=True, all_matches=False)
    within = np.full(points.size, -1.0)
    within[near_point] = near
    reach = np.minimum(within + _SLACK_M * 2 * stretch, max_m * stretch) * _MERCATOR_SLACK
    reach[(within < 0) | (within > max_m * stretch * _MERCATOR_SLACK)] = -1.0
    asked = np.flatnonzero(reach >= 0)
    hit_point, hit_piece = tree.query(geometry[asked], predicate="dwithin", distance=reach[asked])
    hit_point = points[asked[hit_point]]
    segment = pieces[hit_piece]
    along, offset, side = _project(
        lon[hit_point], lat[hit_point], network.first[segment], network.last[segment], network.shape_lon,
        network.shape_lat, network.shape_mm, EARTH_RADIUS_M,
    )  # fmt: skip
    side[offset < _ON_STREET_M] = ON_STREET
    kept = offset <= max_m
    return _Candidates(
        point=hit_point[kept], segment=segment[kept], along_mm=along[kept], offset_m=offset[kept], side=side[kept]
    )


@compiled
def _project(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    shape_lon: NDArray[np.float64],
    shape_lat: NDArray[np.float64],
    shape_mm: NDArray[np.float64],
    radius_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Project point i onto the segment ``first[i]..last[i]``, on a plane that touches the globe at the point.

    Returns the position along the segment in millimetres, the distance in metres, and the side (+1 right, -1 left).
    """
    count = lon.size
    along = np.zeros(count)
    offset = np.full(count, np.inf)
    side = np.zeros(count, dtype=np.int8)
    degree = math.pi / 180.0 * radius_m
    for i in range(count):
        step = 1 if last[i] >= first[i] else -1
        east = degree * math.cos(lat[i] * math.pi / 180.0)
        cross = 0.0
        # Where the nearest point is a corner, both edges that meet there say on which side the point lies.
        corner_cross = 0.0
        previous_ended_here = False
        for k in range(first[i], last[i], step):
            ax, ay = (shape_lon[k] - lon[i]) * east, (shape_lat[k] - lat[i]) * degree
            bx, by = (shape_lon[k + step] - lon[i]) * east, (shape_lat[k + step] - lat[i]) * degree
            dx, dy = bx - ax, by - ay
            square = dx * dx + dy * dy
            share = 0.0 if square == 0.0 else min(max(-(ax * dx + ay * dy) / square, 0.0), 1.0)
            px, py = ax + share * dx, ay + share * dy
            distance = math.sqrt(px * px + py * py)
            norm = math.sqrt(square) if square > 0.0 else 1.0
            # Positive where the point (the origin) lies to the right of the edge's direction.
            here = (dy * (0.0 - ax) - dx * (0.0 - ay)) / norm
            if previous_ended_here and share == 0.0:
                cross = corner_cross + here
            previous_ended_here = False
            if distance < offset[i]:
                offset[i] = distance
                edge_mm = abs(shape_mm[k + step] - shape_mm[k])
                along[i] = abs(shape_mm[k] - shape_mm[first[i]]) + share * edge_mm
                cross = here
                if share == 1.0:
                    corner_cross = here
                    previous_ended_here = True
        if cross > 0.0:
            side[i] = 1
        elif cross < 0.0:
            side[i] = -1
    return along, offset, side
