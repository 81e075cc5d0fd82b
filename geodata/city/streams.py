"""Waste streams and how heavy each is, loose, in a container.

The densities turn litres in a bin into kilograms on a truck. They are those of the U.S. Environmental Protection
Agency, "Volume-to-Weight Conversion Factors" (Office of Resource Conservation and Recovery, April 2016), in the
single-figure form in which its Energy Star Portfolio Manager uses them (pounds per cubic yard, loose). Ferrous metal is
from the agency's earlier list of the same name ("Measuring Recycling", 1997, appendix B: whole cans, 150 lb/yd3).
They describe one country's waste. A city that has weighed its own trucks writes its own figures into the table
``[streams]`` of ``city.toml``: in hot and wet cities residual waste is often twice as heavy as here.
"""

from __future__ import annotations

from dataclasses import dataclass

KG_PER_L_PER_LB_PER_YD3 = 0.45359237 / 764.554857984
"""One pound per cubic yard in kg per litre (both units are exact by definition: 0.45359237 kg, 764.554857984 l)."""

MAX_DENSITY_KG_PER_L = 3.0
"""Above any municipal waste: broken concrete lies near 1.5 kg/l loose, solid rock near 2.7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind of waste that is kept apart from the others.

    ``density_kg_per_l`` is loose, as it lies in a container; ``source`` says where the figure is from.
    """

    name: str
    density_kg_per_l: float
    meaning: str
    source: str


_EPA_2016 = "EPA 2016"


def _epa(name: str, lb_per_yd3: float, meaning: str, material: str, source: str = _EPA_2016) -> Stream:
    density = round(lb_per_yd3 * KG_PER_L_PER_LB_PER_YD3, 4)
    return Stream(
        name=name,
        density_kg_per_l=density,
        meaning=meaning,
        source=f"{source}, {material}, {lb_per_yd3:g} lb/yd3",
    )


STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        _epa("residual", 138, "mixed household and street waste", "trash"),
        _epa("organic", 396, "food and market waste", "food scraps"),
        _epa("garden", 250, "grass, leaves, trimmings", "grass and yard trimmings"),
        _epa("recyclable", 58, "dry recyclables collected together", "mixed recyclables"),
        _epa("glass", 380, "bottles and jars", "glass"),
        _epa("paper", 245, "mixed paper", "mixed paper"),
        _epa("cardboard", 106, "corrugated boxes", "cardboard"),
        _epa("plastic", 40, "bottles, pots, film", "mixed plastics"),
        _epa("metal", 150, "cans and small scrap", "ferrous cans, whole", "EPA 1997"),
        _epa("textile", 150, "clothes and shoes", "textiles"),
        _epa("bulky", 169, "furniture and large pieces", "wood, as most furniture"),
    )
}
"""The streams every city knows; ``city.toml`` may change a density or add a stream."""

DEFAULT_STREAM = "residual"


def streams_with(densities_kg_per_l: dict[str, float]) -> dict[str, Stream]:
    """Add a city's own densities to the built-in streams.

    Parameters
    ----------
    densities_kg_per_l
        Stream name to loose density, as the table ``[streams]`` of ``city.toml`` gives it.

    Returns
    -------
    dict
        Stream name to stream: the built-in ones, those of the city in their place or after them.

    Raises
    ------
    ValueError
        A density is not above 0 and at most ``MAX_DENSITY_KG_PER_L``.
    """
    merged = dict(STREAMS)
    for name, density in densities_kg_per_l.items():
        if not 0 < density <= MAX_DENSITY_KG_PER_L:
            raise ValueError(
                f"Stream {name!r} has a density of {density} kg/l; "
                f"it must be above 0 and at most {MAX_DENSITY_KG_PER_L}."
            )
        meaning = STREAMS[name].meaning if name in STREAMS else "defined by the city"
        merged[name] = Stream(name=name, density_kg_per_l=density, meaning=meaning, source="city.toml")
    return merged
