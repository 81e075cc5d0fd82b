"""Finds the streets that overlays speak of.

Streets are taken in whole pieces, from junction to junction. A line takes the pieces that it runs along, a point the
one that it lies near, a polygon those inside it. What cannot be found, or could mean several streets, changes nothing
and is reported: a closure on the wrong street is worse than none that everybody knows to be missing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import shapely

from geodata.streets.geodesy import EARTH_RADIUS_M
from geodata.streets.network import plain_name
from geodata.streets.overlays import Placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geodata.errors import Finding
    from geodata.streets.overlays import InForce, Overlay

# A line drawn by hand over a map, or driven with a phone, lies this near its street; a point is meant to be at one.
# Working figures of this project, as are the two shares and the margin below.
LINE_NEAR_M: Final = 15.0
POINT_NEAR_M: Final = 30.0
# Streets that are no farther from a line or a point than the nearest one and this much are equally near.
_MARGIN_M: Final = 4.0
# A line takes a piece when it runs along half of it, or the piece along half of the line.
_ALONG: Final = 0.5
_INSIDE: Final = 0.5
_SAMPLES: Final = 5
_NAME_KEYS: Final = ("name", "name:en", "name:km", "alt_name", "ref")
_MOST_NAMED: Final = 4


class Pieces(NamedTuple):
    """Pieces of street from junction to junction, each once, in their ways' direction.

    ``lon`` and ``lat`` are float64[k], the ways' shape points; ``first`` and ``last`` int64[n] index them; ``way``
    int64[n] are OpenStreetMap's ids; ``tags`` the n ways' tags.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    way: NDArray[np.int64]
    tags: Sequence[Mapping[str, str]]


class _Found(NamedTuple):
    """Pieces, and whether each runs as the overlay does: int64[m], bool[m]; or why there are none."""

    pieces: NDArray[np.int64]
    along: NDArray[np.bool_]
    finding: Finding | None = None


def place_overlays(overlays: Sequence[InForce], pieces: Pieces) -> tuple[Placed, ...]:
    """Find the pieces that each overlay changes; what is doubtful comes with the overlay as findings."""
    if not overlays:
        return ()
    finder = _Finder(pieces)
    placed: list[Placed] = []
    for one in overlays:
        found, findings = finder.find(one.overlay)
        placed.append(Placed(in_force=one, pieces=found.pieces, along=found.along, findings=findings))
    return _contradictions(placed)


