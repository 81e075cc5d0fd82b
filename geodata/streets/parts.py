"""Which streets can be reached from each other and back: strongly connected parts of a street network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geodata.streets._compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def strong_parts(
    start: NDArray[np.int64], successor: NDArray[np.int32], usable: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Give every usable segment the number of its strongly connected part.

    Tarjan's algorithm ("Depth-first search and linear graph algorithms", SIAM J. Comput. 1, 1972) with a stack
    of its own in place of recursion.

    Parameters
    ----------
    start
        int64[s + 1], rows of ``successor``.
    successor
        int32[a], segments that may follow; all of them usable.
    usable
        bool[s], which segments take part.

    Returns
    -------
    part
        int32[s], from 0; -1 for a segment that does not take part.
    """
    n = usable.size
    part = np.full(n, -1, dtype=np.int32)
    order = np.full(n, -1, dtype=np.int64)
    low = np.zeros(n, dtype=np.int64)
    open_stack = np.empty(n, dtype=np.int64)
    call_stack = np.empty(n, dtype=np.int64)
    next_arc = start[:-1].copy()
    counter = 0
    parts = 0
    opened = 0
    for root in range(n):
        if not usable[root] or order[root] >= 0:
            continue
        depth = 1
        call_stack[0] = root
        order[root] = low[root] = counter
        counter += 1
        open_stack[opened] = root
        opened += 1
        while depth > 0:
            segment = call_stack[depth - 1]
            if next_arc[segment] < start[segment + 1]:
                following = successor[next_arc[segment]]
                next_arc[segment] += 1
                if order[following] < 0:
                    order[following] = low[following] = counter
                    counter += 1
                    open_stack[opened] = following
                    opened += 1
                    call_stack[depth] = following
                    depth += 1
                elif part[following] < 0:
                    low[segment] = min(low[segment], order[following])
                continue
            depth -= 1
            if depth > 0:
                caller = call_stack[depth - 1]
                low[caller] = min(low[caller], low[segment])
            if low[segment] == order[segment]:
                opened = _close(segment, parts, opened, open_stack, part)
                parts += 1
    return part


@compiled
def _close(segment: int, number: int, opened: int, open_stack: NDArray[np.int64], part: NDArray[np.int32]) -> int:
    """Give its number to all that was opened since ``segment``; answers how many stay open."""
    while True:
        opened -= 1
        part[open_stack[opened]] = number
        if open_stack[opened] == segment:
            return opened
