"""Routes that the search met at different times, put together anew: a pool, and OR-Tools CP-SAT to choose from it.

The choice is a set covering: of all routes in the pool the cheapest that cover the day, no more of each group of
shifts that are alike than there are, a visit left out at its prize or penalty. Taking a visit out of a route hardly
ever makes it dearer, so a visit may be covered twice; it then stays where taking it out saves least. What comes out is
a start for the search like any other, counted exactly before anything is done with it.

Sources: the idea of a pool of routes and an exact choice from it is that of B. A. Foster and D. M. Ryan, "An integer
programming approach to the vehicle scheduling problem", Operational Research Quarterly 27 (1976) 367-384.
"""

from __future__ import annotations

import importlib
import threading
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from optimizer.search.kernel.arrays import Day, State
    from optimizer.search.stop import Stop

MOST_ROUTES: Final = 4_000
MOST_VISITS: Final = 80_000
"""Routes kept at a time, and the visits in them, each as often as it appears: CP-SAT reads them in half a second."""

_COST_STEPS: Final = 100_000_000
"""The dearest plan in CP-SAT's whole numbers: small ones search faster, and the exact cost is counted afterwards."""

_LOOK_S: Final = 0.02
"""Between two looks at whether to end, while CP-SAT works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One route of the pool: its codes, the visits in it, and what it costs."""

    group: int
    codes: tuple[int, ...]
    visits: frozenset[int]
    cost_micro: int


class Pool:
    """The routes met so far, the cheapest for each group of shifts and set of visits; the oldest give way first."""

    def __init__(self, day: Day, most: int = MOST_ROUTES) -> None:
        self._most = most
        self._visits = 0
        self._visit_of: list[int] = day.codes["visit"].tolist()
        self._groups: list[int] = day.shifts["group"].tolist()
        self._last: dict[int, bytes] = {}
        self._routes: dict[tuple[int, frozenset[int]], Found] = {}

    @property
    def routes(self) -> list[Found]:
        """All routes, those met again last at the end."""
        return list(self._routes.values())

    def note(self, state: State) -> None:
        """Take in the routes of the plan under change, which must be counted."""
        for row, length in enumerate(state.routes["length"].tolist()):
            raw = state.seq[row, 1 : length + 1].tobytes()
            if length and self._last.get(row) != raw:
                self._last[row] = raw
                self.add(self.read(state, row))

    def add(self, route: Found) -> Found:
        """Take in one route; return it, or the cheaper one that is there already."""
        key = (route.group, route.visits)
        known = self._routes.pop(key, None)
        kept = known if known is not None and known.cost_micro <= route.cost_micro else route
        self._routes[key] = kept
        self._visits += len(route.visits) if known is None else 0
        while len(self._routes) > self._most or self._visits > MOST_VISITS:
            oldest = self._routes.pop(next(iter(self._routes)))
            self._visits -= len(oldest.visits)
        return kept

    def read(self, state: State, row: int) -> Found:
        """Return the route of a shift in the plan under change."""
        codes = tuple(state.seq[row, 1 : int(state.routes["length"][row]) + 1].tolist())
        return Found(
            group=self._groups[row],
            codes=codes,
            visits=frozenset(visit for code in codes if (visit := self._visit_of[code]) >= 0),
            cost_micro=int(state.routes["cost"][row]),
        )


