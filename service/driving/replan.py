"""The run that plans the rest of a running day, from what crews report and what went wrong. Loads the solver."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import Session

from geodata.streets.overlays import overlay_notes
from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan, loads
from optimizer.problem.matrix import TravelMatrix
from optimizer.search.repair import News, repair
from optimizer.search.solve import warm
from scenarios.day import Day, prepare_day, roads_of
from scenarios.noon import Ground, Reported, Unloaded, Urgent, delayed, progress_of, times_on, with_urgent
from service.cities import Cities
from service.db.documents import unsqueeze
from service.db.driving import ReplanRow
from service.db.models import CityVersionRow, PlanRow, RunRow
from service.db.plans import document_of
from service.db.runs import change_running
from service.drawing import unpacked
from service.driving.events import Kind
from service.driving.fold import fold
from service.driving.receive import second_of_day
from service.driving.store import events_of_day
from service.driving.streets import overlays_of_plan, stated_overlays, with_overlays
from service.jobs.solve import stop_of, store

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Engine

    from geodata.city.dataset import CityDataset
    from geodata.streets.overlays import Overlay
    from geodata.streets.snap import Places
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from optimizer.search.repair import Progress, Repair
    from service.driving.fold import DayState
    from service.settings import Settings

_MINUTE_S: Final = 60
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What a re-plan begins from: a plan, its city with the streets as they are now, and what was reported."""

    version_id: int
    city: CityDataset
    service_date: dt.date
    problem: Problem
    plan: Plan
    places: Places
    stated: tuple[Overlay, ...]
    streets_changed: bool
    state: DayState


def replan(engine: Engine, settings: Settings, run_id: str, attempt: int, cancelled: Callable[[], bool]) -> None:
    """Plan the rest of a day and store it as a draft; nothing is stored when the run was cancelled.

    Raises
    ------
    RuntimeError
        If the judge does not pass the plan.
    InvalidProblem
        If what was asked does not fit the city or the plan.
    """
    with Session(engine) as session:
        run, row = session.get_one(RunRow, run_id), session.get_one(ReplanRow, run_id)
        seconds, steps, seed = run.seconds, run.steps, run.seed
        at_s, request = row.at_s, row.request
        base = _base(session, engine, settings, run, row)
    ground = Ground(
        network=roads_of(base.city, base.service_date, cache_dir=settings.cache_dir),
        places=base.places,
        n=len(base.problem.locations),
    )
    problem = base.problem
    behind = frozenset(visit for visit, found in base.state.visits.items() if found.status != "arrived")
    problem, ground, urgent = with_urgent(
        problem, base.city, ground, _urgent(problem, request["changes"]), behind=behind
    )
    if not urgent and (base.streets_changed or not isinstance(problem.matrix, TravelMatrix)):
        problem = replace(problem, matrix=times_on(ground, problem))
    if cancelled():
        return
    news, assumed = news_of(problem, base, request, at_s)
    warm()
    change_running(engine, run_id, attempt, stage="searching")
    stop = stop_of(seconds, steps, time.monotonic() + settings.max_solve_s, cancelled)
    price = request.get("moved_price")
    found = repair(
        problem,
        base.plan,
        replace(news, urgent=urgent),
        stop=stop,
        seed=seed,
        moved_micro=None if price is None else round(price * _MICRO),
    )
    if cancelled():
        return
    violations = check(found.rest.problem, found.result.plan)
    if violations:
        raise RuntimeError(
            f"The plan breaks {len(violations)} constraint(s) and was thrown away; the first: {violations[0].message}"
        )
    change_running(engine, run_id, attempt, stage="drawing")
    notes = (*found.rest.notes, *overlay_notes(base.stated, ground.network, base.service_date))
    with Session(engine) as session:
        session.get_one(ReplanRow, run_id).result = _result(found, assumed, notes)
        session.commit()
    day = Day(
        city=base.city,
        service_date=base.service_date,
        problem=found.rest.problem,
        network=ground.network,
        places=ground.places,
        not_due=0,
        notes=notes,
    )
    store(engine, run_id, attempt, base.version_id, base.city, day, found.result.plan, stated=base.stated)


def _base(session: Session, engine: Engine, settings: Settings, run: RunRow, row: ReplanRow) -> _Base:
    version = session.get_one(CityVersionRow, run.city_version_id)
    assert version.id is not None
    stated = stated_overlays(session, row.city_id, row.service_date)
    before = {overlay.id for overlay in overlays_of_plan(session, row.base_plan_id)}
    city = Cities(engine, settings).dataset(version.id, version.content_hash)
    problem, plan = decode_plan(loads(unsqueeze(document_of(session, row.base_plan_id))))
    packed = session.get_one(PlanRow, row.base_plan_id).places
    return _Base(
        version_id=version.id,
        city=with_overlays(city, stated),
        service_date=row.service_date,
        problem=problem,
        plan=plan,
        places=_places_of_old(city, row.service_date, settings) if packed is None else unpacked(packed),
        stated=stated,
        streets_changed={overlay.id for overlay in stated} != before,
        state=fold(events_of_day(session.connection(), row.city_id, row.service_date, positions="last")),
    )


