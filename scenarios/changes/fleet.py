"""Changes of the fleet and its hours: how many trucks, of which kinds, how large, when, on what energy."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from geodata.streets.rules import ACCESS_CLASSES
from scenarios.changes.case import Battery, ScenarioRefused, listed, named, need

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geodata.city.records import ShiftRecord, VehicleRecord
    from scenarios.changes.case import Case

MOST_VEHICLES: Final = 500
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSize:
    """So many vehicles in all, in the proportions of the city's own classes.

    Each fleet is the smaller one and one vehicle more, so that a curve over fleets compares like with like: the
    classes take turns by the method of Webster and Sainte-Laguë, in which no class ever loses a seat as the house grows
    (M. L. Balinski and H. P. Young, "Fair Representation", 1982).
    """

    kind: ClassVar[str] = "fleet_size"
    clashes: ClassVar[frozenset[str]] = frozenset({"fleet_size", "vehicle_mix"})

    vehicles: int

    def __post_init__(self) -> None:
        need(
            1 <= self.vehicles <= MOST_VEHICLES,
            f"A fleet has 1 to {MOST_VEHICLES} vehicles, not {self.vehicles}.",
            "vehicles",
        )

    def apply(self, case: Case) -> Case:
        """Keep the first vehicles of each class, or add some like them."""
        need(bool(case.city.vehicles), "The city has no vehicle to make a fleet of.")
        own = Counter(vehicle.access_class for vehicle in case.city.vehicles)
        taken: Counter[str] = Counter()
        for _ in range(self.vehicles):
            taken[max(own, key=lambda name: own[name] / (2 * taken[name] + 1))] += 1
        return _with_counts(case, taken)

    @property
    def subject(self) -> str | None:
        """There is one fleet."""
        return None

    @property
    def label(self) -> str:
        """Name it."""
        return f"{self.vehicles} vehicles"


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleMix:
    """So many vehicles of each access class; classes that are not named have none.

    Parameters
    ----------
    counts
        Pairs of an access class and a number.
    """

    kind: ClassVar[str] = "vehicle_mix"
    clashes: ClassVar[frozenset[str]] = frozenset({"fleet_size", "vehicle_mix"})

    counts: Mapping[str, int]

    def __post_init__(self) -> None:
        for name, count in self.counts.items():
            need(
                name in ACCESS_CLASSES,
                f"There is no access class {name!r}; there are {listed(ACCESS_CLASSES)}.",
                "counts",
            )
            need(
                0 <= count <= MOST_VEHICLES,
                f"A fleet has 0 to {MOST_VEHICLES} of a class, not {count} of {name!r}.",
                "counts",
            )
        need(sum(self.counts.values()) > 0, "A mix of vehicles needs at least one vehicle.", "counts")

    def apply(self, case: Case) -> Case:
        """Keep the first vehicles of each class, or add some like them."""
        own = {vehicle.access_class for vehicle in case.city.vehicles}
        for name, count in self.counts.items():
            need(
                count == 0 or name in own,
                f"The city has no {name} to copy; it has {listed(sorted(own))}. Add one to vehicles.csv first.",
                "counts",
            )
        return _with_counts(case, self.counts)

    @property
    def subject(self) -> str | None:
        """There is one fleet."""
        return None

    @property
    def label(self) -> str:
        """Name it."""
        return " + ".join(f"{count} {name}" for name, count in self.counts.items() if count)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityFactor:
    """Bodies and payloads times a factor; ``vehicles`` are ids, none for all."""

    kind: ClassVar[str] = "capacity_factor"
    clashes: ClassVar[frozenset[str]] = frozenset({"capacity_factor"})

    factor: float
    vehicles: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        need(0.1 <= self.factor <= 10, f"A capacity grows by a factor of 0.1 to 10, not {self.factor}.", "factor")  # noqa: PLR2004

    def apply(self, case: Case) -> Case:
        """Make the bodies larger or smaller."""
        meant = named("vehicle", case.city.vehicles, self.vehicles, "vehicles")
        vehicles = [
            replace(
                vehicle,
                capacity_kg=max(1, round(vehicle.capacity_kg * self.factor)),
                capacity_l=max(1, round(vehicle.capacity_l * self.factor)),
            )
            if vehicle.id in meant
            else vehicle
            for vehicle in case.city.vehicles
        ]
        return case.with_fleet(vehicles, case.city.shifts)

    @property
    def subject(self) -> str | None:
        """Some vehicles, or all."""
        return _subject(self.vehicles)

    @property
    def label(self) -> str:
        """Name it."""
        return f"capacity x {self.factor:g}{_of(self.vehicles)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTimes:
    """Shifts that start and end at other times, or last longer; breaks move with the start.

    Parameters
    ----------
    start_s, end_s
        Seconds from midnight; None keeps the shift's own.
    shifts
        Ids; none for all.
    """

    kind: ClassVar[str] = "shift_times"
    clashes: ClassVar[frozenset[str]] = frozenset({"shift_times"})

    start_s: int | None = None
    end_s: int | None = None
    shifts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        need(self.start_s is not None or self.end_s is not None, "Shift times need a start, an end or both.", "start_s")
        for field, value in (("start_s", self.start_s), ("end_s", self.end_s)):
            need(
                value is None or 0 <= value <= 2 * _DAY_S, f"A shift lies between 0 and 48 h, not at {value} s.", field
            )

    def apply(self, case: Case) -> Case:
        """Move the shifts."""
        meant = named("shift", case.city.shifts, self.shifts, "shifts")
        shifts = [self._moved(shift) if shift.id in meant else shift for shift in case.city.shifts]
        return case.with_fleet(case.city.vehicles, shifts)

    def _moved(self, shift: ShiftRecord) -> ShiftRecord:
        start_s = shift.start_s if self.start_s is None else self.start_s
        end_s = shift.end_s if self.end_s is None else self.end_s
        need(
            start_s < end_s,
            f"Shift {shift.id!r} would end at {_clock(end_s)}, not after its start, {_clock(start_s)}.",
            "start_s" if self.end_s is None else "end_s",
        )
        later_s = start_s - shift.start_s
        breaks = tuple(
            replace(rest, earliest_s=max(0, rest.earliest_s + later_s), latest_s=max(0, rest.latest_s + later_s))
            for rest in shift.breaks
        )
        for rest in breaks:
            need(
                rest.earliest_s + rest.duration_s <= end_s,
                f"Shift {shift.id!r} would end at {_clock(end_s)}, before its break from {_clock(rest.earliest_s)} on.",
                "start_s" if self.end_s is None else "end_s",
            )
        return replace(shift, start_s=start_s, end_s=end_s, breaks=breaks)

    @property
    def subject(self) -> str | None:
        """Some shifts, or all."""
        return _subject(self.shifts)

    @property
    def label(self) -> str:
        """Name it."""
        start = "" if self.start_s is None else f" from {_clock(self.start_s)}"
        end = "" if self.end_s is None else f" until {_clock(self.end_s)}"
        return f"shifts{start}{end}{_of(self.shifts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtime:
    """How much overtime is allowed, and what an hour of it costs on top; None keeps the shift's own."""

    kind: ClassVar[str] = "overtime"
    clashes: ClassVar[frozenset[str]] = frozenset({"overtime"})

    max_s: int | None = None
    cost_per_hour: float | None = None
    shifts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        need(
            self.max_s is not None or self.cost_per_hour is not None,
            "Overtime needs an amount, a price or both.",
            "max_s",
        )
        need(
            self.max_s is None or 0 <= self.max_s <= _DAY_S // 2,
            f"Overtime is 0 to 12 hours, not {self.max_s} s.",
            "max_s",
        )
        need(
            self.cost_per_hour is None or 0 <= self.cost_per_hour < math.inf,
            f"An hour of overtime costs at least 0, not {self.cost_per_hour}.",
            "cost_per_hour",
        )

    def apply(self, case: Case) -> Case:
        """Change what shifts allow."""
        meant = named("shift", case.city.shifts, self.shifts, "shifts")
        shifts = [
            replace(
                shift,
                max_overtime_s=shift.max_overtime_s if self.max_s is None else self.max_s,
                overtime_cost_per_hour=(
                    shift.overtime_cost_per_hour if self.cost_per_hour is None else self.cost_per_hour
                ),
            )
            if shift.id in meant
            else shift
            for shift in case.city.shifts
        ]
        return case.with_fleet(case.city.vehicles, shifts)

    @property
    def subject(self) -> str | None:
        """Some shifts, or all."""
        return _subject(self.shifts)

    @property
    def label(self) -> str:
        """Name it."""
        amount = "" if self.max_s is None else f" up to {self.max_s / 3600:g} h"
        price = "" if self.cost_per_hour is None else f" at {self.cost_per_hour:g} an hour"
        return f"overtime{amount}{price}{_of(self.shifts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrify:
    """Vehicles that drive on batteries.

    The range is what the battery gives with half the payload on board, on average: a truck fills up on the way and
    comes home empty. Each route's own draw, with its own loads, is reckoned after planning (``scenarios.kpi``).

    Parameters
    ----------
    battery_kwh, usable
        What the battery holds, and the share of it that may be used.
    kwh_per_km, kwh_per_t_km
        Empty, and on top for each tonne on board.
    charger_kw
        For each vehicle, from the end of its last shift of a day to the start of its next.
    price_per_kwh
        In the city's currency; with ``upkeep_per_km`` it takes the place of the vehicle's cost per km.
    fixed_cost
        A day, in place of the vehicle's own; None keeps it.
    """

    kind: ClassVar[str] = "electrify"
    clashes: ClassVar[frozenset[str]] = frozenset({"electrify"})

    battery_kwh: float
    kwh_per_km: float
    charger_kw: float
    price_per_kwh: float
    usable: float = 0.8
    kwh_per_t_km: float = 0.0
    upkeep_per_km: float = 0.0
    fixed_cost: float | None = None
    vehicles: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("battery_kwh", "kwh_per_km", "charger_kw"):
            value = getattr(self, name)
            need(0 < value < math.inf, f"An electric vehicle needs {name} above 0, not {value}.", name)
        for name in ("price_per_kwh", "kwh_per_t_km", "upkeep_per_km"):
            value = getattr(self, name)
            need(0 <= value < math.inf, f"An electric vehicle needs {name} of at least 0, not {value}.", name)
        fixed = self.fixed_cost
        need(
            fixed is None or 0 <= fixed < math.inf,
            f"An electric vehicle has a fixed cost of at least 0, not {fixed}.",
            "fixed_cost",
        )
        need(
            0 < self.usable <= 1,
            f"The usable share of a battery lies above 0 and up to 1, not at {self.usable}.",
            "usable",
        )

    def apply(self, case: Case) -> Case:
        """Give the vehicles a range, and energy for fuel."""
        meant = named("vehicle", case.city.vehicles, self.vehicles, "vehicles")
        battery = Battery(
            usable_kwh=self.battery_kwh * self.usable, kwh_per_km=self.kwh_per_km, kwh_per_t_km=self.kwh_per_t_km
        )
        for name in meant:
            self._check_charging(name, [shift for shift in case.city.shifts if shift.vehicle == name], battery)
        vehicles = [
            self._electric(vehicle, battery) if vehicle.id in meant else vehicle for vehicle in case.city.vehicles
        ]
        kept = tuple(pair for pair in case.batteries if pair[0] not in meant)
        return replace(
            case.with_fleet(vehicles, case.city.shifts), batteries=(*kept, *((name, battery) for name in meant))
        )

    def _electric(self, vehicle: VehicleRecord, battery: Battery) -> VehicleRecord:
        kwh_per_km = battery.kwh_per_km + battery.kwh_per_t_km * vehicle.capacity_kg / 2 / 1_000
        return replace(
            vehicle,
            energy="electric",
            range_km=battery.usable_kwh / kwh_per_km,
            cost_per_km=kwh_per_km * self.price_per_kwh + self.upkeep_per_km,
            fixed_cost=vehicle.fixed_cost if self.fixed_cost is None else self.fixed_cost,
        )

    def _check_charging(self, vehicle: str, shifts: Iterable[ShiftRecord], battery: Battery) -> None:
        """Refuse a charger that a day leaves too little time for."""
        busy_s = sum(shift.end_s + shift.max_overtime_s - shift.start_s for shift in shifts)
        left_h = max(0, _DAY_S - busy_s) / 3_600
        needed_h = battery.usable_kwh / self.charger_kw
        if needed_h > left_h:
            raise ScenarioRefused(
                f"Vehicle {vehicle!r} stands for {left_h:.1f} h between its shifts, and {self.charger_kw:g} kW take "
                f"{needed_h:.1f} h to fill {battery.usable_kwh:g} kWh; expected a charger of at least "
                f"{battery.usable_kwh / left_h if left_h else math.inf:.0f} kW, a smaller battery or shorter shifts.",
                field="charger_kw",
            )

    @property
    def subject(self) -> str | None:
        """Some vehicles, or all."""
        return _subject(self.vehicles)

    @property
    def label(self) -> str:
        """Name it."""
        return f"electric, {self.battery_kwh:g} kWh{_of(self.vehicles)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedFactor:
    """All vehicles drive at their usual speeds times a factor, as in the wet season."""

    kind: ClassVar[str] = "speed_factor"
    clashes: ClassVar[frozenset[str]] = frozenset({"speed_factor"})

    factor: float

    def __post_init__(self) -> None:
        need(0.1 <= self.factor <= 2, f"Speeds change by a factor of 0.1 to 2, not {self.factor}.", "factor")  # noqa: PLR2004

    def apply(self, case: Case) -> Case:
        """Slow the fleet down."""
        vehicles = [
            replace(vehicle, speed_factor=round(vehicle.speed_factor * self.factor, 9))
            for vehicle in case.city.vehicles
        ]
        return case.with_fleet(vehicles, case.city.shifts)

    @property
    def subject(self) -> str | None:
        """There is one weather."""
        return None

    @property
    def label(self) -> str:
        """Name it."""
        return f"speeds x {self.factor:g}"


