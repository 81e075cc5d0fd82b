"""A day's plan from draft to closed: draft -> published -> running -> closed.

Plans never change; what changes is which of them a day follows. Every change of a day begins with its city's row, so
that changes of one city come one after the other, on SQLite as on PostgreSQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, cast

from sqlalchemy import update
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.models import CityRow, CityVersionRow, PlanRow
from service.db.plan_life import DayRow, PublicationRow
from service.problems import Conflict, NotFound

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

PlanState = Literal["draft", "published", "running", "closed", "replaced", "discarded"]

NO_DOCUMENT: Final = tuple(
    defer(column)  # type: ignore[arg-type]  # SQLModel types columns as their values
    for column in (PlanRow.document, PlanRow.routes_geojson, PlanRow.places)
)


def published_plan(session: Session, city_id: str, service_date: dt.date) -> PlanRow | None:
    """Return the plan that a city's day follows (published, running or closed), its documents not loaded yet."""
    return session.exec(
        select(PlanRow)
        .join(DayRow, col(DayRow.plan_id) == col(PlanRow.id))
        .where(DayRow.city_id == city_id, DayRow.service_date == service_date)
        .options(*NO_DOCUMENT)
    ).first()


def day_of(session: Session, city_id: str, service_date: dt.date) -> DayRow | None:
    """Return how far a city's day is; None where nothing was ever published for it."""
    return session.get(DayRow, (city_id, service_date))


def versions_of(session: Session, city_id: str, service_date: dt.date) -> list[PublicationRow]:
    """Return everything that was ever published for a day, in order."""
    asked = select(PublicationRow).where(PublicationRow.city_id == city_id, PublicationRow.service_date == service_date)
    return list(session.exec(asked.order_by(col(PublicationRow.version))))


def states_of(session: Session, city_id: str, service_date: dt.date | None = None) -> dict[str, PlanState]:
    """Return the states of a city's plans that are or were published, on one day or on all."""
    before = select(PublicationRow.plan_id).where(PublicationRow.city_id == city_id)
    now = select(DayRow.plan_id, DayRow.state).where(DayRow.city_id == city_id)
    if service_date is not None:
        before = before.where(PublicationRow.service_date == service_date)
        now = now.where(DayRow.service_date == service_date)
    found: dict[str, PlanState] = dict.fromkeys(session.exec(before), "replaced")
    for plan_id, state in session.exec(now):
        found[plan_id] = cast("PlanState", state)
    return found


def state_of(plan: PlanRow, published: Mapping[str, PlanState]) -> PlanState:
    """Return the state of a plan, given those of what is or was published."""
    return published.get(plan.id) or ("draft" if plan.discarded_at is None else "discarded")


def publish(session: Session, plan_id: str, *, replaces: int | None = None) -> DayRow:
    """Let its day follow a plan from now on; the caller commits.

    What was published before is kept as an earlier version. Publishing the plan that the day follows already changes
    nothing. A running day goes on running, by the new plan.

    Parameters
    ----------
    replaces
        The version that the caller believes to be in force, 0 for none; None asks nothing.

    Raises
    ------
    NotFound
        If there is no such plan.
    Conflict
        If the day is closed, the plan was discarded, or another version is in force than the caller believes.
    """
    city_id, plan = _owner(session, plan_id)
    service_date = plan.service_date
    hold(session, city_id)
    session.refresh(plan, ["discarded_at"])
    day = session.get(DayRow, (city_id, service_date), populate_existing=True)
    version = day.version if day is not None else 0
    if day is not None and day.plan_id == plan_id:
        return day
    if plan.discarded_at is not None:
        raise Conflict(f"Plan {plan_id!r} was discarded; publish the version before it.")
    if replaces is not None and replaces != version:
        raise Conflict(f"Version {version} of {service_date.isoformat()} is in force, not version {replaces}.")
    if day is not None and day.state == "closed":
        raise Conflict(f"{service_date.isoformat()} is closed; nothing can be published for it any more.")
    now = utc_now()
    if day is None:
        day = DayRow(
            city_id=city_id, service_date=service_date, state="published", version=1, plan_id=plan_id, published_at=now
        )
    else:
        session.exec(
            update(PublicationRow)
            .where(
                col(PublicationRow.city_id) == city_id,
                col(PublicationRow.service_date) == service_date,
                col(PublicationRow.version) == version,
            )
            .values(replaced_at=now)
        )
        day.version, day.plan_id, day.published_at = version + 1, plan_id, now
    session.add(day)
    session.flush()
    session.add(
        PublicationRow(
            city_id=city_id, service_date=service_date, version=day.version, plan_id=plan_id, published_at=now
        )
    )
    session.flush()
    return day


def begin(session: Session, city_id: str, service_date: dt.date, *, plan_id: str | None = None) -> DayRow:
    """Mark a published day as running; one that runs already goes on. The caller commits.

    Parameters
    ----------
    plan_id
        The plan that the caller believes the day to follow; None asks nothing.

    Raises
    ------
    NotFound
        If nothing is published for the day.
    Conflict
        If the day is closed, or follows another plan.
    """
    day = _held_day(session, city_id, service_date, plan_id)
    if day.state == "closed":
        raise Conflict(f"{service_date.isoformat()} is closed.")
    if day.state == "published":
        day.state, day.started_at = "running", utc_now()
        session.add(day)
        session.flush()
    return day


def close(session: Session, city_id: str, service_date: dt.date, *, plan_id: str | None = None) -> DayRow:
    """Close a day: its plan stays as it is for good. Closing twice is as good as once. The caller commits.

    Raises
    ------
    NotFound
        If nothing is published for the day.
    Conflict
        If it follows another plan than the caller believes.
    """
    day = _held_day(session, city_id, service_date, plan_id)
    if day.state != "closed":
        day.state, day.closed_at = "closed", utc_now()
        session.add(day)
        session.flush()
    return day


def day_of_plan(session: Session, plan_id: str) -> tuple[str, dt.date]:
    """Return the city and the date that a plan was made for; NotFound if there is no such plan."""
    city_id, plan = _owner(session, plan_id)
    return city_id, plan.service_date


def _held_day(session: Session, city_id: str, service_date: dt.date, plan_id: str | None) -> DayRow:
    hold(session, city_id)
    day = session.get(DayRow, (city_id, service_date), populate_existing=True)
    if plan_id is not None and (day is None or day.plan_id != plan_id):
        raise Conflict(f"Plan {plan_id!r} is not the one published for {service_date.isoformat()}.")
    if day is None:
        raise NotFound(f"Nothing is published for {service_date.isoformat()}.")
    return day


def _owner(session: Session, plan_id: str) -> tuple[str, PlanRow]:
    """Return the city of a plan, and the plan without its documents."""
    found = session.exec(
        select(CityVersionRow.city_id, PlanRow)
        .join(PlanRow, col(PlanRow.city_version_id) == col(CityVersionRow.id))
        .where(PlanRow.id == plan_id)
        .options(*NO_DOCUMENT)
    ).first()
    if found is None:
        raise NotFound(f"There is no plan {plan_id!r}.")
    return found


def hold(session: Session, city_id: str) -> None:
    """Wait until nobody else changes a day of this city, and hold it until the commit."""
    # An update that changes nothing: by it PostgreSQL locks the row and SQLite the database, before anything is read.
    session.exec(update(CityRow).where(col(CityRow.id) == city_id).values(name=CityRow.name))
