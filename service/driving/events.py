"""What a driver's phone reports, as the rest of the service knows it: one shape for all kinds of event.

A phone counts what it reports: (phone, sequence) names an event for ever. Neither the order in which events arrive nor
how often matters; what they mean is settled by ``service.driving.fold``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

GRACE_S: Final = 1_800
"""So long before and after its shift a truck's positions are taken. Our own figure: yards are left early, late."""
EARLIEST_S: Final = 6 * 3_600
"""So long before its shift begins a crew may report anything at all. Our own figure."""
LATEST_S: Final = 12 * 3_600
"""So long after its last overtime a crew may report anything at all. Our own figure."""
LATE_S: Final = 7 * 86_400
"""So long after the end of its shift a phone may hand in what it kept. Our own figure; 12 h are usual."""


class Kind(StrEnum):
    """What happened."""

    ARRIVED = "arrived"
    DONE = "done"
    SKIPPED = "skipped"
    FILL = "fill"
    NO_WAY = "could_not_pass"
    UNLOADED = "unloaded"
    BREAK_START = "break_start"
    BREAK_END = "break_end"
    POSITION = "position"


class SkipReason(StrEnum):
    """Why a visit was not made."""

    BLOCKED = "blocked"
    NOT_OUT = "not_out"
    LOCKED = "locked"
    EMPTY = "empty"
    DAMAGED = "damaged"
    WRONG_WASTE = "wrong_waste"
    UNSAFE = "unsafe"
    TRUCK_FULL = "truck_full"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverEvent:
    """One event.

    Parameters
    ----------
    phone, sequence
        Its name: the phone's own UUID, and the phone's count of events.
    time_us
        When it happened by the phone's clock, microseconds since 1970, UTC.
    subject
        The visit, of a fill the container, of an unloading the disposal site; None for others.
    kg
        On the weighbridge, or of a visit that was weighed.
    fill_percent
        Of a fill: 0, 25, 50, 75 or 100.
    ticket
        Of an unloading: the weighbridge's own number, by which two phones of a crew report one unloading.
    containers
        Of a visit that is done: those that were emptied where it was not all.
    lon, lat
        Of a position, and of where a street could not be passed.
    """

    shift: str
    phone: str
    sequence: int
    time_us: int
    kind: Kind
    subject: str | None = None
    reason: SkipReason | None = None
    kg: float | None = None
    fill_percent: int | None = None
    ticket: str | None = None
    containers: tuple[str, ...] | None = None
    lon: float | None = None
    lat: float | None = None

    @property
    def order(self) -> tuple[int, str, int]:
        """Where it stands among all others: by time, then phone, then count."""
        return self.time_us, self.phone, self.sequence
