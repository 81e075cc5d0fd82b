"""What a city hands in, row by row: frozen records with plain values.

Units stand in the names (``_s`` seconds, ``_l`` litres, ``_m`` metres, ``_t`` tonnes). Times of day are seconds from
local midnight of the service day and may pass 86,400. Weekdays are 0 (Monday) to 6 (Sunday). ``None`` means "not
stated"; what that implies is written at the field.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shapely.geometry import MultiPolygon, Polygon

DrivingSide = Literal["left", "right"]
Energy = Literal["diesel", "electric"]
Windows = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A bin at the kerb.

    Attributes
    ----------
    volume_l
        Litres it holds when full.
    fill
        Share of the volume that is filled on the planned day, 0 to 1; None when not stated.
    schedule
        Weekdays on which it is collected; None when no schedule is stated.
    fill_rate_l_per_day
        Litres that are thrown in on a typical day; None when not stated.
    service_s
        Seconds of handling at the kerb, added to the truck's own ``lift_s``.
    windows
        Pairs of seconds from midnight between which service may *start*; empty means at any time.
    access_class
        The largest access class that can reach it; None when any truck can.
    stop_id
        Containers with the same stop id stand together: one set-up time for all of them.
    prize
        What emptying it is worth in the city's currency; None makes the visit required.
    locked_vehicle
        The vehicle that must serve it; None when any may.
    """

    id: str
    lon: float
    lat: float
    volume_l: int
    stream: str
    fill: float | None
    schedule: frozenset[int] | None
    fill_rate_l_per_day: float | None
    service_s: int
    windows: Windows
    access_class: str | None
    sensor_id: str | None
    stop_id: str | None
    street: str | None
    prize: float | None
    locked_vehicle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepotRecord:
    """Where vehicles start and end their shifts."""

    id: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DisposalSiteRecord:
    """Landfill, transfer station or plant.

    ``windows`` are its opening hours (empty: always open), ``streams`` those it accepts (empty: all),
    ``gate_fee_per_t`` is in the city's currency per tonne.
    """

    id: str
    lon: float
    lat: float
    windows: Windows
    unloading_s: int
    streams: frozenset[str]
    gate_fee_per_t: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleRecord:
    """A truck, a three-wheeler or a handcart.

    ``capacity_l`` is the body's volume; with ``compaction`` (at least 1) it takes ``capacity_l * compaction`` litres of
    loose waste. ``streams`` empty means all; ``mixed_streams`` allows several of them in one trip. Costs are in the
    city's currency. ``range_km`` is stated for electric vehicles. ``lift_s`` is spent at each container.
    """

    id: str
    depot: str
    capacity_kg: int
    capacity_l: int
    compaction: float
    access_class: str
    width_m: float
    height_m: float
    length_m: float
    weight_t: float
    streams: frozenset[str]
    mixed_streams: bool
    speed_factor: float
    fixed_cost: float
    cost_per_hour: float
    cost_per_km: float
    energy: Energy
    range_km: float | None
    lift_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakRecord:
    """A rest of ``duration_s`` that starts between ``earliest_s`` and ``latest_s``."""

    duration_s: int
    earliest_s: int
    latest_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRecord:
    """A vehicle with its crew, on the weekdays stated (None: every day)."""

    id: str
    vehicle: str
    weekdays: frozenset[int] | None
    start_s: int
    end_s: int
    breaks: tuple[BreakRecord, ...]
    max_overtime_s: int
    overtime_cost_per_hour: float
    max_stops: int | None
    max_daily_kg: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDays:
    """Days on which ``factor`` times a usual day's waste is thrown in, the last one included.

    Attributes
    ----------
    weekdays
        Those between the two that are meant; None for all.
    """

    kind: str
    first: dt.date
    last: dt.date
    weekdays: frozenset[int] | None
    factor: float

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """The days, in order."""
        every = (self.first + dt.timedelta(days=day) for day in range((self.last - self.first).days + 1))
        return tuple(date for date in every if self.weekdays is None or date.weekday() in self.weekdays)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A sangkat, district or contract area.

    ``polygon`` is in degrees, longitude first. ``schedule`` are the weekdays of door-to-door collection (None: every
    day).
    """

    id: str
    name: str
    polygon: Polygon | MultiPolygon
    people: int
    kg_per_person_day: float
    contractor: str | None
    stream: str
    schedule: frozenset[int] | None

    @property
    def kg_per_day(self) -> float:
        """Waste that arises in the zone on a typical day, in kg."""
        return self.people * self.kg_per_person_day
