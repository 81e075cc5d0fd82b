"""What the common sensors say, as data: which field of a decoded message means what, and where it stands in bytes.

Sources: Milesight's EM400 user guide (channel, type and value; distance in mm, position 0 normal and 1 tilted);
Dragino's LDDS75 user manual (battery in mV in the low 14 bits, then the distance in mm; below 280 mm nothing was
measured). A percent sensor says how full the container is.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from service.ingest.report import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a message says."""

    fill: float | None = None
    distance_mm: float | None = None
    battery: float | None = None
    temperature_c: float | None = None
    tilted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One value in a message of bytes: a big or little endian integer times a factor."""

    what: str
    at: int
    length: int
    order: str = "little"
    signed: bool = False
    mask: int = -1
    factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How to read one family of sensors.

    Parameters
    ----------
    fields
        For each value the names it goes by in a decoded message, and what to multiply it with.
    tilt
        Name and value that mean "tilted".
    least_mm
        A shorter distance means that nothing was measured.
    pieces
        Where values stand in the bytes, if they always stand there.
    channels
        (channel, type) -> (what, length, signed, factor), if each value is announced by two bytes.
    """

    fields: Mapping[str, tuple[tuple[str, float], ...]]
    tilt: tuple[str, Any] | None = None
    least_mm: float = 0.0
    pieces: tuple[Piece, ...] = ()
    channels: Mapping[tuple[int, int], tuple[str, int, bool, float]] = field(default_factory=dict)


_PERCENT: Final = (
    ("fill_percent", 0.01),
    ("fill_level", 0.01),
    ("fillLevel", 0.01),
    ("percent", 0.01),
    ("percentCalculated", 0.01),
    ("fill", 1.0),
)
_BATTERY: Final = (("battery", 1.0), ("battery_percent", 1.0))
_TEMPERATURE: Final = (("temperature", 1.0), ("temperature_c", 1.0), ("TempC_DS18B20", 1.0))
_DISTANCE: Final = (("distance", 1.0), ("distance_mm", 1.0), ("Distance", 1.0))

CODECS: Final[Mapping[str, Codec]] = {
    "milesight-em400": Codec(
        fields={"distance_mm": (("distance", 1.0),), "battery": _BATTERY, "temperature_c": _TEMPERATURE},
        tilt=("position", "tilt"),
        channels={
            (0x01, 0x75): ("battery", 1, False, 1.0),
            (0x03, 0x67): ("temperature_c", 2, True, 0.1),
            (0x04, 0x82): ("distance_mm", 2, False, 1.0),
            (0x05, 0x00): ("tilted", 1, False, 1.0),
        },
    ),
    "percent": Codec(
        fields={"fill": _PERCENT, "battery": _BATTERY, "temperature_c": _TEMPERATURE},
        tilt=("tilted", True),
        pieces=(Piece(what="fill", at=0, length=1, factor=0.01),),
    ),
    "dragino-ldds": Codec(
        fields={"distance_mm": (("Distance", 1.0), ("distance", 1.0)), "temperature_c": (("TempC_DS18B20", 1.0),)},
        least_mm=280,
        pieces=(
            Piece(what="distance_mm", at=2, length=2, order="big"),
            Piece(what="temperature_c", at=5, length=2, order="big", signed=True, factor=0.1),
        ),
    ),
}
ANY: Final = Codec(
    fields={"fill": _PERCENT, "distance_mm": _DISTANCE, "battery": _BATTERY, "temperature_c": _TEMPERATURE},
    tilt=("position", "tilt"),
)
"""For devices without a codec whose network server decodes: the usual names."""
_DIGITS: Final = 6
_NUMBER: Final = re.compile(r"\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*(?:mm|%|°?C)?\s*")


def decode(name: str | None, values: Mapping[str, Any] | None, payload: bytes | None) -> Decoded:
    """Read a message: what the network server decoded, else its bytes.

    Raises
    ------
    Rejected
        If it says neither a fill nor a distance, or one that cannot be.
    """
    codec = ANY if name is None else CODECS[name]
    if values:
        found = _from_values(codec, values)
    elif payload:
        found = _from_bytes(codec, payload)
    else:
        raise Rejected("no-payload", "The message carries no values: neither decoded ones nor bytes.")
    return _checked(codec, found)


def _from_values(codec: Codec, values: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for what, names in codec.fields.items():
        for name, factor in names:
            if values.get(name) is not None:
                found[what] = _number(name, values[name]) * factor
                break
    if codec.tilt is not None:
        name, tilted = codec.tilt
        said = values.get(name)
        found["tilted"] = float(said == tilted and type(said) is type(tilted))
    return found


def _number(name: str, value: Any) -> float:
    if isinstance(value, str) and (written := _NUMBER.fullmatch(value)):
        return float(written[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9 or math.isnan(value):  # noqa: PLR2004 - no sensor's
        raise Rejected("bad-value", f"{name} is no number that a sensor could say.")
    return float(value)


def _from_bytes(codec: Codec, payload: bytes) -> dict[str, float]:
    found: dict[str, float] = {}
    for piece in codec.pieces:
        part = payload[piece.at : piece.at + piece.length]
        if len(part) == piece.length:
            number = int.from_bytes(part, "big" if piece.order == "big" else "little", signed=piece.signed)
            found[piece.what] = round((number & piece.mask) * piece.factor, _DIGITS)
    at = 0
    while codec.channels and at + 2 <= len(payload):
        meaning = codec.channels.get((payload[at], payload[at + 1]))
        if meaning is None:
            break  # what follows an unknown channel has an unknown length
        what, length, signed, factor = meaning
        part = payload[at + 2 : at + 2 + length]
        if len(part) < length:
            raise Rejected("bad-payload", "The message's bytes end in the middle of a value.")
        found[what] = round(int.from_bytes(part, "little", signed=signed) * factor, _DIGITS)
        at += 2 + length
    return found


def _checked(codec: Codec, found: dict[str, float]) -> Decoded:
    fill, distance_mm = found.get("fill"), found.get("distance_mm")
    if fill is None and distance_mm is None:
        raise Rejected("no-value", "The message says neither a fill nor a distance.")
    if fill is not None and not 0 <= fill <= 1:
        raise Rejected("fill-out-of-range", f"The message says a fill of {fill * 100:g} %; 0 to 100 % is expected.")
    if distance_mm is not None and distance_mm < codec.least_mm:
        raise Rejected("nothing-measured", f"A distance of {distance_mm:g} mm means that the sensor measured nothing.")
    battery = found.get("battery")
    return Decoded(
        fill=fill,
        distance_mm=distance_mm,
        battery=battery if battery is not None and 0 <= battery <= 100 else None,  # noqa: PLR2004 - percent
        temperature_c=found.get("temperature_c"),
        tilted=bool(found.get("tilted")),
    )
