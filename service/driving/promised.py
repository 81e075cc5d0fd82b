"""What a day's published plans promised, version by version: what is held against what was done.

A re-plan at noon holds the rest of the day alone, so what was promised stands in all versions together.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.db.publication import versions_of
from service.ingest.report import microseconds

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlmodel import Session

    from service.driving.planned import PlannedDay, PlannedDays, PlannedVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedDay:
    """The versions of a day's plan in order.

    Parameters
    ----------
    versions
        Each plan with the moment from which it was in force, microseconds since 1970, UTC.
    promises
        By visit, the versions that serve it: from when each was in force, and the visit as it has it; in order.
    """

    versions: Sequence[tuple[int, PlannedDay]]
    promises: Mapping[str, Sequence[tuple[int, PlannedVisit]]]

    def last(self, visit: str) -> PlannedVisit:
        """Return a promised visit as the last version has it that serves it."""
        return self.promises[visit][-1][1]

    def at(self, visit: str, time_us: int) -> PlannedVisit:
        """Return a promised visit as the version has it that was in force at a moment; as the first one before any."""
        known = self.promises[visit]
        return known[max(0, bisect_right(known, time_us, key=lambda one: one[0]) - 1)][1]


def promised_day(session: Session, planned: PlannedDays, city_id: str, service_date: dt.date) -> PromisedDay:
    """Return what was published for a day, from first to last; nothing where nothing was."""
    versions = [
        (microseconds(row.published_at), planned.day(session, row.plan_id))
        for row in versions_of(session, city_id, service_date)
    ]
    promises: dict[str, list[tuple[int, PlannedVisit]]] = {}
    for since_us, plan in versions:
        for visit in plan.visits.values():
            if visit.shift is not None:
                promises.setdefault(visit.id, []).append((since_us, visit))
    return PromisedDay(versions=versions, promises=promises)
