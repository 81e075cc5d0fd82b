"""From the distance that a sensor in the lid measures to how full its container is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from service.ingest.report import Rejected

Shape = Literal["straight", "tapered", "round"]
SHAPES: Final = get_args(Shape)
TAPER: Final = 0.8
"""Width of a tapered bin's bottom over that of its top. Our own figure, of common wheeled bins."""
SLACK: Final = 0.1
"""A distance beyond the empty container's by so much of its depth is still an empty container. Our own figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How a sensor sits in its container.

    Parameters
    ----------
    empty_mm, full_mm
        What it measures when the container is empty, and when it is full.
    offset_mm
        Added to every distance first.
    shape
        ``straight`` walls, ``tapered`` towards the bottom, or a ``round`` body that lies on its side.
    """

    empty_mm: float
    full_mm: float
    offset_mm: float = 0.0
    shape: Shape = "straight"

    def __post_init__(self) -> None:
        if not 0 <= self.full_mm < self.empty_mm:
            raise ValueError(
                f"full_mm is {self.full_mm:g} and empty_mm {self.empty_mm:g}; 0 <= full_mm < empty_mm is expected."
            )

    def fill(self, distance_mm: float) -> float:
        """Return the fill, 0..1.

        Raises
        ------
        Rejected
            If the distance is longer than the container is deep.
        """
        height = (self.empty_mm - distance_mm - self.offset_mm) / (self.empty_mm - self.full_mm)
        if height < -SLACK:
            raise Rejected(
                "distance-out-of-range",
                f"The distance of {distance_mm:g} mm lies beyond the empty container's {self.empty_mm:g} mm.",
            )
        return share_of_volume(min(max(height, 0.0), 1.0), self.shape)


def share_of_volume(height: float, shape: Shape) -> float:
    """Return which share of the volume lies below a share of the height, both 0..1.

    A tapered bin is a frustum of a pyramid, whose volumes grow with the third power of the width; a lying cylinder's
    is the area of a segment of its circle.
    """
    if shape == "tapered":
        return ((TAPER + (1 - TAPER) * height) ** 3 - TAPER**3) / (1 - TAPER**3)
    if shape == "round":
        across = 1 - 2 * height
        return (math.acos(across) - across * math.sqrt(1 - across**2)) / math.pi
    return height
