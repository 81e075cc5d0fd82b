"""The street network as trucks see it: directed segments, who may use them, and what may follow what.

The states of every search are *directed street segments*, not junctions. What happens at a junction (a turn
that costs time, a turn that is forbidden, a bollard) then belongs to the arc from one segment to the next, and
the side of the street on which a bin stands belongs to the segment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.errors import DataError, Finding
from geodata.streets.geodesy import haversine_m
from geodata.streets.matching import Pieces, place_overlays
from geodata.streets.network import DrivingSide, ProfileSummary, RoadNetwork, StreetLine, plain_name
from geodata.streets.overlays import PlacedOverlay, change
from geodata.streets.parts import strong_parts
from geodata.streets.profile import ACCESS_CLASSES, TruckProfile
from geodata.streets.restrictions import Streets, turn_rules
from geodata.streets.rules import WayRule, is_narrow, node_blocks, unread_limits, way_rule
from geodata.streets.turns import (
    FORBIDDEN_TURN,
    NO_SIGN,
    Junctions,
    bearings,
    figures,
    signs,
    street_rank,
    turn_costs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.conditions import Hours
    from geodata.streets.osm import OsmExtract
    from geodata.streets.overlays import InForce
    from geodata.streets.restrictions import TurnRules
    from geodata.streets.turns import Signs

__all__ = [
    "ACCESS_CLASSES",
    "FORBIDDEN_TURN",
    "DrivingSide",
    "ProfileSummary",
    "RoadNetwork",
    "StreetLine",
    "TruckProfile",
    "build_roads",
    "plain_name",
]

_NAME_KEYS: Final = ("name", "name:en", "name:km", "alt_name", "ref")
_PASSED: Final = ("was passed over", "is taken to hold always if it forbids, and never if it allows")
_READABLE: Final = (
    "a number, with its unit where it is not metres or tonnes",
    "a value, @, and weekdays, clock times or the truck's measures",
)
_MM_PER_M: Final = 1000.0
# km/h to mm per ms: 1 km/h = 1,000,000 mm / 3,600,000 ms.
_KPH_MS_PER_MM: Final = 3.6
# A segment that takes longer than three days is not driven; larger numbers would not fit the packed cost of a
# search.
_SLOWEST_MS: Final = 2**28


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Segments:
    """Directed segments before what may follow them is known.

    ``kph`` is float64[p, s], ``inside`` bool[p, s]; the rest as in RoadNetwork.
    """

    tail_node: NDArray[np.int32]
    head_node: NDArray[np.int32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    way: NDArray[np.int32]
    reverse: NDArray[np.int32]
    length_mm: NDArray[np.int64]
    kph: NDArray[np.float64]
    inside: NDArray[np.bool_]
    overlays: tuple[PlacedOverlay, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _WayRules:
    """What profiles may do on ways: ``kph`` float64[p, w, 2], ``inside`` bool[p, w], and what could not be read."""

    kph: NDArray[np.float64]
    inside: NDArray[np.bool_]
    notes: tuple[Finding, ...]


def build_roads(
    extract: OsmExtract,
    profiles: Sequence[TruckProfile],
    *,
    driving_side: DrivingSide,
    hours: Hours | None = None,
    overlays: Sequence[InForce] = (),
) -> RoadNetwork:
    """Build the network of all streets that at least one of the profiles may use.

    Parameters
    ----------
    hours
        When trucks are out, which decides what signs with hours forbid. Without it every such sign counts.
    overlays
        Changes to the streets that hold in those hours.

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
    rules = _judge_ways(extract, profiles, hours)
    kept: NDArray[np.bool_] = np.asarray((rules.kph > 0).any(axis=(0, 2)))
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
    standing = signs(extract)
    stands = blocked.any(axis=0) | (standing.kind != NO_SIGN)
    segments = _cut(extract, rules, kept, stands, shape_mm, profiles, overlays)
    restrictions = turn_rules(
        extract,
        Streets(
            tail=segments.tail_node,
            head=segments.head_node,
            reverse=segments.reverse,
            way_id=extract.way_id[segments.way],
        ),
        profiles,
        hours,
    )
    network = _assemble(extract, tuple(profiles), driving_side, segments, blocked, shape_mm, standing, restrictions)
    return replace(network, notes=rules.notes)


