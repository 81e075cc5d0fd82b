"""A lower bound on the cost of a day: no plan that the judge passes costs less. docs/bound.md argues why.

Every visit gets a price. A shift may earn the prices of what it serves; the cheapest route, earnings deducted, is
underestimated by letting go of constraints until it can be computed exactly: trips keep their load and the time of the
whole shift, and forget kerb states, waiting, and whether a visit was served before. The sum of the prices, less what
all shifts could still earn that way, is a bound for *any* prices and for any price of the crews' time; a linear program
over the trips found so far proposes good ones. The bound itself is whole numbers, so nothing is lost to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.judge.cost import required_penalty_micro
from optimizer.judge.schedule import most_work_s
from optimizer.problem.matrix import NO_PATH
from optimizer.search.feasible import may_carry
from optimizer.search.kernel.arrays import NEVER
from optimizer.search.kernel.trips import FAR_DEARER, count_visits, extend_trips

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, Shift, TimeWindow, Visit
    from optimizer.search.engines.bound_lp import CrewTerms, TripColumn
    from optimizer.search.stop import Stop

_NEAREST: Final = 100
"""Visits from which coming is priced one by one; from all others it costs what the nearest of those does."""

_MOST_UNITS: Final = 300
"""Steps that the load of a trip is cut into, at most."""

_COLUMNS: Final = 12
"""Trips told to the linear program for each end that trips begin at, in each step."""

_MOST_KNOWN: Final = 0.8
"""Share of the best prices known in those that are tried next, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a day costs at least, in the judge's own total.

    Parameters
    ----------
    steps
        How many sets of prices were tried.
    """

    cost_micro: int
    steps: int

    def gap_percent(self, cost_micro: int) -> float:
        """Return how far above the bound a plan's cost lies, as a part of the plan's cost."""
        return 100.0 * (cost_micro - self.cost_micro) / cost_micro if cost_micro else 0.0


def lower_bound(problem: Problem, *, stop: Stop) -> Bound:
    """Return a bound below the total cost of every plan that passes the judge; the longer it runs, the tighter.

    Parameters
    ----------
    stop
        A step limit makes it reproducible. Whenever it ends, what it returns is valid: on a day under way, whose crews
        begin anywhere and with a load, that is 0 so far.
    """
    if any(shift.status is not None for shift in problem.shifts):
        return Bound(cost_micro=0, steps=0)
    penalty_micro = required_penalty_micro(problem)
    worth = {visit.id: penalty_micro if visit.prize_micro is None else visit.prize_micro for visit in problem.visits}
    crews = [crew for crew in _crews(problem) if crew.visits and problem.disposal_sites]
    able = {visit.id for crew in crews for visit in crew.visits}
    hopeless_micro = sum(micro for name, micro in worth.items() if name not in able)
    visits = [visit for visit in problem.visits if visit.id in able]
    if not visits:
        return Bound(cost_micro=hopeless_micro, steps=0)
    search = _Search(problem, visits, crews, np.array([worth[visit.id] for visit in visits], dtype=np.int64))
    best_micro = search.run(stop)
    return Bound(cost_micro=hopeless_micro + best_micro, steps=search.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crew:
    """Shifts that are alike, and the visits that each of them may serve."""

    shift: Shift
    count: int
    visits: tuple[Visit, ...]


def _crews(problem: Problem) -> list[_Crew]:
    counts: dict[tuple[object, tuple[Visit, ...]], list[Shift]] = {}
    for shift in problem.shifts:
        vehicle = problem.vehicle_of(shift)
        visits = tuple(visit for visit in problem.visits if visit.kerb and may_carry(vehicle, visit))
        kind = (replace(vehicle, id="any"), replace(shift, id="any", vehicle="any"))
        counts.setdefault((kind, visits), []).append(shift)
    return [_Crew(shift=shifts[0], count=len(shifts), visits=visits) for (_, visits), shifts in counts.items()]


class _Search:
    """Prices, and the steps that better them."""

    def __init__(
        self, problem: Problem, visits: Sequence[Visit], crews: Sequence[_Crew], worth: NDArray[np.int64]
    ) -> None:
        number = {visit.id: row for row, visit in enumerate(visits)}
        self.steps = 0
        self._worth = worth
        self._routes = [
            _Routes(problem, crew, np.array([number[visit.id] for visit in crew.visits], dtype=np.intp))
            for crew in crews
        ]

    def run(self, stop: Stop) -> int:
        """Return the best bound found until ``stop``: prices come from a linear program over the trips found so far.

        Its prices leap about while trips are missing, so those tried lie between them and the best ones known (P.
        Wentges, International Transactions in Operational Research 4 (1997) 151-162).
        """
        from optimizer.search.engines.bound_lp import PriceProgram  # noqa: PLC0415 - solver libraries load when needed

        program = PriceProgram(self._worth, [routes.terms for routes in self._routes])
        limit = stop.max_steps()
        best_micro = 0  # no cost is negative
        best = self._first_prices(), np.zeros(len(self._routes))
        price, hours = best
        known = _MOST_KNOWN
        for row, routes in enumerate(self._routes):
            for column in routes.lone_trips(row):
                program.add(column)
        while not stop() and (limit is None or self.steps < limit):
            self.steps += 1
            bound_micro, columns = self._value(price, hours)
            if bound_micro > best_micro:
                best_micro, best = bound_micro, (price, hours)
                known = min(_MOST_KNOWN, known + 0.1)
            else:
                known = max(0.0, known - 0.1)
            fresh = sum([program.add(column) for column in columns])
            proposed = program.prices(stop.remaining_s())
            if proposed is None or (not fresh and known == 0.0):
                break
            if not fresh:
                known = 0.0
            price = np.minimum(known * best[0] + (1.0 - known) * proposed[0], self._worth)
            hours = known * best[1] + (1.0 - known) * proposed[1]
        return best_micro

    def _first_prices(self) -> NDArray[np.float64]:
        """Return what serving each visit costs about, with its share of a trip and a shift."""
        prices = np.full(len(self._worth), np.inf)
        for routes in self._routes:
            np.minimum.at(prices, routes.visits, routes.shares())
        return np.asarray(np.minimum(prices, self._worth))

    def _value(self, price: NDArray[np.float64], hours: NDArray[np.float64]) -> tuple[int, list[TripColumn]]:
        """Return the bound at these prices, and the cheapest trips there.

        Where a crew could drive trip after trip at a profit, the prices of what it loads are lowered, so much for each
        unit of load, until none brings a profit: only so is the bound of any use before the prices are good.
        """
        whole = np.floor(price).astype(np.int64)
        cut = np.zeros(len(whole), dtype=np.int64)
        earned_micro = 0
        columns: list[TripColumn] = []
        for row, routes in enumerate(self._routes):
            route_micro, unit_micro, found = routes.cheapest(whole, int(hours[row]), row)
            earned_micro += routes.count * min(0, route_micro)
            cut[routes.visits] = np.maximum(cut[routes.visits], unit_micro * routes.units)
            columns += found
        return int((whole - cut).sum()) + earned_micro, columns


class _Routes:
    """The cheapest relaxed route of one kind of shift, for any prices."""

    def __init__(self, problem: Problem, crew: _Crew, visits: NDArray[np.intp]) -> None:
        shift = crew.shift
        vehicle = problem.vehicle_of(shift)
        self.count = crew.count
        self.visits = visits
        self._per_s, self._per_m = vehicle.micro_per_s, vehicle.micro_per_m
        self._fixed, self._overtime = vehicle.fixed_micro, shift.overtime_micro_per_s
        self._within_s = most_work_s(shift, shift.end_s)
        self._beyond_s = most_work_s(shift, shift.latest_return_s)
        self._read_travel(problem, crew)
        self._read_loads(problem, crew)

    def _read_travel(self, problem: Problem, crew: _Crew) -> None:
        """Read ways between visits, and to and from depot and sites: the shortest over all kerb states."""
        shift, visits = crew.shift, crew.visits
        vehicle = problem.vehicle_of(shift)
        sites = problem.disposal_sites
        depot = problem.depot_by_id[vehicle.depot].node
        kerbs = [node for visit in visits for node in visit.kerb]
        first = np.cumsum([0, *(len(visit.kerb) for visit in visits[:-1])])
        ends = [depot, *(site.node for site in sites)]
        profile = vehicle.profile
        between_s, between_m = (_least(cells, first, first) for cells in _ways(problem, profile, kerbs, kerbs))
        out_s, out_m = (_least(cells, None, first) for cells in _ways(problem, profile, ends, kerbs))
        in_s, in_m = (_least(cells, first, None) for cells in _ways(problem, profile, kerbs, ends))
        self._end_s, self._end_m = _ways(problem, profile, ends, ends)
        service_s = np.array([visit.service_s + visit.lifts * vehicle.lift_s for visit in visits], dtype=np.int64)
        setup_s = np.array([visit.setup_s for visit in visits], dtype=np.int64)
        stops = {stop: number for number, stop in enumerate(dict.fromkeys(visit.stop for visit in visits))}
        stop = np.array([stops[visit.stop] for visit in visits])
        unloading_s = np.array([site.unloading_s for site in sites], dtype=np.int64)
        takes = np.array([[site.accepts(visit.stream) for site in sites] for visit in visits], dtype=np.bool_)
        fees = np.array([site.fee_micro_per_kg for site in sites], dtype=np.int64)
        kg = np.array([visit.demand_kg for visit in visits], dtype=np.int64)
        dear = int(fees.max(initial=0)) + 1
        self._fee = kg * np.where(takes, fees, dear).min(axis=1, initial=dear)
        opening_s = [(_opens(site.windows), _closes(site.windows)) for site in sites]
        # Nobody promises that the direct way is the shortest: a truck comes from anywhere.
        come_s = np.minimum(
            out_s.min(axis=0), between_s.min(axis=0, where=~np.eye(len(visits), dtype=bool), initial=NEVER)
        )
        earliest_s = np.maximum(shift.start_s + come_s, [_opens(visit.windows) for visit in visits])
        latest_s = np.array([min(_closes(visit.windows), shift.latest_return_s) for visit in visits])
        # head first: row = head, column = tail
        drive_s = between_s.T + np.where(stop[:, None] == stop[None, :], 0, setup_s[:, None])
        late = (earliest_s + service_s)[None, :] + drive_s > latest_s[:, None]
        gone = late | (between_s.T >= FAR_DEARER)
        if not vehicle.mixed_streams:
            streams = {name: number for number, name in enumerate(dict.fromkeys(visit.stream for visit in visits))}
            stream = np.array([streams[visit.stream] for visit in visits])
            gone |= stream[:, None] != stream[None, :]
        np.fill_diagonal(gone, val=True)
        self._arc_s = np.where(gone, NEVER, drive_s + service_s[:, None])
        self._arc_m = np.where(gone, 0, between_m.T)
        out_gone = (out_s >= FAR_DEARER) | (earliest_s > latest_s)[None, :]
        self._out_s = np.where(out_gone, NEVER, out_s + (setup_s + service_s)[None, :])
        self._out_m = np.where(out_gone, 0, out_m)
        in_gone = (in_s[:, 1:] >= FAR_DEARER) | ~takes
        for column, (_, closes_s) in enumerate(opening_s):
            in_gone[:, column] |= earliest_s + service_s + in_s[:, column + 1] > closes_s
        self._in_s = np.where(in_gone, NEVER, in_s[:, 1:] + unloading_s[None, :])
        self._in_m = np.where(in_gone, 0, in_m[:, 1:])
        self._hop_s = np.minimum(self._end_s[:, 1:] + unloading_s[None, :], NEVER)
        self.work_s = np.minimum(self._arc_s.min(axis=1, initial=NEVER), self._out_s.min(axis=0, initial=NEVER))
        self._near = np.argsort(self._arc_s, axis=1, kind="stable")[:, :_NEAREST].astype(np.int32)

    def _read_loads(self, problem: Problem, crew: _Crew) -> None:
        """Cut the resource that is shortest on a trip (kilograms, litres or the shift's time) into whole units."""
        vehicle = problem.vehicle_of(crew.shift)
        needs = [
            (np.array([visit.demand_kg for visit in crew.visits], dtype=np.int64), vehicle.capacity_kg),
            (np.array([visit.demand_l for visit in crew.visits], dtype=np.int64), max(1, vehicle.capacity_l)),
            (np.minimum(self.work_s, self._beyond_s + 1), max(1, self._beyond_s)),
        ]
        need, room = max(needs, key=lambda one: float(one[0].sum()) / one[1])
        cut = room if room <= _MOST_UNITS else int(min(_MOST_UNITS, max(20.0, 2 * room / max(1.0, np.median(need)))))
        floor = need * cut // room
        self.units = np.maximum(1, floor).astype(np.int64)
        # what has less than a unit counts as one: a trip may hold as many units more as there are such visits
        most = min(cut + int((floor == 0).sum()), int(self.units.sum()))
        shape = (most + 1, len(need), 2)
        self._cost, self._before = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int32)
        self._row = np.zeros(most + 1, dtype=np.int32)
        least_s = int(self.work_s.min()) + int(self._in_s.min(initial=NEVER))
        self._most_trips = int(min(len(need), 1 + self._beyond_s // max(1, least_s)))

    def shares(self) -> NDArray[np.float64]:
        """Return what each visit costs about: its own way and service, and its share of a trip and of the shift."""
        filled = self.units / (len(self._cost) - 1)
        trip = (self._out_s[0].astype(float) + self._in_s.min(axis=1, initial=NEVER)) * self._per_s
        trip += (self._out_m[0].astype(float) + self._in_m.min(axis=1, initial=0)) * self._per_m
        nearest_m = self._arc_m[np.arange(len(self.units)), self._near[:, 0]]
        own = self.work_s.astype(float) * self._per_s + nearest_m.astype(float) * self._per_m
        day = np.maximum(self.work_s / max(1, self._beyond_s), filled / 4)
        cost = own + self._fee + trip * filled + day * self._fixed
        return np.asarray(np.minimum(cost, float(NEVER)))

    @property
    def terms(self) -> CrewTerms:
        """Return what the linear program has to know."""
        home_s = np.where(self._end_s[1:, 0] < FAR_DEARER, self._end_s[1:, 0], 10 * self._beyond_s)
        home_m = np.where(self._end_s[1:, 0] < FAR_DEARER, self._end_m[1:, 0], 0)
        from optimizer.search.engines.bound_lp import CrewTerms  # noqa: PLC0415 - with its solver library

        return CrewTerms(
            count=self.count,
            fixed_micro=self._fixed,
            within_s=self._within_s,
            beyond_s=self._beyond_s,
            overtime_micro_per_s=self._overtime,
            home_s=home_s,
            home_micro=home_s * self._per_s + home_m * self._per_m,
        )

    def lone_trips(self, crew: int) -> Iterator[TripColumn]:
        """Yield a trip with each visit alone from each end: with them the program's first prices have some sense."""
        from optimizer.search.engines.bound_lp import TripColumn  # noqa: PLC0415 - with its solver library

        for source in range(self._out_s.shape[0]):
            for row in range(len(self.units)):
                site = int(self._in_s[row].argmin())
                work_s = int(self._out_s[source, row]) + int(self._in_s[row, site])
                if work_s < FAR_DEARER:
                    metres = int(self._out_m[source, row]) + int(self._in_m[row, site])
                    yield TripColumn(
                        crew=crew,
                        source=source,
                        site=site,
                        cost_micro=work_s * self._per_s + metres * self._per_m + int(self._fee[row]),
                        work_s=work_s,
                        visits=self.visits[row : row + 1],
                        times=np.ones(1, dtype=np.int64),
                    )

    def cheapest(self, price: NDArray[np.int64], hour: int, crew: int) -> tuple[int, int, list[TripColumn]]:
        """Return the least that a route costs, prices deducted, and the cheapest trips.

        Between the two stands by how much a unit of load must be dearer so that no trip from site to site costs less
        than nothing; the route's cost is with that added. ``hour`` is the price of a second of work, in millionths.
        """
        per_s = self._per_s + hour
        own = self._fee - price[self.visits]
        arc = _priced(self._arc_s, self._arc_m, per_s, self._per_m) + own[:, None]
        rows = np.arange(len(own))[:, None]
        near = np.ascontiguousarray(arc[rows, self._near])
        other = np.full(len(own), NEVER, dtype=np.int64)
        if self._near.shape[1] < len(own):
            arc[rows, self._near] = NEVER
            other = arc.min(axis=1)
        out = _priced(self._out_s, self._out_m, per_s, self._per_m) + own
        into = np.minimum(_priced(self._in_s, self._in_m, per_s, self._per_m), FAR_DEARER)
        by_load, columns = self._trips(near, other, out, into, price, hour, crew)
        loads = np.arange(by_load.shape[2])
        unit_micro = max(0, int(-(by_load[1:, :, 1:] // loads[1:]).min(initial=0)))
        trips = (by_load + unit_micro * loads).min(axis=2)
        within = min(hour, self._overtime) * self._within_s + max(0, hour - self._overtime) * self._beyond_s
        return self._join(trips, per_s) + self._fixed - within, unit_micro, columns

    def _trips(
        self,
        near: NDArray[np.int64],
        other: NDArray[np.int64],
        out: NDArray[np.int64],
        into: NDArray[np.int64],
        price: NDArray[np.int64],
        hour: int,
        crew: int,
    ) -> tuple[NDArray[np.int64], list[TripColumn]]:
        """Return the cheapest trip from each end (depot, then sites) to each site with each load, and the best few."""
        ends, sites = out.shape[0], into.shape[1]
        by_load = np.full((ends, sites, len(self._cost)), FAR_DEARER, dtype=np.int64)
        columns: list[TripColumn] = []
        for source in range(ends):
            same = next((known for known in range(1, source) if np.array_equal(out[known], out[source])), None)
            if same is not None:
                by_load[source] = by_load[same]
                continue
            extend_trips(out[source], near, self._near, other, self.units, self._cost, self._before, self._row)
            walks = np.minimum(self._cost[:, :, 0], FAR_DEARER)
            for site in range(sites):
                ended = walks + into[:, site]
                by_load[source, site] = np.minimum(ended.min(axis=1), FAR_DEARER)
                loads = ended.argmin(axis=0)
                values = ended[loads, np.arange(len(self.units))]
                few = np.argsort(values, kind="stable")[: max(3, _COLUMNS // sites)]
                columns += [
                    self._column(crew, source, site, int(loads[last]), last, int(values[last]), price, hour)
                    for last in few.tolist()
                    if values[last] < FAR_DEARER
                ]
        return by_load, columns

    def _column(
        self,
        crew: int,
        source: int,
        site: int,
        load: int,
        last: int,
        value: int,
        price: NDArray[np.int64],
        hour: int,
    ) -> TripColumn:
        from optimizer.search.engines.bound_lp import TripColumn  # noqa: PLC0415 - with its solver library

        times = np.zeros(len(self.units), dtype=np.int64)
        found = np.zeros(2, dtype=np.int64)
        count_visits(self.units, self._cost, self._before, load, last, self._arc_s, found, times)
        visited = np.flatnonzero(times)
        first, walk_s = found.tolist()
        work_s = walk_s + int(self._out_s[source, first]) + int(self._in_s[last, site])
        earned = int((price[self.visits] * times).sum())
        return TripColumn(
            crew=crew,
            source=source,
            site=site,
            cost_micro=max(0, value + earned - hour * work_s),
            work_s=work_s,
            visits=self.visits[visited],
            times=times[visited],
        )

    def _join(self, trips: NDArray[np.int64], per_s: int) -> int:
        """Return what the cheapest chain of trips costs: the first from the depot, each later one from the site before.

        Between two trips, and before the first and after the last, a truck may call at sites with nothing on board:
        where the direct way is not the shortest, that may be cheaper.
        """
        sites = trips.shape[1]
        home = np.minimum(_priced(self._end_s, self._end_m, per_s, self._per_m)[1:, 0], FAR_DEARER)
        hops = np.full((sites + 1, sites + 1), FAR_DEARER, dtype=np.int64)
        hops[:, 1:] = np.minimum(_priced(self._hop_s, self._end_m[:, 1:], per_s, self._per_m), FAR_DEARER)
        np.fill_diagonal(hops, 0)
        for via in range(1, sites + 1):
            hops = np.minimum(hops, hops[:, via, None] + hops[None, via, :])
        home = (hops[1:, 1:] + home[None, :]).min(axis=1, initial=FAR_DEARER)
        trips = (hops[:, :, None] + np.minimum(trips, FAR_DEARER)[None, :, :]).min(axis=1)
        reached = trips[0]
        best_micro = FAR_DEARER
        for _ in range(self._most_trips):
            best_micro = min(best_micro, int((reached + home).min(initial=FAR_DEARER)))
            onward = np.minimum(reached, FAR_DEARER)[:, None] + trips[1:]
            farther = np.minimum(reached, onward.min(axis=0, initial=FAR_DEARER))
            if np.array_equal(farther, reached):
                break
            reached = farther
        return best_micro


def _opens(windows: tuple[TimeWindow, ...]) -> int:
    return windows[0].start_s if windows else 0


def _closes(windows: tuple[TimeWindow, ...]) -> int:
    return windows[-1].end_s if windows else NEVER


def _ways(
    problem: Problem, profile: str, rows: Sequence[int], columns: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return seconds and metres, ``NEVER`` where no path leads."""
    drive_s, drive_m = problem.matrix.block(profile, rows, columns)
    gone = drive_s == NO_PATH
    return np.where(gone, NEVER, drive_s.astype(np.int64)), np.where(gone, NEVER, drive_m.astype(np.int64))


def _least(
    cells: NDArray[np.int64], rows: NDArray[np.intp] | None, columns: NDArray[np.intp] | None
) -> NDArray[np.int64]:
    """Return the least of each block of rows and columns that begin at these numbers."""
    if rows is not None:
        cells = np.minimum.reduceat(cells, rows, axis=0)
    return cells if columns is None else np.minimum.reduceat(cells, columns, axis=1)


def _priced(seconds: NDArray[np.int64], metres: NDArray[np.int64], per_s: int, per_m: int) -> NDArray[np.int64]:
    """Return what drives cost, ``NEVER`` where none leads."""
    gone = seconds >= FAR_DEARER
    return np.where(gone, NEVER, np.where(gone, 0, seconds) * per_s + np.where(gone, 0, metres) * per_m)
