"""``samram study``: scenarios compared, on the command line."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scenarios.study import Progress, Study, StudyResult

app = typer.Typer(no_args_is_help=True, help="Compare fleets, shifts, disposal sites and policies (docs/studies.md).")

DEMO: Final = "demo"
Seconds = Annotated[float, typer.Option(min=0.1, max=86_400, help="How long each day is searched.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Search each day for so many steps instead: reproducible.")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Days planned at a time, each in a process.")]
Samples = Annotated[int, typer.Option(min=1, max=10_000, help="How often each plan is lived through.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder for results and reports; a study that was cut short goes on there.")
]
Reserve = Annotated[float, typer.Option(min=0, max=0.5, help="Share of shifts and trucks that plans leave free.")]
Cluster = Annotated[str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://10.0.0.5:8786.")]


@app.command()
def fleet(
    city_path: Annotated[
        str, typer.Argument(help='A city folder or zip, or "demo" for the built-in city.', metavar="CITY")
    ],
    *,
    vehicles: Annotated[str, typer.Option(help='Fleets to compare, such as "3..12" or "8,12,16".')],
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, max=1_000, help="Draws of each day's waste.")] = 3,
    first: Annotated[
        dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; next Monday if absent.")
    ] = None,
    seconds: Seconds = 5,
    steps: Steps = None,
    reserve: Reserve = 0.1,
    samples: Samples = 200,
    workers: Workers = 1,
    cluster: Cluster = None,
    out: Out = None,
    search: Annotated[
        bool, typer.Option("--search", help="Only find the smallest fleet that serves everything, by halving.")
    ] = False,
) -> None:
    """Answer "how many trucks do we need": the whole curve over fleets, or its smallest that serves everything."""
    from scenarios.cells import Budget
    from scenarios.study import Study, fleet_scenarios
    from scenarios.studyfile import days_from, fleet_sizes

    with show.errors_as_sentences(), _city_path(city_path) as path:
        sizes = fleet_sizes(vehicles)
        begins = _next_monday() if first is None else first.date()
        study = Study(
            name=f"fleets of {sizes[0]} to {sizes[-1]}",
            scenarios=fleet_scenarios(sizes),
            days=days_from(begins, days),
            seeds=tuple(range(seeds)),
            budget=Budget(seconds=seconds if steps is None else None, steps=steps, reserve=reserve),
            samples=samples,
        )
        _run(study, path, workers=workers, cluster=cluster, out=out, search=search)


@app.command()
def run(
    study_path: Annotated[Path, typer.Argument(help="A study as TOML (docs/studies.md).", metavar="STUDY")],
    city_path: Annotated[
        str | None, typer.Argument(help="The city, where the file names none.", metavar="CITY")
    ] = None,
    *,
    workers: Workers = 1,
    cluster: Cluster = None,
    out: Out = None,
) -> None:
    """Run a study from its file; a second time it goes on where it was cut short."""
    from scenarios.studyfile import read_study

    with show.errors_as_sentences():
        study, named = read_study(study_path)
        if city_path is None and named is None:
            raise show.CommandError(
                f'{study_path} names no city, and none was given; expected a line such as city = "our-town".'
            )
        where = city_path or (named if named == DEMO else str(study_path.parent / str(named)))
        with _city_path(where) as path:
            _run(study, path, workers=workers, cluster=cluster, out=out or study_path.with_suffix(".study"))


@app.command(name="show")
def show_study(
    folder: Annotated[Path, typer.Argument(help="A study's folder.", metavar="FOLDER")],
) -> None:
    """Print the table of a study that was run before."""
    with show.errors_as_sentences():
        path = folder / "study.json"
        if not path.is_file():
            raise show.CommandError(f"{folder} holds no study.json; expected the folder of a study that has ended.")
        try:
            document = json.loads(path.read_bytes())
            print_rows(document["rows"], document["currency"])
            if document["answer"]:
                show.OUT.print(document["answer"], markup=False)
        except (ValueError, KeyError, TypeError) as error:
            raise show.CommandError(f"{path} cannot be read as a study: {error}.") from error


def _run(
    study: Study, path: Path, *, workers: int, cluster: str | None, out: Path | None, search: bool = False
) -> None:
    from scenarios.answer import sentences
    from scenarios.compare import table
    from scenarios.report import rows_of
    from service.cli.planning import asked_to_end
    from service.export.study import write_study

    with asked_to_end() as asked, _kept_in(out) as folder:
        result = _result(study, path, folder, workers=workers, cluster=cluster, cancelled=asked, search=search)
        lines = table(result)
        print_rows(rows_of(result, lines), result.city.currency)
        for line in lines:
            if line.cells:
                show.OUT.print(f"{line.name}: {line.bound}", markup=False)
        show.notes([f"{line.name}: {line.why_not}" for line in lines if line.why_not])
        for said in sentences(result, lines):
            show.OUT.print(said, markup=False)
        times = "once" if result.measurements == 1 else f"{result.measurements} times"
        if result.networks > 1:
            times += f", on {result.networks} networks of streets"
        show.ERR.print(
            f"Travel times were measured {times}, for {len(study.scenarios)} scenarios on {len(study.days)} days."
        )
        if result.cancelled:
            show.ERR.print("The study was cut short; the table holds what is done.", style="yellow")
        elif out is not None:
            written, missing = write_study(result, lines, folder)
            show.notes(missing)
            show.OUT.print(f"study: {len(written)} files in {folder}", markup=False)


def _result(
    study: Study,
    path: Path,
    folder: Path,
    *,
    workers: int,
    cluster: str | None,
    cancelled: Callable[[], bool],
    search: bool,
) -> StudyResult:
    from optimizer.search.solve import warm
    from scenarios.keep import Kept
    from scenarios.pool import dask_pool, local_pool
    from scenarios.study import run_study, smallest_fleet
    from service.cli import planning
    from service.cli.compiling import told

    city, extract = planning.read(path)
    with told():
        warm()  # here, where it is said, and not in each worker
    with dask_pool(cluster) if cluster is not None else local_pool(workers) as pool, _bar() as tell:
        ask = smallest_fleet if search else run_study
        return ask(
            study,
            city,
            pool,
            workers=workers,
            kept=Kept(folder / "cells"),
            extract=extract,
            on_progress=tell,
            cancelled=cancelled,
        )


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """Show how many days are planned; yields what takes the progress."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("planning"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=show.ERR) as bar:
        task = bar.add_task("study", total=None, last="")
        yield lambda told: bar.update(
            task, completed=told.done, total=told.total, last=f"{told.scenario}, {told.date}, seed {told.seed}"
        )


