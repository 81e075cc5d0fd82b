"""Changes to the streets that drivers and dispatchers state while the service runs, beside those of a city's files."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from shapely.geometry import shape
from sqlmodel import Session, col, select

from geodata.streets.overlays import Overlay
from service.clock import utc_now
from service.db.driving import OverlayRow, PlanStreetsRow
from service.db.models import CityVersionRow, PlanRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geodata.city.dataset import CityDataset

HOLDS_DAYS: Final = 1
"""So many days after the day of the report a street that could not be passed is taken to be closed, where the driver
does not say. Our own figure: tomorrow's plan should know of it, and a puddle should not be planned around for ever."""
LONGEST_DAYS: Final = 90
"""A driver's word on a street holds no longer. Our own figure."""


def reported_closure(
    city_id: str, service_date: dt.date, body: Mapping[str, Any], digest: str, ahead: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the row of the closure that a driver's ``could_not_pass`` states; it does not say who the driver is.

    Parameters
    ----------
    ahead
        The street that the driver was about to take; None where it is not known.
    """
    until = body.get("until")
    return {
        "city_id": city_id,
        "id": closure_id(digest),
        "kind": "closure",
        "source": "a driver",
        "note": body.get("note"),
        "valid_from": service_date,
        "expires": service_date + dt.timedelta(days=HOLDS_DAYS) if until is None else dt.date.fromisoformat(until),
        "geometry": ahead or {"type": "Point", "coordinates": [body["lon"], body["lat"]]},
        "created_at": utc_now(),
        "ended_at": None,
    }


def closure_id(digest: str) -> str:
    """Return the name of the closure that an event with this digest states."""
    return f"driver-{digest[:16]}"


def stated_overlays(session: Session, city_id: str, service_date: dt.date) -> tuple[Overlay, ...]:
    """Return what drivers and dispatchers have stated of a city's streets for a day, and nobody has ended."""
    rows = session.exec(
        select(OverlayRow)
        .where(
            OverlayRow.city_id == city_id,
            col(OverlayRow.ended_at).is_(None),
            col(OverlayRow.valid_from) <= service_date,
            col(OverlayRow.expires) >= service_date,
        )
        .order_by(OverlayRow.id)
    ).all()
    return tuple(overlay_of(row) for row in rows)


def overlays_of_plan(session: Session, plan_id: str) -> tuple[Overlay, ...]:
    """Return the stated changes that a plan was made with; edits keep those of the plan that was edited."""
    while True:
        found = session.exec(select(PlanStreetsRow.overlays).where(PlanStreetsRow.plan_id == plan_id)).first()
        parent_id, city_id = session.exec(
            select(PlanRow.parent_id, CityVersionRow.city_id).join(CityVersionRow).where(PlanRow.id == plan_id)
        ).one()
        if found is not None:
            asked = select(OverlayRow).where(OverlayRow.city_id == city_id, col(OverlayRow.id).in_(found))
            return tuple(overlay_of(row) for row in session.exec(asked.order_by(OverlayRow.id)))
        if parent_id is None:
            return ()
        plan_id = parent_id


def with_overlays(city: CityDataset, overlays: Sequence[Overlay]) -> CityDataset:
    """Return a city on whose streets changes hold beside those of its files."""
    return replace(city, overlays=(*city.overlays, *overlays)) if overlays else city


def overlay_of(row: OverlayRow) -> Overlay:
    """Return a stated change as the streets' rooms know it."""
    return Overlay(
        id=row.id,
        kind=row.kind,  # type: ignore[arg-type]  # only kinds that exist are stored
        source=row.source,
        note=row.note,
        valid_from=row.valid_from,
        expires=row.expires,
        geometry=shape(row.geometry),
        file="reports",
    )
