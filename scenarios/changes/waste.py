"""Changes of what is thrown away and of when it is collected: schedules, policies, growth, feasts, separate streams."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - read from files by its name
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, get_args

import shapely

from scenarios.changes.case import Feast, listed, named, need
from scenarios.choose import Kind

if TYPE_CHECKING:
    from geodata.city.dataset import CityDataset
    from geodata.city.records import Container, Zone
    from scenarios.changes.case import Case

TWIN: Final = "::"
"""Between the id of a container or zone and the stream that was split from it."""
_DAYS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """Collection on other weekdays, or so many times a week.

    Times a week are spread evenly over the days on which somebody works; containers begin on different ones, in the
    order in which the city lists them, so that the days stay about equal.

    Parameters
    ----------
    weekdays
        0 (Monday) to 6; or
    per_week
        1 to 7.
    stream
        Containers and zones of one stream; None for all.
    zones
        Those that lie in zones; none for all.
    """

    kind: ClassVar[str] = "frequency"
    clashes: ClassVar[frozenset[str]] = frozenset({"frequency"})

    weekdays: frozenset[int] = frozenset()
    per_week: int | None = None
    stream: str | None = None
    zones: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        need(
            bool(self.weekdays) != (self.per_week is not None),
            "A frequency needs weekdays or times a week.",
            "weekdays",
        )
        need(all(0 <= day < _DAYS for day in self.weekdays), "Weekdays are 0 (Monday) to 6 (Sunday).", "weekdays")
        need(
            self.per_week is None or 1 <= self.per_week <= _DAYS,
            f"A week has 1 to 7 times, not {self.per_week}.",
            "per_week",
        )

    def apply(self, case: Case) -> Case:
        """Write the schedules anew."""
        city = case.city
        working = sorted({day for shift in city.shifts for day in (shift.weekdays or range(_DAYS))})
        need(
            self.per_week is None or self.per_week <= len(working),
            f"There are shifts on {len(working)} days of the week, too few to collect {self.per_week} times.",
            "per_week",
        )
        need(
            self.weekdays <= set(working),
            f"Nobody works on weekday {min(self.weekdays - set(working), default=0)}; shifts.csv has {working}.",
            "weekdays",
        )
        meant = _containers_in(city, self.stream, self.zones)
        containers = tuple(
            replace(one, schedule=self._days(working, number)) if one.id in meant else one
            for number, one in enumerate(city.containers)
        )
        zones = tuple(
            replace(zone, schedule=self._days(working, number)) if _is_meant(zone, self.stream, self.zones) else zone
            for number, zone in enumerate(city.zones)
        )
        return replace(case, city=replace(city, containers=containers, zones=zones))

    def _days(self, working: list[int], number: int) -> frozenset[int]:
        if self.per_week is None:
            return self.weekdays
        n = len(working)
        return frozenset(working[(number + turn * n // self.per_week) % n] for turn in range(self.per_week))

    @property
    def subject(self) -> str | None:
        """A stream, some zones, or everything."""
        return _subject(self.stream, self.zones)

    @property
    def label(self) -> str:
        """Name it."""
        names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        days = "+".join(names[day] for day in sorted(self.weekdays)) or f"{self.per_week} x a week"
        return f"collected {days}{_of(self.stream, self.zones)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How it is decided what to collect on a day: by the schedule, by a threshold or by forecasts."""

    kind: ClassVar[str] = "policy"
    clashes: ClassVar[frozenset[str]] = frozenset({"policy"})

    policy: Kind

    def __post_init__(self) -> None:
        need(
            self.policy in get_args(Kind),
            f"There is no policy {self.policy!r}; there are {listed(get_args(Kind))}.",
            "policy",
        )

    def apply(self, case: Case) -> Case:
        """Choose by it."""
        return replace(case, policy=self.policy)

    @property
    def subject(self) -> str | None:
        """There is one policy."""
        return None

    @property
    def label(self) -> str:
        """Name it."""
        return f"by {self.policy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorCoverage:
    """The share of containers that tell how full they are; which ones is drawn, fewer being some of more."""

    kind: ClassVar[str] = "sensor_coverage"
    clashes: ClassVar[frozenset[str]] = frozenset({"sensor_coverage"})

    share: float

    def __post_init__(self) -> None:
        need(0 <= self.share <= 1, f"A share lies between 0 and 1, not at {self.share}.", "share")

    def apply(self, case: Case) -> Case:
        """Listen to so many containers."""
        return replace(case, sensors=self.share)

    @property
    def subject(self) -> str | None:
        """There is one network of sensors."""
        return None

    @property
    def label(self) -> str:
        """Name it."""
        return f"sensors on {self.share:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteGrowth:
    """What is thrown away, times a factor, for good; containers stay as they are."""

    kind: ClassVar[str] = "waste_growth"
    clashes: ClassVar[frozenset[str]] = frozenset({"waste_growth"})

    factor: float
    stream: str | None = None
    zones: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        need(0 < self.factor <= 10, f"Waste grows by a factor above 0 and up to 10, not {self.factor}.", "factor")  # noqa: PLR2004

    def apply(self, case: Case) -> Case:
        """Multiply rates, fills and zones' figures."""
        city = case.city
        meant = _containers_in(city, self.stream, self.zones)
        containers = tuple(
            _with_waste(one, self.factor, city.default_fill) if one.id in meant else one for one in city.containers
        )
        zones = tuple(
            replace(zone, kg_per_person_day=zone.kg_per_person_day * self.factor)
            if _is_meant(zone, self.stream, self.zones)
            else zone
            for zone in city.zones
        )
        return replace(case, city=replace(city, containers=containers, zones=zones))

    @property
    def subject(self) -> str | None:
        """A stream, some zones, or everything."""
        return _subject(self.stream, self.zones)

    @property
    def label(self) -> str:
        """Name it."""
        return f"waste x {self.factor:g}{_of(self.stream, self.zones)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSplit:
    """A stream collected separately from now on: a second container beside each, with some of its waste.

    Parameters
    ----------
    source, stream
        From which stream, and into which.
    share
        Of the source's weight, what people really put into the new containers.
    volume
        Of the new containers, as a share of the old ones' litres.
    weekdays
        When they are collected; none for when the old ones are.
    """

    kind: ClassVar[str] = "stream_split"
    clashes: ClassVar[frozenset[str]] = frozenset({"stream_split"})

    share: float
    source: str = "residual"
    stream: str = "organic"
    volume: float = 0.5
    weekdays: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        need(0 < self.share < 1, f"A share of the waste lies between 0 and 1, not at {self.share}.", "share")
        need(
            0 < self.volume <= 2,  # noqa: PLR2004
            f"New containers have up to twice the old ones' volume, not {self.volume} of it.",
            "volume",
        )
        need(self.source != self.stream, f"The stream {self.stream!r} cannot be split from itself.", "stream")
        need(all(0 <= day < _DAYS for day in self.weekdays), "Weekdays are 0 (Monday) to 6 (Sunday).", "weekdays")

    def apply(self, case: Case) -> Case:
        """Put the second containers beside the first, and make zones of two streams."""
        city = case.city
        for field, stream in (("source", self.source), ("stream", self.stream)):
            need(stream in city.streams, f"There is no stream {stream!r}; the city has {listed(city.streams)}.", field)
        sources = [one for one in city.containers if one.stream == self.source]
        need(
            bool(sources) or any(zone.stream == self.source for zone in city.zones),
            f"No container and no zone has the stream {self.source!r}, so nothing can be split from it.",
            "source",
        )
        need(
            any(not vehicle.streams or self.stream in vehicle.streams for vehicle in city.vehicles),
            f"No vehicle carries {self.stream!r}; expected it among the streams of one in vehicles.csv.",
            "stream",
        )
        need(
            any(not site.streams or self.stream in site.streams for site in city.disposal_sites),
            f"No disposal site accepts {self.stream!r}; add one first.",
            "stream",
        )
        containers = [two for one in city.containers for two in self._split(city, one)]
        ids = {one.id for one in containers}
        need(
            len(ids) == len(containers),
            f"The ids of the new containers, such as {sources[0].id}{TWIN}{self.stream}, are taken.",
        )
        zones = tuple(two for zone in city.zones for two in self._split_zone(zone))
        return replace(case, city=replace(city, containers=tuple(containers), zones=zones))

    def _split(self, city: CityDataset, one: Container) -> list[Container]:
        if one.stream != self.source:
            return [one]
        volume_l = max(1, round(one.volume_l * self.volume))
        lighter = city.density_kg_per_l(self.source) / city.density_kg_per_l(self.stream)
        rate_l = usual_litres(one, city.default_fill)
        old = _with_waste(one, 1 - self.share, city.default_fill)
        # They stand together, so that a truck which takes both halts once.
        stop = one.stop_id or one.id
        new = replace(
            one,
            id=f"{one.id}{TWIN}{self.stream}",
            stream=self.stream,
            volume_l=volume_l,
            fill=None,
            fill_rate_l_per_day=rate_l * self.share * lighter,
            schedule=self.weekdays or one.schedule,
            sensor_id=None,
            locked_vehicle=None,
            stop_id=stop,
        )
        return [replace(old, stop_id=stop), new]

    def _split_zone(self, zone: Zone) -> list[Zone]:
        if zone.stream != self.source:
            return [zone]
        return [
            replace(zone, kg_per_person_day=zone.kg_per_person_day * (1 - self.share)),
            replace(
                zone,
                id=f"{zone.id}{TWIN}{self.stream}",
                name=f"{zone.name} ({self.stream})",
                stream=self.stream,
                kg_per_person_day=zone.kg_per_person_day * self.share,
                schedule=self.weekdays or zone.schedule,
            ),
        ]

    @property
    def subject(self) -> str | None:
        """From which stream into which."""
        return f"{self.source} to {self.stream}"

    @property
    def label(self) -> str:
        """Name it."""
        return f"{self.stream} apart ({self.share:.0%} of {self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Festival:
    """Days on which more is thrown away, such as Khmer New Year; the last one included."""

    kind: ClassVar[str] = "festival"
    clashes: ClassVar[frozenset[str]] = frozenset({"festival"})

    first: dt.date
    last: dt.date
    factor: float
    zones: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        need(self.first <= self.last, f"The festival ends on {self.last}, before it begins on {self.first}.", "last")
        need(0 < self.factor <= 10, f"A festival's factor lies above 0 and up to 10, not at {self.factor}.", "factor")  # noqa: PLR2004

    def apply(self, case: Case) -> Case:
        """Add the days."""
        named("zone", case.city.zones, self.zones, "zones")
        feast = Feast(first=self.first, last=self.last, factor=self.factor, zones=self.zones)
        return replace(case, feasts=(*case.feasts, feast))

    @property
    def subject(self) -> str | None:
        """Its days: two festivals may follow each other."""
        return f"{self.first} to {self.last}"

    @property
    def label(self) -> str:
        """Name it."""
        return f"festival {self.first} to {self.last}, waste x {self.factor:g}"


