"""What a study's cells say together: a line for each scenario, paired differences with intervals, the Pareto set.

Cells are paired by day and seed: both scenarios meet the same waste and begin with the same plan. The interval of a
difference is Student's t over the pairs. Days are taken as draws too: what holds for them need not hold for a festival.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING, Any, Final

from scenarios.binding import sentence
from scenarios.study import fleets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scenarios.study import StudyResult

CONFIDENCE: Final = 0.95
WEEKS_A_YEAR: Final = 365.25 / 7
FIGURES: Final = (
    "cost", "trucks", "routes", "crew_hours", "km", "tonnes", "overtime_hours", "unserved", "unserved_tonnes",
    "overflows", "fuel_l", "energy_kwh", "co2e_kg", "fill", "trips", "battery_short_kwh", "left_out",
)  # fmt: skip
"""What a day has, all of it a mean over days and seeds."""
PARETO: Final = ("cost", "unserved_tonnes", "overflows", "co2e_kg")
"""What nobody wants more of; the Pareto set has the scenarios that no other beats in all of these."""

# Student's t, 97.5 %, by degrees of freedom from 1: Abramowitz and Stegun, Handbook of Mathematical Functions (1964),
# table 26.10.
_T975: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its 95 % interval, from so many pairs; without two of them nothing is known of its width."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def clear(self) -> bool:
        """Whether it lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A scenario in the table.

    Parameters
    ----------
    figures
        Means of ``FIGURES`` over its cells.
    differences
        To the scenario that ``reference`` gives, cell by cell.
    lived
        Medians and 95th percentiles of the days lived through, averaged over cells; ``held`` is the share of lived days
        on which the plan could be carried out to its end.
    services
        By zone, the share of the weight due that is collected.
    served_days
        The share of cells in which nothing required stays behind.
    used
        By access class, the most vehicles on the road in any cell.
    """

    number: int
    name: str
    cells: int
    failed: int
    why_not: str
    figures: Mapping[str, float]
    cost_per_year: float
    cost_per_tonne: float
    differences: Mapping[str, Interval]
    lived: Mapping[str, tuple[float, float]]
    held: float
    services: Mapping[str, float]
    served_days: float
    used: Mapping[str, int]
    bound: str
    pareto: bool
    adopted: int


def table(result: StudyResult) -> list[Line]:
    """Return a line for each scenario, in their order; one that was refused or failed has no cells and says why."""
    lines = [_line(result, number) for number in range(len(result.study.scenarios))]
    best = _pareto([line for line in lines if line.cells])
    return [replace(line, pareto=line.number in best) for line in lines]


def reference(result: StudyResult) -> int:
    """Return the scenario that the others are compared with.

    It is the first one; of a study over fleets alone that of the city's own size, or the largest one tried.
    """
    curve = fleets(result.study)
    if len(curve) < len(result.study.scenarios):
        return 0
    own = len(result.city.vehicles)
    fitting = [number for number, size in curve if size == own and result.of(number)]
    tried = [number for number, _ in curve if result.of(number)]
    return fitting[0] if fitting else tried[-1] if tried else 0


def difference(result: StudyResult, scenario: int, other: int, figure: str) -> Interval | None:
    """Return how much more of a figure one scenario has than another; None without a pair."""
    pairs = []
    for date in result.study.days:
        for seed in result.study.seeds:
            one, two = result.results.get((scenario, date, seed)), result.results.get((other, date, seed))
            if one is not None and two is not None:
                pairs.append(one["figures"][figure] - two["figures"][figure])
    return interval(pairs) if pairs else None


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of paired differences with its 95 % interval by Student's t; at least one value."""
    mean = fmean(values)
    if len(values) == 1:
        return Interval(mean=mean, low=-math.inf, high=math.inf, pairs=1)
    half = t_975(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean=mean, low=mean - half, high=mean + half, pairs=len(values))


