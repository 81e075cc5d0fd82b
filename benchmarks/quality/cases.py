"""The cases of the protocol: what is solved, by whom, for how long, and what is wanted of us."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.engines import OURS
from benchmarks.quality.kim import read_instance, to_problem
from benchmarks.quality.kim_rules import broken_rules, route_miles
from benchmarks.quality.peers.subproblems import lunch_as_shorter_day, single_trips, without_breaks
from benchmarks.quality.published import MICRO, read_solomon, read_x
from geodata.city.dataset import default_cache_dir, load_city
from geodata.city.demo.city import write_demo_city
from scenarios.day import prepare_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan

SECONDS: Final = {100: 20.0, 300: 30.0, 1_000: 60.0, 3_000: 120.0}
"""Of searching on a waste day with so many containers; other sizes have those of the next smaller one."""

_GROWTH: Final = (100, 300, 1_000, 3_000, 10_000)
MONDAY: Final = dt.date(2026, 11, 23)
_WASTE: Final = re.compile(r"(demo|no-breaks|single-trip)/(\d+)/(loose|tight)")
_SUBPROBLEM: Final[dict[str, Callable[[Problem], Problem]]] = {
    "demo": lambda problem: problem,
    "no-breaks": without_breaks,
    "single-trip": single_trips,
}
_PEERS: Final = {
    "demo": ("ortools-gls", "ortools-ils"),
    "no-breaks": ("pyvrp",),
    "single-trip": ("vroom",),
    "kim2006": ("pyvrp",),
    "cvrp_x": ("pyvrp",),
    "solomon": ("vroom",),
    "growth": (),
}
_PUBLISHED_SECONDS: Final = {"kim2006": 120.0, "cvrp_x": 60.0, "solomon": 10.0, "growth": 600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: ``kind/name``, with the file of a published instance."""

    name: str
    file: Path | None = None

    @property
    def kind(self) -> str:
        """The table it belongs to."""
        return self.name.partition("/")[0]

    @property
    def engines(self) -> tuple[str, ...]:
        """Who solves it, ours first."""
        return (OURS, *_PEERS[self.kind])

    @property
    def seconds(self) -> float:
        """The seconds that each has."""
        waste = _WASTE.fullmatch(self.name)
        if waste is None:
            return _PUBLISHED_SECONDS[self.kind]
        return next(SECONDS[size] for size in sorted(SECONDS, reverse=True) if size <= max(100, int(waste[2])))

    def problem(self, engine: str, vehicles: int | None = None) -> Problem:
        """Return the day that an engine solves; all of a case solve the same one, but on Kim's instances."""
        waste = _WASTE.fullmatch(self.name)
        if waste is not None:
            return _SUBPROBLEM[waste[1]](waste_day(int(waste[2]), tight=waste[3] == "tight"))
        if self.kind == "growth":
            return waste_day(int(self.name.partition("/")[2]), tight=False)
        assert self.file is not None
        if self.kind == "cvrp_x":
            return read_x(self.file).problem
        if self.kind == "solomon":
            return read_solomon(self.file).problem
        problem = to_problem(read_instance(self.file), vehicles=vehicles)
        return problem if engine == OURS else lunch_as_shorter_day(problem)

    def audit(self, plan: Plan) -> dict[str, float]:
        """Return what the case's authors count: Kim et al.'s miles, and how many of their own rules are broken."""
        if self.kind != "kim2006":
            return {}
        assert self.file is not None
        instance = read_instance(self.file)
        miles = sum(route_miles(instance, route) for route in plan.routes)
        return {"miles": round(miles, 3), "rules broken": len(broken_rules(instance, plan))}

    @property
    def best_known(self) -> tuple[float, int] | None:
        """The best distance known of an X or Solomon instance, and micros to a unit of it."""
        if self.kind not in ("cvrp_x", "solomon"):
            return None
        assert self.file is not None
        instance = read_x(self.file) if self.kind == "cvrp_x" else read_solomon(self.file)
        return instance.best_known, MICRO * instance.parts


def waste_cases(sizes: tuple[int, ...] = tuple(SECONDS)) -> list[Case]:
    """Return the waste days of all three kinds."""
    return [
        Case(name=f"{kind}/{size}/{fleet}") for kind in _SUBPROBLEM for size in sizes for fleet in ("loose", "tight")
    ]


def growth_cases() -> list[Case]:
    """Return the sizes at which time and memory are measured."""
    return [Case(name=f"growth/{size}") for size in _GROWTH]


def waste_case(name: str) -> Case | None:
    """Return the waste day of this name, ``demo/300/tight`` for example; a name without a fleet offers it loose."""
    for full in (name, f"{name}/loose"):
        if _WASTE.fullmatch(full):
            return Case(name=full)
    return None


def published_cases(root: Path) -> list[Case]:
    """Return the published instances under a folder, each set's small ones first."""
    folder = root / "bench" / "kim2006"
    files = {
        "kim2006": (folder if folder.is_dir() else root).glob("*_stop.txt"),
        "cvrp_x": (root / "bench" / "cvrp_x").glob("*.vrp"),
        "solomon": (root / "bench" / "solomon").glob("*.txt"),
    }
    return [
        Case(name=f"{kind}/{file.stem.removesuffix('_stop')}", file=file)
        for kind, found in files.items()
        for file in sorted(found, key=lambda file: (file.stat().st_size, file))
    ]


@lru_cache(maxsize=1)
def _city_day(containers: int) -> Problem:
    with tempfile.TemporaryDirectory() as folder:
        return city_day(write_demo_city(Path(folder), containers=containers))


def city_day(folder: Path) -> Problem:
    """Return a Monday of a city; its streets, minutes of work for a large one, are kept where ``samram plan`` does."""
    cache_dir = default_cache_dir() / "roads"
    cache_dir.mkdir(parents=True, exist_ok=True)
    return prepare_day(load_city(folder), MONDAY, cache_dir=cache_dir).problem


def waste_day(containers: int, *, tight: bool) -> Problem:
    """Return a Monday of the built-in city, with all its fleet (loose) or half of each access class (tight)."""
    problem = _city_day(containers)
    return half_fleet(problem) if tight else problem


def half_fleet(problem: Problem) -> Problem:
    """Return the day with half of each access class's vehicles, rounded up; the first ones stay."""
    offered = Counter(vehicle.access_class for vehicle in problem.vehicles)
    return with_fleet(problem, {name: -(-count // 2) for name, count in offered.items()})


def with_fleet(problem: Problem, fleet: Mapping[str, int]) -> Problem:
    """Return the day with so many vehicles of each access class, the first ones."""
    kept: list[Any] = []
    taken: Counter[str] = Counter()
    for vehicle in problem.vehicles:
        taken[vehicle.access_class] += 1
        if taken[vehicle.access_class] <= fleet.get(vehicle.access_class, 0):
            kept.append(vehicle)
    names = {vehicle.id for vehicle in kept}
    return replace(
        problem,
        vehicles=tuple(kept),
        shifts=tuple(shift for shift in problem.shifts if shift.vehicle in names),
        visits=tuple(replace(visit, vehicle=None) if visit.vehicle not in names else visit for visit in problem.visits),
    )
