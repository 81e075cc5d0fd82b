"""A day, and a plan under change, as flat arrays for the compiled loops.

A *code* names whatever a route can halt at: first the kerb states of all visits, then the disposal sites, then the
depots, then the places where shifts with a status begin. Position 0 of a route is its depot or such a place, positions
1 to ``length`` are its actions, position ``length`` + 1 is its depot.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from optimizer.judge.cost import metres_from_origin, required_penalty_micro
from optimizer.problem.matrix import NO_PATH, as_squares
from optimizer.problem.model import Status
from optimizer.problem.plan import Action, RouteOrder, UnloadAction, VisitAction
from optimizer.search.feasible import may_enter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, Visit

FAR: Final = 1 << 30
"""Seconds or metres where no path leads, and a limit where there is none: beyond every day, far from overflowing."""

NEVER: Final = 1 << 60
"""A time that does not come, and a cost that nobody pays."""

MOST_ACTIONS: Final = 4_000
"""Of one route: one every 20 seconds for a day and a night."""

_NEIGHBOURS: Final = 100


CODE: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "place",
            "visit",
            "stop",
            "service_s",
            "lifts",
            "setup_s",
            "kg",
            "litres",
            "stream",
            "fee",
            "window",
            "windows_end",
            "east",
            "north",
        )
    ]
)
"""What a code is. ``stream`` is a bit of its own for each stream at a visit, and the set of accepted ones at a site;
``visit`` and ``stop`` are -1 at sites and depots. Where a shift begins, ``kg``, ``litres`` and ``stream`` are what it
has on board (``stream`` 0: nothing). ``east`` and ``north`` are metres, where compactness has a price. Its windows are
``opens`` and ``closes`` from ``window`` on."""

SHIFT: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "begin",
            "depot",
            "out",
            "moves",
            "profile",
            "cap_kg",
            "cap_l",
            "lift_s",
            "start_s",
            "end_s",
            "latest_s",
            "per_s",
            "per_m",
            "per_t_km",
            "per_h2",
            "per_km2",
            "worked_s",
            "fixed",
            "overtime",
            "range_m",
            "max_stops",
            "max_kg",
            "mixed",
            "group",
            "breaks",
        )
    ]
)
"""A shift and its vehicle; those of one ``group`` are alike in all but their names. Limits are less what its
status has used up; ``moves`` says whether ``Day.dear`` holds anything for it."""

AT: Final = np.dtype([(name, np.int64) for name in ("leg_s", "leg_m", "slack_s", "load_kg", "load_l", "trip")])
"""A position of a route: the drive (and set-up) to it, how much later the truck may come, the load after it, and the
trip that it belongs to."""

TRIP: Final = np.dtype([(name, np.int64) for name in ("first", "last", "streams", "mark", "visits", "east", "north")])
"""The positions of a trip's first visit and of its unloading, the streams on board; how many visits it has and the sums
of their metres, where compactness has a price."""

ROUTE: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "length",
            "trips",
            "cost",
            "but_time",
            "metres",
            "stops",
            "collected",
            "back_s",
            "busy_s",
            "slack_s",
            "closed",
            "dirty",
            "touched",
            "old_length",
            "old_cost",
            "best_length",
            "offered",
        )
    ]
)
"""A route now, before the step under way (``old_``), and in the best plan. ``offered`` is not the route's own: in
the row of a group's number it says for which insertion an empty route of that group was tried."""

VISIT: Final = np.dtype([("route", np.int64), ("position", np.int64), ("missed", np.int64), ("key", np.float64)])
"""Where a visit is served (route -1: nowhere), for how many steps it was missing, and its place in a queue."""


