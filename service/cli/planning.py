"""Planning from the command line, without a database: a city's folder in, files out."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from geodata.city.dataset import default_cache_dir, read_city
from geodata.errors import CityDatasetError
from geodata.maps.geojson import plan_geojson, route_geojson
from geodata.maps.picture import plan_picture
from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan, dumps, encode_plan, loads, problem_hash
from optimizer.problem.errors import InvalidProblem, SolverError
from optimizer.search.solve import warm
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit
from scenarios.day import plan_day, prepare_day
from service.cli import show
from service.cli.compiling import told
from service.clock import local_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from scenarios.day import Day
    from scenarios.visits import Due

_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]")
_WHOLE: Final = "routes"
_PARTS: Final = ("depots", "disposal_sites", "vehicles", "shifts", "visits", "locations", "currency")


def read(path: Path) -> tuple[CityDataset, OsmExtract]:
    """Return a city with its streets, read once; its warnings are printed.

    Raises
    ------
    CityDatasetError
        With everything that is wrong with it.
    """
    reading = read_city(path)
    if reading.dataset is None or reading.extract is None:
        raise CityDatasetError(reading.errors)
    show.findings("warning", reading.warnings)
    return reading.dataset, reading.extract


def plan_city(
    city: CityDataset,
    extract: OsmExtract,
    service_date: dt.date,
    *,
    seconds: float,
    seed: int,
    steps: int | None = None,
    workers: int = 1,
    chosen: Mapping[str, Due] | None = None,
) -> tuple[Day, Plan]:
    """Plan a day with a progress bar; the plan has passed the judge. Ctrl+C ends the search and keeps its best plan.

    Parameters
    ----------
    workers
        In how many processes to search.

    Raises
    ------
    SolverError
        If the judge does not pass the plan: a fault of ours, never of the city.
    """
    show.ERR.print("reading the streets ...")
    with told():
        day = prepare_day(city, service_date, extract=extract, chosen=chosen, cache_dir=roads_dir())
        warm()
    with asked_to_end() as asked:
        show.day_line(day)
        show.notes(day.notes)
        limit = Deadline(seconds, time.monotonic) if steps is None else StepLimit(steps)
        with show.search_progress(seconds, city.currency) as improved:
            stop = AnyOf(limit, Cancelled(asked))
            plan = plan_day(day, stop=stop, seed=seed, on_improvement=improved, workers=workers).plan
        if asked():
            show.ERR.print("The search was ended by Ctrl+C; this is its best plan so far.", style="yellow")
    broken = check(day.problem, plan)
    if broken:
        raise SolverError(f"The plan breaks a constraint and is not written: {broken[0].message}")
    return day, plan


def roads_dir() -> Path | None:
    """Return the user's folder for streets that were read and contracted once; None, with a note, where none can be."""
    folder = default_cache_dir() / "roads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
        reason = "it may not be written to"
    show.notes([f"The streets are not kept for the next time: {folder}: {reason}."])
    return None


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl+C into an answer; a second one acts as usual.

    The usual KeyboardInterrupt would be raised inside the solver library's callbacks, which lose it.
    """
    asked = Event()
    before = signal.getsignal(signal.SIGINT)

    def once(_number: int, _frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, once)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def prepare_outputs(files: Sequence[Path | None], folders: Sequence[Path | None]) -> None:
    """Make the folders that files will be written into: better refused now than after the search.

    Raises
    ------
    CommandError
        If one of them cannot be written to.
    """
    for file in files:
        if file is None:
            continue
        if file.is_dir():
            raise show.CommandError(f"{file} is a folder; expected the name of a file to write.")
        _writable_folder(file.parent)
        if file.exists() and not os.access(file, os.W_OK):
            raise show.CommandError(f"{file} may not be written to.")
    for folder in folders:
        if folder is not None:
            _writable_folder(folder)


def _writable_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise show.CommandError(f"{folder} cannot be made: a file stands where a folder is expected.") from error
    except OSError as error:
        raise show.CommandError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise show.CommandError(f"The folder {folder} may not be written to.")


def write_plan(day: Day, plan: Plan, path: Path) -> None:
    """Write ``plan.json``; see docs/plan-format.md."""
    path.write_bytes(dumps(encode_plan(day.problem, plan)))


def write_maps(day: Day, plan: Plan, folder: Path, *, why: Mapping[str, str] | None = None) -> list[Path]:
    """Write ``routes.geojson`` and a GeoJSON file for each shift's driver; return their paths.

    Files of other plans that stand in the folder are named in a note, so that nobody hands out yesterday's route.
    """
    clock = local_clock(day.service_date, day.city.timezone)
    positions = {container.id: (container.lon, container.lat) for container in day.city.containers}
    whole = folder / f"{_WHOLE}.geojson"
    whole.write_bytes(
        plan_geojson(day.problem, plan, day.network, day.places, clock=clock, container_positions=positions, why=why)
    )
    written = [whole]
    for route, name in zip(plan.routes, _file_names([route.shift for route in plan.routes]), strict=True):
        path = folder / f"{name}.geojson"
        path.write_bytes(
            route_geojson(
                day.problem, route, day.network, day.places, clock=clock, container_positions=positions, why=why
            )
        )
        written.append(path)
    others = sorted(path.name for path in folder.glob("*.geojson") if path not in written)
    if others:
        show.notes([f"{folder} also holds files that are not of this plan: {', '.join(others)}."])
    return written


def _file_names(shifts: Sequence[str]) -> list[str]:
    """Return a file name for each shift, different also where case does not count."""
    taken = {_WHOLE}
    names = []
    for shift in shifts:
        plain = _NOT_IN_NAMES.sub("_", shift)
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def write_picture(day: Day, plan: Plan, path: Path) -> None:
    """Write the routes on the street map as an SVG picture."""
    title = f"{day.city.name}, {day.service_date.isoformat()}"
    svg = plan_picture(day.problem, plan, day.network, day.places, title=title, attribution=day.city.attribution)
    path.write_text(svg, encoding="utf-8")


def read_plan(path: Path) -> tuple[Problem, Plan]:
    """Read a ``plan.json``.

    Raises
    ------
    CommandError
        If it is none, or is damaged.
    """
    try:
        return decode_plan(loads(path.read_bytes()))
    except InvalidProblem as error:
        raise show.CommandError(f"{path} cannot be read as a plan. {error}") from error


def date_of(problem: Problem) -> dt.date:
    """Return a plan's service date; CommandError if it names none."""
    try:
        return dt.date.fromisoformat(problem.service_date or "")
    except ValueError as error:
        raise show.CommandError(
            f"The plan names the service date {problem.service_date!r}, so it cannot be held against the city; "
            "expected a date such as 2026-11-23."
        ) from error


