"""Planning from the command line, without a database: a city's folder in, files out."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from geodata.maps.geojson import plan_geojson, route_geojson
from geodata.maps.picture import plan_picture
from optimizer.judge.evaluate import check
from optimizer.problem.codec import dumps, encode_plan
from optimizer.problem.errors import SolverError
from optimizer.search.stop import Deadline, StepLimit
from scenarios.day import plan_day, prepare_day
from service.cli import show
from service.clock import local_clock

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from optimizer.problem.plan import Plan
    from scenarios.day import Day

_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]")


def plan_city(
    city: CityDataset, service_date: dt.date, *, seconds: float, seed: int, steps: int | None = None
) -> tuple[Day, Plan]:
    """Plan a day with a progress bar; the plan has passed the judge.

    Raises
    ------
    SolverError
        If the judge does not pass the plan: a fault of ours, never of the city.
    """
    show.ERR.print("reading the streets (the first time, a minute may go into compiling) ...")
    day = prepare_day(city, service_date)
    stop = Deadline(seconds, time.monotonic) if steps is None else StepLimit(steps)
    with show.search_progress(seconds, city.currency) as improved:
        plan = plan_day(day, stop=stop, seed=seed, on_improvement=improved).plan
    broken = check(day.problem, plan)
    if broken:
        raise SolverError(f"The plan breaks a constraint and is not written: {broken[0].message}")
    return day, plan


def write_plan(day: Day, plan: Plan, path: Path) -> None:
    """Write ``plan.json``; see docs/plan-format.md."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dumps(encode_plan(day.problem, plan)))


def write_maps(day: Day, plan: Plan, folder: Path) -> list[Path]:
    """Write ``routes.geojson`` and a GeoJSON file for each shift's driver; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = local_clock(day.service_date, day.city.timezone)
    positions = {container.id: (container.lon, container.lat) for container in day.city.containers}
    whole = folder / "routes.geojson"
    whole.write_bytes(
        plan_geojson(day.problem, plan, day.network, day.places, clock=clock, container_positions=positions)
    )
    written = [whole]
    for route in plan.routes:
        path = folder / (_NOT_IN_NAMES.sub("_", route.shift) + ".geojson")
        path.write_bytes(
            route_geojson(day.problem, route, day.network, day.places, clock=clock, container_positions=positions)
        )
        written.append(path)
    return written


def write_picture(day: Day, plan: Plan, path: Path) -> None:
    """Write the routes on the street map as an SVG picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"{day.city.name}, {day.service_date.isoformat()}"
    svg = plan_picture(day.problem, plan, day.network, day.places, title=title, attribution=day.city.attribution)
    path.write_text(svg, encoding="utf-8")
