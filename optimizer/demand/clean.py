"""Which readings to believe, and when a container was emptied without anybody saying so.

Every verdict on a row follows from the rows before it, except two that wait for the next reading: a sudden jump is a
spike if the next reading is back, and a sudden drop an emptying if the next one stays low. Until then such a row is
*pending*: no forecast made in between looks at it. So cleaning a longer table never changes what a forecast at an
earlier moment sees.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from optimizer.demand.readings import EventTable, Flags, Floats, Longs

DAY_S: Final = 86_400
FULL: Final = 1.0
SLACK: Final = 0.05
"""A fill this much outside 0..1 is a matter of calibration and is clipped; more is a fault. Our own figure."""
PERCENT_FROM: Final = 1.5
"""A fill above this and up to 100 was meant in percent. Our own figure."""
JUMP: Final = 0.3
"""A change by this much between neighbours is sudden. Our own figure: larger than any sensor's noise."""
SUDDEN_S: Final = 6 * 3_600
"""... if the neighbours are at most so far apart; a bin on a square fills by a third in some hours. Our own figure."""
DROP: Final = 0.15
"""A fall by more than this is an emptying: waste settles by less. Our own figure; wider than one step of a sensor
that knows six levels only where that step is at most 0.15, so such a sensor's step down needs ``COARSE_DROP``."""
STUCK_S: Final = 7 * DAY_S
STUCK_READINGS: Final = 6
"""So many readings in a row, over so long, to the last digit equal: the sensor hangs. Our own figures."""
REPEATS: Final = 3
REPEATED_S: Final = DAY_S
UNLIKELY: Final = 1e-4
USUAL_REPEATS: Final = (4.0, 5.0)
"""Sooner, after so many repeats over so long, if the sensor's own past makes a run of them less likely than this. A
sensor of a hundredth hardly ever shows one level twice, one of six levels nearly always: each begins as one that
repeats itself 4 times of 5, and is known by its own pairs from then on. Our own figures."""


class Verdict(enum.IntEnum):
    """What became of an event."""

    GOOD = 0
    OUT_OF_RANGE = 1
    IN_PERCENT = 2
    TILTED = 3
    SPIKE = 4
    STUCK = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CleanTable:
    """The events that may be believed, sorted by container and time.

    Parameters
    ----------
    events
        How many containers there are is ``len(events.ids)``; ``verdict`` belongs to its rows.
    verdict : int64[len(events)], values of ``Verdict``
    row : int64[n], the row of ``events`` that each of these is
    container, time_s : int64[n]
    fill : float64[n], 0..1; NaN where nobody saw it
    reading, reported, detected : bool[n]
        Whether it is a reading; an emptying that somebody reported; a reading that shows an emptying just before.
    stuck : bool[n], a reading of a sensor that hangs
    pending : bool[n]
        While this is the container's newest event, it is not looked at.
    """

    events: EventTable
    verdict: Longs
    row: Longs
    container: Longs
    time_s: Longs
    fill: Floats
    reading: Flags
    reported: Flags
    detected: Flags
    stuck: Flags
    pending: Flags

    def __len__(self) -> int:
        return len(self.time_s)


def clean(events: EventTable) -> CleanTable:
    """Judge every event: faults are left out, readings of a sensor that hangs are marked."""
    verdict = np.full(len(events), Verdict.GOOD, dtype=np.int64)
    fill = events.fill
    verdict[(fill < -SLACK) | (fill > FULL + SLACK)] = Verdict.OUT_OF_RANGE
    verdict[(fill > PERCENT_FROM) & (fill <= 100)] = Verdict.IN_PERCENT  # noqa: PLR2004 - percent
    verdict[events.tilted] = Verdict.TILTED
    # An emptying is one, whatever was said of the fill before.
    believed = np.flatnonzero((verdict == Verdict.GOOD) | events.emptying)
    level = np.clip(np.where(verdict[believed] == Verdict.GOOD, fill[believed], np.nan), 0.0, FULL)

    spike, _ = _jumps(events, believed, level)
    verdict[believed[spike]] = Verdict.SPIKE
    believed, level = believed[~spike], level[~spike]
    # Without the spikes other rows are neighbours, but which rows are pending was decided by the rows that came.
    _, pending = _jumps(events, believed, level)

    reading = ~events.emptying[believed]
    chained = _chained(events, believed)
    fall = np.zeros(len(believed))
    fall[1:] = np.where(chained[1:], level[:-1] - level[1:], 0.0)
    detected = fall > DROP
    stuck = _stuck(events.container[believed], events.time_s[believed], level, reading)
    verdict[believed[stuck]] = Verdict.STUCK
    return CleanTable(
        events=events,
        verdict=verdict,
        row=believed,
        container=events.container[believed],
        time_s=events.time_s[believed],
        fill=level,
        reading=reading,
        reported=~reading,
        detected=detected,
        stuck=stuck,
        pending=pending,
    )


