"""A city that lives: day after day waste falls, sensors tell or fail, a policy chooses, trucks go out, bins overflow.

The planner never sees the truth. What is thrown in, and how sensors err, is drawn beforehand (``scenarios.waste``), the
same for every policy, so that policies are compared seed by seed. A plan is carried out with the litres that are there:
a truck that fills up early makes another trip, and what no longer fits into the shift stays for tomorrow.

A container overflows on a day if it is full when the truck might come or when the day ends. Waste beside a full
container stays there, and is taken along when somebody comes.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from optimizer.demand.clean import DAY_S, FULL, clean
from optimizer.demand.exposure import Calendar
from optimizer.demand.forecast import fit
from optimizer.demand.readings import EventTable
from optimizer.demand.select import choose_with_hindsight, situation
from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction
from optimizer.search.insertion import shorten
from scenarios.choose import Moments, choices_of, day_s, due_of, groups_alike, look_ahead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geodata.city.dataset import Container
    from optimizer.demand.forecast import FillModel
    from optimizer.demand.readings import Flags, Floats, Longs
    from optimizer.demand.select import Choice
    from optimizer.problem.model import Problem, Vehicle, Visit
    from optimizer.problem.plan import Action, Route
    from scenarios.choose import Rules
    from scenarios.fleetday import Ground
    from scenarios.waste import World

Kind: TypeAlias = Literal["schedule", "threshold", "forecast", "perfect"]

FIRST_DAY: Final = dt.date(2026, 1, 5)
"""Day 0, a Monday, as the worlds' weekdays begin on one."""
TRUCK_S: Final = 6 * 3_600
"""All trucks count as coming at six in the morning: between the two parts of a day."""
_READ_S: Final = (TRUCK_S - 300, DAY_S - 300)
"""Sensors speak just before the trucks come, and at night."""
_MEMORY_DAYS: Final = 70
_LEARN_DAYS: Final = 30
"""What containers have in common is learnt anew this often; each one's own pace with every event."""
_TAP: Final = 4
"""A driver's screen has quarters."""
INTERVALS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14)
"""Days between two visits that a fixed schedule may have."""


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
    """

    kind: Kind
    rules: Rules
    warm_up: int = 28
    days: int = 90
    steps: int = 5
    taps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDone:
    """What a day came to.

    Parameters
    ----------
    emptied, overflowed
        Containers.
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
    def service(self) -> float:
        """The share of container-days without an overflow."""
        return 1 - sum(day.overflowed for day in self.days) / (self.containers * len(self.days))

    @property
    def km(self) -> float:
        """All that was driven."""
        return sum(day.distance_m for day in self.days) / 1_000


def live(ground: Ground, world: World, setting: Setting, *, seed: int, schedule: Longs | None = None) -> Lived:
    """Let a city live under a policy.

    Parameters
    ----------
    seed
        Of the searches; what happens by chance is in the world.
    schedule : int64[n, 2]
        Interval and phase in days of each container, for the fixed schedule.

    Raises
    ------
    ValueError
        If the world is too short for the days and the look-ahead, or a fixed schedule is missing.
    """
    if world.days < setting.warm_up + setting.days + setting.rules.look_ahead + 1:
        raise ValueError(f"A world of {world.days} days is too short for what is to be simulated.")
    if setting.kind == "schedule" and schedule is None:
        raise ValueError("A fixed schedule needs each container's interval and phase.")
    state = _State(ground.containers, world, taps=setting.taps)
    warm = warm_up_schedule(ground.containers, world, setting.warm_up)
    for day in range(setting.warm_up):
        state.morning(day)
        state.empty(day, np.flatnonzero(due_on(warm, day)))
        state.evening(day)
    start_l = float(state.litres.sum())
    planner = _Planner(ground, world, setting, schedule)
    done = []
    for day in range(setting.warm_up, setting.warm_up + setting.days):
        choices, litres = planner.choose(day, state)
        problem = ground.problem(due_of(choices, litres), FIRST_DAY + dt.timedelta(days=day))
        full = state.morning(day)
        orders = ground.plan(problem, steps=setting.steps, seed=seed + day)
        trip = carry_out(problem, orders, dict(zip(ground.ids, state.litres.tolist(), strict=True)), ground.density)
        state.empty(day, np.array([ground.number[name] for name in trip.containers], dtype=np.int64))
        full |= state.evening(day)
        done.append(
            DayDone(
                distance_m=sum(route.distance_m for route in trip.routes),
                duration_s=sum(route.duration_s for route in trip.routes),
                cost_micro=sum(route.cost.operating_micro for route in trip.routes),
                kg=trip.kg,
                emptied=len(trip.containers),
                overflowed=int(full.sum()),
                extra_trips=trip.extra_trips,
                put_off=trip.put_off,
            )
        )
    span = slice(setting.warm_up, setting.warm_up + setting.days)
    return Lived(
        containers=len(ground.containers),
        days=tuple(done),
        start_l=start_l,
        generated_l=float(world.inflow_l[span].sum()),
        collected_l=state.collected_l - state.collected_before(setting.warm_up),
        left_l=float(state.litres.sum()),
    )


