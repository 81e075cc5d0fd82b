"""What goes over the wire: requests, checked strictly, and replies. Units stand in the names."""

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from service.db.publication import PlanState
from service.problems import FindingOut

RunStatus = Literal["queued", "running", "done", "failed", "cancelled"]
_UNSAFE = re.compile("[\0\ud800-\udfff]")


class In(BaseModel):
    """A request: nothing is converted silently (no true for 1), nothing unknown is let pass."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _text_can_be_stored(cls, value: Any) -> Any:
        """Refuse NUL and lone surrogates, which JSON can carry and databases or UTF-8 cannot."""
        if _unsafe(value):
            raise ValueError("text must hold no NUL and no lone surrogate")
        return value


class Out(BaseModel):
    """A reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _unsafe(value: Any) -> bool:
    if isinstance(value, str):
        return _UNSAFE.search(value) is not None
    if isinstance(value, dict):
        return any(_unsafe(key) or _unsafe(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_unsafe, value))


def _calendar_date(value: Any) -> dt.date:
    # Pydantic alone would also take a number of seconds, or a moment.
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is None:
        raise ValueError("a date as 2026-11-21 is expected")
    return dt.date.fromisoformat(value)


# Far enough for every study, and no day in it overflows the calendar when a night shift passes midnight.
ServiceDate = Annotated[
    dt.date, BeforeValidator(_calendar_date), Field(ge=dt.date(2000, 1, 1), le=dt.date(2199, 12, 31))
]


class PlanIn(In):
    """What to plan, how long to search, and from which seed."""

    date: ServiceDate = Field(description="The service day, 2000-01-01 to 2199-12-31.", examples=["2026-11-22"])
    seconds: int = Field(default=30, ge=1, description="Seconds to search; at most the server's max_solve_s.")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Seed of the random generator.")
    steps: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="End after so many better plans instead of seconds: the same again gives the same plan.",
    )


class CityOut(Out):
    """A city as it was imported."""

    id: str = Field(description="Short name, made from the name: it stands in addresses.")
    name: str
    content_hash: str = Field(description="Says which content this is; it changes when any file changes.")
    timezone: str
    currency: str
    driving_side: str
    containers: int
    stops: int = Field(description="Places where containers stand together, counted once.")
    depots: int
    disposal_sites: int
    vehicles: int
    shifts: int
    zones: int
    attribution: str
    imported_at: dt.datetime
    warnings: list[FindingOut]


class CityList(Out):
    """All cities."""

    cities: list[CityOut]


class VehicleOut(Out):
    """A truck, three-wheeler or handcart."""

    id: str
    depot: str
    access_class: str
    capacity_kg: int
    capacity_l: int = Field(description="Volume of the body; it takes this times compaction of loose waste.")
    compaction: float
    width_m: float
    height_m: float
    length_m: float
    weight_t: float
    streams: list[str] = Field(description="Streams that it may carry; empty means all.")
    mixed_streams: bool
    speed_factor: float
    fixed_cost: float
    cost_per_hour: float
    cost_per_km: float
    energy: str
    range_km: float | None
    lift_s: int


class VehicleList(Out):
    """The vehicles of a city; costs are in its currency."""

    currency: str
    vehicles: list[VehicleOut]


class BreakOut(Out):
    """A rest that starts inside its window; seconds from local midnight."""

    duration_s: int
    earliest_s: int
    latest_s: int


class ShiftOut(Out):
    """A vehicle with its crew; seconds from local midnight, past 86,400 after the next one."""

    id: str
    vehicle: str
    weekdays: list[int] | None = Field(description="0 Monday to 6 Sunday; null means every day.")
    start_s: int
    end_s: int
    breaks: list[BreakOut]
    max_overtime_s: int
    overtime_cost_per_hour: float
    max_stops: int | None
    max_daily_kg: int | None


class ShiftList(Out):
    """The shifts of a city; costs are in its currency."""

    currency: str
    shifts: list[ShiftOut]


class ImprovementOut(Out):
    """A better plan, found while searching."""

    elapsed_s: float
    cost: float = Field(description="The objective in the city's currency, penalties for what is unserved included.")
    unserved: int


class RunOut(Out):
    """One execution of the solver."""

    id: str
    city_id: str
    date: dt.date
    seconds: int
    seed: int
    steps: int | None = Field(description="The limit of steps, where it has one instead of seconds.")
    status: RunStatus
    attempts: int = Field(description="How often it was begun; more than once after a process or server was killed.")
    stage: str | None = Field(description="What a running run does: preparing, searching or drawing.")
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    currency: str
    cost: float | None = Field(description="Of the best plan so far, in the city's currency.")
    progress: list[ImprovementOut] = Field(description="Each improvement, at most two a second, in order.")
    error: str | None = Field(description="Why it failed, in a sentence.")
    plan_id: str | None = Field(description="The plan, when the run is done.")


