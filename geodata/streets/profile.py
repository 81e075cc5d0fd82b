"""A kind of truck, as far as streets are concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# From the largest to the smallest. All but the handcart are motor vehicles.
ACCESS_CLASSES: Final = ("compactor", "tipper", "three_wheeler", "handcart")
# The threshold between "goods" and "hgv" (OpenStreetMap wiki, "Key:hgv"): 3.5 tonnes of permitted weight.
HGV_ABOVE_T: Final = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TruckProfile:
    """A kind of truck, as far as streets are concerned.

    Attributes
    ----------
    name
        the profile's name; unique in a network.
    access_class
        one of ``ACCESS_CLASSES``.
    width_m, height_m, length_m
        outer size in metres.
    weight_t
        largest weight with its load, tonnes.
    speed_factor
        its pace relative to the tables, above 0; limits by law are never passed.

    Raises
    ------
    ValueError
        An access class that does not exist, or a number that is not above 0.
    """

    name: str
    access_class: str
    width_m: float
    height_m: float
    length_m: float
    weight_t: float
    speed_factor: float = 1.0

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("A truck profile needs a name, but its name is empty.")
        if self.access_class not in ACCESS_CLASSES:
            raise ValueError(
                f"Truck profile {self.name!r} has access class {self.access_class!r}; "
                f"it must be one of {', '.join(ACCESS_CLASSES)}."
            )
        for field in ("width_m", "height_m", "length_m", "weight_t", "speed_factor"):
            value = getattr(self, field)
            if not 0 < value < float("inf"):
                raise ValueError(f"Truck profile {self.name!r} has {field} {value!r}; it must be a number above 0.")

    @property
    def on_foot(self) -> bool:
        """Whether people push it."""
        return self.access_class == "handcart"

    @property
    def heavy(self) -> bool:
        """Whether signs for heavy goods vehicles speak of it."""
        return not self.on_foot and self.access_class != "three_wheeler" and self.weight_t > HGV_ABOVE_T
