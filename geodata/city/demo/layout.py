"""Lays out the streets of the demo city, in metres around its centre (x to the east, y to the north).

The shape follows what makes Siem Reap hard for trucks: a river with few bridges, one trunk road through the town, an
old quarter of one-way streets around a market, blocks cut by lanes too narrow for a truck, and unpaved edges.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from geodata.city.geometry import METRES_PER_DEGREE

if TYPE_CHECKING:
    import numpy as np

CENTRE_LON, CENTRE_LAT = 103.86, 13.36
BLOCK_M = 160.0
JITTER_M = 14.0
RIVER_HALF_WIDTH_M = 30.0
LANDFILL_M = 20_000.0
OUTSKIRTS_M = 1_500.0
MAIN_EVERY = 5
"""Every fifth street of the grid is a main one."""

BRIDGE_EVERY = 6
TOWN_RADIUS = 0.6
"""The corners of the square, farther from its middle than this share of its side, are fields."""

OLD_QUARTER_M = 420.0
"""Streets this near to the market are one-way."""

DROPPED = 0.07
"""Share of the small streets' pieces that are missing, so that the grid is not perfect."""

_KHMER_DIGITS = str.maketrans("0123456789", "០១២៣៤៥៦៧៨៩")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of street between two points; ``kind`` is the ``highway`` class, or "lane"."""

    a: int
    b: int
    kind: str
    name: str
    oneway: int = 0
    unpaved: bool = False
    bridge: bool = False
    max_width_m: float | None = None


@dataclass(slots=True, kw_only=True)
class Layout:
    """Points in metres, streets as runs of pieces, and where the landmarks are."""

    size_m: float
    points: list[tuple[float, float]] = field(default_factory=list)
    lines: list[list[Piece]] = field(default_factory=list)
    river: list[tuple[float, float]] = field(default_factory=list)
    market: tuple[float, float] = (0.0, 0.0)
    landfill: int = -1
    trunk_y: float = 0.0

    def add(self, x: float, y: float) -> int:
        """Add a point and return its index."""
        self.points.append((x, y))
        return len(self.points) - 1

    def pieces(self) -> list[Piece]:
        """Return all pieces in order."""
        return [piece for line in self.lines for piece in line]

    def river_x(self, y: float) -> float:
        """Return where the middle of the river is at this height."""
        return -0.12 * self.size_m + 60.0 * math.sin(y / 520.0) + 25.0 * math.sin(y / 190.0)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Decide something that happens with this probability."""
    return float(rng.random()) < probability


def lonlat(x: float, y: float) -> tuple[float, float]:
    """Turn metres around the demo city's centre into degrees, bending the grid a little as old roads do."""
    x, y = x + 90.0 * math.sin(y / 700.0), y + 70.0 * math.sin(x / 900.0 + 1.0)
    scale = METRES_PER_DEGREE * math.cos(math.radians(CENTRE_LAT))
    return CENTRE_LON + x / scale, CENTRE_LAT + y / METRES_PER_DEGREE


