"""A study as a brief that a council can read: answer, table, charts, what bound each scenario, how it was made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from scenarios.answer import sentences
from scenarios.charts import Bar, bar_chart
from scenarios.compare import reference
from service.export.pdf import pdf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.compare import Line
    from scenarios.study import StudyResult

_COSTS: Final = (
    ("{} a day", "cost", ",.0f"), ("difference", "", ""), ("{} a year", "", ""), ("{} a tonne", "", ""),
    ("vehicles on the road", "trucks", ".1f"), ("crew hours", "crew_hours", ".1f"),
    ("overtime hours", "overtime_hours", ".1f"), ("km", "km", ",.0f"),
)  # fmt: skip
_SERVICE: Final = (
    ("tonnes collected", "tonnes", ",.1f"), ("visits left behind", "unserved", ".1f"),
    ("containers overflowing", "overflows", ".1f"), ("truck fill", "fill", ".0%"), ("plan holds", "", ""),
    ("overtime on a bad day", "", ""), ("fuel, l", "fuel_l", ",.0f"), ("kg CO2e", "co2e_kg", ",.0f"),
)  # fmt: skip
_LEGEND: Final = (
    "Means over all days and draws. A star marks scenarios that no other beats in cost, waste left behind, overflow "
    "and CO2e at once. The difference is that of a day's cost to {}, with its 95 % interval. Visits left behind: those "
    "that must be made on a day and are not. Containers overflowing: full when the truck can come. Truck fill: how "
    "full trucks come to the disposal site. The plan holds: the share of days, lived through with other amounts, "
    "traffic and queues, on which it could be carried out to its end; a bad day is one in twenty of them, its overtime "
    "in hours of all crews."
)
_MOST_ZONES_BESIDE: Final = 6
"""More scenarios than that do not fit beside a zone's name."""


def brief_pdf(result: StudyResult, lines: Sequence[Line]) -> bytes:
    """Set the brief of a study.

    Raises
    ------
    ExportMissing
        If the package typst is not installed.
    """
    return pdf("brief", brief_data(result, lines), pictures=charts(result, lines))


def charts(result: StudyResult, lines: Sequence[Line]) -> dict[str, str]:
    """Return the charts as SVG, by file name: cost with its interval, and what stays behind."""
    done = [line for line in lines if line.cells]
    currency = result.city.currency
    base = lines[reference(result)].figures.get("cost", 0.0)
    costs = []
    for line in done:
        change = line.differences.get("cost")
        costs.append(
            Bar(
                label=line.name,
                value=line.figures["cost"],
                text=f"{line.figures['cost']:,.0f}",
                low=None if change is None else base + change.low,
                high=None if change is None else base + change.high,
                strong=line.served_days == 1,
            )
        )
    left = [
        Bar(label=line.name, value=line.figures["unserved"], text=f"{line.figures['unserved']:,.1f}") for line in done
    ]
    return {
        "cost.svg": bar_chart(
            f"What a day costs, {currency} (pale: something stays behind that must be collected)", costs
        ),
        "left.svg": bar_chart("Visits a day that stay behind though they must be made", left),
    }


