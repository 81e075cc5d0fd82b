"""The lives of the table: which policy in which world, and each one kept on disk as a file of its own."""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from scenarios.choose import USUAL
from scenarios.policies import live_as_good
from scenarios.simulate import Setting, live
from scenarios.waste import Nature

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.policies import Town
    from scenarios.simulate import Kind, Lived
    from scenarios.waste import World

STEPS: Final = 2
"""Of the search for each day's plan: of a second that a day may take, what several thousand days leave."""
PACE: Final = 0.3
"""Times the built-in city's fill rates, by which containers fill in two days or less: with nothing to choose from."""

NATURE: Final = Nature(pace=PACE)

LEVELS: Final = tuple(percent / 100 for percent in range(80, 0, -5))
"""From which a threshold that is as good as something else may come, the highest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One policy in one kind of world.

    Parameters
    ----------
    as_good_as
        The case whose overflows a fixed schedule may have, or a threshold, which is then the highest of ``LEVELS`` that
        keeps to them: both are found with hindsight.
    by_pace
        Whether the fixed schedule passes by slow containers on every other day (``schedules.routes_alike``).
    """

    name: str
    kind: Kind
    nature: Nature = NATURE
    full_from: float = USUAL.full_from
    taps: bool = False
    as_good_as: str | None = None
    by_pace: bool = False


FORECAST: Final = "forecast"
DEAD: Final = "forecast, 20 % dead sensors"
TAPS: Final = "forecast, taps only"
THRESHOLD: Final = "threshold 80 %"
LOWER: Final = "threshold 50 %"
THRESHOLD_AS_GOOD: Final = "threshold as good as forecast"
SHARP: Final = "forecast, levels known exactly"
PERFECT: Final = "hindsight"
SCHEDULE: Final = "schedule as good as forecast"
SCHEDULE_PACE: Final = "schedule by pace, as good as forecast"
SCHEDULE_TAPS: Final = "schedule as good as taps only"

CASES: Final = {
    case.name: case
    for case in (
        Case(name=FORECAST, kind="forecast"),
        Case(name=SCHEDULE, kind="schedule", as_good_as=FORECAST),
        Case(name=SCHEDULE_PACE, kind="schedule", as_good_as=FORECAST, by_pace=True),
        Case(name=THRESHOLD, kind="threshold"),
        Case(name=PERFECT, kind="perfect"),
        Case(name=SHARP, kind="forecast", nature=replace(NATURE, noise=0.0, lost=0.0, outliers=0.0)),
        Case(name=DEAD, kind="forecast", nature=replace(NATURE, dead=0.2)),
        Case(name=TAPS, kind="forecast", nature=replace(NATURE, sensors=0.0), taps=True),
        Case(name=SCHEDULE_TAPS, kind="schedule", as_good_as=TAPS),
        Case(name=LOWER, kind="threshold", full_from=0.5),
        Case(name=THRESHOLD_AS_GOOD, kind="threshold", as_good_as=FORECAST),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one life came to, a day on average; ``service`` is a share."""

    service: float
    overflows: int
    km: float
    hours: float
    trips: float
    extra_trips: float
    visits: float
    cost: float
    cpu_s: float

    @staticmethod
    def of(lived: Lived, *, cpu_s: float) -> Life:
        """Average over the days."""
        n = len(lived.days)
        return Life(
            service=lived.service,
            overflows=lived.overflows,
            km=lived.km / n,
            hours=sum(day.duration_s for day in lived.days) / 3_600 / n,
            trips=sum(day.trips for day in lived.days) / n,
            extra_trips=sum(day.extra_trips for day in lived.days) / n,
            visits=sum(day.emptied for day in lived.days) / n,
            cost=sum(day.cost_micro for day in lived.days) / 1e6 / n,
            cpu_s=cpu_s / n,
        )


class Lives:
    """Lives made now, or kept from before at the same commit.

    Parameters
    ----------
    made_for
        What plans save: ``money``, or ``km``.
    folder
        Where each is kept; nowhere if None.
    """

    def __init__(
        self, town: Town, *, days: int, commit: str | None, folder: Path | None, clock: Any, made_for: str = "money"
    ) -> None:
        self.town, self.days, self.clock, self.made_for = town, days, clock, made_for
        self.folder = None if commit is None else folder
        self._commit = commit
        self._made: dict[tuple[str, int], Life] = {}

    def of(self, name: str, seed: int) -> Life:
        """Return the life of a case with a seed."""
        if (name, seed) not in self._made:
            self._made[name, seed] = self._kept(name, seed) or self._make(name, seed)
        return self._made[name, seed]

    def keep(self, name: str, seed: int, made: Life) -> None:
        """Write a life into the folder, whole or not at all."""
        file = self._file(name, seed)
        if file is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(f".{os.getpid()}.part")
        half.write_text(json.dumps({field: getattr(made, field) for field in Life.__slots__}), encoding="utf-8")
        half.replace(file)

    def _make(self, name: str, seed: int) -> Life:
        case = CASES[name]
        setting = Setting(
            kind=case.kind,
            rules=replace(USUAL, full_from=case.full_from),
            days=self.days,
            steps=STEPS,
            taps=case.taps,
        )
        overflows = 0 if case.as_good_as is None else self.of(case.as_good_as, seed).overflows
        begun_s = self.clock()
        world = self.town.world(setting, seed=seed, nature=case.nature)
        if case.kind == "schedule":
            lived = live_as_good(self.town, world, setting, seed=seed, overflows=overflows, by_pace=case.by_pace)
        elif case.as_good_as is not None:
            lived = self._by_threshold_as_good(world, setting, seed=seed, overflows=overflows)
        else:
            lived = live(self.town.ground, world, setting, seed=seed)
        made = Life.of(lived, cpu_s=self.clock() - begun_s)
        print(
            f"{name}, seed {seed}: {100 * made.service:.2f} % service, {made.km:.1f} km and {made.visits:.0f} visits "
            f"a day, {made.cpu_s:.2f} s of computing",
            flush=True,
        )
        self.keep(name, seed, made)
        return made

    def _by_threshold_as_good(self, world: World, setting: Setting, *, seed: int, overflows: int) -> Lived:
        """Live by the highest threshold that overflows on no more container-days; by the lowest if none does."""

        @cache
        def lived_from(level: float) -> Lived:
            rules = replace(setting.rules, full_from=level)
            return live(self.town.ground, world, replace(setting, rules=rules), seed=seed)

        place = bisect_left(LEVELS, -overflows, key=lambda level: -lived_from(level).overflows)
        return lived_from(LEVELS[min(place, len(LEVELS) - 1)])

    def _kept(self, name: str, seed: int) -> Life | None:
        file = self._file(name, seed)
        if file is None or not file.exists():
            return None
        return Life(**json.loads(file.read_text(encoding="utf-8")))

    def _file(self, name: str, seed: int) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{name}--{self.made_for}--{self.days} days--seed {seed}--{(self._commit or '')[:12]}.json"
