"""One scenario on one day with one seed: prepared, planned, lived through, reckoned. What worker processes run."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geodata.streets.overlays import in_force
from optimizer.judge.evaluate import evaluate, orders_of
from optimizer.problem.model import PERMILLE
from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction
from optimizer.search.solve import solve
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit
from scenarios.amounts import Amounts, settled, zone_of_stop
from scenarios.binding import limits_reached, reasons_counted
from scenarios.changes.waste import zones_of
from scenarios.day import hours_of, prepare_day
from scenarios.kpi import Factors, day_kpis
from scenarios.robust import live_through, overflows
from scenarios.visits import Due

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from optimizer.problem.model import Problem, Vehicle
    from optimizer.problem.plan import Action, Plan
    from optimizer.search.stop import Stop
    from scenarios.amounts import Morning
    from scenarios.changes.case import Case
    from scenarios.day import Day
    from scenarios.shared import SharedStreets

PERCENTILES: Final = (50, 95)
MOST_RESERVE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How each day is planned.

    Parameters
    ----------
    seconds, steps
        How long the search takes: one of them. With steps the same study gives the same table.
    reserve
        The share of each shift, and of each truck's room and payload, that plans leave free for days that go otherwise.
        A plan without any is the cheapest on paper and cannot be carried out on most days.
    """

    seconds: float | None = None
    steps: int | None = None
    reserve: float = 0.1

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.steps is None):
            raise ValueError("A budget is a number of seconds or of steps.")
        if not 0 <= self.reserve <= MOST_RESERVE:
            raise ValueError(f"Plans leave between 0 and {MOST_RESERVE:.0%} free, not {self.reserve:.0%}.")

    def stop(self) -> Stop:
        """Return when the search ends, counted from now."""
        if self.steps is not None:
            return StepLimit(self.steps)
        assert self.seconds is not None
        return Deadline(self.seconds, time.monotonic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A cell of the study's grid.

    Parameters
    ----------
    scenario
        Position among the bench's cases.
    start
        Orders, as a result holds them, to begin the search with.
    """

    scenario: int
    date: dt.date
    seed: int
    start: tuple[Any, ...] = ()


class Bench:
    """Everything that the cells of a study have in common; it is pickled to the workers.

    Parameters
    ----------
    cases
        One for each scenario.
    first
        The study's first day.
    samples
        How often each plan is lived through.
    """

    def __init__(
        self,
        streets: SharedStreets,
        cases: Sequence[Case],
        *,
        first: dt.date,
        budget: Budget,
        samples: int,
        factors: Factors | None = None,
    ) -> None:
        self.streets, self.cases, self.first = streets, tuple(cases), first
        self.budget, self.samples, self.factors = budget, samples, factors or Factors()
        self._cities: dict[tuple[int, int], CityDataset] = {}
        self._amounts: dict[tuple[int, int, int], Amounts] = {}
        self._zones: dict[int, dict[str, str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is found again."""
        return {**self.__dict__, "_cities": {}, "_amounts": {}, "_zones": {}}

    def measure(self, days: Iterable[dt.date]) -> None:
        """Measure the travel times that any cell on these days can need, together.

        Each container is announced as a stop of its own, because the first one that is due places a stop.
        """
        seen: set[tuple[object, ...]] = set()
        dates = sorted(days)
        with self.streets.collecting():
            for number, case in enumerate(self.cases):
                for date in dates:
                    city = self.city(number, date)
                    profiles, _ = self.streets.profiles(city.vehicles)
                    network = id(self._network(case, date))
                    key = (network, city.containers, city.depots, city.disposal_sites, profiles)
                    if key in seen:
                        continue
                    seen.add(key)
                    alone = replace(city, containers=tuple(replace(one, stop_id=None) for one in city.containers))
                    everything = {one.id: Due(litres=1) for one in city.containers}
                    prepare_day(alone, date, chosen=everything, streets=self.streets)

    def city(self, scenario: int, date: dt.date) -> CityDataset:
        """Return the settled city of a scenario on the streets of a day."""
        case = self.cases[scenario]
        network = self._network(case, date)
        key = (scenario, id(network))
        if key not in self._cities:
            self._cities[key] = settled(case, network)
        return self._cities[key]

    def _network(self, case: Case, date: dt.date) -> Any:
        hours = hours_of(case.city.shifts, date)
        return self.streets.network(case.city, hours, in_force(case.city.overlays, date, hours))

    def prepare(self, task: Task) -> tuple[Day, Morning]:
        """Return the day of a cell, and what lies in its containers."""
        city = self.city(task.scenario, task.date)
        key = (task.scenario, id(city), task.seed)
        if key not in self._amounts:
            self._amounts[key] = Amounts(self.cases[task.scenario], city, seed=task.seed, first=self.first)
        morning = self._amounts[key].on(task.date)
        return prepare_day(city, task.date, chosen=morning.due, streets=self.streets), morning

    def zone_of(self, scenario: int, city: CityDataset) -> dict[str, str]:
        """Return the zone of each container and door-to-door stop."""
        if scenario not in self._zones:
            self._zones[scenario] = zones_of(self.cases[scenario].city)
        stops = {one.id: zone_of_stop(one.id) for one in city.containers[len(self.cases[scenario].city.containers) :]}
        return {**self._zones[scenario], **stops}

    def run(self, task: Task, *, cancelled: Stop | None = None) -> dict[str, Any]:
        """Plan a cell, and return its figures as plain values.

        Raises
        ------
        ValueError
            If the day cannot be prepared: then the same task never can.
        """
        begun_s = time.monotonic()
        day, morning = self.prepare(task)
        problem = day.problem
        prepared_s = time.monotonic()
        start = carried_over(problem, decoded_orders(task.start)) if task.start else None
        stop = self.budget.stop() if cancelled is None else AnyOf(self.budget.stop(), cancelled)
        spared = with_reserve(problem, self.budget.reserve)
        found = solve(spared, stop=stop, seed=task.seed, start=start).plan
        plan = evaluate(problem, orders_of(problem, found), unserved=found.unserved).plan
        solved_s = time.monotonic()
        figures = self._figures(task, day, plan, morning)
        return {
            **figures,
            # What bound the plan are the limits that it was made within.
            "limits": limits_reached(spared, found),
            "orders": encoded_orders(orders_of(problem, plan)),
            "took": {
                "prepare_s": round(prepared_s - begun_s, 3),
                "solve_s": round(solved_s - prepared_s, 3),
                "reckon_s": round(time.monotonic() - solved_s, 3),
                "measurements": self.streets.measurements,
            },
        }

    def _figures(self, task: Task, day: Day, plan: Plan, morning: Morning) -> dict[str, Any]:
        problem, case = day.problem, self.cases[task.scenario]
        batteries = dict(case.batteries)
        electric = {one.id: batteries.get(one.id) for one in case.city.vehicles if one.energy == "electric"}
        kpis = day_kpis(
            problem, plan, electric=electric, zone_of=self.zone_of(task.scenario, day.city), factors=self.factors
        )
        lived = live_through(problem, plan, samples=self.samples, seed=task.seed)
        # Door-to-door stops are bags at the kerb, which no container limits.
        own = [one.id for one in case.city.containers]
        full = overflows(
            problem,
            dict(zip(own, morning.litres.tolist(), strict=False)),
            {one.id: float(one.volume_l) for one in case.city.containers},
            samples=self.samples,
            seed=task.seed,
        )

        def spread(values: Any) -> list[float]:
            return [round(float(value), 3) for value in np.percentile(values, PERCENTILES)]

        return {
            "figures": {
                "cost": kpis.cost_micro / 1e6,
                "trucks": kpis.trucks,
                "routes": len(kpis.routes),
                "crew_hours": kpis.total("crew_s") / 3_600,
                "km": kpis.total("distance_m") / 1_000,
                "tonnes": kpis.collected_kg / 1_000,
                "overtime_hours": kpis.total("overtime_s") / 3_600,
                "unserved": kpis.unserved_required,
                "left_out": kpis.unserved,
                "unserved_tonnes": kpis.unserved_kg / 1_000,
                "overflows": int(morning.overflowing.sum()),
                "fuel_l": kpis.total("fuel_l"),
                "energy_kwh": kpis.total("energy_kwh"),
                "battery_short_kwh": kpis.total("battery_short_kwh"),
                "co2e_kg": kpis.total("co2e_kg"),
                "fill": kpis.fill,
                "trips": kpis.total("trips"),
                "stops": kpis.total("stops"),
                "visits": len(problem.visits),
            },
            "used": dict(Counter(problem.vehicle_by_id[name].access_class for name in kpis.vehicles)),
            "objective": [kpis.unserved_required, plan.cost.total_micro],
            "zones": {name: [zone.due_kg, zone.collected_kg] for name, zone in kpis.zones.items()},
            "lived": {
                "overtime_hours": spread(lived.overtime_s / 3_600),
                "early_full": spread(lived.early_full),
                "tonnes": spread(lived.collected_kg / 1_000),
                "overflows": spread(full),
                "held": round(float(lived.held.mean()), 4),
            },
            "reasons": reasons_counted(plan),
            "notes": list(day.notes),
        }


def with_reserve(problem: Problem, reserve: float) -> Problem:
    """Return the problem with shorter shifts and smaller trucks, in which a plan leaves some of both free.

    A truck that takes one of the visits alone still does.
    """
    if not reserve:
        return problem
    heaviest = sorted({visit.demand_kg for visit in problem.visits})
    largest = sorted({visit.demand_l for visit in problem.visits})

    def smaller(vehicle: Vehicle) -> Vehicle:
        kg = max([int(vehicle.capacity_kg * (1 - reserve)), *(one for one in heaviest if one <= vehicle.capacity_kg)])
        litres = max([int(vehicle.capacity_l * (1 - reserve)), *(one for one in largest if one <= vehicle.capacity_l)])
        body_l = -(-litres * PERMILLE // vehicle.compaction_permille)
        return replace(vehicle, capacity_kg=max(1, kg), body_l=max(1, min(body_l, vehicle.body_l)))

    return replace(
        problem,
        vehicles=tuple(smaller(vehicle) for vehicle in problem.vehicles),
        shifts=tuple(
            replace(shift, end_s=shift.end_s - int(reserve * (shift.end_s - shift.start_s))) for shift in problem.shifts
        ),
    )


def run_in_worker(bench: str, task: Task, flag: str) -> dict[str, Any]:
    """Run a cell in a worker process, which reads the bench once.

    Parameters
    ----------
    bench
        Path of the pickled bench: our own file, written by the process that runs the study.
    flag
        Path that appears when the study is cancelled; running searches look for it.
    """
    watched = Path(flag)
    return _bench(bench).run(task, cancelled=Cancelled(_NowAndThen(watched)))


class _NowAndThen:
    """Looks for a file every fifth of a second."""

    def __init__(self, path: Path) -> None:
        self._path, self._next_s, self._found = path, 0.0, False

    def __call__(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + 0.2
            self._found = self._path.exists()
        return self._found


@lru_cache(maxsize=1)
def _bench(path: str) -> Bench:
    import pickle  # noqa: PLC0415 - workers alone; see run_in_worker

    with Path(path).open("rb") as file:
        bench: Bench = pickle.load(file)  # noqa: S301 - our own file of a moment ago
    return bench


def encoded_orders(orders: Iterable[RouteOrder]) -> list[Any]:
    """Return orders as lists of plain values: a shift, and its visits with their kerb or sites with -1."""
    return [
        [
            order.shift,
            [
                [action.visit, action.kerb] if isinstance(action, VisitAction) else [action.site, -1]
                for action in order.actions
            ],
        ]
        for order in orders
    ]


def decoded_orders(rows: Iterable[Any]) -> tuple[RouteOrder, ...]:
    """Return what ``encoded_orders`` was given."""
    return tuple(
        RouteOrder(
            shift=shift,
            actions=tuple(
                UnloadAction(site=name) if kerb < 0 else VisitAction(visit=name, kerb=kerb) for name, kerb in actions
            ),
        )
        for shift, actions in rows
    )


def carried_over(problem: Problem, orders: Iterable[RouteOrder]) -> list[RouteOrder]:
    """Return what is left of another scenario's orders here: shifts, visits and sites that this day has too."""
    kept = []
    for order in orders:
        if order.shift not in problem.shift_by_id:
            continue
        actions = [action for action in order.actions if _is_here(problem, action)]
        if any(isinstance(action, VisitAction) for action in actions):
            kept.append(RouteOrder(shift=order.shift, actions=tuple(actions)))
    return kept


def _is_here(problem: Problem, action: Action) -> bool:
    if isinstance(action, UnloadAction):
        return action.site in problem.site_by_id
    visit = problem.visit_by_id.get(action.visit)
    return visit is not None and action.kerb < len(visit.kerb)


def make_bench(
    cases: Sequence[Case],
    days: Sequence[dt.date],
    *,
    budget: Budget,
    samples: int,
    factors: Factors | None = None,
    extract: OsmExtract | None = None,
) -> Bench:
    """Build the streets of all cases once, and measure once."""
    from scenarios.shared import SharedStreets  # noqa: PLC0415 - numba's loops are needed by whoever builds alone

    vehicles = {vehicle: None for case in cases for vehicle in case.city.vehicles}
    streets = SharedStreets(vehicles, extract=extract)
    bench = Bench(streets, cases, first=min(days), budget=budget, samples=samples, factors=factors)
    bench.measure(days)
    return bench
