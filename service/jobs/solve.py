"""What a run does: read the city, plan the day, have it judged, store it with its maps. Loads the solver."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import Session

from geodata.maps.geojson import collection, route_features, unserved_features, without_ways
from optimizer.judge.evaluate import check
from optimizer.problem.codec import dumps, encode_plan
from optimizer.search.solve import warm
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit
from scenarios.day import prepare_day
from service.cities import Cities
from service.clock import local_clock, utc_now
from service.db.documents import squeeze
from service.db.driving import PlanStreetsRow, ReplanRow
from service.db.models import CityVersionRow, PlanRow, RouteRow, RunRow
from service.db.runs import change_running, end_as_done
from service.drawing import packed
from service.driving.streets import stated_overlays, with_overlays
from service.jobs.like import searched
from service.jobs.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from geodata.city.dataset import CityDataset
    from geodata.streets.overlays import Overlay
    from optimizer.problem.plan import Plan
    from optimizer.search.solve import Improvement
    from optimizer.search.stop import Stop
    from scenarios.day import Day
    from service.settings import Settings

PROGRESS_EVERY_S: Final = 0.5


def solve(engine: Engine, settings: Settings, run_id: str, attempt: int, cancelled: Callable[[], bool]) -> None:
    """Plan the day of a run and store the plan; nothing is stored when it was cancelled.

    Raises
    ------
    RuntimeError
        If the judge does not pass the plan.
    """
    with Session(engine) as session:
        run = session.get_one(RunRow, run_id)
        version_id, service_date, seed = run.city_version_id, run.service_date, run.seed
        seconds, steps = run.seconds, run.steps
        content_hash = session.get_one(CityVersionRow, version_id).content_hash
        is_rest = session.get(ReplanRow, run_id) is not None
        stated = stated_overlays(session, session.get_one(CityVersionRow, version_id).city_id, service_date)
    if is_rest:
        from service.driving.replan import replan  # noqa: PLC0415 - it stores its plan by what stands here

        replan(engine, settings, run_id, attempt, cancelled)
        return
    city = with_overlays(Cities(engine, settings).dataset(version_id, content_hash), stated)
    day = prepare_day(city, service_date, cache_dir=settings.cache_dir)
    if cancelled():
        return
    warm()
    progress = _Progress(engine, run_id, attempt)
    change_running(engine, run_id, attempt, stage="searching")
    end_s = time.monotonic() + settings.max_solve_s
    stop = stop_of(seconds, steps, end_s, cancelled)
    # Several processes meet in another order each time: a run that is to be reproduced has one.
    workers = settings.solve_workers if steps is None else 1
    day, plan = searched(engine, run_id, day, stop=stop, seed=seed, on_improvement=progress, workers=workers)
    progress.write()
    if cancelled():
        return
    if steps is not None and time.monotonic() > end_s:
        raise RuntimeError(f"It did not make its {steps} steps within {settings.max_solve_s} s.")
    violations = check(day.problem, plan)
    if violations:
        raise RuntimeError(
            f"The plan breaks {len(violations)} constraint(s) and was thrown away; the first: {violations[0].message}"
        )
    change_running(engine, run_id, attempt, stage="drawing")
    store(engine, run_id, attempt, version_id, city, day, plan, stated=stated)


def stop_of(seconds: int, steps: int | None, end_s: float, cancelled: Callable[[], bool]) -> Stop:
    """Return when a search ends: after its seconds, or after its steps and by ``end_s`` at the latest."""
    limit = Deadline(seconds, time.monotonic) if steps is None else Cancelled(lambda: time.monotonic() > end_s)
    return AnyOf(limit, Cancelled(cancelled), *([] if steps is None else [StepLimit(steps)]))


def store(
    engine: Engine,
    run_id: str,
    attempt: int,
    version_id: int,
    city: CityDataset,
    day: Day,
    plan: Plan,
    *,
    stated: Sequence[Overlay] = (),
) -> None:
    """Write the plan with everything made from it, and that the run is done, in one transaction.

    ``stated`` are the changes to the streets that it was made with beside those of the city's files.
    """
    clock = local_clock(day.service_date, city.timezone)
    positions = {container.id: (container.lon, container.lat) for container in city.containers}
    routes = [
        route_features(day.problem, route, day.network, day.places, clock=clock, container_positions=positions)
        for route in plan.routes
    ]
    unserved = unserved_features(day.problem, plan, day.places, container_positions=positions)
    plan_id = uuid.uuid4().hex
    row = PlanRow(
        id=plan_id,
        run_id=run_id,
        city_version_id=version_id,
        service_date=day.service_date,
        created_at=utc_now(),
        summary=summarise(day.problem, plan, clock, notes=day.notes),
        document=squeeze(dumps(encode_plan(day.problem, plan))),
        routes_geojson=squeeze(
            collection(without_ways(feature for features in (*routes, unserved) for feature in features))
        ),
        places=packed(day.places),
    )
    parts = [
        RouteRow(plan_id=plan_id, vehicle=route.vehicle, shift=route.shift, geojson=squeeze(collection(features)))
        for route, features in zip(plan.routes, routes, strict=True)
    ]
    with Session(engine) as session:
        # First the run: when it was cancelled or taken up anew meanwhile, nothing else is written.
        if not end_as_done(session, run_id, attempt):
            return
        session.add(row)
        session.flush()
        session.add_all(parts)
        if stated:
            session.add(PlanStreetsRow(plan_id=plan_id, overlays=[overlay.id for overlay in stated]))
        session.commit()


class _Progress:
    """Writes improvements into the run's row as they come, at most two times a second."""

    def __init__(self, engine: Engine, run_id: str, attempt: int) -> None:
        self._engine = engine
        self._run_id = run_id
        self._attempt = attempt
        self._curve: list[dict[str, Any]] = []
        self._written_s = -PROGRESS_EVERY_S
        self._unwritten: dict[str, Any] | None = None

    def __call__(self, improvement: Improvement, _plan: Plan) -> None:
        self._unwritten = {
            "elapsed_s": round(improvement.elapsed_s, 3),
            "cost_micro": improvement.cost_micro,
            "unserved": improvement.unserved,
        }
        if time.monotonic() - self._written_s >= PROGRESS_EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what came last, if it is not written yet."""
        if self._unwritten is None:
            return
        self._curve.append(self._unwritten)
        self._unwritten = None
        change_running(self._engine, self._run_id, self._attempt, progress=self._curve)
        self._written_s = time.monotonic()
