"""The waste problem as a model of OR-Tools' routing library.

* One routing vehicle for each shift. It starts at its depot; its end is a node of its own, and the arc into the end
  holds the last unloading: drive to the cheapest disposal site that takes the load, unload, drive home. So "every truck
  empty when it comes home" costs no node.
* One node for each kerb state of a visit; the states of one visit form a disjunction whose penalty is its prize, or
  the judge's penalty for a required visit.
* A pool of optional copies of each disposal site, which any truck may use between two trips. The load dimensions fall
  there: the transit is minus the largest capacity, and a slack on those nodes alone brings it back to zero.
* A stream dimension keeps a trip pure: each visit fixes its value, only a disposal copy may change it.

The judge may see two things otherwise, and the judge decides: the gate fee of a last load at a site dearer than the
cheapest; the break of a route that is back between the break's earliest and latest start.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ortools.constraint_solver import pywrapcp

from optimizer.judge.cost import required_penalty_micro
from optimizer.problem.matrix import NO_PATH, as_squares
from optimizer.problem.model import PERMILLE
from optimizer.problem.plan import Action, RouteOrder, UnloadAction, VisitAction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from optimizer.problem.model import DisposalSite, Problem, Shift, TimeWindow, Vehicle, Visit

_FORBIDDEN: Final = 1 << 30
"""Seconds of an arc that no route may take: beyond every horizon, and far from overflowing in a sum."""

_USUAL_LOAD_PERMILLE: Final = 700
"""Load of a last trip, as part of the capacity, on which the arc into the end pays a dearer gate. A guess: the true
load is known to the judge, and matters here only where sites differ in their fees."""

_SPARE_COPIES: Final = 1.5
"""Disposal copies offered for each that an average truck would need; unused ones cost little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nodes:
    """What each routing node stands for: starts, ends, kerb states of visits, copies of disposal sites."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    kerb: tuple[tuple[int, Visit, int], ...]
    copies: tuple[tuple[int, DisposalSite], ...]
    count: int


class WasteModel:
    """One day, stated for OR-Tools.

    Parameters
    ----------
    problem
        The day.
    shifts_of
        For each visit to plan, the shifts that could serve it alone. Visits that are absent are not planned.
    seed
        Shuffles the order of the nodes, which breaks the ties of every heuristic.
    start
        Routes that ``routes`` must be able to write: as many disposal copies are offered as they use.
    """

    def __init__(
        self, problem: Problem, shifts_of: dict[str, tuple[str, ...]], *, seed: int, start: Sequence[RouteOrder] = ()
    ) -> None:
        self.problem = problem
        self.travel = as_squares(problem.matrix)
        self._unloadings = Counter(
            action.site for order in start for action in order.actions if isinstance(action, UnloadAction)
        )
        self.visits = [problem.visit_by_id[name] for name in shifts_of]
        np.random.default_rng(seed).shuffle(self.visits)
        self.shifts = problem.shifts
        self.vehicles = [problem.vehicle_of(shift) for shift in self.shifts]
        self.streams = sorted({visit.stream for visit in self.visits})
        self._lowest_fee_micro = min((site.fee_micro_per_kg for site in problem.disposal_sites), default=0)
        self.nodes = self._lay_out()
        self.manager = pywrapcp.RoutingIndexManager(
            self.nodes.count, len(self.shifts), list(self.nodes.starts), list(self.nodes.ends)
        )
        self.routing = pywrapcp.RoutingModel(self.manager)
        self.solver = self.routing.solver()
        self._index_of = {node: self.manager.NodeToIndex(node) for node, _, _ in self.nodes.kerb}
        self._copy_index = [(self.manager.NodeToIndex(node), site) for node, site in self.nodes.copies]
        self._action_at: dict[int, Action] = {
            self._index_of[node]: VisitAction(visit=visit.id, kerb=kerb) for node, visit, kerb in self.nodes.kerb
        }
        self._action_at |= {index: UnloadAction(site=site.id) for index, site in self._copy_index}
        self._add_travel()
        self._add_loads()
        self._add_streams()
        self._add_daily_limits()
        self._add_choices(shifts_of)

    # -- reading and writing routes -------------------------------------------------------------------------------

    def orders(self, next_index: Callable[[int], int]) -> list[RouteOrder]:
        """Return the routes that ``next_index`` (a solution's successor function) describes, last unloadings added."""
        found = []
        for vehicle, shift in enumerate(self.shifts):
            actions: list[Action] = []
            index = next_index(self.routing.Start(vehicle))
            while not self.routing.IsEnd(index):
                actions.append(self._action_at[index])
                index = next_index(index)
            if actions and isinstance(actions[-1], VisitAction):
                site = self._last_site(vehicle, actions[-1])
                actions.append(UnloadAction(site=site.id))
            if actions:
                found.append(RouteOrder(shift=shift.id, actions=tuple(actions)))
        return found

    def routes(self, orders: Sequence[RouteOrder]) -> list[list[int]]:
        """Return orders as routing indices for ``ReadAssignmentFromRoutes``.

        The last unloading is left to the arc into the end where that goes to the same site, else it is a copy.
        """
        node_of = {(visit.id, kerb): self._index_of[node] for node, visit, kerb in self.nodes.kerb}
        free: defaultdict[str, list[int]] = defaultdict(list)
        for index, site in reversed(self._copy_index):
            free[site.id].append(index)
        actions_of = {order.shift: order.actions for order in orders}
        routes: list[list[int]] = []
        for vehicle, shift in enumerate(self.shifts):
            actions = actions_of.get(shift.id, ())
            match actions[-2:]:
                case (VisitAction() as visit, UnloadAction(site=site)) if site == self._last_site(vehicle, visit).id:
                    actions = actions[:-1]
            routes.append(
                [
                    node_of[action.visit, action.kerb] if isinstance(action, VisitAction) else free[action.site].pop()
                    for action in actions
                ]
            )
        return routes

    # -- stating the day ------------------------------------------------------------------------------------------

    def _lay_out(self) -> _Nodes:
        depots = sorted({vehicle.depot for vehicle in self.vehicles})
        start_of = {depot: number for number, depot in enumerate(depots)}
        count = 2 * len(depots)
        kerb = []
        for visit in self.visits:
            for state in range(len(visit.kerb)):
                kerb.append((count, visit, state))
                count += 1
        copies = []
        for site in self.problem.disposal_sites:
            for _ in range(self._copies_of(site)):
                copies.append((count, site))
                count += 1
        return _Nodes(
            starts=tuple(start_of[vehicle.depot] for vehicle in self.vehicles),
            ends=tuple(len(depots) + start_of[vehicle.depot] for vehicle in self.vehicles),
            kerb=tuple(kerb),
            copies=tuple(copies),
            count=count,
        )

    def _copies_of(self, site: DisposalSite) -> int:
        """Return how many unloadings between trips to offer at a site, from what an average truck holds."""
        accepted = [visit for visit in self.visits if site.accepts(visit.stream)]
        if not accepted:
            return self._unloadings[site.id]
        mean_kg = sum(vehicle.capacity_kg for vehicle in self.vehicles) / len(self.vehicles)
        mean_l = sum(vehicle.capacity_l for vehicle in self.vehicles) / len(self.vehicles)
        loads = max(
            sum(visit.demand_kg for visit in accepted) / mean_kg, sum(visit.demand_l for visit in accepted) / mean_l
        )
        return max(math.ceil(_SPARE_COPIES * loads) + len(self.streams), self._unloadings[site.id])

    def _add_travel(self) -> None:
        """Add time, breaks, cost and, where a vehicle has a range, distance."""
        horizon_s = max(shift.latest_return_s for shift in self.shifts) + 1
        callbacks: dict[tuple[Any, ...], tuple[int, int, int]] = {}
        transits = []
        metres = []
        for number, vehicle in enumerate(self.vehicles):
            key = (
                vehicle.profile,
                vehicle.depot,
                vehicle.lift_s,
                vehicle.micro_per_m,
                vehicle.micro_per_s,
                vehicle.capacity_kg,
                vehicle.mixed_streams,
                vehicle.streams if vehicle.mixed_streams else None,
            )
            if key not in callbacks:
                time_s, metre, gate_micro = self._arcs(vehicle)
                cost = metre * vehicle.micro_per_m + gate_micro + self._fees()[:, None]
                callbacks[key] = (
                    self.routing.RegisterTransitMatrix(time_s.tolist()),
                    self.routing.RegisterTransitMatrix(metre.tolist()),
                    self.routing.RegisterTransitMatrix(cost.tolist()),
                )
            by_time, by_metre, by_cost = callbacks[key]
            transits.append(by_time)
            metres.append(by_metre)
            self.routing.SetArcCostEvaluatorOfVehicle(by_cost, number)
            self.routing.SetFixedCostOfVehicle(vehicle.fixed_micro, number)
        self.routing.AddDimensionWithVehicleTransits(transits, horizon_s, horizon_s, False, "time")  # noqa: FBT003
        self.time = self.routing.GetDimensionOrDie("time")
        for number, shift in enumerate(self.shifts):
            self._add_shift(number, shift)
        if any(vehicle.range_m is not None for vehicle in self.vehicles):
            ranges = [_FORBIDDEN if vehicle.range_m is None else vehicle.range_m for vehicle in self.vehicles]
            self.routing.AddDimensionWithVehicleTransitAndCapacity(metres, 0, ranges, True, "metres")  # noqa: FBT003

    def _add_shift(self, number: int, shift: Shift) -> None:
        vehicle = self.vehicles[number]
        self.time.CumulVar(self.routing.Start(number)).SetRange(shift.start_s, shift.latest_return_s)
        end = self.time.CumulVar(self.routing.End(number))
        end.SetRange(shift.start_s, min(shift.latest_return_s, self._last_unloading_home_s(vehicle)))
        self.time.SetSpanCostCoefficientForVehicle(vehicle.micro_per_s, number)
        if shift.max_overtime_s and shift.overtime_micro_per_s:
            self.time.SetCumulVarSoftUpperBound(self.routing.End(number), shift.end_s, shift.overtime_micro_per_s)
        self.routing.AddVariableMinimizedByFinalizer(end)
        self.routing.AddVariableMaximizedByFinalizer(self.time.CumulVar(self.routing.Start(number)))
        if shift.breaks:
            rests = [
                self.solver.FixedDurationIntervalVar(
                    rest.earliest_s,
                    rest.latest_s,
                    rest.duration_s,
                    False,  # noqa: FBT003 - not optional
                    f"{shift.id}/{n}",
                )
                for n, rest in enumerate(shift.breaks)
            ]
            service_s = [0] * self.routing.Size()
            for node, visit, _ in self.nodes.kerb:
                service_s[self._index_of[node]] = visit.service_s + visit.lifts * vehicle.lift_s
            for index, site in self._copy_index:
                service_s[index] = site.unloading_s
            self.time.SetBreakIntervalsOfVehicle(rests, number, service_s)

    def _last_unloading_home_s(self, vehicle: Vehicle) -> int:
        """Return when a truck is home that was the last one let in anywhere; the end arc knows no opening hours."""
        duration_s = self.travel.duration_s(vehicle.profile)
        depot = self.problem.depot_by_id[vehicle.depot].node
        latest_s = 0
        for site in self.problem.disposal_sites:
            if not site.windows:
                return _FORBIDDEN
            latest_s = max(latest_s, site.windows[-1].end_s + site.unloading_s + int(duration_s[site.node, depot]))
        return latest_s

    def _arcs(self, vehicle: Vehicle) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return seconds, metres and micros at dearer gates of every arc, each ``int64[n, n]``.

        The seconds are those of the service at the tail, the drive, and the set-up at the head.
        """
        place = np.zeros(self.nodes.count, dtype=np.intp)
        service_s = np.zeros(self.nodes.count, dtype=np.int64)
        setup_s = np.zeros(self.nodes.count, dtype=np.int64)
        stop = np.full(self.nodes.count, -1, dtype=np.int64)
        stops: dict[str, int] = {}
        for shift_vehicle, start, end in zip(self.vehicles, self.nodes.starts, self.nodes.ends, strict=True):
            place[start] = place[end] = self.problem.depot_by_id[shift_vehicle.depot].node
        for node, visit, kerb in self.nodes.kerb:
            place[node] = visit.kerb[kerb]
            service_s[node] = visit.service_s + visit.lifts * vehicle.lift_s
            setup_s[node] = visit.setup_s
            stop[node] = stops.setdefault(visit.stop, len(stops))
        for node, site in self.nodes.copies:
            place[node] = site.node
            service_s[node] = site.unloading_s
        drive_s, drive_m = self.problem.matrix.block(vehicle.profile, place.tolist(), place.tolist())
        stays = (stop[:, None] == stop[None, :]) & (stop[:, None] >= 0)
        time_s = drive_s.astype(np.int64) + service_s[:, None] + np.where(stays, 0, setup_s[None, :])
        metre = drive_m.astype(np.int64)
        gate_micro = np.zeros_like(metre)
        self._fold_last_unloading(vehicle, place, service_s, time_s, metre, gate_micro)
        copies = [node for node, _ in self.nodes.copies]
        blocked = drive_s == NO_PATH
        blocked[:, list(self.nodes.ends)] = False
        blocked[np.ix_([*copies, *self.nodes.starts], copies)] = True
        time_s[blocked] = _FORBIDDEN
        metre[metre == NO_PATH] = 0
        return time_s, metre, gate_micro

    def _fold_last_unloading(
        self,
        vehicle: Vehicle,
        place: NDArray[np.intp],
        service_s: NDArray[np.int64],
        time_s: NDArray[np.int64],
        metre: NDArray[np.int64],
        gate_micro: NDArray[np.int64],
    ) -> None:
        """Put the last unloading into the arcs from a visit to this vehicle's end."""
        depot = self.problem.depot_by_id[vehicle.depot].node
        duration_s = self.travel.duration_s(vehicle.profile)
        distance_m = self.travel.distance_m(vehicle.profile)
        end = self.nodes.ends[self.vehicles.index(vehicle)]
        start = self.nodes.starts[self.vehicles.index(vehicle)]
        for node, visit, _ in self.nodes.kerb:
            site = self._cheapest_site(vehicle, int(place[node]), visit.stream)
            if site is None:
                time_s[node, end] = _FORBIDDEN
                metre[node, end] = 0
                continue
            drive_s = int(duration_s[place[node], site.node]) + int(duration_s[site.node, depot])
            time_s[node, end] = service_s[node] + drive_s + site.unloading_s
            metre[node, end] = int(distance_m[place[node], site.node]) + int(distance_m[site.node, depot])
            gate_micro[node, end] = self._usual_fee_micro(vehicle, site)
        for node, site in self.nodes.copies:
            home_s = int(duration_s[site.node, depot])
            time_s[node, end] = _FORBIDDEN if home_s == NO_PATH else service_s[node] + home_s
        time_s[start, end] = 0
        metre[start, end] = 0

    def _cheapest_site(self, vehicle: Vehicle, place: int, stream: str) -> DisposalSite | None:
        depot = self.problem.depot_by_id[vehicle.depot].node
        duration_s = self.travel.duration_s(vehicle.profile)
        distance_m = self.travel.distance_m(vehicle.profile)
        streams = [s for s in self.streams if vehicle.carries(s)] if vehicle.mixed_streams else [stream]
        sites = [site for site in self.problem.disposal_sites if all(site.accepts(s) for s in streams)]
        sites = sites or [site for site in self.problem.disposal_sites if site.accepts(stream)]
        reached = [
            site
            for site in sites
            if duration_s[place, site.node] != NO_PATH and duration_s[site.node, depot] != NO_PATH
        ]

        def detour(site: DisposalSite) -> tuple[int, int]:
            time_s = int(duration_s[place, site.node]) + site.unloading_s + int(duration_s[site.node, depot])
            way_m = int(distance_m[place, site.node]) + int(distance_m[site.node, depot])
            fee_micro = self._usual_fee_micro(vehicle, site)
            return time_s * vehicle.micro_per_s + way_m * vehicle.micro_per_m + fee_micro, time_s

        return min(reached, key=detour, default=None)

    def _usual_fee_micro(self, vehicle: Vehicle, site: DisposalSite) -> int:
        """Return what a truck with a usual load pays at a site beyond the lowest fee."""
        return (site.fee_micro_per_kg - self._lowest_fee_micro) * vehicle.capacity_kg * _USUAL_LOAD_PERMILLE // PERMILLE

    def _last_site(self, vehicle: int, action: VisitAction) -> DisposalSite:
        visit = self.problem.visit_by_id[action.visit]
        site = self._cheapest_site(self.vehicles[vehicle], visit.kerb[action.kerb], visit.stream)
        assert site is not None  # the arc into the end would have been forbidden
        return site

    def _fees(self) -> NDArray[np.int64]:
        """Return the gate fee of each visit's load at the lowest fee of all, ``int64[n]`` by node."""
        fees = np.zeros(self.nodes.count, dtype=np.int64)
        for node, visit, _ in self.nodes.kerb:
            fees[node] = visit.demand_kg * self._lowest_fee_micro
        return fees

    def _add_dearer_gates(self) -> None:
        """Charge what a site takes beyond the lowest fee, on the load that a truck brings to its copies."""
        load = self.routing.GetDimensionOrDie("kg")
        for index, site in self._copy_index:
            extra_micro = site.fee_micro_per_kg - self._lowest_fee_micro
            if extra_micro:
                load.SetCumulVarSoftUpperBound(index, 0, extra_micro)

    def _add_loads(self) -> None:
        for name in ("kg", "l"):
            capacity = [v.capacity_kg if name == "kg" else v.capacity_l for v in self.vehicles]
            demand = [0] * self.nodes.count
            for node, visit, _ in self.nodes.kerb:
                demand[node] = visit.demand_kg if name == "kg" else visit.demand_l
            if not any(demand):
                continue
            largest = max(capacity)
            for node, _ in self.nodes.copies:
                demand[node] = -largest
            transit = self.routing.RegisterUnaryTransitVector(demand)
            self.routing.AddDimensionWithVehicleCapacity(transit, largest, capacity, True, name)  # noqa: FBT003
            self._slack_at_copies_only(self.routing.GetDimensionOrDie(name))
            if name == "kg":
                self._add_dearer_gates()

    def _add_streams(self) -> None:
        """Keep a trip's stream pure, and bring it only where it is accepted.

        A visit's value is the number of its stream. Between two visits a pure truck changes it by nothing, a mixing
        one by just the difference; so the library's own filters see both, as they would not see a constraint.
        """
        if len(self.streams) <= 1:
            return
        number = {stream: index for index, stream in enumerate(self.streams)}
        span = len(number)
        pure = np.zeros((self.nodes.count, self.nodes.count), dtype=np.int64)
        copies = [node for node, _ in self.nodes.copies]
        pure[copies, :] = -span
        stream_of = np.zeros(self.nodes.count, dtype=np.int64)
        for node, visit, _ in self.nodes.kerb:
            stream_of[node] = number[visit.stream]
        visits = np.array([node for node, _, _ in self.nodes.kerb], dtype=np.intp)
        registered: dict[frozenset[str] | None, int] = {}
        transits = []
        for vehicle in self.vehicles:
            carried = frozenset(filter(vehicle.carries, self.streams)) if vehicle.mixed_streams else None
            if carried not in registered:
                change = pure.copy()
                if carried is not None:
                    change[np.ix_(visits, visits)] = stream_of[visits][None, :] - stream_of[visits][:, None]
                registered[carried] = self.routing.RegisterTransitMatrix(change.tolist())
            transits.append(registered[carried])
        self.routing.AddDimensionWithVehicleTransits(transits, 2 * span, span - 1, False, "stream")  # noqa: FBT003
        stream = self.routing.GetDimensionOrDie("stream")
        self._slack_at_copies_only(stream)
        for node, visit, _ in self.nodes.kerb:
            stream.CumulVar(self._index_of[node]).SetValue(number[visit.stream])
        for index, site in self._copy_index:
            accepted = [number[name] for name in self.streams if site.accepts(name)]
            if accepted:
                stream.CumulVar(index).SetValues(accepted)
        if any(vehicle.mixed_streams for vehicle in self.vehicles):
            self._add_refusals()

    def _add_refusals(self) -> None:
        """Let a mixed load into a site only if nothing in it is refused there: count what is, as a load of its own."""
        for site in self.problem.disposal_sites:
            refused = [node for node, visit, _ in self.nodes.kerb if not site.accepts(visit.stream)]
            copies = [index for index, other in self._copy_index if other is site]
            if not refused or not copies:
                continue
            count = [0] * self.nodes.count
            for node in refused:
                count[node] = 1
            for node, _ in self.nodes.copies:
                count[node] = -len(refused)
            name = f"refused at {site.id}"
            transit = self.routing.RegisterUnaryTransitVector(count)
            self.routing.AddDimension(transit, len(refused), len(refused), True, name)  # noqa: FBT003
            dimension = self.routing.GetDimensionOrDie(name)
            self._slack_at_copies_only(dimension)
            for index in copies:
                dimension.CumulVar(index).SetValue(0)

    def _slack_at_copies_only(self, dimension: Any) -> None:
        copies = {index for index, _ in self._copy_index}
        for index in range(self.routing.Size()):
            if index not in copies:
                dimension.SlackVar(index).SetValue(0)

    def _add_daily_limits(self) -> None:
        if any(shift.max_daily_kg is not None for shift in self.shifts):
            demand = [0] * self.nodes.count
            for node, visit, _ in self.nodes.kerb:
                demand[node] = visit.demand_kg
            limits = [sum(demand) if shift.max_daily_kg is None else shift.max_daily_kg for shift in self.shifts]
            transit = self.routing.RegisterUnaryTransitVector(demand)
            self.routing.AddDimensionWithVehicleCapacity(transit, 0, limits, True, "daily kg")  # noqa: FBT003
        if any(shift.max_stops is not None for shift in self.shifts):
            stops = np.zeros((self.nodes.count, self.nodes.count), dtype=np.int64)
            for head, visit, _ in self.nodes.kerb:
                stops[:, head] = 1
                for tail, other, _ in self.nodes.kerb:
                    if other.stop == visit.stop:
                        stops[tail, head] = 0
            limits = [len(self.visits) if shift.max_stops is None else shift.max_stops for shift in self.shifts]
            transit = self.routing.RegisterTransitMatrix(stops.tolist())
            self.routing.AddDimensionWithVehicleCapacity(transit, 0, limits, True, "stops")  # noqa: FBT003

    def _add_choices(self, shifts_of: dict[str, tuple[str, ...]]) -> None:
        """Offer each visit's kerb states to the shifts that may serve it, and each disposal copy to all."""
        penalty_micro = required_penalty_micro(self.problem)
        number = {shift.id: index for index, shift in enumerate(self.shifts)}
        states: defaultdict[str, list[int]] = defaultdict(list)
        for node, visit, _ in self.nodes.kerb:
            index = self._index_of[node]
            states[visit.id].append(index)
            allowed = [number[shift] for shift in shifts_of[visit.id]]
            self.routing.VehicleVar(index).SetValues([-1, *allowed])
            self._add_windows(index, visit.windows)
        for visit in self.visits:
            penalty = penalty_micro if visit.prize_micro is None else visit.prize_micro
            self.routing.AddDisjunction(states[visit.id], penalty, 1)
        for index, site in self._copy_index:
            self.routing.AddDisjunction([index], 0)
            self._add_windows(index, site.windows)

    def _add_windows(self, index: int, windows: tuple[TimeWindow, ...]) -> None:
        if not windows:
            return
        start = self.time.CumulVar(index)
        start.SetRange(windows[0].start_s, windows[-1].end_s)
        for earlier, later in pairwise(windows):
            if later.start_s > earlier.end_s + 1:
                start.RemoveInterval(earlier.end_s + 1, later.start_s - 1)