class _Finder:
    """Streets laid out on a plane of metres, with a tree over them."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._origin = np.array([float(pieces.lon.mean()), float(pieces.lat.mean())])
        squeeze = float(np.cos(np.radians(self._origin[1])))
        self._scale = np.radians(EARTH_RADIUS_M) * np.array([squeeze, 1.0])
        counts = pieces.last - pieces.first + 1
        owner = np.repeat(np.arange(counts.size), counts)
        point = np.arange(owner.size) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(pieces.first, counts)
        xy = self._flat(np.column_stack((pieces.lon[point], pieces.lat[point])))
        self._lines = shapely.linestrings(xy, indices=owner)
        self._length = shapely.length(self._lines)
        self._tree = shapely.STRtree(self._lines)
        self._of_way: dict[int, list[int]] = {}

    def find(self, overlay: Overlay) -> tuple[_Found, tuple[Finding, ...]]:
        """Return an overlay's pieces, and what is doubtful."""
        allowed, findings = self._allowed(overlay)
        if overlay.geometry is None:
            pieces = np.flatnonzero(allowed)
            found = _Found(pieces, np.ones(pieces.size, dtype=np.bool_))
            if overlay.street is not None and not pieces.size and not findings:
                findings.append(self._nothing(overlay, "street", "none of these ways has this name"))
            return found, tuple(findings)
        flat = shapely.transform(overlay.geometry, self._flat)
        kind = overlay.geometry.geom_type
        if "Polygon" in kind:
            found = self._inside(overlay, flat, allowed)
        elif "LineString" in kind:
            found = self._beside(overlay, flat, allowed)
        else:
            found = self._nearest(overlay, flat, allowed)
        if found.finding is not None:
            findings.append(found.finding)
        return found, tuple(findings)

    def _flat(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        flat: NDArray[np.float64] = (lonlat - self._origin) * self._scale
        return flat

    def _allowed(self, overlay: Overlay) -> tuple[NDArray[np.bool_], list[Finding]]:
        """Which pieces fit the overlay's ways and street: bool[n]; and the ways that are not there."""
        allowed = np.ones(self._length.size, dtype=np.bool_)
        findings: list[Finding] = []
        if overlay.ways:
            ways = np.array(sorted(overlay.ways), dtype=np.int64)
            allowed &= np.isin(self._pieces.way, ways)
            for way in ways[~np.isin(ways, self._pieces.way)].tolist():
                message = "names a way that is not among the streets that the fleet may use"
                expected = "the id of a street of the extract"
                findings.append(overlay.finding(message, at="ways", value=str(way), expected=expected))
        if overlay.street is not None:
            wanted = plain_name(overlay.street)
            allowed &= np.array([wanted in _names(tags) for tags in self._pieces.tags], dtype=np.bool_)
        return allowed, findings

    def _near(
        self, geometry: shapely.Geometry, allowed: NDArray[np.bool_], within_m: float | None
    ) -> NDArray[np.int64]:
        if within_m is None:
            near = self._tree.query(geometry, predicate="intersects")
        else:
            near = self._tree.query(geometry, predicate="dwithin", distance=within_m)
        near = np.sort(near)
        return np.asarray(near[allowed[near]], dtype=np.int64)

    def _inside(self, overlay: Overlay, area: shapely.Geometry, allowed: NDArray[np.bool_]) -> _Found:
        """Pieces at least half inside, and those that cross the area: nobody passes them without passing it."""
        if not shapely.is_valid(area):
            area = shapely.make_valid(area)
        near = self._near(area, allowed, None)
        lines = self._lines[near]
        share = shapely.length(shapely.intersection(lines, area)) / np.maximum(self._length[near], 1e-9)
        ends_out = ~shapely.intersects(area, shapely.get_point(lines, 0)) & ~shapely.intersects(
            area, shapely.get_point(lines, -1)
        )
        pieces = near[(share >= _INSIDE) | (ends_out & (share > 0))]
        finding = None if pieces.size else self._nothing(overlay, "geometry", "no street lies inside its polygon")
        return _Found(pieces, np.ones(pieces.size, dtype=np.bool_), finding)

    def _nearest(self, overlay: Overlay, point: shapely.Geometry, allowed: NDArray[np.bool_]) -> _Found:
        near = self._near(point, allowed, POINT_NEAR_M)
        if not near.size:
            return _none(self._nothing(overlay, "geometry", f"no street lies within {POINT_NEAR_M:g} m of its point"))
        away = shapely.distance(self._lines[near], point)
        equal = near[away <= away.min() + _MARGIN_M]
        if equal.size > 1:
            message = f"could mean any of {equal.size} pieces of street: {self._named(equal)}"
            expected = "a point farther from corners and from other streets, the street's name, or a line along it"
            return _none(overlay.finding(message, at="geometry", expected=expected))
        return _Found(equal, np.ones(1, dtype=np.bool_))

    def _beside(self, overlay: Overlay, line: shapely.Geometry, allowed: NDArray[np.bool_]) -> _Found:
        pieces: dict[int, bool] = {}
        unclear: set[int] = set()
        for part in shapely.get_parts(line):
            self._beside_part(part, allowed, pieces, unclear)
        if unclear:
            message = f"could mean several streets side by side: {self._named(np.array(sorted(unclear)))}"
            expected = "a line nearer to one of them, or the street's name"
            return _none(overlay.finding(message, at="geometry", expected=expected))
        if not pieces:
            what = f"no street runs along its line within {LINE_NEAR_M:g} m"
            return _none(self._nothing(overlay, "geometry", what))
        order = sorted(pieces)
        return _Found(np.array(order, dtype=np.int64), np.array([pieces[one] for one in order], dtype=np.bool_))

    def _beside_part(
        self, part: shapely.Geometry, allowed: NDArray[np.bool_], pieces: dict[int, bool], unclear: set[int]
    ) -> None:
        """Collect the pieces along one line; of pieces side by side the nearest, or all of one street."""
        length = float(shapely.length(part))
        runs: list[tuple[int, float, float, float, bool]] = []
        corridor = shapely.buffer(part, LINE_NEAR_M, cap_style="flat")
        for piece in self._near(part, allowed, LINE_NEAR_M).tolist():
            overlap = shapely.intersection(self._lines[piece], corridor)
            if not shapely.length(overlap):
                continue
            steps = np.linspace(0.0, 1.0, _SAMPLES)
            # Of a piece that leaves the corridor and comes back, the longest part decides.
            longest = max(shapely.get_parts(shapely.line_merge(overlap)), key=shapely.length)
            at = shapely.line_interpolate_point(longest, steps, normalized=True)
            along = shapely.line_locate_point(part, at)
            run_m = abs(float(along[-1] - along[0]))
            if run_m < _ALONG * min(float(self._length[piece]), length):
                continue
            away = float(shapely.distance(part, at).mean())
            # The overlap may be cut out in either direction; the piece's own is what counts.
            begin, end = shapely.line_locate_point(self._lines[piece], at[[0, -1]])
            forward = bool((along[-1] > along[0]) == (end > begin))
            runs.append((piece, float(along.min()), float(along.max()), away, forward))
        beaten: set[int] = set()
        for one, other in combinations(runs, 2):
            shared = min(one[2], other[2]) - max(one[1], other[1])
            if shared <= _ALONG * min(one[2] - one[1], other[2] - other[1]):
                continue
            near, far = sorted((one, other), key=lambda run: run[3])
            if far[3] >= near[3] + _MARGIN_M:
                beaten.add(far[0])
            elif not self._same_street(near[0], far[0]):
                unclear.update((near[0], far[0]))
        unclear -= beaten
        if len(unclear) == 1:
            unclear.clear()
        pieces.update({run[0]: run[4] for run in runs if run[0] not in beaten})

    def _same_street(self, one: int, other: int) -> bool:
        names = [_names(self._pieces.tags[piece]) for piece in (one, other)]
        return bool(names[0] & names[1]) or self._pieces.way[one] == self._pieces.way[other]

    def _named(self, pieces: NDArray[np.int64]) -> str:
        said = dict.fromkeys(
            self._pieces.tags[piece].get("name") or f"way {self._pieces.way[piece]}" for piece in pieces.tolist()
        )
        names = list(said)
        return ", ".join(names[:_MOST_NAMED]) + (" and others" if len(names) > _MOST_NAMED else "")

    def _nothing(self, overlay: Overlay, at: str, what: str) -> Finding:
        street = f" of the name {overlay.street!r}" if overlay.street and at == "geometry" else ""
        expected = f"a place on a street{street} that the fleet may use"
        return overlay.finding(f"changes nothing: {what}", at=at, value=overlay.street, expected=expected)


def _none(finding: Finding) -> _Found:
    return _Found(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), finding)