class _State:
    """What is in the containers, and what has been heard of them."""

    def __init__(self, containers: Sequence[Container], world: World, *, taps: bool) -> None:
        self.world, self.taps = world, taps
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

    def empty(self, day: int, containers: Longs) -> None:
        """Empty containers, which their drivers say."""
        fill = np.full(len(containers), np.nan)
        if self.taps:
            fill = np.round(np.minimum(self.fill[containers], FULL) * _TAP) / _TAP
        self._collected_l[day] = float(self.litres[containers].sum())
        self.litres[containers] = 0.0
        self._add(containers, day, TRUCK_S, fill, emptying=True)

    def events(self, first_day: int) -> EventTable:
        """Return what was heard from a day on."""
        first_s = _midnight_s(first_day)
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
        time_s = np.full(len(containers), _midnight_s(day) + at_s, dtype=np.int64)
        self._rows.append((containers, time_s, np.full(len(containers), emptying), fill))


class _Planner:
    """Chooses each day from what was heard."""

    def __init__(self, ground: Ground, world: World, setting: Setting, schedule: Longs | None) -> None:
        self.ground, self.world, self.setting, self.schedule = ground, world, setting, schedule
        self.group = groups_alike(ground.containers)
        self.model: FillModel | None = None

    def choose(self, day: int, state: _State) -> tuple[tuple[Choice, ...], Floats]:
        """Return the choices of a day, and the litres to reckon with: float64[n]."""
        rules = self.setting.rules
        moments = self._moments(day)
        table = clean(state.events(day - _MEMORY_DAYS))
        if self.setting.kind == "perfect":
            today, soon, later = self._truth(day, state)
            known = situation(table, np.arange(len(self.ground.ids)), moments.known_s)
            choices = choose_with_hindsight(
                known, soon, later, rules.policy, soon_name=moments.soon_name, fill=np.minimum(today, FULL)
            )
            return choices, today * self.world.volume_l
        if self.model is None or (day - self.setting.warm_up) % _LEARN_DAYS == 0:
            self.model = fit(table, group=self.group, calendar=Calendar(), until_s=moments.known_s)
        outlook = look_ahead(self.model, table, moments)
        none = np.zeros(len(self.ground.ids), dtype=np.bool_)
        due = none if self.schedule is None else due_on(self.schedule, day)
        choices = choices_of(self.setting.kind, table, outlook, moments, rules, due=due)
        return choices, outlook.today.litres(rules.demand_quantile, self.world.volume_l)

    def _moments(self, day: int) -> Moments:
        known_s = _midnight_s(day)
        return Moments(
            known_s=known_s,
            today_s=known_s + TRUCK_S,
            soon_s=known_s + TRUCK_S + DAY_S,
            later_s=known_s + TRUCK_S + self.setting.rules.look_ahead * DAY_S,
            soon_name="tomorrow's visit",
        )

    def _truth(self, day: int, state: _State) -> tuple[Floats, Floats, Floats]:
        """Return the fill today, at the next chance and at the end of the look-ahead, if nobody comes."""
        coming = self.world.inflow_l
        today = state.litres + coming[day, 0]
        found = [today / self.world.volume_l]
        for ahead in range(1, self.setting.rules.look_ahead + 1):
            today = today + coming[day + ahead - 1, 1] + coming[day + ahead, 0]
            found.append(today / self.world.volume_l)
        return found[0], found[1], found[-1]


