"""What is known of how full containers are: readings and emptyings, and all of them as one sorted table.

Times are ``time_s``, seconds since 1970-01-01 00:00 on the city's own wall clock, so that weekdays and hours are the
city's. (Where clocks change twice a year, one hour a year is counted double and one not at all.) Fill is a ratio of the
container's volume: 0 is empty, 1 is full.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]
    Flags = NDArray[np.bool_]

LATEST_S: Final = 1 << 33
"""Times lie in [0, 2^33) s, which is until the year 2242: a container and a time then fit into one 64-bit key."""


class Source(enum.IntEnum):
    """Who said it."""

    SENSOR = 0
    DRIVER = 1
    CITIZEN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReading:
    """How full a container is, as somebody said; it may be wrong (``clean`` decides), but it is a number.

    Parameters
    ----------
    tilted
        The sensor says that it does not stand upright, so its distance means nothing.
    """

    container: str
    time_s: int
    fill: float
    source: Source = Source.SENSOR
    tilted: bool = False

    def __post_init__(self) -> None:
        _placed(f"A reading of container {self.container!r}", self.time_s)
        if math.isnan(self.fill):
            raise ValueError(f"A reading of container {self.container!r} at {self.time_s} s has no fill.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptying:
    """A container was emptied.

    Parameters
    ----------
    fill
        Just before, where somebody or something saw it.
    kg
        What was weighed.
    """

    container: str
    time_s: int
    fill: float | None = None
    kg: float | None = None
    source: Source = Source.DRIVER

    def __post_init__(self) -> None:
        owner = f"An emptying of container {self.container!r}"
        _placed(owner, self.time_s)
        for name, value in (("fill", self.fill), ("kg", self.kg)):
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{owner} at {self.time_s} s: {name} must be a number of at least 0, not {value}.")


def _placed(owner: str, time_s: int) -> None:
    if not 0 <= time_s < LATEST_S:
        raise ValueError(f"{owner} is at {time_s} s, outside the years 1970 to 2242.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventTable:
    """Readings and emptyings, each once, sorted by container and time, whatever order they came in.

    Two of the same container, time, kind and source are one event sent twice; of two that differ the fuller stays, as
    the safer one. At the same second a reading counts as taken before the emptying.

    Parameters
    ----------
    ids
        The containers, each once; ``container`` counts in them. May name containers without an event.
    container : int64[n]
    time_s : int64[n]
    emptying : bool[n]
    fill : float64[n], ratio; at an emptying just before it; NaN where nobody saw it
    kg : float64[n], NaN where nothing was weighed
    source : int64[n], values of ``Source``
    tilted : bool[n]
    """

    ids: tuple[str, ...]
    container: Longs
    time_s: Longs
    emptying: Flags
    fill: Floats
    kg: Floats
    source: Longs
    tilted: Flags

    @staticmethod
    def of(events: Iterable[FillReading | Emptying], *, ids: Sequence[str] | None = None) -> EventTable:
        """Sort events into a table.

        Parameters
        ----------
        ids
            The containers in the wanted order; the sorted ids of the events if absent.

        Raises
        ------
        ValueError
            If an event is of a container outside ``ids``, or an id appears twice.
        """
        found = list(events)
        names = sorted({event.container for event in found}) if ids is None else list(ids)
        number = {name: index for index, name in enumerate(names)}
        unknown = {event.container for event in found} - number.keys()
        if unknown:
            raise ValueError(f"There are events of container {min(unknown)!r}, which is not among the containers.")
        nan = math.nan
        return EventTable.from_arrays(
            ids=names,
            container=np.array([number[event.container] for event in found], dtype=np.int64),
            time_s=np.array([event.time_s for event in found], dtype=np.int64),
            emptying=np.array([isinstance(event, Emptying) for event in found], dtype=np.bool_),
            fill=np.array([nan if event.fill is None else event.fill for event in found], dtype=np.float64),
            kg=np.array(
                [nan if isinstance(event, FillReading) or event.kg is None else event.kg for event in found],
                dtype=np.float64,
            ),
            source=np.array([int(event.source) for event in found], dtype=np.int64),
            tilted=np.array([isinstance(event, FillReading) and event.tilted for event in found], dtype=np.bool_),
        )

    @staticmethod
    def from_arrays(
        *,
        ids: Sequence[str],
        container: Longs,
        time_s: Longs,
        emptying: Flags,
        fill: Floats,
        kg: Floats | None = None,
        source: Longs | None = None,
        tilted: Flags | None = None,
    ) -> EventTable:
        """Sort arrays of equal length into a table and drop what was sent twice; see the class for their meaning.

        Raises
        ------
        ValueError
            If an id appears twice, or a container or a time lies outside its range.
        """
        n = len(container)
        if len(set(ids)) != len(ids):
            raise ValueError("A container's id appears twice.")
        if n and not (container.min() >= 0 and container.max() < len(ids)):
            raise ValueError("An event is of a container that is not among the ids.")
        if n and not (time_s.min() >= 0 and time_s.max() < LATEST_S):
            raise ValueError("An event lies outside the years 1970 to 2242.")
        kg = np.full(n, math.nan) if kg is None else kg
        source = np.zeros(n, dtype=np.int64) if source is None else source
        tilted = np.zeros(n, dtype=np.bool_) if tilted is None else tilted
        # A table is the same for every order of arrival only if the sort leaves no tie between different events.
        order = np.lexsort((tilted, _known(kg), _known(fill), source, emptying, time_s, container))
        same = np.zeros(n, dtype=np.bool_)
        before, after = order[:-1], order[1:]
        same[:-1] = (
            (container[before] == container[after])
            & (time_s[before] == time_s[after])
            & (emptying[before] == emptying[after])
            & (source[before] == source[after])
        )
        kept = order[~same]
        return EventTable(
            ids=tuple(ids),
            container=container[kept],
            time_s=time_s[kept],
            emptying=emptying[kept],
            fill=fill[kept],
            kg=kg[kept],
            source=source[kept],
            tilted=tilted[kept],
        )

    def __len__(self) -> int:
        return len(self.time_s)

    def select(self, rows: Flags) -> EventTable:
        """Return the table with some of its rows."""
        return EventTable(
            ids=self.ids,
            container=self.container[rows],
            time_s=self.time_s[rows],
            emptying=self.emptying[rows],
            fill=self.fill[rows],
            kg=self.kg[rows],
            source=self.source[rows],
            tilted=self.tilted[rows],
        )

    def before(self, time_s: int) -> EventTable:
        """Return what was known before a moment."""
        return self.select(self.time_s < time_s)


def _known(values: Floats) -> Floats:
    """Sort unknown before known, so that of two reports of one event the one that knows more stays."""
    return np.where(np.isnan(values), -np.inf, values)
