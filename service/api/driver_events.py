"""What drivers' phones report: batches of events out of an outbox, in any order and as often as a phone likes."""

import datetime as dt
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from sqlmodel import Session

from service.api.deps import CityId, DayDate, PlannedDep, SessionDep, ShiftId
from service.api.replies import errors
from service.api.schemas import In, Out, ServiceDate
from service.api.shifts import published_shift
from service.db.publication import begin, day_of
from service.driving.ahead import with_streets_ahead
from service.driving.events import DriverEvent, SkipReason
from service.driving.receive import NotBelieved, Visits, believe, shift_times, store
from service.driving.store import Erased, Outcome, Scope, Sent, event_of
from service.driving.streets import LONGEST_DAYS
from service.ingest.report import LARGEST_COUNTER, a_time
from service.ingest.writer import now_us
from service.problems import Conflict, TooLarge, shown

router = APIRouter(prefix="/v1/cities/{city_id}/days/{date}/shifts/{shift}", tags=["drivers"])

MOST_EVENTS: Final = 1_000
"""Events in one request. Our own figure: a crew's whole day with a position every half minute."""

_NAME: Final = "^[^\\x00-\\x1f\\x7f]{1,200}$"
Name = Annotated[str, Field(pattern=_NAME)]
Moment = Annotated[
    int,
    BeforeValidator(a_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T07:42:10+07:00"]}),
]
Uuid = Annotated[str, Field(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-90, le=90)]
Kg = Annotated[float, Field(ge=0, le=100_000)]


class _EventIn(In):
    """What all events say."""

    sequence: int = Field(ge=0, le=LARGEST_COUNTER, description="The phone's own count; names the event for ever.")
    time: Moment = Field(description="When it happened by the phone's clock, with its offset.")
    plan: str | None = Field(
        default=None, pattern="^[0-9a-f]{32}$", description="The version of the plan that the phone followed."
    )


class ArrivedIn(_EventIn):
    """The truck stands at a visit."""

    kind: Literal["arrived"]
    visit: Name


class DoneIn(_EventIn):
    """A visit is done: its containers are emptied, or those that are named."""

    kind: Literal["done"]
    visit: Name
    containers: list[Name] | None = Field(default=None, max_length=200)
    kg: Kg | None = Field(default=None, description="Where the truck weighs.")


class SkippedIn(_EventIn):
    """A visit was not made."""

    kind: Literal["skipped"]
    visit: Name
    reason: Literal[*(reason.value for reason in SkipReason)]  # type: ignore[valid-type]  # one list of reasons
    note: str | None = Field(default=None, max_length=500)


class FillIn(_EventIn):
    """How full a container is, seen by the crew, emptied or not."""

    kind: Literal["fill"]
    container: Name
    fill_percent: Literal[0, 25, 50, 75, 100]


class CouldNotPassIn(_EventIn):
    """A street is closed to this truck; plans made from now on go round it until it expires or is ended."""

    kind: Literal["could_not_pass"]
    lon: Lon
    lat: Lat
    until: ServiceDate | None = Field(default=None, description="Last day; the next one when absent.")
    note: str | None = Field(default=None, max_length=500)


class UnloadedIn(_EventIn):
    """The truck was emptied at a disposal site."""

    kind: Literal["unloaded"]
    site: Name
    kg: Kg | None = Field(default=None, description="On the weighbridge.")
    ticket: str | None = Field(
        default=None, min_length=1, max_length=100, description="Of the weighbridge: it counts once in a shift."
    )


class BreakIn(_EventIn):
    """A break begins or ends."""

    kind: Literal["break_start", "break_end"]


class PositionIn(_EventIn):
    """Where the truck is; taken during the shift alone, and not kept for long."""

    kind: Literal["position"]
    lon: Lon
    lat: Lat
    accuracy_m: float | None = Field(default=None, ge=0, le=1_000_000)


EventIn = Annotated[
    ArrivedIn | DoneIn | SkippedIn | FillIn | CouldNotPassIn | UnloadedIn | BreakIn | PositionIn,
    Field(discriminator="kind"),
]
_EVENT: Final[TypeAdapter[Any]] = TypeAdapter(EventIn)


class EventsIn(BaseModel):
    """A part of a phone's outbox. Each event is taken by itself: one that is wrong does not hold up the others."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    phone: Uuid = Field(description="Made by the phone itself, once: a random UUID in small letters.")
    events: list[SkipValidation[EventIn]] = Field(min_length=1)


class EventOutcomeOut(Out):
    """What became of one event."""

    sequence: int | None = Field(description="Null where none could be read.")
    status: Literal["stored", "duplicate", "refused"]
    code: Literal[201, 200, 422] = Field(description="201 stored now, 200 stored before, 422 refused.")
    reason: str | None = Field(default=None, description="Why it is refused; stable, for programs.")
    detail: str | None = Field(default=None, description="The reason in a sentence.")


class EventsOut(Out):
    """What became of a batch; the three counts add up to ``received``."""

    received: int
    stored: int
    duplicate: int
    refused: int
    results: list[EventOutcomeOut] = Field(description="For each event, in the order of the batch.")


@router.post("/events", summary="Report what happened", responses=errors(400, 404, 409, 413, 422, 503))
def post_events(
    city_id: CityId,
    date: DayDate,
    shift: ShiftId,
    batch: EventsIn,
    request: Request,
    session: SessionDep,
    planned: PlannedDep,
) -> EventsOut:
    """Take events in any order, again, late, and of an older version of the plan. Answers after the commit."""
    if len(batch.events) > MOST_EVENTS:
        raise TooLarge(f"The batch brings {len(batch.events):,} events; this server takes at most {MOST_EVENTS:,}.")
    found = published_shift(session, planned, city_id, date, shift)
    received_us = now_us()
    times = shift_times(found.hours, date, found.timezone)
    scope = Scope(city_id=city_id, service_date=date, shift=shift, phone=batch.phone, received_us=received_us)
    visits = Visits(session, planned, planned.day(session, found.plan_id), scope)
    outcomes: list[EventOutcomeOut | None] = []
    sent: list[Sent] = []
    for raw in batch.events:
        try:
            event = _read(raw, shift=shift, phone=batch.phone, date=date)
            believe(event, times, visits, received_us)
        except NotBelieved as error:
            outcomes.append(_refused(_sequence(raw), error.reason, error.detail))
            continue
        sent.append(Sent(event=event, body=dict(raw)))
        outcomes.append(None)
    sent = with_streets_ahead(session, scope, found.plan_id, sent)
    session.rollback()  # nobody holds a connection while waiting for another one, or for the writer of readings
    try:
        stored = iter(store(request.app.state.engine, request.app.state.writer, scope, sent, visits))
    except Erased as error:
        raise Conflict("What this phone reported was erased; it reports under a new id.") from error
    if sent:
        _begin(session, city_id, date)
    events = iter(sent)
    results = [
        _settled(next(events).event.sequence, next(stored)) if outcome is None else outcome for outcome in outcomes
    ]
    counts = {status: sum(one.status == status for one in results) for status in ("stored", "duplicate", "refused")}
    return EventsOut(received=len(results), results=results, **counts)


def _begin(session: Session, city_id: str, service_date: dt.date) -> None:
    """Let a published day run from its first report on."""
    day = day_of(session, city_id, service_date)
    if day is not None and day.state == "published":
        begin(session, city_id, service_date)
        session.commit()


def _read(raw: Any, *, shift: str, phone: str, date: dt.date) -> DriverEvent:
    """Return one event of a batch.

    Raises
    ------
    NotBelieved
        If it says what cannot be.
    """
    try:
        read = _EVENT.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise NotBelieved("bad-event", f"{shown(place)}: {shown(first['msg'])}") from error
    if isinstance(read, CouldNotPassIn) and read.until is not None:
        latest = date + dt.timedelta(days=LONGEST_DAYS)
        if not date <= read.until <= latest:
            raise NotBelieved("bad-event", f"until is {read.until}; a day from {date} to {latest} is expected.")
    return event_of(raw, read.time, shift=shift, phone=phone)


def _sequence(raw: Any) -> int | None:
    value = raw.get("sequence") if isinstance(raw, dict) else None
    return value if type(value) is int and 0 <= value <= LARGEST_COUNTER else None


def _settled(sequence: int, outcome: Outcome) -> EventOutcomeOut:
    if outcome is Outcome.CHANGED:
        return _refused(
            sequence, "changed", f"Event {sequence} of this phone is stored with another body, which stays."
        )
    if outcome is Outcome.DUPLICATE:
        return EventOutcomeOut(sequence=sequence, status="duplicate", code=200)
    return EventOutcomeOut(sequence=sequence, status="stored", code=201)


def _refused(sequence: int | None, reason: str, detail: str) -> EventOutcomeOut:
    return EventOutcomeOut(sequence=sequence, status="refused", code=422, reason=reason, detail=detail)
