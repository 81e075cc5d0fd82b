"""The street network as trucks see it: directed segments, who may use them, and what may follow what.

The states of every search are *directed street segments*, not junctions. What happens at a junction (a turn
that costs time, a turn that is forbidden, a bollard) then belongs to the arc from one segment to the next, and
the side of the street on which a bin stands belongs to the segment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import shapely

from geodata.errors import DataError, Finding
from geodata.streets.geodesy import EARTH_RADIUS_M, haversine_m
from geodata.streets.parts import strong_parts
from geodata.streets.rules import ACCESS_CLASSES, TruckProfile, node_blocks, unread_limits, way_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.osm import OsmExtract

__all__ = [
    "ACCESS_CLASSES",
    "FORBIDDEN_TURN",
    "ProfileSummary",
    "RoadNetwork",
    "StreetLine",
    "TruckProfile",
    "build_roads",
    "plain_name",
]

DrivingSide = Literal["left", "right"]

FORBIDDEN_TURN: Final = -1

_NAME_KEYS: Final = ("name", "name:en", "name:km", "alt_name", "ref")
_MM_PER_M: Final = 1000.0
# km/h to mm per ms: 1 km/h = 1,000,000 mm / 3,600,000 ms.
_KPH_MS_PER_MM: Final = 3.6
# A segment that takes longer than twelve days is not driven; larger numbers would not fit the packed cost of a
# search.
_SLOWEST_MS: Final = 2**30


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
        int32[s], the same street in the other direction; -1 where no profile may drive it.
    way
        int32[s], index into the ways.
    way_id, way_highway, way_name
        OpenStreetMap's id, class and displayed name (empty where unnamed) of the w ways.
    way_aliases
        for each way all its names and references in the form that ``plain_name`` gives.
    arc_start, arc_to
        int64[s + 1] and int32[a]: after segment ``i`` may come ``arc_to[arc_start[i]:arc_start[i + 1]]``.
    turn_ms
        int32[p, a], what the turn costs; ``FORBIDDEN_TURN`` (-1) where the profile must not make it.
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
    notes
        values in the extract that could not be understood and were passed over.
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
    arc_start: NDArray[np.int64]
    arc_to: NDArray[np.int32]
    turn_ms: NDArray[np.int32]
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
    notes: tuple[Finding, ...]

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Segments:
    """Directed segments before what may follow them is known. ``kph`` is float64[p, s]; the rest as in RoadNetwork."""

    tail_node: NDArray[np.int32]
    head_node: NDArray[np.int32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    way: NDArray[np.int32]
    reverse: NDArray[np.int32]
    length_mm: NDArray[np.int64]
    kph: NDArray[np.float64]


def build_roads(extract: OsmExtract, profiles: Sequence[TruckProfile], *, driving_side: DrivingSide) -> RoadNetwork:
    """Build the network of all streets that at least one of the profiles may use.

    Raises
    ------
    DataError
        No street of the extract is usable by any of the profiles.
    ValueError
        There is no profile, two have the same name, or the driving side is neither left nor right.
    """
    names = [profile.name for profile in profiles]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"A network needs truck profiles with different names, but got {names}.")
    if driving_side not in {"left", "right"}:
        raise ValueError(f"The driving side is 'left' or 'right', but got {driving_side!r}.")
    way_kph = _judge_ways(extract, profiles)
    kept: NDArray[np.bool_] = np.asarray((way_kph > 0).any(axis=(0, 2)))
    if not kept.any():
        raise DataError(
            Finding(
                file=extract.source,
                message=f"none of the {len(extract.way_tags)} streets may be used by any truck profile",
                value=", ".join(f"{p.name} ({p.access_class}, {p.weight_t} t, {p.width_m} m wide)" for p in profiles),
                expected="at least one street that one of them may use",
            )
        )
    blocked = _blocked_nodes(extract, profiles)
    shape_mm = _distance_along_ways(extract)
    segments = _cut(extract, way_kph, kept, blocked, shape_mm)
    return _assemble(extract, tuple(profiles), driving_side, segments, blocked, shape_mm)


def plain_name(name: str) -> str:
    """Bring a street's name into the form in which names are compared: case and spaces do not count."""
    return " ".join(name.casefold().split())