def brief_data(result: StudyResult, lines: Sequence[Line]) -> dict[str, Any]:
    """Return all words and figures of the brief, as plain values."""
    study, city = result.study, result.city
    done = [line for line in lines if line.cells]
    names = {zone.id: zone.name for zone in city.zones}
    zones = sorted({zone for line in done for zone in line.services}) if city.zones else []
    shown = _evenly(done, _MOST_ZONES_BESIDE)
    compared = study.scenarios[reference(result)].name
    draws = "one draw" if len(study.seeds) == 1 else f"{len(study.seeds)} draws"
    days = "one day" if len(study.days) == 1 else f"{len(study.days)} days"
    return {
        "title": f"{city.name}: {study.name}",
        "subtitle": f"{len(study.scenarios)} scenarios on {days}, with {draws} of each day's waste",
        "answer": sentences(result, lines),
        "foot": f"Made with Samram. Streets: {city.attribution}" if city.attribution else "Made with Samram.",
        "words": {
            "costs": "What each scenario costs, on an average day",
            "service": "What it comes to, on an average day",
            "legend": _LEGEND.format(compared),
            "marks": f"The marks are 95 % intervals of the difference to {compared}.",
            "bound": "What limits each scenario",
            "services": "Service by zone: share of the waste due that is collected",
            "how": "How this was made",
        },
        "tables": [
            {
                "columns": ["scenario", *(name.format(city.currency) for name, _, _ in columns)],
                "rows": [[f"{line.name}{' *' if line.pareto else ''}", *_row(line, columns)] for line in done],
            }
            for columns in (_COSTS, _SERVICE)
        ],
        "charts": ["cost.svg", "left.svg"],
        "bound": _bound(lines),
        "services": {
            "columns": ["zone", *(line.name for line in shown)],
            "rows": [
                [
                    names.get(zone, zone) or "outside all zones",
                    *(f"{line.services[zone]:.0%}" if zone in line.services else "" for line in shown),
                ]
                for zone in zones
            ],
        },
        "how": _how(result),
    }


def _evenly(lines: Sequence[Line], most: int) -> list[Line]:
    """Return so many of the lines at most, the first and the last among them."""
    if len(lines) <= most:
        return list(lines)
    return [lines[round(number * (len(lines) - 1) / (most - 1))] for number in range(most)]


def _bound(lines: Sequence[Line]) -> list[list[str]]:
    """Return names and sentences; neighbours of which the same is to be said stand together."""
    found: list[list[str]] = []
    for line in lines:
        said = line.bound if line.cells else line.why_not
        if not said:
            continue
        if found and found[-1][1] == said:
            found[-1][0] += f", {line.name}"
        else:
            found.append([line.name, said])
    return found


def _how(result: StudyResult) -> list[str]:
    """Return the sentences on how the study was made."""
    study = result.study
    days = ", ".join(day.isoformat() for day in study.days[:7]) + (" and later" if len(study.days) > 7 else "")  # noqa: PLR2004
    budget = f"{study.budget.seconds:g} s" if study.budget.seconds is not None else f"{study.budget.steps} steps"
    compared = study.scenarios[reference(result)].name
    met = (
        f"Days: {days}. Every scenario met the same {len(study.seeds)} draws of each day's waste, so that differences "
        f"are those of the scenarios; intervals are of the difference to {compared}, day by day."
    )
    planned = (
        f"Each day was planned for {budget}; plans left {study.budget.reserve:.0%} of each shift and truck free, and "
        f"were lived through {study.samples} times with other amounts, traffic and queues."
    )
    same = (
        "the same data, study and steps give the same table."
        if study.budget.steps is not None
        else "plans that are searched for a time differ a little from run to run."
    )
    paid = (
        "Cost is what the city's own files say of vehicles, crews, kilometres and gates. A vehicle is paid for on the "
        "days on which it leaves its depot; a year has as many of the average day as there are working days."
    )
    return [
        met,
        planned,
        paid,
        "Fuel and CO2e are reckoned with the factors of docs/kpis.md; they are no measurements.",
        f"City data {result.city.content_hash[:12]}; {same}",
    ]


def _row(line: Line, columns: Sequence[tuple[str, str, str]]) -> list[str]:
    special = {
        "difference": _difference(line),
        "{} a year": f"{line.cost_per_year:,.0f}",
        "{} a tonne": f"{line.cost_per_tonne:,.1f}",
        "plan holds": f"{line.held:.0%}",
        "overtime on a bad day": f"{line.lived['overtime_hours'][1]:.1f}" if line.lived else "",
    }
    return [format(line.figures[key], form) if key else special[name] for name, key, form in columns]


def _difference(line: Line) -> str:
    change = line.differences.get("cost")
    if change is None:
        return "-"
    if not math.isfinite(change.low):
        return f"{change.mean:+,.0f}"
    return f"{change.mean:+,.0f} ±{change.high - change.mean:,.0f}"
