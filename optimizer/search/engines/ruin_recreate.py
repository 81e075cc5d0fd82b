"""Ruin and recreate as an engine: our own search, written on the waste problem itself, on every constraint.

It first fills what is absent into the start, then tries to close trucks, one after the other, by the absence rule of
the kernel (``search/kernel/loops.py``), and anneals in what is left of the time. Now and then it puts the routes
that it met together anew (``recombine.py``).
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.problem.matrix import as_squares
from optimizer.search.engines import recombine
from optimizer.search.engines.likeness import Likeness
from optimizer.search.engines.recombine import Pool, choose, runs_of_trips, without_doubles
from optimizer.search.kernel.arrays import CODE, N_ABSENT, N_BEST, SHIFT, Codes, Day, empty_state, streams_of
from optimizer.search.kernel.loops import fill, improve, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import RouteOrder
    from optimizer.search.kernel.arrays import State
    from optimizer.search.stop import Stop

STEPS: Final = 250
"""Ruins in what a step limit calls one step."""

_REMOVED: Final = 10.0
"""Visits taken out at a time, on average: the value of Christiaens and Vanden Berghe."""

_WARM: Final = 0.1
"""Temperature before the annealing, as a part of what the drive to one visit costs on average."""

_HOT_PER_STEP: Final = 0.007
_HOTTEST: Final = 1.0
"""The annealing begins at so much for each step that there is time for and each visit, within ``_WARM`` and this: with
100 steps a visit 1.0 is better than 0.1 by 0.5 to 2 % on published instances, with 15 steps 0.1 by 4 %."""

_COOLING: Final = 0.01
"""Last temperature, as a part of the first one."""

_FIRST_SHARE: Final = 0.05
"""Part of the time before the first truck is closed: a raw plan has more of them than it needs."""

_CLOSING_SHARE: Final = 0.3
"""Part of the time at which the last truck is closed, at most."""

_FAILURES: Final = 4
"""Trucks that are tried in vain before the fleet counts as small enough."""

_MOST_STREAMS: Final = 62
"""Each is a bit of a whole number; with more, the other engines plan the day."""

_RECOMBINED_AT: Final = (0.5, 0.75, 0.95)
"""Parts of the annealing after which routes met are put together anew."""

_RECOMBINING_SHARE: Final = 0.03
"""Part of the time for each of these, at most."""

_MOST_RUNS: Final = 60
"""Of the runs of trips of one route, so many are offered to other trucks."""

_STEPS_A_SECOND: Final = 5_000
"""About: what a step limit is in CP-SAT's deterministic seconds."""

_CHUNK_S: Final = 0.03
"""Between two looks at the clock and at whether to end."""

_FIRST_CHUNK: Final = 25
"""Ruins before the first look: 250 took 0.2 s on a day of 1,024 visits."""

_TELL_S: Final = 0.3
"""Judging a plan takes its time, so good news waits this long for better."""


