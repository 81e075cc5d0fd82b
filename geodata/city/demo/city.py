"""The built-in demo city: synthetic, made from a seed, and said to be synthetic wherever its name stands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geodata.city.columns import CONTAINERS, DEPOTS, DISPOSAL_SITES, SHIFTS, VEHICLES
from geodata.city.demo.bins import DENSITY_KG_PER_L, divide_into_zones, place_bins
from geodata.city.demo.fleet import mixed_fleet
from geodata.city.demo.layout import RIVER_HALF_WIDTH_M, Layout, Piece, lay_out, lonlat, street_tags
from geodata.city.demo.osm_xml import OsmDrawing
from geodata.city.tables import write_csv
from geodata.city.templates import city_toml, column_names, write_zones

if TYPE_CHECKING:
    from pathlib import Path

DEMO_NAME = "Samram demo city (synthetic)"
ATTRIBUTION = "Synthetic city drawn by Samram; no real place"
MIN_CONTAINERS, MAX_CONTAINERS = 50, 10_000
SIDE_OF_300_M = 3_200.0
"""300 containers fill a town of about 10 km²; larger ones keep that density."""

Row = dict[str, str]


def write_demo_city(directory: Path, *, containers: int = 300, seed: int = 1) -> Path:
    """Write the demo city as a dataset that ``load_city`` reads.

    Parameters
    ----------
    directory
        Folder to write into; it is created, files of the same names are replaced.
    containers
        How many containers, 50 to 10,000; the town and its fleet grow with them.
    seed
        Decides everything that is irregular; the same seed writes the same bytes.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        The number of containers is out of bounds.
    """
    if not MIN_CONTAINERS <= containers <= MAX_CONTAINERS:
        raise ValueError(
            f"The demo city has {MIN_CONTAINERS} to {MAX_CONTAINERS:,} containers, but {containers} were asked for."
        )
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    size_m = max(1_300.0, SIDE_OF_300_M * math.sqrt(containers / 300))
    layout = lay_out(size_m, rng)
    bins = place_bins(layout, containers, rng)
    zones = divide_into_zones(layout, bins, rng)
    depots = _depots(layout, containers)
    vehicles, shifts = mixed_fleet(
        compactors=max(2, round(containers / 100)),
        tippers=max(1, round(containers / 150)),
        three_wheelers=max(1, round(containers / 150)),
        depots=[row["id"] for row in depots],
    )
    _draw(layout, bins).write(directory / "streets.osm")
    (directory / "city.toml").write_text(
        city_toml(
            {
                "name": DEMO_NAME,
                "timezone": "Asia/Phnom_Penh",
                "currency": "USD",
                "driving_side": "right",
                "attribution": ATTRIBUTION,
            },
            defaults={"service_s": "30", "setup_s": "25"},
            streams=DENSITY_KG_PER_L,
        ),
        encoding="utf-8",
    )
    for table, rows in (
        (CONTAINERS, bins),
        (DEPOTS, depots),
        (DISPOSAL_SITES, _disposal_sites(layout, containers)),
        (VEHICLES, vehicles),
        (SHIFTS, shifts),
    ):
        write_csv(directory / f"{table.stem}.csv", column_names(table), rows)
    write_zones(directory / "zones.geojson", zones)
    return directory


def _near(layout: Layout, x: float, y: float) -> Row:
    """Return a position beside the street piece nearest to a point, on a street that every truck may use."""
    pieces = [piece for piece in layout.pieces() if piece.kind in {"residential", "tertiary", "secondary"}]

    def away(piece: Piece) -> float:
        (ax, ay), (bx, by) = layout.points[piece.a], layout.points[piece.b]
        return math.dist(((ax + bx) / 2, (ay + by) / 2), (x, y))

    piece = min(pieces, key=away)
    (ax, ay), (bx, by) = layout.points[piece.a], layout.points[piece.b]
    lon, lat = lonlat((ax + bx) / 2 + 8.0, (ay + by) / 2 + 8.0)
    return {"lon": f"{lon:.7f}", "lat": f"{lat:.7f}"}


def _depots(layout: Layout, containers: int) -> list[Row]:
    count = 1 + containers // 3_000
    places = [(0.30, 0.20), (-0.34, -0.28), (0.33, -0.33), (-0.36, 0.34)]
    size = layout.size_m
    return [
        {"id": f"D{number + 1}", **_near(layout, x * size, y * size)} for number, (x, y) in enumerate(places[:count])
    ]


def _disposal_sites(layout: Layout, containers: int) -> list[Row]:
    size = layout.size_m
    lon, lat = lonlat(*layout.points[layout.landfill])
    sites = [
        {"id": "Landfill", "lon": f"{lon:.7f}", "lat": f"{lat:.7f}", "windows": "04:00-20:00", "unloading_s": "900",
         "gate_fee_per_t": "4"},
        {"id": "Composting yard", **_near(layout, 0.42 * size, 0.30 * size), "windows": "04:00-16:00",
         "unloading_s": "600", "streams": "organic", "gate_fee_per_t": "2"},
        {"id": "Sorting yard", **_near(layout, 0.38 * size, -0.10 * size), "windows": "05:00-17:00",
         "unloading_s": "600", "streams": "recyclable", "gate_fee_per_t": "0"},
    ]  # fmt: skip
    places = [(0.22, 0.34), (-0.30, 0.05), (0.10, -0.40), (-0.38, -0.38), (0.40, 0.02), (0.0, 0.42)]
    # A transfer point close by spares small vehicles the way to the landfill, at a higher fee.
    for number, (x, y) in enumerate(places[: 1 + containers // 1_500], start=1):
        sites.append({
            "id": f"Transfer point {number}", **_near(layout, x * size, y * size), "windows": "05:00-17:00",
            "unloading_s": "480", "streams": "organic,residual", "gate_fee_per_t": "11",
        })  # fmt: skip
    return sites


def _draw(layout: Layout, bins: list[Row]) -> OsmDrawing:
    drawing = OsmDrawing()
    ids = [drawing.node(*lonlat(x, y)) for x, y in layout.points]
    trunk_points = {point for piece in layout.pieces() if piece.kind == "trunk" for point in (piece.a, piece.b)}
    crossings = trunk_points & {
        point for piece in layout.pieces() if piece.kind == "tertiary" for point in (piece.a, piece.b)
    }
    ways: list[tuple[int, list[Piece]]] = []
    for line in layout.lines:
        for run in _runs(line, crossings):
            nodes = [ids[run[0].a], *(ids[piece.b] for piece in run)]
            ways.append((drawing.way(nodes, street_tags(run[0])), run))
    _restrict(drawing, ids, ways, crossings)
    river = [drawing.node(*lonlat(x, y)) for x, y in layout.river]
    drawing.way(river, {"waterway": "river", "name": "River"})
    for row in bins[:: max(1, len(bins) // 12)]:
        tags = {"amenity": "recycling", "recycling_type": "container", "recycling:plastic": "yes"}
        if row["stream"] != "recyclable":
            tags = {"amenity": "waste_disposal"}
        drawing.node(float(row["lon"]), float(row["lat"]), tags)
    drawing.node(*lonlat(*layout.points[layout.landfill]), {"landuse": "landfill", "name": "Landfill"})
    _draw_scenery(drawing, layout)
    return drawing


def _draw_scenery(drawing: OsmDrawing, layout: Layout) -> None:
    """Draw what is on a map and no street: the river's water, parks, and the names of places."""
    half = 0.7 * RIVER_HALF_WIDTH_M  # the streets along it keep clear of the water
    banks = [(x - half, y) for x, y in layout.river] + [(x + half, y) for x, y in reversed(layout.river)]
    _draw_area(drawing, banks, {"natural": "water", "water": "river"})
    (market_x, market_y), size = layout.market, layout.size_m
    park_x = layout.river_x(0.1 * size) + RIVER_HALF_WIDTH_M
    for x, y, width, height in ((park_x, 0.06 * size, 90.0, 260.0), (0.3 * size, -0.3 * size, 120.0, 120.0)):
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        _draw_area(drawing, corners, {"leisure": "park", "name": "សួនច្បារ", "name:en": "Park"})
    for x, y, kind, name, english in (
        (0.0, 0.0, "town", "ក្រុងគំរូ", "Model town"),
        (0.0, 0.3 * size, "suburb", "ខាងជើង", "North side"),
        (0.3 * size, 0.0, "suburb", "ខាងកើត", "East side"),
        (0.0, -0.35 * size, "suburb", "ខាងត្បូង", "South side"),
        (-0.33 * size, 0.0, "suburb", "ខាងលិច", "West side"),
    ):
        drawing.node(*lonlat(x, y), {"place": kind, "name": name, "name:en": english})
    market = {"amenity": "marketplace", "name": "ផ្សារចាស់", "name:en": "Old market"}
    drawing.node(*lonlat(market_x, market_y), market)


