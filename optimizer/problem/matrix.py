"""Travel times and distances between the kerb states, depots and disposal sites of one day."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.problem.errors import InvalidProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

Nodes: TypeAlias = Sequence[int] | NDArray[np.integer]
"""Positions of places among the n of a day."""

NO_PATH = -1
"""Stands for seconds and metres where no allowed path leads from one place to another; never added to anything."""

SQUARE_CELLS: Final = 48_000_000
"""Cells (n * n, for all vehicle profiles together) up to which a day keeps its travel times as whole squares.

A cell is 8 bytes of seconds and metres, and a search lays out 16 more for each: this many are 1.15 GB in all, and 4,000
places for three profiles. Larger days compute what they are asked for, and are searched in parts.
"""


class TravelTimes(Protocol):
    """Seconds and metres along the same quickest path between the n places of a day, for each vehicle profile.

    Whoever plans a day asks for blocks and legs, and does not know whether a square stands behind them.
    """

    @property
    def n(self) -> int:
        """How many places there are."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the vehicle profiles, sorted."""

    def block(self, profile: str, rows: Nodes, columns: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each of ``rows`` to each of ``columns``, ``int32[r, c]``; see ``NO_PATH``."""

    def legs(self, profile: str, origins: Nodes, destinations: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each origin to the destination beside it, ``int32[k]``; see ``NO_PATH``."""

    def fastest_m_per_s(self, profile: str) -> float:
        """Return what metres / seconds of no leg of at least a second exceed; 0 where there is no such leg."""

    def fingerprint(self, profile: str) -> Mapping[str, Any]:
        """Return what stands for this profile's times in the hash of a problem: the same for the same times."""


class TravelMatrix:
    """Seconds and metres along the same quickest path, for each vehicle profile.

    Parameters
    ----------
    duration_s
        For each profile an ``int32[n, n]``, row = from, column = to, ``NO_PATH`` where there is none.
    distance_m
        The same shape, profiles and paths.

    Raises
    ------
    InvalidProblem
        If shapes differ, a value is below ``NO_PATH``, the two disagree on where a path exists, or a diagonal is not 0.
    """

    __slots__ = ("_distance_m", "_duration_s", "_fastest", "_fingerprint", "_n")

    def __init__(
        self, duration_s: Mapping[str, NDArray[np.int32]], distance_m: Mapping[str, NDArray[np.int32]]
    ) -> None:
        if not duration_s:
            raise InvalidProblem("A travel matrix needs at least one vehicle profile.")
        if set(duration_s) != set(distance_m):
            raise InvalidProblem(
                f"The travel matrix has durations for the profiles {sorted(duration_s)} "
                f"and distances for {sorted(distance_m)}; they must be the same."
            )
        self._duration_s = {profile: _square(profile, "duration_s", cells) for profile, cells in duration_s.items()}
        self._distance_m = {profile: _square(profile, "distance_m", cells) for profile, cells in distance_m.items()}
        sizes = {len(cells) for cells in (*self._duration_s.values(), *self._distance_m.values())}
        if len(sizes) != 1:
            raise InvalidProblem(f"The travel matrices of one problem have different sizes: {sorted(sizes)}.")
        self._n = sizes.pop()
        self._fastest: dict[str, float] = {}
        self._fingerprint: dict[str, dict[str, Any]] = {}
        for profile in self._duration_s:
            if np.any((self._duration_s[profile] == NO_PATH) != (self._distance_m[profile] == NO_PATH)):
                raise InvalidProblem(
                    f"For profile {profile!r}, duration_s and distance_m disagree on where a path exists."
                )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TravelMatrix):
            return NotImplemented
        return self.profiles == other.profiles and all(
            np.array_equal(self._duration_s[profile], other.duration_s(profile))
            and np.array_equal(self._distance_m[profile], other.distance_m(profile))
            for profile in self._duration_s
        )

    def __hash__(self) -> int:
        return hash((self.n, self.profiles))

    @property
    def n(self) -> int:
        """How many places there are."""
        return self._n

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the vehicle profiles, sorted."""
        return tuple(sorted(self._duration_s))

    def duration_s(self, profile: str) -> NDArray[np.int32]:
        """Return the read-only ``int32[n, n]`` of seconds for a profile; KeyError if it is unknown."""
        return self._duration_s[profile]

    def distance_m(self, profile: str) -> NDArray[np.int32]:
        """Return the read-only ``int32[n, n]`` of metres for a profile; KeyError if it is unknown."""
        return self._distance_m[profile]

    def block(self, profile: str, rows: Nodes, columns: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each of ``rows`` to each of ``columns``, ``int32[r, c]``."""
        cells = np.ix_(np.asarray(rows, dtype=np.intp), np.asarray(columns, dtype=np.intp))
        return self._duration_s[profile][cells], self._distance_m[profile][cells]

    def legs(self, profile: str, origins: Nodes, destinations: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each origin to the destination beside it, ``int32[k]``."""
        cells = np.asarray(origins, dtype=np.intp), np.asarray(destinations, dtype=np.intp)
        return self._duration_s[profile][cells], self._distance_m[profile][cells]

    def fastest_m_per_s(self, profile: str) -> float:
        """Return the largest metres / seconds of all cells with at least a second; 0 without any."""
        if profile not in self._fastest:
            duration_s, distance_m = self._duration_s[profile], self._distance_m[profile]
            # Row by row: the quotients of a whole square would take twice the room of the square.
            self._fastest[profile] = max(
                float(np.divide(metres, seconds, out=np.zeros(self.n), where=seconds > 0).max())
                for seconds, metres in zip(duration_s, distance_m, strict=True)
            )
        return self._fastest[profile]

    def fingerprint(self, profile: str) -> Mapping[str, Any]:
        """Return size and SHA-256 of both squares' raw bytes, int32 little-endian row-major."""
        if profile not in self._fingerprint:
            pair = {"duration_s": self._duration_s[profile], "distance_m": self._distance_m[profile]}
            self._fingerprint[profile] = {
                name: {"n": self.n, "sha256": hashlib.sha256(raw(cells)).hexdigest()} for name, cells in pair.items()
            }
        return self._fingerprint[profile]


def raw(cells: NDArray[np.int32]) -> memoryview:
    """Return the bytes of a square on every machine: int32 little-endian row-major."""
    return cells.astype("<i4", order="C", copy=False).data.cast("B")


def as_squares(times: TravelTimes) -> TravelMatrix:
    """Return the times as whole squares, for a search that reads every cell: the same object where it is one already.

    Raises
    ------
    InvalidProblem
        If there are more than ``SQUARE_CELLS``, which a search takes in parts.
    """
    if isinstance(times, TravelMatrix):
        return times
    cells = times.n**2 * len(times.profiles)
    if cells > SQUARE_CELLS:
        raise InvalidProblem(
            f"Whole squares of {times.n} places for {len(times.profiles)} profiles have {cells} cells; at most "
            f"{SQUARE_CELLS} are laid out at once."
        )
    every = np.arange(times.n)
    pairs = {profile: times.block(profile, every, every) for profile in times.profiles}
    return TravelMatrix(
        {profile: seconds for profile, (seconds, _) in pairs.items()},
        {profile: metres for profile, (_, metres) in pairs.items()},
    )


def _square(profile: str, name: str, cells: NDArray[np.int32]) -> NDArray[np.int32]:
    fixed = np.array(cells, dtype=np.int32, order="C")
    if fixed.ndim != 2 or fixed.shape[0] != fixed.shape[1] or not len(fixed):  # noqa: PLR2004 - a square
        raise InvalidProblem(f"{name} of profile {profile!r} must be a square matrix, not of shape {fixed.shape}.")
    if fixed.min() < NO_PATH:
        raise InvalidProblem(
            f"{name} of profile {profile!r} holds {fixed.min()}; only {NO_PATH} (no path) may be negative."
        )
    if np.any(np.diagonal(fixed) != 0):
        raise InvalidProblem(f"{name} of profile {profile!r} must be 0 from a place to itself.")
    fixed.setflags(write=False)
    return fixed