class RunEvent(Out):
    """What a stream of a run's events carries: an improvement, or the run's state."""

    kind: Literal["improvement", "state"]
    improvement: ImprovementOut | None = None
    status: RunStatus | None = None
    stage: str | None = None
    plan_id: str | None = None
    error: str | None = None


class CostOut(Out):
    """Every term of the objective, in the city's currency."""

    currency: str
    fixed: float
    time: float
    overtime: float
    distance: float
    gate_fees: float
    load_fuel: float = Field(
        description="Fuel that the load on board takes; off by default, like all that follow total."
    )
    operating: float = Field(description="What the city pays: the sum of the terms above.")
    prizes_missed: float
    required_unserved: float = Field(description="A penalty, not money: it makes the solver serve what is required.")
    total: float
    moved: float = Field(description="A wish, not money: visits that another shift took over.")
    outside_zones: float = Field(
        description="A wish, not money: visits outside the zones of the vehicle that serves them."
    )
    balance: float = Field(description="A wish, not money: long hours of single crews.")
    compactness: float = Field(description="A wish, not money: trips whose visits lie far from each other.")
    queue: float = Field(description="A wish, not money: trucks beyond what a disposal site takes in an hour.")


class RouteOut(Out):
    """One shift's day in figures."""

    vehicle: str
    shift: str
    departure: str = Field(description="ISO 8601 with the city's offset.")
    arrival: str = Field(description="Back at the depot; ISO 8601 with the city's offset.")
    departure_s: int
    arrival_s: int
    hours: float
    distance_km: float
    collected_t: float
    trips: int
    stops: int
    visits: int
    containers: int
    cost: CostOut
    geojson: str = Field(description="Where the driver's GeoJSON is.")


class UnservedOut(Out):
    """A visit that the plan leaves out, and why."""

    visit: str
    stop: str
    stream: str
    containers: list[str]
    reason: str
    detail: str


class PlanOut(Out):
    """A plan in figures."""

    id: str
    run_id: str | None = Field(description="The run that made it; null where edits did.")
    city_id: str
    content_hash: str = Field(description="The city's content that was planned.")
    date: dt.date
    created_at: dt.datetime
    state: PlanState = Field(description="Where it is in its life; replaced: it was published before another one.")
    parent_id: str | None = Field(description="The plan that it was made from by edits.")
    revision: int = Field(description="1 for a plan as a run made it; one more with each edit.")
    solver: str
    version: str
    seed: int
    problem_hash: str
    hours: float
    distance_km: float
    collected_t: float
    visits: int
    cost: CostOut
    routes: list[RouteOut]
    notes: list[str] = Field(
        default_factory=list, description="What was found while the day was prepared, such as a zone without streets."
    )
    unserved: list[UnservedOut]
    document: str = Field(description="Where the full plan with its problem is.")
    geojson: str = Field(description="Where all routes are as GeoJSON.")


class PlanItem(Out):
    """A plan in a list."""

    id: str
    run_id: str | None
    state: PlanState
    parent_id: str | None
    revision: int
    date: dt.date
    created_at: dt.datetime
    hours: float
    distance_km: float
    collected_t: float
    visits: int
    unserved: int
    cost: CostOut


class PlanList(Out):
    """The plans of a city, the newest first."""

    plans: list[PlanItem]


class PublishIn(In):
    """Which version of the day the caller believes to be in force."""

    replaces: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="Refused with 409 where another one is; 0 means none."
    )


class VersionOut(Out):
    """A plan that was published for a day."""

    version: int
    plan_id: str
    published_at: dt.datetime
    replaced_at: dt.datetime | None


class DayOut(Out):
    """A service day and the plan that it follows."""

    city_id: str
    date: dt.date
    state: Literal["published", "running", "closed"]
    version: int = Field(description="Counts what was published for this day, from 1.")
    plan_id: str
    plan: str = Field(description="Where the plan is.")
    published_at: dt.datetime
    started_at: dt.datetime | None
    closed_at: dt.datetime | None
    versions: list[VersionOut] = Field(description="Everything that was published for this day, in order.")


class DayItem(Out):
    """A service day in a list."""

    date: dt.date
    state: Literal["published", "running", "closed"]
    version: int
    plan_id: str
    published_at: dt.datetime


class DayList(Out):
    """The days of a city for which something is published, the newest first."""

    days: list[DayItem]


class HealthOut(Out):
    """The server answers."""

    status: Literal["ok"]
