"""A large city in parts: districts of neighbouring routes, each searched alone, cut anew between rounds.

A route's place is the mean of its visits' places; routes are cut into districts of about equal size by straight lines
that turn from round to round, so that what was a border is the middle of a district in the next round. Santini,
Schneider, Vidal and Vigo ("Decomposition strategies for vehicle routing heuristics", INFORMS Journal on Computing 35,
2023) compared ways to group routes, and found such barycentres the best of the simple ones. Without routes to begin
with, the visits themselves are cut, and every kind of truck is dealt out by what it may serve. On a running day a truck
under way that has no visit left goes where the nearest visit is that it may serve.

A district has its own travel times: the whole square is never needed. Leaving a required visit out costs in it what it
costs in the whole day, so that costs of districts add up to the day's.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.judge.cost import required_penalty_micro
from optimizer.problem.matrix import SQUARE_CELLS, TravelMatrix
from optimizer.problem.plan import RouteOrder, VisitAction
from optimizer.search.feasible import Options, may_enter, options
from optimizer.search.workers import Alone, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from optimizer.judge.evaluate import RouteEvaluation
    from optimizer.problem.model import Problem, Vehicle
    from optimizer.problem.plan import Unserved
    from optimizer.search.stop import Stop
    from optimizer.search.workers import Crew

LARGE: Final = 2_000
"""Visits from which a day is searched in districts. On made-up days, one core each at the same time, the whole search
costs as much at 1,000 visits and 40 s (1,902 against 1,891), and at 3,000 and 75 s more than twice as much with
required visits left out (21,053 against 9,055). Between them: 1,599 visits of Kim et al. need 14 trucks in districts
after 120 s and 13 when searched whole."""

VISITS: Final = 400
"""In a district, about."""

_FIRST_S: Final = 0.001
"""Seconds for each visit of a district, at most, until the first plan serves all that are required."""

_ROUNDS: Final = 5
"""Times that the city is cut, if there is time."""

_LEAST_S: Final = 3.0
"""A district is searched at least so long in a round, or there are fewer rounds."""

_TURN: Final = math.pi * (math.sqrt(5) - 1) / 2
"""Angle between the cuts of one round and the next: by golden sections no two rounds cut alike."""

_ABSENT_WEIGHT: Final = 20.0
"""A truck without a route goes where visits are left out: each of those counts as much as so many others."""

_TELL_SHARE: Final = 0.1
"""Part of the time, at most, that judging the whole plan between the ends of rounds may take."""


@dataclass(slots=True, kw_only=True)
class District:
    """Visits that are planned together, by these shifts, and the routes they have now."""

    visits: list[str]
    shifts: list[str] = field(default_factory=list)
    orders: list[RouteOrder] = field(default_factory=list)


def search(
    problem: Problem,
    shifts_of: dict[str, tuple[str, ...]],
    *,
    stop: Stop,
    seed: int,
    start: Sequence[RouteOrder],
    found: Callable[[list[RouteOrder]], bool],
    judged: Callable[[RouteOrder], RouteEvaluation],
    crew: Crew,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Improve a plan of a large day until told to stop, and hand each clearly better one to ``found``.

    Parameters
    ----------
    shifts_of
        For each visit to plan, the shifts that could serve it alone.
    stop
        Its step limit is shared out among the districts of all rounds.
    start
        The plan to improve; if it is empty, a first one is made.
    found
        Judges the whole day, and says whether the plan passes and is better than all before.
    judged
        The judge's word on one route, kept for ``found``: judging all routes of 10,000 visits takes 0.4 s.
    crew
        Who searches the districts. With a step limit the plan does not depend on how many they are.
    """
    if not shifts_of or not problem.shifts:
        return
    city = _City(problem, shifts_of, start=start, found=found, judged=judged, clock=clock)
    if not city.serves() and not stop():
        districts = city.cut_visits(angle=_angle(seed, 0))
        # Without the crew, whose processes may still be loading: a first plan must not wait for them.
        city.improve(districts, Alone(), _Budget(stop, 1, len(districts), first=True), seed=seed)
        city.tell()
    rounds = _rounds(stop, crew.size, city.parts)
    for number in range(rounds):
        if stop():
            break
        districts = city.cut_routes(angle=_angle(seed, number + 1), seed=seed + number)
        budget = _Budget(stop, crew.size, len(districts), rounds=rounds - number)
        city.improve(districts, crew, budget, seed=seed + 1_000 * (number + 1))
        city.tell()


