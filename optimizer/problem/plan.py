"""The answer for one day: who visits what, when, at what cost, and what stays unserved and why.

A ``RouteOrder`` is what engines and people decide: the order of visits and unloadings of one shift. Everything else in
a ``Plan`` (times, loads, distances, costs) is computed from it by the judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from optimizer.problem.model import MAY_LACK


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitAction:
    """Serve a visit, standing at ``kerb`` (an index into the visit's own ``kerb`` states)."""

    visit: str
    kerb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadAction:
    """Empty the truck at a disposal site."""

    site: str


Action = VisitAction | UnloadAction


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOrder:
    """What one shift does, in order; departure, breaks and return are the judge's to place."""

    shift: str
    actions: tuple[Action, ...]


class StepKind(StrEnum):
    """What happens at a step."""

    DEPART = "depart"
    VISIT = "visit"
    UNLOAD = "unload"
    BREAK = "break"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One timed event of a route.

    Parameters
    ----------
    id
        The visit's, disposal site's or depot's id; for a break its number in the shift, from 0.
    node
        Index into the travel matrix; for a break that of the step before, whose leg onwards it may interrupt.
    arrival_s, start_s, departure_s
        The truck stands; service (or unloading, or break) starts; it is over. Between arrival and start lie the stop's
        set-up time and waiting. A break inside a leg delays the next arrival: arrival = departure of the last step that
        is no break + leg_duration_s + the breaks between them (+ waiting for a break's earliest start).
    load_kg, load_l
        On board after the step.
    leg_distance_m, leg_duration_s
        The drive from the last step that is no break; 0 for a departure and a break.
    """

    kind: StepKind
    id: str
    node: int
    arrival_s: int
    start_s: int
    departure_s: int
    load_kg: int
    load_l: int
    leg_distance_m: int = 0
    leg_duration_s: int = 0


_PAID: Final = ("fixed_micro", "time_micro", "overtime_micro", "distance_micro", "gate_fees_micro", "load_fuel_micro")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Every term of the objective, in millionths of the city's currency; from ``load_fuel_micro`` on off by default."""

    fixed_micro: int = 0
    time_micro: int = 0
    overtime_micro: int = 0
    distance_micro: int = 0
    gate_fees_micro: int = 0
    prizes_missed_micro: int = 0
    required_unserved_micro: int = 0
    load_fuel_micro: int = field(default=0, metadata=MAY_LACK)
    moved_micro: int = field(default=0, metadata=MAY_LACK)
    outside_zones_micro: int = field(default=0, metadata=MAY_LACK)
    balance_micro: int = field(default=0, metadata=MAY_LACK)
    compactness_micro: int = field(default=0, metadata=MAY_LACK)
    queue_micro: int = field(default=0, metadata=MAY_LACK)

    @property
    def total_micro(self) -> int:
        """The objective."""
        return sum(getattr(self, term.name) for term in fields(self))

    @property
    def operating_micro(self) -> int:
        """What the city pays: the objective without what is unserved and what is only wished for."""
        return sum(getattr(self, name) for name in _PAID)

    def __add__(self, other: Cost) -> Cost:
        return Cost(**{term.name: getattr(self, term.name) + getattr(other, term.name) for term in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """The part of a route between two unloadings; the last unloading belongs to it."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One shift's whole day."""

    shift: str
    vehicle: str
    steps: tuple[Step, ...]
    cost: Cost

    @property
    def departure_s(self) -> int:
        """When the truck leaves the depot, or where it is when the plan begins."""
        return self.steps[0].departure_s

    @property
    def return_s(self) -> int:
        """When it is back."""
        return self.steps[-1].arrival_s

    @property
    def duration_s(self) -> int:
        """From departure to return, breaks and waiting included."""
        return self.return_s - self.departure_s

    @property
    def distance_m(self) -> int:
        """All legs."""
        return sum(step.leg_distance_m for step in self.steps)

    @property
    def trips(self) -> tuple[Trip, ...]:
        """Steps cut after each unloading; the way home follows the last one as part of it."""
        trips: list[list[Step]] = [[]]
        for step in self.steps:
            trips[-1].append(step)
            if step.kind is StepKind.UNLOAD:
                trips.append([])
        tail = trips.pop()
        if trips and all(step.kind in (StepKind.BREAK, StepKind.RETURN) for step in tail):
            trips[-1].extend(tail)
        elif tail:
            trips.append(tail)
        return tuple(Trip(steps=tuple(steps)) for steps in trips)


class Reason(StrEnum):
    """Why a visit is unserved."""

    UNREACHABLE = "unreachable"
    NO_VEHICLE_MAY_ENTER = "no_vehicle_may_enter"
    LARGER_THAN_ANY_TRUCK = "larger_than_any_truck"
    NO_DISPOSAL_SITE = "no_open_disposal_site"
    OUTSIDE_EVERY_SHIFT = "outside_every_shift"
    NOT_ENOUGH_TIME_OR_CAPACITY = "not_enough_time_or_capacity"
    PRIZE_BELOW_COST = "prize_below_cost"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """A visit that the plan leaves out; ``detail`` is a sentence for the dispatcher."""

    visit: str
    reason: Reason
    detail: str


class ViolationKind(StrEnum):
    """A constraint that a plan can break."""

    UNKNOWN_ID = "unknown_id"
    SHIFT_USED_TWICE = "shift_used_twice"
    VISITED_TWICE = "visited_twice"
    NOT_COVERED = "not_covered"
    NO_PATH = "no_path"
    CAPACITY_KG = "capacity_kg"
    CAPACITY_L = "capacity_l"
    DAILY_KG = "daily_kg"
    STOPS = "stops"
    RANGE_M = "range_m"
    ACCESS = "access"
    STREAM = "stream"
    MIXED_STREAMS = "mixed_streams"
    SITE_STREAM = "site_stream"
    NOT_EMPTY = "not_empty"
    TIME_WINDOW = "time_window"
    SITE_CLOSED = "site_closed"
    BREAK = "break"
    OVERTIME = "overtime"
    LOCKED = "locked"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken constraint: which, whose, by how much (in the constraint's own unit), and a sentence."""

    kind: ViolationKind
    subject: str
    amount: int
    message: str
    shift: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer for one day.

    Parameters
    ----------
    problem_hash, solver, version, seed
        The audit trail: the same four give the same plan under a step limit.
    """

    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    cost: Cost
    problem_hash: str
    solver: str = "judge"
    version: str = ""
    seed: int = 0

    @property
    def distance_m(self) -> int:
        """All routes."""
        return sum(route.distance_m for route in self.routes)

    @property
    def duration_s(self) -> int:
        """All routes, added up."""
        return sum(route.duration_s for route in self.routes)

    @property
    def collected_kg(self) -> int:
        """What is unloaded."""
        return sum(
            before.load_kg
            for route in self.routes
            for before, step in zip(route.steps, route.steps[1:], strict=False)
            if step.kind is StepKind.UNLOAD
        )