def _chained(events: EventTable, rows: Longs) -> Flags:
    """Whether each row and the one before it are readings of one container, with nothing reported between."""
    chained = np.zeros(len(rows), dtype=np.bool_)
    before, after = rows[:-1], rows[1:]
    chained[1:] = (
        (events.container[before] == events.container[after]) & ~events.emptying[before] & ~events.emptying[after]
    )
    return chained


def _jumps(events: EventTable, rows: Longs, level: Floats) -> tuple[Flags, Flags]:
    """Which readings are spikes, and which might yet turn out to be."""
    n = len(rows)
    spike, pending = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    if n == 0:
        return spike, pending
    chained = _chained(events, rows)
    time_s = events.time_s[rows]
    change = np.zeros(n)
    change[1:] = np.where(chained[1:] & (np.diff(time_s) <= SUDDEN_S), np.diff(level), 0.0)
    pending = np.abs(change) >= JUMP
    back = pending[:-1] & pending[1:] & (np.sign(change[:-1]) != np.sign(change[1:]))
    # Back to about where it was: a bin that is emptied just after a sudden filling is lower than before.
    spike[:-1] = back & (np.abs(change[:-1] + change[1:]) < JUMP)
    # Of 0.2, 0.8, 0.2, 0.8 the second and third jump back and forth alike; only one of two neighbours is the spike.
    ahead = np.zeros(n, dtype=np.bool_)
    ahead[1:] = spike[:-1]
    run_start = spike & ~ahead
    position = np.arange(n) - np.maximum.accumulate(np.where(run_start, np.arange(n), 0))
    return spike & (position % 2 == 0), pending


def _stuck(container: Longs, time_s: Longs, level: Floats, reading: Flags) -> Flags:
    """Which readings repeat the one before to the last digit for long, also over an emptying that somebody reported.

    Over an emptying only at a level that an emptied container does not have, or where the sensor's own past tells.
    """
    stuck = np.zeros(len(level), dtype=np.bool_)
    rows = np.flatnonzero(reading)
    if len(rows) == 0:
        return stuck
    at_s, shown = time_s[rows], level[rows]
    follows, same = np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows), dtype=np.bool_)
    follows[1:] = container[rows[1:]] == container[rows[:-1]]
    same[1:] = follows[1:] & (shown[1:] == shown[:-1])
    emptied = np.zeros(len(rows), dtype=np.bool_)
    emptied[1:] = np.diff(rows) > 1
    goes_on = same & (~emptied | ((shown > DROP) & (shown < FULL)))
    repeats, lasts_s, _ = _runs(goes_on, at_s)
    # At its ends a sensor sees no farther, and may well show the same for long.
    between = same & (shown > 0) & (shown < FULL)
    again, again_s, start = _runs(between, at_s)
    usual = _usual_repeats(follows, between, start)
    unlikely = (again >= REPEATS) & (again_s >= REPEATED_S) & (usual**again < UNLIKELY)
    stuck[rows] = ((lasts_s >= STUCK_S) & (repeats + 1 >= STUCK_READINGS)) | unlikely
    return stuck


def _runs(goes_on: Flags, at_s: Longs) -> tuple[Longs, Longs, Longs]:
    """Return how many rows each run has gone on for, since how long, and the row that it began at: int64[n] each."""
    number = np.arange(len(goes_on))
    start = np.maximum.accumulate(np.where(goes_on, 0, number))
    return number - start, at_s - at_s[start], start


def _usual_repeats(follows: Flags, repeated: Flags, start: Longs) -> Floats:
    """Return the share of a container's pairs of readings that were repeats before each run began: float64[n]."""
    first = np.maximum.accumulate(np.where(follows, 0, np.arange(len(follows))))
    upper, lower = (
        weight + sums[start] - sums[first]
        for weight, sums in zip(USUAL_REPEATS, (np.cumsum(repeated), np.cumsum(follows)), strict=True)
    )
    found: Floats = upper / lower
    return found