def t_975(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t; above 30 degrees of freedom to four digits."""
    if freedom < 1:
        raise ValueError(f"Student's t has at least 1 degree of freedom, not {freedom}.")
    if freedom <= len(_T975):
        return _T975[freedom - 1]
    # Abramowitz and Stegun, 26.7.5.
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def share_at_least(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> float:
    """Return the share that a proportion is at least, with this confidence (C. Clopper and E. Pearson, 1934).

    Where every trial succeeds it is ``(1 - confidence) ** (1 / trials)``.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} of {trials} is no share.")
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_least(successes, trials, middle) > 1 - confidence:
            high = middle
        else:
            low = middle
    return low


def _at_least(successes: int, trials: int, share: float) -> float:
    """Return the probability of so many successes or more."""
    return math.fsum(
        math.comb(trials, count) * share**count * (1 - share) ** (trials - count)
        for count in range(successes, trials + 1)
    )


def _line(result: StudyResult, number: int) -> Line:
    study = result.study
    cells = result.of(number)
    failed = {cell: why for cell, why in result.failed.items() if cell[0] == number}
    why_not = result.refused.get(number) or next(iter(failed.values()), "")
    figures = {name: fmean(cell["figures"][name] for cell in cells) for name in FIGURES} if cells else {}
    differences = {}
    with_which = reference(result)
    if cells and number != with_which:
        found = ((name, difference(result, number, with_which, name)) for name in FIGURES)
        differences = {name: value for name, value in found if value is not None}
    tonnes = math.fsum(cell["figures"]["tonnes"] for cell in cells)
    cost = math.fsum(cell["figures"]["cost"] for cell in cells)
    case = result.cases[number]
    days_a_week = 7
    if case is not None:
        days_a_week = len({day for shift in case.city.shifts for day in (shift.weekdays or range(7))})
    return Line(
        number=number,
        name=study.scenarios[number].name,
        cells=len(cells),
        failed=len(failed),
        why_not=why_not,
        figures=figures,
        cost_per_year=cost / len(cells) * days_a_week * WEEKS_A_YEAR if cells else 0.0,
        cost_per_tonne=cost / tonnes if tonnes else 0.0,
        differences=differences,
        lived=_lived(cells),
        held=fmean(cell["lived"]["held"] for cell in cells) if cells else 0.0,
        services=_services(cells),
        served_days=fmean(cell["figures"]["unserved"] == 0 for cell in cells) if cells else 0.0,
        used=_used(cells),
        bound=_bound(cells),
        pareto=False,
        adopted=sum(bool(cell.get("adopted")) for cell in cells),
    )


def _lived(cells: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    if not cells:
        return {}
    return {
        name: (fmean(cell["lived"][name][0] for cell in cells), fmean(cell["lived"][name][1] for cell in cells))
        for name in ("overtime_hours", "early_full", "tonnes", "overflows")
    }


def _used(cells: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    most: Counter[str] = Counter()
    for cell in cells:
        most |= Counter(cell["used"])
    return dict(most.most_common())


def _services(cells: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    due: Counter[str] = Counter()
    collected: Counter[str] = Counter()
    for cell in cells:
        for zone, (due_kg, collected_kg) in cell["zones"].items():
            due[zone] += due_kg
            collected[zone] += collected_kg
    return {zone: collected[zone] / due[zone] for zone in sorted(due) if due[zone]}


def _bound(cells: Sequence[Mapping[str, Any]]) -> str:
    limits: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for cell in cells:
        limits.update(cell["limits"])
        reasons.update(cell["reasons"])
    total = {name: math.fsum(cell["figures"][name] for cell in cells) for name in ("routes", "unserved", "left_out")}
    left = total["unserved"]
    return sentence(limits, reasons, total["routes"], len(cells), left=left, waiting=total["left_out"] - left)


def _pareto(lines: Sequence[Line]) -> set[int]:
    """Return the scenarios that no other is at least as good as in everything, and better in something."""

    def beats(one: Line, other: Line) -> bool:
        pairs = [(one.figures[name], other.figures[name]) for name in PARETO]
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    return {line.number for line in lines if not any(beats(other, line) for other in lines)}