class Day(NamedTuple):
    """What does not change: ``C`` codes, ``V`` visits, ``R`` shifts, ``B`` breaks, ``P`` profiles, ``n`` places.

    Parameters
    ----------
    sites, depots
        The first code of a site, and of a depot.
    codes, shifts
        ``CODE[C]`` and ``SHIFT[R]``.
    first
        ``int64[V + 1]``, the first kerb state of each visit.
    worth, required
        What leaving a visit out costs, ``int64[V]``; whether it must be served, ``bool[V]``.
    near
        ``int32[V, K]``, the nearest visits, itself first.
    allowed
        ``bool[V, R]``.
    dear
        ``int64[V, R]``, what serving a visit by a shift costs for being this one.
    rests
        ``int64[R, B, 3]``: how long, from when and until when a break may start.
    least
        ``int64[P, X + 1, 2]``: seconds and metres that an unloading takes with the nearest visits before and after it,
        for each of X sites, and last the least of all.
    out, into
        ``int32[P, n, n, 2]`` of seconds and metres; the rows of ``out`` are tails, those of ``into`` heads.
    """

    sites: int
    depots: int
    codes: NDArray[Any]
    shifts: NDArray[Any]
    first: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    worth: NDArray[np.int64]
    required: NDArray[np.bool_]
    near: NDArray[np.int32]
    allowed: NDArray[np.bool_]
    dear: NDArray[np.int64]
    rests: NDArray[np.int64]
    least: NDArray[np.int64]
    out: NDArray[np.int32]
    into: NDArray[np.int32]


class State(NamedTuple):
    """A plan and what is known of it: ``R`` routes of ``L`` positions, ``V`` visits, ``B`` breaks at most.

    Parameters
    ----------
    seq, old_seq, best_seq
        ``int64[R, L]`` of codes: now, before the step under way, and in the best plan.
    at, trips, routes, visits
        ``AT[R, L]``, ``TRIP[R, L]``, ``ROUTE[R]``, ``VISIT[V]``.
    ahead_s
        ``int64[R, L, B + 1]``, the earliest time to leave a position with so many breaks behind.
    behind_s
        The same shape, the latest time to be ready there so that the rest of the day still fits.
    lists
        ``int32[3, V]``: visits that are absent, those to be inserted, those absent before the step under way.
    numbers, found, scratch
        Counters (``N_ABSENT`` ...), the last place found, working space.
    random
        ``uint64[1]``, the generator's state.
    """

    seq: NDArray[np.int64]
    old_seq: NDArray[np.int64]
    best_seq: NDArray[np.int64]
    at: NDArray[Any]
    trips: NDArray[Any]
    routes: NDArray[Any]
    visits: NDArray[Any]
    ahead_s: NDArray[np.int64]
    behind_s: NDArray[np.int64]
    lists: NDArray[np.int32]
    numbers: NDArray[np.int64]
    found: NDArray[np.int64]
    scratch: NDArray[np.int64]
    random: NDArray[np.uint64]


N_ABSENT, N_TOTAL, N_BEST, N_STAMP, N_POOL, N_OLD_ABSENT, N_MARK = range(7)
"""Places in ``State.numbers``."""


