"""What a street network is worth: what was read, what each profile may use, what was dropped, and where to look.

An engineer who reads the report should be able to believe the network, or know which spot on the map to mend.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import numpy as np
import shapely

from geodata.streets.overlays import described, expired
from geodata.streets.snap import other_kerb
from geodata.streets.turns import REVERSING_LIMIT_M, TURNING_PLACE, signs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.osm import OsmExtract
    from geodata.streets.overlays import Overlay
    from geodata.streets.snap import Places

# Farther than this from its street, a container is worth a look: wider than a front garden.
_FAR_M: Final = 50.0
_BOUNDS_M: Final = (5.0, 10.0, 25.0, _FAR_M, 100.0)
_MOST_LISTED: Final = 20
_MOST_PIECES: Final = 5
_WIDTH: Final = 1000
_COLOURS: Final = {
    "cut off": "#ee7733",
    "long dead end": "#0077bb",
    "container far from its street": "#ccbb44",
    "container without a street": "#cc3311",
    "overlay": "#aa3377",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place to look at on the map. ``kind`` is one of the picture's kinds; ``what`` says more in a sentence."""

    kind: str
    what: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetReport:
    """A report as lines of text and as spots on the map."""

    lines: tuple[str, ...]
    spots: tuple[Spot, ...]


def street_report(
    extract: OsmExtract,
    network: RoadNetwork,
    places: Places,
    *,
    names: Sequence[str],
    profiles: Sequence[Sequence[str]],
    overlays: Sequence[Overlay] = (),
    day: dt.date | None = None,
) -> StreetReport:
    """Report on a network and on containers that were brought to it.

    Parameters
    ----------
    overlays, day
        All overlays of the city, and the day that the network was built for.
    places, names, profiles
        Where the containers were brought by ``snap``, their ids, and the profiles that may come to each.
    """
    lines: list[str] = []
    spots: list[Spot] = []
    lines += _read(extract, network)
    for index, profile in enumerate(network.profiles):
        lines += _profile(extract, network, index)
        cut_off = _cut_off(network, index, profile.name)
        spots += cut_off
        if len(cut_off) < network.part_m[index].size - 1:
            lines += [f"{profile.name}: of the pieces that are cut off, the {len(cut_off)} longest are shown"]
    spots += _long_dead_ends(extract, network)
    lines += _restrictions(network)
    lines += _overlays(network, overlays, day)
    lines += _containers(network, places, profiles)
    spots += _container_spots(places, names)
    spots += _overlay_spots(network, overlays)
    # Several profiles are often cut off at one place; it is shown and counted once.
    first = {(spot.kind, round(spot.lon, 6), round(spot.lat, 6)): spot for spot in reversed(spots)}
    counted = Counter(spot.kind for spot in reversed(first.values()))
    lines += [f"spots to look at: {', '.join(f'{count} {kind}' for kind, count in counted.items()) or 'none'}"]
    return StreetReport(lines=tuple(lines), spots=tuple(reversed(first.values())))


def _read(extract: OsmExtract, network: RoadNetwork) -> list[str]:
    west, south, east, north = extract.bounds
    classes = Counter(tags["highway"] for tags in extract.way_tags)
    return [
        (
            f"{extract.source}: {len(extract.way_tags):,} ways, {extract.node_id.size:,} nodes, "
            f"{len(extract.restrictions)} turn restrictions, {len(extract.node_tags):,} barriers, signals and signs"
        ),
        f"from {west:.5f}, {south:.5f} to {east:.5f}, {north:.5f}; content {extract.content_hash}",
        "classes: " + ", ".join(f"{count:,} {kind}" for kind, count in classes.most_common(12)),
        (
            f"network: {network.tail.size:,} directed segments between {network.node_id.size:,} nodes, "
            f"{network.arc_to.size:,} possible turns, driving on the {network.driving_side}"
        ),
    ]