@contextmanager
def _city_path(given: str) -> Iterator[Path]:
    """Give the city's path; the built-in city is written anew."""
    if given != DEMO:
        yield Path(given)
        return
    from geodata.city.demo import write_demo_city

    with tempfile.TemporaryDirectory(prefix="samram-demo-") as scratch:
        yield write_demo_city(Path(scratch) / "city", containers=300, seed=1)


@contextmanager
def _kept_in(out: Path | None) -> Iterator[Path]:
    """Give the study's folder; without one, a folder that goes when the study has ended."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="samram-study-") as scratch:
        yield Path(scratch)


def print_rows(rows: Sequence[dict[str, Any]], currency: str) -> None:
    """Print a study as two tables, a line in each for each scenario: what it costs, and what it comes to."""
    compared = next((row["compared_with"] for row in rows if row["compared_with"]), "")
    money = [
        (f"{currency} a day", "cost", ",.0f"),
        (f"± to {compared}", None, ""),
        ("a tonne", "cost_per_tonne", ",.2f"),
    ]
    money += [("a year", "cost_per_year", ",.0f"), ("trucks", "trucks", ".1f"), ("crew h", "crew_hours", ".1f")]
    money += [("km", "km", ",.0f"), ("best", None, "")]
    work = [("t", "tonnes", ",.1f"), ("unserved", "unserved", ".1f"), ("overflow", "overflows", ".1f")]
    work += [("overtime h", "overtime_hours", ".1f"), ("held", "held", ".0%"), ("fill", "fill", ".0%")]
    work += [("fuel l", "fuel_l", ",.0f"), ("kg CO2e", "co2e_kg", ",.0f")]
    for columns in (money, work):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("scenario")
        for name, _, _ in columns:
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(escape(str(row["scenario"])), *(_cell(row, name, key, form) for name, key, form in columns))
        show.OUT.print(table)


def _cell(row: dict[str, Any], name: str, key: str | None, form: str) -> str:
    if not row["cells"]:
        return "-"
    if key is not None:
        return format(row[key], form)
    if name == "best":
        return "*" if row["pareto"] else ""
    change = row["cost_difference"]
    return "" if change is None else f"{change:+,.0f} ±{row['cost_difference_high'] - change:,.0f}"


def _next_monday() -> dt.date:
    today = dt.datetime.now(tz=dt.UTC).date()
    return today + dt.timedelta(days=7 - today.weekday())
