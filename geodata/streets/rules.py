"""What a street's tags mean for one truck: may it drive here, in which direction, how fast.

Keys and values are those of the OpenStreetMap wiki ("Key:access", "Key:oneway", "Key:maxweight", "Key:smoothness",
"Key:tracktype", "Key:barrier"). Of several access keys the most specific one that says something decides. The
speeds are working figures of this project, for a loaded truck between stops; what turning at a junction costs comes on
top (``turns``). Each table says why. They are meant to be replaced by a city's own measurements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from geodata.streets.conditions import decide
from geodata.streets.profile import ACCESS_CLASSES, TruckProfile
from geodata.streets.tag_values import kph, metres, tonnes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geodata.streets.conditions import Hours

__all__ = [
    "ACCESS_CLASSES",
    "MOTOR_CLASSES",
    "TruckProfile",
    "WayRule",
    "is_narrow",
    "node_blocks",
    "stated_kph",
    "unread_limits",
    "way_rule",
]

# Classes open to motor vehicles unless an access tag says otherwise: (km/h untagged, km/h at most where a sign
# allows it). Untagged streets are mostly urban, where junctions, parked cars and the truck's own weight hold
# it well below a car; a signed rural road is driven faster. Nothing passes 80 km/h, the usual legal limit for
# heavy goods vehicles on open roads.
_MOTOR_KPH: Final = {
    "motorway": (80.0, 80.0), "motorway_link": (45.0, 60.0),
    "trunk": (60.0, 75.0), "trunk_link": (40.0, 55.0),
    "primary": (45.0, 65.0), "primary_link": (35.0, 50.0),
    "secondary": (40.0, 60.0), "secondary_link": (30.0, 45.0),
    "tertiary": (35.0, 50.0), "tertiary_link": (30.0, 40.0),
    "unclassified": (30.0, 45.0), "residential": (25.0, 30.0), "road": (25.0, 30.0),
    "living_street": (10.0, 10.0), "service": (15.0, 20.0), "track": (12.0, 20.0),
}  # fmt: skip
MOTOR_CLASSES: Final = frozenset(_MOTOR_KPH)
# Classes that are closed to motor vehicles unless a tag for vehicles opens them.
_CLOSED_TO_MOTORS_KPH: Final = {
    "pedestrian": 8.0, "footway": 6.0, "path": 6.0, "cycleway": 8.0, "bridleway": 6.0,
}  # fmt: skip
# Where a handcart is pushed; stairs stop it, and motorways are closed to people on foot.
_HANDCART_CLASSES: Final = (MOTOR_CLASSES | {"pedestrian", "footway", "path"}) - {
    "motorway", "motorway_link", "trunk", "trunk_link",
}  # fmt: skip

# A sign's figure is what a driver may reach, not what he averages; the share is a working figure of this project.
_SHARE_OF_SIGN: Final = 0.8
_TOP_KPH: Final = {"compactor": 80.0, "tipper": 80.0, "three_wheeler": 40.0, "handcart": 4.0}

# Manoeuvring among parked cars and over kerbs, km/h at most. An unknown kind of service way keeps the class's speed.
_SERVICE_KPH: Final = {
    "parking_aisle": 8.0, "driveway": 8.0, "alley": 12.0, "drive-through": 6.0, "emergency_access": 8.0,
}  # fmt: skip
# Surface and smoothness, km/h at most: what a loaded truck does without shaking itself and its crew apart.
_SURFACE_KPH: Final = {
    "sett": 25.0, "paving_stones": 30.0, "cobblestone": 20.0, "unhewn_cobblestone": 15.0, "compacted": 35.0,
    "fine_gravel": 30.0, "gravel": 25.0, "pebblestone": 20.0, "unpaved": 20.0, "ground": 15.0, "dirt": 15.0,
    "earth": 15.0, "wood": 15.0, "metal": 25.0, "grass": 8.0, "grass_paver": 12.0, "sand": 8.0, "mud": 5.0,
    "rock": 8.0, "laterite": 20.0,
}  # fmt: skip
_SMOOTHNESS_KPH: Final = {"intermediate": 45.0, "bad": 25.0, "very_bad": 12.0, "horrible": 6.0}
_TRACKTYPE_KPH: Final = {"grade1": 25.0, "grade2": 15.0, "grade3": 12.0, "grade4": 8.0, "grade5": 5.0}
# The wiki's words: "horrible" is for off-road vehicles, "very_horrible" for tractors, "impassable" for none.
# A three-wheeler is light enough to be pushed through what stops a truck; a handcart takes what people can walk on.
_SMOOTHNESS_REFUSED: Final = {
    "compactor": frozenset({"horrible", "very_horrible", "impassable"}),
    "tipper": frozenset({"horrible", "very_horrible", "impassable"}),
    "three_wheeler": frozenset({"very_horrible", "impassable"}),
    "handcart": frozenset({"impassable"}),
}

# Streets whose traffic a crew can cross with a bin: lanes always, quiet streets where they are no wider than two cars
# side by side (2 x 2.55 m, the width of a truck, and some air). This project's reading.
_LANES: Final = frozenset(
    {"living_street", "service", "track", "pedestrian", "footway", "path", "cycleway", "bridleway"}
)
_STREETS_WITHOUT_TRAFFIC: Final = frozenset({"residential", "unclassified", "road"})
_CROSSED_M: Final = 5.5

_ALLOWED: Final = frozenset({
    "yes", "designated", "official", "public", "permissive", "destination", "delivery", "customers", "customer",
    "discouraged", "unknown", "hgv",
})  # fmt: skip
_REFUSED: Final = frozenset({
    "no", "private", "permit", "restricted", "staff", "employees", "residents", "agricultural", "forestry",
    "military", "emergency", "psv", "bus", "taxi", "bicycle", "foot", "use_sidepath", "dismount",
})  # fmt: skip
# Of the allowed values those that let a truck in only to serve something there, not to drive through.
_INSIDE: Final = frozenset({"destination", "delivery", "customers", "customer"})

# What stops every vehicle unless a tag opens it. A gate, a lift gate, a toll booth and the like are open
# unless a tag closes them: most are mapped without saying, and stand open in working hours.
_MOTOR_BARRIERS: Final = frozenset({
    "bollard", "block", "jersey_barrier", "cycle_barrier", "chain", "stile", "turnstile", "kissing_gate",
    "full-height_turnstile", "horse_stile", "motorcycle_barrier", "debris", "log", "fence", "wall", "hedge",
    "guard_rail", "stone", "planter", "rope", "barrier_board", "bus_trap", "sump_buster", "spikes",
    "tank_trap", "chicane", "bar", "yes",
})  # fmt: skip
_HANDCART_BARRIERS: Final = frozenset({
    "stile", "turnstile", "kissing_gate", "full-height_turnstile", "horse_stile", "fence", "wall", "hedge",
    "guard_rail", "debris", "log", "tank_trap", "yes",
})  # fmt: skip
# The lowest bar of a car park's height restrictor that names no height; vans pass below it, trucks do not.
_UNSIGNED_RESTRICTOR_M: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRule:
    """What one profile may do on a way.

    Attributes
    ----------
    forward_kph, backward_kph
        speed along its nodes and against them, 0 where it may not drive.
    inside_only
        it may come in only to serve something there, not to drive through.
    unread
        conditional tags, (key, value), that could not be understood.
    """

    forward_kph: float
    backward_kph: float
    inside_only: bool = False
    unread: tuple[tuple[str, str], ...] = ()


_CLOSED: Final = WayRule(forward_kph=0.0, backward_kph=0.0)


def way_rule(tags: Mapping[str, str], profile: TruckProfile, hours: Hours | None = None) -> WayRule:
    """Judge a way for a profile by its tags, in the hours in which trucks are out (any hour without them)."""
    highway = tags.get("highway", "")
    plain = decide(
        tags,
        profile,
        hours,
        access_keys=_access_keys(profile),
        openness=_openness,
        open_by_class=profile.on_foot or highway in MOTOR_CLASSES,
    )
    rule = _plain_rule(highway, plain.tags, profile)
    return replace(rule, unread=plain.unread) if plain.unread else rule


def _plain_rule(highway: str, tags: Mapping[str, str], profile: TruckProfile) -> WayRule:
    if not _class_open(highway, tags, profile) or not _access_open(tags, profile) or not _fits(tags, profile):
        return _CLOSED
    if tags.get("route") == "ferry" or tags.get("smoothness") in _SMOOTHNESS_REFUSED[profile.access_class]:
        return _CLOSED
    forward, backward = _directions(tags, profile)
    return WayRule(
        forward_kph=_speed(tags, profile, "maxspeed:forward") if forward else 0.0,
        backward_kph=_speed(tags, profile, "maxspeed:backward") if backward else 0.0,
        inside_only=not profile.on_foot and _access(tags, profile) == 1,
    )


def node_blocks(tags: Mapping[str, str], profile: TruckProfile) -> bool:
    """Whether what stands on a node keeps a profile from driving over it."""
    barrier = tags.get("barrier")
    if not _fits(tags, profile):
        return True
    said = _access(tags, profile)
    if said is not None:
        return said == 0
    if barrier is None:
        return False
    if tags.get("locked") == "yes":
        return True
    if barrier == "height_restrictor" and not profile.on_foot and not {"maxheight", "maxheight:physical"} & tags.keys():
        return profile.height_m > _UNSIGNED_RESTRICTOR_M
    return barrier in (_HANDCART_BARRIERS if profile.on_foot else _MOTOR_BARRIERS)


def is_narrow(tags: Mapping[str, str]) -> bool:
    """Whether a crew crosses the street on foot with a bin, so that a truck may halt on either side of it."""
    highway = tags.get("highway", "")
    if highway in _LANES:
        return True
    if highway not in _STREETS_WITHOUT_TRAFFIC:
        return False
    width_m = metres(tags.get("width", ""))
    return (width_m is not None and width_m <= _CROSSED_M) or tags.get("lanes") == "1"


def stated_kph(speed_kph: float, profile: TruckProfile) -> float:
    """Return what a truck drives on a street whose speed is stated: at its own pace, and never faster than its kind."""
    return min(speed_kph * profile.speed_factor, _TOP_KPH[profile.access_class])


def unread_limits(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """Limits whose value says nothing: (key, value), to be reported; the truck is let through."""
    found = [
        (key, tags[key])
        for key, read, _ in _LIMITS
        if key in tags and not _says_none(tags[key]) and read(tags[key]) is None
    ]
    return [(key, value) for key, value in found if value]


def _class_open(highway: str, tags: Mapping[str, str], profile: TruckProfile) -> bool:
    if profile.on_foot:
        return highway in _HANDCART_CLASSES or (
            highway in {"cycleway", "bridleway", "trunk", "trunk_link"} and tags.get("foot") in _ALLOWED
        )
    # The outline of a square or a car park is not a line to drive along.
    if tags.get("area") == "yes":
        return False
    if profile.access_class == "three_wheeler" and (highway.startswith("motorway") or tags.get("motorroad") == "yes"):
        return False
    if highway in _MOTOR_KPH:
        return True
    return highway in _CLOSED_TO_MOTORS_KPH and any(_openness(tags.get(key)) for key in _access_keys(profile)[1:])


def _access_keys(profile: TruckProfile) -> tuple[str, ...]:
    """Access keys that speak of this profile, from the general to the specific. ``motorcar`` speaks of cars alone."""
    if profile.on_foot:
        return ("access", "foot")
    if profile.access_class == "three_wheeler":
        return ("access", "vehicle", "motor_vehicle")
    return ("access", "vehicle", "motor_vehicle", "hgv" if profile.heavy else "goods")


def _access_open(tags: Mapping[str, str], profile: TruckProfile) -> bool:
    return _access(tags, profile) != 0


def _access(tags: Mapping[str, str], profile: TruckProfile) -> int | None:
    """Say what the most specific access tag that says something allows; None where none does."""
    for key in reversed(_access_keys(profile)):
        said = _openness(tags.get(key))
        if said is not None:
            return said
    return None


def _openness(value: str | None) -> int | None:
    """Say what an access value allows: 0 closed, 1 only to serve something there, 2 open; None for nothing."""
    if value is None:
        return None
    parts = {part.strip() for part in value.split(";")}
    if parts & _ALLOWED:
        return 2 if parts & (_ALLOWED - _INSIDE) else 1
    return 0 if parts & _REFUSED else None


def _says_none(value: str) -> bool:
    # "default" is the country's general limit, which ordinary trucks keep.
    return value.strip().lower() in {
        "none",
        "default",
        "unsigned",
        "no_sign",
        "no_indications",
        "unlimited",
        "no",
        "below_default",
    }


_LIMITS: Final[tuple[tuple[str, Callable[[str], float | None], str], ...]] = (
    ("maxweight", tonnes, "weight_t"),
    ("maxweight:hgv", tonnes, "weight_t"),
    ("maxweightrating", tonnes, "weight_t"),
    ("maxweightrating:hgv", tonnes, "weight_t"),
    ("maxheight", metres, "height_m"),
    ("maxheight:physical", metres, "height_m"),
    ("maxwidth", metres, "width_m"),
    ("maxwidth:physical", metres, "width_m"),
    ("width", metres, "width_m"),  # a street narrower than the truck needs no sign
    ("maxlength", metres, "length_m"),
)


def _fits(tags: Mapping[str, str], profile: TruckProfile) -> bool:
    """Whether the truck keeps every limit; one that equals the limit is allowed."""
    for key, read, field in _LIMITS:
        value = tags.get(key)
        if value is None or _says_none(value) or (key.endswith(":hgv") and _access_keys(profile)[-1] != "hgv"):
            continue
        limit = read(value)
        if limit is not None and getattr(profile, field) > limit:
            return False
    return True


def _directions(tags: Mapping[str, str], profile: TruckProfile) -> tuple[bool, bool]:
    """Whether the way may be driven along its nodes, and against them."""
    if profile.on_foot:
        value = tags.get("oneway:foot", "no")
    else:
        keys = [f"oneway:{key}" for key in reversed(_access_keys(profile)[1:])]
        value = next((tags[key] for key in (*keys, "oneway") if key in tags), "")
        if not value and (tags.get("junction") in {"roundabout", "circular"} or tags.get("highway") == "motorway"):
            value = "yes"
    if value in {"yes", "true", "1"}:
        return True, False
    if value in {"-1", "reverse"}:
        return False, True
    # The direction of a reversible street depends on the hour, which these rules do not know.
    return (False, False) if value == "reversible" else (True, True)


def _speed(tags: Mapping[str, str], profile: TruckProfile, direction_key: str) -> float:
    top = _TOP_KPH[profile.access_class]
    if profile.on_foot:
        return top * min(profile.speed_factor, 1.0)
    highway = tags["highway"]
    plain, most = _MOTOR_KPH.get(highway, (_CLOSED_TO_MOTORS_KPH.get(highway, 0.0),) * 2)
    sign_keys = (
        (direction_key, "maxspeed")
        if _access_keys(profile)[-1] != "hgv"
        else ("maxspeed:hgv", direction_key, "maxspeed")
    )
    sign = next((speed for key in sign_keys if (speed := kph(tags.get(key, ""))) is not None), None)
    speed = plain if sign is None else min(most, max(plain, sign * _SHARE_OF_SIGN))
    for table, key in (
        (_SERVICE_KPH, "service"),
        (_SURFACE_KPH, "surface"),
        (_SMOOTHNESS_KPH, "smoothness"),
        (_TRACKTYPE_KPH, "tracktype"),
    ):
        speed = min(speed, table.get(tags.get(key, ""), speed))
    return min(speed * profile.speed_factor, top, sign if sign is not None else top)
