"""A day of the built-in city with a plan made by hand: trips to the far landfill, and a break on the way there."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from geodata.city.dataset import load_city
from geodata.city.demo.city import write_demo_city
from optimizer.judge.evaluate import evaluate
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.model import Break
from optimizer.problem.plan import Reason, RouteOrder, StepKind, UnloadAction, Unserved, VisitAction
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from scenarios.day import Day


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Prepare the built-in city with 50 containers for a Monday."""
    city = load_city(write_demo_city(tmp_path_factory.mktemp("maps") / "city", containers=50, seed=3))
    return prepare_day(city, dt.date(2026, 11, 23))


@pytest.fixture(scope="session")
def planned(day: Day) -> tuple[Problem, Plan]:
    """Plan two routes: two trips to the far landfill with a break in the first drive there, and one trip."""
    problem = day.problem
    first, second = (
        next(shift for shift in problem.shifts if problem.vehicle_of(shift).access_class == kind)
        for kind in ("compactor", "tipper")
    )
    landfill = max(problem.disposal_sites, key=lambda site: day.places.lon[site.node])
    mine = _servable(problem, first.vehicle, set())
    others = _servable(problem, second.vehicle, set(mine[:6]))
    orders = [
        RouteOrder(
            shift=first.id,
            actions=(
                *(VisitAction(visit=visit) for visit in mine[:3]),
                UnloadAction(site=landfill.id),
                *(VisitAction(visit=visit) for visit in mine[3:6]),
                UnloadAction(site=landfill.id),
            ),
        ),
        RouteOrder(
            shift=second.id,
            actions=(*(VisitAction(visit=visit) for visit in others[:4]), UnloadAction(site=landfill.id)),
        ),
    ]
    served = {*mine[:6], *others[:4]}
    unserved = [
        Unserved(visit=visit.id, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="Left out by hand.")
        for visit in problem.visits
        if visit.id not in served
    ]
    rested = dataclasses.replace(problem, shifts=tuple(dataclasses.replace(s, breaks=()) for s in problem.shifts))
    alone = evaluate(rested, orders, unserved=unserved).plan.routes[0]
    unload = next(step for step in alone.steps if step.kind is StepKind.UNLOAD)
    # A third of the way to the landfill, and no other moment will do: the shift leaves no time to begin later.
    at_s = unload.arrival_s - unload.leg_duration_s * 2 // 3
    rest = Break(duration_s=900, earliest_s=at_s, latest_s=at_s)
    tight = dataclasses.replace(
        first, start_s=alone.departure_s, end_s=alone.return_s + 900, max_overtime_s=0, breaks=(rest,)
    )
    shifts = tuple(tight if shift.id == first.id else shift for shift in rested.shifts)
    problem = dataclasses.replace(problem, shifts=shifts)
    return problem, evaluate(problem, orders, unserved=unserved).plan


def _servable(problem: Problem, vehicle_id: str, taken: set[str]) -> list[str]:
    """Visits that a vehicle can drive to, from and away from."""
    vehicle = problem.vehicle_by_id[vehicle_id]
    duration_s = problem.matrix.duration_s(vehicle.profile)
    depot = problem.depot_by_id[vehicle.depot].node
    return [
        visit.id
        for visit in problem.visits
        if visit.id not in taken
        and visit.kerb
        and duration_s[depot, visit.kerb[0]] != NO_PATH
        and duration_s[visit.kerb[0], depot] != NO_PATH
    ]