# --- what really happens ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """Orders as they went: the routes driven, the containers emptied, the trips that nobody had planned."""

    routes: tuple[Route, ...]
    containers: tuple[str, ...]
    kg: int
    extra_trips: int
    put_off: int


def carry_out(
    problem: Problem, orders: Sequence[RouteOrder], litres: Mapping[str, float], density: Mapping[str, float]
) -> CarriedOut:
    """Drive a plan's orders with what is really in the containers.

    The order of visits stays. Where the next visit no longer fits, the truck unloads on the way; a route that then
    breaks a constraint, such as the end of the shift, gives up its last visits.

    Parameters
    ----------
    litres
        What is in each container.
    density
        Kilograms per litre of each stream.
    """
    truth = replace(problem, visits=tuple(_with_truth(visit, litres, density) for visit in problem.visits))
    routes, emptied, kg, extra, put_off = [], [], 0, 0, 0
    for planned in orders:
        order = _with_unloadings(truth, planned)
        driven = shorten(truth, order)
        served = _visits(truth, driven)
        extra += max(0, _unloadings(driven) - _unloadings(planned))
        put_off += len(_visits(truth, planned)) - len(served)
        emptied += [name for visit in served for name in visit.containers]
        kg += sum(visit.demand_kg for visit in served)
        if driven.actions:
            routes.append(evaluate_route(truth, driven).route)
    return CarriedOut(routes=tuple(routes), containers=tuple(emptied), kg=kg, extra_trips=extra, put_off=put_off)


def _with_truth(visit: Visit, litres: Mapping[str, float], density: Mapping[str, float]) -> Visit:
    there_l = sum(litres[name] for name in visit.containers)
    return replace(
        visit,
        demand_l=math.ceil(round(there_l, 6)),
        demand_kg=math.ceil(round(there_l * density[visit.stream], 6)),
        prize_micro=None,
    )


def _with_unloadings(problem: Problem, order: RouteOrder) -> RouteOrder:
    """Unload before each visit that no longer fits."""
    vehicle = problem.vehicle_of(problem.shift_by_id[order.shift])
    here = problem.depot_by_id[vehicle.depot].node
    kg = litres = 0
    actions: list[Action] = []
    for action in order.actions:
        if isinstance(action, VisitAction):
            visit = problem.visit_by_id[action.visit]
            there = visit.kerb[action.kerb]
            full = kg + visit.demand_kg > vehicle.capacity_kg or litres + visit.demand_l > vehicle.capacity_l
            if full and kg + litres > 0:
                site = _site_on_the_way(problem, vehicle, here, there, visit.stream)
                actions.append(UnloadAction(site=site))
                kg = litres = 0
            kg, litres, here = kg + visit.demand_kg, litres + visit.demand_l, there
        else:
            kg, litres, here = 0, 0, problem.site_by_id[action.site].node
        actions.append(action)
    return RouteOrder(shift=order.shift, actions=tuple(actions))


def _site_on_the_way(problem: Problem, vehicle: Vehicle, here: int, there: int, stream: str) -> str:
    """Return the disposal site with the shortest way round; all that it must accept is what the visit brings."""
    sites = [site for site in problem.disposal_sites if site.accepts(stream)]
    nodes = [site.node for site in sites]
    to_s, _ = problem.matrix.block(vehicle.profile, [here], nodes)
    from_s, _ = problem.matrix.block(vehicle.profile, nodes, [there])
    seconds = to_s[0].astype(np.int64) + from_s[:, 0]
    seconds[(to_s[0] < 0) | (from_s[:, 0] < 0)] = np.iinfo(np.int64).max
    return sites[int(seconds.argmin())].id


def _visits(problem: Problem, order: RouteOrder) -> list[Visit]:
    return [problem.visit_by_id[action.visit] for action in order.actions if isinstance(action, VisitAction)]


def _unloadings(order: RouteOrder) -> int:
    return sum(isinstance(action, UnloadAction) for action in order.actions)


# --- schedules -------------------------------------------------------------------------------------------------------


def due_on(schedule: Longs, day: int) -> Flags:
    """Return which containers a schedule, int64[n, 2] of intervals and phases in days, visits on a day: bool[n]."""
    due: Flags = (day + schedule[:, 1]) % schedule[:, 0] == 0
    return due


