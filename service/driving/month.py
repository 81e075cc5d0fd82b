"""A month of a city's days by zone: what contractors promised and did, for the API and the command line alike."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from geodata.city.build import ZONE_PREFIX
from scenarios.amounts import zone_of_stop
from scenarios.changes.waste import zones_of
from service.clock import local_clock
from service.db.models import CityVersionRow
from service.db.plan_life import DayRow
from service.db.publication import published_plan
from service.driving.contract import LATE_S, Case, ZoneReport, cases_of_day, found_full, reported
from service.driving.fold import fold
from service.driving.promised import promised_day
from service.driving.receive import moment_us
from service.driving.store import events_of_day
from service.ingest.report import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geodata.city.dataset import CityDataset
    from geodata.city.records import Zone
    from service.cities import Cities
    from service.driving.planned import PlannedDays

_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReport:
    """A month by zone, and each visit of it that was late, missed or disputed.

    ``zone_of`` is by date: a city's zones may change within a month.
    """

    month: str
    zones: Mapping[str, ZoneReport]
    named: Mapping[str, Zone]
    cases: tuple[Case, ...]
    zone_of: Mapping[dt.date, Mapping[str, str]]
    timezone: str


def month_report(
    session: Session, cities: Cities, planned: PlannedDays, city_id: str, month: str, *, late_s: int = LATE_S
) -> MonthReport:
    """Return what was promised and done in a month's published days.

    Parameters
    ----------
    month
        As ``2026-11``.

    Raises
    ------
    NotFound
        If there is no such city.
    """
    current = cities.current(session, city_id)
    first = dt.date.fromisoformat(f"{month}-01")
    after = (first + dt.timedelta(days=32)).replace(day=1)
    dates = session.exec(
        select(col(DayRow.service_date))
        .where(DayRow.city_id == city_id, DayRow.service_date >= first, DayRow.service_date < after)
        .order_by(col(DayRow.service_date))
    ).all()
    zones: dict[str, ZoneReport] = {}
    named: dict[str, Zone] = {}
    kept: list[Case] = []
    zone_of: dict[dt.date, dict[str, str]] = {}
    timezone: str = current.summary["timezone"]
    for date in dates:
        city = _city_of_day(session, cities, city_id, date)
        timezone = city.timezone
        promised = promised_day(session, planned, city_id, date)
        state = fold(events_of_day(session.connection(), city_id, date, positions="all"))
        from_us, until_us = (moment_us(date, seconds, timezone) for seconds in (-_DAY_S, 2 * _DAY_S))
        readings = found_full(session.connection(), city_id, from_us, until_us)
        cases = cases_of_day(promised, state, readings, date, timezone, late_s=late_s)
        zone_of[date] = zones_of_places(city, (name for case in cases for name in case.visit.containers))
        weighed = {
            (date, shift): sum(kg)
            for shift, said in state.shifts.items()
            if (kg := [one.kg for one in said.unloadings if one.kg is not None])
        }
        for name, found in reported(cases, zone_of[date], weighed).items():
            _add(zones.setdefault(name, ZoneReport()), found)
        named |= {zone.id: zone for zone in city.zones}
        kept += [case for case in cases if case.is_late or case.evidence or not case.is_done]
    return MonthReport(
        month=month,
        zones=dict(sorted(zones.items())),
        named=named,
        cases=tuple(kept),
        zone_of=zone_of,
        timezone=timezone,
    )


def zones_of_places(city: CityDataset, names: Iterable[str]) -> dict[str, str]:
    """Return the zone of each container of a city, and of the door-to-door stops among some names."""
    return zones_of(city) | {name: zone_of_stop(name) for name in names if name.startswith(ZONE_PREFIX)}


def zone_rows(report: MonthReport) -> list[dict[str, Any]]:
    """Return a flat row for each zone in plain values: counts of visits, shares from 0 to 1, tonnes."""
    rows = []
    for name, zone in report.zones.items():
        known = report.named.get(name)
        rows.append(
            {
                "month": report.month,
                "zone": name,
                "zone_name": known.name if known else "",
                "contractor": (known.contractor or "") if known else "",
                "days": len(zone.days),
                "promised": zone.promised,
                "done": zone.done,
                "late": zone.late,
                "missed": zone.promised - zone.done,
                "skipped": sum(zone.missed.values()) - zone.missed["unreported"],
                "unreported": zone.missed["unreported"],
                "disputed": zone.disputed,
                "service": round(zone.done / zone.promised, 4),
                "promised_t": zone.promised_kg / 1_000,
                "done_t": zone.done_kg / 1_000,
                "weighed_t": None if zone.weighed_kg is None else round(zone.weighed_kg / 1_000, 3),
            }
        )
    return rows


def case_rows(report: MonthReport) -> list[dict[str, Any]]:
    """Return a flat row for each visit that was late, missed or disputed, with what speaks against its crew's word."""
    rows: list[dict[str, Any]] = []
    for case in report.cases:
        clock = local_clock(case.date, report.timezone)
        zone = report.zone_of[case.date].get(case.visit.containers[0], "") if case.visit.containers else ""
        known = report.named.get(zone)
        rows.append(
            {
                "date": case.date.isoformat(),
                "visit": case.visit.id,
                "zone": zone,
                "contractor": (known.contractor or "") if known else "",
                "shift": case.shift,
                "outcome": case.outcome,
                "late": case.is_late,
                "disputed": bool(case.evidence),
                "promised_at": clock(case.promised_s),
                "done_at": None if case.done_s is None else clock(case.done_s),
                "kg": case.visit.kg,
                "evidence": [
                    {
                        "kind": one.kind,
                        "time": moment_of(one.time_us).isoformat(),
                        "away_m": one.away_m,
                        "container": one.container,
                        "fill": one.fill,
                    }
                    for one in case.evidence
                ],
            }
        )
    return rows


def flat_cases(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of cases with their evidence in words, for tables."""
    return [{**row, "evidence": "; ".join(map(_said, row["evidence"]))} for row in rows]


def _said(evidence: Mapping[str, Any]) -> str:
    if evidence["kind"] == "position":
        return f"the truck was {evidence['away_m']} m away at {evidence['time']}"
    return f"{evidence['container']} was {evidence['fill']:.0%} full at {evidence['time']}"


def _city_of_day(session: Session, cities: Cities, city_id: str, date: dt.date) -> CityDataset:
    plan = published_plan(session, city_id, date)
    assert plan is not None, "Its day has a row."
    content_hash = session.exec(
        select(CityVersionRow.content_hash).where(CityVersionRow.id == plan.city_version_id)
    ).one()
    return cities.dataset(plan.city_version_id, content_hash)


def _add(total: ZoneReport, one: ZoneReport) -> None:
    for name in ("promised", "done", "late", "disputed", "promised_kg", "done_kg"):
        setattr(total, name, getattr(total, name) + getattr(one, name))
    total.missed += one.missed
    total.days |= one.days
    if one.weighed_kg is not None:
        total.weighed_kg = (total.weighed_kg or 0.0) + one.weighed_kg