class Codes:
    """Translates between a problem's orders and codes.

    Parameters
    ----------
    problem
        The day.
    shifts_of
        For each visit to plan, the shifts that could serve it alone; visits that are absent have no code.
    """

    def __init__(self, problem: Problem, shifts_of: Mapping[str, tuple[str, ...]]) -> None:
        self.problem = problem
        self.visits = [problem.visit_by_id[name] for name in shifts_of]
        self.shifts_of = shifts_of
        self.first_state = np.cumsum([0, *(len(visit.kerb) for visit in self.visits)]).astype(np.int64)
        self.states = int(self.first_state[-1])
        self._visit_number = {visit.id: number for number, visit in enumerate(self.visits)}
        self._site_number = {site.id: number for number, site in enumerate(problem.disposal_sites)}

    def code(self, action: Action) -> int:
        """Return the code of an action."""
        if isinstance(action, VisitAction):
            return int(self.first_state[self._visit_number[action.visit]]) + action.kerb
        return self.states + self._site_number[action.site]

    def orders(self, seq: NDArray[np.int64], length: NDArray[np.int64]) -> list[RouteOrder]:
        """Return the routes that have actions."""
        visit_of = np.repeat(np.arange(len(self.visits)), np.diff(self.first_state))
        actions: list[Action] = [
            VisitAction(visit=self.visits[visit].id, kerb=code - int(self.first_state[visit]))
            for code, visit in enumerate(visit_of.tolist())
        ]
        actions += [UnloadAction(site=site.id) for site in self.problem.disposal_sites]
        return [
            RouteOrder(
                shift=shift.id, actions=tuple(actions[code] for code in seq[number, 1 : length[number] + 1].tolist())
            )
            for number, shift in enumerate(self.problem.shifts)
            if length[number]
        ]

    def day(self) -> Day:
        """Return the day's arrays."""
        problem, visits = self.problem, self.visits
        counts = np.diff(self.first_state)
        sites, depots = problem.disposal_sites, problem.depots
        bit = {name: 1 << number for number, name in enumerate(streams_of(problem, visits))}
        stop = {name: number for number, name in enumerate(dict.fromkeys(visit.stop for visit in visits))}
        end = self.states + len(sites)
        begun = [shift.status for shift in problem.shifts if shift.status is not None]
        codes = np.zeros(end + len(depots) + len(begun), dtype=CODE)
        for name in ("visit", "stop"):
            codes[name] = -1
        for name, values in (
            ("visit", list(range(len(visits)))),
            ("stop", [stop[visit.stop] for visit in visits]),
            ("service_s", [visit.service_s for visit in visits]),
            ("lifts", [visit.lifts for visit in visits]),
            ("setup_s", [visit.setup_s for visit in visits]),
            ("kg", [visit.demand_kg for visit in visits]),
            ("litres", [visit.demand_l for visit in visits]),
            ("stream", [bit[visit.stream] for visit in visits]),
        ):
            codes[name][: self.states] = np.repeat(np.array(values, dtype=np.int64), counts)
        codes["service_s"][self.states : end] = [site.unloading_s for site in sites]
        codes["fee"][self.states : end] = [site.fee_micro_per_kg for site in sites]
        codes["stream"][self.states : end] = [sum(bit[name] for name in bit if site.accepts(name)) for site in sites]
        places = [node for visit in visits for node in visit.kerb]
        places += [site.node for site in sites] + [depot.node for depot in depots]
        codes["place"] = places + [status.node for status in begun]
        for code, status in enumerate(begun, start=end + len(depots)):
            codes["kg"][code] = status.load_kg
            codes["litres"][code] = status.load_l
            codes["stream"][code] = sum(bit[name] for name in status.streams)
            codes["stop"][code] = stop.get(status.stop, -1) if status.stop is not None else -1
        windows = [visit.windows for visit in visits for _ in visit.kerb]
        windows += [site.windows for site in sites] + [() for _ in (*depots, *begun)]
        ends = np.cumsum([len(own) for own in windows])
        codes["windows_end"] = ends
        codes["window"] = ends - [len(own) for own in windows]
        if problem.terms.compactness_micro_per_km2:
            points = np.array([metres_from_origin(problem, node) for node in codes["place"][: self.states].tolist()])
            codes["east"][: self.states], codes["north"][: self.states] = points.reshape(-1, 2).T
        penalty_micro = required_penalty_micro(problem)
        out = _matrices(problem)
        return Day(
            sites=self.states,
            depots=end,
            codes=codes,
            shifts=self._shifts(allowed := self._allowed(), dear := self._dear()),
            first=self.first_state,
            opens=np.array([one.start_s for own in windows for one in own] or [0], dtype=np.int64),
            closes=np.array([one.end_s for own in windows for one in own] or [0], dtype=np.int64),
            worth=np.array(
                [penalty_micro if visit.prize_micro is None else visit.prize_micro for visit in visits], dtype=np.int64
            ),
            required=np.array([visit.required for visit in visits], dtype=np.bool_),
            near=_near(out, np.array([visit.kerb[0] for visit in visits], dtype=np.intp)),
            allowed=allowed,
            dear=dear,
            rests=self._rests(),
            least=_least(out, codes[: self.states], codes[self.states : end]),
            out=out,
            into=np.ascontiguousarray(out.transpose(0, 2, 1, 3)),
        )

    def _allowed(self) -> NDArray[np.bool_]:
        vehicles = [self.problem.vehicle_of(shift) for shift in self.problem.shifts]
        kg = np.array([visit.demand_kg for visit in self.visits], dtype=np.int64)
        litres = np.array([visit.demand_l for visit in self.visits], dtype=np.int64)
        allowed = kg[:, None] <= np.array([vehicle.capacity_kg for vehicle in vehicles], dtype=np.int64)
        allowed &= litres[:, None] <= np.array([vehicle.capacity_l for vehicle in vehicles], dtype=np.int64)
        # Visits by the hundred are alike in all else that matters: each kind is asked about once.
        known: dict[object, NDArray[np.bool_]] = {}
        for row, visit in enumerate(self.visits):
            kind = (visit.access, visit.stream, visit.vehicle, self.shifts_of[visit.id])
            if kind not in known:
                able = set(self.shifts_of[visit.id])
                pairs = zip(self.problem.shifts, vehicles, strict=True)
                known[kind] = np.array([shift.id in able and may_enter(vehicle, visit) for shift, vehicle in pairs])
            allowed[row] &= known[kind]
        return allowed

    def _dear(self) -> NDArray[np.int64]:
        terms, shifts = self.problem.terms, self.problem.shifts
        dear = np.zeros((len(self.visits), len(shifts)), dtype=np.int64)
        if terms.moved_micro:
            number = {shift.id: column for column, shift in enumerate(shifts)}
            planned = np.array([-1 if one.planned is None else number[one.planned] for one in self.visits])[:, None]
            dear += terms.moved_micro * ((planned >= 0) & (planned != np.arange(len(shifts))))
        if terms.outside_zones_micro:
            for column, shift in enumerate(shifts):
                zones = self.problem.vehicle_of(shift).zones
                if zones is not None:
                    outside = [visit.zone is not None and visit.zone not in zones for visit in self.visits]
                    dear[:, column] += terms.outside_zones_micro * np.array(outside, dtype=np.bool_)
        return dear

    def _rests(self) -> NDArray[np.int64]:
        most = max((len(shift.breaks) for shift in self.problem.shifts), default=0)
        rests = np.zeros((len(self.problem.shifts), max(1, most), 3), dtype=np.int64)
        for number, shift in enumerate(self.problem.shifts):
            for which, rest in enumerate(shift.breaks):
                rests[number, which] = rest.duration_s, rest.earliest_s, rest.latest_s
        return rests

    def _shifts(self, allowed: NDArray[np.bool_], dear: NDArray[np.int64]) -> NDArray[Any]:
        problem = self.problem
        begin = self.states + len(problem.disposal_sites) + len(problem.depots)
        profiles = {name: number for number, name in enumerate(problem.matrix.profiles)}
        depots = {depot.id: number for number, depot in enumerate(problem.depots)}
        groups: dict[object, int] = {}
        shifts = np.zeros(len(problem.shifts), dtype=SHIFT)
        for number, shift in enumerate(problem.shifts):
            vehicle = problem.vehicle_of(shift)
            own = (allowed[:, number].tobytes(), dear[:, number].tobytes())
            alike = (replace(vehicle, id="any"), replace(shift, id="any", vehicle="any"), own)
            depot = self.states + len(problem.disposal_sites) + depots[vehicle.depot]
            used = shift.status or Status(node=problem.begin_node(shift))
            shifts[number] = (
                depot if shift.status is None else begin,
                depot,
                shift.out,
                bool(dear[:, number].any()),
                profiles[vehicle.profile],
                vehicle.capacity_kg,
                vehicle.capacity_l,
                vehicle.lift_s,
                shift.start_s,
                shift.end_s,
                shift.latest_return_s,
                vehicle.micro_per_s,
                vehicle.micro_per_m,
                vehicle.micro_per_t_km,
                problem.terms.balance_micro_per_h2,
                problem.terms.compactness_micro_per_km2,
                used.worked_s,
                0 if shift.out else vehicle.fixed_micro,
                shift.overtime_micro_per_s,
                NEVER if vehicle.range_m is None else vehicle.range_m - used.driven_m,
                NEVER if shift.max_stops is None else shift.max_stops - used.stops,
                NEVER if shift.max_daily_kg is None else shift.max_daily_kg - used.collected_kg,
                vehicle.mixed_streams,
                groups.setdefault(alike, len(groups)),
                len(shift.breaks),
            )
            begin += shift.status is not None
        return shifts