def runs_of_trips(day: Day, codes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return each run of trips in a row of a route: what another truck could take over, the whole route among them."""
    ends = [0, *(position + 1 for position, code in enumerate(codes) if code >= day.sites)]
    return [tuple(codes[begin:end]) for begin, end in combinations(ends, 2)]


def choose(
    day: Day,
    routes: Sequence[Found],
    *,
    stop: Stop,
    seconds: float,
    deterministic: bool,
    seed: int = 0,
    hint: Iterable[Found] = (),
) -> list[Found] | None:
    """Return the cheapest routes that cover the day, as far as CP-SAT sees in the time; None if it finds none.

    Parameters
    ----------
    stop
        Asked every ``_LOOK_S``; CP-SAT then ends at once.
    seconds
        The most that it may take; where ``deterministic``, counted in CP-SAT's own steps, about as long.
    hint
        A choice to begin with.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415 - half a second, for those who recombine

    model: Any = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in routes]
    scale = max(1.0, sum(route.cost_micro for route in hint) / _COST_STEPS)
    missed = _covered(model, taken, routes, stop)
    if missed is None:
        return None
    of_group: dict[int, list[Any]] = {}
    for number, route in enumerate(routes):
        of_group.setdefault(route.group, []).append(taken[number])
    there = Counter(day.shifts["group"].tolist())
    for group, own in of_group.items():
        model.add(cp_model.LinearExpr.sum(own) <= there[group])
    costs = [route.cost_micro for route in routes] + [int(day.worth[visit]) for visit in missed]
    model.minimize(
        cp_model.LinearExpr.weighted_sum([*taken, *missed.values()], [round(cost / scale) for cost in costs])
    )
    hinted = {(route.group, route.visits) for route in hint}
    covered = {visit for _, visits in hinted for visit in visits}
    for number, route in enumerate(routes):
        model.add_hint(taken[number], (route.group, route.visits) in hinted)
    for visit, variable in missed.items():
        model.add_hint(variable, visit not in covered)
    solver: Any = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % (1 << 31)
    if deterministic:
        solver.parameters.max_deterministic_time = seconds
    else:
        solver.parameters.max_time_in_seconds = seconds
    status = _solved(solver, model, stop)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [route for number, route in enumerate(routes) if solver.boolean_value(taken[number])]


def _covered(model: Any, taken: Sequence[Any], routes: Sequence[Found], stop: Stop) -> dict[int, Any] | None:
    """Have each visit in one route at least, or missed; return what says that it is. None if told to stop."""
    covering: dict[int, list[int]] = {}
    for number, route in enumerate(routes):
        for visit in route.visits:
            covering.setdefault(visit, []).append(number)
    missed: dict[int, Any] = {}
    for visit in sorted(covering):
        if stop():
            return None
        missed[visit] = model.new_bool_var("")
        model.add_bool_or([*(taken[number] for number in covering[visit]), missed[visit]])
    return missed


def warm() -> None:
    """Fetch the library, which takes half a second."""
    importlib.import_module("ortools.sat.python.cp_model")


def _solved(solver: Any, model: Any, stop: Stop) -> Any:
    """Solve in a thread of its own, so that a stop is seen in time."""
    answer: list[Any] = []
    thread = threading.Thread(target=lambda: answer.append(solver.solve(model)), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_LOOK_S)
        if stop():
            solver.stop_search()
    return answer[0] if answer else None


def without_doubles(day: Day, chosen: Sequence[Found]) -> list[tuple[int, list[int]]]:
    """Return each route's group and codes, every visit once: where taking it out would save least."""
    visit_of = day.codes["visit"]
    sequences = [list(route.codes) for route in chosen]
    places: dict[int, list[int]] = {}
    for number, codes in enumerate(sequences):
        for code in codes:
            if visit_of[code] >= 0:
                places.setdefault(int(visit_of[code]), []).append(number)
    for visit, numbers in places.items():
        while len(numbers) > 1:
            saved = [_saved_micro(day, chosen[number].group, sequences[number], visit) for number in numbers]
            gone = numbers.pop(int(np.argmax(saved)))
            sequences[gone] = [code for code in sequences[gone] if visit_of[code] != visit]
    return [(route.group, _without_empty_trips(day, codes)) for route, codes in zip(chosen, sequences, strict=True)]


def _saved_micro(day: Day, group: int, codes: list[int], visit: int) -> int:
    """Return what a route saves about without a visit."""
    row = int(np.flatnonzero(day.shifts["group"] == group)[0])
    shift = day.shifts[row]
    place = day.codes["place"]
    position = next(index for index, code in enumerate(codes) if day.codes["visit"][code] == visit)
    here = place[codes[position]]
    before = place[codes[position - 1] if position else shift["depot"]]
    after = place[codes[position + 1]]
    way: NDArray[np.int32] = day.out[shift["profile"]]
    gone = way[before, here].astype(np.int64) + way[here, after] - way[before, after]
    return int(gone[0] * shift["per_s"] + gone[1] * shift["per_m"])


def _without_empty_trips(day: Day, codes: list[int]) -> list[int]:
    kept: list[int] = []
    for code in codes:
        if code < day.sites or (kept and kept[-1] < day.sites):
            kept.append(code)
    return kept
