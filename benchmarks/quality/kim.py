"""The waste collection instances of Kim, Kim and Sahoo, read from their files and put as a ``Problem``.

The rules and the published figures are those of B.-I. Kim, S. Kim and S. Sahoo, "Waste collection vehicle routing
problem with time windows", Computers & Operations Research 33 (2006) 3624-3642. Vehicles start and finish at the depot,
empty; each has a capacity for a trip and, apart from it, a load and a number of stops for the day; a full vehicle goes
to any disposal site in its hours; every driver takes an hour of lunch that starts between 11:00 and 12:00 unless the
route is over by then. First fewer vehicles, then fewer miles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np

from geodata.errors import DataError, Finding
from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Break, Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FEET_PER_MILE: Final = 5_280
METRES_PER_FOOT: Final = 0.3048
"""The international foot of 1959, exact."""

LUNCH_EARLIEST_S: Final = 11 * 3_600
LUNCH_LATEST_S: Final = 12 * 3_600
DAY_S: Final = 86_400

_DEPOT, _REGULAR, _LANDFILL = "0", "1", "2"
_HEADER_LINES: Final = 6
_FIELDS: Final = 8
_FEET_PER_DEGREE: Final = 364_567.2
"""Of a meridian: 60 nautical miles of 1,852 m. Only to draw the plane's places near (0, 0)."""

_MICRO_PER_M: Final = 1_000
_FIXED_MICRO: Final = 10**11
"""As much as 100,000 km: no saving of miles is worth another vehicle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KimStop:
    """One row of an instance; ``x_feet`` and ``y_feet`` lie in a plane."""

    id: str
    x_feet: float
    y_feet: float
    earliest_s: int
    latest_s: int
    service_s: int
    load_yards: Decimal
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KimInstance:
    """One file, as it stands; ``stops`` keeps its order, depot and landfills included."""

    name: str
    capacity_yards: Decimal
    daily_yards: Decimal
    max_stops: int
    lunch_s: int
    speed_mph: float
    stops: tuple[KimStop, ...]

    @property
    def depot(self) -> KimStop:
        """Where the routes begin and end."""
        return next(stop for stop in self.stops if stop.kind == _DEPOT)

    @property
    def regular(self) -> tuple[KimStop, ...]:
        """The stops to be collected."""
        return tuple(stop for stop in self.stops if stop.kind == _REGULAR)

    @property
    def landfills(self) -> tuple[KimStop, ...]:
        """The disposal sites."""
        return tuple(stop for stop in self.stops if stop.kind == _LANDFILL)

    def drive_s(self, feet: float) -> float:
        """Return the exact seconds that a way of so many feet takes."""
        return feet / FEET_PER_MILE / self.speed_mph * 3_600


def manhattan_feet(one: KimStop, other: KimStop) -> float:
    """Return the length of the way between two stops along the axes."""
    return abs(one.x_feet - other.x_feet) + abs(one.y_feet - other.y_feet)


def read_instance(path: Path) -> KimInstance:
    """Read one ``*_stop.txt``.

    Raises
    ------
    DataError
        If a line is not what the format promises; it names the line and the column.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if len(lines) <= _HEADER_LINES:
        _refuse(path, len(lines), None, "", "five header lines, the column names and the stops")
    header = [_number(path, row, "header", (lines[row - 1].split() or [""])[0]) for row in range(1, _HEADER_LINES)]
    capacity, daily, max_stops, lunch, speed = header
    for row, value in ((1, capacity), (5, speed)):
        if value <= 0:
            _refuse(path, row, "header", str(value), "a number above 0")
    stops = tuple(
        _stop(path, row, line)
        for row, line in enumerate(lines[_HEADER_LINES:], start=_HEADER_LINES + 1)
        if line.strip()
    )
    if sum(stop.kind == _DEPOT for stop in stops) != 1:
        _refuse(path, None, "Stop_Type", "", "exactly one depot (0)")
    return KimInstance(
        name=path.name.removesuffix("_stop.txt"),
        capacity_yards=capacity,
        daily_yards=daily,
        max_stops=int(max_stops),
        lunch_s=int(lunch),
        speed_mph=float(speed),
        stops=stops,
    )


