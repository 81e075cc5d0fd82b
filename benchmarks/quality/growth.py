"""How time and memory grow with the city: ours alone, at 100 to 10,000 visits, each size in a process of its own."""

from __future__ import annotations

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.memory import peak_mb
from benchmarks.quality.engines import Run, run
from benchmarks.quality.rows import row
from optimizer.search.solve import warm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.cases import Case
    from benchmarks.quality.rows import Row

NEAR: Final = 1.02
"""A plan counts as nearly done once it costs at most so much times the last one."""

_MEMORY: Final = "peak MB"
_WIDTH, _PANEL, _MARGIN = 640, 220, 56
_COLOURS: Final = {"time": "#1b6ca8", "memory": "#b3541e"}


def run_apart(case: Case, engine: str, *, seconds: float, seed: int) -> Run:
    """Run once in a process of its own, and note in its audit the most memory that it held."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, case, engine, seconds, seed).result()


def near_s(done: Run) -> float:
    """Return the first second at which the cost was within ``NEAR`` of the last one's."""
    return next(seconds for seconds, micro in done.curve if micro <= NEAR * done.cost_micro)


def growth_rows(case: Case, done: Run) -> list[Row]:
    """Return the rows of one size."""
    near = row(case.name, "time to 2 % of the last plan", "s", round(near_s(done), 2))
    return [{**near, "curve": done.curve}, row(case.name, "memory", "MB", done.audit[_MEMORY])]


def drawing(rows: Sequence[Row]) -> str:
    """Draw time, and memory below it, over the number of containers as SVG, all axes logarithmic."""
    time = [(_containers(one), one["ours"]) for one in rows if one["metric"].startswith("time to")]
    memory = [(_containers(one), one["ours"]) for one in rows if one["metric"] == "memory"]
    style = 'font-family="sans-serif" font-size="12"'
    height = 2 * _PANEL + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {style}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_WIDTH / 2}" y="{height - 12}" text-anchor="middle">containers</text>',
    ]
    parts += _panel("time", "s", sorted(time), top=0)
    parts += _panel("memory", "MB", sorted(memory), top=_PANEL)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, unit: str, points: Sequence[tuple[int, float]], *, top: int) -> list[str]:
    """Return a line with its values above its points and their sizes below the panel."""
    sizes = [math.log10(size) for size, _ in points]
    values = [math.log10(max(0.01, value)) for _, value in points]
    width = max(sizes) - min(sizes) or 1.0
    height = max(values) - min(values) or 1.0
    x = [_MARGIN + (_WIDTH - 2 * _MARGIN) * (size - min(sizes)) / width for size in sizes]
    y = [top + _PANEL - _MARGIN / 2 - (_PANEL - 1.5 * _MARGIN) * (value - min(values)) / height for value in values]
    colour = _COLOURS[name]
    places = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    drawn = [
        f'<text x="{_MARGIN / 2}" y="{top + 24}" fill="{colour}">{name} ({unit})</text>',
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>',
    ]
    for (size, value), a, b in zip(points, x, y, strict=True):
        drawn += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>',
            f'<text x="{a:.1f}" y="{b - 8:.1f}" fill="{colour}" text-anchor="middle">{value:,.4g}</text>',
            f'<text x="{a:.1f}" y="{top + _PANEL}" text-anchor="middle">{size:,}</text>',
        ]
    return drawn


def _containers(one: Row) -> int:
    return int(one["case"].partition("/")[2])


def _measured(case: Case, engine: str, seconds: float, seed: int) -> Run:

    warm()
    done = run(engine, case.problem(engine), seconds=seconds, seed=seed)
    return replace(done, audit={_MEMORY: round(peak_mb(), 1)})
