"""A plan lived through many times: with other amounts, other traffic and queues at the disposal sites.

The order of visits stays. Where a visit no longer fits, the truck unloads on the way; everything later shifts. All
samples of a route pass through it together, as arrays. The draws hang on ids, the seed and the sample's number alone,
so that plans of different scenarios meet the same days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.problem.plan import StepKind
from scenarios.amounts import BAG_L, key_of_name, normal, uniform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimizer.demand.readings import Flags, Floats, Longs
    from optimizer.problem.model import Problem, TimeWindow, Vehicle, Visit
    from optimizer.problem.plan import Plan, Route, Step
    from scenarios.amounts import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """How far days stray from their plan; our own working figures.

    Parameters
    ----------
    traffic_sd, leg_sd
        Of the logarithm of driving times: of a whole day, and of each leg beside that. Their mean is 1.
    queue_s
        Mean wait before each unloading; waits are exponential.
    bag_l
        Sets how far amounts stray, as in ``scenarios.amounts``; 0 for not at all.
    """

    traffic_sd: float = 0.08
    leg_sd: float = 0.15
    queue_s: float = 180.0
    bag_l: float = BAG_L


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LivedPlan:
    """What the samples of a day came to.

    Parameters
    ----------
    overtime_s : float64[samples], of all routes together
    early_full : int64[samples], unloadings that nobody had planned
    collected_kg : float64[samples]
    distance_m : float64[samples]
    held : bool[samples], every crew was back within its overtime, and no site had closed before it came
    """

    overtime_s: Floats
    early_full: Longs
    collected_kg: Floats
    distance_m: Floats
    held: Flags


def live_through(problem: Problem, plan: Plan, *, samples: int, seed: int, chance: Chance | None = None) -> LivedPlan:
    """Live a plan through many times.

    Parameters
    ----------
    samples
        How often, at least 1.
    """
    if samples < 1:
        raise ValueError(f"A plan is lived through at least once, not {samples} times.")
    chance = chance or Chance()
    total = LivedPlan(
        overtime_s=np.zeros(samples),
        early_full=np.zeros(samples, dtype=np.int64),
        collected_kg=np.zeros(samples),
        distance_m=np.zeros(samples),
        held=np.ones(samples, dtype=np.bool_),
    )
    numbers = np.arange(samples, dtype=np.uint64)
    day = np.exp(chance.traffic_sd * normal(_keys("traffic"), numbers, seed) - chance.traffic_sd**2 / 2)
    for route in plan.routes:
        _Drive(problem, route, chance, numbers, seed, day).through(total)
    return total


def overflows(
    problem: Problem,
    litres: Mapping[str, float],
    volume_l: Mapping[str, float],
    *,
    samples: int,
    seed: int,
    chance: Chance | None = None,
) -> Longs:
    """Return how many containers are full, or more than full, when the truck can come: int64[samples].

    Parameters
    ----------
    litres, volume_l
        What is expected in each container, and what it holds, by its id. The containers of a visit stray together,
        just as ``live_through`` draws it.
    """
    chance = chance or Chance()
    at = {name: visit for visit in problem.visits for name in visit.containers}
    names = list(litres)
    keys = np.array([key_of_name(f"at {at[name].id if name in at else name}") for name in names], dtype=np.uint64)
    mean_l = np.array([at[name].demand_l if name in at else litres[name] for name in names], dtype=np.float64)
    sd = np.sqrt(np.log1p(1.5 * chance.bag_l / np.maximum(mean_l, 1.0)))
    counted = np.zeros(samples, dtype=np.int64)
    holds, expected = np.array([volume_l[name] for name in names]), np.array([litres[name] for name in names])
    for sample in range(samples):
        strayed = expected * np.exp(sd * normal(keys, np.uint64(sample), seed) - sd**2 / 2)
        counted[sample] = int((strayed >= holds).sum())
    return counted


class _Drive:
    """All samples of one route on their way."""

    def __init__(self, problem: Problem, route: Route, chance: Chance, numbers: Words, seed: int, day: Floats) -> None:
        self.problem, self.route, self.chance, self.numbers, self.seed, self.day = (
            problem, route, chance, numbers, seed, day,
        )  # fmt: skip
        self.vehicle: Vehicle = problem.vehicle_by_id[route.vehicle]
        count = len(numbers)
        self.time_s = np.full(count, float(route.departure_s))
        self.kg, self.litres, self.daily_kg = np.zeros(count), np.zeros(count), np.zeros(count)
        self.distance_m = np.zeros(count)
        self.early = np.zeros(count, dtype=np.int64)
        self.held = np.ones(count, dtype=np.bool_)

    def through(self, total: LivedPlan) -> None:
        """Drive the route, and add what it came to."""
        route, problem = self.route, self.problem
        stop: str | None = None
        node = route.steps[0].node
        for step in route.steps[1:]:
            if step.kind is StepKind.BREAK:
                self._rest(step)
                continue
            self._leg(step)
            if step.kind is StepKind.VISIT:
                visit = problem.visit_by_id[step.id]
                self._visit(visit, step, before=node, stays=stop == visit.stop)
                stop = visit.stop
            elif step.kind is StepKind.UNLOAD:
                self._unload(step.id, np.ones(len(self.time_s), dtype=np.bool_))
                stop = None
            node = step.node
        shift = problem.shift_by_id[route.shift]
        self.held &= self.time_s <= shift.latest_return_s
        total.overtime_s[:] += np.maximum(0.0, self.time_s - shift.end_s)
        total.early_full[:] += self.early
        total.collected_kg[:] += self.daily_kg
        total.distance_m[:] += self.distance_m
        total.held[:] &= self.held

    def _leg(self, step: Step) -> None:
        self.time_s = self.time_s + step.leg_duration_s * self._traffic(step.id)
        self.distance_m = self.distance_m + step.leg_distance_m

    def _traffic(self, name: str) -> Floats:
        sd = self.chance.leg_sd
        found: Floats = self.day * np.exp(sd * normal(_keys(f"to {name}"), self.numbers, self.seed) - sd**2 / 2)
        return found

    def _rest(self, step: Step) -> None:
        shift = self.problem.shift_by_id[self.route.shift]
        rest = shift.breaks[int(step.id)]
        self.time_s = np.maximum(self.time_s, rest.earliest_s) + rest.duration_s

    def _visit(self, visit: Visit, step: Step, *, before: int, stays: bool) -> None:
        """Unload first where the truck is too full, then set up, wait for the window and serve."""
        factor = self._amount(visit)
        kg, litres = visit.demand_kg * factor, visit.demand_l * factor
        vehicle = self.vehicle
        # A lone stop that is more than a truck holds is pressed in: nobody leaves half a container.
        full = (self.kg + kg > vehicle.capacity_kg) | (self.litres + litres > vehicle.capacity_l)
        full &= self.kg > 0
        if full.any():
            self._round_trip(visit, step, before, full)
        setup_s = 0 if stays else visit.setup_s
        self.time_s = _within(visit.windows, self.time_s + setup_s)
        self.time_s = self.time_s + visit.service_s + visit.lifts * vehicle.lift_s
        self.kg, self.litres, self.daily_kg = self.kg + kg, self.litres + litres, self.daily_kg + kg

    def _round_trip(self, visit: Visit, step: Step, before: int, full: Flags) -> None:
        """Go to the disposal site with the shortest way round, in the samples that are full."""
        matrix, profile = self.problem.matrix, self.vehicle.profile
        sites = [site for site in self.problem.disposal_sites if site.accepts(visit.stream)]
        nodes = [site.node for site in sites]
        to_s, to_m = matrix.block(profile, [before], nodes)
        from_s, from_m = matrix.block(profile, nodes, [step.node])
        reached = (to_s[0] >= 0) & (from_s[:, 0] >= 0)
        if not reached.any():
            self.held &= ~full
            return
        best = int(np.where(reached, to_s[0].astype(np.int64) + from_s[:, 0], np.iinfo(np.int64).max).argmin())
        around_s = int(to_s[0, best]) + int(from_s[best, 0]) - step.leg_duration_s
        around_m = int(to_m[0, best]) + int(from_m[best, 0]) - step.leg_distance_m
        self.time_s = self.time_s + np.where(full, around_s * self._traffic(step.id), 0.0)
        self.distance_m = self.distance_m + np.where(full, around_m, 0.0)
        self.early = self.early + full
        self._unload(sites[best].id, full)

    def _unload(self, name: str, who: Flags) -> None:
        site = self.problem.site_by_id[name]
        queue_s = -self.chance.queue_s * np.log(
            uniform(_keys(f"queue at {name} of {self.route.shift}"), self.numbers, self.seed)
        )
        start_s = _within(site.windows, self.time_s + queue_s)
        if site.windows:
            self.held &= ~(who & (start_s > site.windows[-1].end_s))
        self.time_s = np.where(who, start_s + site.unloading_s, self.time_s)
        self.kg = np.where(who, 0.0, self.kg)
        self.litres = np.where(who, 0.0, self.litres)

    def _amount(self, visit: Visit) -> Floats:
        sd = float(np.sqrt(np.log1p(1.5 * self.chance.bag_l / max(visit.demand_l, 1))))
        found: Floats = np.exp(sd * normal(_keys(f"at {visit.id}"), self.numbers, self.seed) - sd**2 / 2)
        return found


def _within(windows: tuple[TimeWindow, ...], time_s: Floats) -> Floats:
    """Return the first permitted start from a time on; the time itself where there is none any more."""
    started = time_s.copy()
    waiting = np.ones(len(time_s), dtype=np.bool_)
    for window in windows:
        early = waiting & (time_s <= window.end_s)
        started = np.where(early, np.maximum(time_s, window.start_s), started)
        waiting &= ~early
    return started


def _keys(name: str) -> Words:
    return np.array([key_of_name(name)], dtype=np.uint64)