def _names(tags: Mapping[str, str]) -> frozenset[str]:
    return frozenset(plain_name(tags[key]) for key in _NAME_KEYS if key in tags)


def _contradictions(placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """Report overlays that say different things of one street; the later one is told about the earlier one."""
    said: defaultdict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(placed):
        if one.in_force.overlay.kind in _CONTRADICT:
            for piece in one.pieces.tolist():
                said[piece].append(number)
    pairs = {pair for numbers in said.values() for pair in combinations(numbers, 2)}
    found = list(placed)
    for first, second in sorted(pairs):
        earlier, later = placed[first].in_force.overlay, placed[second].in_force.overlay
        if earlier.kind != later.kind or _agree(placed[first], placed[second]):
            continue
        shared = int(np.isin(placed[first].pieces, placed[second].pieces).sum())
        at, consequence = _CONTRADICT[earlier.kind]
        where = f"{shared} piece{'' if shared == 1 else 's'} of street"
        message = f"contradicts {earlier.id!r} ({earlier.source}) on {where}: {consequence}"
        value = str(getattr(later, at))
        finding = later.finding(message, at=at, value=value, expected="one of the two to be taken out or to expire")
        found[second] = replace(found[second], findings=(*found[second].findings, finding))
    return tuple(found)


_CONTRADICT: Final = {
    "oneway": ("direction", "both directions are closed"),
    "speed": ("speed_kph", "the one that stands later counts"),
    "width": ("width_m", "the narrower one counts"),
    "flooded": ("depth_cm", "the deeper one counts"),
}


def _agree(one: Placed, other: Placed) -> bool:
    first, second = one.in_force.overlay, other.in_force.overlay
    if first.access_classes and second.access_classes and not first.access_classes & second.access_classes:
        return True
    if not first.meets(second):
        return True
    if first.kind != "oneway":
        at = _CONTRADICT[first.kind][0]
        apart = {first.direction, second.direction} == {"along", "against"}
        return getattr(first, at) == getattr(second, at) or apart
    return _ways_of(one).isdisjoint(_ways_of(other, turned=True))


def _ways_of(placed: Placed, *, turned: bool = False) -> set[tuple[int, bool]]:
    """Return the pieces of a one-way overlay with the direction, along the way or not, that it leaves open."""
    same = placed.in_force.overlay.direction == "along"
    open_along = placed.along == same
    return set(zip(placed.pieces.tolist(), (open_along != turned).tolist(), strict=True))
