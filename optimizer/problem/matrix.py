"""Travel times and distances between the kerb states, depots and disposal sites of one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizer.problem.errors import InvalidProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NO_PATH = -1
"""Stands in both matrices where no allowed path leads from row to column; never added to anything."""


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

    __slots__ = ("_distance_m", "_duration_s", "n")

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
        self.n: int = sizes.pop()
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
    def profiles(self) -> tuple[str, ...]:
        """Names of the vehicle profiles, sorted."""
        return tuple(sorted(self._duration_s))

    def duration_s(self, profile: str) -> NDArray[np.int32]:
        """Return the read-only ``int32[n, n]`` of seconds for a profile; KeyError if it is unknown."""
        return self._duration_s[profile]

    def distance_m(self, profile: str) -> NDArray[np.int32]:
        """Return the read-only ``int32[n, n]`` of metres for a profile; KeyError if it is unknown."""
        return self._distance_m[profile]

    def block(
        self, profile: str, rows: Sequence[int], columns: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each of ``rows`` to each of ``columns``, as ``int32[r, c]``."""
        cells = np.ix_(np.asarray(rows, dtype=np.intp), np.asarray(columns, dtype=np.intp))
        return self._duration_s[profile][cells], self._distance_m[profile][cells]


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
