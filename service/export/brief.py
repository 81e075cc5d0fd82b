"""A study as a brief that a council can read: answer, table, charts, what bound each scenario, how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from scenarios.charts import Bar, bar_chart
from scenarios.compare import answer, reference
from service.export.pdf import pdf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.compare import Line
    from scenarios.study import StudyResult

_COLUMNS: Final = (
    ("{} a day", "cost", ",.0f"), ("a year", "", ""), ("a tonne", "", ""), ("trucks", "trucks", ".1f"),
    ("crew h", "crew_hours", ".1f"), ("km", "km", ",.0f"), ("t", "tonnes", ",.1f"),

    ("overtime h", "overtime_hours", ".1f"), ("unserved", "unserved", ".1f"), ("overflow", "overflows", ".1f"),
    ("fuel l", "fuel_l", ",.0f"), ("kg CO2e", "co2e_kg", ",.0f"), ("fill", "fill", ".0%"), ("held", "", ""),
)  # fmt: skip
_LEGEND: Final = (
    "Means over all days and draws. Unserved: required visits that stay behind on a day. Overflow: containers that are "
    "full when the truck can come. Fill: how full trucks come to the disposal site. Held: the share of days, lived "
    "through with other amounts, traffic and queues, on which the plan could be carried out to its end. A star marks "
    "scenarios that no other beats in cost, waste left behind, overflow and CO2e at once."
)


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
        Bar(label=line.name, value=line.figures["unserved_tonnes"], text=f"{line.figures['unserved_tonnes']:,.2f} t")
        for line in done
    ]
    return {
        "cost.svg": bar_chart(f"{currency} a day (pale: something required stays behind)", costs),
        "left.svg": bar_chart("Tonnes a day that stay behind", left),
    }


def brief_data(result: StudyResult, lines: Sequence[Line]) -> dict[str, Any]:
    """Return all words and figures of the brief, as plain values."""
    study, city = result.study, result.city
    done = [line for line in lines if line.cells]
    names = {zone.id: zone.name for zone in city.zones}
    zones = sorted({zone for line in done for zone in line.services})
    most = 6  # more scenarios than that do not fit beside a zone's name
    shown = done if len(done) <= most else [done[0], *done[1 :: max(1, (len(done) - 1) // (most - 1))]][:most]
    return {
        "title": f"{city.name}: {study.name}",
        "subtitle": f"{len(study.scenarios)} scenarios, {len(study.days)} days, {len(study.seeds)} draws of the waste",
        "answer": answer(result, lines),
        "foot": f"Made with Samram. Streets: {city.attribution}" if city.attribution else "Made with Samram.",
        "words": {
            "table": "What each scenario comes to, on an average day",
            "legend": _LEGEND,
            "bound": "What bound each scenario",
            "services": "Service by zone: share of the waste due that is collected",
            "how": "How this was made",
        },
        "columns": ["scenario", *(name.format(city.currency) for name, _, _ in _COLUMNS)],
        "rows": [[f"{line.name}{' *' if line.pareto else ''}", *_row(line)] for line in done],
        "charts": ["cost.svg", "left.svg"],
        "bound": [
            [line.name, line.bound if line.cells else line.why_not] for line in lines if line.cells or line.why_not
        ],
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


def _how(result: StudyResult) -> list[str]:
    """Return the sentences on how the study was made."""
    study = result.study
    days = ", ".join(day.isoformat() for day in study.days[:7]) + (" and later" if len(study.days) > 7 else "")  # noqa: PLR2004
    budget = f"{study.budget.seconds:g} s" if study.budget.seconds is not None else f"{study.budget.steps} steps"
    compared = study.scenarios[reference(result)].name
    met = (
        f"Days: {days}. Every scenario met the same {len(study.seeds)} draws of each day's waste, so that differences "
        f"are those of the scenarios; the marks on the bars are 95 % intervals of the difference to {compared!r}."
    )
    planned = (
        f"Each day was planned for {budget}; plans left {study.budget.reserve:.0%} of each shift and truck free, and "
        f"were lived through {study.samples} times with other amounts, traffic and queues."
    )
    return [
        met,
        planned,
        "Fuel and CO2e are reckoned with the factors of docs/kpis.md (IPCC, EMEP/EEA); they are no measurements.",
        f"City data {result.city.content_hash[:12]}; the same data, study and steps give the same table.",
    ]


def _row(line: Line) -> list[str]:
    special = {
        "a year": f"{line.cost_per_year:,.0f}",
        "a tonne": f"{line.cost_per_tonne:,.1f}",
        "held": f"{line.held:.0%}",
    }
    return [format(line.figures[key], form) if key else special[name] for name, key, form in _COLUMNS]