def _places_of_old(city: CityDataset, service_date: dt.date, settings: Settings) -> Places:
    """Return the places of a plan that was stored before plans kept theirs."""
    return prepare_day(city, service_date, cache_dir=settings.cache_dir).places


def news_of(problem: Problem, base: _Base, request: Mapping[str, Any], at_s: int) -> tuple[News, tuple[str, ...]]:
    """Return what has happened, and the shifts of which nothing was heard and that are taken to keep to the plan."""
    changes: Sequence[Mapping[str, Any]] = request["changes"]
    vehicles = {change["vehicle"] for change in changes if change["kind"] == "breakdown"}
    sick = {change["shift"] for change in changes if change["kind"] == "driver_sick"}
    full = {change["shift"] for change in changes if change["kind"] == "truck_full"}
    late = {change["shift"]: change["minutes"] for change in changes if change["kind"] == "delay"}
    gone = frozenset(shift.id for shift in problem.shifts if shift.vehicle in vehicles or shift.id in sick)
    progress: dict[str, Progress] = {}
    assumed: list[str] = []
    for shift in problem.shifts:
        said = replace(
            reported(shift.id, base.state, base.plan, base.service_date, base.city.timezone), full=shift.id in full
        )
        found = progress_of(problem, base.plan, shift, said, now_s=at_s, gone=shift.id in gone)
        if shift.id in late:
            found = delayed(problem, shift, found, at_s + late[shift.id] * _MINUTE_S)
        if found is not None:
            progress[shift.id] = found
            if said.last_s is None:
                assumed.append(shift.id)
    news = News(
        now_s=at_s,
        progress=progress,
        gone=gone,
        kept=request.get("kept", {}),
        locked=frozenset(request.get("locked", ())),
    )
    return news, tuple(assumed)


def reported(shift: str, state: DayState, plan: Plan, service_date: dt.date, timezone: str) -> Reported:
    """Return what a crew has said, on the clock of the service day."""
    said = state.shifts.get(shift)
    skipped = frozenset(
        visit for visit, found in state.visits.items() if found.status == "skipped" and found.shift == shift
    )
    if said is None:
        return Reported(skipped=skipped)

    def clock(time_us: int) -> int:
        return second_of_day(time_us, service_date, timezone)

    planned = {step.id: step.departure_s for route in plan.routes if route.shift == shift for step in route.steps}
    last = next((visit for visit in reversed(said.done) if visit in planned), None)
    stop = said.last_stop
    standing = stop.subject if stop is not None and stop.kind is Kind.ARRIVED else None
    if standing is not None and (standing not in state.visits or state.visits[standing].status != "arrived"):
        standing = None
    return Reported(
        done=said.done,
        skipped=skipped,
        unloadings=tuple(
            Unloaded(
                site=one.site,
                at_s=clock(one.time_us),
                after=sum(state.visits[visit].time_us <= one.time_us for visit in said.done),
            )
            for one in said.unloadings
        ),
        breaks=len(said.rests),
        standing=standing,
        last_s=clock(said.last_us),
        behind_s=0 if last is None else clock(state.visits[last].time_us) - planned[last],
    )


def _urgent(problem: Problem, changes: Sequence[Mapping[str, Any]]) -> list[Urgent]:
    taken = {visit.id for visit in problem.visits}
    found: list[Urgent] = []
    for change in changes:
        if change["kind"] != "urgent_stop":
            continue
        wish = f"urgent:{change.get('container') or 'street'}"
        name, number = wish, 1
        while name in taken:
            number += 1
            name = f"{wish}#{number}"
        taken.add(name)
        figures = {key: change[key] for key in ("container", "fill", "lon", "lat", "stream", "kg") if key in change}
        found.append(Urgent(id=name, **figures))
    return found


def _result(found: Repair, assumed: Sequence[str], notes: Sequence[str]) -> dict[str, Any]:
    left = {unserved.visit for unserved in found.result.plan.unserved}
    return {
        "moved": list(found.moved),
        "displaced": sorted(found.rest.displaced),
        "displaced_unserved": sorted(found.rest.displaced & left),
        "done": len(found.rest.done),
        "assumed": list(assumed),
        "notes": list(notes),
    }
