"""What one profile may drive, as a graph of states that every search can use.

A state is a directed segment, and where the rules look back further than one segment, what of the past they look at.
Two rules do. A street that may be entered only to serve something in it has two states: one for who began there (he
may drive out), one for who came in (he may not come out again). And a chain of segments that must not be driven in a
row gives its middle segments a state for who has come along the chain so far.

What a path has behind it ends at a stop, because legs are searched one by one. For a street that one may only serve
that is what the sign means: who had something to do there drives out as he likes. For a restriction over ways it is
a limit: a truck that halts on the way in between may then make the turn that it must not make without halting.

State ``i`` below the number of segments is segment ``i`` itself, without a past: every path begins in such a one. A
path may end in any state of its segment.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places

_MM_BITS: Final = 32
_MM_MASK: Final = (1 << _MM_BITS) - 1


class ProfileGraph(NamedTuple):
    """What one profile may drive. A named tuple, because compiled code can take it apart.

    ``usable`` is bool[segments]; ``cost`` int64[states] the packed cost of a state's whole segment; state ``i`` may be
    followed by ``successor[start[i]:start[i + 1]]``, at the packed costs in ``turn``; ``segment`` is int32[states];
    a segment's states are ``states[first[segment]:first[segment + 1]]``.
    """

    usable: NDArray[np.bool_]
    cost: NDArray[np.int64]
    start: NDArray[np.int64]
    successor: NDArray[np.int32]
    turn: NDArray[np.int64]
    segment: NDArray[np.int32]
    first: NDArray[np.int64]
    states: NDArray[np.int32]


class _Arcs(NamedTuple):
    """Arcs between states: ``source`` and ``target`` int64[a], ``turn_ms`` int64[a], and each state's ``segment``."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    turn_ms: NDArray[np.int64]
    segment: NDArray[np.int64]


def profile_graph(network: RoadNetwork, profile: str) -> ProfileGraph:
    """Reduce a network to what one profile may use.

    Raises
    ------
    KeyError
        The network was built without this profile.
    """
    index = network.profile_index(profile)
    usable = network.usable[index]
    source = np.repeat(np.arange(usable.size), np.diff(network.arc_start))
    allowed = usable[source] & usable[network.arc_to] & (network.turn_ms[index] >= 0)
    arcs = _Arcs(
        source=source[allowed],
        target=network.arc_to[allowed].astype(np.int64),
        turn_ms=network.turn_ms[index][allowed].astype(np.int64),
        segment=np.arange(usable.size),
    )
    arcs = _no_thoroughfare(arcs, network.inside[index] & usable)
    arcs = _without_chains(arcs, network.chains[index])
    order = np.argsort(arcs.source, kind="stable")
    states = arcs.segment.size
    return ProfileGraph(
        usable=usable,
        cost=pack(network.travel_ms[index], network.length_mm)[arcs.segment],
        start=_rows(arcs.source, states),
        successor=arcs.target[order].astype(np.int32),
        turn=pack(arcs.turn_ms[order], np.zeros(order.size, dtype=np.int64)),
        segment=arcs.segment.astype(np.int32),
        first=_rows(arcs.segment, usable.size),
        states=np.argsort(arcs.segment, kind="stable").astype(np.int32),
    )


