"""Ruin and recreate, compiled: the steps, what is accepted, and the best plan.

Acceptance by absences is that of J. Christiaens and G. Vanden Berghe (see ``ruin.py``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import N_ABSENT, N_BEST, N_OLD_ABSENT, N_POOL, N_STAMP, N_TOTAL
from optimizer.search.kernel.recreate import recreate
from optimizer.search.kernel.routes import chance, count, refresh, tidy
from optimizer.search.kernel.ruin import ruin

if TYPE_CHECKING:
    from optimizer.search.kernel.arrays import Day, State

_MOST_RETRIED: Final = 20
"""Absent visits that a step tries again, at most."""


@compiled
def _total(day: Day, state: State) -> tuple[int, int]:
    """Return the cost of the plan, and the sum of how long its absent required visits have been missing."""
    total = missed = 0
    for r in range(len(day.shifts)):
        total += state.routes[r].cost
    for index in range(state.numbers[N_ABSENT]):
        visit = state.lists[0, index]
        total += day.worth[visit]
        if day.required[visit]:
            missed += state.visits[visit].missed
    return total, missed


@compiled
def _keep_best(day: Day, state: State) -> None:
    state.numbers[N_BEST] = state.numbers[N_TOTAL]
    for r in range(len(day.shifts)):
        route = state.routes[r]
        if route.dirty:
            route.dirty = 0
            route.best_length = route.length
            for i in range(route.length + 2):
                state.best_seq[r, i] = state.seq[r, i]


@compiled
def _undo(day: Day, state: State) -> None:
    for r in range(len(day.shifts)):
        route = state.routes[r]
        if route.touched == state.numbers[N_STAMP]:
            for i in range(route.old_length + 2):
                state.seq[r, i] = state.old_seq[r, i]
            route.length = route.old_length
            refresh(day, state, r)
            route.cost = route.old_cost
    state.numbers[N_ABSENT] = state.numbers[N_OLD_ABSENT]
    for index in range(state.numbers[N_ABSENT]):
        visit = state.lists[2, index]
        state.lists[0, index] = visit
        state.visits[visit].route = -1


@compiled
def load(day: Day, state: State) -> bool:
    """Take up the codes in ``seq`` and ``length``; False if a route breaks a limit."""
    fits = True
    for visit in range(len(state.visits)):
        state.visits[visit].route = -1
    for r in range(len(day.shifts)):
        if refresh(day, state, r):
            count(day, state, r)
        else:
            fits = False
    state.numbers[N_ABSENT] = 0
    for visit in range(len(state.visits)):
        if state.visits[visit].route < 0:
            state.lists[0, state.numbers[N_ABSENT]] = visit
            state.numbers[N_ABSENT] += 1
    state.numbers[N_TOTAL] = _total(day, state)[0]
    if fits and state.numbers[N_TOTAL] < state.numbers[N_BEST]:
        _keep_best(day, state)
    return fits


@compiled
def improve(day: Day, state: State, steps: int, temperature: float, removed: float) -> None:
    """Make so many steps of ruin and recreate at one temperature; the best plan stays in ``best_seq``.

    ``removed`` visits are taken out at a time, on average; with 0 none are, and all that are absent are tried.
    A plan with absent required visits gives way to any in which those that are absent have been so for less long.
    """
    _, missed = _total(day, state)
    for _ in range(steps):
        state.numbers[N_STAMP] += 1
        absent = state.numbers[N_ABSENT]
        state.numbers[N_OLD_ABSENT] = absent
        for index in range(absent):
            state.lists[2, index] = state.lists[0, index]
        before = state.numbers[N_TOTAL]
        sound = removed == 0 or ruin(day, state, removed)
        for _ in range(absent if removed == 0 else min(absent, _MOST_RETRIED)):
            index = int(chance(state) * absent)
            absent -= 1
            state.lists[1, state.numbers[N_POOL]] = state.lists[0, index]
            state.numbers[N_POOL] += 1
            state.lists[0, index] = state.lists[0, absent]
        state.numbers[N_ABSENT] = absent
        if sound:
            recreate(day, state, removed == 0)
            for r in range(len(day.shifts)):
                if state.routes[r].touched == state.numbers[N_STAMP]:
                    tidy(day, state, r)
                    count(day, state, r)
        state.numbers[N_POOL] = 0
        total, now_missed = _total(day, state)
        if not sound or now_missed > missed:
            accepted = False
        elif now_missed < missed:
            accepted = True
        else:
            accepted = total < before - temperature * math.log(chance(state) + 1e-300)
        if accepted:
            state.numbers[N_TOTAL] = total
            if total < state.numbers[N_BEST]:
                _keep_best(day, state)
        else:
            _undo(day, state)
        if missed or now_missed:
            for index in range(state.numbers[N_ABSENT]):
                state.visits[state.lists[0, index]].missed += 1
            _, missed = _total(day, state)


def fill(day: Day, state: State) -> None:
    """Insert every absent visit at its cheapest place, one after the other."""
    improve(day, state, 1, 1.0, 0.0)
