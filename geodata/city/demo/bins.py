"""Puts the demo city's containers along its streets, as rows of ``containers.csv``, and its zones around them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from geodata.city.demo.layout import Layout, Piece, chance, lonlat

if TYPE_CHECKING:
    import numpy as np

Row = dict[str, str]

DENSITY_KG_PER_L = {"residual": 0.18, "organic": 0.3, "recyclable": 0.05}
"""Written into the demo's ``city.toml``: wetter and heavier than the built-in figures, as waste in the tropics is."""

MARKET_WINDOW = "03:30-06:00"
KG_PER_PERSON_DAY = 0.5
KERB_M = 4.0
"""Bins stand this far from the middle of the street."""

_SHARES = (("market", 0.08), ("hotel", 0.12), ("lane", 0.15), ("recyclable", 0.10))


def place_bins(layout: Layout, count: int, rng: np.random.Generator) -> list[Row]:
    """Place containers along the streets.

    Parameters
    ----------
    layout
        The streets.
    count
        How many containers, 50 to 10,000.
    rng
        Decides where each stands and how full it is.

    Returns
    -------
    list of dict
        ``count`` rows for ``containers.csv``, numbered from B00001.
    """
    pieces = layout.pieces()
    radius = max(260.0, 0.03 * layout.size_m)
    near_market = [
        piece for piece in pieces if piece.kind != "lane" and math.dist(_middle(layout, piece), layout.market) < radius
    ]
    streets = [piece for piece in pieces if piece.kind in {"residential", "tertiary", "secondary"}]
    main = [piece for piece in pieces if piece.kind in {"tertiary", "secondary"}]
    lanes = [piece for piece in pieces if piece.kind == "lane"]
    counts = {kind: max(3, round(share * count)) for kind, share in _SHARES}
    rows: list[Row] = []
    rows += [_market(layout, piece, rng) for piece in _choose(layout, near_market, counts["market"], rng)]
    hotels = _choose(layout, near_market + main, (counts["hotel"] + 1) // 2, rng)
    rows += [row for number, piece in enumerate(hotels, start=1) for row in _hotel(layout, piece, number, rng)]
    rows += [_lane(layout, piece, rng) for piece in _choose(layout, lanes, counts["lane"], rng)]
    rows += [_recyclable(layout, piece, rng) for piece in _choose(layout, main, counts["recyclable"], rng)]
    rows += [_street(layout, piece, rng) for piece in _choose(layout, streets, max(0, count - len(rows)), rng)]
    return [{"id": f"B{number:05d}", **row} for number, row in enumerate(_apart(rows[:count]), start=1)]


def kg_per_day(row: Row) -> float:
    """Return what a container receives on a typical day, in kg."""
    return float(row["fill_rate_l_per_day"]) * DENSITY_KG_PER_L[row["stream"]]


def divide_into_zones(
    layout: Layout, rows: list[Row], rng: np.random.Generator
) -> list[tuple[Row, list[list[list[float]]]]]:
    """Divide the city into zones whose waste lies for the most part in its containers.

    Returns
    -------
    list
        Pairs of properties, as texts, and the rings of a polygon in degrees; the zones fill the city without overlap.
    """
    per_side = max(2, min(8, round(2 * layout.size_m / 3200.0)))
    half = layout.size_m / 2 + 250.0
    step = 2 * half / per_side
    corners = [
        [
            lonlat(
                -half + column * step + _wobble(column, per_side, rng), -half + row * step + _wobble(row, per_side, rng)
            )
            for row in range(per_side + 1)
        ]
        for column in range(per_side + 1)
    ]
    zones: list[tuple[Row, list[list[list[float]]]]] = []
    for row in range(per_side):
        for column in range(per_side):
            ring = [
                corners[column][row],
                corners[column + 1][row],
                corners[column + 1][row + 1],
                corners[column][row + 1],
            ]
            held = sum(kg_per_day(bin_row) for bin_row in rows if _inside(bin_row, ring))
            number = len(zones) + 1
            # Rounded to ten people: nobody counts a town more exactly.
            people = 10 * round(held * float(rng.uniform(1.02, 1.2)) / KG_PER_PERSON_DAY / 10)
            properties = {
                "id": f"Z{number}",
                "name": f"Sangkat {number}",
                "people": str(people),
                "kg_per_person_day": f"{KG_PER_PERSON_DAY:g}",
                "contractor": f"Contractor {'AB'[number % 2]}",
                "stream": "residual",
            }
            closed = [[round(lon, 7), round(lat, 7)] for lon, lat in (*ring, ring[0])]
            zones.append((properties, [closed]))
    return zones


def _apart(rows: list[Row]) -> list[Row]:
    """Move bins a metre to the north where one of another stop stands on the very spot, as happens among thousands."""
    taken: dict[tuple[str, str], str] = {}
    moved: list[Row] = []
    for number, row in enumerate(rows):
        stop = row.get("stop_id", f"alone {number}")
        place = row
        while taken.setdefault((place["lon"], place["lat"]), stop) != stop:
            place = {**place, "lat": f"{float(place['lat']) + 0.00001:.7f}"}
        moved.append(place)
    return moved


def _wobble(index: int, last: int, rng: np.random.Generator) -> float:
    # The outer border is straight, so that no bin near it falls outside every zone.
    return float(rng.uniform(-80, 80)) if 0 < index < last else 0.0


def _inside(row: Row, ring: list[tuple[float, float]]) -> bool:
    x, y = float(row["lon"]), float(row["lat"])
    inside = False
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            inside = not inside
    return inside


def _middle(layout: Layout, piece: Piece) -> tuple[float, float]:
    (ax, ay), (bx, by) = layout.points[piece.a], layout.points[piece.b]
    return (ax + bx) / 2, (ay + by) / 2


def _choose(layout: Layout, pieces: list[Piece], count: int, rng: np.random.Generator) -> list[Piece]:
    """Draw pieces by their length, the same one possibly several times."""
    if count == 0:
        return []
    lengths = [math.dist(layout.points[piece.a], layout.points[piece.b]) for piece in pieces]
    total = sum(lengths)
    drawn = rng.choice(len(pieces), size=count, p=[length / total for length in lengths])
    return [pieces[int(index)] for index in drawn]


def _place(layout: Layout, piece: Piece, rng: np.random.Generator) -> Row:
    (ax, ay), (bx, by) = layout.points[piece.a], layout.points[piece.b]
    share = float(rng.uniform(0.1, 0.9))
    side = 1.0 if chance(rng, 0.5) else -1.0
    length = math.dist((ax, ay), (bx, by))
    lon, lat = lonlat(
        ax + share * (bx - ax) + side * KERB_M * (by - ay) / length,
        ay + share * (by - ay) - side * KERB_M * (bx - ax) / length,
    )
    return {"lon": f"{lon:.7f}", "lat": f"{lat:.7f}", "street": piece.name}


def _amounts(volume_l: int, low: float, high: float, rng: np.random.Generator) -> Row:
    """Say how much is in it: a daily rate for all, a reading for those with a sensor."""
    share = float(rng.uniform(low, high))
    amounts = {"volume_l": str(volume_l), "fill_rate_l_per_day": str(round(volume_l * share))}
    if chance(rng, 0.3):
        amounts["fill"] = f"{min(1.0, max(0.05, share + float(rng.uniform(-0.15, 0.15)))):.2f}"
        amounts["sensor_id"] = f"demo-{int(rng.integers(16**8)):08x}"
    return amounts


def _volume(options: tuple[int, ...], rng: np.random.Generator) -> int:
    return int(rng.choice(options))


def _market(layout: Layout, piece: Piece, rng: np.random.Generator) -> Row:
    stream = "organic" if chance(rng, 0.6) else "residual"
    return {
        **_place(layout, piece, rng),
        **_amounts(1100, 0.6, 0.95, rng),
        "stream": stream,
        "windows": MARKET_WINDOW,
        "service_s": "60",
    }


def _hotel(layout: Layout, piece: Piece, number: int, rng: np.random.Generator) -> list[Row]:
    """Stand food waste and the rest side by side, at one stop."""
    place = {**_place(layout, piece, rng), "stop_id": f"H{number:04d}"}
    return [
        {**place, **_amounts(240, 0.5, 0.9, rng), "stream": "organic", "service_s": "30"},
        {**place, **_amounts(660, 0.4, 0.8, rng), "stream": "residual"},
    ]


def _lane(layout: Layout, piece: Piece, rng: np.random.Generator) -> Row:
    return {
        **_place(layout, piece, rng),
        **_amounts(_volume((120, 240), rng), 0.4, 0.9, rng),
        "stream": "residual",
        "access_class": "three_wheeler",
        "service_s": "25",
    }


def _recyclable(layout: Layout, piece: Piece, rng: np.random.Generator) -> Row:
    row = {**_place(layout, piece, rng), **_amounts(660, 0.3, 0.6, rng), "stream": "recyclable"}
    if chance(rng, 0.5):
        row["schedule"] = "mon,thu" if chance(rng, 0.5) else "tue,fri"
    else:
        row["prize"] = f"{float(rng.uniform(0.5, 4.0)):.2f}"
    return row


def _street(layout: Layout, piece: Piece, rng: np.random.Generator) -> Row:
    return {
        **_place(layout, piece, rng),
        **_amounts(_volume((240, 660, 660, 1100), rng), 0.3, 0.85, rng),
        "stream": "residual",
    }
