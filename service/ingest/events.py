"""The stored readings of a city as the table that forecasts are made from."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from optimizer.demand.readings import EventTable, Source
from service.db.models import CityRow, CityVersionRow
from service.ingest.report import EPOCH, SECOND_US, Kind, microseconds
from service.ingest.store import READING
from service.problems import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SOURCES: Final = {
    Kind.READING: Source.SENSOR,
    Kind.EMPTYING: Source.DRIVER,
    Kind.TAP: Source.DRIVER,
    Kind.CITIZEN: Source.CITIZEN,
}
_QUARTER_S: Final = 900
"""Clocks of all zones have changed on quarters of an hour of UTC since 1972."""
_FETCHED_AT_ONCE: Final = 20_000


def events_of(session: Session, city_id: str, *, until: dt.datetime, ids: Sequence[str] | None = None) -> EventTable:
    """Return all that was said of a city's containers before a moment.

    Parameters
    ----------
    until
        Aware; readings of this moment and later ones are left out.
    ids
        The containers, in the wanted order; events of others are left out. Those that have events, sorted, if absent.

    Returns
    -------
    EventTable
        Times on the city's wall clock. A distance without a fill (a tilted sensor) is no event.

    Raises
    ------
    NotFound
        If there is no such city.
    """
    zone = ZoneInfo(_timezone(session, city_id))
    c = READING.c
    asked = (
        select(c.container, c.time_us, c.kind, c.fill, c.kg, c.tilted)
        .where(c.city_id == city_id, c.time_us < microseconds(until))
        .order_by(c.container, c.time_us)
        .execution_options(yield_per=_FETCHED_AT_ONCE)
    )
    wanted = None if ids is None else set(ids)
    rows = [
        tuple(row)
        for row in session.connection().execute(asked)
        if (wanted is None or row.container in wanted) and (row.fill is not None or row.kind == Kind.EMPTYING)
    ]
    names, times_us, kinds, fills, weights, tilts = zip(*rows, strict=True) if rows else ((),) * 6
    known = sorted(set(names)) if ids is None else list(ids)
    number = {name: index for index, name in enumerate(known)}
    return EventTable.from_arrays(
        ids=known,
        container=np.array([number[name] for name in names], dtype=np.int64),
        time_s=wall_clock_s(np.array(times_us, dtype=np.int64) // SECOND_US, zone),
        emptying=np.array([kind == Kind.EMPTYING for kind in kinds], dtype=np.bool_),
        fill=np.array(fills, dtype=np.float64),  # None becomes NaN
        kg=np.array(weights, dtype=np.float64),
        source=np.array([int(SOURCES[Kind(kind)]) for kind in kinds], dtype=np.int64),
        tilted=np.array(tilts, dtype=np.bool_),
    )


def wall_clock_s(utc_s: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Return moments (seconds since 1970, UTC) as seconds since 1970 on a city's own clock: ``int64[n]``."""
    quarters, position = np.unique(utc_s // _QUARTER_S, return_inverse=True)
    offsets = [
        int((EPOCH + dt.timedelta(seconds=int(quarter) * _QUARTER_S)).astimezone(zone).utcoffset().total_seconds())  # type: ignore[union-attr]
        for quarter in quarters
    ]
    return utc_s + np.array(offsets, dtype=np.int64)[position]


def _timezone(session: Session, city_id: str) -> str:
    summary = session.exec(
        select_rows(CityVersionRow.summary)
        .join(CityRow, col(CityRow.id) == col(CityVersionRow.city_id))
        .where(CityRow.id == city_id, col(CityVersionRow.content_hash) == col(CityRow.content_hash))
    ).first()
    if summary is None:
        raise NotFound(f"There is no city {city_id!r}.")
    return str(summary["timezone"])
