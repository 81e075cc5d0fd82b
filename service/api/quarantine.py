"""What came in and is not believed, to be looked at and settled."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field
from sqlmodel import col, select

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import Out
from service.clock import utc_now
from service.db.models import QuarantineRow
from service.problems import NotFound

router = APIRouter(prefix="/v1/cities/{city_id}/quarantine", tags=["readings"])


class AsideOut(Out):
    """One message that was put aside."""

    id: int
    reason: str = Field(description="Stable, for programs: unknown-container, naive-time ...")
    detail: str = Field(description="What was found and what was expected.")
    device: str | None
    container: str | None
    source: str = Field(description="The form in which it came.")
    raw: str = Field(description="As it came, as JSON in ASCII, shortened if it is very long.")
    received_at: AwareDatetime
    resolved_at: AwareDatetime | None


class AsideList(Out):
    """Messages that were put aside, the newest first."""

    messages: list[AsideOut]
    more: bool = Field(description="There are older ones; ask for them with before = the last one's id.")


@router.get("", summary="List what was put aside", responses=errors(404, 422, 503))
def get_quarantine(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    reason: Annotated[str | None, Query(pattern="^[a-z-]{1,40}$")] = None,
    resolved: Annotated[bool, Query(description="Those that were settled, instead of those that were not.")] = False,  # noqa: FBT002
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> AsideList:
    """Return what is not believed, with its reason and as it came."""
    cities.current(session, city_id)
    settled = col(QuarantineRow.resolved_at)
    asked = select(QuarantineRow).where(QuarantineRow.city_id == city_id)
    asked = asked.where(settled.is_not(None) if resolved else settled.is_(None))
    if reason is not None:
        asked = asked.where(QuarantineRow.reason == reason)
    if before is not None:
        asked = asked.where(col(QuarantineRow.id) < before)
    rows = session.exec(asked.order_by(col(QuarantineRow.id).desc()).limit(limit + 1)).all()
    return AsideList(messages=[_out(row) for row in rows[:limit]], more=len(rows) > limit)


@router.post("/{number}/resolve", summary="Mark as settled", responses=errors(404, 422, 503))
def resolve(
    city_id: CityId,
    number: Annotated[int, Path(ge=1, le=2**63 - 1, description="The message.")],
    session: SessionDep,
) -> AsideOut:
    """Take a message off the list, once somebody has looked at it; settling twice is as good as once."""
    row = session.get(QuarantineRow, number)
    if row is None or row.city_id != city_id:
        raise NotFound(f"City {city_id!r} has put no message {number} aside.")
    if row.resolved_at is None:
        row.resolved_at = utc_now()
        session.commit()
    return _out(row)


def _out(row: QuarantineRow) -> AsideOut:
    assert row.id is not None
    return AsideOut(
        id=row.id,
        reason=row.reason,
        detail=row.detail,
        device=row.device,
        container=row.container,
        source=row.source,
        raw=row.raw,
        received_at=row.received_at,
        resolved_at=row.resolved_at,
    )
