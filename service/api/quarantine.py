"""What came in and is not believed, to be looked at and settled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime, Field
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from service.api.deps import CitiesDep, CityId, SessionDep
from service.api.replies import errors
from service.api.schemas import Out
from service.clock import utc_now
from service.db.models import CityRow, QuarantineRow
from service.ingest.retry import MAY_HEAL, again
from service.ingest.store import Status
from service.problems import Conflict, NotFound

if TYPE_CHECKING:
    from service.ingest.writer import Writer

router = APIRouter(prefix="/v1/cities/{city_id}/quarantine", tags=["readings"])
of_no_city = APIRouter(prefix="/v1/quarantine", tags=["readings"])

Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The message.")]
Reason = Annotated[str | None, Query(pattern="^[a-z-]{1,40}$")]


class AsideOut(Out):
    """One message that was put aside."""

    id: int
    city: str = Field(description="To which it was sent; empty if to none.")
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


class RetriedOut(Out):
    """What became of messages that were judged again."""

    tried: int
    settled: int = Field(description="Stored by now, or put aside for another reason, under another number.")
    next_before: int | None = Field(description="There may be older ones; ask again with before = this.")


@router.get("", summary="List what was put aside", responses=errors(404, 422, 503))
def get_quarantine(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    reason: Reason = None,
    resolved: Annotated[bool, Query(description="Those that were settled, instead of those that were not.")] = False,  # noqa: FBT002
    before: Before = None,
    limit: Limit = 100,
) -> AsideList:
    """Return what is not believed, with its reason and as it came."""
    cities.current(session, city_id)
    settled = col(QuarantineRow.resolved_at)
    asked = select(QuarantineRow).where(QuarantineRow.city_id == city_id)
    asked = asked.where(settled.is_not(None) if resolved else settled.is_(None))
    if reason is not None:
        asked = asked.where(QuarantineRow.reason == reason)
    return _newest(session, asked, before, limit)


@of_no_city.get("", summary="List what came for no city", responses=errors(422, 503))
def get_of_no_city(session: SessionDep, before: Before = None, limit: Limit = 100) -> AsideList:
    """Return what a broker brought for a city that is not stored, or for none at all."""
    homeless = col(QuarantineRow.city_id).not_in(select(CityRow.id))
    return _newest(session, select(QuarantineRow).where(homeless), before, limit)


def _newest(session: Session, asked: SelectOfScalar[QuarantineRow], before: int | None, limit: int) -> AsideList:
    if before is not None:
        asked = asked.where(col(QuarantineRow.id) < before)
    rows = session.exec(asked.order_by(col(QuarantineRow.id).desc()).limit(limit + 1)).all()
    return AsideList(messages=[_out(row) for row in rows[:limit]], more=len(rows) > limit)


@router.post("/{number}/resolve", summary="Mark as settled", responses=errors(404, 422, 503))
def resolve(
    city_id: CityId,
    number: Number,
    session: SessionDep,
) -> AsideOut:
    """Take a message off the list, once somebody has looked at it; settling twice is as good as once."""
    row = _row(session, city_id, number)
    if row.resolved_at is None:
        row.resolved_at = utc_now()
        session.commit()
    return _out(row)


@router.post("/{number}/retry", summary="Judge again", responses=errors(404, 409, 422, 503))
def retry(city_id: CityId, number: Number, session: SessionDep, request: Request) -> AsideOut:
    """Judge a message again, now that its container or device is known; what is stored is settled."""
    row = _row(session, city_id, number)
    if row.reason not in MAY_HEAL:
        raise Conflict(f"Message {number} was put aside for {row.reason}, which lies in the message itself.")
    _judged_again(session, request, [row])
    return _out(row)


@router.post("/retry", summary="Judge all again", responses=errors(404, 409, 422, 503))
def retry_all(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    request: Request,
    reason: Reason = None,
    before: Before = None,
    limit: Limit = 1_000,
) -> RetriedOut:
    """Judge again what may be believed by now, the newest first: after containers or devices were added."""
    cities.current(session, city_id)
    asked = select(QuarantineRow).where(
        QuarantineRow.city_id == city_id,
        col(QuarantineRow.resolved_at).is_(None),
        col(QuarantineRow.reason).in_(MAY_HEAL if reason is None else MAY_HEAL & {reason}),
    )
    if before is not None:
        asked = asked.where(col(QuarantineRow.id) < before)
    rows = session.exec(asked.order_by(col(QuarantineRow.id).desc()).limit(limit)).all()
    _judged_again(session, request, rows)
    settled = sum(row.resolved_at is not None for row in rows)
    return RetriedOut(tried=len(rows), settled=settled, next_before=rows[-1].id if len(rows) == limit else None)


def _row(session: Session, city_id: str, number: int) -> QuarantineRow:
    row = session.get(QuarantineRow, number)
    if row is None or row.city_id != city_id:
        raise NotFound(f"City {city_id!r} has put no message {number} aside.")
    return row


def _judged_again(session: Session, request: Request, rows: Sequence[QuarantineRow]) -> None:
    """Give messages to the writer once more; settled are those that are stored, or put aside for another reason."""
    writer: Writer = request.app.state.writer
    waiting = [(row, row.reason, writer.submit(again(row))) for row in rows]
    for row, reason, future in waiting:
        if all(outcome.status is not Status.REFUSED and outcome.reason != reason for outcome in future.result()):
            row.resolved_at = utc_now()
    session.commit()


def _out(row: QuarantineRow) -> AsideOut:
    assert row.id is not None
    return AsideOut(
        id=row.id,
        city=row.city_id,
        reason=row.reason,
        detail=row.detail,
        device=row.device,
        container=row.container,
        source=row.source,
        raw=row.raw,
        received_at=row.received_at,
        resolved_at=row.resolved_at,
    )
