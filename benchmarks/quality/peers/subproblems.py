"""The largest part of a day that a peer can express, as a ``Problem`` of its own: both solve it, the same judge judges.

What a peer cannot say is dropped for both. Nothing is dropped that it can say with the judge's own arithmetic.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.problem.matrix import NO_PATH, TravelMatrix
from optimizer.problem.model import Problem, TimeWindow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.problem.model import Vehicle, Visit

LOAD_PARTS: Final = 3
"""On single-trip days bins hold a third: the generator's small vehicles drive up to three trips on a full day."""

PRICE_MICRO: Final = 1_000
"""Unit of the priced matrix of single-trip days: a tenth of a cent keeps a day's arcs within int32."""


def without_breaks(problem: Problem) -> Problem:
    """Return the day that PyVRP can express.

    Dropped: breaks, overtime (its own counts from the departure, not from the shift's end), gate fees by weight,
    opening hours and refused streams of disposal sites, purity of a trip's stream, limits of stops and kilograms a
    day. A visit with several windows may be served from the first to the last.
    """
    return replace(
        problem,
        disposal_sites=tuple(
            replace(site, windows=(), streams=None, fee_micro_per_kg=0) for site in problem.disposal_sites
        ),
        vehicles=tuple(replace(vehicle, mixed_streams=True) for vehicle in problem.vehicles),
        shifts=tuple(
            replace(shift, breaks=(), max_overtime_s=0, overtime_micro_per_s=0, max_stops=None, max_daily_kg=None)
            for shift in problem.shifts
        ),
        visits=tuple(replace(visit, windows=_hull(visit)) for visit in problem.visits),
    )


def lunch_as_shorter_day(problem: Problem) -> Problem:
    """Return the day without breaks whose shifts end as much earlier: easier, as no hour of the day is forbidden."""
    shorter = [
        replace(shift, end_s=max(shift.start_s + 1, shift.end_s - sum(rest.duration_s for rest in shift.breaks)))
        for shift in problem.shifts
    ]
    return without_breaks(replace(problem, shifts=tuple(shorter)))


def single_trips(problem: Problem) -> Problem:
    """Return the day that VROOM can express.

    Each truck unloads once, at the end. Dropped beside what ``without_breaks`` drops (breaks and windows stay):
    optional visits, all kerb states but the first, litres, the range, and the price of waiting and of breaks: the price
    of driving, serving and unloading stands in the matrix's metres, in units of ``PRICE_MICRO``, and time itself is
    free. Bins hold a ``LOAD_PARTS``-th, and what a truck holds at once is also its limit for the day.
    """
    plain = without_breaks(problem)
    visits = [visit for visit in problem.visits if visit.required and visit.kerb]
    first = len(problem.depots) + len(problem.disposal_sites)
    places = [depot.node for depot in problem.depots] + [site.node for site in problem.disposal_sites]
    places += [visit.kerb[0] for visit in visits]
    kinds: dict[Vehicle, str] = {}
    for vehicle in problem.vehicles:
        kinds.setdefault(_kind(vehicle), f"kind {len(kinds)}")
    seconds, prices = {}, {}
    for kind, name in kinds.items():
        duration_s, distance_m = problem.matrix.block(kind.profile, places, places)
        seconds[name] = duration_s
        prices[name] = _prices(problem, kind, visits, duration_s, distance_m)
    return replace(
        plain,
        matrix=TravelMatrix(seconds, prices),
        locations=tuple(problem.locations[place] for place in places),
        depots=tuple(replace(depot, node=number) for number, depot in enumerate(problem.depots)),
        disposal_sites=tuple(
            replace(site, node=number) for number, site in enumerate(plain.disposal_sites, start=len(problem.depots))
        ),
        vehicles=tuple(
            replace(
                vehicle,
                profile=kinds[_kind(problem.vehicle_by_id[vehicle.id])],
                range_m=None,
                fixed_micro=vehicle.fixed_micro // PRICE_MICRO * PRICE_MICRO,
                micro_per_s=0,
                micro_per_m=PRICE_MICRO,
            )
            for vehicle in plain.vehicles
        ),
        shifts=tuple(
            replace(shift, breaks=full.breaks, max_daily_kg=plain.vehicle_of(shift).capacity_kg)
            for shift, full in zip(plain.shifts, problem.shifts, strict=True)
        ),
        visits=tuple(
            replace(visit, kerb=(number,), demand_kg=visit.demand_kg // LOAD_PARTS, demand_l=0)
            for number, visit in enumerate(visits, start=first)
        ),
    )


def _hull(visit: Visit) -> tuple[TimeWindow, ...]:
    if len(visit.windows) <= 1:
        return visit.windows
    return (TimeWindow(start_s=visit.windows[0].start_s, end_s=visit.windows[-1].end_s),)


def _kind(vehicle: Vehicle) -> Vehicle:
    """Return a vehicle that stands for all with the same streets, times and prices."""
    return replace(
        vehicle,
        id="any",
        depot="any",
        access_class="any",
        capacity_kg=1,
        body_l=1,
        compaction_permille=1_000,
        streams=None,
        mixed_streams=True,
        range_m=None,
        fixed_micro=0,
    )


def _prices(
    problem: Problem, kind: Vehicle, visits: list[Visit], duration_s: NDArray[np.int32], distance_m: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the price of each arc: what is done at its tail, the drive, the set-up at its head; ``int32[n, n]``."""
    first = len(duration_s) - len(visits)
    done_s = np.zeros(len(duration_s), dtype=np.int64)
    setup_s = np.zeros(len(duration_s), dtype=np.int64)
    done_s[first - len(problem.disposal_sites) : first] = [site.unloading_s for site in problem.disposal_sites]
    done_s[first:] = [visit.service_s + visit.lifts * kind.lift_s for visit in visits]
    setup_s[first:] = [visit.setup_s for visit in visits]
    stop = np.arange(len(duration_s))
    number = {visit.stop: row for row, visit in enumerate(visits, start=first)}
    stop[first:] = [number[visit.stop] for visit in visits]
    setup = np.where(stop[:, None] == stop[None, :], 0, setup_s[None, :])
    worked_s = done_s[:, None] + duration_s + setup
    prices = (worked_s * kind.micro_per_s + distance_m.astype(np.int64) * kind.micro_per_m) // PRICE_MICRO
    prices[duration_s == NO_PATH] = NO_PATH
    np.fill_diagonal(prices, 0)
    return np.asarray(prices, dtype=np.int32)
