"""Which shift can serve which visit at all, alone on an empty day; and, where none can, why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.plan import Action, Reason, RouteOrder, UnloadAction, Unserved, ViolationKind, VisitAction

if TYPE_CHECKING:
    from optimizer.problem.model import DisposalSite, Problem, Shift, Vehicle, Visit
    from optimizer.search.stop import Stop

_TIMES = frozenset({ViolationKind.TIME_WINDOW, ViolationKind.SITE_CLOSED, ViolationKind.OVERTIME, ViolationKind.BREAK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """For each visit that some shift can serve alone, those shifts; for each other visit, why none can."""

    shifts: dict[str, tuple[str, ...]]
    hopeless: tuple[Unserved, ...]


def options(problem: Problem, *, stop: Stop | None = None) -> Options:
    """Try every visit alone on every shift, under the judge; those not tried before ``stop`` are in neither list."""
    shifts: dict[str, tuple[str, ...]] = {}
    hopeless: list[Unserved] = []
    alike = _alike(problem)
    begun = any(shift.status is not None for shift in problem.shifts)
    for visit in problem.visits:
        if stop is not None and stop():
            break
        if begun and (trusted := _trusted(problem, visit)):
            shifts[visit.id] = trusted
            continue
        found: dict[int, bool] = {}
        for shift, kind in zip(problem.shifts, alike, strict=True):
            if found.get(kind, False) or (visit.vehicle is None and kind in found):
                continue
            found[kind] = found.get(kind, False) or _serves_alone(problem, shift, visit)
        able = tuple(
            shift.id
            for shift, kind in zip(problem.shifts, alike, strict=True)
            if found[kind] and visit.vehicle in (None, shift.vehicle)
        )
        if able:
            shifts[visit.id] = able
        else:
            reason, detail = _why_never(problem, visit)
            hopeless.append(Unserved(visit=visit.id, reason=reason, detail=detail))
    return Options(shifts=shifts, hopeless=tuple(hopeless))


def _trusted(problem: Problem, visit: Visit) -> tuple[str, ...]:
    """Return the shifts that may carry a visit, if one of them is seen to serve it alone.

    On a running day no two shifts are alike, and to try each visit on each takes 3 s at 600 visits and 23 shifts. The
    search puts no visit where it does not fit, so that it is told of some shifts in vain costs little.
    """
    able = [shift for shift in problem.shifts if may_carry(problem.vehicle_of(shift), visit)]
    proved = any(_serves_alone(problem, shift, visit) for shift in able)
    return tuple(shift.id for shift in able) if proved else ()


def _alike(problem: Problem) -> list[int]:
    """Return a number for each shift, the same for those that differ in nothing but their names."""
    kinds: dict[tuple[Vehicle, Shift], int] = {}
    return [
        kinds.setdefault(
            (replace(problem.vehicle_of(shift), id="any"), replace(shift, id="any", vehicle="any")), len(kinds)
        )
        for shift in problem.shifts
    ]


def may_carry(vehicle: Vehicle, visit: Visit) -> bool:
    """Whether the vehicle's class, streams, size and any lock let it serve the visit, time and streets aside."""
    return may_enter(vehicle, visit) and visit.demand_kg <= vehicle.capacity_kg and visit.demand_l <= vehicle.capacity_l


def may_enter(vehicle: Vehicle, visit: Visit) -> bool:
    """Whether the vehicle's class, streams and any lock let it serve the visit, however much there is of it."""
    return (
        (visit.access is None or vehicle.access_class in visit.access)
        and vehicle.carries(visit.stream)
        and (visit.vehicle is None or visit.vehicle == vehicle.id)
    )


def _serves_alone(problem: Problem, shift: Shift, visit: Visit) -> bool:
    return bool(_alone(problem, shift, visit) == set())


def _alone(problem: Problem, shift: Shift, visit: Visit) -> set[ViolationKind] | None:
    """Return the violations of the best route with this visit alone; None where no route can even be written."""
    vehicle = problem.vehicle_of(shift)
    if not may_carry(vehicle, visit):
        return None
    first: list[tuple[Action, ...]] = [()]
    if shift.status is not None and shift.status.streams:
        first += [(UnloadAction(site=site.id),) for site in problem.disposal_sites]
    fewest: set[ViolationKind] | None = None
    for kerb in range(len(visit.kerb)):
        for site in problem.disposal_sites:
            if not site.accepts(visit.stream) or not _connected(problem, shift, visit.kerb[kerb], site):
                continue
            for emptied in first:
                actions: tuple[Action, ...] = (
                    *emptied,
                    VisitAction(visit=visit.id, kerb=kerb),
                    UnloadAction(site=site.id),
                )
                order = RouteOrder(shift=shift.id, actions=actions)
                kinds = {violation.kind for violation in evaluate_route(problem, order).violations}
                if not kinds:
                    return kinds
                if fewest is None or len(kinds) < len(fewest):
                    fewest = kinds
    return fewest


def homeward(problem: Problem, shift: Shift) -> RouteOrder | None:
    """Return the cheapest way home without a visit, any load on board brought away; None where there is none."""
    actions: list[tuple[Action, ...]] = [()]
    if shift.status is not None and shift.status.streams:
        actions = [(UnloadAction(site=site.id),) for site in problem.disposal_sites]
    orders = [RouteOrder(shift=shift.id, actions=way) for way in actions]
    passing = [
        (evaluation.route.cost.total_micro, number)
        for number, order in enumerate(orders)
        if not (evaluation := evaluate_route(problem, order)).violations
    ]
    return orders[min(passing)[1]] if passing else None