def _with_counts(case: Case, counts: Mapping[str, int]) -> Case:
    """Return the case with so many vehicles of each class; further ones are like the class's own in turn."""
    vehicles: list[VehicleRecord] = []
    shifts: list[ShiftRecord] = []
    taken_ids = {vehicle.id for vehicle in case.city.vehicles} | {shift.id for shift in case.city.shifts}
    for access_class in dict.fromkeys(vehicle.access_class for vehicle in case.city.vehicles):
        own = [vehicle for vehicle in case.city.vehicles if vehicle.access_class == access_class]
        for number in range(counts.get(access_class, 0)):
            model = own[number % len(own)]
            theirs = [shift for shift in case.city.shifts if shift.vehicle == model.id]
            if number < len(own):
                vehicles.append(model)
                shifts += theirs
                continue
            suffix = f"+{number // len(own)}"
            need(f"{model.id}{suffix}" not in taken_ids, f"The id {model.id + suffix!r} is taken already.")
            vehicles.append(replace(model, id=f"{model.id}{suffix}"))
            shifts += [replace(shift, id=f"{shift.id}{suffix}", vehicle=f"{model.id}{suffix}") for shift in theirs]
    left = {vehicle.id for vehicle in vehicles}
    for container in case.city.containers:
        need(
            container.locked_vehicle is None or container.locked_vehicle in left,
            f"Container {container.id!r} is locked to vehicle {container.locked_vehicle!r}, which this fleet does not "
            "have.",
        )
    order = {shift.id: number for number, shift in enumerate(case.city.shifts)}
    shifts.sort(key=lambda shift: order.get(shift.id, len(order)))
    return case.with_fleet(vehicles, shifts)


def _subject(names: frozenset[str]) -> str | None:
    return ", ".join(sorted(names)) or None


def _of(names: frozenset[str]) -> str:
    return f" of {', '.join(sorted(names))}" if names else ""


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}"
