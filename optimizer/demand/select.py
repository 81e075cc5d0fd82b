"""Which containers are worth a visit today: required, optional with a prize, or left.

A visit today prevents what would overflow before the next chance to come. What would overflow only after that chance
tomorrow's truck may prevent as well; of that a visit today is credited only a share. So the prize is

    overflow cost * (P(overflow before the next chance) + urgency * P(overflow between it and the one after)),

and the solver weighs it against the detour. Prizes that grow with the probability of overflow are as in the selection
of Wouda, Aerts-Veenstra and van Foreest (2024, arXiv 2409.13386). A truck that passes by may also take what would need
a visit of its own soon: that visit is saved, and the next one is needed earlier by what was left of the cycle. What
remains of the saving is the part of the cycle that has gone by, about how full the container is; so the prize also has

    visit cost * fill.

Beside it stand the policies that cities have: a fixed schedule, and a threshold on the level last seen; and one that
knows what will come, as the bound of what forecasts can give.

Nothing known is no reason to stay away: a container that has been silent gets its group's forecast with a wide spread,
and the age of its waste makes a visit required in the end.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S, FULL
from optimizer.demand.state import cycles, newest_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimizer.demand.clean import CleanTable
    from optimizer.demand.forecast import Forecast
    from optimizer.demand.readings import Flags, Floats, Longs


class Decision(enum.Enum):
    """What becomes of a container today."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The decision on one container, and why, for the dispatcher.

    Parameters
    ----------
    prize_micro
        What a visit is worth; of an optional one alone.
    """

    container: str
    decision: Decision
    why: str
    prize_micro: int | None = None

    def __post_init__(self) -> None:
        if (self.prize_micro is not None) != (self.decision is Decision.OPTIONAL):
            raise ValueError(f"Container {self.container!r}: an optional visit has a prize, and no other has.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How careful a city is.

    Parameters
    ----------
    overflow_cost_micro
        What it costs the city when one container overflows: the complaint, the sweeping, the extra trip.
    required_above
        A visit is required if the container overflows before the next chance with a higher probability than this.
    least_probability
        Below this, of overflowing before the chance after the next, a container is left: no detour is worth it.
    urgency
        The share, 0 to 1, credited for what the next chance could prevent as well.
    visit_cost_micro
        What a visit of its own costs, in detour and time at the kerb; a share of it is credited, see above.
    most_age_days
        For hygiene, waste lies no longer than this; nor does a silent container go unvisited.
    unheard_risk
        Of a container that has been silent for a day the risk counts so many times: a history without levels was
        gathered by trucks that came before it was full, and foretells low risks too low (docs/policies.md).

    Raises
    ------
    ValueError
        If a figure lies outside its range.
    """

    overflow_cost_micro: int
    required_above: float = 0.5
    least_probability: float = 0.01
    urgency: float = 0.3
    visit_cost_micro: int = 0
    most_age_days: float = 14.0
    unheard_risk: float = 1.0

    def __post_init__(self) -> None:
        if self.overflow_cost_micro < 0:
            raise ValueError(f"An overflow cannot cost {self.overflow_cost_micro} millionths.")
        if self.visit_cost_micro < 0:
            raise ValueError(f"A visit cannot cost {self.visit_cost_micro} millionths.")
        for name in ("required_above", "least_probability", "urgency"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"The policy's {name} must lie from 0 to 1, not be {share}.")
        if not 1 <= self.unheard_risk < np.inf:
            raise ValueError(f"A risk counts once at least, not {self.unheard_risk} times.")
        if not self.most_age_days > 0:
            raise ValueError(f"Waste cannot be {self.most_age_days} days old at most.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """What is known of each container besides its forecast.

    Parameters
    ----------
    ids
        The containers in question, in the order of the arrays.
    age_days : float64[n], since it was last emptied, or heard of first; NaN if never heard of
    level : float64[n], the fill last seen since it was emptied; NaN if none was
    silent_days : float64[n], since any event; NaN if never heard of
    reported : bool[n], a citizen says that it is full
    due : bool[n], its schedule or contract asks for a visit today
    """

    ids: tuple[str, ...]
    age_days: Floats
    level: Floats
    silent_days: Floats
    reported: Flags
    due: Flags


def situation(
    table: CleanTable,
    container: Longs,
    at_s: int,
    *,
    reported: Flags | None = None,
    due: Flags | None = None,
) -> Situation:
    """Gather what was known of containers strictly before a moment."""
    n = len(container)
    nothing = np.zeros(n, dtype=np.bool_)
    row = newest_row(table, container, np.full(n, at_s))
    known = row >= 0
    age_days, level, silent_days = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    if known.any():
        cycle = cycles(table)
        at = row[known]
        first = np.searchsorted(table.container, container[known], side="left")
        start_s = np.where(cycle.next_start_s[at] >= 0, cycle.next_start_s[at], table.time_s[first])
        age_days[known] = (at_s - start_s) / DAY_S
        silent_days[known] = (at_s - table.time_s[at]) / DAY_S
        seen = cycle.level_row[at]
        level[known] = np.where(seen >= 0, table.fill[np.maximum(seen, 0)], np.nan)
    return Situation(
        ids=tuple(table.events.ids[number] for number in container),
        age_days=age_days,
        level=level,
        silent_days=silent_days,
        reported=nothing if reported is None else reported,
        due=nothing if due is None else due,
    )


def choose_by_forecast(
    known: Situation,
    soon: Forecast,
    later: Forecast,
    policy: Policy,
    *,
    soon_name: str,
    fill: Floats | None = None,
) -> tuple[Choice, ...]:
    """Choose by what is likely to overflow.

    Parameters
    ----------
    soon, later
        Forecasts for the next chance to visit after today, and for the end of the look-ahead, of the same containers.
    fill : float64[n]
        How full they are expected to be when the truck comes today; needed where the policy knows a visit's cost.
    soon_name
        What the dispatcher calls the next chance, such as "Thursday".
    """
    return _by_overflow(known, soon.overflow(), later.overflow(), policy, soon_name, fill)


def choose_with_hindsight(
    known: Situation,
    soon_fill: Floats,
    later_fill: Floats,
    policy: Policy,
    *,
    soon_name: str,
    fill: Floats | None = None,
) -> tuple[Choice, ...]:
    """Choose knowing how full each container will be: what perfect sensors could give; see ``choose_by_forecast``."""
    soon, later = (np.where(there >= FULL, 1.0, 0.0) for there in (soon_fill, later_fill))
    return _by_overflow(known, soon, later, policy, soon_name, fill)


def choose_by_schedule(known: Situation) -> tuple[Choice, ...]:
    """Choose what is due today, whatever is in it; and what citizens report."""

    def otherwise(number: int) -> Choice:
        return _left(known.ids[number], "not due today")

    return _chosen(known, otherwise)


def choose_by_threshold(known: Situation, policy: Policy, *, full_from: float = 0.8) -> tuple[Choice, ...]:
    """Choose what was last seen at or above a level, and what is too old."""

    def otherwise(number: int) -> Choice:
        level = known.level[number]
        if level >= full_from:
            return _required(known.ids[number], f"{_percent(level)} full when last seen")
        why = "no level seen since it was emptied" if np.isnan(level) else f"only {_percent(level)} full"
        return _too_old(known, number, policy) or _left(known.ids[number], why)

    return _chosen(known, otherwise)


def _by_overflow(
    known: Situation,
    soon: Floats,
    later: Floats,
    policy: Policy,
    soon_name: str,
    fill: Floats | None,
) -> tuple[Choice, ...]:
    told = soon
    unheard = np.where(known.silent_days >= _UNHEARD_DAYS, policy.unheard_risk, 1.0)
    soon, later = np.minimum(1.0, unheard * soon), np.minimum(1.0, unheard * later)
    # What is full by the next chance is full by the one after, even where two forecasts differ by rounding.
    later = np.maximum(soon, later)
    worth = policy.overflow_cost_micro * (soon + policy.urgency * (later - soon))
    if fill is not None:
        worth = worth + policy.visit_cost_micro * np.minimum(fill, FULL)

    def otherwise(number: int) -> Choice:
        name, likely = known.ids[number], f"{_percent(told[number])} likely to overflow before {soon_name}"
        if soon[number] > policy.required_above:
            return _required(name, likely + _silence(known, number))
        too_old = _too_old(known, number, policy)
        if too_old is not None:
            return too_old
        prize_micro = round(float(worth[number]))
        if later[number] < policy.least_probability or prize_micro == 0:
            return _left(name, f"only {likely}")
        return Choice(
            container=name,
            decision=Decision.OPTIONAL,
            why=likely + _silence(known, number),
            prize_micro=prize_micro,
        )

    return _chosen(known, otherwise)


def _chosen(known: Situation, otherwise: Callable[[int], Choice]) -> tuple[Choice, ...]:
    """Require what citizens report and what is due; ask about the others."""
    found = []
    for number, name in enumerate(known.ids):
        if known.reported[number]:
            found.append(_required(name, "reported full by a citizen"))
        elif known.due[number]:
            found.append(_required(name, "due today by its schedule"))
        else:
            found.append(otherwise(number))
    return tuple(found)


def _too_old(known: Situation, number: int, policy: Policy) -> Choice | None:
    age_days = known.age_days[number]
    if np.isnan(age_days):
        return _required(known.ids[number], "nothing was ever heard of it")
    if age_days >= policy.most_age_days:
        return _required(known.ids[number], f"not emptied for {age_days:.0f} days")
    return None


def _silence(known: Situation, number: int) -> str:
    days = known.silent_days[number]
    return f" (silent for {days:.0f} days)" if days >= _SILENT_DAYS else ""


_UNHEARD_DAYS: Final = 1.0
"""Our own figure: a sensor that works reports several times a day."""
_SILENT_DAYS: Final = 2.0
"""Of a container silent for longer the dispatcher is told so. Our own figure: sensors report daily at the least."""


def _required(name: str, why: str) -> Choice:
    return Choice(container=name, decision=Decision.REQUIRED, why=why)


def _left(name: str, why: str) -> Choice:
    return Choice(container=name, decision=Decision.LEFT, why=why)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def chosen_ids(choices: Sequence[Choice]) -> frozenset[str]:
    """Return the containers that get a visit if the solver finds it worth while."""
    return frozenset(choice.container for choice in choices if choice.decision is not Decision.LEFT)
