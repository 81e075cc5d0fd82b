"""The travel times of a stored plan of a large day: the legs that its routes drive, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.problem.errors import InvalidProblem
from optimizer.problem.matrix import NO_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from optimizer.problem.matrix import Nodes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legs:
    """Legs of one profile; all arrays ``int32[k]``, sorted by origin and destination, each pair once.

    Parameters
    ----------
    fingerprint
        That of the times which they were taken from.
    """

    origin: NDArray[np.int32]
    destination: NDArray[np.int32]
    duration_s: NDArray[np.int32]
    distance_m: NDArray[np.int32]
    fastest_m_per_s: float
    fingerprint: Mapping[str, Any]


class KnownLegs:
    """Travel times (``TravelTimes``) of which only some legs are known: enough to judge the plan that drives them.

    Parameters
    ----------
    n
        Places of the day.
    legs
        By vehicle profile.

    Raises
    ------
    InvalidProblem
        If there is no profile; legs are not sorted or not between the n places; a value is below ``NO_PATH``; seconds
        and metres disagree on where a path exists; a leg from a place to itself is not 0; a bound of the speed is no
        number of at least 0.
    """

    __slots__ = ("_keys", "_legs", "_n")

    def __init__(self, n: int, legs: Mapping[str, Legs]) -> None:
        if not legs:
            raise InvalidProblem("Travel times need at least one vehicle profile.")
        self._n = n
        self._legs = dict(legs)
        self._keys = {profile: _checked(n, profile, found) for profile, found in legs.items()}

    @property
    def n(self) -> int:
        """How many places there are."""
        return self._n

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the vehicle profiles, sorted."""
        return tuple(sorted(self._legs))

    def block(self, profile: str, rows: Nodes, columns: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each of ``rows`` to each of ``columns``, ``int32[r, c]``.

        Raises
        ------
        InvalidProblem
            If one of these legs is not known.
        """
        shape = len(rows), len(columns)
        duration_s, distance_m = self.legs(profile, np.repeat(rows, shape[1]), np.tile(columns, shape[0]))
        return duration_s.reshape(shape), distance_m.reshape(shape)

    def legs(self, profile: str, origins: Nodes, destinations: Nodes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres from each origin to the destination beside it, ``int32[k]``.

        Raises
        ------
        InvalidProblem
            If one of these legs is not known.
        """
        known, keys = self._legs[profile], self._keys[profile]
        wanted = np.asarray(origins, dtype=np.int64) * self._n + np.asarray(destinations, dtype=np.int64)
        at = np.searchsorted(keys, wanted)
        missing = at == keys.size
        missing[~missing] = keys[at[~missing]] != wanted[~missing]
        if missing.any():
            origin, destination = divmod(int(wanted[missing][0]), self._n)
            raise InvalidProblem(
                f"The way from node {origin} to node {destination} with profile {profile!r} is not known: the stored "
                "plan of a large day holds the legs that it drives, and no others. Prepare the day anew from its city."
            )
        return known.duration_s[at], known.distance_m[at]

    def fastest_m_per_s(self, profile: str) -> float:
        """Return the bound that the whole day's times have given."""
        return self._legs[profile].fastest_m_per_s

    def fingerprint(self, profile: str) -> Mapping[str, Any]:
        """Return the fingerprint of the whole day's times, of which these are some."""
        return self._legs[profile].fingerprint


def _checked(n: int, profile: str, legs: Legs) -> NDArray[np.int64]:
    """Return origin * n + destination of legs that are in order."""
    ends = np.concatenate((legs.origin, legs.destination))
    if ends.size and not (ends.min() >= 0 and ends.max() < n):
        raise InvalidProblem(f"The legs of profile {profile!r} lead outside the {n} places of the day.")
    keys = legs.origin.astype(np.int64) * n + legs.destination
    if np.any(np.diff(keys) <= 0):
        raise InvalidProblem(f"The legs of profile {profile!r} must be sorted by origin and destination, each once.")
    both = np.concatenate((legs.duration_s, legs.distance_m))
    if both.size and both.min() < NO_PATH:
        raise InvalidProblem(f"The legs of profile {profile!r} hold {both.min()}; only {NO_PATH} may be negative.")
    if np.any((legs.duration_s == NO_PATH) != (legs.distance_m == NO_PATH)):
        raise InvalidProblem(f"For profile {profile!r}, seconds and metres of legs disagree on where a path exists.")
    stays = legs.origin == legs.destination
    if np.any(legs.duration_s[stays]) or np.any(legs.distance_m[stays]):
        raise InvalidProblem(f"The legs of profile {profile!r} must be 0 from a place to itself.")
    if not 0 <= legs.fastest_m_per_s < float("inf"):
        raise InvalidProblem(f"fastest_m_per_s of profile {profile!r} must be a number of at least 0.")
    return keys
