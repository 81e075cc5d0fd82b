"""The only judge: a problem and who visits what in which order become a timed, costed plan with its violations.

It knows nothing of any solver. Engines, manual edits, benchmarks and tests all go through it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from optimizer.judge.cost import (
    balance_micro,
    compactness_micro,
    load_fuel_micro,
    queue_micro,
    route_cost,
    unserved_cost,
)
from optimizer.judge.schedule import Activity, Schedule, schedule_route
from optimizer.problem.codec import problem_hash
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.model import Status
from optimizer.problem.plan import (
    Action,
    Plan,
    Route,
    RouteOrder,
    Step,
    StepKind,
    UnloadAction,
    Unserved,
    Violation,
    ViolationKind,
    VisitAction,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from optimizer.problem.model import DisposalSite, Problem, Shift, TimeWindow, Vehicle, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEvaluation:
    """One route with what is wrong with it."""

    route: Route
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A whole plan with what is wrong with it; no violation means that the plan passes."""

    plan: Plan
    violations: tuple[Violation, ...]


def evaluate(
    problem: Problem,
    orders: Sequence[RouteOrder],
    *,
    unserved: Sequence[Unserved] = (),
    known_hash: str | None = None,
    known_routes: dict[RouteOrder, RouteEvaluation] | None = None,
) -> Evaluation:
    """Time and cost a plan and find every violation in it.

    A shift without actions stays where it is and costs nothing; one whose crew is out goes home. ``unserved`` must
    name, with their reasons, all the visits that no order serves. ``known_hash`` saves hashing the problem again where
    the caller has done so. ``known_routes`` saves judging routes again that it holds; afterwards it holds those of this
    plan and no others.

    Raises
    ------
    KeyError
        If an order names a shift, visit or disposal site that the problem does not have; ``check`` reports those of a
        stored plan as violations instead.
    """
    driving = [order for order in orders if order.actions]
    busy = {order.shift for order in driving}
    driving += [
        RouteOrder(shift=shift.id, actions=()) for shift in problem.shifts if shift.out and shift.id not in busy
    ]
    known = known_routes or {}
    judged = {order: known.get(order) or evaluate_route(problem, order) for order in driving}
    evaluations = [judged[order] for order in driving]
    if known_routes is not None:
        known_routes.clear()
        known_routes.update(judged)
    violations = [violation for evaluation in evaluations for violation in evaluation.violations]
    violations += _coverage(problem, orders, unserved)
    left_out = (problem.visit_by_id[entry.visit] for entry in unserved)
    cost = sum((evaluation.route.cost for evaluation in evaluations), unserved_cost(problem, left_out))
    cost = replace(cost, queue_micro=queue_micro(problem, (evaluation.route for evaluation in evaluations)))
    plan = Plan(
        routes=tuple(evaluation.route for evaluation in evaluations),
        unserved=tuple(unserved),
        cost=cost,
        problem_hash=known_hash or problem_hash(problem),
    )
    return Evaluation(plan=plan, violations=tuple(violations))


def evaluate_route(problem: Problem, order: RouteOrder) -> RouteEvaluation:
    """Time and cost one route, and find every violation in it; without actions the truck drives home."""
    shift = problem.shift_by_id[order.shift]
    vehicle = problem.vehicle_of(shift)
    walk = _Walk(problem, shift, vehicle, order.actions)
    for action in order.actions:
        walk.take(action)
    walk.come_home()
    schedule = schedule_route(
        shift, walk.activities, micro_per_s=vehicle.micro_per_s, balance=partial(balance_micro, problem, shift)
    )
    violations = [*walk.violations, *_time_violations(shift, walk, schedule)]
    steps = _steps(shift, walk, schedule)
    cost = route_cost(
        problem,
        shift,
        distance_m=sum(step.leg_distance_m for step in steps),
        departure_s=schedule.departure_s,
        return_s=schedule.return_s,
    )
    cost = replace(
        cost,
        gate_fees_micro=walk.gate_fees_micro,
        load_fuel_micro=load_fuel_micro(vehicle, walk.hauled_kg_m),
        moved_micro=walk.moved * problem.terms.moved_micro,
        outside_zones_micro=walk.outside * problem.terms.outside_zones_micro,
        compactness_micro=walk.compactness_micro,
    )
    route = Route(shift=shift.id, vehicle=vehicle.id, steps=steps, cost=cost)
    return RouteEvaluation(route=route, violations=tuple(violations))


