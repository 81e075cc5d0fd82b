"""A batch of a phone's events on its way in: is each believed, is each new, and what does it say of containers.

What a phone sees and does is a reading too: a fill that it reports, and the containers of a visit that is done, go to
the one writer of readings, from which forecasts are made. That happens for repeated events as well: the answer to the
first time may never have left, and a reading that is known is not stored twice.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from geodata.city.build import ZONE_PREFIX
from service.driving.events import EARLIEST_S, GRACE_S, LATE_S, LATEST_S, DriverEvent, Kind
from service.driving.store import Outcome, Scope, Sent, record
from service.ingest.report import AHEAD_US, OLDEST_LIVE_US, SECOND_US, Report, microseconds, moment_of
from service.ingest.report import Kind as ReadingKind
from service.ingest.store import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session

    from service.driving.planned import PlannedDay, PlannedDays, PlannedVisit, ShiftHours
    from service.ingest.writer import Writer

_AT_VISITS: Final = frozenset({Kind.ARRIVED, Kind.DONE, Kind.SKIPPED})
_PERCENT: Final = 100


class NotBelieved(ValueError):
    """An event that is not stored; ``reason`` is stable, for programs, ``detail`` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTimes:
    """A shift on its date, in microseconds since 1970, UTC; ``latest_us`` with its overtime."""

    start_us: int
    latest_us: int


def shift_times(hours: ShiftHours, service_date: dt.date, timezone: str) -> ShiftTimes:
    """Return when a shift is at work on a date."""
    return ShiftTimes(
        start_us=moment_us(service_date, hours.start_s, timezone),
        latest_us=moment_us(service_date, hours.latest_s, timezone),
    )


def moment_us(service_date: dt.date, seconds: int, timezone: str) -> int:
    """Return a clock time of a service day (seconds from its local midnight) in microseconds since 1970, UTC."""
    midnight = dt.datetime.combine(service_date, dt.time(), tzinfo=ZoneInfo(timezone))
    return microseconds((midnight + dt.timedelta(seconds=seconds)).astimezone(dt.UTC))


def second_of_day(time_us: int, service_date: dt.date, timezone: str) -> int:
    """Return the clock time of a moment, in seconds from the local midnight of a service day."""
    local = moment_of(time_us).astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return int((local - dt.datetime.combine(service_date, dt.time())).total_seconds())


class Visits:
    """Looks a visit up in the plan that is published, then in the day's older ones, which phones may still follow."""

    def __init__(self, session: Session, planned: PlannedDays, published: PlannedDay, scope: Scope) -> None:
        self._session = session
        self._planned = planned
        self._scope = scope
        self._looked_at = [published]
        self._all = False

    def find(self, visit: str) -> PlannedVisit | None:
        """Return a visit as the newest plan has it that knows it; None where no plan of the day does."""
        found = next((plan.visits[visit] for plan in self._looked_at if visit in plan.visits), None)
        if found is None and not self._all:
            self._looked_at = list(self._planned.versions(self._session, self._scope.city_id, self._scope.service_date))
            self._all = True
            return self.find(visit)
        return found


def believe(event: DriverEvent, times: ShiftTimes, visits: Visits, received_us: int) -> None:
    """Hold an event against its shift and the day's plans.

    Raises
    ------
    NotBelieved
        With what speaks against it.
    """
    if event.time_us > received_us + AHEAD_US:
        ahead_s = (event.time_us - received_us) // SECOND_US
        raise NotBelieved("clock-ahead", f"The event lies {ahead_s} s ahead of the server's clock.")
    if received_us > times.latest_us + LATE_S * SECOND_US:
        raise NotBelieved("too-late", f"The shift ended more than {LATE_S // 86_400} days ago.")
    before_s, after_s = (GRACE_S, GRACE_S) if event.kind is Kind.POSITION else (EARLIEST_S, LATEST_S)
    if not times.start_us - before_s * SECOND_US <= event.time_us <= times.latest_us + after_s * SECOND_US:
        what = "Positions are" if event.kind is Kind.POSITION else "Events are"
        raise NotBelieved(
            "outside-shift",
            f"{what} taken from {before_s // 60} min before the shift begins until {after_s // 60} min after its last "
            f"overtime; this one is of {moment_of(event.time_us).isoformat()}.",
        )
    if event.kind in _AT_VISITS:
        found = visits.find(event.subject or "")
        if found is None:
            raise NotBelieved("unknown-visit", f"No plan of this day has a visit {event.subject!r}.")
        strangers = set(event.containers or ()) - set(found.containers)
        if strangers:
            raise NotBelieved("unknown-container", f"Visit {event.subject!r} is not of container {min(strangers)!r}.")


def store(engine: Engine, writer: Writer, scope: Scope, sent: Sequence[Sent], visits: Visits) -> list[Outcome]:
    """Store events and what they say of containers; when this returns both are committed.

    Raises
    ------
    Erased
        If the phone was erased.
    ServiceError
        If the readings cannot be written just now; the phone sends all of it again.
    """
    outcomes = record(engine, scope, sent)
    reports = [
        report
        for one, outcome in zip(sent, outcomes, strict=True)
        if outcome is not Outcome.CHANGED
        for report in _reports(one.event, visits)
    ]
    if reports:
        batch = Batch(
            city_id=scope.city_id,
            source="driver",
            items=reports,
            received_us=scope.received_us,
            oldest_us=scope.received_us - OLDEST_LIVE_US,
        )
        writer.submit(batch).result()
    return outcomes


def _reports(event: DriverEvent, visits: Visits) -> Iterable[Report]:
    if event.kind is Kind.FILL and event.subject is not None and event.fill_percent is not None:
        yield Report(
            raw={"shift": event.shift, "fill_percent": event.fill_percent},
            container=event.subject,
            time_us=event.time_us,
            kind=ReadingKind.TAP,
            fill=event.fill_percent / _PERCENT,
        )
    elif event.kind is Kind.DONE:
        visit = visits.find(event.subject or "")
        containers = event.containers if event.containers is not None else visit.containers if visit else ()
        # What is collected from door to door has no container that could be emptied.
        emptied = [name for name in containers if not name.startswith(ZONE_PREFIX)]
        for container in emptied:
            yield Report(
                raw={"shift": event.shift, "visit": event.subject},
                container=container,
                time_us=event.time_us,
                kind=ReadingKind.EMPTYING,
                kg=event.kg if len(emptied) == 1 else None,
            )
