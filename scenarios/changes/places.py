"""Changes of places: disposal sites, depots, their hours, and streets that are closed."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - read from files by its name
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import shapely

from geodata.city.geometry import distance_m
from geodata.city.records import DisposalSiteRecord
from geodata.streets.overlays import Overlay
from scenarios.changes.case import ScenarioRefused, listed, named, need

if TYPE_CHECKING:
    from scenarios.changes.case import Case

FARTHEST_M: Final = 100_000
"""A place farther than this from every depot is a mistake, such as swapped coordinates."""
_LAST_S: Final = 2 * 86_400

Windows = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisposalSite:
    """Another landfill, transfer station or plant; fields as in ``disposal_sites.csv``.

    The gate fee of a transfer station includes what hauling from there costs the city.
    """

    kind: ClassVar[str] = "new_disposal_site"
    clashes: ClassVar[frozenset[str]] = frozenset({"new_disposal_site"})

    id: str
    lon: float
    lat: float
    unloading_s: int
    windows: Windows = ()
    streams: frozenset[str] = frozenset()
    gate_fee_per_t: float = 0.0

    def __post_init__(self) -> None:
        need(bool(self.id.strip()), "A new disposal site needs an id.", "id")
        need(self.unloading_s >= 0, f"Unloading takes at least 0 s, not {self.unloading_s}.", "unloading_s")
        need(
            0 <= self.gate_fee_per_t < math.inf,
            f"A gate fee is at least 0, not {self.gate_fee_per_t}.",
            "gate_fee_per_t",
        )
        _check_windows(f"The disposal site {self.id!r}", self.windows)

    def apply(self, case: Case) -> Case:
        """Add it to the city's."""
        city = case.city
        need(
            self.id not in {site.id for site in city.disposal_sites},
            f"There is a disposal site {self.id!r} already.",
            "id",
        )
        _check_near(case, f"The disposal site {self.id!r}", self.lon, self.lat, "lon")
        for stream in sorted(self.streams):
            need(
                stream in city.streams,
                f"There is no stream {stream!r}; the city has {listed(city.streams)}.",
                "streams",
            )
        site = DisposalSiteRecord(
            id=self.id,
            lon=self.lon,
            lat=self.lat,
            windows=self.windows,
            unloading_s=self.unloading_s,
            streams=self.streams,
            gate_fee_per_t=self.gate_fee_per_t,
        )
        return replace(case, city=replace(city, disposal_sites=(*city.disposal_sites, site)))

    @property
    def subject(self) -> str | None:
        """The site."""
        return self.id

    @property
    def label(self) -> str:
        """Name it."""
        return f"with {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDepot:
    """A depot elsewhere."""

    kind: ClassVar[str] = "move_depot"
    clashes: ClassVar[frozenset[str]] = frozenset({"move_depot"})

    depot: str
    lon: float
    lat: float

    def apply(self, case: Case) -> Case:
        """Move it."""
        named("depot", case.city.depots, [self.depot], "depot")
        _check_near(case, f"The depot {self.depot!r}", self.lon, self.lat, "lon")
        depots = tuple(
            replace(depot, lon=self.lon, lat=self.lat) if depot.id == self.depot else depot
            for depot in case.city.depots
        )
        return replace(case, city=replace(case.city, depots=depots))

    @property
    def subject(self) -> str | None:
        """The depot."""
        return self.depot

    @property
    def label(self) -> str:
        """Name it."""
        return f"{self.depot} at {self.lon:.4f}, {self.lat:.4f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisposalHours:
    """Other opening hours of a disposal site: pairs of seconds from midnight; none for always open."""

    kind: ClassVar[str] = "disposal_hours"
    clashes: ClassVar[frozenset[str]] = frozenset({"disposal_hours"})

    site: str
    windows: Windows

    def __post_init__(self) -> None:
        _check_windows(f"The disposal site {self.site!r}", self.windows)

    def apply(self, case: Case) -> Case:
        """Open it at other hours."""
        named("disposal site", case.city.disposal_sites, [self.site], "site")
        sites = tuple(
            replace(site, windows=self.windows) if site.id == self.site else site for site in case.city.disposal_sites
        )
        return replace(case, city=replace(case.city, disposal_sites=sites))

    @property
    def subject(self) -> str | None:
        """The site."""
        return self.site

    @property
    def label(self) -> str:
        """Name it."""
        hours = ", ".join(f"{_clock(start_s)}-{_clock(end_s)}" for start_s, end_s in self.windows) or "always"
        return f"{self.site} open {hours}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Streets that nobody passes: OpenStreetMap's ways, a line drawn along them, or a point beside one.

    Parameters
    ----------
    points
        Longitude and latitude of one or more points.
    first, last
        Days on which it holds; None for no limit.
    """

    kind: ClassVar[str] = "closure"
    clashes: ClassVar[frozenset[str]] = frozenset({"closure"})

    id: str
    ways: frozenset[int] = frozenset()
    points: tuple[tuple[float, float], ...] = ()
    street: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None

    def __post_init__(self) -> None:
        need(bool(self.id.strip()), "A closure needs an id.", "id")
        need(
            bool(self.ways or self.points),
            f"The closure {self.id!r} says no place; expected ways, points or both.",
            "points",
        )
        need(
            self.first is None or self.last is None or self.first <= self.last,
            f"The closure {self.id!r} ends on {self.last}, before it begins on {self.first}.",
            "last",
        )

    def apply(self, case: Case) -> Case:
        """Add it to the changes of the streets."""
        need(
            self.id not in {overlay.id for overlay in case.city.overlays},
            f"There is a change {self.id!r} of the streets already.",
            "id",
        )
        for lon, lat in self.points:
            _check_near(case, f"The closure {self.id!r}", lon, lat, "points")
        geometry = None
        if len(self.points) == 1:
            geometry = shapely.Point(self.points[0])
        elif self.points:
            geometry = shapely.LineString(self.points)
        try:
            overlay = Overlay(
                id=self.id,
                kind="closure",
                source="a scenario",
                geometry=geometry,
                ways=self.ways,
                street=self.street,
                valid_from=self.first,
                expires=self.last,
                file="scenario",
                place=self.id,
            )
        except ValueError as error:
            raise ScenarioRefused(str(error), field="points") from error
        return replace(case, city=replace(case.city, overlays=(*case.city.overlays, overlay)))

    @property
    def subject(self) -> str | None:
        """The closure."""
        return self.id

    @property
    def label(self) -> str:
        """Name it."""
        return f"{self.street or self.id} closed"


def _check_near(case: Case, owner: str, lon: float, lat: float, field: str) -> None:
    on_earth = -180 <= lon <= 180 and -90 <= lat <= 90  # noqa: PLR2004
    need(on_earth, f"{owner} stands at ({lon}, {lat}), which is no place on earth.", field)
    away_m = min((distance_m(lon, lat, depot.lon, depot.lat) for depot in case.city.depots), default=0.0)
    need(
        away_m <= FARTHEST_M,
        f"{owner} stands at longitude {lon:g}, latitude {lat:g}, {away_m / 1_000:,.0f} km from the nearest depot; "
        "expected a place near the city, the longitude first.",
        field,
    )


def _check_windows(owner: str, windows: Windows) -> None:
    for start_s, end_s in windows:
        need(
            0 <= start_s < end_s <= _LAST_S,
            f"{owner} cannot be open from {_clock(start_s)} until {_clock(end_s)}; expected hours such as 06:00-16:00.",
            "windows",
        )


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}"