def to_problem(instance: KimInstance, *, vehicles: int | None = None) -> Problem:
    """Put an instance as a problem with so many identical vehicles, ``offered_vehicles`` by default.

    Yards stand in ``demand_kg``, in the smallest power of ten of parts that is exact (``yard_parts``). Seconds in the
    matrix are rounded up, so that a plan that keeps its times in whole seconds keeps them exactly; metres are rounded
    half up. Each row is a stop of its own, as their limit of stops counts rows.
    """
    parts = yard_parts(instance)
    places = instance.stops
    nodes = {stop.id: node for node, stop in enumerate(places)}
    duration_s, distance_m = _matrices(instance)
    depot = instance.depot
    count = offered_vehicles(instance) if vehicles is None else vehicles
    lunch = (Break(duration_s=instance.lunch_s, earliest_s=LUNCH_EARLIEST_S, latest_s=LUNCH_LATEST_S),)
    return Problem(
        matrix=TravelMatrix({"truck": duration_s}, {"truck": distance_m}),
        locations=tuple(
            Location(
                lon=(place.x_feet - depot.x_feet) / _FEET_PER_DEGREE,
                lat=(place.y_feet - depot.y_feet) / _FEET_PER_DEGREE,
            )
            for place in places
        ),
        depots=(Depot(id=depot.id, node=nodes[depot.id]),),
        disposal_sites=tuple(
            DisposalSite(id=site.id, node=nodes[site.id], unloading_s=site.service_s, windows=_windows(site))
            for site in instance.landfills
        ),
        vehicles=tuple(
            Vehicle(
                id=f"truck-{number}",
                depot=depot.id,
                profile="truck",
                access_class="truck",
                capacity_kg=_whole(instance.capacity_yards * parts),
                body_l=1,
                fixed_micro=_FIXED_MICRO,
                micro_per_m=_MICRO_PER_M,
            )
            for number in range(1, count + 1)
        ),
        shifts=tuple(
            Shift(
                id=f"shift-{number}",
                vehicle=f"truck-{number}",
                start_s=depot.earliest_s,
                end_s=depot.latest_s,
                breaks=lunch if instance.lunch_s else (),
                max_stops=instance.max_stops,
                max_daily_kg=_whole(instance.daily_yards * parts),
            )
            for number in range(1, count + 1)
        ),
        visits=tuple(
            Visit(
                id=stop.id,
                stop=stop.id,
                kerb=(nodes[stop.id],),
                stream="residual",
                demand_kg=_whole(stop.load_yards * parts),
                demand_l=0,
                service_s=stop.service_s,
                windows=_windows(stop),
            )
            for stop in instance.regular
        ),
    )


def yard_parts(instance: KimInstance) -> int:
    """Return into how many parts a yard is cut so that every load and capacity of the file is a whole number."""
    amounts = [instance.capacity_yards, instance.daily_yards, *(stop.load_yards for stop in instance.regular)]
    digits = [-int(amount.normalize().as_tuple().exponent) for amount in amounts]
    return int(10 ** max(0, *digits))


def offered_vehicles(instance: KimInstance) -> int:
    """Return how many vehicles to offer: twice what loads and service times alone need, and three more."""
    load = sum((stop.load_yards for stop in instance.regular), Decimal(0))
    unloading_s = min((site.service_s for site in instance.landfills), default=0)
    work_s = sum(stop.service_s for stop in instance.regular) + math.ceil(load / instance.capacity_yards) * unloading_s
    span_s = max(1, instance.depot.latest_s - instance.depot.earliest_s - instance.lunch_s)
    by_load = math.ceil(load / instance.daily_yards) if instance.daily_yards else 1
    return 2 * max(1, by_load, math.ceil(work_s / span_s), math.ceil(len(instance.regular) / instance.max_stops)) + 3


def _matrices(instance: KimInstance) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return seconds and metres, each ``int32[n, n]``, row = from, in the file's order."""
    x = np.array([stop.x_feet for stop in instance.stops])
    y = np.array([stop.y_feet for stop in instance.stops])
    feet = np.abs(x[:, None] - x) + np.abs(y[:, None] - y)
    seconds = feet / FEET_PER_MILE / instance.speed_mph * 3_600
    return np.ceil(seconds).astype(np.int32), np.floor(feet * METRES_PER_FOOT + 0.5).astype(np.int32)


def _windows(stop: KimStop) -> tuple[TimeWindow, ...]:
    if stop.earliest_s == 0 and stop.latest_s == DAY_S:
        return ()
    return (TimeWindow(start_s=stop.earliest_s, end_s=stop.latest_s),)


def _stop(path: Path, row: int, line: str) -> KimStop:
    values = line.split()
    if len(values) != _FIELDS:
        _refuse(path, row, None, line, f"{_FIELDS} columns")
    name, x, y, earliest, latest, service, load, kind = values
    if kind not in (_DEPOT, _REGULAR, _LANDFILL):
        _refuse(path, row, "Stop_Type", kind, "0, 1 or 2")
    service_s = _number(path, row, "Svice_Time", service)
    if service_s != int(service_s):
        _refuse(path, row, "Svice_Time", service, "whole seconds")
    return KimStop(
        id=name,
        x_feet=float(_number(path, row, "X", x, signed=True)),
        y_feet=float(_number(path, row, "Y", y, signed=True)),
        earliest_s=_clock_s(path, row, "Early_St_Time", earliest),
        latest_s=_clock_s(path, row, "Late_St_Time", latest),
        service_s=int(service_s),
        load_yards=_number(path, row, "Load", load),
        kind=kind,
    )


def _clock_s(path: Path, row: int, column: str, text: str) -> int:
    if not text.isdecimal() or int(text) % 100 >= 60 or int(text) > 2_400:
        _refuse(path, row, column, text, "a time HHMM between 0000 and 2400")
    return int(text) // 100 * 3_600 + int(text) % 100 * 60


def _number(path: Path, row: int, column: str, text: str, *, signed: bool = False) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or (value < 0 and not signed):
        _refuse(path, row, column, text, "a number" if signed else "a number of at least 0")
    return value


def _refuse(path: Path, row: int | None, column: str | None, value: str, expected: str) -> NoReturn:
    raise DataError(
        Finding(
            file=path.name,
            row=row,
            column=column,
            value=value,
            message="this is not an instance of Kim et al.",
            expected=expected,
        )
    )


def _whole(amount: Decimal) -> int:
    assert amount == int(amount), "yard_parts makes every amount whole"
    return int(amount)