def _judge_ways(extract: OsmExtract, profiles: Sequence[TruckProfile], hours: Hours | None) -> _WayRules:
    known: dict[frozenset[tuple[str, str]], int] = {}
    same = np.zeros(len(extract.way_tags), dtype=np.int64)
    unread: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], int] = {}
    kinds: list[list[WayRule]] = []
    unread_of: list[list[tuple[str, str]]] = []
    for way, tags in enumerate(extract.way_tags):
        # Streets differ by name mostly: what is left of the tags repeats, and is judged once.
        telling = frozenset(item for item in tags.items() if item[0] not in _NAME_KEYS)
        kind = known.setdefault(telling, len(kinds))
        if kind == len(kinds):
            rules = [way_rule(tags, profile, hours) for profile in profiles]
            kinds.append(rules)
            unread_of.append(unread_limits(tags) + list(dict.fromkeys(item for rule in rules for item in rule.unread)))
        same[way] = kind
        for item in unread_of[kind]:
            unread[item] += 1
            example.setdefault(item, int(extract.way_id[way]))
    table = np.array([[(rule.forward_kph, rule.backward_kph, rule.inside_only) for rule in kind] for kind in kinds])
    kph = table[same, :, :2].transpose(1, 0, 2)
    inside = table[same, :, 2].T > 0
    return _WayRules(kph=kph, inside=inside, notes=_notes(extract, unread, example))


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
    rules: _WayRules,
    kept: NDArray[np.bool_],
    stands: NDArray[np.bool_],
    shape_mm: NDArray[np.float64],
    profiles: Sequence[TruckProfile],
    overlays: Sequence[InForce],
) -> _Segments:
    """Cut the kept ways where they begin, end, meet, or where something stands that matters to driving."""
    way_kph = rules.kph
    counts = np.diff(extract.way_start)
    way_of = np.repeat(np.arange(counts.size), counts)
    on_kept = kept[way_of]
    is_end = np.zeros(extract.way_node.size, dtype=np.bool_)
    is_end[extract.way_start[:-1]] = True
    is_end[extract.way_start[1:] - 1] = True
    uses = np.bincount(extract.way_node[on_kept], minlength=extract.node_id.size)
    is_cut = on_kept & (is_end | (uses[extract.way_node] > 1) | stands[extract.way_node])
    cuts = np.flatnonzero(is_cut)
    same_way = way_of[cuts[:-1]] == way_of[cuts[1:]]
    begin, end = cuts[:-1][same_way], cuts[1:][same_way]
    way = way_of[begin]

    # Interleave: piece 0 along its way, piece 0 against it, piece 1 along, ...; then drop what nobody may drive.
    both_way = np.repeat(way, 2)
    kph = np.stack((way_kph[:, way, 0], way_kph[:, way, 1]), axis=2).reshape(way_kph.shape[0], -1)
    inside = rules.inside[:, both_way]
    # What an overlay closes stays there, to be drawn and to be seen; it is not usable.
    exists: NDArray[np.bool_] = np.asarray((kph > 0).any(axis=0))
    placed = place_overlays(
        overlays,
        Pieces(
            lon=extract.lon[extract.way_node],
            lat=extract.lat[extract.way_node],
            first=begin,
            last=end,
            way=extract.way_id[way],
            tags=[extract.way_tags[one] for one in way.tolist()] if overlays else (),
        ),
    )
    change(placed, profiles, kph, inside)
    exists |= (kph > 0).any(axis=0)
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
        inside=inside[:, exists],
        overlays=tuple(one.on_segments(exists, number) for one in placed),
    )


