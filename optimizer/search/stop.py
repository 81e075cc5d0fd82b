"""When a search ends: at a deadline, after a number of steps, when someone asks, or the first of several."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Stop(Protocol):
    """Asked between steps and, by engines that can, inside them. Cheap: it is asked often."""

    def __call__(self) -> bool:
        """Whether to end now."""
        ...

    def remaining_s(self) -> float:
        """Return the seconds left, ``inf`` without a deadline."""
        ...

    def max_steps(self) -> int | None:
        """Return the number of steps after which to end, None without a limit."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """Ends ``seconds`` after it was made, by a clock that only goes forward (``time.monotonic``)."""

    seconds: float
    clock: Callable[[], float]
    _end_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ValueError(f"A deadline must lie ahead, not {self.seconds} s.")
        object.__setattr__(self, "_end_s", self.clock() + self.seconds)

    def __call__(self) -> bool:
        """Whether the time is over."""
        return self.clock() >= self._end_s

    def remaining_s(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self._end_s - self.clock())

    def max_steps(self) -> None:
        """Return None: it counts no steps."""


@dataclass(frozen=True, slots=True)
class StepLimit:
    """Ends after so many steps of the engine, whatever time they take: the way to a plan that can be reproduced."""

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"A step limit must be at least 1, not {self.steps}.")

    def __call__(self) -> bool:
        """Return False: the engine counts its own steps against ``max_steps``."""
        return False

    def remaining_s(self) -> float:
        """Return ``inf``: it knows no clock."""
        return math.inf

    def max_steps(self) -> int:
        """Return the limit."""
        return self.steps


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ends as soon as ``flag`` answers True, for example ``threading.Event().is_set``."""

    flag: Callable[[], bool]

    def __call__(self) -> bool:
        """Whether somebody asked."""
        return self.flag()

    def remaining_s(self) -> float:
        """Return ``inf``: nobody knows."""
        return math.inf

    def max_steps(self) -> None:
        """Return None: it counts no steps."""


class AnyOf:
    """Ends when the first of several does."""

    def __init__(self, *stops: Stop) -> None:
        if not stops:
            raise ValueError("AnyOf needs at least one way to stop.")
        self._stops = stops

    def __call__(self) -> bool:
        """Whether one of them ends."""
        return any(stop() for stop in self._stops)

    def remaining_s(self) -> float:
        """Return the shortest time left."""
        return min(stop.remaining_s() for stop in self._stops)

    def max_steps(self) -> int | None:
        """Return the smallest limit."""
        limits = [limit for stop in self._stops if (limit := stop.max_steps()) is not None]
        return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class Share:
    """Ends at a share of what ``stop`` has left when this is made, in seconds and in steps; so a search has stages."""

    stop: Stop
    share: float
    _reserve_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"A share must lie in (0, 1], not {self.share}.")
        remaining_s = self.stop.remaining_s()
        reserve_s = (1 - self.share) * remaining_s if math.isfinite(remaining_s) else 0.0
        object.__setattr__(self, "_reserve_s", reserve_s)

    def __call__(self) -> bool:
        """Whether the share is used up, or the whole is stopped."""
        return self.stop() or self.remaining_s() <= 0

    def remaining_s(self) -> float:
        """Return the seconds left of the share."""
        return max(0.0, self.stop.remaining_s() - self._reserve_s)

    def max_steps(self) -> int | None:
        """Return the share of the steps, at least 1."""
        steps = self.stop.max_steps()
        return None if steps is None else max(1, int(steps * self.share))