def made_for(
    problem: Problem,
    stored: Plan,
    city: CityDataset,
    extract: OsmExtract,
    *,
    chosen: Mapping[str, Due] | None = None,
) -> Problem:
    """Hold a plan's problem against the city as it is now, and return the same problem as the city gives it.

    Parameters
    ----------
    chosen
        What a policy chose for that day, if the plan was made from events.

    Raises
    ------
    CommandError
        If the plan was made for something else, with the parts that differ.
    """
    service_date = date_of(problem)
    with told():
        now = prepare_day(city, service_date, extract=extract, chosen=chosen, cache_dir=roads_dir()).problem
    if problem_hash(now) == stored.problem_hash:
        return now
    differing = [_difference(name, getattr(problem, name), getattr(now, name)) for name in _PARTS]
    parts = ", ".join(part for part in differing if part) or "travel times and distances"
    other_visits = chosen is None and differing[_PARTS.index("visits")]
    events = " A plan that was made with --events is checked with the same --events and --policy."
    raise show.CommandError(
        f"The plan was made for other data than {city.name!r} holds now, or by another version of Samram. "
        f"What differs on {service_date.isoformat()}: {parts}.{events if other_visits else ''}"
    )


def _difference(name: str, planned: Any, now: Any) -> str:
    if planned == now:
        return ""
    words = name.replace("_", " ")
    if isinstance(planned, tuple) and len(planned) != len(now):
        return f"{words} ({len(planned)} in the plan, {len(now)} in the city)"
    return words
