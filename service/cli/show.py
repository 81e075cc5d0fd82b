"""What the command prints: findings, progress, and a plan in figures."""

from __future__ import annotations

import io
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from geodata.errors import CityDatasetError, DataError
from optimizer.problem.errors import InvalidProblem, SolverError
from optimizer.problem.plan import StepKind
from scenarios.changes.case import ScenarioRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from geodata.errors import Finding
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan, Violation
    from optimizer.search.solve import Improvement, OnImprovement
    from scenarios.day import Day

OUT: Final = Console(highlight=False, soft_wrap=True)
ERR: Final = Console(stderr=True, highlight=False, soft_wrap=True)
_MOST_LINES: Final = 200
_SECONDS_A_DAY: Final = 86_400


class CommandError(RuntimeError):
    """What was asked for cannot be done; each line of its text is a sentence for whoever typed the command."""


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Print what is wrong with the input, line by line, and exit with 1 instead of a traceback."""
    try:
        yield
    except CityDatasetError as error:
        findings("error", error.findings)
        raise typer.Exit(1) from error
    except (CommandError, DataError, InvalidProblem, ScenarioRefused, SolverError) as error:
        for line in str(error).splitlines():
            ERR.print(f"error: {line}", markup=False, style="red")
        raise typer.Exit(1) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        ERR.print(f"error: {where}{error.strerror or error}", markup=False, style="red")
        raise typer.Exit(1) from error


def any_script() -> None:
    """Let names in every script through to terminals and files that cannot hold them: as escapes, not as a failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def findings(kind: str, found: Sequence[Finding]) -> None:
    """Print errors or warnings, each on a line of its own."""
    style = "red" if kind == "error" else "yellow"
    for finding in found[:_MOST_LINES]:
        ERR.print(f"{kind}: {finding}", markup=False, style=style)
    if len(found) > _MOST_LINES:
        ERR.print(f"... and {len(found) - _MOST_LINES} more {kind}s", markup=False, style=style)
    if found:
        plural = "" if len(found) == 1 else "s"
        ERR.print(f"{len(found)} {kind}{plural}", markup=False, style=style)


def notes(sentences: Sequence[str]) -> None:
    """Print what a dispatcher should know about the day."""
    for sentence in sentences:
        ERR.print(f"note: {sentence}", markup=False, style="yellow")


@contextmanager
def search_bar(seconds: float) -> Iterator[Callable[[float, str], None]]:
    """Show a bar that fills in the time of the search; yields what takes the time elapsed and a few words."""
    with Progress(
        TextColumn("planning"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[best]}"), console=ERR
    ) as bar:
        task = bar.add_task("plan", total=seconds, best="no plan yet")
        yield lambda elapsed_s, words: bar.update(task, completed=elapsed_s, best=words)
        bar.update(task, completed=seconds)


@contextmanager
def search_progress(seconds: float, currency: str) -> Iterator[OnImprovement]:
    """Show a bar with the cost of the best plan so far; yields what ``solve`` calls on each improvement."""
    with search_bar(seconds) as tell:

        def improved(improvement: Improvement, plan: Plan) -> None:
            left_out = f", {improvement.unserved} unserved" if improvement.unserved else ""
            best = f"{money(plan.cost.operating_micro, currency)} with {len(plan.routes)} routes{left_out}"
            tell(improvement.elapsed_s, best)

        yield improved


def day_line(day: Day) -> None:
    """Print which day is planned, and how much is due on it."""
    visits = day.problem.visits
    due = sum(len(visit.containers) for visit in visits)
    what = "containers and door-to-door stops" if day.city.zones else "containers"
    OUT.print(
        f"{day.city.name}, {day.service_date.isoformat()}: {due:,} of {due + day.not_due:,} {what} are due, "
        f"{sum(visit.demand_kg for visit in visits) / 1_000:,.2f} t in {len(visits):,} visits",
        markup=False,
    )


def plan_table(problem: Problem, plan: Plan) -> None:
    """Print a plan as a dispatcher reads it: a line for each route, then the whole, then what is unserved and why."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("shift", "leaves", "back"):
        table.add_column(name, no_wrap=True)
    for name in ("stops", "bins", "trips", "km", "hours", "tonnes", problem.currency):
        table.add_column(name, justify="right", no_wrap=True)
    for route in plan.routes:
        visits = [problem.visit_by_id[step.id] for step in route.steps if step.kind is StepKind.VISIT]
        table.add_row(
            escape(route.shift),
            clock(route.departure_s),
            clock(route.return_s),
            str(len({visit.stop for visit in visits})),
            str(sum(len(visit.containers) for visit in visits)),
            str(len(route.trips)),
            f"{route.distance_m / 1_000:.1f}",
            f"{route.duration_s / 3_600:.1f}",
            f"{sum(visit.demand_kg for visit in visits) / 1_000:.2f}",
            f"{route.cost.total_micro / 1e6:,.2f}",
        )
    if plan.routes:
        OUT.print(table)
    served = len(problem.visits) - len(plan.unserved)
    OUT.print(
        f"{served} of {len(problem.visits)} visits served by {len(plan.routes)} of {len(problem.shifts)} shifts: "
        f"{plan.distance_m / 1_000:,.1f} km, {plan.duration_s / 3_600:,.1f} hours, "
        f"{plan.collected_kg / 1_000:,.2f} t, {money(plan.cost.operating_micro, problem.currency)}"
    )
    if wished := wished_terms(problem, plan):
        OUT.print(f"beside that the objective counts {wished}", markup=False)
    reasons = Counter(entry.reason.value for entry in plan.unserved)
    if reasons:
        counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        OUT.print(f"{len(plan.unserved)} unserved: {counted}")
    for entry in plan.unserved[:_MOST_LINES]:
        OUT.print(f"unserved: {entry.visit} ({entry.reason.value}): {entry.detail}", markup=False)
    if len(plan.unserved) > _MOST_LINES:
        OUT.print(f"... and {len(plan.unserved) - _MOST_LINES} more unserved visits")


def wished_terms(problem: Problem, plan: Plan) -> str:
    """Return the terms of the cost that are switched on and are no money, in words; empty where none counts."""
    names = ("moved", "outside_zones", "balance", "compactness", "queue")
    counted = ((name, getattr(plan.cost, f"{name}_micro")) for name in names)
    return ", ".join(f"{name.replace('_', ' ')} {money(micro, problem.currency)}" for name, micro in counted if micro)


def violations(found: Sequence[Violation]) -> None:
    """Print what a plan breaks."""
    for violation in found[:_MOST_LINES]:
        ERR.print(f"violation: {violation.kind.value}: {violation.message}", markup=False, style="red")
    if len(found) > _MOST_LINES:
        ERR.print(f"... and {len(found) - _MOST_LINES} more violations", style="red")
    ERR.print(f"{len(found)} violation{'' if len(found) == 1 else 's'}", style="red")


def money(micro: int, currency: str) -> str:
    """Return an amount for people."""
    return f"{micro / 1e6:,.2f} {currency}"


def clock(seconds: int) -> str:
    """Return seconds of the service day as clock time; "+1" marks the next day."""
    days, rest = divmod(seconds, _SECONDS_A_DAY)
    return f"{rest // 3_600:02d}:{rest // 60 % 60:02d}" + (f" +{days}" if days else "")