def search(
    problem: Problem,
    shifts_of: dict[str, tuple[str, ...]],
    *,
    stop: Stop,
    seed: int,
    start: Sequence[RouteOrder],
    found: Callable[[list[RouteOrder]], object],
    recombining: bool = True,
    most_moved: int | None = None,
    until_complete: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Improve a plan until told to stop, and hand each clearly better one to ``found``.

    Parameters
    ----------
    shifts_of
        For each visit to plan, the shifts that could serve it alone; the start's own among them.
    stop
        Its step limit counts ``STEPS`` ruins as one step.
    start
        The plan to improve; may be empty unless a crew is out. Nothing of it is lost: only what is cheaper is handed
        on.
    recombining
        Whether routes met are put together anew; that takes about a second, however few the steps.
    most_moved
        The price of a move rises as long as more visits are moved than this; the plans handed on keep to it where one
        that serves as many required visits was found.
    until_complete
        Whether it ends as soon as every required visit is served.
    clock
        Only goes forward; decides how often ``stop`` is asked, and with a step limit nothing else.
    """
    if not shifts_of or stop():
        return
    if len(streams_of(problem, [problem.visit_by_id[name] for name in shifts_of])) > _MOST_STREAMS:
        return
    squares = as_squares(problem.matrix)  # a tenth of a second on an ordinary day, and as much again for the rest of it
    if stop():
        return
    if squares is not problem.matrix:
        problem = replace(problem, matrix=squares)
    hunt = _Hunt(problem, shifts_of, stop=stop, seed=seed, found=found, most_moved=most_moved, clock=clock)
    hunt.until_complete = until_complete
    if not hunt.begin(start):
        return
    hunt.close_trucks()
    hunt.anneal(_RECOMBINED_AT if recombining else ())


def warm() -> None:
    """Compile the loops, or fetch them from disk: half a minute once on each machine, then half a second."""
    day = Day(
        sites=0,
        depots=0,
        codes=np.zeros(0, dtype=CODE),
        shifts=np.zeros(0, dtype=SHIFT),
        first=np.zeros(1, dtype=np.int64),
        opens=np.zeros(1, dtype=np.int64),
        closes=np.zeros(1, dtype=np.int64),
        worth=np.zeros(0, dtype=np.int64),
        required=np.zeros(0, dtype=np.bool_),
        near=np.zeros((0, 0), dtype=np.int32),
        allowed=np.zeros((0, 0), dtype=np.bool_),
        dear=np.zeros((0, 0), dtype=np.int64),
        rests=np.zeros((0, 1, 3), dtype=np.int64),
        least=np.zeros((1, 1, 2), dtype=np.int64),
        out=np.zeros((1, 1, 1, 2), dtype=np.int32),
        into=np.zeros((1, 1, 1, 2), dtype=np.int32),
    )
    state = empty_state(day, 0)
    load(day, state)
    improve(day, state, 0, 1.0, 1.0)
    recombine.warm()


class _Hunt:
    """One search under way."""

    def __init__(
        self,
        problem: Problem,
        shifts_of: dict[str, tuple[str, ...]],
        *,
        stop: Stop,
        seed: int,
        found: Callable[[list[RouteOrder]], object],
        most_moved: int | None,
        clock: Callable[[], float],
    ) -> None:
        self.codes = Codes(problem, shifts_of)
        self.day: Day = self.codes.day()
        self.state: State = empty_state(self.day, seed)
        self.stop = stop
        self._found = found
        self._clock = clock
        self._told: tuple[float, ...] = (math.inf,)
        self._told_at_s = -math.inf
        self._steps = 0
        self._busy_s = 0.0
        limit = stop.max_steps()
        self._limit = None if limit is None else limit * STEPS
        self._whole_s = max(1e-3, stop.remaining_s())
        self._chunk = _FIRST_CHUNK
        self._seed = seed
        self.until_complete = False
        self._pool = Pool(self.day)
        self._likeness = None if most_moved is None else Likeness(self.codes, self.day, most_moved)

    def begin(self, start: Sequence[RouteOrder]) -> bool:
        """Take up the start, and insert what it leaves out; False if a truck under way cannot be brought home."""
        state = self.state
        number = {shift.id: row for row, shift in enumerate(self.codes.problem.shifts)}
        for order in start:
            row = number[order.shift]
            state.routes["length"][row] = len(order.actions)
            state.seq[row, 1 : len(order.actions) + 1] = [self.codes.code(action) for action in order.actions]
        if not load(self.day, state):
            state.routes["length"] = 0
            if not load(self.day, state):
                return False
        fill(self.day, state)
        self._tell(now=True)
        return True

    def close_trucks(self) -> None:
        """Empty one truck after the other, as long as the others can take over what it did."""
        state = self.state
        temperature = self._drive_micro() * _WARM
        self._run(temperature)
        while self._progress() < _FIRST_SHARE and not self._over():
            self._run(temperature)
            self._tell()
        self._settle()
        failures = 0
        tried: set[int] = set()
        while failures < _FAILURES and self._progress() < _CLOSING_SHARE and not self._over():
            used = [
                row
                for row in np.argsort(state.routes["collected"], kind="stable").tolist()
                if state.routes["best_length"][row] and self.day.shifts["fixed"][row] and row not in tried
            ]
            if not used or self._lacks_required():
                break
            row = used[0]
            tried.add(row)
            if self._closed(row, share=_CLOSING_SHARE / _FAILURES):
                tried = set()
                failures = 0
            else:
                failures += 1
        state.routes["closed"] = 0

    def anneal(self, recombined_at: Sequence[float]) -> None:
        """Cool down until the end; at these parts of it, put the routes that were met together anew."""
        self._settle()
        begun = self._progress()
        moments = list(recombined_at)
        hot = self._drive_micro() * min(_HOTTEST, max(_WARM, _HOT_PER_STEP * self._steps_expected()))
        while not self._over():
            done = (self._progress() - begun) / max(1e-9, 1.0 - begun)
            if moments and done >= moments[0]:
                moments.pop(0)
                self._recombine()
            self._run(hot * _COOLING ** min(1.0, done))
            if self._likeness is not None:
                self._likeness.follow(self.state, done)
            self._tell()
        self._tell(now=True)

    def _recombine(self) -> None:
        """Put the routes met together anew, and go on from there; from the best plan if that is better."""
        state = self.state
        self._settle()
        used = np.flatnonzero(state.routes["length"])
        if not len(used):
            return
        hint = [self._pool.add(self._pool.read(state, row)) for row in used.tolist()]
        self._offer_parts(hint)
        whole_s = self._limit / _STEPS_A_SECOND if self._limit is not None else self._whole_s
        if not math.isfinite(whole_s):
            whole_s = 60.0
        chosen = choose(
            self.day,
            self._pool.routes,
            stop=self.stop,
            seconds=_RECOMBINING_SHARE * whole_s,
            deterministic=self._limit is not None,
            seed=self._seed,
            hint=hint,
        )
        if chosen is None:
            return
        state.routes["length"] = 0
        state.visits["missed"] = 1
        rows: dict[int, list[int]] = {}
        for row, group in enumerate(self.day.shifts["group"].tolist()):
            rows.setdefault(group, []).append(row)
        for group, codes in without_doubles(self.day, chosen):
            row = rows[group].pop(0)
            state.routes["length"][row] = len(codes)
            state.seq[row, 1 : len(codes) + 1] = codes
        best_micro = int(state.numbers[N_BEST])
        if load(self.day, state):
            fill(self.day, state)
        if state.numbers[N_BEST] >= best_micro:
            self._settle()

    def _offer_parts(self, routes: list[recombine.Found]) -> None:
        """Put into the pool what other trucks could take over whole: each run of trips of these routes.

        So a smaller truck takes over from a larger one, and a truck is opened where it pays.
        """
        state, day = self.state, self.day
        first_of = {group: row for row, group in reversed(list(enumerate(day.shifts["group"].tolist())))}
        state.routes["length"] = 0
        for route in routes:
            for codes in runs_of_trips(day, route.codes)[:_MOST_RUNS]:
                visits = day.codes["visit"][[code for code in codes if code < day.sites]]
                for row in first_of.values():
                    if day.allowed[visits, row].all():
                        state.routes["length"][row] = len(codes)
                        state.seq[row, 1 : len(codes) + 1] = codes
                        if load(day, state):
                            self._pool.add(self._pool.read(state, row))
                        state.routes["length"][row] = 0
                if self.stop():
                    break
        self._settle()

    def _closed(self, row: int, *, share: float) -> bool:
        """Whether a plan without this truck was found that is better, within a share of the time."""
        state = self.state
        best_micro = int(state.numbers[N_BEST])
        state.routes["length"][row] = 0
        state.routes["closed"] = state.routes["length"] == 0  # else one that is alike would take its place
        load(self.day, state)
        until = self._progress() + share
        temperature = self._drive_micro() * _WARM
        while self._progress() < until and not self._over():
            self._run(temperature)
            if state.numbers[N_BEST] < best_micro:
                self._tell(now=True)
                state.routes["closed"] = 0
                return True
        state.routes["closed"] = 0
        self._settle()
        return False

    def _lacks_required(self) -> bool:
        absent = self.state.lists[0, : int(self.state.numbers[N_ABSENT])]
        return bool(self.day.required[absent].any())

    def _settle(self) -> None:
        """Go back to the best plan."""
        state = self.state
        state.seq[:] = state.best_seq
        state.routes["length"] = state.routes["best_length"]
        state.visits["missed"] = 1
        load(self.day, state)

    def _drive_micro(self) -> float:
        """Return what the drive to a visit costs on average in the plan."""
        state, shifts = self.state, self.day.shifts
        served = max(1, len(state.visits) - int(state.numbers[N_ABSENT]))
        micro = 0.0
        for row, length in enumerate(state.routes["length"].tolist()):
            if length:
                seconds = int(state.at["leg_s"][row, 1 : length + 2].sum())
                micro += seconds * int(shifts["per_s"][row])
                micro += int(state.routes["metres"][row]) * int(shifts["per_m"][row])
        return max(1.0, micro / served)

    def _run(self, temperature: float) -> None:
        """Make some steps at one temperature: by a step limit so many, whatever the clock says, else a chunk."""
        left = self._chunk if self._limit is None else min(STEPS, self._limit - self._steps)
        while left and not self.stop():
            chunk = min(left, self._chunk)
            begun_s = self._clock()
            improve(self.day, self.state, chunk, temperature, _REMOVED)
            taken_s = self._clock() - begun_s
            self._steps += chunk
            self._busy_s += taken_s
            self._chunk = max(1, min(100_000, int(chunk * min(2.0, _CHUNK_S / max(1e-6, taken_s)))))
            left -= chunk
        self._pool.note(self.state)
        if self._likeness is not None:
            self._likeness.note(self.state)

    def _steps_expected(self) -> float:
        """Return the steps that there is room for, for each visit."""
        if self._limit is not None:
            steps = float(self._limit)
        else:
            steps = self._steps / max(1e-6, self._busy_s) * min(self._whole_s, 3_600.0)
        return steps / len(self.state.visits)

    def _progress(self) -> float:
        """Return the part of the steps, or else of the time, that is used up."""
        if self._limit is not None:
            return self._steps / self._limit
        if math.isfinite(self._whole_s):
            return 1.0 - self.stop.remaining_s() / self._whole_s
        return min(1.0, self._steps / 1e6)

    def _over(self) -> bool:
        if self.until_complete and not self._lacks_required():
            return True
        return self.stop() or (self._limit is not None and self._steps >= self._limit)

    def _tell(self, *, now: bool = False) -> None:
        """Pass the best plan on if it is better than the last one told, and that was some time ago."""
        state, kept = self.state, self._likeness
        rank: tuple[float, ...] = (int(state.numbers[N_BEST]),)
        seq, length = state.best_seq, state.routes["best_length"]
        if kept is not None:
            kept.note(state)
            rank, seq, length = kept.rank, kept.seq, kept.length
        if rank < self._told and (now or self._clock() > self._told_at_s + _TELL_S):
            self._found(self.codes.orders(seq, length))
            self._told = rank
            self._told_at_s = self._clock()