def warm_up_schedule(containers: Sequence[Container], world: World, warm_up: int) -> Longs:
    """Return a cautious schedule by what usually falls: int64[n, 2]; each container comes when about 60 % full."""
    daily_l = world.inflow_l[: max(warm_up, 1)].sum(axis=(0, 1)) / max(warm_up, 1)
    interval = np.clip(0.6 * world.volume_l / np.maximum(daily_l, 1e-9), 1, 7).astype(np.int64)
    return np.column_stack([interval, np.arange(len(containers)) % interval])


def routes_alike(containers: Sequence[Container]) -> Longs:
    """Return numbers of the containers that one fixed route would visit: same kind, quarter of the city, and pace.

    The pace is whether a container fills faster or slower than the half of its kind, by the city's own figures.
    """
    lon, lat = (np.array([getattr(c, name) for c in containers]) for name in ("lon", "lat"))
    pace = np.array([(c.fill_rate_l_per_day or 0.0) / c.volume_l for c in containers])
    kind = np.array([f"{c.stream}/{c.access_class}/{bool(c.windows)}" for c in containers])
    fast = np.zeros(len(containers), dtype=np.bool_)
    for name in np.unique(kind):
        fast[kind == name] = pace[kind == name] > np.median(pace[kind == name])
    label = [
        f"{name}/{east}/{north}/{quick}"
        for name, east, north, quick in zip(kind, lon > np.median(lon), lat > np.median(lat), fast, strict=True)
    ]
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def schedule_as_good(ground: Ground, world: World, setting: Setting, *, group: Longs, overflows: int) -> Longs:
    """Find the fixed schedule with the fewest visits that has at most so many overflows, one interval for each group.

    It is found with hindsight, on the very days that it is then judged on: no schedule made beforehand can be better
    but for the choice of groups. From daily visits, always the change is made that saves most visits for each overflow
    that it adds.

    Parameters
    ----------
    group : int64[n]
    overflows
        Container-days.

    Returns
    -------
    int64[n, 2]
    """
    start = _after_warm_up(ground.containers, world, setting)
    groups = int(group.max()) + 1
    size = np.bincount(group, minlength=groups)
    lost = np.zeros((groups, len(INTERVALS)), dtype=np.int64)
    for column, interval in enumerate(INTERVALS):
        plan = np.column_stack([np.full(len(group), interval), group % interval])
        lost[:, column] = np.bincount(group, _overflows(world, setting, start, plan), minlength=groups)
    visits = size[:, None] / np.array(INTERVALS)[None, :]
    chosen: Longs = np.zeros(groups, dtype=np.int64)
    while True:
        best: tuple[float, int, int] | None = None
        total = int(lost[np.arange(groups), chosen].sum())
        for number in range(groups):
            for column in range(chosen[number] + 1, len(INTERVALS)):
                added = int(lost[number, column] - lost[number, chosen[number]])
                if total + added > overflows:
                    continue
                gain = float(visits[number, chosen[number]] - visits[number, column]) / max(added, 0.01)
                if best is None or gain > best[0]:
                    best = (gain, number, column)
        if best is None:
            break
        chosen[best[1]] = best[2]
    every: Longs = np.array(INTERVALS, dtype=np.int64)[chosen][group]
    return np.column_stack([every, group % every])


def _after_warm_up(containers: Sequence[Container], world: World, setting: Setting) -> Floats:
    state = _State(containers, world, taps=False)
    warm = warm_up_schedule(containers, world, setting.warm_up)
    for day in range(setting.warm_up):
        state.morning(day)
        state.empty(day, np.flatnonzero(due_on(warm, day)))
        state.evening(day)
    return state.litres


def _overflows(world: World, setting: Setting, litres: Floats, schedule: Longs) -> Longs:
    """Return the days with an overflow of each container if all that is due is emptied: int64[n]."""
    found = np.zeros(len(litres), dtype=np.int64)
    for day in range(setting.warm_up, setting.warm_up + setting.days):
        litres = litres + world.inflow_l[day, 0]
        full = litres >= world.volume_l
        litres = np.where(due_on(schedule, day), 0.0, litres) + world.inflow_l[day, 1]
        found += full | (litres >= world.volume_l)
    return found


def _midnight_s(day: int) -> int:
    return day_s(FIRST_DAY) + day * DAY_S