def _connected(problem: Problem, shift: Shift, node: int, site: DisposalSite) -> bool:
    vehicle = problem.vehicle_of(shift)
    depot = problem.depot_by_id[vehicle.depot].node
    return _paths(problem, vehicle, (problem.begin_node(shift), node), (node, site.node), (site.node, depot))


def _why_never(problem: Problem, visit: Visit) -> tuple[Reason, str]:
    """Name the first obstacle that stops every shift, from the street to the clock."""
    if not visit.kerb:
        return Reason.UNREACHABLE, "No street that a vehicle of the fleet may use leads to this stop."
    vehicles = [problem.vehicle_of(shift) for shift in problem.shifts]
    if not vehicles:
        return Reason.OUTSIDE_EVERY_SHIFT, "No vehicle has a shift on this day."
    entering = [vehicle for vehicle in vehicles if may_enter(vehicle, visit)]
    if not entering:
        return Reason.NO_VEHICLE_MAY_ENTER, _nobody_enters(vehicles, visit)
    carrying = [vehicle for vehicle in entering if may_carry(vehicle, visit)]
    if not carrying:
        largest = f"{max(v.capacity_kg for v in entering)} kg and {max(v.capacity_l for v in entering)} l"
        load = f"{visit.demand_kg} kg and {visit.demand_l} l"
        return (
            Reason.LARGER_THAN_ANY_TRUCK,
            f"Its {load} are more than any vehicle that may come here takes: {largest}.",
        )
    reaching = [
        shift
        for shift, vehicle in zip(problem.shifts, vehicles, strict=True)
        if may_carry(vehicle, visit) and _reaches(problem, shift, visit)
    ]
    if not reaching:
        return Reason.UNREACHABLE, "No allowed path leads a vehicle that may serve it here and back to its depot."
    sites = [site for site in problem.disposal_sites if site.accepts(visit.stream)]
    if not sites:
        return Reason.NO_DISPOSAL_SITE, f"No disposal site accepts {visit.stream}."
    if not any(_connected(problem, shift, node, site) for shift in reaching for node in visit.kerb for site in sites):
        return (
            Reason.NO_DISPOSAL_SITE,
            f"No allowed path leads from here to a disposal site that accepts {visit.stream}.",
        )
    kinds = [found for shift in problem.shifts if (found := _alone(problem, shift, visit)) is not None]
    return _why_not_in_time(problem, visit, kinds)


def _why_not_in_time(problem: Problem, visit: Visit, kinds: list[set[ViolationKind]]) -> tuple[Reason, str]:
    if all(ViolationKind.SITE_CLOSED in found for found in kinds):
        return (
            Reason.NO_DISPOSAL_SITE,
            "Every disposal site that accepts its stream is closed by the time a truck could bring it there.",
        )
    if all(found & _TIMES for found in kinds):
        inside = any(
            window.start_s <= shift.latest_return_s and shift.start_s <= window.end_s
            for shift in problem.shifts
            for window in visit.windows
        )
        if visit.windows and not inside:
            return Reason.OUTSIDE_EVERY_SHIFT, "Its time windows lie outside every shift."
        return (
            Reason.OUTSIDE_EVERY_SHIFT,
            "Alone, with the way there, the unloading and the way home, it already needs more time than any shift has.",
        )
    limits = ", ".join(sorted(kind.value for kind in set().union(*kinds)))
    return (
        Reason.NOT_ENOUGH_TIME_OR_CAPACITY,
        f"Even alone it breaks a limit of every shift that may serve it: {limits}.",
    )


def _reaches(problem: Problem, shift: Shift, visit: Visit) -> bool:
    vehicle = problem.vehicle_of(shift)
    begin = problem.begin_node(shift)
    return any(_paths(problem, vehicle, (begin, node)) and _returns(problem, vehicle, node) for node in visit.kerb)


def _returns(problem: Problem, vehicle: Vehicle, node: int) -> bool:
    depot = problem.depot_by_id[vehicle.depot].node
    return _paths(problem, vehicle, (node, depot)) or any(
        _paths(problem, vehicle, (node, site.node), (site.node, depot)) for site in problem.disposal_sites
    )


def _paths(problem: Problem, vehicle: Vehicle, *legs: tuple[int, int]) -> bool:
    """Whether an allowed path leads along each of these legs."""
    origins, destinations = zip(*legs, strict=True)
    duration_s, _ = problem.matrix.legs(vehicle.profile, origins, destinations)
    return bool((duration_s != NO_PATH).all())


def _nobody_enters(vehicles: list[Vehicle], visit: Visit) -> str:
    if visit.vehicle is not None and all(vehicle.id != visit.vehicle for vehicle in vehicles):
        return f"It is locked to vehicle {visit.vehicle!r}, which has no shift on this day."
    if not any(vehicle.carries(visit.stream) for vehicle in vehicles):
        return f"No vehicle with a shift on this day carries {visit.stream}."
    if visit.access is not None and not any(vehicle.access_class in visit.access for vehicle in vehicles):
        allowed = ", ".join(sorted(visit.access))
        return f"Only {allowed} may come here, and none of them has a shift on this day."
    return "No vehicle with a shift on this day may come here, carry its stream and hold its lock at once."
