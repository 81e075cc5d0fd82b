"""A contractor's work held against what was promised: done, late, missed, and disputed with the evidence.

A visit was promised if a published plan of its day serves it. It is *late* when it was done later than the plan that
was in force then had it, beyond a tolerance; *missed* when nobody did it; *disputed* when somebody says that it was
done, or that there was nothing to do, and a position or a reading says otherwise. A dispute does not change what counts
as done: people decide.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlalchemy import select

from geodata.streets.geodesy import haversine_m
from service.driving.events import SkipReason
from service.driving.receive import second_of_day
from service.ingest.report import SECOND_US, Kind
from service.ingest.store import READING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from service.driving.fold import DayState, Position, VisitState
    from service.driving.planned import PlannedVisit
    from service.driving.promised import PromisedDay

LATE_S: Final = 3_600
"""A visit may be done so much later than planned. Our own figure; contracts say their own."""
NEAR_M: Final = 250.0
"""A truck farther away does not stand at the stop: a crew walks some of the way, and phones err. Our own figure."""
FASTEST_M_PER_S: Final = 14.0
"""50 km/h, so that only what cannot have been speaks against a crew: a truck seen elsewhere could drive there."""
WITHIN_S: Final = 600
"""Positions so long before and after a word on a visit say something of it. Our own figure."""
SETTLES_S: Final = 600
READ_WITHIN_S: Final = 6 * 3_600
STILL_FULL: Final = 0.5
"""A container that somebody finds at least so full between ten minutes and six hours after it was emptied was not. Our
own figures: a bin that fills in less than half a day is emptied more than once a day."""
_UNREPORTED: Final = "unreported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks against a word: a truck ``away_m`` metres off, or a container found ``fill`` full."""

    kind: str
    time_us: int
    away_m: int | None = None
    container: str | None = None
    fill: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A promised visit and what became of it.

    Parameters
    ----------
    shift
        That did it, or to which it was promised last.
    outcome
        ``done``, or why not: a reason to skip, or ``unreported``.
    promised_s
        When it should have been done by the plan in force, clock seconds of the day.
    done_s
        When it was; None for never.
    """

    date: dt.date
    visit: PlannedVisit
    shift: str
    outcome: str
    promised_s: int
    done_s: int | None
    is_late: bool
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether somebody did it."""
        return self.outcome == "done"


@dataclass(slots=True, kw_only=True)
class ZoneReport:
    """What was promised in a zone in all the days, and what became of it; kilograms as planned and as weighed."""

    promised: int = 0
    done: int = 0
    late: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    disputed: int = 0
    promised_kg: int = 0
    done_kg: int = 0
    weighed_kg: float | None = None
    days: set[dt.date] = field(default_factory=set)


def cases_of_day(
    promised: PromisedDay,
    state: DayState,
    readings: Mapping[str, Sequence[tuple[int, float]]],
    service_date: dt.date,
    timezone: str,
    *,
    late_s: int = LATE_S,
) -> list[Case]:
    """Return every promised visit of a day, by id, with what became of it.

    Parameters
    ----------
    state
        With all positions, where they are still kept.
    readings
        Of each container what sensors and citizens found, time and fill (``found_full``).
    """
    found: list[Case] = []
    for visit in sorted(promised.promises):
        said = state.visits.get(visit)
        if said is None or said.status == "arrived":
            plan = promised.last(visit)
            outcome, done_s = _UNREPORTED, None
            shift = plan.shift or ""
        else:
            plan = promised.at(visit, said.time_us)
            done_s = second_of_day(said.time_us, service_date, timezone) if said.status == "done" else None
            outcome = "done" if said.status == "done" else (said.reason or SkipReason.OTHER).value
            shift = said.shift
        due_s = plan.departure_s or 0
        found.append(
            Case(
                date=service_date,
                visit=plan,
                shift=shift,
                outcome=outcome,
                promised_s=due_s,
                done_s=done_s,
                is_late=done_s is not None and done_s > due_s + late_s,
                evidence=() if said is None else _against(plan, said, state, readings),
            )
        )
    return found


