"""Read the numbers that mappers write: ``7.5``, ``3.5 t``, ``12'6"``, ``30 mph``.

The units follow the OpenStreetMap wiki, "Map features/Units": tonnes for weight, metres for size and km/h for
speed where no unit stands. Each function answers None for a text that holds no such number; the caller decides
what that means.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# A city's signs say few different things thousands of times; what strangers write may be anything.
_KNOWN_VALUES: Final = 4096

_NUMBER: Final = r"(\d+(?:[.,]\d+)?)"
_WITH_UNIT: Final = re.compile(rf"{_NUMBER}\s*([a-zA-Z/]*)")
_FEET_INCHES: Final = re.compile(rf"""{_NUMBER}\s*(?:'|ft|feet)\s*(?:{_NUMBER}\s*(?:"|''|in)?)?""")
_INCHES: Final = re.compile(rf"""{_NUMBER}\s*(?:"|''|in)""")

# Exact by definition: the international foot is 0.3048 m, the inch 0.0254 m, the pound 0.45359237 kg, the mile
# 1609.344 m.
_FOOT_M: Final = 0.3048
_INCH_M: Final = 0.0254
_TONNES: Final = {
    "": 1.0, "t": 1.0, "ton": 1.0, "tonne": 1.0, "tonnes": 1.0, "kg": 0.001,
    "st": 0.90718474, "lbs": 0.00045359237, "lb": 0.00045359237,
}  # fmt: skip
_METRES: Final = {"": 1.0, "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "cm": 0.01, "km": 1000.0}
_KPH: Final = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344, "knots": 1.852}

# "walk" means walking pace; mappers who write it as a number mostly write 7 (this project's reading).
_WALK_KPH: Final = 7.0


@lru_cache(maxsize=_KNOWN_VALUES)
def tonnes(text: str) -> float | None:
    """Read a weight in tonnes."""
    return _scaled(text, _TONNES)


@lru_cache(maxsize=_KNOWN_VALUES)
def metres(text: str) -> float | None:
    """Read a length in metres; feet and inches are understood."""
    plain = _scaled(text, _METRES)
    if plain is not None:
        return plain
    compact = text.strip().lower()
    if match := _FEET_INCHES.fullmatch(compact):
        return _number(match.group(1)) * _FOOT_M + (_number(match.group(2)) * _INCH_M if match.group(2) else 0.0)
    if match := _INCHES.fullmatch(compact):
        return _number(match.group(1)) * _INCH_M
    return None


@lru_cache(maxsize=_KNOWN_VALUES)
def kph(text: str) -> float | None:
    """Read a speed in km/h; None also where the sign says that there is no limit."""
    if text.strip().lower() == "walk":
        return _WALK_KPH
    speed = _scaled(text, _KPH)
    return speed or None


def _scaled(text: str, units: dict[str, float]) -> float | None:
    # Where a way carries several signs ("7.5;12"), the strictest is the safe one.
    values: list[float] = []
    for part in text.split(";"):
        match = _WITH_UNIT.fullmatch(part.strip())
        if match is None or match.group(2).lower() not in units:
            return None
        values.append(_number(match.group(1)) * units[match.group(2).lower()])
    return min(values)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