def usual_litres(container: Container, default_fill: float) -> float:
    """Return what is thrown into a container on a usual day, by the city's own figures.

    A fill without a rate is taken to be what a usual time between two collections brings.
    """
    if container.fill_rate_l_per_day is not None:
        return container.fill_rate_l_per_day
    fill = default_fill if container.fill is None else container.fill
    visits = _DAYS if container.schedule is None else len(container.schedule)
    return fill * container.volume_l * visits / _DAYS


def zones_of(city: CityDataset) -> dict[str, str]:
    """Return the id of the first zone that each container stands in; containers outside all zones are left out."""
    if not city.zones or not city.containers:
        return {}
    points = shapely.points([(one.lon, one.lat) for one in city.containers])
    zone_of: dict[str, str] = {}
    for zone in city.zones:
        for one, inside in zip(city.containers, shapely.covers(zone.polygon, points).tolist(), strict=True):
            if inside:
                zone_of.setdefault(one.id, zone.id)
    return zone_of


def _with_waste(container: Container, factor: float, default_fill: float) -> Container:
    rate_l = usual_litres(container, default_fill) * factor
    fill = None if container.fill is None else min(1.0, container.fill * factor)
    return replace(container, fill_rate_l_per_day=rate_l, fill=fill)


def _containers_in(city: CityDataset, stream: str | None, zones: frozenset[str]) -> set[str]:
    need(
        stream is None or stream in city.streams,
        f"There is no stream {stream!r}; the city has {listed(city.streams)}.",
        "stream",
    )
    named("zone", city.zones, zones, "zones")
    zone_of = zones_of(city) if zones else {}
    return {
        one.id
        for one in city.containers
        if stream in (None, one.stream) and (not zones or zone_of.get(one.id) in zones)
    }


def _is_meant(zone: Zone, stream: str | None, zones: frozenset[str]) -> bool:
    return stream in (None, zone.stream) and (not zones or zone.id in zones)


def _subject(stream: str | None, zones: frozenset[str]) -> str | None:
    return "; ".join([*([stream] if stream else []), *sorted(zones)]) or None


def _of(stream: str | None, zones: frozenset[str]) -> str:
    return (f" of {stream}" if stream else "") + (f" in {', '.join(sorted(zones))}" if zones else "")
