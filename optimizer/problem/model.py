"""The vocabulary of a day of waste collection: frozen, in integers, checked once at construction.

Units are in the names. Times are seconds from the local midnight of the service day and may pass 86,400.
Money is millionths (``_micro``) of the city's currency. Litres are loose, as they lie in the bin.
``node`` and ``kerb`` are indices into the problem's travel matrix and locations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from optimizer.problem.errors import InvalidProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optimizer.problem.matrix import TravelTimes

PERMILLE: Final = 1_000

MAY_LACK: Final = {"may_lack": True}
"""Marks fields that documents leave out where they have their default: they came after the format's first version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A point on the earth, WGS 84 degrees."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):  # noqa: PLR2004 - degrees
            raise InvalidProblem(f"({self.lon}, {self.lat}) is no longitude and latitude.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """Both ends belong to it; constrains the start of a service or an unloading."""

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        _whole("time window", start_s=self.start_s, end_s=self.end_s)
        if self.end_s < self.start_s:
            raise InvalidProblem(f"A time window ends at {self.end_s} s, before it starts at {self.start_s} s.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Depot:
    """Where routes begin and end."""

    id: str
    node: int

    def __post_init__(self) -> None:
        _named("Depot", self.id)
        _whole(f"Depot {self.id!r}", node=self.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisposalSite:
    """A landfill, transfer station or recycling plant.

    Parameters
    ----------
    windows
        Opening hours: an unloading must start inside one of them. Empty means always open.
    streams
        Streams it accepts; None means all.
    fee_micro_per_kg
        Gate fee.
    arrivals_per_hour
        Trucks that it can take in a clock hour; more cost ``Terms.queue_micro`` each. None is any number.
    """

    id: str
    node: int
    unloading_s: int
    windows: tuple[TimeWindow, ...] = ()
    streams: frozenset[str] | None = None
    fee_micro_per_kg: int = 0
    arrivals_per_hour: int | None = field(default=None, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        owner = f"Disposal site {self.id!r}"
        _named("Disposal site", self.id)
        _whole(owner, node=self.node, unloading_s=self.unloading_s, fee_micro_per_kg=self.fee_micro_per_kg)
        if self.arrivals_per_hour is not None:
            _whole(owner, arrivals_per_hour=self.arrivals_per_hour)
        _apart(owner, self.windows)

    def accepts(self, stream: str) -> bool:
        """Whether waste of this stream may be unloaded here."""
        return self.streams is None or stream in self.streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A truck, three-wheeler or handcart.

    Parameters
    ----------
    profile
        Its rows of the travel matrix.
    access_class
        Compared with the visits' ``access``.
    body_l, compaction_permille
        Volume of the body and how much it compacts (3,000 = to a third); together ``capacity_l``.
    streams
        Streams it may carry; None means all.
    mixed_streams
        Whether one trip may carry several streams.
    lift_s
        Time to empty one container, beside the visit's own ``service_s``.
    range_m
        The longest day it can drive (electric), None without a limit.
    micro_per_t_km
        For each tonne on board and kilometre, on top of ``micro_per_m``: the fuel that the load takes.
    zones
        Where its driver is at home; a visit of another zone costs ``Terms.outside_zones_micro``. None is everywhere.
    """

    id: str
    depot: str
    profile: str
    access_class: str
    capacity_kg: int
    body_l: int
    compaction_permille: int = PERMILLE
    streams: frozenset[str] | None = None
    mixed_streams: bool = False
    lift_s: int = 0
    range_m: int | None = None
    fixed_micro: int = 0
    micro_per_s: int = 0
    micro_per_m: int = 0
    micro_per_t_km: int = field(default=0, metadata=MAY_LACK)
    zones: frozenset[str] | None = field(default=None, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        owner = f"Vehicle {self.id!r}"
        _named("Vehicle", self.id)
        _whole(owner, 1, capacity_kg=self.capacity_kg, body_l=self.body_l)
        _whole(owner, PERMILLE, compaction_permille=self.compaction_permille)
        _whole(
            owner,
            lift_s=self.lift_s,
            fixed_micro=self.fixed_micro,
            micro_per_s=self.micro_per_s,
            micro_per_m=self.micro_per_m,
            micro_per_t_km=self.micro_per_t_km,
        )
        if self.range_m is not None:
            _whole(owner, 1, range_m=self.range_m)

    @property
    def capacity_l(self) -> int:
        """Loose litres that fit into the body once compacted."""
        return self.body_l * self.compaction_permille // PERMILLE

    def carries(self, stream: str) -> bool:
        """Whether it may carry waste of this stream."""
        return self.streams is None or stream in self.streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A pause of the crew that starts inside [earliest_s, latest_s].

    It may interrupt a drive, never a service. It is owed unless the route is back by ``earliest_s`` or departs after
    ``latest_s``.
    """

    duration_s: int
    earliest_s: int
    latest_s: int

    def __post_init__(self) -> None:
        _whole("Break", 1, duration_s=self.duration_s)
        _whole("Break", earliest_s=self.earliest_s, latest_s=self.latest_s)
        if self.latest_s < self.earliest_s:
            raise InvalidProblem(
                f"A break must start by {self.latest_s} s, before its earliest start {self.earliest_s} s."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a truck is when its shift's plan begins, what it carries and has done, if not empty at its depot.

    Parameters
    ----------
    node
        Where it stands at the shift's ``start_s``.
    stop
        The stop where it halts, whose set-up time is behind it; None away from stops.
    load_kg, load_l, streams
        On board; it is unloaded before the truck comes home.
    driven_m, stops, collected_kg
        Count against the vehicle's range and the shift's limits of the day.
    worked_s
        Of the crew so far; counts for the balance of hours.
    out
        The crew is at work: its time is paid from the shift's start on, the truck must come home even with nothing left
        to do, and its fixed cost is sunk. Otherwise it departs when that is best, or stays where it is at no cost.
    """

    node: int
    stop: str | None = None
    load_kg: int = 0
    load_l: int = 0
    streams: frozenset[str] = frozenset()
    driven_m: int = 0
    stops: int = 0
    collected_kg: int = 0
    worked_s: int = 0
    out: bool = True

    def __post_init__(self) -> None:
        _whole(
            "Status",
            node=self.node,
            load_kg=self.load_kg,
            load_l=self.load_l,
            driven_m=self.driven_m,
            stops=self.stops,
            collected_kg=self.collected_kg,
            worked_s=self.worked_s,
        )
        if bool(self.load_kg or self.load_l) != bool(self.streams):
            raise InvalidProblem(
                f"A truck's status has {self.load_kg} kg and {self.load_l} l on board of the streams "
                f"{sorted(self.streams)}; a load has a stream, and no load has none."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A vehicle with its crew on the service day.

    Parameters
    ----------
    start_s, end_s
        The truck departs no earlier and is back by ``end_s``, or by ``max_overtime_s`` later at a price.
    breaks
        Those still to take.
    overtime_micro_per_s
        On top of the vehicle's hourly cost.
    max_stops
        Stops a day; visits in a row at one stop count once.
    max_daily_kg
        All that it may collect in the day, over all trips.
    status
        How it begins; None is empty at the vehicle's depot.
    """

    id: str
    vehicle: str
    start_s: int
    end_s: int
    breaks: tuple[Break, ...] = ()
    max_overtime_s: int = 0
    overtime_micro_per_s: int = 0
    max_stops: int | None = None
    max_daily_kg: int | None = None
    status: Status | None = field(default=None, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        owner = f"Shift {self.id!r}"
        _named("Shift", self.id)
        _whole(
            owner,
            start_s=self.start_s,
            end_s=self.end_s,
            max_overtime_s=self.max_overtime_s,
            overtime_micro_per_s=self.overtime_micro_per_s,
        )
        if self.end_s <= self.start_s:
            raise InvalidProblem(f"{owner} ends at {self.end_s} s, not after its start at {self.start_s} s.")
        if self.max_stops is not None:
            _whole(owner, max_stops=self.max_stops)
        if self.max_daily_kg is not None:
            _whole(owner, max_daily_kg=self.max_daily_kg)
        for earlier, later in pairwise(self.breaks):
            if later.earliest_s < earlier.earliest_s + earlier.duration_s or later.latest_s < earlier.latest_s:
                raise InvalidProblem(f"{owner} has breaks that overlap or are out of order.")

    @property
    def latest_return_s(self) -> int:
        """The end of the last second of overtime."""
        return self.end_s + self.max_overtime_s

    @property
    def out(self) -> bool:
        """Whether its crew is at work when the plan begins."""
        return self.status is not None and self.status.out


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One service at a stop, of containers of one stream.

    Parameters
    ----------
    stop
        The place at the kerb where the truck halts; several visits may share it.
    kerb
        Travel matrix indices that it may be served from: one, or one for each side of the street.
        Empty when no street reaches it.
    service_s, lifts
        The service takes ``service_s`` plus ``lifts`` times the vehicle's ``lift_s``.
    setup_s
        Before service, paid once while a truck stays at the same stop.
    windows
        Start of service; empty means any time.
    access
        Access classes that may come here; None means all.
    prize_micro
        What it is worth (optional); None means required.
    vehicle
        The vehicle it is locked to, if any.
    containers
        The containers emptied, for the crew and the records.
    planned
        The shift that serves it in the plan to stay close to; another one costs ``Terms.moved_micro``. None where there
        is none.
    zone
        Where it lies, if that matters to the drivers.
    """

    id: str
    stop: str
    kerb: tuple[int, ...]
    stream: str
    demand_kg: int
    demand_l: int
    service_s: int
    setup_s: int = 0
    lifts: int = 0
    windows: tuple[TimeWindow, ...] = ()
    access: frozenset[str] | None = None
    prize_micro: int | None = None
    vehicle: str | None = None
    containers: tuple[str, ...] = ()
    planned: str | None = field(default=None, metadata=MAY_LACK)
    zone: str | None = field(default=None, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        owner = f"Visit {self.id!r}"
        _named("Visit", self.id)
        _named(f"{owner}: its stop", self.stop)
        _named(f"{owner}: its stream", self.stream)
        _whole(
            owner,
            demand_kg=self.demand_kg,
            demand_l=self.demand_l,
            service_s=self.service_s,
            setup_s=self.setup_s,
            lifts=self.lifts,
        )
        for node in self.kerb:
            _whole(owner, kerb=node)
        if len(set(self.kerb)) != len(self.kerb):
            raise InvalidProblem(f"{owner} lists a kerb state twice.")
        if self.prize_micro is not None:
            _whole(owner, prize_micro=self.prize_micro)
        _apart(owner, self.windows)

    @property
    def required(self) -> bool:
        """Whether it must be served (it has no prize)."""
        return self.prize_micro is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Prices of what a city may wish for beside low expenses; each is 0, and its term of the cost off, by default.

    Parameters
    ----------
    moved_micro
        For each visit served by another shift than ``Visit.planned``.
    outside_zones_micro
        For each visit served by a vehicle that is not at home in its zone.
    balance_micro_per_h2
        For each route, times the square of its crew's hours: an hour more costs a crew with many more than one with
        few. A sum of squares never rewards driving more than needed, as ranges and deviations of hours do
        (P. Matl, R. F. Hartl and T. Vidal, "Workload equity in vehicle routing problems: a survey and analysis",
        Transportation Science 52 (2018) 239-260).
    compactness_micro_per_km2
        For each trip, times the squared distances of its visits from their centre, added up: the moment of inertia
        (S. W. Hess et al., "Nonpartisan political redistricting by computer", Operations Research 13 (1965) 998-1006).
    queue_micro
        For each truck that reaches a disposal site beyond its ``arrivals_per_hour``.
    """

    moved_micro: int = field(default=0, metadata=MAY_LACK)
    outside_zones_micro: int = field(default=0, metadata=MAY_LACK)
    balance_micro_per_h2: int = field(default=0, metadata=MAY_LACK)
    compactness_micro_per_km2: int = field(default=0, metadata=MAY_LACK)
    queue_micro: int = field(default=0, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        _whole("Terms", **{term.name: getattr(self, term.name) for term in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One day: what there is to visit, and with what.

    Parameters
    ----------
    locations
        One for each index of the travel matrix.
    required_micro
        What leaving a required visit out costs; None means more than any route can cost (``judge/cost.py``).
    currency
        ISO 4217 code of every ``_micro``.
    service_date
        ISO 8601 date, for the records; None for a day outside the calendar.

    Raises
    ------
    InvalidProblem
        If an id is double or unknown, an index is outside the matrix, a profile is missing from it, or two shifts of
        one vehicle overlap.
    """

    matrix: TravelTimes
    locations: tuple[Location, ...]
    depots: tuple[Depot, ...]
    disposal_sites: tuple[DisposalSite, ...]
    vehicles: tuple[Vehicle, ...]
    shifts: tuple[Shift, ...]
    visits: tuple[Visit, ...]
    required_micro: int | None = None
    currency: str = "USD"
    service_date: str | None = None
    terms: Terms = field(default_factory=Terms)
    depot_by_id: Mapping[str, Depot] = field(init=False, repr=False, compare=False)
    site_by_id: Mapping[str, DisposalSite] = field(init=False, repr=False, compare=False)
    vehicle_by_id: Mapping[str, Vehicle] = field(init=False, repr=False, compare=False)
    shift_by_id: Mapping[str, Shift] = field(init=False, repr=False, compare=False)
    visit_by_id: Mapping[str, Visit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.required_micro is not None:
            _whole("Problem", required_micro=self.required_micro)
        object.__setattr__(self, "depot_by_id", _by_id("Depot", self.depots))
        object.__setattr__(self, "site_by_id", _by_id("Disposal site", self.disposal_sites))
        object.__setattr__(self, "vehicle_by_id", _by_id("Vehicle", self.vehicles))
        object.__setattr__(self, "shift_by_id", _by_id("Shift", self.shifts))
        object.__setattr__(self, "visit_by_id", _by_id("Visit", self.visits))
        if len(self.locations) != self.matrix.n:
            raise InvalidProblem(f"There are {len(self.locations)} locations for a travel matrix of {self.matrix.n}.")
        self._check_nodes()
        for vehicle in self.vehicles:
            if vehicle.depot not in self.depot_by_id:
                raise InvalidProblem(f"Vehicle {vehicle.id!r} starts at depot {vehicle.depot!r}, which does not exist.")
            if vehicle.profile not in self.matrix.profiles:
                raise InvalidProblem(
                    f"Vehicle {vehicle.id!r} has profile {vehicle.profile!r}, absent from the travel matrix."
                )
        self._check_shifts()
        for visit in self.visits:
            if visit.vehicle is not None and visit.vehicle not in self.vehicle_by_id:
                raise InvalidProblem(
                    f"Visit {visit.id!r} is locked to vehicle {visit.vehicle!r}, which does not exist."
                )
            if visit.planned is not None and visit.planned not in self.shift_by_id:
                raise InvalidProblem(
                    f"Visit {visit.id!r} is planned for shift {visit.planned!r}, which does not exist."
                )

    def _check_nodes(self) -> None:
        nodes = [(f"Depot {depot.id!r}", depot.node) for depot in self.depots]
        nodes += [(f"Disposal site {site.id!r}", site.node) for site in self.disposal_sites]
        nodes += [(f"Visit {visit.id!r}", node) for visit in self.visits for node in visit.kerb]
        nodes += [(f"Shift {shift.id!r}", shift.status.node) for shift in self.shifts if shift.status is not None]
        for owner, node in nodes:
            if node >= self.matrix.n:
                raise InvalidProblem(f"{owner} stands at index {node}, outside the travel matrix of {self.matrix.n}.")

    def _check_shifts(self) -> None:
        for shift in self.shifts:
            if shift.vehicle not in self.vehicle_by_id:
                raise InvalidProblem(f"Shift {shift.id!r} is of vehicle {shift.vehicle!r}, which does not exist.")
        for earlier, later in pairwise(sorted(self.shifts, key=lambda shift: (shift.vehicle, shift.start_s))):
            if earlier.vehicle == later.vehicle and later.start_s < earlier.latest_return_s:
                raise InvalidProblem(
                    f"Shifts {earlier.id!r} and {later.id!r} of vehicle {earlier.vehicle!r} overlap "
                    "(overtime included); one truck cannot do both."
                )

    def vehicle_of(self, shift: Shift) -> Vehicle:
        """Return the vehicle that works this shift."""
        return self.vehicle_by_id[shift.vehicle]

    def begin_node(self, shift: Shift) -> int:
        """Return where the truck of this shift is when it begins."""
        if shift.status is not None:
            return shift.status.node
        return self.depot_by_id[self.vehicle_of(shift).depot].node


class _WithId(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_WithId)


def _by_id(kind: str, things: Iterable[_T]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for thing in things:
        if thing.id in found:
            raise InvalidProblem(f"{kind} {thing.id!r} appears twice.")
        found[thing.id] = thing
    return found


def _named(kind: str, name: str) -> None:
    if not name.strip():
        raise InvalidProblem(f"{kind} must not be empty.")


def _whole(owner: str, minimum: int = 0, **values: int) -> None:
    for name, value in values.items():
        if type(value) is not int:
            raise InvalidProblem(f"{owner}: {name} must be a whole number, not {value!r}.")
        if value < minimum:
            raise InvalidProblem(f"{owner}: {name} must be at least {minimum}, not {value}.")


def _apart(owner: str, windows: tuple[TimeWindow, ...]) -> None:
    for earlier, later in pairwise(windows):
        if later.start_s <= earlier.end_s:
            raise InvalidProblem(f"{owner} has time windows that overlap or are out of order.")