def orders_of(problem: Problem, plan: Plan) -> tuple[RouteOrder, ...]:
    """Return the decisions in a plan of this problem: a start for a search, or for the judge."""
    orders = []
    for route in plan.routes:
        actions: list[Action] = []
        for step in route.steps:
            if step.kind is StepKind.VISIT:
                kerb = problem.visit_by_id[step.id].kerb
                actions.append(VisitAction(visit=step.id, kerb=kerb.index(step.node) if step.node in kerb else -1))
            elif step.kind is StepKind.UNLOAD:
                actions.append(UnloadAction(site=step.id))
        orders.append(RouteOrder(shift=route.shift, actions=tuple(actions)))
    return tuple(orders)


def check(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Judge a stored plan from the problem alone; an empty tuple means that it passes.

    Every time, load, distance and cost in the plan is recomputed; a figure that differs is a violation too.
    """
    unknown = _unknown_ids(problem, plan)
    if unknown:
        return tuple(unknown)
    evaluation = evaluate(problem, orders_of(problem, plan), unserved=plan.unserved)
    violations = list(evaluation.violations)
    judged = {route.shift: route for route in evaluation.plan.routes}
    for route in plan.routes:
        violations += _differences(route, judged.get(route.shift))
    if plan.cost != evaluation.plan.cost:
        violations.append(
            _mismatch("plan", None, plan.cost.total_micro - evaluation.plan.cost.total_micro, "its cost terms")
        )
    if plan.problem_hash != evaluation.plan.problem_hash:
        violations.append(_mismatch("plan", None, 0, "the hash of its problem"))
    return tuple(violations)


def _nodes(problem: Problem, shift: Shift, vehicle: Vehicle, actions: Sequence[Action]) -> list[int]:
    """Return where the truck stands, from its begin to the depot; without the kerb state asked for, where it was."""
    nodes = [problem.begin_node(shift)]
    for action in actions:
        if isinstance(action, UnloadAction):
            nodes.append(problem.site_by_id[action.site].node)
        else:
            kerb = problem.visit_by_id[action.visit].kerb
            nodes.append(kerb[action.kerb] if 0 <= action.kerb < len(kerb) else nodes[-1])
    nodes.append(problem.depot_by_id[vehicle.depot].node)
    return nodes


class _Walk:
    """Follows the actions of a route: legs, loads and everything that can be said without the clock."""

    def __init__(self, problem: Problem, shift: Shift, vehicle: Vehicle, actions: Sequence[Action]) -> None:
        self.problem = problem
        self.shift = shift
        self.vehicle = vehicle
        nodes = _nodes(problem, shift, vehicle, actions)
        leg_s, leg_m = problem.matrix.legs(vehicle.profile, nodes[:-1], nodes[1:])
        self.legs = zip(nodes[1:], leg_s.tolist(), leg_m.tolist(), strict=True)
        self.activities: list[Activity] = []
        self.drafts: list[Step] = []
        self.violations: list[Violation] = []
        self.gate_fees_micro = 0
        self.hauled_kg_m = 0
        self.moved = 0
        self.outside = 0
        self.compactness_micro = 0
        self.trip: list[int] = []
        begun = shift.status or Status(node=nodes[0])
        self.stop = begun.stop
        self.stops = begun.stops
        self.load_kg = begun.load_kg
        self.load_l = begun.load_l
        self.daily_kg = begun.collected_kg
        self.driven_m = begun.driven_m
        self.streams = set(begun.streams)

    def take(self, action: Action) -> None:
        if isinstance(action, VisitAction):
            self._visit(self.problem.visit_by_id[action.visit], action.kerb)
        else:
            self._unload(self.problem.site_by_id[action.site])

    def come_home(self) -> None:
        """Drive to the depot; the limits of the whole day are checked here."""
        self._close_trip()
        shift, vehicle = self.shift, self.vehicle
        depot = self.problem.depot_by_id[vehicle.depot]
        self._arrive(StepKind.RETURN, depot.id, setup_s=0, service_s=0, windows=(), carried_kg=self.load_kg)
        if self.load_kg or self.load_l:
            self._violated(ViolationKind.NOT_EMPTY, depot.id, self.load_kg, "comes home with a load on board")
        if shift.max_stops is not None and self.stops > shift.max_stops:
            excess = self.stops - shift.max_stops
            self._violated(ViolationKind.STOPS, shift.id, excess, f"makes {self.stops} stops of {shift.max_stops}")
        if shift.max_daily_kg is not None and self.daily_kg > shift.max_daily_kg:
            excess = self.daily_kg - shift.max_daily_kg
            self._violated(
                ViolationKind.DAILY_KG, shift.id, excess, f"collects {self.daily_kg} kg of {shift.max_daily_kg} a day"
            )
        if vehicle.range_m is not None and self.driven_m > vehicle.range_m:
            excess = self.driven_m - vehicle.range_m
            self._violated(ViolationKind.RANGE_M, vehicle.id, excess, f"drives {self.driven_m} m of {vehicle.range_m}")

    def _visit(self, visit: Visit, kerb: int) -> None:
        vehicle = self.vehicle
        if not 0 <= kerb < len(visit.kerb):
            self._violated(ViolationKind.NO_PATH, visit.id, 1, "serves a visit from a kerb state that it does not have")
        stays = self.stop == visit.stop
        self.stops += not stays
        before_kg = self.load_kg
        self._take_load(visit)
        self._arrive(
            StepKind.VISIT,
            visit.id,
            setup_s=0 if stays else visit.setup_s,
            service_s=visit.service_s + visit.lifts * vehicle.lift_s,
            windows=visit.windows,
            carried_kg=before_kg,
        )
        self.stop = visit.stop
        self.trip.append(self.drafts[-1].node)
        self.moved += visit.planned not in (None, self.shift.id)
        self.outside += visit.zone is not None and vehicle.zones is not None and visit.zone not in vehicle.zones
        if visit.access is not None and vehicle.access_class not in visit.access:
            self._violated(ViolationKind.ACCESS, visit.id, 1, f"sends a {vehicle.access_class} where it may not go")
        if not vehicle.carries(visit.stream):
            self._violated(
                ViolationKind.STREAM, visit.id, 1, f"puts {visit.stream} on a vehicle that does not carry it"
            )
        if visit.vehicle is not None and visit.vehicle != vehicle.id:
            self._violated(ViolationKind.LOCKED, visit.id, 1, f"serves a visit locked to vehicle {visit.vehicle!r}")

    def _take_load(self, visit: Visit) -> None:
        vehicle = self.vehicle
        self.load_kg += visit.demand_kg
        self.load_l += visit.demand_l
        self.daily_kg += visit.demand_kg
        if self.load_kg > vehicle.capacity_kg:
            excess_kg = self.load_kg - vehicle.capacity_kg
            self._violated(ViolationKind.CAPACITY_KG, visit.id, excess_kg, f"loads {excess_kg} kg too much")
        if self.load_l > vehicle.capacity_l:
            excess_l = self.load_l - vehicle.capacity_l
            self._violated(ViolationKind.CAPACITY_L, visit.id, excess_l, f"loads {excess_l} l too much")
        if self.streams and visit.stream not in self.streams and not vehicle.mixed_streams:
            others = ", ".join(sorted(self.streams))
            self._violated(ViolationKind.MIXED_STREAMS, visit.id, 1, f"puts {visit.stream} on top of {others}")
        self.streams.add(visit.stream)

    def _unload(self, site: DisposalSite) -> None:
        for stream in sorted(self.streams):
            if not site.accepts(stream):
                self._violated(ViolationKind.SITE_STREAM, site.id, 1, f"brings {stream} where it is not accepted")
        self._close_trip()
        before_kg = self.load_kg
        self.gate_fees_micro += self.load_kg * site.fee_micro_per_kg
        self.load_kg = self.load_l = 0
        self.streams.clear()
        self._arrive(
            StepKind.UNLOAD, site.id, setup_s=0, service_s=site.unloading_s, windows=site.windows, carried_kg=before_kg
        )
        self.stop = None

    def _close_trip(self) -> None:
        self.compactness_micro += compactness_micro(self.problem, self.trip)
        self.trip = []

    def _arrive(
        self,
        kind: StepKind,
        name: str,
        *,
        setup_s: int,
        service_s: int,
        windows: tuple[TimeWindow, ...],
        carried_kg: int,
    ) -> None:
        node, leg_s, leg_m = next(self.legs)
        if leg_s == NO_PATH:
            self._violated(ViolationKind.NO_PATH, name, 1, "drives where no allowed street leads")
            leg_s = leg_m = 0
        self.driven_m += leg_m
        self.hauled_kg_m += carried_kg * leg_m
        self.activities.append(Activity(approach_s=leg_s + setup_s, service_s=service_s, windows=windows))
        self.drafts.append(
            Step(
                kind=kind,
                id=name,
                node=node,
                arrival_s=0,
                start_s=0,
                departure_s=0,
                load_kg=self.load_kg,
                load_l=self.load_l,
                leg_distance_m=leg_m,
                leg_duration_s=leg_s,
            )
        )

    def _violated(self, kind: ViolationKind, subject: str, amount: int, what: str) -> None:
        message = f"Shift {self.shift.id!r} {what} ({subject!r})."
        self.violations.append(
            Violation(kind=kind, subject=subject, amount=amount, message=message, shift=self.shift.id)
        )


def _time_violations(shift: Shift, walk: _Walk, schedule: Schedule) -> list[Violation]:
    found: list[Violation] = []

    def violated(kind: ViolationKind, subject: str, amount: int, what: str) -> None:
        message = f"Shift {shift.id!r} {what}."
        found.append(Violation(kind=kind, subject=subject, amount=amount, message=message, shift=shift.id))

    for draft, activity, start_s in zip(walk.drafts, walk.activities, schedule.start_s, strict=True):
        if activity.windows and start_s > activity.windows[-1].end_s:
            late_s = start_s - activity.windows[-1].end_s
            if draft.kind is StepKind.UNLOAD:
                violated(
                    ViolationKind.SITE_CLOSED, draft.id, late_s, f"reaches {draft.id!r} {late_s} s after it closes"
                )
            else:
                violated(ViolationKind.TIME_WINDOW, draft.id, late_s, f"serves {draft.id!r} {late_s} s too late")
    for number in schedule.breaks_missed:
        violated(
            ViolationKind.BREAK, str(number), shift.breaks[number].duration_s, f"leaves no room for break {number}"
        )
    if schedule.return_s > shift.latest_return_s:
        late_s = schedule.return_s - shift.latest_return_s
        violated(ViolationKind.OVERTIME, shift.id, late_s, f"comes home {late_s} s after the last overtime allowed")
    return found


def _steps(shift: Shift, walk: _Walk, schedule: Schedule) -> tuple[Step, ...]:
    depot = walk.problem.depot_by_id[walk.vehicle.depot]
    time_s = schedule.departure_s
    steps = [
        Step(
            kind=StepKind.DEPART,
            id=depot.id,
            node=walk.problem.begin_node(shift),
            arrival_s=time_s,
            start_s=time_s,
            departure_s=time_s,
            load_kg=shift.status.load_kg if shift.status else 0,
            load_l=shift.status.load_l if shift.status else 0,
        )
    ]
    rests = list(zip(schedule.break_leg, schedule.break_number, schedule.break_start_s, strict=True))
    for leg, (draft, activity) in enumerate(zip(walk.drafts, walk.activities, strict=True)):
        left_s = draft.leg_duration_s
        arrival_s = -1 if left_s else time_s
        for _, number, rest_s in (rest for rest in rests if rest[0] == leg):
            if arrival_s < 0 and left_s <= rest_s - time_s:
                arrival_s = time_s + left_s
            left_s -= min(left_s, rest_s - time_s)
            steps.append(_rest(steps[-1], number, rest_s, shift.breaks[number].duration_s))
            time_s = steps[-1].departure_s
        if arrival_s < 0:
            arrival_s = time_s + left_s
        start_s = schedule.start_s[leg]
        time_s = start_s + activity.service_s
        steps.append(replace(draft, arrival_s=arrival_s, start_s=start_s, departure_s=time_s))
    return tuple(steps)


def _rest(before: Step, number: int, start_s: int, duration_s: int) -> Step:
    return Step(
        kind=StepKind.BREAK,
        id=str(number),
        node=before.node,
        arrival_s=start_s,
        start_s=start_s,
        departure_s=start_s + duration_s,
        load_kg=before.load_kg,
        load_l=before.load_l,
    )


def _coverage(problem: Problem, orders: Sequence[RouteOrder], unserved: Iterable[Unserved]) -> list[Violation]:
    found: list[Violation] = []
    shifts = Counter(order.shift for order in orders if order.actions)
    served = Counter(action.visit for order in orders for action in order.actions if isinstance(action, VisitAction))
    named = Counter(entry.visit for entry in unserved)
    for shift, times in shifts.items():
        if times > 1:
            message = f"Shift {shift!r} has {times} routes; it can drive one."
            found.append(
                Violation(kind=ViolationKind.SHIFT_USED_TWICE, subject=shift, amount=times - 1, message=message)
            )
    for visit in problem.visits:
        times = served[visit.id] + named[visit.id]
        if times > 1:
            message = f"Visit {visit.id!r} appears {times} times; it must be served once, or named once as unserved."
            found.append(
                Violation(kind=ViolationKind.VISITED_TWICE, subject=visit.id, amount=times - 1, message=message)
            )
        elif times == 0:
            message = f"Visit {visit.id!r} is neither served nor named as unserved."
            found.append(Violation(kind=ViolationKind.NOT_COVERED, subject=visit.id, amount=1, message=message))
    return found


def _unknown_ids(problem: Problem, plan: Plan) -> list[Violation]:
    named: list[tuple[str, str, Container[str], str | None]] = [
        ("visit", entry.visit, problem.visit_by_id, None) for entry in plan.unserved
    ]
    for route in plan.routes:
        named.append(("shift", route.shift, problem.shift_by_id, route.shift))
        for step in route.steps:
            if step.kind is StepKind.VISIT:
                named.append(("visit", step.id, problem.visit_by_id, route.shift))
            elif step.kind is StepKind.UNLOAD:
                named.append(("disposal site", step.id, problem.site_by_id, route.shift))
    return [
        Violation(
            kind=ViolationKind.UNKNOWN_ID,
            subject=name,
            amount=1,
            message=f"The plan names the {kind} {name!r}, which its problem does not have.",
            shift=shift,
        )
        for kind, name, known, shift in named
        if name not in known
    ]


def _differences(route: Route, judged: Route | None) -> list[Violation]:
    if judged is None:
        return [_mismatch(route.shift, route.shift, 1, "a route that goes nowhere")]
    if route.vehicle != judged.vehicle:
        return [_mismatch(route.shift, route.shift, 1, f"vehicle {route.vehicle!r} on a shift of {judged.vehicle!r}")]
    if len(route.steps) != len(judged.steps):
        amount = len(route.steps) - len(judged.steps)
        return [_mismatch(route.shift, route.shift, amount, f"{len(route.steps)} steps of {len(judged.steps)}")]
    found = [
        _mismatch(step.id, route.shift, step.start_s - truth.start_s, f"the figures of step {number} ({step.kind})")
        for number, (step, truth) in enumerate(zip(route.steps, judged.steps, strict=True))
        if step != truth
    ]
    if route.cost != judged.cost:
        amount = route.cost.total_micro - judged.cost.total_micro
        found.append(_mismatch(route.shift, route.shift, amount, "the route's cost terms"))
    return found


def _mismatch(subject: str, shift: str | None, amount: int, what: str) -> Violation:
    message = f"The plan states {what} otherwise than the judge computes."
    return Violation(kind=ViolationKind.MISMATCH, subject=subject, amount=amount, message=message, shift=shift)
