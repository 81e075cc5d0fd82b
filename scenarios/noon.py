"""What has happened by noon: what crews report and what goes wrong become the rest of the day as a problem.

Three things are made here for ``optimizer.search.repair``: how far each shift is (``progress_of``), stops that nobody
planned (``with_urgent``), and travel times on streets as they are now.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.city.profiles import classes_up_to, profiles_up_to
from geodata.streets.snap import other_kerb, snap
from geodata.streets.times import travel_times
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.model import Location, Status, Visit
from optimizer.problem.plan import StepKind
from optimizer.search.repair import Progress, as_planned
from scenarios.visits import weight_kg

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from geodata.city.dataset import CityDataset
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.snap import Places
    from optimizer.problem.matrix import TravelTimes
    from optimizer.problem.model import Problem, Shift
    from optimizer.problem.plan import Plan, Step

SILENT_S: Final = 900
"""A crew of which nothing was heard for so long is taken to go on as planned, with the delay that it had. Our own
figure: phones lose the network for minutes, and a stop takes one or two."""
_DOORSTEP_S: Final = 120
"""Service at an urgent stop of which only the weight is known. Our own figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """A truck was emptied at a time, after so many of its visits were done."""

    site: str
    at_s: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a crew has said so far.

    Parameters
    ----------
    done
        Visits that it did, in order.
    skipped
        Visits that it will not make.
    unloadings
        In order.
    breaks
        How many of its breaks have begun.
    standing
        A visit at which it stands and that is not done yet.
    last_s
        When it last said anything; None where it never did.
    behind_s
        How late it is.
    full
        It can take no more before it unloads.
    """

    done: tuple[str, ...] = ()
    skipped: frozenset[str] = frozenset()
    unloadings: tuple[Unloaded, ...] = ()
    breaks: int = 0
    standing: str | None = None
    last_s: int | None = None
    behind_s: int = 0
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """A stop that nobody planned.

    Parameters
    ----------
    container
        The container to empty, full where ``fill`` is absent; None for waste that lies in the street.
    lon, lat, stream, kg
        Of waste that lies in the street.
    """

    id: str
    container: str | None = None
    fill: float = 1.0
    lon: float | None = None
    lat: float | None = None
    stream: str | None = None
    kg: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """The streets of a day as they are now, and where its n places lie on them."""

    network: RoadNetwork
    places: Places
    n: int


def progress_of(
    problem: Problem, plan: Plan, shift: Shift, said: Reported, *, now_s: int, gone: bool = False
) -> Progress | None:
    """Return how far a shift is; None where it has not departed and has nothing behind it.

    What a crew says counts. The visit or unloading that is next is under way, and is finished first, unless the truck
    is ``gone`` or full. Of a crew that was not heard for ``SILENT_S`` the plan is believed, as late as it was.
    """
    route = next((one for one in plan.routes if one.shift == shift.id), None)
    known = frozenset(visit for visit in (*said.done, *said.skipped) if visit in problem.visit_by_id)
    heard = said.last_s is not None and now_s - said.last_s <= SILENT_S
    if not heard and not gone and route is not None:
        expected = as_planned(problem, route, now_s - said.behind_s)
        if expected is not None:
            late = replace(expected, ready_s=max(now_s, expected.ready_s + said.behind_s), done=expected.done | known)
            return _filled(problem, plan, shift, late) if said.full else late
    at_work = known or said.unloadings or said.standing is not None
    if not at_work and (route is None or said.last_s is None or now_s < route.departure_s):
        return None
    found = _as_said(problem, plan, shift, said, known, now_s=now_s, finishes=not gone and not said.full)
    return _filled(problem, plan, shift, found) if said.full else found


def delayed(problem: Problem, shift: Shift, progress: Progress | None, until_s: int) -> Progress:
    """Return the progress of a shift that can go on, or depart, no earlier than a moment."""
    if progress is None:
        status = shift.status or Status(node=problem.begin_node(shift), out=False)
        return Progress(ready_s=max(shift.start_s, until_s), status=status)
    return replace(progress, ready_s=max(progress.ready_s, until_s))


def _filled(problem: Problem, plan: Plan, shift: Shift, progress: Progress) -> Progress:
    """Return the progress of a truck that is full: of the stream that was to come where nothing is on board."""
    vehicle = problem.vehicle_of(shift)
    coming = (
        problem.visit_by_id[step.id].stream
        for route in plan.routes
        if route.shift == shift.id
        for step in route.steps
        if step.kind is StepKind.VISIT and step.id not in progress.done
    )
    streams = progress.status.streams or frozenset([*coming][:1])
    if not streams:
        return progress
    full = replace(progress.status, load_kg=vehicle.capacity_kg, load_l=vehicle.capacity_l, streams=streams, out=True)
    return replace(progress, status=full)


def _as_said(
    problem: Problem, plan: Plan, shift: Shift, said: Reported, known: frozenset[str], *, now_s: int, finishes: bool
) -> Progress:
    """Return how far a crew is by its own word."""
    steps = next((route.steps for route in plan.routes if route.shift == shift.id), ())
    node_of = {step.id: step.node for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT}
    truck = _Truck(problem, shift, node_of)
    unloadings = [one for one in said.unloadings if shift.status is None or one.at_s >= shift.start_s]
    for number, visit in enumerate(said.done):
        for one in unloadings:
            if one.after == number:
                truck.unload(one.site)
        if visit in problem.visit_by_id:
            truck.serve(visit)
    for one in unloadings:
        if one.after >= len(said.done):
            truck.unload(one.site)
    ready_s = now_s
    done, emptied = known, len(unloadings)
    under_way = _under_way(steps, said, known, emptied) if finishes else None
    if under_way is not None and truck.takes(under_way):
        since_s = said.last_s if said.last_s is not None else steps[0].departure_s
        takes_s = under_way.departure_s - under_way.arrival_s + under_way.leg_duration_s
        ready_s = max(now_s, since_s + takes_s)
        if under_way.kind is StepKind.VISIT:
            truck.serve(under_way.id)
            done |= {under_way.id}
        else:
            truck.unload(under_way.id)
            emptied += 1
    taken = sum(step.kind is StepKind.BREAK and step.departure_s <= now_s for step in steps)
    begun_s = steps[0].departure_s if steps else shift.start_s
    return Progress(
        ready_s=ready_s,
        status=truck.status(worked_s=max(0, ready_s - begun_s)),
        done=done,
        unloadings=emptied,
        breaks=min(len(shift.breaks), max(said.breaks, taken)),
    )


def _under_way(steps: Sequence[Step], said: Reported, known: frozenset[str], emptied: int) -> Step | None:
    """Return what a crew is doing now: the visit at which it stands, or what comes next in its plan."""
    ahead: list[Step] = []
    for step in steps:
        if step.kind is StepKind.VISIT and step.id not in known:
            ahead.append(step)
        elif step.kind is StepKind.UNLOAD:
            if emptied == 0:
                ahead.append(step)
            emptied = max(0, emptied - 1)
    standing = [step for step in ahead if step.kind is StepKind.VISIT and step.id == said.standing]
    return next(iter(standing or ahead), None)


class _Truck:
    """Drives what was driven, to see what is on board and where it is; figures are as planned."""

    def __init__(self, problem: Problem, shift: Shift, node_of: Mapping[str, int]) -> None:
        self._problem = problem
        self._vehicle = problem.vehicle_of(shift)
        self._node_of = node_of
        self._begun = shift.status or Status(node=problem.begin_node(shift))
        self._node, self._stop = self._begun.node, self._begun.stop
        self._kg, self._l, self._streams = self._begun.load_kg, self._begun.load_l, set(self._begun.streams)
        self._driven_m, self._stops = self._begun.driven_m, self._begun.stops
        self._collected_kg = self._begun.collected_kg

    def takes(self, step: Step) -> bool:
        """Whether what a step collects still fits in, as planned."""
        if step.kind is not StepKind.VISIT:
            return True
        visit = self._problem.visit_by_id[step.id]
        fits = self._kg + visit.demand_kg <= self._vehicle.capacity_kg
        return fits and self._l + visit.demand_l <= self._vehicle.capacity_l

    def serve(self, visit_id: str) -> None:
        """Drive to a visit and empty its containers; a truck that took more than it should is full."""
        visit = self._problem.visit_by_id[visit_id]
        node = self._node_of.get(visit_id, visit.kerb[0] if visit.kerb else self._node)
        self._drive(node)
        self._stops += visit.stop != self._stop
        self._stop = visit.stop
        self._kg = min(self._kg + visit.demand_kg, self._vehicle.capacity_kg)
        self._l = min(self._l + visit.demand_l, self._vehicle.capacity_l)
        self._collected_kg += visit.demand_kg
        self._streams.add(visit.stream)

    def unload(self, site_id: str) -> None:
        """Drive to a disposal site, if it is one of the day's, and be empty."""
        if site_id in self._problem.site_by_id:
            self._drive(self._problem.site_by_id[site_id].node)
        self._kg, self._l, self._stop = 0, 0, None
        self._streams.clear()

    def status(self, *, worked_s: int) -> Status:
        """Return where it is and what it carries."""
        loaded = bool(self._kg or self._l)
        return Status(
            node=self._node,
            stop=self._stop,
            load_kg=self._kg,
            load_l=self._l,
            streams=frozenset(self._streams) if loaded else frozenset(),
            driven_m=self._driven_m,
            stops=self._stops,
            collected_kg=self._collected_kg,
            worked_s=self._begun.worked_s + worked_s,
        )

    def _drive(self, node: int) -> None:
        _, metres = self._problem.matrix.legs(self._vehicle.profile, [self._node], [node])
        self._driven_m += max(0, int(metres[0]))  # no path is -1: nobody knows which way it took
        self._node = node