def is_large(problem: Problem) -> bool:
    """Whether a day is searched in districts: for its number of visits, or for want of room for the whole square."""
    cells = problem.matrix.n**2 * len(problem.matrix.profiles)
    return len(problem.visits) >= LARGE or cells > SQUARE_CELLS


def carriers(problem: Problem) -> Options:
    """Return the shifts whose vehicles may take each visit, time and streets aside: a moment's work on a large day.

    Whether they reach it in time, the search finds out; why a visit is left out in the end, ``feasible.options`` says.
    """
    kinds: dict[Vehicle, list[str]] = {}
    locked = {visit.vehicle for visit in problem.visits}
    for shift in problem.shifts:
        vehicle = problem.vehicle_of(shift)
        kind = replace(vehicle, id=vehicle.id if vehicle.id in locked else "any", depot="any")
        kinds.setdefault(kind, []).append(shift.id)
    groups: dict[tuple[bool, ...], tuple[str, ...]] = {}
    shifts: dict[str, tuple[str, ...]] = {}
    hopeless: list[Unserved] = []
    room = [(vehicle.capacity_kg, vehicle.capacity_l) for vehicle in kinds]
    entering: dict[object, tuple[bool, ...]] = {}
    for visit in problem.visits:
        alike = (visit.access, visit.stream, visit.vehicle, bool(visit.kerb))
        if alike not in entering:
            entering[alike] = tuple(bool(visit.kerb) and may_enter(vehicle, visit) for vehicle in kinds)
        able = tuple(
            enters and visit.demand_kg <= kg and visit.demand_l <= litres
            for enters, (kg, litres) in zip(entering[alike], room, strict=True)
        )
        if able not in groups:
            names = {name for one, own in zip(able, kinds.values(), strict=True) if one for name in own}
            groups[able] = tuple(shift.id for shift in problem.shifts if shift.id in names)
        if groups[able]:
            shifts[visit.id] = groups[able]
        else:
            hopeless += options(replace(problem, visits=(visit,))).hopeless
    return Options(shifts=shifts, hopeless=tuple(hopeless))


def sub_problem(
    problem: Problem, visits: Sequence[str], shifts: Sequence[str], *, stop: Stop | None = None
) -> Problem | None:
    """Return the day of these visits and shifts alone, with travel times of its own; None when stopped meanwhile.

    Costs stay what they are. The names, kerb states and sites are those of the whole day, so that routes of the one are
    routes of the other. What was planned for a shift of another district is moved wherever it goes: here it is planned
    for none.
    """
    own_shifts = tuple(shift for shift in problem.shifts if shift.id in set(shifts))
    vehicles = {shift.vehicle: problem.vehicle_of(shift) for shift in own_shifts}
    depots = {vehicle.depot: problem.depot_by_id[vehicle.depot] for vehicle in vehicles.values()}
    own_visits = [problem.visit_by_id[name] for name in visits]
    names = {shift.id for shift in own_shifts}
    nodes = list(
        dict.fromkeys(
            [depot.node for depot in depots.values()]
            + [shift.status.node for shift in own_shifts if shift.status is not None]
            + [site.node for site in problem.disposal_sites]
            + [node for visit in own_visits for node in visit.kerb]
        )
    )
    place = {node: number for number, node in enumerate(nodes)}
    blocks = {}
    for profile in sorted({vehicle.profile for vehicle in vehicles.values()}):
        if stop is not None and stop():  # each takes a tenth of a second or two on streets
            return None
        blocks[profile] = problem.matrix.block(profile, nodes, nodes)
    return replace(
        problem,
        matrix=TravelMatrix(
            {profile: seconds for profile, (seconds, _) in blocks.items()},
            {profile: metres for profile, (_, metres) in blocks.items()},
        ),
        locations=tuple(problem.locations[node] for node in nodes),
        depots=tuple(replace(depot, node=place[depot.node]) for depot in depots.values()),
        disposal_sites=tuple(replace(site, node=place[site.node]) for site in problem.disposal_sites),
        vehicles=tuple(vehicles.values()),
        shifts=tuple(
            replace(shift, status=shift.status and replace(shift.status, node=place[shift.status.node]))
            for shift in own_shifts
        ),
        visits=tuple(
            replace(
                visit,
                kerb=tuple(place[node] for node in visit.kerb),
                planned=visit.planned if visit.planned in names else None,
            )
            for visit in own_visits
        ),
        required_micro=required_penalty_micro(problem),
    )