def _assemble(
    extract: OsmExtract,
    profiles: tuple[TruckProfile, ...],
    driving_side: DrivingSide,
    segments: _Segments,
    blocked: NDArray[np.bool_],
    shape_mm: NDArray[np.float64],
    standing: Signs,
    restrictions: TurnRules,
) -> RoadNetwork:
    nodes, both = np.unique(np.concatenate((segments.tail_node, segments.head_node)), return_inverse=True)
    tail, head = both[: segments.way.size].astype(np.int32), both[segments.way.size :].astype(np.int32)
    arc_start, arc_to = _arcs(tail, head, nodes.size)
    arc_from = np.repeat(np.arange(head.size), np.diff(arc_start))
    turns_back = arc_to == segments.reverse[arc_from]
    blocks_arc = blocked[:, nodes][:, head[arc_from]] & ~turns_back
    tags = extract.way_tags
    shape_lon, shape_lat = extract.lon[extract.way_node], extract.lat[extract.way_node]
    usable = segments.kph > 0
    with np.errstate(divide="ignore"):
        exact_ms = segments.length_mm * _KPH_MS_PER_MM / segments.kph
    travel_ms = np.where(usable, np.clip(np.rint(exact_ms), 1, _SLOWEST_MS), 0).astype(np.int64)
    out_deg, in_deg = bearings(segments.first, segments.last, shape_lon, shape_lat, shape_mm)
    junctions = Junctions(
        head=head,
        reverse=segments.reverse,
        rank=street_rank([tag["highway"] for tag in tags])[segments.way],
        forward=segments.first < segments.last,
        out_deg=out_deg,
        in_deg=in_deg,
        start=arc_start,
        to=arc_to,
        sign=standing.kind[nodes],
        way_direction=standing.way_direction[nodes],
    )
    turn_ms = np.empty((len(profiles), arc_to.size), dtype=np.int32)
    inside = np.zeros_like(usable)
    parts: list[NDArray[np.int32]] = []
    part_m: list[NDArray[np.float64]] = []
    for index, profile in enumerate(profiles):
        forbidden = blocks_arc[index] | _banned(restrictions.pairs[index], arc_from, arc_to, head.size)
        turn_ms[index] = turn_costs(
            junctions,
            forbidden,
            usable[index],
            travel_ms[index],
            segments.length_mm,
            figures(profile, driving_side),
        )
        allowed = turn_ms[index] >= 0
        part = _parts(arc_from[allowed], arc_to[allowed], usable[index])
        parts.append(part)
        used = part >= 0
        part_m.append(np.bincount(part[used], weights=segments.length_mm[used] / _MM_PER_M).astype(np.float64))
        inside[index] = _inside(
            usable[index] & segments.inside[index], part, arc_from[allowed], arc_to[allowed], segments.length_mm
        )

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
        way_narrow=np.array([is_narrow(tag) for tag in tags], dtype=np.bool_),
        arc_start=arc_start,
        arc_to=arc_to,
        turn_ms=turn_ms,
        chains=restrictions.chains,
        inside=inside,
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
        restrictions_kept=restrictions.kept,
        restrictions_dropped=restrictions.dropped,
        notes=(),
        overlays=segments.overlays,
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


def _banned(
    pairs: frozenset[tuple[int, int]], arc_from: NDArray[np.int64], arc_to: NDArray[np.int32], segments: int
) -> NDArray[np.bool_]:
    """Which arcs are among the pairs of segments: bool[a]."""
    if not pairs:
        return np.zeros(arc_to.size, dtype=np.bool_)
    keys = np.array([one * segments + other for one, other in pairs], dtype=np.int64)
    return np.isin(arc_from * segments + arc_to, keys)


def _parts(arc_from: NDArray[np.int64], arc_to: NDArray[np.int32], usable: NDArray[np.bool_]) -> NDArray[np.int32]:
    start = np.concatenate(([0], np.cumsum(np.bincount(arc_from, minlength=usable.size))))
    return strong_parts(start.astype(np.int64), arc_to, usable)


def _inside(
    signed: NDArray[np.bool_],
    part: NDArray[np.int32],
    arc_from: NDArray[np.int64],
    arc_to: NDArray[np.int32],
    length_mm: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Add to the streets signed "only to serve something here" those that lie behind them: bool[s].

    A street without a sign that can only be reached through signed ones would be out of reach if the signs were read
    by the letter. So in each part of the network the largest piece that hangs together without signed streets is
    what one may drive through, and everything else in that part is inside.
    """
    if not signed.any():
        return signed
    open_ = (part >= 0) & ~signed
    both = open_[arc_from] & open_[arc_to]
    piece = _parts(arc_from[both], arc_to[both], open_)
    touched = np.isin(part, np.unique(part[signed]))
    among = open_ & touched
    if not among.any():
        return signed
    weight = np.bincount(piece[among], weights=length_mm[among])
    largest: dict[int, int] = {}
    for number in np.unique(piece[among]).tolist():
        home = int(part[np.flatnonzero(piece == number)[0]])
        if home not in largest or weight[number] > weight[largest[home]]:
            largest[home] = number
    return signed | (among & ~np.isin(piece, list(largest.values())))


def _notes(
    extract: OsmExtract, unread: Counter[tuple[str, str]], example: dict[tuple[str, str], int]
) -> tuple[Finding, ...]:
    """One finding for each value that could not be read, with the number of ways that carry it."""
    return tuple(
        Finding(
            file=extract.source,
            message=f"{key} of way {example[key, value]} cannot be read, and {_PASSED[':conditional' in key]} "
            f"({count} ways)",
            value=value,
            expected=_READABLE[":conditional" in key],
        )
        for (key, value), count in sorted(unread.items())
    )