def _profile(extract: OsmExtract, network: RoadNetwork, index: int) -> list[str]:
    profile = network.profiles[index]
    counted = network.summary()[profile.name]
    usable = network.usable[index]
    inside_km = float(network.length_mm[network.inside[index] & usable].sum()) / 1e6
    source = np.repeat(np.arange(usable.size), np.diff(network.arc_start))
    possible = usable[source] & usable[network.arc_to]
    barred = possible & (network.turn_ms[index] < 0)
    round_ = int((barred & (network.arc_to == network.reverse[source])).sum())
    twin_usable = (network.reverse >= 0) & usable[network.reverse]
    once = usable & (~twin_usable | (np.arange(usable.size) < network.reverse))
    pieces = np.sort(np.bincount(network.part[index][once], network.length_mm[once] / 1e6))[::-1]
    others = ", ".join(f"{km:.1f}" for km in pieces[1 : 1 + _MOST_PIECES])
    total_km = float(network.shape_mm[extract.way_start[1:] - 1].sum()) / 1e6
    return [
        f"{profile.name}: {counted.usable_km:,.1f} of {total_km:,.1f} km usable, {counted.segments:,} segments, "
        f"{counted.largest_part_km:,.1f} km hang together, {counted.parts:,} pieces"
        + (f" (the next of {others} km)" if others else ""),
        (
            f"{profile.name}: {inside_km:,.1f} km of directions only to serve something there; of "
            f"{int(possible.sum()):,} turns {round_:,} that turn round in the street and "
            f"{int(barred.sum()) - round_:,} others are barred, and {len(network.chains[index])} chains of streets"
        ),
    ]


def _cut_off(network: RoadNetwork, index: int, name: str) -> list[Spot]:
    part_m, part = network.part_m[index], network.part[index]
    if not part_m.size:
        return []
    largest = int(part_m.argmax())
    small = [number for number in np.argsort(part_m)[::-1].tolist() if number != largest][:_MOST_LISTED]
    spots = []
    for number in small:
        segment = int(np.flatnonzero(part == number)[0])
        lon, lat = network.coords(segment)[0].tolist()
        what = f"{name}: {part_m[number]:,.0f} m of {network.street_name(segment) or 'a street without a name'}"
        spots.append(Spot(kind="cut off", what=f"{what}, from which no return trip leads", lon=lon, lat=lat))
    return spots


def _long_dead_ends(extract: OsmExtract, network: RoadNetwork) -> list[Spot]:
    """Dead ends too long to reverse out of, on which no turning place is mapped; trucks are taken to turn there."""
    motors = [index for index, profile in enumerate(network.profiles) if not profile.on_foot]
    if not motors:
        return []
    turning = set(extract.node_id[signs(extract).kind == TURNING_PLACE].tolist())
    source = np.repeat(np.arange(network.tail.size), np.diff(network.arc_start))
    turned = network.arc_to == network.reverse[source]
    allowed = (network.turn_ms[motors] >= 0).any(axis=0)
    onward = np.bincount(source[allowed & ~turned], minlength=network.tail.size)
    usable = network.usable[motors].any(axis=0)
    ends = np.flatnonzero(usable & (onward == 0) & (network.length_mm > REVERSING_LIMIT_M * 1000))
    spots = []
    for segment in ends.tolist():
        node = int(network.head[segment])
        if int(network.node_id[node]) not in turning:
            length_m = network.length_mm[segment] / 1000
            name = network.street_name(segment) or "a street without a name"
            what = f"{name}: {length_m:,.0f} m to a dead end without a mapped turning place"
            lon, lat = float(network.node_lon[node]), float(network.node_lat[node])
            spots.append(Spot(kind="long dead end", what=what, lon=lon, lat=lat))
    return spots


def _restrictions(network: RoadNetwork) -> list[str]:
    dropped = network.restrictions_dropped
    lines = [f"turn restrictions: {network.restrictions_kept} kept, {len(dropped)} dropped or doubtful"]
    if any(network.chains):
        lines += ["  those over ways bind between two stops: a stop on the way in between ends them"]
    reasons = Counter(finding.message.partition(" is dropped: ")[2] or "kept, with a doubt" for finding in dropped)
    lines += [f"  {count} x: {reason}" for reason, count in reasons.most_common()]
    lines += [f"  {finding}" for finding in dropped[:_MOST_LISTED]]
    lines += [f"tags that could not be read: {len(network.notes)}"]
    lines += [f"  {finding}" for finding in network.notes[:_MOST_LISTED]]
    return lines


def _overlays(network: RoadNetwork, overlays: Sequence[Overlay], day: dt.date | None) -> list[str]:
    """List the overlays that hold, those that are doubtful or have expired, and count those that wait."""
    held = {placed.id for placed in network.overlays}
    over = expired(overlays, day) if day is not None else []
    waiting = len(overlays) - len(held) - len(over)
    when = f" on {day.isoformat()}" if day is not None else ""
    line = f"overlays: {len(held)} hold{when}, {len(over)} have expired, {waiting} hold at other times"
    doubts = [finding for placed in network.overlays for finding in placed.findings]
    return [line, *(f"  {one}" for one in (*described(overlays, network), *doubts, *over))]


