"""``samram plan --events``: what a policy chooses from a file of events, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from optimizer.demand.select import Decision
from scenarios.choose import choose_day
from service.cli import show
from service.cli.backtest import read_events

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from scenarios.choose import Chosen, Kind

_MOST_LINES: Final = 40
_MOST_IDS: Final = 5


def chosen_from(city: CityDataset, service_date: dt.date, path: Path, kind: Kind) -> Chosen:
    """Read events and choose by a policy; CityDatasetError with every row of the file that cannot be read."""
    events, _ = read_events(path)
    return choose_day(city, service_date, events, kind=kind)


def choose(city: CityDataset, service_date: dt.date, path: Path, kind: Kind) -> Chosen:
    """Read events, choose by a policy and print the choice of each container that is not left.

    Raises
    ------
    CityDatasetError
        With every row of the file that cannot be read.
    """
    chosen = chosen_from(city, service_date, path, kind)
    count = Counter(choice.decision for choice in chosen.choices)
    show.OUT.print(
        f"{kind}: {count[Decision.REQUIRED]:,} of {len(chosen.choices):,} containers required, "
        f"{count[Decision.OPTIONAL]:,} optional, {count[Decision.LEFT]:,} left"
    )
    due = [choice for choice in chosen.choices if choice.decision is not Decision.LEFT]
    due.sort(key=lambda choice: (choice.decision is not Decision.REQUIRED, -(choice.prize_micro or 0)))
    for choice in due[:_MOST_LINES]:
        prize = "" if choice.prize_micro is None else f", worth {show.money(choice.prize_micro, city.currency)}"
        show.OUT.print(f"{choice.decision.value}: {choice.container}: {choice.why}{prize}", markup=False)
    if len(due) > _MOST_LINES:
        show.OUT.print(f"... and {len(due) - _MOST_LINES} more")
    if chosen.left_out:
        some = ", ".join(chosen.left_out[:_MOST_IDS]) + (" ..." if len(chosen.left_out) > _MOST_IDS else "")
        show.notes([f"{path.name} has events of {len(chosen.left_out)} containers that the city does not have: {some}"])
    return chosen
