"""A month of a city by zone: the facts with which a contract is enforced."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from service.api.deps import CitiesDep, CityId, PlannedDep, SessionDep
from service.api.replies import CSV, CsvResponse, errors
from service.api.schemas import Out
from service.driving.contract import LATE_S
from service.driving.month import MonthReport, case_rows, flat_cases, month_report, zone_rows
from service.export.tables import csv_text

router = APIRouter(prefix="/v1/cities/{city_id}/months/{month}", tags=["reports"])

Month = Annotated[str, Path(pattern="^2[01][0-9]{2}-(0[1-9]|1[0-2])$", description="The month.", examples=["2026-11"])]
LateMinutes = Annotated[
    int, Query(ge=0, le=1_440, description="A visit is late when it was done so many minutes later than planned.")
]


def _report(
    city_id: CityId,
    month: Month,
    session: SessionDep,
    cities: CitiesDep,
    planned: PlannedDep,
    late_minutes: LateMinutes = LATE_S // 60,
) -> MonthReport:
    return month_report(session, cities, planned, city_id, month, late_s=60 * late_minutes)


ReportDep = Annotated[MonthReport, Depends(_report)]


class ZoneMonthOut(Out):
    """What was promised in a zone, and what became of it; counts are of visits."""

    month: str
    zone: str = Field(description="Empty outside all zones.")
    zone_name: str
    contractor: str = Field(description="Empty where the city itself collects.")
    days: int = Field(description="Days on which anything was promised there.")
    promised: int = Field(description="Visits that a published plan serves.")
    done: int
    late: int = Field(description="Of those done.")
    missed: int = Field(description="Promised and not done: skipped with a reason, or never spoken of.")
    skipped: int
    unreported: int
    disputed: int = Field(description="Said to be done, or empty, while a position or a reading says otherwise.")
    service: float = Field(description="done / promised.")
    promised_t: float = Field(description="As planned.")
    done_t: float = Field(description="As planned, of the visits done.")
    weighed_t: float | None = Field(
        description="Of the weighbridge, shared by planned weight among the zones that a shift collected in."
    )


class EvidenceOut(Out):
    """What speaks against a crew's word."""

    kind: Literal["position", "reading"]
    time: str
    away_m: int | None = Field(
        description="How far the truck was then, farther than it could have driven since or until."
    )
    container: str | None
    fill: float | None = Field(description="What a sensor or citizen found ten minutes to six hours later.")


class CaseOut(Out):
    """A visit that was late, missed or disputed."""

    date: str
    visit: str
    zone: str
    contractor: str
    shift: str
    outcome: str = Field(description="done, a reason to skip, or unreported.")
    late: bool
    disputed: bool
    promised_at: str
    done_at: str | None
    kg: int
    evidence: list[EvidenceOut]


class MonthOut(Out):
    """A month's report."""

    month: str
    zones: list[ZoneMonthOut]
    cases: list[CaseOut] = Field(description="Visits that were late, missed or disputed, by day and id.")


@router.get("/report", summary="Promised against done, by zone", responses=errors(404, 409, 422))
def get_report(month: Month, found: ReportDep) -> MonthOut:
    """Return what the month's published plans promised in each zone, what was done, late, missed and is disputed."""
    return MonthOut(
        month=month,
        zones=[ZoneMonthOut.model_validate(row) for row in zone_rows(found)],
        cases=[CaseOut.model_validate(row) for row in case_rows(found)],
    )


@router.get(
    "/report.csv", summary="The same as a table", response_class=CsvResponse, responses=errors(404, 409, 422) | CSV
)
def get_report_csv(found: ReportDep) -> Response:
    """Return a row for each zone."""
    return CsvResponse(csv_text(zone_rows(found), ZONE_COLUMNS))


@router.get(
    "/cases.csv", summary="Visits that were late, missed or disputed", response_class=CsvResponse,
    responses=errors(404, 409, 422) | CSV,
)  # fmt: skip
def get_cases_csv(found: ReportDep) -> Response:
    """Return a row for each such visit, with the evidence in words."""
    return CsvResponse(csv_text(flat_cases(case_rows(found)), CASE_COLUMNS))


ZONE_COLUMNS: Final = tuple(ZoneMonthOut.model_fields)
CASE_COLUMNS: Final = tuple(CaseOut.model_fields)