def found_full(connection: Connection, city_id: str, from_us: int, until_us: int) -> dict[str, list[tuple[int, float]]]:
    """Return when sensors and citizens found a container at least half full, in order, by container."""
    c = READING.c
    asked = (
        select(c.container, c.time_us, c.fill)
        .where(
            c.city_id == city_id,
            c.time_us >= from_us,
            c.time_us < until_us + READ_WITHIN_S * SECOND_US,
            c.kind.in_([Kind.READING.value, Kind.CITIZEN.value]),
            c.fill >= STILL_FULL,
        )
        .order_by(c.container, c.time_us)
    )
    found: dict[str, list[tuple[int, float]]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.container, []).append((row.time_us, row.fill))
    return found


def reported(
    cases: Iterable[Case], zone_of: Mapping[str, str], weighed_kg: Mapping[tuple[dt.date, str], float]
) -> dict[str, ZoneReport]:
    """Add cases up by zone; the empty name is outside all zones.

    Parameters
    ----------
    zone_of
        Of each container and door-to-door stop that lies in a zone.
    weighed_kg
        By date and shift, what the weighbridge said; a zone's share goes by the planned weight of what was done there.
    """
    known = list(cases)
    carried: Counter[tuple[dt.date, str]] = Counter()
    for case in known:
        if case.is_done:
            carried[case.date, case.shift] += case.visit.kg
    zones: dict[str, ZoneReport] = {}
    for case in known:
        name = zone_of.get(case.visit.containers[0], "") if case.visit.containers else ""
        zone = zones.setdefault(name, ZoneReport())
        zone.days.add(case.date)
        zone.promised += 1
        zone.promised_kg += case.visit.kg
        zone.late += case.is_late
        zone.disputed += bool(case.evidence)
        if not case.is_done:
            zone.missed[case.outcome] += 1
            continue
        zone.done += 1
        zone.done_kg += case.visit.kg
        brought = weighed_kg.get((case.date, case.shift))
        if brought is not None and carried[case.date, case.shift]:
            share = case.visit.kg / carried[case.date, case.shift]
            zone.weighed_kg = (zone.weighed_kg or 0.0) + brought * share
    return dict(sorted(zones.items()))


def _against(
    visit: PlannedVisit, said: VisitState, state: DayState, readings: Mapping[str, Sequence[tuple[int, float]]]
) -> tuple[Evidence, ...]:
    """Return what speaks against a crew's word on a visit."""
    if said.status == "skipped" and said.reason is not SkipReason.EMPTY:
        return ()
    found: list[Evidence] = []
    shift = state.shifts.get(said.shift)
    if said.status == "done" and shift is not None and visit.lon is not None and visit.lat is not None:
        seen = _seen(shift.positions, visit.lon, visit.lat, said.time_us)
        if seen is not None:
            away_m, position = seen
            between_s = abs(position.time_us - said.time_us) / SECOND_US
            if away_m > NEAR_M + FASTEST_M_PER_S * between_s:
                found.append(Evidence(kind="position", time_us=position.time_us, away_m=round(away_m)))
    emptied = said.containers if said.containers is not None else visit.containers
    from_us, until_us = said.time_us + SETTLES_S * SECOND_US, said.time_us + READ_WITHIN_S * SECOND_US
    for container in emptied:
        for time_us, fill in readings.get(container, ()):
            if from_us <= time_us <= until_us:
                found.append(Evidence(kind="reading", time_us=time_us, container=container, fill=fill))
                break
    return tuple(found)


def _seen(positions: Sequence[Position], lon: float, lat: float, time_us: int) -> tuple[float, Position] | None:
    """Return where a truck said that it was, nearest in time to a moment, and how many metres off; None for nowhere."""
    if not positions:
        return None
    seen = min(positions, key=lambda one: abs(one.time_us - time_us))
    if abs(seen.time_us - time_us) > WITHIN_S * SECOND_US:
        return None
    return float(haversine_m(np.array(seen.lon), np.array(seen.lat), np.array(lon), np.array(lat))), seen
