"""Holds a running day to a number of moved visits: the price of a move rises as long as the search moves more.

A price alone keeps the number of moves where it is worth it, not below a number; a limit that each step has to keep
would leave the search nowhere to go. So the price of a move follows the moves, as a multiplier of the limit, while the
search cools, and never falls below its own. The best plan is kept apart, by that price and the limit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from optimizer.search.kernel.arrays import N_BEST, N_TOTAL
from optimizer.search.kernel.loops import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.search.kernel.arrays import Codes, Day, State

_FROM: Final = 0.4
"""Part of the annealing after which the price follows; before that, the search is hot and moves about."""

_PAUSE: Final = 0.02
"""Part of the annealing between two changes of the price."""

_FACTOR: Final = 1.2
"""By which the price rises or falls; from ``_FROM`` on it may rise to 200 times of what it was."""


class Likeness:
    """The price of a move, and the best plan with at most so many.

    Parameters
    ----------
    most
        Of moved visits.

    Attributes
    ----------
    seq, length
        The best plan kept, as in ``State``.
    rank
        The required visits that it leaves out, its moves beyond the limit, and its cost at the price that a move has
        outside of this search; the less the better.
    """

    def __init__(self, codes: Codes, day: Day, most: int) -> None:
        self.most = most
        self._day = day
        shifts = codes.problem.shifts
        number = {shift.id: row for row, shift in enumerate(shifts)}
        self._planned = np.array([-1 if one.planned is None else number[one.planned] for one in codes.visits])
        self._moves = (self._planned[:, None] >= 0) & (self._planned[:, None] != np.arange(len(shifts)))
        self._least = self._price = codes.problem.terms.moved_micro
        self._other = day.dear - self._least * self._moves
        self._next = _FROM
        self._seen_micro = -1
        self.rank: tuple[float, ...] = (math.inf,)
        self.seq: NDArray[Any] = np.zeros(0)
        self.length: NDArray[Any] = np.zeros(0)

    def note(self, state: State) -> None:
        """Keep the search's best plan if it is better by required visits, then by the limit, then by its cost."""
        best_micro = int(state.numbers[N_BEST])
        if best_micro == self._seen_micro:
            return
        self._seen_micro = best_micro
        moved, lacking = self._counted(state.best_seq, state.routes["best_length"])
        rank = (lacking, max(0, moved - self.most), best_micro - (self._price - self._least) * moved)
        if rank >= self.rank:
            return
        self.rank = rank
        self.seq, self.length = state.best_seq.copy(), state.routes["best_length"].copy()

    def follow(self, state: State, done: float) -> None:
        """Raise or lower the price, now and then, by how many visits the plan under change moves."""
        if done < self._next:
            return
        self._next = done + _PAUSE
        moved, _ = self._counted(state.seq, state.routes["length"])
        price = self._price * _FACTOR if moved > self.most else max(self._least, self._price / _FACTOR)
        if int(price) == self._price:
            return
        self.note(state)
        self._price = int(price)
        self._day.dear[:] = self._other + self._price * self._moves
        seq, length = state.seq.copy(), state.routes["length"].copy()
        state.seq[:], state.routes["length"] = state.best_seq, state.routes["best_length"]
        load(self._day, state)
        state.numbers[N_BEST] = state.numbers[N_TOTAL]
        self._seen_micro = int(state.numbers[N_BEST])
        state.seq[:], state.routes["length"] = seq, length
        load(self._day, state)

    def _counted(self, seq: NDArray[Any], lengths: NDArray[Any]) -> tuple[int, int]:
        """Return how many visits a plan moves, and how many required ones it leaves out."""
        served = np.zeros(len(self._planned), dtype=np.bool_)
        moved = 0
        for row, length in enumerate(lengths.tolist()):
            visits = self._day.codes["visit"][seq[row, 1 : length + 1]]
            visits = visits[visits >= 0]
            served[visits] = True
            moved += int(self._moves[visits, row].sum())
        return moved, int((self._day.required & ~served).sum())
