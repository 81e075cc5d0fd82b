"""How many trucks a city needs, from a study over fleets, in sentences that a council can read."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from scenarios.compare import CONFIDENCE, difference, share_at_least
from scenarios.study import fleets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scenarios.compare import Line
    from scenarios.study import StudyResult


def answer(result: StudyResult, lines: Sequence[Line]) -> str:
    """Return ``sentences`` as one text."""
    return " ".join(sentences(result, lines))


def sentences(result: StudyResult, lines: Sequence[Line]) -> list[str]:
    """Say how many trucks a city needs, the answer first and what it rests on after it; nothing without a curve.

    The answer is the smallest fleet that leaves nothing required behind in any cell. How sure that is, the number of
    cells says: n days without a failure show with 95 % confidence that at least 0.05 ** (1 / n) of all days are so.
    """
    asked = fleets(result.study)
    curve = [(number, size) for number, size in asked if lines[number].cells or lines[number].why_not]
    if len(asked) < 2 or not curve:  # noqa: PLR2004 - a curve, of which halving tries a part
        return []
    enough = [(number, size) for number, size in curve if lines[number].cells and lines[number].served_days == 1]
    if not enough:
        number, size = curve[-1]
        line = lines[number]
        left = f"{line.figures['unserved']:.1f} visits a day stay behind" if line.cells else line.why_not
        return [f"None of the fleets serves everything: even with {_vehicles(size)}, {left}.", line.bound]
    number, size = enough[0]
    line = lines[number]
    fleet = _fleet(result, number)
    currency = result.city.currency
    days = f"the {line.cells} days tried" if line.cells > 1 else "the one day tried"
    enough_for = (
        f"{_vehicles(size)} {'is' if size == 1 else 'are'} enough ({_words(fleet)}): nothing that must be collected "
        f"stays behind on {days}, for {line.figures['cost']:,.0f} {currency} a day and "
        f"{line.cost_per_year:,.0f} {currency} a year."
    )
    said = [enough_for]
    if dict(line.used) != dict(fleet):
        said.append(f"Never more than {_words(line.used)} are on the road on one day; the others stand by.")
    smaller = [pair for pair in curve if pair[1] < size and lines[pair[0]].cells]
    if smaller:
        said.append(_short_of(result, lines, *smaller[-1]))
        between = range(smaller[-1][1] + 1, size)
        if between:
            tried = f"{between[0]} to {between[-1]} vehicles were" if len(between) > 1 else f"{between[0]} was"
            said.append(f"Whether fewer than {size} would do is open: {tried} not tried.")
    said += _cheaper(result, lines, number, [other for other, _ in enough[1:]])
    sure = share_at_least(line.cells, line.cells)
    if sure < CONFIDENCE:
        needed = math.ceil(math.log(1 - CONFIDENCE) / math.log(CONFIDENCE))
        said.append(
            f"How sure this is: with 95 % confidence, at least {sure:.0%} of such days are served in full; "
            f"{needed} days tried would show 95 %."
        )
    if line.held < CONFIDENCE:
        said.append(
            f"Lived through with other amounts, traffic and queues, the plans of {_vehicles(size)} hold on "
            f"{line.held:.0%} of days; plans with a larger reserve hold more often."
        )
    return said


def _short_of(result: StudyResult, lines: Sequence[Line], number: int, size: int) -> str:
    """Say what the next smaller fleet leaves behind."""
    short = lines[number]
    share = "no day is" if short.served_days == 0 else f"{short.served_days:.0%} of days are"
    return (
        f"With {size} ({_words(_fleet(result, number))}), {short.figures['unserved']:.1f} visits "
        f"({short.figures['unserved_tonnes']:.2f} t) stay behind on an average day, and {share} served in full."
    )


def _cheaper(result: StudyResult, lines: Sequence[Line], number: int, larger: Sequence[int]) -> list[str]:
    """Say which larger fleet costs less beyond doubt: it has more of the vehicles that suit the work."""
    found = []
    for other in larger:
        less = difference(result, number, other, "cost")
        if less is not None and less.low > 0:
            found.append((less.mean, other, less))
    if not found:
        return []
    # The smallest of those that save nearly as much as the best: nobody buys ten trucks for the last cents.
    most = max(mean for mean, _, _ in found)
    _, other, less = next(one for one in found if one[0] >= 0.9 * most)
    currency = result.city.currency
    said = (
        f"A day is cheaper with {lines[other].name} ({_words(_fleet(result, other))}): {less.mean:,.0f} {currency} "
        f"less ({less.low:,.0f} to {less.high:,.0f}), because the work suits the vehicles better; what it costs to own "
        "the additional ones is not in it."
    )
    if lines[other].held < lines[number].held - 0.02:
        said += (
            f" Its plans are tighter: lived through with other amounts, traffic and queues, they hold on "
            f"{lines[other].held:.0%} of days, those of {lines[number].name} on {lines[number].held:.0%}."
        )
    return [said]


def _vehicles(size: int) -> str:
    return f"{size} vehicle{'' if size == 1 else 's'}"


def _fleet(result: StudyResult, number: int) -> Counter[str]:
    case = result.cases[number]
    return Counter(one.access_class for one in case.city.vehicles) if case is not None else Counter()


def _words(counts: Mapping[str, int]) -> str:
    """Return "8 compactors, 1 three-wheeler", the most first."""
    named = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {name.replace('_', '-')}{'' if count == 1 else 's'}" for name, count in named) or "none"