def _judge_ways(extract: OsmExtract, profiles: Sequence[TruckProfile]) -> NDArray[np.float64]:
    """Speed of every profile on every way in both directions, km/h: float64[p, w, 2], 0 where it may not drive."""
    kph = np.zeros((len(profiles), len(extract.way_tags), 2))
    known: dict[frozenset[tuple[str, str]], NDArray[np.float64]] = {}
    for way, tags in enumerate(extract.way_tags):
        # Streets differ by name mostly: what is left of the tags repeats, and is judged once.
        telling = frozenset(item for item in tags.items() if item[0] not in _NAME_KEYS)
        if telling not in known:
            rules = [way_rule(tags, profile) for profile in profiles]
            known[telling] = np.array([(rule.forward_kph, rule.backward_kph) for rule in rules])
        kph[:, way] = known[telling]
    return kph


def _blocked_nodes(extract: OsmExtract, profiles: Sequence[TruckProfile]) -> NDArray[np.bool_]:
    """Which nodes a profile cannot drive over: bool[p, nodes of the extract]."""
    blocked = np.zeros((len(profiles), extract.node_id.size), dtype=np.bool_)
    for node, tags in extract.node_tags.items():
        blocked[:, node] = [node_blocks(tags, profile) for profile in profiles]
    return blocked


def _distance_along_ways(extract: OsmExtract) -> NDArray[np.float64]:
    """Distance of every shape point from its way's beginning, millimetres: float64[k]."""
    lon, lat = extract.lon[extract.way_node], extract.lat[extract.way_node]
    step = np.zeros(extract.way_node.size)
    step[1:] = haversine_m(lon[:-1], lat[:-1], lon[1:], lat[1:]) * _MM_PER_M
    begins = extract.way_start[:-1]
    step[begins] = 0.0
    along: NDArray[np.float64] = np.cumsum(step)
    return along - np.repeat(along[begins], np.diff(extract.way_start))


def _cut(
    extract: OsmExtract,
    way_kph: NDArray[np.float64],
    kept: NDArray[np.bool_],
    blocked: NDArray[np.bool_],
    shape_mm: NDArray[np.float64],
) -> _Segments:
    """Cut the kept ways where they begin, end, meet, or where something blocks a profile."""
    counts = np.diff(extract.way_start)
    way_of = np.repeat(np.arange(counts.size), counts)
    on_kept = kept[way_of]
    is_end = np.zeros(extract.way_node.size, dtype=np.bool_)
    is_end[extract.way_start[:-1]] = True
    is_end[extract.way_start[1:] - 1] = True
    uses = np.bincount(extract.way_node[on_kept], minlength=extract.node_id.size)
    is_cut = on_kept & (is_end | (uses[extract.way_node] > 1) | np.asarray(blocked.any(axis=0))[extract.way_node])
    cuts = np.flatnonzero(is_cut)
    same_way = way_of[cuts[:-1]] == way_of[cuts[1:]]
    begin, end = cuts[:-1][same_way], cuts[1:][same_way]
    way = way_of[begin]

    # Interleave: piece 0 along its way, piece 0 against it, piece 1 along, ...; then drop what nobody may drive.
    both_way = np.repeat(way, 2)
    kph = np.stack((way_kph[:, way, 0], way_kph[:, way, 1]), axis=2).reshape(way_kph.shape[0], -1)
    exists: NDArray[np.bool_] = np.asarray((kph > 0).any(axis=0))
    number = np.cumsum(exists) - 1
    twin = np.arange(exists.size) ^ 1
    first = np.column_stack((begin, end)).ravel()
    last = np.column_stack((end, begin)).ravel()
    length = np.maximum(np.rint(np.abs(shape_mm[last] - shape_mm[first])), 1).astype(np.int64)
    return _Segments(
        tail_node=extract.way_node[first][exists],
        head_node=extract.way_node[last][exists],
        first=first[exists],
        last=last[exists],
        way=both_way[exists].astype(np.int32),
        reverse=np.where(exists[twin], number[twin], -1)[exists].astype(np.int32),
        length_mm=length[exists],
        kph=kph[:, exists],
    )