def _draw_area(drawing: OsmDrawing, corners: list[tuple[float, float]], tags: dict[str, str]) -> None:
    nodes = [drawing.node(*lonlat(x, y)) for x, y in corners]
    drawing.way([*nodes, nodes[0]], tags)


def _runs(line: list[Piece], crossings: set[int]) -> list[list[Piece]]:
    """Join pieces that follow each other with the same tags, cut where a turn restriction may need an end."""
    runs: list[list[Piece]] = []
    for piece in line:
        last = runs[-1][-1] if runs else None
        same = last is not None and last.b == piece.a and replace(last, a=piece.a, b=piece.b) == piece
        if same and piece.a not in crossings:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _restrict(drawing: OsmDrawing, ids: list[int], ways: list[tuple[int, list[Piece]]], crossings: set[int]) -> None:
    """Forbid the left turn from the trunk road, eastward, into every other main street that crosses it."""
    for number, point in enumerate(sorted(crossings)):
        eastward = [way for way, run in ways if run[-1].b == point and run[-1].kind == "trunk"]
        northward = [way for way, run in ways if run[0].a == point and run[0].kind == "tertiary"]
        if number % 2 == 0 and eastward and northward:
            drawing.restrict(eastward[0], ids[point], northward[0], "no_left_turn")