def with_urgent(
    problem: Problem,
    city: CityDataset,
    ground: Ground,
    urgent: Sequence[Urgent],
    *,
    behind: frozenset[str] = frozenset(),
) -> tuple[Problem, Ground, tuple[Visit, ...]]:
    """Return the day with a place for each urgent stop, and their visits, which are not in it yet.

    Parameters
    ----------
    behind
        Visits that are done or skipped: their containers may have another one.

    Raises
    ------
    InvalidProblem
        If there is no such container or stream, or its visit is still to come.
    """
    if not urgent:
        return problem, ground, ()
    planned = {name for visit in problem.visits if visit.id not in behind for name in visit.containers}
    fleet = ground.network.profiles
    wanted = [_wanted(one, city, planned) for one in urgent]
    profiles = [profiles_up_to(one.access, fleet) or profiles_up_to(None, fleet) for one in wanted]
    near = snap(
        ground.network,
        [one.lon for one in wanted],
        [one.lat for one in wanted],
        profiles=profiles,
        street=[one.street for one in wanted],
        max_m=city.snap_max_m,
    )
    across = other_kerb(ground.network, near, profiles=profiles)
    crossed = np.flatnonzero(across.segment >= 0)
    more = near.join(across.take(crossed))
    grown = Ground(network=ground.network, places=_grown(ground, more), n=ground.n + len(more))
    node_across = {int(at): ground.n + len(near) + number for number, at in enumerate(crossed)}
    visits = []
    for at, one in enumerate(wanted):
        kerb = (ground.n + at, *([node_across[at]] if at in node_across else []))
        visits.append(replace(one.visit, kerb=kerb if near.segment[at] >= 0 else ()))
    locations = tuple(Location(lon=float(x), lat=float(y)) for x, y in zip(more.lon, more.lat, strict=True))
    day = replace(problem, matrix=times_on(grown, problem), locations=(*problem.locations, *locations))
    return day, grown, tuple(visits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An urgent visit before its kerb is known, and what is known of its place."""

    visit: Visit
    lon: float
    lat: float
    access: str | None = None
    street: str | None = None


def _wanted(one: Urgent, city: CityDataset, planned: Collection[str]) -> _Wanted:
    if one.container is None:
        return _in_the_street(one, city)
    found = next((container for container in city.containers if container.id == one.container), None)
    if found is None:
        raise InvalidProblem(f"There is no container {one.container!r}.")
    if found.id in planned:
        raise InvalidProblem(f"Container {found.id!r} has a visit on this day that is still to come.")
    litres = max(1, math.ceil(one.fill * found.volume_l))
    visit = Visit(
        id=one.id,
        stop=one.id,
        kerb=(),
        stream=found.stream,
        demand_kg=weight_kg(litres, city.density_kg_per_l(found.stream)),
        demand_l=litres,
        service_s=found.service_s,
        setup_s=city.setup_s,
        lifts=1,
        access=None if found.access_class is None else frozenset(classes_up_to(found.access_class)),
        containers=(found.id,),
    )
    return _Wanted(visit=visit, lon=found.lon, lat=found.lat, access=found.access_class, street=found.street)


def _in_the_street(one: Urgent, city: CityDataset) -> _Wanted:
    if one.lon is None or one.lat is None or one.kg is None:
        raise InvalidProblem(f"The urgent stop {one.id!r} names neither a container nor a place with its kilograms.")
    stream = one.stream or next(iter(city.streams))
    if stream not in city.streams:
        raise InvalidProblem(f"There is no stream {stream!r}; {', '.join(sorted(city.streams))} are known.")
    visit = Visit(
        id=one.id,
        stop=one.id,
        kerb=(),
        stream=stream,
        demand_kg=one.kg,
        demand_l=max(1, round(one.kg / city.density_kg_per_l(stream))),
        service_s=_DOORSTEP_S,
        setup_s=city.setup_s,
    )
    return _Wanted(visit=visit, lon=one.lon, lat=one.lat)


def times_on(ground: Ground, problem: Problem) -> TravelTimes:
    """Return the travel times of a day on its streets as they are now."""
    hubs = [depot.node for depot in problem.depots] + [site.node for site in problem.disposal_sites]
    return travel_times(ground.network, ground.places, n=ground.n, hubs=hubs)


def _grown(ground: Ground, more: Places) -> Places:
    """Return a day's places with more after the n-th; what follows them are the other kerbs of yards, as before."""
    places = ground.places
    plain = places.take(np.arange(ground.n)).join(more)
    if places.twin is None:
        return plain
    yards = np.flatnonzero(places.twin[: ground.n] >= 0)
    return plain.with_yards(yards.tolist(), places.take(places.twin[yards]))