def _assemble(
    extract: OsmExtract,
    profiles: tuple[TruckProfile, ...],
    driving_side: DrivingSide,
    segments: _Segments,
    blocked: NDArray[np.bool_],
    shape_mm: NDArray[np.float64],
) -> RoadNetwork:
    nodes, both = np.unique(np.concatenate((segments.tail_node, segments.head_node)), return_inverse=True)
    tail, head = both[: segments.way.size].astype(np.int32), both[segments.way.size :].astype(np.int32)
    arc_start, arc_to = _arcs(tail, head, nodes.size)
    arc_from = np.repeat(np.arange(head.size), np.diff(arc_start))
    turns_back = arc_to == segments.reverse[arc_from]
    blocks_arc = blocked[:, nodes][:, head[arc_from]] & ~turns_back
    turn_ms = np.where(blocks_arc, FORBIDDEN_TURN, 0).astype(np.int32)

    usable = segments.kph > 0
    with np.errstate(divide="ignore"):
        exact_ms = segments.length_mm * _KPH_MS_PER_MM / segments.kph
    travel_ms = np.where(usable, np.clip(np.rint(exact_ms), 1, _SLOWEST_MS), 0).astype(np.int64)
    parts: list[NDArray[np.int32]] = []
    part_m: list[NDArray[np.float64]] = []
    for index in range(len(profiles)):
        allowed = usable[index][arc_from] & usable[index][arc_to] & (turn_ms[index] >= 0)
        start = np.concatenate(([0], np.cumsum(np.bincount(arc_from[allowed], minlength=head.size))))
        part = strong_parts(start, arc_to[allowed], usable[index])
        parts.append(part)
        used = part >= 0
        part_m.append(np.bincount(part[used], weights=segments.length_mm[used] / _MM_PER_M).astype(np.float64))

    tags = extract.way_tags
    shape_lon, shape_lat = extract.lon[extract.way_node], extract.lat[extract.way_node]
    drawn = np.unique(segments.way)
    on_drawn = np.isin(np.repeat(np.arange(len(tags)), np.diff(extract.way_start)), drawn)
    lon, lat = shape_lon[on_drawn], shape_lat[on_drawn]
    return RoadNetwork(
        profiles=profiles,
        driving_side=driving_side,
        node_id=extract.node_id[nodes],
        node_lon=extract.lon[nodes],
        node_lat=extract.lat[nodes],
        tail=tail,
        head=head,
        length_mm=segments.length_mm,
        reverse=segments.reverse,
        way=segments.way,
        way_id=extract.way_id,
        way_highway=tuple(tag["highway"] for tag in tags),
        way_name=tuple(tag.get("name") or tag.get("name:en") or tag.get("ref", "") for tag in tags),
        way_aliases=tuple(frozenset(plain_name(tag[key]) for key in _NAME_KEYS if key in tag) for tag in tags),
        arc_start=arc_start,
        arc_to=arc_to,
        turn_ms=turn_ms,
        usable=usable,
        travel_ms=travel_ms,
        part=np.stack(parts),
        part_m=tuple(part_m),
        shape_lon=shape_lon,
        shape_lat=shape_lat,
        shape_mm=shape_mm,
        first=segments.first,
        last=segments.last,
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
        content_hash=extract.content_hash,
        notes=_notes(extract),
    )


def _arcs(tail: NDArray[np.int32], head: NDArray[np.int32], nodes: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the segments that begin where each segment ends, in compressed rows."""
    leaving = np.argsort(tail, kind="stable")
    leaving_start = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=nodes))))
    degree = np.diff(leaving_start)[head]
    arc_start = np.concatenate(([0], np.cumsum(degree)))
    within = np.arange(arc_start[-1]) - np.repeat(arc_start[:-1], degree)
    arc_to = leaving[np.repeat(leaving_start[head], degree) + within]
    return arc_start.astype(np.int64), arc_to.astype(np.int32)


def _notes(extract: OsmExtract) -> tuple[Finding, ...]:
    """One finding for each limit that could not be read, with the number of ways that carry it."""
    seen: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], int] = {}
    for way, tags in enumerate(extract.way_tags):
        for item in unread_limits(tags):
            seen[item] += 1
            example.setdefault(item, int(extract.way_id[way]))
    return tuple(
        Finding(
            file=extract.source,
            message=f"{key} of way {example[key, value]} cannot be read, and was passed over ({count} ways)",
            value=value,
            expected="a number, with its unit where it is not metres or tonnes",
        )
        for (key, value), count in sorted(seen.items())
    )
