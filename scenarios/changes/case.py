"""What changes are made to: a city's records and a study's assumptions; and what every change can do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from geodata.city.dataset import CityDataset
    from geodata.city.records import ShiftRecord, VehicleRecord
    from scenarios.choose import Kind


class ScenarioRefused(ValueError):
    """A change that cannot be made, or two that contradict each other; the text is a sentence for whoever asked.

    Parameters
    ----------
    field
        The field of the change or scenario that is at fault, where it is one.
    change
        The position of the change in its scenario, where it is known.
    """

    def __init__(self, sentence: str, *, field: str | None = None, change: int | None = None) -> None:
        super().__init__(sentence)
        self.field, self.change = field, change


@dataclass(frozen=True, slots=True, kw_only=True)
class Feast:
    """Days on which more is thrown away, the last one included."""

    first: dt.date
    last: dt.date
    factor: float
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """What an electric vehicle draws; ``usable_kwh`` is what a full battery gives before it must be charged."""

    usable_kwh: float
    kwh_per_km: float
    kwh_per_t_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A city and what is assumed beside its files: all that a change may change.

    Parameters
    ----------
    policy
        How it is decided what to collect: ``schedule`` is the city's own.
    sensors
        The share of containers with a sensor, for policies that listen to them.
    feasts
        When more is thrown away.
    batteries
        By vehicle, where a change has made it electric.
    """

    city: CityDataset
    policy: Kind = "schedule"
    sensors: float = 1.0
    feasts: tuple[Feast, ...] = ()
    batteries: tuple[tuple[str, Battery], ...] = field(default=())

    def with_fleet(self, vehicles: Iterable[VehicleRecord], shifts: Iterable[ShiftRecord]) -> Case:
        """Return the case with another fleet."""
        return replace(self, city=replace(self.city, vehicles=tuple(vehicles), shifts=tuple(shifts)))


class Change(Protocol):
    """One difference between a scenario and the city as it is."""

    kind: ClassVar[str]
    """Its name in files."""
    clashes: ClassVar[frozenset[str]]
    """Kinds that settle the same thing: a scenario has one of them, or one twice where their subjects differ."""

    def apply(self, case: Case) -> Case:
        """Return the case with the change made.

        Raises
        ------
        ScenarioRefused
            If it cannot be made to this case.
        """

    @property
    def subject(self) -> str | None:
        """Return what it is about, such as a vehicle's id: changes about different things do not contradict."""

    @property
    def label(self) -> str:
        """Return a few words for tables."""


class _WithId(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_WithId)


def named(kind: str, things: Iterable[_T], wanted: Iterable[str], field: str | None = None) -> dict[str, _T]:
    """Return the things asked for by id, by a field of a change; all of them where none is.

    Raises
    ------
    ScenarioRefused
        If the city has none of this id.
    """
    known = {thing.id: thing for thing in things}
    for name in wanted:
        if name not in known:
            raise ScenarioRefused(f"There is no {kind} {name!r}; the city has {listed(known)}.", field=field)
    chosen = set(wanted)
    return {name: thing for name, thing in known.items() if not chosen or name in chosen}


def need(condition: bool, sentence: str, field: str | None = None) -> None:  # noqa: FBT001 - "need this, or say that"
    """Refuse a change unless the condition holds; say which field is at fault, where it is one."""
    if not condition:
        raise ScenarioRefused(sentence, field=field)


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence, a dozen at most."""
    known = list(names)
    shown = ", ".join(repr(name) for name in known[:12])
    return shown + (f" and {len(known) - 12} more" if len(known) > 12 else "") if known else "none"  # noqa: PLR2004