def streams_of(problem: Problem, visits: Iterable[Visit]) -> list[str]:
    """Return the streams that these visits and the trucks under way hold, sorted."""
    carried = (shift.status.streams for shift in problem.shifts if shift.status is not None)
    return sorted({visit.stream for visit in visits}.union(*carried))


def empty_state(day: Day, seed: int) -> State:
    """Return a plan in which nothing is served, without a best one yet where a crew is out and must come home."""
    visits, shifts = day.allowed.shape
    shape = (shifts, min(2 * visits + 4, MOST_ACTIONS))
    taken = day.rests.shape[1] + 1
    numbers = np.zeros(8, dtype=np.int64)
    numbers[N_ABSENT] = visits
    numbers[N_TOTAL] = int(day.worth.sum())
    numbers[N_BEST] = NEVER if day.shifts["out"].any() else numbers[N_TOTAL]
    served = np.zeros(visits, dtype=VISIT)
    served["route"] = -1
    served["missed"] = 1
    lists = np.zeros((3, visits), dtype=np.int32)
    lists[0] = np.arange(visits)
    return State(
        seq=np.zeros(shape, dtype=np.int64),
        old_seq=np.zeros(shape, dtype=np.int64),
        best_seq=np.zeros(shape, dtype=np.int64),
        at=np.zeros(shape, dtype=AT),
        trips=np.zeros(shape, dtype=TRIP),
        routes=np.zeros(shifts, dtype=ROUTE),
        visits=served,
        ahead_s=np.zeros((*shape, taken), dtype=np.int64),
        behind_s=np.zeros((*shape, taken), dtype=np.int64),
        lists=lists,
        numbers=numbers,
        found=np.zeros(8, dtype=np.int64),
        scratch=np.zeros((4, taken), dtype=np.int64),
        # A splitmix64 step turns any seed into a good state; 0 is the one state that xorshift must not begin with.
        random=np.array([(seed * 0x9E3779B97F4A7C15 + 0xBF58476D1CE4E5B9) % (1 << 64) or 1], dtype=np.uint64),
    )