def cut(points: NDArray[np.float64], weights: NDArray[np.float64], parts: int, angle: float) -> NDArray[np.intp]:
    """Return the part of each point: parts of about equal weight, divided by straight lines.

    Parameters
    ----------
    points
        ``float64[k, 2]``, in any unit of length.
    weights
        ``float64[k]``, positive.
    parts
        How many; some stay empty if there are fewer points.
    angle
        Of the first cut's direction, in radians; each cut inside a part is at right angles to the one before.
    """
    part = np.zeros(len(points), dtype=np.intp)
    pending = [(np.arange(len(points)), 0, parts, angle)]
    while pending:
        members, first, count, direction = pending.pop()
        if count == 1 or not len(members):
            part[members] = first
            continue
        along = points[members] @ np.array([math.cos(direction), math.sin(direction)])
        ordered = members[np.argsort(along, kind="stable")]
        before = np.cumsum(weights[ordered]) - weights[ordered] / 2
        half = count // 2
        split = int(np.searchsorted(before, weights[ordered].sum() * half / count))
        pending.append((ordered[:split], first, half, direction + math.pi / 2))
        pending.append((ordered[split:], first + half, count - half, direction + math.pi / 2))
    return part


class _Budget:
    """Shares out what is left among the districts of a round, as they begin."""

    def __init__(self, stop: Stop, size: int, districts: int, *, rounds: int = 1, first: bool = False) -> None:
        self.stop = stop
        self._size = size
        self._left = districts
        self.first = first
        self._reserve_s = (1 - 1 / rounds) * stop.remaining_s() if math.isfinite(stop.remaining_s()) else 0.0
        limit = stop.max_steps()
        self.steps = None if limit is None else 1 if first else max(1, limit // (_ROUNDS * districts))

    def seconds(self, visits: int) -> float:
        """Return the seconds for the next district."""
        left_s = self.stop.remaining_s() - self._reserve_s
        seconds = min(left_s, left_s * self._size / max(1, self._left))
        self._left -= 1
        if self.first:  # with a step limit the clock has no say, not even here
            return min(seconds, visits * _FIRST_S) if self.steps is None else seconds
        return max(0.01, seconds)


class _City:
    """The whole day's routes, cut and put together again."""

    def __init__(
        self,
        problem: Problem,
        shifts_of: dict[str, tuple[str, ...]],
        *,
        start: Sequence[RouteOrder],
        found: Callable[[list[RouteOrder]], bool],
        judged: Callable[[RouteOrder], RouteEvaluation],
        clock: Callable[[], float],
    ) -> None:
        self.problem = problem
        self.shifts_of = shifts_of
        self.orders = {order.shift: order for order in start if order.actions}
        self._told = dict(self.orders)
        self._found = found
        self._judged = judged
        self._clock = clock
        self._begun_s = clock()
        self._judging_s = 0.0
        self._penalty_micro = required_penalty_micro(problem)
        names = list(shifts_of)
        self._number = {name: row for row, name in enumerate(names)}
        self._names = np.array(names, dtype=object)
        self._plane = _plane(problem)
        self._places = self._plane[[(problem.visit_by_id[name].kerb or (0,))[0] for name in names]]
        able: dict[tuple[str, ...], int] = {}
        self._able = np.array([able.setdefault(shifts_of[name], len(able)) for name in names], dtype=np.intp)
        self._sets = [frozenset(shifts) for shifts in able]
        self.parts = max(2, round(len(names) / VISITS))

    def serves(self) -> bool:
        """Whether any visit has a place yet; crews that are out have routes all the same, their ways home."""
        return any(isinstance(action, VisitAction) for order in self.orders.values() for action in order.actions)

    # --- cutting ---------------------------------------------------------------------------------------------------

    def cut_visits(self, *, angle: float) -> list[District]:
        """Return districts of visits near each other, and the shifts dealt out."""
        part = cut(self._places, np.ones(len(self._places)), self.parts, angle)
        return self._with_shifts(part, {}, absent=np.ones(len(part), dtype=np.bool_))

    def cut_routes(self, *, angle: float, seed: int) -> list[District]:
        """Return districts of routes near each other, what is left out near them, and shifts without a route.

        Those that leave out most of what is required come first: in one process their turn is a minute away otherwise.
        """
        part = np.full(len(self._places), -1, dtype=np.intp)
        routes = list(self.orders.values())
        visits = [self._rows(order) for order in routes]
        kept = [(order, rows) for order, rows in zip(routes, visits, strict=True) if len(rows)]
        points = np.array([self._places[rows].mean(axis=0) for _, rows in kept]).reshape(-1, 2)
        sizes = np.array([len(rows) for _, rows in kept], dtype=np.float64)
        of_route = cut(points, sizes, self.parts, angle)
        home: dict[str, int] = {}
        for (order, rows), own in zip(kept, of_route.tolist(), strict=True):
            part[rows] = own
            home[order.shift] = own
        absent = part < 0
        if absent.all():
            return self.cut_visits(angle=angle)
        for row in np.flatnonzero(absent).tolist():
            gap = self._places[~absent] - self._places[row]
            part[row] = part[~absent][np.argmin(np.einsum("ij,ij->i", gap, gap))]
        districts = self._with_shifts(part, home, absent=absent, seed=seed)
        return sorted(districts, key=self._required_left, reverse=True)

    def _with_shifts(
        self, part: NDArray[np.intp], home: dict[str, int], *, absent: NDArray[np.bool_], seed: int = 0
    ) -> list[District]:
        """Deal the shifts that have no home yet, and make the districts."""
        home = dict(home)
        need = np.zeros((self.parts, len(self._sets)))
        np.add.at(need, (part, self._able), np.where(absent, 1.0 + _ABSENT_WEIGHT, 1.0))
        home |= self._under_way(part, home)
        kinds: dict[tuple[bool, ...], list[str]] = {}
        for shift in self.problem.shifts:
            if shift.id not in home and shift.status is None:
                kinds.setdefault(tuple(shift.id in able for able in self._sets), []).append(shift.id)
        rng = np.random.default_rng(seed)
        for kind, shifts in kinds.items():
            weights = np.array(
                [1.0 / len(able) if serves else 0.0 for able, serves in zip(self._sets, kind, strict=True)]
            )
            home |= dict(zip(shifts, _dealt(need @ weights, len(shifts), rng), strict=True))
        self._bring_to_a_shift(part, home, absent)
        districts = [District(visits=[]) for _ in range(self.parts)]
        for name, own in zip(self._names.tolist(), part.tolist(), strict=True):
            if own >= 0:
                districts[own].visits.append(name)
        for shift in self.problem.shifts:
            if shift.id in home:
                districts[home[shift.id]].shifts.append(shift.id)
                if shift.id in self.orders:
                    districts[home[shift.id]].orders.append(self.orders[shift.id])
        return [district for district in districts if district.visits and district.shifts]

    def _under_way(self, part: NDArray[np.intp], home: dict[str, int]) -> dict[str, int]:
        """Return the parts of trucks under way without a visit: of the nearest visit that each may serve."""
        found: dict[str, int] = {}
        for shift in self.problem.shifts:
            if shift.id in home or shift.status is None:
                continue
            served = np.array([shift.id in able for able in self._sets], dtype=np.bool_)[self._able]
            if served.any():
                gap = self._places[served] - self._plane[shift.status.node]
                found[shift.id] = int(part[served][np.argmin(np.einsum("ij,ij->i", gap, gap))])
        return found

    def _bring_to_a_shift(self, part: NDArray[np.intp], home: dict[str, int], absent: NDArray[np.bool_]) -> None:
        """Move visits whose district has no shift for them to the nearest that has; leave those that nobody has."""
        fleet: list[set[str]] = [set() for _ in range(self.parts)]
        for shift, own in home.items():
            fleet[own].add(shift)
        able = np.array([[not own.isdisjoint(shifts) for own in fleet] for shifts in self._sets]).reshape(
            -1, self.parts
        )
        middle = np.array(
            [
                self._places[part == own].mean(axis=0) if (part == own).any() else [np.inf, np.inf]
                for own in range(self.parts)
            ]
        )
        stranded = ~able[self._able, part] & absent
        for row in np.flatnonzero(stranded).tolist():
            away = np.hypot(*(middle - self._places[row]).T)
            away[~able[self._able[row]]] = np.inf
            part[row] = int(np.argmin(away)) if np.isfinite(away).any() else -1

    def _required_left(self, district: District) -> int:
        served = _served(district.orders)
        return sum(self.problem.visit_by_id[name].required for name in district.visits if name not in served)

    def _rows(self, order: RouteOrder) -> list[int]:
        return [self._number[action.visit] for action in order.actions if isinstance(action, VisitAction)]

    # --- searching -------------------------------------------------------------------------------------------------

    def improve(self, districts: Sequence[District], crew: Crew, budget: _Budget, *, seed: int) -> None:
        """Have each district searched, and keep what is cheaper."""
        for district, found in zip(
            districts, crew.run(self._tasks(districts, budget, seed), stop=budget.stop), strict=False
        ):
            if found is not None and self._cost_micro(district, found) < self._cost_micro(district, district.orders):
                for order in district.orders:
                    del self.orders[order.shift]
                self.orders |= {order.shift: order for order in found}
                if self._told and self._judging_s < _TELL_SHARE * (self._clock() - self._begun_s):
                    self.tell()

    def tell(self) -> None:
        """Have the whole plan judged; go back to the last one that passed if this one does not."""
        if self.orders == self._told:
            return
        begun_s = self._clock()
        if self._found(list(self.orders.values())):
            self._told = dict(self.orders)
        else:
            self.orders = dict(self._told)
        self._judging_s += self._clock() - begun_s

    def _tasks(self, districts: Sequence[District], budget: _Budget, seed: int) -> Iterator[Task]:
        for number, district in enumerate(districts):
            own = sub_problem(self.problem, district.visits, district.shifts, stop=budget.stop)
            if own is None:
                return
            yield Task(
                problem=own,
                shifts_of=self._own_shifts(own),
                start=tuple(district.orders),
                seed=seed + number,
                seconds=budget.seconds(len(district.visits)),
                steps=budget.steps,
                until_complete=budget.first,
            )

    def _own_shifts(self, own: Problem) -> dict[str, tuple[str, ...]]:
        known: dict[int, tuple[str, ...]] = {}
        found = {}
        for visit in own.visits:
            group = int(self._able[self._number[visit.id]])
            if group not in known:
                known[group] = tuple(shift.id for shift in own.shifts if shift.id in self._sets[group])
            if known[group]:
                found[visit.id] = known[group]
        return found

    def _cost_micro(self, district: District, orders: Sequence[RouteOrder]) -> int:
        """Return what a district's routes and the visits that they leave out add to the day's cost.

        A crew that is out and has nothing left to do drives home.
        """
        busy = {order.shift for order in orders}
        idle = [name for name in district.shifts if name not in busy and self.problem.shift_by_id[name].out]
        orders = [*orders, *(RouteOrder(shift=name, actions=()) for name in idle)]
        served = _served(orders)
        total = 0
        for name in district.visits:
            if name not in served:
                prize_micro = self.problem.visit_by_id[name].prize_micro
                total += self._penalty_micro if prize_micro is None else prize_micro
        return total + sum(self._judged(order).route.cost.total_micro for order in orders)


def _served(orders: Sequence[RouteOrder]) -> set[str]:
    return {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}


def _angle(seed: int, number: int) -> float:
    return (seed % 1_000 + number) * _TURN


def _rounds(stop: Stop, size: int, parts: int) -> int:
    if not math.isfinite(stop.remaining_s()):
        return _ROUNDS
    return max(1, min(_ROUNDS, int(stop.remaining_s() * size / (parts * _LEAST_S))))


def _plane(problem: Problem) -> NDArray[np.float64]:
    """Return where the places of the day are, ``float64[n, 2]`` in degrees of latitude."""
    degrees = np.array([(spot.lon, spot.lat) for spot in problem.locations], dtype=np.float64).reshape(-1, 2)
    degrees[:, 0] *= math.cos(math.radians(float(degrees[:, 1].mean())))
    return degrees


def _dealt(need: NDArray[np.float64], count: int, rng: np.random.Generator) -> list[int]:
    """Return the parts that so many shifts go to, in proportion to the need, the rest where most is lacking."""
    total = float(need.sum())
    share = need / total * count if total > 0 else np.full(len(need), count / len(need))
    whole = np.floor(share).astype(np.intp)
    short = count - int(whole.sum())
    lacking = np.lexsort((rng.permutation(len(need)), whole - share))
    whole[lacking[:short]] += 1
    return np.repeat(np.arange(len(need)), whole).tolist()
