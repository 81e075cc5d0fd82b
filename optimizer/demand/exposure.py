"""Time as waste counts it: a Saturday on a market square is longer than a Tuesday.

Each day is of a kind: its weekday, or a named kind of the city's calendar (Khmer New Year, Pchum Ben, a market day).
A kind has a multiplier, and effective days are the integral of the multipliers, so that a container's curve runs over
effective days while the clock runs over seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimizer.demand.readings import Floats, Longs

WEEKDAYS: Final = 7
_FIRST_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday; Monday is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Days that are not like other days of their weekday.

    Parameters
    ----------
    expected
        By kind of day, how much waste an average day brings times this; where the history holds such days, what was
        seen there counts too.
    days
        Kind by day, days since 1970-01-01.

    Raises
    ------
    ValueError
        If a multiplier is not above 0, or a day's kind has none.
    """

    expected: Mapping[str, float] = field(default_factory=dict)
    days: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, multiplier in self.expected.items():
            if not 0 < multiplier < np.inf:
                raise ValueError(f"Days of kind {kind!r}: the multiplier must be above 0, not {multiplier}.")
        for day, kind in self.days.items():
            if kind not in self.expected:
                raise ValueError(f"Day {day} is of kind {kind!r}, which has no multiplier.")

    @property
    def n_kinds(self) -> int:
        """Weekdays and the city's own kinds."""
        return WEEKDAYS + len(self.expected)

    def prior(self) -> Floats:
        """Return the multipliers before any history: ``float64[n_kinds]``."""
        return np.array([1.0] * WEEKDAYS + list(self.expected.values()))

    def kinds(self, first_day: int, last_day: int) -> Longs:
        """Return the kind of each day, both ends included: ``int64[last_day - first_day + 1]``."""
        kinds = (np.arange(first_day, last_day + 1) + _FIRST_WEEKDAY) % WEEKDAYS
        number = {kind: WEEKDAYS + index for index, kind in enumerate(self.expected)}
        for day, kind in self.days.items():
            if first_day <= day <= last_day:
                kinds[day - first_day] = number[kind]
        return kinds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """Days by kind up to any moment between two days, ready to be looked up.

    Parameters
    ----------
    kinds : int64[days]
    upto : float64[days + 1, n_kinds], how many days of each kind lie before each midnight
    """

    first_day: int
    kinds: Longs
    upto: Floats

    @staticmethod
    def over(calendar: Calendar, first_s: int, last_s: int) -> Exposure:
        """Prepare the days from the one of ``first_s`` to the one of ``last_s``."""
        first_day = first_s // DAY_S
        kinds = calendar.kinds(first_day, last_s // DAY_S)
        upto = np.zeros((len(kinds) + 1, calendar.n_kinds))
        upto[1:][np.arange(len(kinds)), kinds] = 1.0
        return Exposure(first_day=first_day, kinds=kinds, upto=np.cumsum(upto, axis=0))

    def days_of_kinds(self, time_s: Longs) -> Floats:
        """Return how many days of each kind lie before each time: ``float64[n, n_kinds]``."""
        day, rest_s = np.divmod(time_s - self.first_day * DAY_S, DAY_S)
        found = self.upto[day]
        found[np.arange(len(day)), self.kinds[day]] += rest_s / DAY_S
        return found

    def effective_days(self, time_s: Longs, group: Longs, multiplier: Floats) -> Floats:
        """Return the effective days before each time: ``float64[n]``.

        Parameters
        ----------
        time_s, group : int64[n]
        multiplier : float64[groups, n_kinds]
        """
        upto = self.upto @ multiplier.T
        day, rest_s = np.divmod(time_s - self.first_day * DAY_S, DAY_S)
        found: Floats = upto[day, group] + multiplier[group, self.kinds[day]] * (rest_s / DAY_S)
        return found