def _overlay_spots(network: RoadNetwork, overlays: Sequence[Overlay]) -> list[Spot]:
    """Give each overlay a spot in the middle of the first street that it changes."""
    by_id = {overlay.id: overlay for overlay in overlays}
    spots = []
    for placed in network.overlays:
        if placed.segments:
            overlay, coords = by_id[placed.id], network.coords(placed.segments[0])
            middle = shapely.line_interpolate_point(shapely.linestrings(coords), 0.5, normalized=True)
            note = f"; {overlay.note}" if overlay.note else ""
            what = f"{overlay.kind} {overlay.id}, {overlay.source}{note}"
            spots.append(Spot(kind="overlay", what=what, lon=middle.x, lat=middle.y))
    return spots


def _containers(network: RoadNetwork, places: Places, profiles: Sequence[Sequence[str]]) -> list[str]:
    there = places.segment >= 0
    edges = np.array([*_BOUNDS_M, np.inf])
    within = np.searchsorted(edges, places.offset_m[there])
    labels = [f"up to {bound:g} m" for bound in _BOUNDS_M] + [f"over {_BOUNDS_M[-1]:g} m"]
    counts = np.bincount(within, minlength=len(labels)).tolist()
    kerb_side = 1 if network.driving_side == "right" else -1
    at_kerb = int((places.side[there] == kerb_side).sum())
    on_line = int((places.side[there] == 0).sum())
    both = int((other_kerb(network, places, profiles=profiles).segment >= 0).sum())
    placed = int(there.sum())
    return [
        f"containers: {placed:,} of {len(places):,} on a usable street",
        "  distance to it: " + ", ".join(f"{count} {label}" for label, count in zip(labels, counts, strict=True)),
        (
            f"  {at_kerb} at the truck's kerb, {placed - at_kerb - on_line} across the street (no truck may come along "
            f"on their side), {on_line} on its middle line; {both} in lanes where either side will do"
        ),
    ]


def _container_spots(places: Places, names: Sequence[str]) -> list[Spot]:
    spots = []
    for at, name in enumerate(names):
        lon, lat = float(places.lon[at]), float(places.lat[at])
        if places.segment[at] < 0:
            what = f"container {name} has no usable street near it"
            spots.append(Spot(kind="container without a street", what=what, lon=lon, lat=lat))
        elif places.offset_m[at] > _FAR_M:
            what = f"container {name} stands {places.offset_m[at]:.0f} m from its street"
            spots.append(Spot(kind="container far from its street", what=what, lon=lon, lat=lat))
    return spots


def report_picture(network: RoadNetwork, report: StreetReport) -> str:
    """Draw the streets in grey and the spots in colour, as SVG; each spot says what it is when pointed at."""
    west, south, east, north = network.bounds
    squeeze = float(np.cos(np.radians((south + north) / 2)))
    scale = _WIDTH / max((east - west) * squeeze, 1e-6)
    height = round(min(max((north - south) * scale, 200), 3 * _WIDTH))

    def placed(coords: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(((coords[:, 0] - west) * squeeze * scale, (north - coords[:, 1]) * scale))

    def path(lines: Iterable[NDArray[np.float64]]) -> str:
        return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed(line)) for line in lines)

    streets = path(line.coords for line in network.to_geojson_lines(tolerance_m=5.0))
    changed = path(network.coords(one) for one in sorted({s for placed in network.overlays for s in placed.segments}))
    dots = []
    for spot in report.spots:
        ((x, y),) = placed(np.array([[spot.lon, spot.lat]])).tolist()
        dots.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_COLOURS[spot.kind]}"><title>{escape(spot.what)}</title>'
            "</circle>"
        )
    legend = "".join(
        f'<circle cx="14" cy="{height + 20 + 22 * row}" r="6" fill="{colour}"/>'
        f'<text x="28" y="{height + 25 + 22 * row}">{escape(kind)}</text>'
        for row, (kind, colour) in enumerate(_COLOURS.items())
    )
    whole = height + 22 * len(_COLOURS) + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {whole}" width="{_WIDTH}" height="{whole}" '
        'font-family="sans-serif" font-size="14"><rect width="100%" height="100%" fill="#fff"/>'
        f'<path d="{streets}" fill="none" stroke="#bbb" stroke-width="0.8"/>'
        f'<path d="{changed}" fill="none" stroke="{_COLOURS["overlay"]}" stroke-width="2.5"/>{"".join(dots)}{legend}'
        f'<text x="{_WIDTH - 8}" y="{whole - 10}" text-anchor="end" fill="#555">© OpenStreetMap contributors</text>'
        "</svg>"
    )
