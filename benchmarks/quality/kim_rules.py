"""Kim et al.'s own rules, checked on a plan from their file: nothing of Samram's model or judge is used here.

Distances and drive times are exact (they come from the coordinates), while the plan's times are whole seconds.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from benchmarks.quality.kim import FEET_PER_MILE, LUNCH_EARLIEST_S, LUNCH_LATEST_S, manhattan_feet
from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from benchmarks.quality.kim import KimInstance, KimStop
    from optimizer.problem.plan import Plan, Route, Step

_FLOAT_SLACK_S: Final = 1e-6
"""Sums of doubles differ in the last digits."""


def route_miles(instance: KimInstance, route: Route) -> float:
    """Return the exact length of a route, from the coordinates of the places in its order."""
    by_id = {stop.id: stop for stop in instance.stops}
    places = [by_id[step.id] for step in route.steps if step.kind is not StepKind.BREAK]
    return sum(manhattan_feet(one, other) for one, other in pairwise(places)) / FEET_PER_MILE


def broken_rules(instance: KimInstance, plan: Plan) -> list[str]:
    """Return one sentence for each of their rules that a plan breaks; stops that it names as unserved are no breach."""
    served = Counter(step.id for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT)
    served.update(unserved.visit for unserved in plan.unserved)
    found = [
        f"Stop {stop.id} is served or named as unserved {served[stop.id]} times."
        for stop in instance.regular
        if served[stop.id] != 1
    ]
    for route in plan.routes:
        found += [f"{route.vehicle}: {sentence}" for sentence in _broken_on_route(instance, route)]
    return found


def _broken_on_route(instance: KimInstance, route: Route) -> list[str]:
    by_id = {stop.id: stop for stop in instance.stops}
    steps = [step for step in route.steps if step.kind is not StepKind.BREAK]
    places = [by_id[step.id] for step in steps]
    lunches = [step for step in route.steps if step.kind is StepKind.BREAK]
    return [
        *_broken_places(instance, steps, places),
        *_broken_loads(instance, steps, places),
        *_broken_times(instance, steps, places, lunches),
        *_broken_lunch(instance, steps, lunches),
    ]


def _broken_places(instance: KimInstance, steps: list[Step], places: list[KimStop]) -> list[str]:
    found = []
    landfills, regular = instance.landfills, instance.regular
    allowed = {StepKind.VISIT: regular, StepKind.UNLOAD: landfills}
    if places[0] != instance.depot or places[-1] != instance.depot:
        found.append("it does not start and finish at the depot.")
    found += [
        f"{step.id} is no place for a {step.kind}."
        for step, place in zip(steps[1:-1], places[1:-1], strict=True)
        if place not in allowed.get(step.kind, ())
    ]
    stops = sum(step.kind is StepKind.VISIT for step in steps)
    if stops > instance.max_stops:
        found.append(f"it makes {stops} stops with a limit of {instance.max_stops} a day.")
    return found


def _broken_loads(instance: KimInstance, steps: list[Step], places: list[KimStop]) -> list[str]:
    found = []
    load = collected = Decimal(0)
    for step, place in zip(steps, places, strict=True):
        if step.kind is StepKind.VISIT:
            load += place.load_yards
            collected += place.load_yards
        elif step.kind is StepKind.UNLOAD:
            load = Decimal(0)
        if load > instance.capacity_yards:
            found.append(f"it carries {load} yards after {place.id} with a capacity of {instance.capacity_yards}.")
    if load:
        found.append(f"it comes home with {load} yards.")
    if collected > instance.daily_yards:
        found.append(f"it collects {collected} yards with a limit of {instance.daily_yards} a day.")
    return found


def _broken_times(instance: KimInstance, steps: list[Step], places: list[KimStop], lunches: list[Step]) -> list[str]:
    found = []
    for step, place in zip(steps, places, strict=True):
        if not place.earliest_s <= step.start_s <= place.latest_s:
            found.append(f"{place.id} starts at {step.start_s} s, outside {place.earliest_s}-{place.latest_s} s.")
        if step.departure_s - step.start_s < place.service_s:
            found.append(f"{place.id} is left before its service of {place.service_s} s is over.")
    for (before, here), (step, place) in pairwise(zip(steps, places, strict=True)):
        paused_s = sum(
            lunch.departure_s - lunch.start_s
            for lunch in lunches
            if before.departure_s <= lunch.start_s and lunch.departure_s <= step.start_s
        )
        driving_s = step.start_s - before.departure_s - paused_s
        needed_s = instance.drive_s(manhattan_feet(here, place))
        if driving_s < needed_s - _FLOAT_SLACK_S:
            found.append(f"the way from {here.id} to {place.id} takes {needed_s:.1f} s and has {driving_s} s.")
    return found


def _broken_lunch(instance: KimInstance, steps: list[Step], lunches: list[Step]) -> list[str]:
    if not lunches:
        # Their rule excuses a route that is over before 11:00, and no other; not even one that departs after 12:00.
        owed = instance.lunch_s > 0 and steps[-1].arrival_s > LUNCH_EARLIEST_S
        return ["it is out after 11:00 and has no lunch."] if owed else []
    found = []
    if len(lunches) > 1:
        found.append(f"it has {len(lunches)} lunches.")
    for lunch in lunches:
        if not LUNCH_EARLIEST_S <= lunch.start_s <= LUNCH_LATEST_S:
            found.append(f"lunch starts at {lunch.start_s} s, not between 11:00 and 12:00.")
        if lunch.departure_s - lunch.start_s < instance.lunch_s:
            found.append(f"lunch lasts {lunch.departure_s - lunch.start_s} s, not {instance.lunch_s} s.")
        if any(step.start_s < lunch.departure_s and lunch.start_s < step.departure_s for step in steps):
            found.append("lunch interrupts a service.")
    return found