def _matrices(problem: Problem) -> NDArray[np.int32]:
    """Return seconds and metres, ``int32[P, n, n, 2]``, with ``FAR`` where no path leads."""
    matrix = as_squares(problem.matrix)
    out = np.empty((len(matrix.profiles), matrix.n, matrix.n, 2), dtype=np.int32)
    for number, profile in enumerate(matrix.profiles):
        out[number, :, :, 0] = matrix.duration_s(profile)
        out[number, :, :, 1] = matrix.distance_m(profile)
    out[out == NO_PATH] = FAR
    return out


def _near(out: NDArray[np.int32], nodes: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the nearest visits of each visit, itself first, ``int32[V, K]``."""
    count = min(len(nodes), _NEIGHBOURS)
    near = np.zeros((len(nodes), count), dtype=np.int32)
    there = out[0, :, :, 0]
    for row, node in enumerate(nodes):
        away = there[node, nodes].astype(np.int64) + there[nodes, node]
        away[row] = -1
        near[row] = np.argsort(away, kind="stable")[:count]
    return near


def _least(out: NDArray[np.int32], visits: NDArray[Any], sites: NDArray[Any]) -> NDArray[np.int64]:
    least = np.full((len(out), len(sites) + 1, 2), 0, dtype=np.int64)
    for number, site in enumerate(sites):
        to = out[:, visits["place"], site["place"]].min(axis=1, initial=FAR)
        away = out[:, site["place"], visits["place"]].min(axis=1, initial=FAR)
        least[:, number] = to.astype(np.int64) + away
        least[:, number, 0] += site["service_s"]
    if len(sites):
        least[:, -1] = least[:, :-1].min(axis=1)
    return least
