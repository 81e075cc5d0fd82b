"""Several policies in one world: the same waste, the same sensors and the same faults, so that they differ alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from optimizer.demand.clean import DAY_S
from scenarios.choose import day_s
from scenarios.schedules import due_days, halves, own_schedule, routes_alike, schedule_as_good
from scenarios.simulate import litres_after_warm_up, live
from scenarios.waste import draw_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geodata.city.dataset import CityDataset
    from optimizer.demand.readings import Flags, Floats
    from scenarios.fleetday import Ground
    from scenarios.simulate import Lived, Setting
    from scenarios.waste import Nature, World

PolicyName: TypeAlias = Literal["schedule", "as-good", "threshold", "forecast", "perfect"]
POLICIES: Final[tuple[PolicyName, ...]] = ("schedule", "as-good", "threshold", "forecast", "perfect")
"""The city's own schedule; the fixed schedule that overflows as seldom as the forecasts do, found with hindsight;
visits from a level on; by forecast; and by what will really come."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Town:
    """A city's containers on its streets, and what usually falls into each.

    Parameters
    ----------
    rate_l : float64[n], litres a day by the city's own figures
    """

    ground: Ground
    rate_l: Floats

    @property
    def volume_l(self) -> Floats:
        """float64[n]."""
        return np.array([container.volume_l for container in self.ground.containers], dtype=np.float64)

    def world(self, setting: Setting, *, seed: int, nature: Nature) -> World:
        """Draw what happens to the town."""
        return draw_world(
            self.volume_l,
            self.rate_l,
            days=setting.world_days,
            warm_up=setting.warm_up,
            seed=seed,
            nature=nature,
            first_weekday=setting.first_day.weekday(),
            foreseen=_foreseen(setting),
        )


def _foreseen(setting: Setting) -> Floats:
    """Return what the calendar multiplies each day's waste by: float64[days]."""
    first = day_s(setting.first_day) // DAY_S
    kind = setting.calendar.kinds(first, first + setting.world_days - 1)
    return setting.calendar.prior()[kind]


def usual_rates(city: CityDataset) -> Floats:
    """Return the litres that fall into each container on a usual day, float64[n].

    Where the city knows no rate, its usual fill at a collection, spread over the days between two of them.
    """
    return np.array(
        [
            c.fill_rate_l_per_day
            if c.fill_rate_l_per_day is not None
            else city.default_fill * c.volume_l * (len(c.schedule) / 7 if c.schedule else 1)
            for c in city.containers
        ],
        dtype=np.float64,
    )


def live_under(
    policies: Sequence[PolicyName], town: Town, setting: Setting, *, seed: int, nature: Nature
) -> Iterator[tuple[PolicyName, Lived]]:
    """Let one world go by under each policy in turn; the schedule that is as good comes after the forecasts.

    Raises
    ------
    ValueError
        If a schedule is to be as good as forecasts that are not among the policies.
    """
    if "as-good" in policies and "forecast" not in policies:
        raise ValueError("A schedule can only be as good as the forecasts if these are among the policies.")
    world = town.world(setting, seed=seed, nature=nature)
    overflows = 0
    for policy in sorted(policies, key=lambda one: one == "as-good"):
        if policy == "as-good":
            lived = live_as_good(town, world, setting, seed=seed, overflows=overflows)
        elif policy == "schedule":
            due = own_schedule(town.ground.containers, setting.first_day, setting.world_days)
            lived = live(town.ground, world, replace(setting, kind="schedule"), seed=seed, due=due)
        else:
            lived = live(town.ground, world, replace(setting, kind=policy), seed=seed)
        if policy == "forecast":
            overflows = lived.overflows
        yield policy, lived


def live_as_good(
    town: Town,
    world: World,
    setting: Setting,
    *,
    seed: int,
    overflows: int,
    by_pace: bool = False,
    warm: Flags | None = None,
) -> Lived:
    """Live by the fixed schedule that overflows no more than so many container-days.

    See ``schedules.schedule_as_good``, and ``schedules.routes_alike`` for ``by_pace``.
    """
    containers = town.ground.containers
    start_l = litres_after_warm_up(containers, world, setting, warm)
    schedule = schedule_as_good(
        world,
        start_l,
        setting.span,
        group=routes_alike(containers, by_pace=by_pace),
        half=halves(containers),
        overflows=overflows,
    )
    due = due_days(schedule, setting.world_days)
    return live(town.ground, world, replace(setting, kind="schedule"), seed=seed, due=due, warm=warm)
