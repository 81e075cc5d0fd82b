"""Plans as rows, for tests that need one and no search."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from sqlmodel import Session, select

from service.clock import utc_now
from service.db.documents import squeeze
from service.db.models import CityVersionRow, PlanRow

if TYPE_CHECKING:
    from sqlalchemy import Engine

MONDAY: Final = dt.date(2026, 11, 23)


def version_of(engine: Engine, city_id: str) -> int:
    """Return the number of a city's newest version."""
    with Session(engine) as session:
        found = session.exec(select(CityVersionRow.id).where(CityVersionRow.city_id == city_id)).all()
    assert found[-1] is not None
    return found[-1]


def store_plan(engine: Engine, city_id: str, **more: Any) -> str:
    """Store a plan without routes for Monday and return its id."""
    plan = PlanRow(
        **{
            "id": uuid4().hex,
            "city_version_id": version_of(engine, city_id),
            "service_date": MONDAY,
            "created_at": utc_now(),
            "summary": {},
            "document": squeeze(b"{}"),
            "routes_geojson": squeeze(b"{}"),
            **more,
        }
    )
    plan_id = plan.id
    with Session(engine) as session:
        session.add(plan)
        session.commit()
    return plan_id
