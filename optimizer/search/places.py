"""Where on a route a visit may best be tried: an estimate for all places at once, so that the judge tries only a few.

Breaks are put where the route meets them, so with breaks the estimate may err by their length. It claims nothing: what
is said about a place is said by the judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.problem.matrix import NO_PATH
from optimizer.problem.plan import Action, RouteOrder, UnloadAction, VisitAction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from optimizer.problem.model import Problem, TimeWindow, Visit

_FAR: Final = 1 << 40
"""Seconds or metres where no path leads: beyond every day."""


class Places:
    """The places of one route for a number of visits that it does not serve.

    Parameters
    ----------
    problem
        The day.
    order
        The route; it may be empty.
    visits
        The visits to place.
    """

    def __init__(self, problem: Problem, order: RouteOrder, visits: Sequence[Visit]) -> None:
        self._order = order
        self._shift = problem.shift_by_id[order.shift]
        self._vehicle = problem.vehicle_of(self._shift)
        self._sites = problem.disposal_sites
        self._read(problem)
        kerbs = [node for visit in visits for node in visit.kerb]
        first = np.cumsum([0, *(len(visit.kerb) for visit in visits)])
        self._first = {visit.id: int(start) for visit, start in zip(visits, first[:-1], strict=True)}
        site_nodes = [site.node for site in self._sites]
        profile = self._vehicle.profile
        self._to_s, self._to_m = _ways(problem, profile, self._nodes[:-1], kerbs)
        self._on_s, self._on_m = _ways(problem, profile, kerbs, self._nodes[1:])
        self._kerb_site_s, self._kerb_site_m = _ways(problem, profile, kerbs, site_nodes)
        self._site_on_s, self._site_on_m = _ways(problem, profile, site_nodes, self._nodes[1:])

    def _read(self, problem: Problem) -> None:
        """Follow the route: nodes, legs, loads on board, earliest times to leave and latest times to be ready."""
        shift, vehicle = self._shift, self._vehicle
        depot = problem.depot_by_id[vehicle.depot].node
        nodes, work_s, setup_s = [depot], [0], [0]
        windows: list[tuple[TimeWindow, ...]] = [()]
        before: list[tuple[int, int]] = [(0, 0)]
        streams: list[set[str]] = [set()]
        stop: str | None = None
        for action in self._order.actions:
            if isinstance(action, VisitAction):
                visit = problem.visit_by_id[action.visit]
                nodes.append(visit.kerb[action.kerb])
                work_s.append(visit.service_s + visit.lifts * vehicle.lift_s)
                setup_s.append(0 if stop == visit.stop else visit.setup_s)
                windows.append(visit.windows)
                before.append((before[-1][0] + visit.demand_kg, before[-1][1] + visit.demand_l))
                streams.append(streams[-1] | {visit.stream})
                stop = visit.stop
            else:
                site = problem.site_by_id[action.site]
                nodes.append(site.node)
                work_s.append(site.unloading_s)
                setup_s.append(0)
                windows.append(site.windows)
                before.append((0, 0))
                streams.append(set())
                stop = None
        nodes.append(depot)
        self._nodes = nodes
        leg_s, leg_m = _ways(problem, vehicle.profile, nodes, nodes)
        along = np.arange(len(nodes) - 1)
        self._leg_s, self._leg_m = leg_s[along, along + 1], leg_m[along, along + 1]
        self._before = np.array(before, dtype=np.int64)
        self._board = streams
        self._trip_of(before, streams)
        self._times(work_s, setup_s, windows)
        self._per_s, self._per_m = vehicle.micro_per_s, vehicle.micro_per_m
        self._start_s = shift.start_s

    def _trip_of(self, before: list[tuple[int, int]], streams: list[set[str]]) -> None:
        """Note for each gap what its whole trip holds; the gap after the last unloading belongs to no trip."""
        unloads = [n for n, action in enumerate(self._order.actions) if isinstance(action, UnloadAction)]
        self._whole = np.full((len(before), 2), _FAR, dtype=np.int64)
        self._whole_streams: list[set[str] | None] = [None] * len(before)
        first = 0
        for last in unloads:
            self._whole[first : last + 1] = before[last]
            self._whole_streams[first : last + 1] = [streams[last]] * (last + 1 - first)
            first = last + 1

    def _times(self, work_s: list[int], setup_s: list[int], windows: list[tuple[TimeWindow, ...]]) -> None:
        shift = self._shift
        leave = np.zeros(len(self._nodes) - 1, dtype=np.int64)
        time_s = shift.start_s
        owed = list(shift.breaks)
        for position in range(len(leave)):
            if position:
                time_s += int(self._leg_s[position - 1]) + setup_s[position]
                while owed and time_s > owed[0].earliest_s:
                    time_s += owed.pop(0).duration_s
                start_s = _first_start(windows[position], time_s)
                time_s = (time_s if start_s is None else start_s) + work_s[position]
            leave[position] = time_s
        self._leave_s = leave
        ready = np.zeros(len(self._nodes) - 1, dtype=np.int64)
        time_s = shift.latest_return_s
        taken = list(shift.breaks)
        for position in range(len(ready) - 1, -1, -1):
            ready[position] = time_s
            time_s -= int(self._leg_s[position])
            while taken and time_s <= taken[-1].latest_s:
                time_s -= taken.pop().duration_s
            if position:
                time_s -= work_s[position]
                ends = [min(time_s, window.end_s) for window in windows[position] if window.start_s <= time_s]
                time_s = max(ends) if ends else windows[position][0].start_s if windows[position] else time_s
                time_s -= setup_s[position]
        self._ready_s = ready

    def best(self, visit: Visit) -> list[RouteOrder]:
        """Return the routes worth trying with this visit, none to three.

        The cheapest place in time where its trip has room; where that is none, also the one with the least overload,
        and one with an unloading of its own.
        """
        found: list[RouteOrder] = []
        gap, kerb, excess_s = self._direct(visit, with_room=True)
        if gap >= 0:
            found.append(self._insert(gap, VisitAction(visit=visit.id, kerb=kerb)))
            if excess_s == 0:
                return found
        gap, kerb, _ = self._direct(visit, with_room=False)
        if gap >= 0:
            found.append(self._insert(gap, VisitAction(visit=visit.id, kerb=kerb)))
        own = self._own_trip(visit)
        if own is not None:
            found.append(own)
        return found

    def _insert(self, gap: int, *actions: Action) -> RouteOrder:
        old = self._order.actions
        return RouteOrder(shift=self._order.shift, actions=(*old[:gap], *actions, *old[gap:]))

    def _direct(self, visit: Visit, *, with_room: bool) -> tuple[int, int, int]:
        """Return gap, kerb state and seconds of excess of the best place in the trips of the route, -1 for none."""
        vehicle = self._vehicle
        over = np.maximum(
            self._whole[:, 0] + visit.demand_kg - vehicle.capacity_kg, 0
        ) / vehicle.capacity_kg + np.maximum(self._whole[:, 1] + visit.demand_l - vehicle.capacity_l, 0) / max(
            1, vehicle.capacity_l
        )
        usable = np.array([whole is not None for whole in self._whole_streams])
        if not vehicle.mixed_streams:
            usable &= np.array([whole is not None and whole <= {visit.stream} for whole in self._whole_streams])
        usable &= (over == 0) if with_room else (over > 0)
        if not usable.any() or not visit.kerb:
            return -1, 0, 0
        best: tuple[tuple[float, ...], int, int, int] | None = None
        for kerb in range(len(visit.kerb)):
            state = self._first[visit.id] + kerb
            ready_s, done_s = self._service(visit, state)
            excess_s = np.maximum(0, ready_s) + np.maximum(0, done_s + self._on_s[state] - self._ready_s)
            added = self._price(
                self._to_s[:, state] + self._on_s[state] - self._leg_s,
                self._to_m[:, state] + self._on_m[state] - self._leg_m,
            )
            keys = (added, over, excess_s) if not with_room else (added, excess_s)
            for gap in np.lexsort((*keys, ~usable))[:1].tolist():
                key = tuple(float(values[gap]) for values in reversed(keys))
                if best is None or key < best[0]:
                    best = key, gap, kerb, int(excess_s[gap])
        assert best is not None
        return best[1:]

    def _own_trip(self, visit: Visit) -> RouteOrder | None:
        """Return the route with the visit and an unloading after it, where that is earliest and cheapest."""
        vehicle = self._vehicle
        room = (self._before[:, 0] + visit.demand_kg <= vehicle.capacity_kg) & (
            self._before[:, 1] + visit.demand_l <= vehicle.capacity_l
        )
        if not vehicle.mixed_streams:
            room &= np.array([board <= {visit.stream} for board in self._board])
        if not room.any():
            room[:] = True  # larger than the truck: the judge is to say so
        best: tuple[tuple[float, float], int, int, int] | None = None
        for kerb in range(len(visit.kerb)):
            state = self._first[visit.id] + kerb
            late_s, done_s = self._service(visit, state)
            for number, site in enumerate(self._sites):
                usable = room & np.array([all(map(site.accepts, board | {visit.stream})) for board in self._board])
                if not usable.any():
                    continue
                there_s = done_s + self._kerb_site_s[state, number]
                start_s, closed_s = _starts(site.windows, there_s)
                home_s = start_s + site.unloading_s + self._site_on_s[number]
                excess_s = np.maximum(0, late_s) + closed_s + np.maximum(0, home_s - self._ready_s)
                way_s = self._to_s[:, state] + self._kerb_site_s[state, number] + self._site_on_s[number]
                way_m = self._to_m[:, state] + self._kerb_site_m[state, number] + self._site_on_m[number]
                added = self._price(way_s - self._leg_s, way_m - self._leg_m)
                gap = int(np.lexsort((added, excess_s, ~usable))[0])
                key = float(excess_s[gap]), float(added[gap])
                if best is None or key < best[0]:
                    best = key, gap, kerb, number
        if best is None:
            return None
        _, gap, kerb, number = best
        return self._insert(gap, VisitAction(visit=visit.id, kerb=kerb), UnloadAction(site=self._sites[number].id))

    def _service(self, visit: Visit, state: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each gap how late the visit would start, and when it would be done."""
        ready_s = self._leave_s + self._to_s[:, state] + visit.setup_s
        start_s, late_s = _starts(visit.windows, ready_s)
        return late_s, start_s + visit.service_s + visit.lifts * self._vehicle.lift_s

    def _price(self, seconds: NDArray[np.int64], metres: NDArray[np.int64]) -> NDArray[np.int64]:
        return seconds * self._per_s + metres * self._per_m + seconds


def _starts(windows: tuple[TimeWindow, ...], ready_s: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first permitted starts and, where there is none any more, the lateness."""
    if not windows:
        return ready_s, np.zeros_like(ready_s)
    start_s = ready_s.copy()
    late_s = np.maximum(0, ready_s - windows[-1].end_s)
    for window in reversed(windows):
        inside = ready_s <= window.end_s
        start_s[inside] = np.maximum(ready_s[inside], window.start_s)
    return start_s, late_s


def _first_start(windows: tuple[TimeWindow, ...], ready_s: int) -> int | None:
    return next((max(ready_s, window.start_s) for window in windows if ready_s <= window.end_s), None)


def _ways(
    problem: Problem, profile: str, rows: Sequence[int], columns: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    drive_s, drive_m = problem.matrix.block(profile, rows, columns)
    gone = drive_s == NO_PATH
    seconds, metres = drive_s.astype(np.int64), drive_m.astype(np.int64)
    seconds[gone] = metres[gone] = _FAR
    return seconds, metres
