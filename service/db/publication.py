"""Which plan of a city's day is the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from service.db.models import CityVersionRow, PlanRow

if TYPE_CHECKING:
    import datetime as dt


def published_plan(session: Session, city_id: str, service_date: dt.date) -> PlanRow | None:
    """Return the published plan of a city's day without its documents, None where there is none."""
    return session.exec(
        select(PlanRow)
        .join(CityVersionRow)
        .where(CityVersionRow.city_id == city_id, PlanRow.service_date == service_date)
        .options(defer(PlanRow.document), defer(PlanRow.routes_geojson))  # type: ignore[arg-type]  # SQLModel types columns as their values
        .order_by(col(PlanRow.created_at).desc())
    ).first()
