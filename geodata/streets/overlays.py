"""Overlays: changes to the streets that a city or a driver states, without anybody editing OpenStreetMap.

An overlay says what has changed, where, from when until when, and who says so. Where it was stated does not matter
here: a line of ``overlays.geojson`` and a driver's "could not pass" are the same thing. ``in_force`` decides which
overlays hold in the hours of a service day; ``matching`` finds their streets; ``change`` does to the streets what they
say, before anything is contracted.

An overlay that holds in a part of the hours only is treated as tags with hours are (``conditions``): what forbids
counts for the whole day, what allows does not count. A market is the exception: its street may then still be served,
but not driven through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from geodata.errors import Finding
from geodata.streets.conditions import DAY_S, Held, spans_held
from geodata.streets.profile import ACCESS_CLASSES
from geodata.streets.rules import stated_kph

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import shapely
    from numpy.typing import NDArray

    from geodata.streets.conditions import Hours
    from geodata.streets.network import RoadNetwork
    from geodata.streets.profile import TruckProfile

OverlayKind = Literal["closure", "speed", "oneway", "width", "flooded", "market"]
OverlayDirection = Literal["both", "along", "against"]
OVERLAY_KINDS: Final[tuple[OverlayKind, ...]] = get_args(OverlayKind)
OVERLAY_DIRECTIONS: Final[tuple[OverlayDirection, ...]] = get_args(OverlayDirection)

_MOST_NAMED: Final = 3

# Still water that a class drives through, cm. Our own working figures, held against no publication: a city that knows
# better states the classes of each flood itself (access_classes).
WADING_CM: Final = {"compactor": 50.0, "tipper": 40.0, "three_wheeler": 20.0, "handcart": 30.0}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlay:
    """One change to the streets.

    Attributes
    ----------
    id
        its name, unique among overlays that are used together.
    kind
        ``closure`` nobody passes; ``speed`` trucks drive ``speed_kph``; ``oneway`` vehicles drive in ``direction``
        alone; ``width`` ``width_m`` are left; ``flooded`` by ``depth_cm`` of water; ``market`` no vehicle passes during
        its hours, people on foot do.
    source
        who says so.
    note
        what else there is to say.
    valid_from, expires
        first and last day on which it holds; None for no limit.
    geometry
        a line along the streets, a point near one, or a polygon around several, in degrees; None where ``ways`` says
        it all.
    ways
        OpenStreetMap's ids of the streets that are meant; empty for any. With a geometry both must fit.
    street
        name of the street that is meant; None for any.
    direction
        the direction in which it holds: along the line as it is drawn, or along the ways where there is no line.
    speed_kph, width_m, depth_cm
        the figure that belongs to the kind. Water without a depth stops every vehicle.
    weekdays
        days on which it holds (0 is Monday); None for every day.
    windows
        hours in which it holds, pairs of seconds from midnight that may pass 86,400; empty for the whole day.
    access_classes
        the access classes that it binds; empty for all.
    file, place
        where it was stated, for messages: a file's name, and the place in it.
    """

    id: str
    kind: OverlayKind
    source: str
    note: str | None = None
    valid_from: dt.date | None = None
    expires: dt.date | None = None
    geometry: shapely.Geometry | None = None
    ways: frozenset[int] = frozenset()
    street: str | None = None
    direction: OverlayDirection = "both"
    speed_kph: float | None = None
    width_m: float | None = None
    depth_cm: float | None = None
    weekdays: frozenset[int] | None = None
    windows: tuple[tuple[int, int], ...] = ()
    access_classes: frozenset[str] = frozenset()
    file: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        """Refuse an overlay that does not say what its kind needs.

        Raises
        ------
        ValueError
            With the property at fault.
        """
        for fault, what in faults({item.name: getattr(self, item.name) for item in fields(self)}):
            raise ValueError(f"Overlay {self.id!r}: {what} ({fault}).")

    def binds(self, profile: TruckProfile) -> bool:
        """Whether it concerns a truck at all."""
        return not self.access_classes or profile.access_class in self.access_classes

    def meets(self, other: Overlay) -> bool:
        """Whether there is a day on which both hold at some hour; windows past midnight are taken to meet."""
        for one, two in ((self, other), (other, self)):
            if one.expires and two.valid_from and one.expires < two.valid_from:
                return False
        if self.weekdays and other.weekdays and not self.weekdays & other.weekdays:
            return False
        if not self.windows or not other.windows:
            return True
        return any((a < d and c < b) or max(b, d) > DAY_S for a, b in self.windows for c, d in other.windows)

    def finding(self, message: str, *, at: str = "", value: str | None = None, expected: str | None = None) -> Finding:
        """Return a finding at this overlay; ``at`` names the property, or is ``geometry``."""
        inner = f".{at}" if at == "geometry" else f".properties.{at}" if at else ""
        where = f"{self.place}{inner}" if self.place else at
        return Finding(
            file=self.file or "overlays",
            column=where or None,
            message=f"the overlay {self.id!r} {message}",
            value=value,
            expected=expected,
        )

    def fingerprint(self) -> dict[str, object]:
        """Return everything that it says, as plain values: for hashes, and for keys of what was built with it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "source": self.source,
            "note": self.note,
            "valid_from": None if self.valid_from is None else self.valid_from.isoformat(),
            "expires": None if self.expires is None else self.expires.isoformat(),
            "geometry": None if self.geometry is None else self.geometry.wkb_hex,
            "ways": sorted(self.ways),
            "street": self.street,
            "direction": self.direction,
            "speed_kph": self.speed_kph,
            "width_m": self.width_m,
            "depth_cm": self.depth_cm,
            "weekdays": None if self.weekdays is None else sorted(self.weekdays),
            "windows": self.windows,
            "access_classes": sorted(self.access_classes),
            "file": self.file,
            "place": self.place,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """An overlay that holds in the hours of a day: in all of them, or in a part (``held``)."""

    overlay: Overlay
    held: Held


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """An overlay on the pieces of street that it changes.

    ``pieces`` is int64[m]; ``along`` bool[m], whether a piece's way runs in the overlay's own direction.
    """

    in_force: InForce
    pieces: NDArray[np.int64]
    along: NDArray[np.bool_]
    findings: tuple[Finding, ...] = ()

    def on_segments(self, exists: NDArray[np.bool_], number: NDArray[np.int64]) -> PlacedOverlay:
        """Return it with the numbers of those of its directed segments that exist: bool[2 n], int64[2 n]."""
        directed = np.sort(np.concatenate((2 * self.pieces, 2 * self.pieces + 1)))
        segments = number[directed[exists[directed]]]
        return PlacedOverlay(id=self.in_force.overlay.id, segments=tuple(segments.tolist()), findings=self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOverlay:
    """What a network remembers of an overlay: the directed segments that it concerns, and what is doubtful about it."""

    id: str
    segments: tuple[int, ...]
    findings: tuple[Finding, ...] = ()


def faults(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """List what the values of an overlay's fields lack: the field, and what is wrong; ``geometry`` may be one."""
    kind, geometry, ways = values["kind"], values["geometry"], values["ways"]
    if geometry is None and not ways:
        yield "geometry", "there is neither a geometry nor a way of OpenStreetMap"
    for other, name in (("speed", "speed_kph"), ("width", "width_m")):
        if kind == other and values[name] is None:
            yield name, f"the kind {kind!r} needs {name}"
    if kind == "market" and not values["windows"]:
        yield "windows", "a market needs its hours"
    if kind == "oneway" and values["direction"] == "both":
        yield "direction", "a one-way street needs a direction"
    is_line = geometry is not None and "LineString" in geometry.geom_type
    if values["direction"] != "both" and not is_line and not (ways and geometry is None):
        yield "direction", "a direction is stated, but neither a line nor ways alone give one"
    valid_from, expires = values["valid_from"], values["expires"]
    if valid_from and expires and expires < valid_from:
        yield "expires", f"it expires before it begins to hold on {valid_from.isoformat()}"
    if not values["access_classes"] <= set(ACCESS_CLASSES):
        yield "access_classes", "an access class does not exist"


def in_force(overlays: Iterable[Overlay], service_date: dt.date, hours: Hours | None) -> tuple[InForce, ...]:
    """Return the overlays that hold on a day, in the hours in which trucks are out (at any hour without them).

    Hours that pass midnight reach into the next day, and an overlay that begins then counts.
    """
    found: list[InForce] = []
    for overlay in overlays:
        from_s = -math.inf if overlay.valid_from is None else (overlay.valid_from - service_date).days * DAY_S
        until_s = math.inf if overlay.expires is None else ((overlay.expires - service_date).days + 1) * DAY_S
        days = overlay.weekdays if overlay.weekdays is not None else frozenset(range(7))
        spans = [(days, start, end) for start, end in overlay.windows or ((0, DAY_S),)]
        held = spans_held(spans, hours, from_s=from_s, until_s=until_s)
        if hours is None and not (from_s < DAY_S and until_s > 0):
            held = Held.NEVER
        if held is not Held.NEVER:
            found.append(InForce(overlay=overlay, held=held))
    return tuple(found)


def at_any_time(overlays: Iterable[Overlay]) -> tuple[InForce, ...]:
    """Return all overlays as holding sometimes, to see what they would do whenever they hold."""
    return tuple(InForce(overlay=overlay, held=Held.SOMETIMES) for overlay in overlays)


def expired(overlays: Iterable[Overlay], day: dt.date) -> list[Finding]:
    """Report the overlays that no longer hold on a day."""
    return [
        overlay.finding(
            "has expired and no longer applies",
            at="expires",
            value=overlay.expires.isoformat(),
            expected="a later day, or a file without it",
        )
        for overlay in overlays
        if overlay.expires is not None and overlay.expires < day
    ]


def described(overlays: Iterable[Overlay], network: RoadNetwork) -> list[str]:
    """Say in a sentence each what the overlays do to a network that was built with them."""
    by_id = {overlay.id: overlay for overlay in overlays}
    found: list[str] = []
    for placed in network.overlays:
        overlay = by_id[placed.id]
        segments = np.array(placed.segments, dtype=np.int64)
        once = segments[(network.reverse[segments] < segments) | ~np.isin(network.reverse[segments], segments)]
        if not once.size:
            continue
        metres = float(network.length_mm[once].sum()) / 1000
        names = [name for name in dict.fromkeys(network.street_name(one) for one in once.tolist()) if name]
        streets = ", ".join(names[:_MOST_NAMED]) + (" and others" if len(names) > _MOST_NAMED else "")
        until = f" until {overlay.expires.isoformat()}" if overlay.expires else ""
        found.append(
            f"The overlay {overlay.id!r} ({_what(overlay)}) changes {metres:,.0f} m of "
            f"{streets or 'streets without a name'}{until}; source: {overlay.source}."
        )
    return found


def overlay_notes(overlays: Sequence[Overlay], network: RoadNetwork, day: dt.date) -> list[str]:
    """Say what overlays do to a network of this day, what is doubtful about them, and which have expired."""
    doubts = [finding for placed in network.overlays for finding in placed.findings]
    return [*described(overlays, network), *(str(finding) for finding in (*doubts, *expired(overlays, day)))]


def _what(overlay: Overlay) -> str:
    """Say what an overlay does, in a few words."""
    figures = {
        "speed": (overlay.speed_kph, "km/h"),
        "width": (overlay.width_m, "m"),
        "flooded": (overlay.depth_cm, "cm"),
    }
    value, unit = figures.get(overlay.kind, (None, ""))
    what = overlay.kind if value is None else f"{overlay.kind}, {value:g} {unit}"
    return what if overlay.direction == "both" else f"{what}, {overlay.direction} its direction"


def change(
    placed: Sequence[Placed],
    profiles: Sequence[TruckProfile],
    kph: NDArray[np.float64],
    inside: NDArray[np.bool_],
) -> None:
    """Do to the streets what overlays say, in place.

    Parameters
    ----------
    kph, inside
        float64[p, 2 n] and bool[p, 2 n]: speed, and "only to serve something there", of the n pieces of street, each
        first along its way, then against it.
    """
    # What opens a direction goes first, so that nothing is opened that another overlay closes.
    for one in sorted(placed, key=lambda one: one.in_force.overlay.kind != "oneway"):
        overlay = one.in_force.overlay
        same = 2 * one.pieces + ~one.along
        opposite = 2 * one.pieces + one.along
        wanted = {"both": (same, opposite), "along": (same,), "against": (opposite,)}[overlay.direction]
        for index, profile in enumerate(profiles):
            if not overlay.binds(profile):
                continue
            if overlay.kind == "oneway":
                _one_way(one, kph[index], profile)
                continue
            for directed in wanted:
                _change_one(one.in_force, profile, kph[index], inside[index], directed)


def _change_one(
    one: InForce,
    profile: TruckProfile,
    kph: NDArray[np.float64],
    inside: NDArray[np.bool_],
    directed: NDArray[np.int64],
) -> None:
    overlay = one.overlay
    if overlay.kind == "speed":
        stated = stated_kph(overlay.speed_kph or 0.0, profile)
        now = kph[directed]
        new = np.minimum(now, stated) if one.held is not Held.ALWAYS or profile.on_foot else np.full_like(now, stated)
        kph[directed] = np.where(now > 0, new, 0.0)
    elif overlay.kind == "market" and not profile.on_foot and one.held is Held.SOMETIMES:
        inside[directed] = True
    elif stops(overlay, profile):
        kph[directed] = 0.0


def stops(overlay: Overlay, profile: TruckProfile) -> bool:
    """Whether a truck cannot pass where the overlay holds, in its direction."""
    if overlay.kind == "closure":
        return True
    if overlay.kind == "market":
        return not profile.on_foot
    if overlay.kind == "width":
        return overlay.width_m is not None and profile.width_m > overlay.width_m
    if overlay.kind == "flooded":
        return overlay.depth_cm is None or overlay.depth_cm > WADING_CM[profile.access_class]
    return False


def _one_way(one: Placed, kph: NDArray[np.float64], profile: TruckProfile) -> None:
    """Close one direction, and open the other one where a sign on the map had closed it."""
    if profile.on_foot:
        return
    along = one.along if one.in_force.overlay.direction == "along" else ~one.along
    allowed = 2 * one.pieces + ~along
    barred = 2 * one.pieces + along
    if one.in_force.held is Held.ALWAYS:
        kph[allowed] = np.where(kph[allowed] > 0, kph[allowed], kph[barred])
    kph[barred] = 0.0
