"""A day's plan through its life: published, running, closed."""

from fastapi import APIRouter
from sqlmodel import Session, col, select

from service.api.deps import CitiesDep, CityId, DayDate, DrawingsDep, PlanId, SessionDep
from service.api.replies import errors
from service.api.schemas import DayItem, DayList, DayOut, PublishIn, VersionOut
from service.db.plan_life import DayRow
from service.db.publication import begin, close, day_of, day_of_plan, publish, versions_of
from service.problems import NotFound

router = APIRouter(prefix="/v1", tags=["days"])


@router.post("/plans/{plan_id}/publish", summary="Publish a plan", responses=errors(400, 404, 409, 413, 422))
def publish_plan(
    plan_id: PlanId, session: SessionDep, drawings: DrawingsDep, wanted: PublishIn | None = None
) -> DayOut:
    """Let its day follow this plan from now on; what was published before stays as an earlier version.

    A running day goes on running, by the new plan. Publishing twice is as good as once.
    """
    drawings.ensure(plan_id)  # what drivers fetch is there before the day follows it
    day = publish(session, plan_id, replaces=None if wanted is None else wanted.replaces)
    session.commit()
    return _day_out(session, day)


@router.post("/plans/{plan_id}/start", summary="Begin a published day", responses=errors(404, 409, 422))
def start_plan(plan_id: PlanId, session: SessionDep) -> DayOut:
    """Mark the day that follows this plan as running; the first report of a driver does so by itself."""
    day = begin(session, *day_of_plan(session, plan_id), plan_id=plan_id)
    session.commit()
    return _day_out(session, day)


@router.post("/plans/{plan_id}/close", summary="Close a day", responses=errors(404, 409, 422))
def close_plan(plan_id: PlanId, session: SessionDep) -> DayOut:
    """End the day that follows this plan: nothing can be published for it any more. Twice is as good as once."""
    day = close(session, *day_of_plan(session, plan_id), plan_id=plan_id)
    session.commit()
    return _day_out(session, day)


@router.get("/cities/{city_id}/days", summary="List a city's published days", responses=errors(404, 422))
def list_days(city_id: CityId, session: SessionDep, cities: CitiesDep) -> DayList:
    """Return the days for which something is published, the newest first."""
    cities.current(session, city_id)
    rows = session.exec(select(DayRow).where(DayRow.city_id == city_id).order_by(col(DayRow.service_date).desc()))
    return DayList(
        days=[
            DayItem.model_validate(
                {
                    "date": row.service_date,
                    "state": row.state,
                    "version": row.version,
                    "plan_id": row.plan_id,
                    "published_at": row.published_at,
                }
            )
            for row in rows
        ]
    )


@router.get("/cities/{city_id}/days/{date}", summary="The plan that a day follows", responses=errors(404, 422))
def get_day(city_id: CityId, date: DayDate, session: SessionDep, cities: CitiesDep) -> DayOut:
    """Return which plan is published for a day, how far the day is, and what was published before."""
    cities.current(session, city_id)
    day = day_of(session, city_id, date)
    if day is None:
        raise NotFound(f"Nothing is published for {date.isoformat()}.")
    return _day_out(session, day)


def _day_out(session: Session, day: DayRow) -> DayOut:
    return DayOut.model_validate(
        {
            "city_id": day.city_id,
            "date": day.service_date,
            "state": day.state,
            "version": day.version,
            "plan_id": day.plan_id,
            "plan": f"/v1/plans/{day.plan_id}",
            "published_at": day.published_at,
            "started_at": day.started_at,
            "closed_at": day.closed_at,
            "versions": [
                VersionOut(
                    version=row.version,
                    plan_id=row.plan_id,
                    published_at=row.published_at,
                    replaced_at=row.replaced_at,
                )
                for row in versions_of(session, day.city_id, day.service_date)
            ],
        }
    )