def lay_out(size_m: float, rng: np.random.Generator) -> Layout:
    """Lay out a city of this width and height.

    Parameters
    ----------
    size_m
        Side of the square that the grid fills, in metres.
    rng
        Decides what is irregular.

    Returns
    -------
    Layout
        Every piece can be driven to from every other and back, by a three-wheeler; by any truck, leaving out the lanes.
    """
    layout = Layout(size_m=size_m)
    blocks = max(8, round(size_m / BLOCK_M))
    half = size_m / 2
    trunk_row = round(0.62 * blocks)
    grid = _grid(layout, blocks, half, rng)
    layout.trunk_y = layout.points[grid[blocks // 2][trunk_row]][1]
    market_x, market_y = layout.river_x(-0.18 * size_m) + 230.0, -0.18 * size_m
    layout.market = (market_x, market_y)
    reach = half + 200.0
    layout.river = [(layout.river_x(y), y) for y in _steps(-reach, reach, 80.0)]
    mids: dict[tuple[int, int], int] = {}
    lanes = _lanes(layout, grid, blocks, mids, rng)
    for row in range(blocks + 1):
        nodes = [grid[column][row] for column in range(blocks + 1)]
        layout.lines.append(_street(layout, nodes, mids, row, trunk=row == trunk_row, across=True, rng=rng))
    for column in range(blocks + 1):
        nodes = [grid[column][row] for row in range(blocks + 1)]
        layout.lines.append(_street(layout, nodes, mids, column, trunk=False, across=False, rng=rng))
    _extend_trunk(layout, grid[0][trunk_row], grid[blocks][trunk_row])
    _keep_connected(layout, root=grid[blocks // 2][trunk_row])
    kept = {point for piece in layout.pieces() for point in (piece.a, piece.b)}
    # A lane hangs on the streets at its ends; where those are gone, so is the lane.
    layout.lines.extend(lane for lane in lanes if lane[0].a in kept)
    return layout


def street_tags(piece: Piece) -> dict[str, str]:
    """Return the OpenStreetMap tags of a piece."""
    tags = {"highway": "service" if piece.kind == "lane" else piece.kind}
    if piece.kind == "lane":
        tags["service"] = "alley"
    if piece.name:
        tags["name"] = piece.name
        kind, _, number = piece.name.partition(" ")
        khmer = {"Street": "ផ្លូវ", "Avenue": "មហាវិថី"}.get(kind)
        if khmer and number.isdecimal():
            tags["name:km"] = f"{khmer} {number.translate(_KHMER_DIGITS)}"
    if piece.kind == "trunk":
        tags["ref"] = "N6"
    if piece.oneway:
        tags["oneway"] = "yes" if piece.oneway > 0 else "-1"
    if piece.unpaved:
        tags["surface"] = "unpaved"
    if piece.bridge:
        tags["bridge"] = "yes"
        tags["layer"] = "1"
    if piece.max_width_m is not None:
        tags["maxwidth"] = f"{piece.max_width_m:g}"
    return tags


def _steps(start: float, end: float, step: float) -> list[float]:
    return [start + step * index for index in range(int((end - start) / step) + 1)]


def _grid(layout: Layout, blocks: int, half: float, rng: np.random.Generator) -> list[list[int]]:
    step = 2 * half / blocks
    grid: list[list[int]] = []
    for column in range(blocks + 1):
        points = []
        for row in range(blocks + 1):
            x = -half + column * step + float(rng.uniform(-JITTER_M, JITTER_M))
            y = -half + row * step + float(rng.uniform(-JITTER_M, JITTER_M))
            away = x - layout.river_x(y)
            if abs(away) < RIVER_HALF_WIDTH_M + 12:
                # No junction stands in the water: it moves to the nearer bank.
                x += math.copysign(RIVER_HALF_WIDTH_M + 12 - abs(away), away)
            points.append(layout.add(x, y))
        grid.append(points)
    return grid


def _lanes(
    layout: Layout,
    grid: list[list[int]],
    blocks: int,
    mids: dict[tuple[int, int], int],
    rng: np.random.Generator,
) -> list[list[Piece]]:
    """Draw lanes into blocks; ``mids`` receives the points where they leave the streets around."""
    lanes: list[list[Piece]] = []
    for column in range(blocks):
        for row in range(blocks):
            corners = [
                grid[c][r] for c, r in ((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))
            ]
            middle = [sum(layout.points[corner][axis] for corner in corners) / 4 for axis in (0, 1)]
            old = math.dist(middle, layout.market) < 0.3 * layout.size_m
            if not chance(rng, 0.5 if old else 0.22):
                continue
            if any(_wet(layout, corners[side], corners[(side + 1) % 4]) for side in range(4)):
                continue
            entry = _mid(layout, mids, corners[0], corners[1], rng)
            inner = layout.add(middle[0] + float(rng.uniform(-30, 30)), middle[1] + float(rng.uniform(-25, 25)))
            width = 1.8 if chance(rng, 0.7) else None
            name = f"Lane {len(lanes) + 1}"
            lane = [Piece(a=entry, b=inner, kind="lane", name=name, unpaved=not old, max_width_m=width)]
            if chance(rng, 0.4):
                x, y = layout.points[inner]
                end = layout.add(x + float(rng.choice([-45.0, 45.0])), y + float(rng.uniform(-10, 20)))
                lane.append(replace(lane[0], a=inner, b=end))
            lanes.append(lane)
    return lanes


def _mid(layout: Layout, mids: dict[tuple[int, int], int], a: int, b: int, rng: np.random.Generator) -> int:
    if (a, b) not in mids:
        share = float(rng.uniform(0.35, 0.65))
        (ax, ay), (bx, by) = layout.points[a], layout.points[b]
        mids[a, b] = layout.add(ax + share * (bx - ax), ay + share * (by - ay))
    return mids[a, b]


def _wet(layout: Layout, a: int, b: int) -> bool:
    (ax, ay), (bx, by) = layout.points[a], layout.points[b]
    return (ax > layout.river_x(ay)) != (bx > layout.river_x(by))


def _street(
    layout: Layout,
    nodes: list[int],
    mids: dict[tuple[int, int], int],
    number: int,
    *,
    trunk: bool,
    across: bool,
    rng: np.random.Generator,
) -> list[Piece]:
    main = number % MAIN_EVERY == 0
    kind = (
        "trunk"
        if trunk
        else "secondary"
        if main and number == len(nodes) // 2
        else "tertiary"
        if main
        else "residential"
    )
    name = "Trunk Road" if trunk else f"{'Street' if across else 'Avenue'} {number + 1}"
    bridge_here = trunk or (across and number % BRIDGE_EVERY == 1)
    pieces: list[Piece] = []
    for a, b in itertools.pairwise(nodes):
        (ax, ay), (bx, by) = layout.points[a], layout.points[b]
        middle = ((ax + bx) / 2, (ay + by) / 2)
        wet = _wet(layout, a, b)
        corner = math.hypot(*middle) > TOWN_RADIUS * layout.size_m
        missing = chance(rng, DROPPED)
        soft = chance(rng, 0.6)
        dropped = missing and kind == "residential" and not wet and (a, b) not in mids
        if (wet and not bridge_here) or dropped or (corner and not trunk):
            continue
        old = kind == "residential" and math.dist(middle, layout.market) < OLD_QUARTER_M
        outer = kind == "residential" and math.hypot(*middle) > 0.36 * layout.size_m
        piece = Piece(
            a=a,
            b=b,
            kind=kind,
            name=name,
            oneway=(1 if number % 2 else -1) if old and not wet else 0,
            unpaved=outer and soft,
            bridge=wet,
        )
        if (a, b) in mids:
            mid = mids[a, b]
            pieces += [replace(piece, b=mid), replace(piece, a=mid)]
        else:
            pieces.append(piece)
    return pieces


def _extend_trunk(layout: Layout, west: int, east: int) -> None:
    """Lead the trunk road out of town: a little to the west, and to the landfill in the east."""
    x, y = layout.points[west]
    far_west = layout.add(x - OUTSKIRTS_M, y - 120.0)
    layout.lines.append([Piece(a=far_west, b=west, kind="trunk", name="Trunk Road")])
    pieces, last = [], east
    start_x, start_y = layout.points[east]
    steps = max(2, round((LANDFILL_M - start_x) / 500.0))
    for step in range(1, steps + 1):
        share = step / steps
        bend = 350.0 * math.sin(share * math.pi * 2)
        point = layout.add(start_x + share * (LANDFILL_M - start_x), start_y + bend)
        pieces.append(Piece(a=last, b=point, kind="trunk", name="Trunk Road"))
        last = point
    layout.lines.append(pieces)
    x, y = layout.points[last]
    layout.landfill = layout.add(x + 60.0, y - 700.0)
    layout.lines.append([Piece(a=last, b=layout.landfill, kind="unclassified", name="Landfill Road", unpaved=True)])


def _keep_connected(layout: Layout, *, root: int) -> None:
    """Drop pieces that hang on nothing, and open one-way pieces that could be entered but not left, or the reverse."""
    reached = _reached(layout.pieces(), root, directed=False, backward=False)
    layout.lines = [[piece for piece in line if piece.a in reached] for line in layout.lines]
    while True:
        pieces = layout.pieces()
        both = _reached(pieces, root, directed=True, backward=False) & _reached(
            pieces, root, directed=True, backward=True
        )
        if all(piece.a in both and piece.b in both for piece in pieces):
            return
        layout.lines = [
            [
                replace(piece, oneway=0) if piece.oneway and not (piece.a in both and piece.b in both) else piece
                for piece in line
            ]
            for line in layout.lines
        ]


def _reached(pieces: list[Piece], root: int, *, directed: bool, backward: bool) -> set[int]:
    following: dict[int, list[int]] = defaultdict(list)
    for piece in pieces:
        forward = not directed or piece.oneway >= 0
        reverse = not directed or piece.oneway <= 0
        if backward:
            forward, reverse = reverse, forward
        if forward:
            following[piece.a].append(piece.b)
        if reverse:
            following[piece.b].append(piece.a)
    reached, waiting = {root}, [root]
    while waiting:
        for point in following[waiting.pop()]:
            if point not in reached:
                reached.add(point)
                waiting.append(point)
    return reached
