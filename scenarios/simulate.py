"""A city that lives: day after day waste falls, sensors tell or fail, a policy chooses, trucks go out, bins overflow.

The planner never sees the truth. What is thrown in, and how sensors err, is drawn beforehand (``scenarios.waste``), the
same for every policy, so that policies are compared seed by seed. A plan is carried out with the litres that are there:
a truck that fills up early makes another trip, and what no longer fits into the shift stays for tomorrow.

A container overflows on a day if it is full when the truck might come or when the day ends. Waste beside a full
container stays there, and is taken along when somebody comes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from optimizer.demand.clean import DAY_S, FULL
from optimizer.demand.exposure import Calendar
from optimizer.demand.readings import EventTable
from optimizer.demand.select import choose_with_hindsight, situation
from scenarios.carrying import carry_out
from scenarios.choose import choices_of, day_s, due_of, groups_alike, learn, look_ahead, moments_at, trusted
from scenarios.schedules import due_days, warm_up_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geodata.city.dataset import Container
    from optimizer.demand.forecast import FillModel
    from optimizer.demand.readings import Flags, Floats, Longs
    from optimizer.demand.select import Choice
    from scenarios.choose import Moments, Rules
    from scenarios.fleetday import Ground
    from scenarios.waste import World

Kind: TypeAlias = Literal["schedule", "threshold", "forecast", "perfect"]

FIRST_DAY: Final = dt.date(2026, 1, 5)
"""A Monday, as the worlds' weekdays usually begin on one."""
TRUCK_S: Final = 6 * 3_600
"""All trucks count as coming at six in the morning: between the two parts of a day."""
_READ_S: Final = (TRUCK_S - 300, DAY_S - 300)
"""Sensors speak just before the trucks come, and at night."""
_MEMORY_DAYS: Final = 70
_LEARN_DAYS: Final = 7
"""What containers have in common is learnt anew this often; each one's own pace with every event."""
_TAP: Final = 4
"""A driver's screen has quarters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is simulated.

    Parameters
    ----------
    warm_up
        Days before those that count, on a schedule that is the same for all policies; the forecaster learns from them.
    days
        Days that count.
    steps
        Of the search for each day's plan.
    taps
        Whether drivers say how full a container was, in quarters, when they empty it.
    first_day
        Day 0, the first of the warm-up.
    calendar
        What everybody knows of days to come; a drawn world has so much waste on them, and so the planner expects.
    """

    kind: Kind
    rules: Rules
    warm_up: int = 28
    days: int = 90
    steps: int = 5
    taps: bool = False
    first_day: dt.date = FIRST_DAY
    calendar: Calendar = field(default_factory=Calendar)

    @property
    def world_days(self) -> int:
        """How many days a world needs: those of the warm-up, those that count, and what a look ahead may see."""
        return self.warm_up + self.days + 1 + self.rules.look_ahead

    @property
    def span(self) -> range:
        """The days that count."""
        return range(self.warm_up, self.warm_up + self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDone:
    """What a day came to.

    Parameters
    ----------
    emptied, overflowed
        Containers.
    trips
        That were driven.
    extra_trips
        Trips that the plan did not know of, because the truck was full before.
    put_off
        Visits that were planned and not made.
    """

    distance_m: int
    duration_s: int
    cost_micro: int
    kg: int
    emptied: int
    overflowed: int
    trips: int
    extra_trips: int
    put_off: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """All days that count, and where the litres went.

    Parameters
    ----------
    containers
        How many there are.
    start_l, generated_l, collected_l, left_l
        There at first, thrown in, taken away, and there in the end: the first two make up the last two.
    """

    containers: int
    days: tuple[DayDone, ...]
    start_l: float
    generated_l: float
    collected_l: float
    left_l: float

    @property
    def overflows(self) -> int:
        """Container-days with an overflow."""
        return sum(day.overflowed for day in self.days)

    @property
    def service(self) -> float:
        """The share of container-days without an overflow."""
        return 1 - self.overflows / (self.containers * len(self.days))

    @property
    def km(self) -> float:
        """All that was driven."""
        return sum(day.distance_m for day in self.days) / 1_000


def live(
    ground: Ground,
    world: World,
    setting: Setting,
    *,
    seed: int,
    due: Flags | None = None,
    warm: Flags | None = None,
) -> Lived:
    """Let a city live under a policy.

    Parameters
    ----------
    seed
        Of the searches; what happens by chance is in the world.
    due : bool[days, n]
        Which containers the fixed schedule visits on each day, from that of the warm-up's first.
    warm : bool[warm-up, n]
        Which containers are emptied on each day of the warm-up; a cautious schedule if absent.

    Raises
    ------
    ValueError
        If the world is too short for the days and the look-ahead, or a fixed schedule is missing.
    """
    if world.days < setting.world_days:
        raise ValueError(f"A world of {world.days} days is too short for what is to be simulated.")
    if setting.kind == "schedule" and due is None:
        raise ValueError("A fixed schedule needs the containers that it visits on each day.")
    state = _warmed_up(ground.containers, world, setting, warm)
    start_l = float(state.litres.sum())
    planner = _Planner(ground, world, setting, due)
    done = []
    for day in setting.span:
        choices, litres = planner.choose(day, state)
        problem = ground.problem(due_of(choices, litres), setting.first_day + dt.timedelta(days=day))
        full = state.morning(day)
        orders = ground.plan(problem, steps=setting.steps, seed=seed + day)
        trip = carry_out(problem, orders, dict(zip(ground.ids, state.litres.tolist(), strict=True)), ground.density)
        state.empty(
            day,
            np.array([ground.number[name] for name in trip.containers], dtype=np.int64),
            np.array([trip.left_l.get(name, 0.0) for name in trip.containers]),
        )
        full |= state.evening(day)
        done.append(
            DayDone(
                distance_m=sum(route.distance_m for route in trip.routes),
                duration_s=sum(route.duration_s for route in trip.routes),
                cost_micro=sum(route.cost.operating_micro for route in trip.routes),
                kg=trip.kg,
                emptied=len(trip.containers),
                overflowed=int(full.sum()),
                trips=trip.trips,
                extra_trips=trip.extra_trips,
                put_off=trip.put_off,
            )
        )
    return Lived(
        containers=len(ground.containers),
        days=tuple(done),
        start_l=start_l,
        generated_l=float(world.inflow_l[slice(setting.warm_up, setting.warm_up + setting.days)].sum()),
        collected_l=state.collected_l - state.collected_before(setting.warm_up),
        left_l=float(state.litres.sum()),
    )


def litres_after_warm_up(
    containers: Sequence[Container], world: World, setting: Setting, warm: Flags | None = None
) -> Floats:
    """Return what is in the containers before the first day that counts: float64[n]."""
    return _warmed_up(containers, world, setting, warm).litres


def _warmed_up(containers: Sequence[Container], world: World, setting: Setting, warm: Flags | None) -> _State:
    state = _State(containers, world, taps=setting.taps, first_day=setting.first_day)
    if warm is None:
        warm = due_days(warm_up_schedule(containers, world, setting.warm_up), setting.warm_up)
    for day in range(setting.warm_up):
        state.morning(day)
        state.empty(day, np.flatnonzero(warm[day]))
        state.evening(day)
    return state


class _State:
    """What is in the containers, and what has been heard of them."""

    def __init__(self, containers: Sequence[Container], world: World, *, taps: bool, first_day: dt.date) -> None:
        self.world, self.taps, self._first_s = world, taps, day_s(first_day)
        self.ids = [container.id for container in containers]
        self.litres = world.start_l.copy()
        self._shown = np.full(len(self.ids), np.nan)
        self._collected_l: dict[int, float] = {}
        self._rows: list[tuple[Longs, Longs, Flags, Floats]] = []

    @property
    def fill(self) -> Floats:
        """float64[n], above 1 where waste lies beside."""
        return self.litres / self.world.volume_l

    @property
    def collected_l(self) -> float:
        """Litres taken away so far."""
        return sum(self._collected_l.values())

    def collected_before(self, day: int) -> float:
        """Litres taken away before a day."""
        return sum(litres for number, litres in self._collected_l.items() if number < day)

    def morning(self, day: int) -> Flags:
        """Let the first part of a day pass; return which containers are full: bool[n]."""
        return self._part(day, 0)

    def evening(self, day: int) -> Flags:
        """Let the rest of a day pass; return which containers are full: bool[n]."""
        return self._part(day, 1)

    def empty(self, day: int, containers: Longs, left_l: Floats | float = 0.0) -> None:
        """Empty containers but for what is left in them, as their drivers say."""
        fill = np.full(len(containers), np.nan)
        if self.taps:
            fill = np.round(np.minimum(self.fill[containers], FULL) * _TAP) / _TAP
        self._collected_l[day] = float((self.litres[containers] - left_l).sum())
        self.litres[containers] = left_l
        self._add(containers, day, TRUCK_S, fill, emptying=True)

    def events(self, first_day: int) -> EventTable:
        """Return what was heard from a day on."""
        first_s = self._first_s + first_day * DAY_S
        rows = [row for row in self._rows if len(row[1]) and row[1][0] >= first_s]
        nothing: tuple[Longs, Longs, Flags, Floats] = (
            np.zeros(0, dtype=np.int64),
            np.zeros(0, dtype=np.int64),
            np.zeros(0, dtype=np.bool_),
            np.zeros(0),
        )
        parts = list(zip(*(rows or [nothing]), strict=True))
        return EventTable.from_arrays(
            ids=self.ids,
            container=np.concatenate(parts[0]),
            time_s=np.concatenate(parts[1]),
            emptying=np.concatenate(parts[2]),
            fill=np.concatenate(parts[3]),
        )

    def _part(self, day: int, part: int) -> Flags:
        world = self.world
        self.litres = self.litres + world.inflow_l[day, part]
        shown = np.clip(self.fill + world.noise[day, part], 0.0, FULL)
        shown = np.where(np.isnan(world.outlier[day, part]), shown, world.outlier[day, part])
        hangs = (world.hangs_from >= 0) & (world.hangs_from <= day) & ~np.isnan(self._shown)
        shown = np.where(hangs, self._shown, shown)
        heard = np.flatnonzero(world.heard[day, part])
        self._shown[heard] = shown[heard]
        self._add(heard, day, _READ_S[part], shown[heard], emptying=False)
        full: Flags = self.fill >= FULL
        return full

    def _add(self, containers: Longs, day: int, at_s: int, fill: Floats, *, emptying: bool) -> None:
        time_s = np.full(len(containers), self._first_s + day * DAY_S + at_s, dtype=np.int64)
        self._rows.append((containers, time_s, np.full(len(containers), emptying), fill))


class _Planner:
    """Chooses each day from what was heard."""

    def __init__(self, ground: Ground, world: World, setting: Setting, due: Flags | None) -> None:
        self.ground, self.world, self.setting, self.due = ground, world, setting, due
        self.group = groups_alike(ground.containers)
        self.model: FillModel | None = None

    def choose(self, day: int, state: _State) -> tuple[tuple[Choice, ...], Floats]:
        """Return the choices of a day, and the litres to reckon with: float64[n]."""
        rules = self.setting.rules
        moments = self._moments(day)
        table = trusted(state.events(day - _MEMORY_DAYS))
        if self.setting.kind == "perfect":
            today, soon, later = self._truth(day, state)
            known = situation(table, np.arange(len(self.ground.ids)), moments.known_s)
            choices = choose_with_hindsight(
                known, soon, later, rules.policy, soon_name=moments.soon_name, fill=np.minimum(today, FULL)
            )
            return choices, today * self.world.volume_l
        if self.model is None or (day - self.setting.warm_up) % _LEARN_DAYS == 0:
            self.model = learn(table, self.group, self.setting.calendar, until_s=moments.known_s)
        outlook = look_ahead(self.model, table, moments)
        none = np.zeros(len(self.ground.ids), dtype=np.bool_)
        due = none if self.due is None else self.due[day]
        choices = choices_of(self.setting.kind, table, outlook, moments, rules, due=due)
        return choices, outlook.today.litres(rules.demand_quantile, self.world.volume_l)

    def _moments(self, day: int) -> Moments:
        """Return the moments of a day; each is a chance."""
        today = self.setting.first_day + dt.timedelta(days=day)
        ahead = range(1, self.setting.rules.look_ahead + 1)
        return moments_at(today, middle_s=TRUCK_S, chances=[today + dt.timedelta(days=days) for days in ahead])

    def _truth(self, day: int, state: _State) -> tuple[Floats, Floats, Floats]:
        """Return the fill today, at the next chance and when the look-ahead ends, if nobody comes: float64[n] each."""
        coming = self.world.inflow_l
        found = [state.litres + coming[day, 0]]
        for ahead in range(1, self.setting.rules.look_ahead + 1):
            found.append(found[-1] + coming[day + ahead - 1, 1] + coming[day + ahead, 0])
        fill = np.array(found) / self.world.volume_l
        return fill[0], fill[1], fill[-1]
