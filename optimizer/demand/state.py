"""What was known of each container at any moment: sums over its past that forget, and its newest level.

Everything is computed for the moment just after each row, from that row and those before it; a question about a moment
looks up the newest row before it. So one pass over the history answers any number of questions, each from earlier
rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.readings import Flags, Floats, Longs

_KEY_BITS: Final = 33
_MOST_HALVINGS: Final = 500
"""A float64 holds 2^±1022; blocks of so many half-lives leave room for the sums."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cycles:
    """Where in its cycle, from one emptying to the next, each row of a clean table lies.

    Parameters
    ----------
    start_s : int64[n], when the cycle began that a reading, or the fill before an emptying, belongs to; -1 if unknown
    next_start_s : int64[n], the same for what comes after the row
    level_row : int64[n], the newest row up to this one that saw a level in the cycle that goes on after it, or -1
    usable : bool[n], rows that tell how fast the container fills
    """

    start_s: Longs
    next_start_s: Longs
    level_row: Longs
    usable: Flags


def cycles(table: CleanTable) -> Cycles:
    """Find the cycles; an emptying that nobody reported is taken to lie in the middle between two readings."""
    n = len(table)
    rows = np.arange(n)
    first = _first_of_container(table)
    previous_s = np.where(first, table.time_s, np.roll(table.time_s, 1)) if n else table.time_s
    begins_s = np.where(table.reported, table.time_s, (previous_s + table.time_s) // 2)
    begins = table.reported | table.detected
    newest = np.maximum.accumulate(np.where(begins | first, rows, 0)) if n else rows
    next_start_s = np.where(begins[newest], begins_s[newest], -1) if n else rows
    start_s = np.where(first, -1, np.roll(next_start_s, 1)) if n else rows
    start_s = np.where(table.detected, begins_s, start_s)
    sees = table.reading & ~np.isnan(table.fill)
    seen = np.maximum.accumulate(np.where(sees, rows, -1)) if n else rows
    # A reading before the emptying says nothing of the level after it.
    level_row = np.where(seen >= np.where(table.reported[newest], newest + 1, newest), seen, -1) if n else rows
    usable = ~np.isnan(table.fill) & (start_s >= 0) & ~table.detected & ~table.stuck
    return Cycles(start_s=start_s, next_start_s=next_start_s, level_row=level_row, usable=usable)


def _first_of_container(table: CleanTable) -> Flags:
    first = np.ones(len(table), dtype=np.bool_)
    first[1:] = table.container[1:] != table.container[:-1]
    return first


def newest_row(table: CleanTable, container: Longs, origin_s: Longs) -> Longs:
    """Return the newest row of each container strictly before a moment, pending ones left out; -1 where none is."""
    keys = (table.container << _KEY_BITS) + table.time_s
    row = np.searchsorted(keys, (container << _KEY_BITS) + origin_s, side="left") - 1
    row = np.where(_is_of(table, row, container), row, -1)
    if len(table):
        row = np.where((row >= 0) & table.pending[row], row - 1, row)
    return np.where(_is_of(table, row, container), row, -1)


def _is_of(table: CleanTable, row: Longs, container: Longs) -> Flags:
    if not len(table):
        return np.zeros(len(row), dtype=np.bool_)
    found: Flags = (row >= 0) & (table.container[row] == container)
    return found


def fading_sums(container: Longs, time_s: Longs, values: Floats, half_life_s: Floats) -> Floats:
    """Return, after each row, the sum of its container's values so far, each halved with every half-life gone by.

    Parameters
    ----------
    container, time_s : int64[n], sorted by container and time
    values : float64[n, k]
    half_life_s : float64[k]

    Returns
    -------
    float64[n, k]
    """
    n = len(container)
    found = values.copy()
    if n == 0:
        return found
    first = np.ones(n, dtype=np.bool_)
    first[1:] = container[1:] != container[:-1]
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, n))
    # One step for each rank within a container, all containers at once: the loop is as long as the longest history.
    by_length = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[by_length], lengths[by_length]
    for rank in range(1, int(lengths[0])):
        rows = starts[: np.searchsorted(-lengths, -rank, side="left")] + rank
        faded = np.exp2(-((time_s[rows] - time_s[rows - 1])[:, None] / half_life_s[None, :]))
        found[rows] += faded * found[rows - 1]
    return found


def fading_sum_before(time_s: Longs, values: Floats, at_s: Longs, *, half_life_s: float) -> Floats:
    """Return at each moment the sum of all values strictly before it, each halved with every half-life gone by.

    Parameters
    ----------
    time_s : int64[n], sorted
    values : float64[n, k]
    at_s : int64[m]

    Returns
    -------
    float64[m, k]
    """
    found = np.zeros((len(at_s), values.shape[1]))
    if len(time_s) == 0:
        return found
    after = np.empty_like(values)
    block = ((time_s - time_s[0]) / half_life_s / _MOST_HALVINGS).astype(np.int64)
    starts = np.flatnonzero(np.append(True, np.diff(block) > 0))
    carried, carried_s = np.zeros(values.shape[1]), int(time_s[0])
    for start, end in zip(starts, np.append(starts[1:], len(time_s)), strict=True):
        age = (time_s[start:end] - time_s[start]) / half_life_s
        growing = np.cumsum(values[start:end] * np.exp2(age)[:, None], axis=0)
        growing += carried * np.exp2(-(time_s[start] - carried_s) / half_life_s)
        after[start:end] = growing * np.exp2(-age)[:, None]
        carried, carried_s = after[end - 1], int(time_s[end - 1])
    newest = np.searchsorted(time_s, at_s, side="left") - 1
    some = newest >= 0
    age = (at_s[some] - time_s[newest[some]]) / half_life_s
    found[some] = after[newest[some]] * np.exp2(-age)[:, None]
    return found
