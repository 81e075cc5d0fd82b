"""A first complete plan, fast: fill one truck after the other, each trip with what is nearest and fits.

The library's own constructions are not safe on days with several trips, streams and mixing trucks (see
``engines/ortools_routing.py``). Every step here is checked by the judge, so whatever it returns is a plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.matrix import NO_PATH
from optimizer.problem.plan import Action, RouteOrder, UnloadAction, VisitAction
from optimizer.search.feasible import homeward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.problem.model import Problem, Shift, Visit
    from optimizer.search.stop import Stop

_TRIED: Final = 8
"""How many of the nearest visits are tried before a trip counts as full."""

_URGENT_S: Final = 1_200
"""A visit with time windows counts as this much nearer than one without: its chance passes."""


@dataclass(slots=True, kw_only=True)
class _Draft:
    """The route of one shift so far: whole trips, then the open one."""

    shift: Shift
    closed: tuple[Action, ...] = ()
    open: tuple[VisitAction, ...] = ()
    site: str = ""
    load_kg: int = 0
    load_l: int = 0
    streams: set[str] = field(default_factory=set)

    @property
    def actions(self) -> tuple[Action, ...]:
        return (*self.closed, *self.open, UnloadAction(site=self.site)) if self.open else self.closed

    def close(self) -> None:
        self.closed = self.actions
        self.open = ()
        self.load_kg = self.load_l = 0
        self.streams = set()


def construct(problem: Problem, shifts_of: dict[str, tuple[str, ...]], *, stop: Stop) -> list[RouteOrder]:
    """Return routes for as many visits as this simple rule fits in; what is left out is the search's business.

    First every shift takes visits that not all shifts may serve, those with few other visits first; then all take the
    rest, large trucks first.
    """
    left = {name: problem.visit_by_id[name] for name in shifts_of}
    drafts = {shift.id: _Draft(shift=shift, closed=_first(problem, shift)) for shift in problem.shifts}
    able = {shift.id: {name for name, shifts in shifts_of.items() if shift.id in shifts} for shift in problem.shifts}
    everywhere = len(problem.shifts)
    by_need = sorted(problem.shifts, key=lambda shift: (len(able[shift.id]), _capacity(problem, shift), shift.id))
    for shift in by_need:
        chosen = {name: left[name] for name in left if name in able[shift.id] and len(shifts_of[name]) < everywhere}
        _fill(problem, drafts[shift.id], chosen, left, stop)
    for shift in sorted(problem.shifts, key=lambda shift: (-_capacity(problem, shift), shift.id)):
        _fill(problem, drafts[shift.id], {name: left[name] for name in left if name in able[shift.id]}, left, stop)
    return [
        RouteOrder(shift=draft.shift.id, actions=draft.actions)
        for draft in drafts.values()
        if draft.shift.out or any(isinstance(action, VisitAction) for action in draft.actions)
    ]


def _first(problem: Problem, shift: Shift) -> tuple[Action, ...]:
    """Return what a truck does first that begins with a load: it brings it away."""
    order = None if shift.status is None else homeward(problem, shift)
    return () if order is None else order.actions


def _capacity(problem: Problem, shift: Shift) -> int:
    return problem.vehicle_of(shift).capacity_kg


def _fill(problem: Problem, draft: _Draft, chosen: dict[str, Visit], left: dict[str, Visit], stop: Stop) -> None:
    """Append visits to a route, trip after trip, until none fits any more; take them out of ``left``."""
    while chosen and not stop():
        added = _extend(problem, draft, list(chosen.values()))
        if added is not None:
            del chosen[added], left[added]
        elif draft.open:
            draft.close()
        else:
            break
    draft.close()


def _extend(problem: Problem, draft: _Draft, visits: Sequence[Visit]) -> str | None:
    """Append the first of the nearest visits that fits the open trip; return its id."""
    vehicle = problem.vehicle_of(draft.shift)
    room_kg = vehicle.capacity_kg - draft.load_kg
    room_l = vehicle.capacity_l - draft.load_l
    fitting = [
        visit
        for visit in visits
        if visit.demand_kg <= room_kg
        and visit.demand_l <= room_l
        and (vehicle.mixed_streams or not draft.streams or visit.stream in draft.streams)
    ]
    for visit, kerb in _nearest(problem, draft, fitting):
        action = VisitAction(visit=visit.id, kerb=kerb)
        for site in _sites(problem, draft, visit, kerb):
            actions = (*draft.closed, *draft.open, action, UnloadAction(site=site))
            if not evaluate_route(problem, RouteOrder(shift=draft.shift.id, actions=actions)).violations:
                draft.open = (*draft.open, action)
                draft.site = site
                draft.load_kg += visit.demand_kg
                draft.load_l += visit.demand_l
                draft.streams.add(visit.stream)
                return visit.id
    return None


def _nearest(problem: Problem, draft: _Draft, visits: Sequence[Visit]) -> list[tuple[Visit, int]]:
    """Return the nearest visits with their kerb states, urgent ones counted nearer."""
    states = [(visit, kerb) for visit in visits for kerb in range(len(visit.kerb))]
    if not states:
        return []
    nodes = np.array([visit.kerb[kerb] for visit, kerb in states], dtype=np.intp)
    profile = problem.vehicle_of(draft.shift).profile
    duration_s, _ = problem.matrix.block(profile, [_last_node(problem, draft)], nodes)
    away_s = duration_s[0].astype(np.int64)
    away_s[away_s == NO_PATH] = 1 << 40
    away_s -= np.array([_URGENT_S if visit.windows else 0 for visit, _ in states], dtype=np.int64)
    return [states[index] for index in np.argsort(away_s, kind="stable")[:_TRIED]]


def _last_node(problem: Problem, draft: _Draft) -> int:
    actions = (*draft.closed, *draft.open)
    if not actions:
        return problem.begin_node(draft.shift)
    last = actions[-1]
    if isinstance(last, VisitAction):
        return problem.visit_by_id[last.visit].kerb[last.kerb]
    return problem.site_by_id[last.site].node


def _sites(problem: Problem, draft: _Draft, visit: Visit, kerb: int) -> list[str]:
    """Return the disposal sites that take the open trip with this visit, the shortest way first."""
    streams = draft.streams | {visit.stream}
    sites = [site for site in problem.disposal_sites if all(map(site.accepts, streams))]
    profile = problem.vehicle_of(draft.shift).profile
    duration_s, _ = problem.matrix.block(profile, [visit.kerb[kerb]], [site.node for site in sites])
    away_s = dict(zip((site.id for site in sites), duration_s[0].tolist(), strict=True))
    sites.sort(key=lambda site: (away_s[site.id] + site.unloading_s, site.id))
    return [site.id for site in sites if away_s[site.id] != NO_PATH]
