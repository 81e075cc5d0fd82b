"""A study: scenarios, days and seeds as a grid of cells, run on a pool, each kept as soon as it is done.

Every cell of a day and seed begins its search with the same plan, the *anchor*: that of the city as it is, searched as
long as a cell is. Scenarios are compared cell by cell, so a start from whichever neighbour was planned before would
favour those that come late in the list, and two equal scenarios would differ. Larger fleets may use a smaller one's
plan as it stands; where that is better, they do (``adopted``).
"""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
import tempfile
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from optimizer.problem.errors import SolverError
from scenarios.cells import Bench, Budget, Task, make_bench, run_in_worker
from scenarios.changes.case import Case, ScenarioRefused
from scenarios.changes.fleet import FleetSize
from scenarios.changes.scenario import Scenario
from scenarios.keep import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor, Future

    from geodata.city.dataset import CityDataset
    from geodata.streets.osm import OsmExtract
    from scenarios.keep import Kept

Cell = tuple[int, dt.date, int]
"""Scenario (-1 is the anchor), date, seed."""
ANCHOR: Final = -1
MOST_CELLS: Final = 20_000
_AS_IT_IS: Final = Scenario(name="as it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is asked.

    Parameters
    ----------
    scenarios
        The first one is what the others are compared with (``scenarios.compare.reference``).
    seeds
        Each gives every day other amounts of waste, the same in all scenarios.
    samples
        How often each plan is lived through.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    days: tuple[dt.date, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    budget: Budget = field(default_factory=lambda: Budget(seconds=5.0))
    samples: int = 200

    def __post_init__(self) -> None:
        for what, things in (("scenario", self.scenarios), ("day", self.days), ("seed", self.seeds)):
            if not things:
                raise ScenarioRefused(f"The study {self.name!r} needs at least one {what}.")
            names = [getattr(thing, "name", thing) for thing in things]
            twice = sorted({str(name) for name in names if names.count(name) > 1})
            if twice:
                raise ScenarioRefused(f"The study {self.name!r} names the {what} {twice[0]!r} twice.")
        if not 1 <= self.samples <= 10_000:  # noqa: PLR2004
            raise ScenarioRefused(f"Plans are lived through 1 to 10,000 times, not {self.samples}.")
        cells = (len(self.scenarios) + 1) * len(self.days) * len(self.seeds)
        if cells > MOST_CELLS:
            raise ScenarioRefused(f"The study {self.name!r} has {cells:,} cells; at most {MOST_CELLS:,}.")

    @property
    def cells(self) -> list[Cell]:
        """All cells, the anchors apart, day by day."""
        return [
            (number, date, seed) for date in self.days for seed in self.seeds for number in range(len(self.scenarios))
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a study is: cells that are done, all of them, and which one was last."""

    done: int
    total: int
    scenario: str
    date: dt.date
    seed: int
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """What a study came to.

    Parameters
    ----------
    results
        By cell; cells that failed or were never run are absent.
    refused
        By position, the sentence with which a scenario was refused.
    failed
        By cell, what went wrong.
    cancelled
        Whether it was cut short.
    measurements, networks
        How often travel times were measured, and on how many networks.
    """

    study: Study
    city: CityDataset
    cases: tuple[Case | None, ...]
    results: Mapping[Cell, Mapping[str, Any]]
    refused: Mapping[int, str]
    failed: Mapping[Cell, str]
    cancelled: bool = False
    measurements: int = 0
    networks: int = 0
    bench: Bench | None = None

    def of(self, scenario: int) -> list[Mapping[str, Any]]:
        """Return the results of a scenario, day by day and seed by seed, those that failed left out."""
        cells = [cell for cell in self.study.cells if cell[0] == scenario]
        return [self.results[cell] for cell in cells if cell in self.results]


def run_study(
    study: Study,
    city: CityDataset,
    pool: Executor,
    *,
    workers: int,
    kept: Kept,
    extract: OsmExtract | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    only: Sequence[int] | None = None,
    bench: Bench | None = None,
) -> StudyResult:
    """Run a study, or what is left of it.

    Parameters
    ----------
    pool
        Where cells run; ``workers`` is how many of them at a time.
    kept
        Where results are, by the hash of what they depend on: cells that are there are not run again.
    cancelled
        Asked often; searches under way then end, and what they found is not kept.
    only
        Positions of the scenarios to run; all of them if absent.
    bench
        That of a result of the same study, to be used again.

    Raises
    ------
    DataError
        If the city's streets cannot be read.
    """
    cases, refused = _cases(study, city)
    used = [case for case in cases if case is not None]
    if bench is None:
        bench = make_bench(
            [Case(city=city), *used], study.days, budget=study.budget, samples=study.samples, extract=extract
        )
    place = {number: 1 + at for at, number in enumerate(n for n, case in enumerate(cases) if case is not None)}
    if only is not None:
        place = {number: at for number, at in place.items() if number in only}
    place[ANCHOR] = 0
    runner = _Runner(study, bench, place, kept, pool, workers, on_progress, cancelled)
    runner.run()
    _adopt(study, runner.results)
    return StudyResult(
        study=study,
        city=city,
        cases=tuple(cases),
        results=runner.results,
        refused=refused,
        failed=runner.failed,
        cancelled=runner.was_cancelled,
        measurements=bench.streets.measurements,
        networks=bench.streets.networks,
        bench=bench,
    )


def _cases(study: Study, city: CityDataset) -> tuple[list[Case | None], dict[int, str]]:
    """Make the changes of each scenario; say which ones cannot be made."""
    cases: list[Case | None] = []
    refused: dict[int, str] = {}
    for number, scenario in enumerate(study.scenarios):
        try:
            cases.append(scenario.apply(Case(city=city)))
        except ScenarioRefused as error:
            cases.append(None)
            refused[number] = str(error)
    return cases, refused


class _Runner:
    """Hands cells to a pool, anchors first, and keeps what comes back."""

    def __init__(
        self,
        study: Study,
        bench: Bench,
        place: Mapping[int, int],
        kept: Kept,
        pool: Executor,
        workers: int,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.study, self.bench, self.place, self.kept = study, bench, place, kept
        self.pool, self.workers, self.on_progress, self.cancelled = pool, workers, on_progress, cancelled
        self.results: dict[Cell, Mapping[str, Any]] = {}
        self.failed: dict[Cell, str] = {}
        self.was_cancelled = False
        self._done = 0
        anchors = [(ANCHOR, date, seed) for date in study.days for seed in study.seeds]
        self._cells: list[Cell] = [*anchors, *(cell for cell in study.cells if cell[0] in place)]

    def run(self) -> None:
        """Run every cell that is not kept."""
        waiting = [cell for cell in self._cells if not self._from_kept(cell)]
        with tempfile.TemporaryDirectory(prefix="samram-study-") as folder:
            bench, flag = Path(folder) / "bench.pickle", Path(folder) / "cancelled"
            if waiting:
                bench.write_bytes(pickle.dumps(self.bench))
            running: dict[Future[dict[str, Any]], Cell] = {}
            try:
                while waiting or running:
                    if not self.was_cancelled and self.cancelled():
                        self.was_cancelled = True
                        flag.touch()
                        waiting.clear()
                    # A few more than there are workers, so that none waits for us.
                    while waiting and len(running) < self.workers + 1:
                        ready = next((cell for cell in waiting if self._ready(cell)), None)
                        if ready is None:
                            break
                        waiting.remove(ready)
                        if self._from_kept(ready):
                            continue
                        running[self.pool.submit(run_in_worker, str(bench), self._task(ready), str(flag))] = ready
                    done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._take(running.pop(future), future)
            except BaseException:
                flag.touch()
                raise

    def _ready(self, cell: Cell) -> bool:
        anchor = (ANCHOR, *cell[1:])
        return cell == anchor or anchor in self.results or anchor in self.failed

    def _task(self, cell: Cell) -> Task:
        number, date, seed = cell
        start = self.results.get((ANCHOR, date, seed)) if number != ANCHOR else None
        return Task(
            scenario=self.place[number], date=date, seed=seed, start=tuple(start["orders"]) if start is not None else ()
        )

    def _key(self, cell: Cell) -> str:
        """Return the hash of everything that a cell's result depends on, its anchor's included."""
        number, date, seed = cell
        study, bench = self.study, self.bench
        scenario = _AS_IT_IS if number == ANCHOR else study.scenarios[number]
        chain = bench.cases[self.place[number]].policy != "schedule"
        content = {
            "city": bench.cases[0].city.content_hash,
            "changes": scenario.encode()["changes"],
            "date": date.isoformat(),
            "seed": seed,
            "first": min(study.days).isoformat() if chain else None,
            "seconds": study.budget.seconds,
            "steps": study.budget.steps,
            "reserve": study.budget.reserve,
            "samples": study.samples,
        }
        if number != ANCHOR:
            start = self.results.get((ANCHOR, date, seed))
            content["start"] = None if start is None else start["orders"]
        return key_of(content)

    def _from_kept(self, cell: Cell) -> bool:
        if not self._ready(cell):
            return False
        result = self.kept.get(self._key(cell))
        if result is None:
            return False
        self.results[cell] = result
        self._tell(cell, kept=True)
        return True

    def _take(self, cell: Cell, future: Future[dict[str, Any]]) -> None:
        try:
            result = future.result()
        except BrokenProcessPool as error:
            raise SolverError("A process of the study ended without a word; what is done is kept.") from error
        except Exception as error:  # noqa: BLE001 - whatever a worker raises is said of its cell; the others go on
            self.failed[cell] = str(error) if str(error).endswith(".") else f"{type(error).__name__}: {error}"
        else:
            if self.was_cancelled or self.cancelled():
                return  # its search was cut short, and it says less than it should
            self.kept.put(self._key(cell), result)
            self.results[cell] = result
        self._tell(cell, kept=False)

    def _tell(self, cell: Cell, *, kept: bool) -> None:
        self._done += 1
        number, date, seed = cell
        name = "the city as it is" if number == ANCHOR else self.study.scenarios[number].name
        total = len(self._cells)
        self.on_progress(Progress(done=self._done, total=total, scenario=name, date=date, seed=seed, kept=kept))


def fleets(study: Study) -> list[tuple[int, int]]:
    """Return the scenarios that are a fleet size and nothing else that differs: position and vehicles, ascending."""
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for number, scenario in enumerate(study.scenarios):
        sizes = [change for change in scenario.changes if isinstance(change, FleetSize)]
        if len(sizes) == 1:
            others = tuple(str(change) for change in scenario.changes if change is not sizes[0])
            found.setdefault(others, []).append((number, sizes[0].vehicles))
    longest = max(found.values(), key=len, default=[])
    return sorted(longest, key=lambda pair: pair[1])


def _adopt(study: Study, results: dict[Cell, Mapping[str, Any]]) -> None:
    """Let each fleet take a smaller one's plan of the same day and seed where that is better."""
    curve = fleets(study)
    for (smaller, _), (larger, _) in itertools.pairwise(curve):
        for date in study.days:
            for seed in study.seeds:
                one, other = results.get((smaller, date, seed)), results.get((larger, date, seed))
                if one is not None and other is not None and one["objective"] < other["objective"]:
                    results[larger, date, seed] = {**one, "adopted": True}


def fleet_scenarios(sizes: Iterable[int], others: Sequence[Any] = ()) -> tuple[Scenario, ...]:
    """Return a scenario for each fleet size, with other changes after it."""
    return tuple(
        Scenario(name=f"{size} vehicle{'' if size == 1 else 's'}", changes=(FleetSize(vehicles=size), *others))
        for size in sizes
    )


def smallest_fleet(
    study: Study,
    city: CityDataset,
    pool: Executor,
    *,
    workers: int,
    kept: Kept,
    extract: OsmExtract | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> StudyResult:
    """Find the smallest fleet that leaves nothing required behind in any cell, by halving instead of trying all.

    Whatever a fleet serves, a larger one does too (``adopted``), so that half of the fleets left are out with each one
    tried. The result holds the cells of those that were tried.
    """
    curve = fleets(study)
    found: StudyResult | None = None
    results: dict[Cell, Mapping[str, Any]] = {}
    failed: dict[Cell, str] = {}
    low, high = 0, len(curve)
    while low < high:
        middle = (low + high) // 2
        number = curve[middle][0]
        found = run_study(
            study,
            city,
            pool,
            workers=workers,
            kept=kept,
            extract=extract,
            on_progress=on_progress,
            cancelled=cancelled,
            only=[number],
            bench=None if found is None else found.bench,
        )
        results.update(found.results)
        failed.update(found.failed)
        if found.cancelled:
            break
        cells = found.of(number)
        if cells and all(cell["figures"]["unserved"] == 0 for cell in cells):
            high = middle
        else:
            low = middle + 1
    if found is None:
        raise ScenarioRefused(f"The study {study.name!r} compares no fleets.")
    _adopt(study, results)
    return replace(found, results=results, failed=failed)
