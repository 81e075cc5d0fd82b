"""One solved plan of the built-in city, stored as a run would have stored it: searched once for all tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from plan_rows import MONDAY, version_of
from sqlmodel import Session, select

from geodata.city.dataset import load_city
from optimizer.search.stop import StepLimit
from scenarios.day import plan_day, prepare_day
from service.clock import utc_now
from service.db.models import PlanRow, RouteRow, RunRow
from service.db.runs import lease_end
from service.jobs.solve import store

if TYPE_CHECKING:
    from sqlalchemy import Engine


@cache
def _day(folder: Path) -> tuple[Any, Any, Any]:
    city = load_city(folder)
    with TemporaryDirectory(prefix="samram-roads-") as cache_dir:
        day = prepare_day(city, MONDAY, cache_dir=Path(cache_dir))
    return city, day, plan_day(day, stop=StepLimit(30), seed=1).plan


def store_solved(engine: Engine, city_id: str, folder: Path) -> str:
    """Store Monday's plan of the city in this folder, with its run, and return the plan's id."""
    city, day, plan = _day(folder)
    run = RunRow(
        id=uuid4().hex,
        city_version_id=version_of(engine, city_id),
        service_date=MONDAY,
        seconds=1,
        seed=1,
        status="running",
        created_at=utc_now(),
        attempts=1,
        lease_until=lease_end(),
    )
    run_id, version_id = run.id, run.city_version_id
    with Session(engine) as session:
        session.add(run)
        session.commit()
    store(engine, run_id, 1, version_id, city, day, plan)
    with Session(engine) as session:
        return session.exec(select(PlanRow.id).where(PlanRow.run_id == run_id)).one()


def routes_of(engine: Engine, plan_id: str) -> dict[str, bytes]:
    """Return the stored drawings of a plan's routes by shift."""
    with Session(engine) as session:
        asked = select(RouteRow.shift, RouteRow.geojson).where(RouteRow.plan_id == plan_id)
        return dict(session.exec(asked).all())
