"""What a driver is told on the way: manoeuvres as data, and the phrases for them in English and Khmer.

An instruction names no language: a manoeuvre, a street, metres and a bearing. ``phrase`` puts it into words; a further
language is one more table. Street names are shown as they stand on the signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from geodata.streets.legs import Leg
    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places

Maneuver = Literal[
    "depart", "continue", "slight_left", "left", "sharp_left", "slight_right", "right", "sharp_right", "turn_round",
    "arrive",
]  # fmt: skip

# Up to the first angle one drives straight on; up to the others the turn is slight, plain, or sharp. Degrees.
_STRAIGHT_DEG: Final = 25.0
_SLIGHT_DEG: Final = 50.0
_PLAIN_DEG: Final = 120.0

PHRASES: Final[dict[str, dict[str, str]]] = {
    "en": {
        "depart": "Set off", "continue": "Go straight on", "slight_left": "Bear left", "left": "Turn left",
        "sharp_left": "Turn sharp left", "slight_right": "Bear right", "right": "Turn right",
        "sharp_right": "Turn sharp right", "turn_round": "Turn round", "arrive": "Stop here",
        "onto": "{phrase} onto {street}", "for": "{phrase}, {distance}", "m": "{metres} m", "km": "{km} km",
    },
    "km": {
        "depart": "ចេញដំណើរ", "continue": "ទៅត្រង់", "slight_left": "បត់ឆ្វេងបន្តិច", "left": "បត់ឆ្វេង",
        "sharp_left": "បត់ឆ្វេងខ្លាំង", "slight_right": "បត់ស្តាំបន្តិច", "right": "បត់ស្តាំ",
        "sharp_right": "បត់ស្តាំខ្លាំង", "turn_round": "បត់ត្រឡប់ក្រោយ", "arrive": "ឈប់នៅទីនេះ",
        "onto": "{phrase} ចូល {street}", "for": "{phrase} {distance}", "m": "{metres} ម៉ែត្រ", "km": "{km} គីឡូម៉ែត្រ",
    },
}  # fmt: skip
_METRES_A_KM: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One thing to do on a leg.

    Attributes
    ----------
    maneuver
        what to do; "depart" first, "arrive" last.
    street
        the name of the street that one is on afterwards; empty where it has none.
    distance_m
        how far one drives until the next instruction; the distances of a leg add up to its own within rounding.
    bearing_deg
        which way one drives afterwards, clockwise from north, 0 to 359.
    lon, lat
        where it is done.
    """

    maneuver: Maneuver
    street: str
    distance_m: int
    bearing_deg: int
    lon: float
    lat: float


def instructions(network: RoadNetwork, places: Places, i: int, j: int, leg: Leg) -> tuple[Instruction, ...]:
    """Tell what a driver does on the leg from place ``i`` to place ``j``.

    Where the street has no fork and keeps its name, nothing is said, however it bends.
    """
    from geodata.streets.turns import bearings  # noqa: PLC0415 - compiled code; a server that starts needs the phrases

    path = leg.segments.astype(np.int64)
    out_deg, in_deg = bearings(
        network.first[path], network.last[path], network.shape_lon, network.shape_lat, network.shape_mm
    )
    driven_mm = network.length_mm[path].astype(np.int64)
    driven_mm[-1] = places.along_of(j, int(path[-1]))
    driven_mm[0] -= places.along_of(i, int(path[0]))
    said: list[tuple[Maneuver, int]] = [("depart", 0)]
    for at in range(1, path.size):
        before, after = int(path[at - 1]), int(path[at])
        angle = float((out_deg[at] - in_deg[at - 1] + 540.0) % 360.0 - 180.0)
        maneuver = _maneuver(angle, turned_round=after == network.reverse[before])
        renamed = network.street_name(before) != network.street_name(after)
        if maneuver == "turn_round" or renamed or (maneuver != "continue" and _forks(network, before)):
            said.append((maneuver, at))
    found: list[Instruction] = []
    for number, (maneuver, at) in enumerate(said):
        until = said[number + 1][1] if number + 1 < len(said) else path.size
        lon, lat = network.coords(int(path[at]))[0].tolist() if at else leg.coords[0].tolist()
        found.append(
            Instruction(
                maneuver=maneuver,
                street=network.street_name(int(path[at])),
                distance_m=round(float(driven_mm[at:until].sum()) / 1000),
                bearing_deg=round(float(out_deg[at])) % 360,
                lon=lon,
                lat=lat,
            )
        )
    lon, lat = leg.coords[-1].tolist()
    last = network.street_name(int(path[-1]))
    bearing = round(float(in_deg[-1])) % 360
    found.append(Instruction(maneuver="arrive", street=last, distance_m=0, bearing_deg=bearing, lon=lon, lat=lat))
    return tuple(found)


def phrase(instruction: Instruction, language: str) -> str:
    """Put an instruction into words.

    Raises
    ------
    KeyError
        There are no phrases in this language.
    """
    table = PHRASES[language]
    words = table[instruction.maneuver]
    if instruction.maneuver == "arrive":
        return words
    if instruction.street:
        words = table["onto"].format(phrase=words, street=instruction.street)
    metres = instruction.distance_m
    if metres < _METRES_A_KM:
        distance = table["m"].format(metres=metres)
    else:
        distance = table["km"].format(km=f"{metres / _METRES_A_KM:.1f}")
    return table["for"].format(phrase=words, distance=distance)


def _forks(network: RoadNetwork, segment: int) -> bool:
    """Whether there is more than one way on, turning round aside."""
    following = network.arc_to[network.arc_start[segment] : network.arc_start[segment + 1]]
    return int((following != network.reverse[segment]).sum()) > 1


def _maneuver(angle: float, *, turned_round: bool) -> Maneuver:
    if turned_round:
        return "turn_round"
    size = abs(angle)
    if size <= _STRAIGHT_DEG:
        return "continue"
    if size <= _SLIGHT_DEG:
        return "slight_right" if angle > 0 else "slight_left"
    if size <= _PLAIN_DEG:
        return "right" if angle > 0 else "left"
    return "sharp_right" if angle > 0 else "sharp_left"