def pack(ms: NDArray[np.int64], mm: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put milliseconds and millimetres into one number."""
    return (ms << _MM_BITS) | mm


def unpack(cost: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take milliseconds and millimetres out again."""
    return cost >> _MM_BITS, cost & _MM_MASK


def place_costs(
    network: RoadNetwork, profile: str, places: Places
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find each place's segment, and the packed costs along it up to the place and from the place on.

    The segment is -1 where the profile may not drive there. The two costs add up to the whole segment's, whatever
    the rounding.
    """
    index = network.profile_index(profile)
    segment = places.segment.astype(np.int64)
    segment = np.where((segment >= 0) & network.usable[index][segment], segment, -1)
    ms = network.travel_ms[index][segment] * places.along_mm // network.length_mm[segment]
    into = np.where(segment >= 0, pack(ms, places.along_mm), 0)
    whole = pack(network.travel_ms[index][segment], network.length_mm[segment])
    return segment, into, np.where(segment >= 0, whole - into, 0)


def _rows(source: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.bincount(source, minlength=rows)))).astype(np.int64)


def _no_thoroughfare(arcs: _Arcs, inside: NDArray[np.bool_]) -> _Arcs:
    """Give each street that one may only serve a second state, for who came in from outside.

    From the first state one drives on inside, or out. From the second one drives on in second states alone.
    """
    if not inside.any():
        return arcs
    entered = np.full(inside.size, -1, dtype=np.int64)
    entered[inside] = inside.size + np.arange(inside.sum())
    comes_in = ~inside[arcs.source] & inside[arcs.target]
    goes_on = inside[arcs.source] & inside[arcs.target]
    return _Arcs(
        source=np.concatenate((arcs.source, entered[arcs.source[goes_on]])),
        target=np.concatenate((np.where(comes_in, entered[arcs.target], arcs.target), entered[arcs.target[goes_on]])),
        turn_ms=np.concatenate((arcs.turn_ms, arcs.turn_ms[goes_on])),
        segment=np.concatenate((arcs.segment, np.flatnonzero(inside))),
    )


def _without_chains(arcs: _Arcs, chains: Sequence[tuple[int, ...]]) -> _Arcs:
    """Take out chains of segments by states that remember how much of a chain has been driven.

    The memory is the longest end of the path that is the beginning of a chain, as in the automaton of Aho and
    Corasick ("Efficient string matching", Communications of the ACM 18, 1975).
    """
    return _ChainMemory(arcs, chains).arcs() if chains else arcs


class _ChainMemory:
    """States with a memory, made as they are met."""

    def __init__(self, arcs: _Arcs, chains: Sequence[tuple[int, ...]]) -> None:
        self._arcs = arcs
        self._banned = frozenset(chains)
        self._longest = max(len(chain) for chain in chains)
        self._begun = frozenset(chain[:length] for chain in chains for length in range(2, len(chain)))
        self._segment = arcs.segment.tolist()
        self._number: dict[tuple[int, tuple[int, ...]], int] = {}
        self._waiting: list[tuple[int, tuple[int, ...]]] = []
        self._leaving: defaultdict[int, list[int]] = defaultdict(list)
        concerned = list({segment for chain in chains for segment in chain[:-1]})
        for arc in np.flatnonzero(np.isin(arcs.segment[arcs.source], concerned)).tolist():
            self._leaving[int(arcs.source[arc])].append(arc)

    def arcs(self) -> _Arcs:
        """Bend the arcs that begin a chain to states that remember it, and go on from those."""
        arcs = self._arcs
        target = arcs.target.copy()
        for leaving in list(self._leaving.values()):
            for arc in leaving:
                pair = (self._segment[arcs.source[arc]], self._segment[arcs.target[arc]])
                target[arc] = self._remember(int(arcs.target[arc]), pair)
        added: list[tuple[int, int, int]] = []
        while self._waiting:
            state, past = self._waiting.pop()
            for arc in self._leaving[state]:
                following = int(arcs.target[arc])
                whole = (*past, self._segment[following])
                if not self._breaks(whole):
                    onward = self._remember(following, whole)
                    added.append((self._number[state, past], onward, int(arcs.turn_ms[arc])))
        more = np.array(added, dtype=np.int64).reshape(-1, 3)
        return _Arcs(
            source=np.concatenate((arcs.source, more[:, 0])),
            target=np.concatenate((target, more[:, 1])),
            turn_ms=np.concatenate((arcs.turn_ms, more[:, 2])),
            segment=np.array(self._segment, dtype=np.int64),
        )

    def _breaks(self, path: tuple[int, ...]) -> bool:
        lengths = range(3, min(self._longest, len(path)) + 1)
        return any(path[-length:] in self._banned for length in lengths)

    def _remember(self, state: int, past: tuple[int, ...]) -> int:
        """State for who comes to ``state`` with this past, of which the part that matters is kept."""
        while past and past not in self._begun:
            past = past[1:]
        if not past:
            return state
        if (state, past) not in self._number:
            self._number[state, past] = len(self._segment)
            self._segment.append(self._segment[state])
            self._waiting.append((state, past))
        return self._number[state, past]
