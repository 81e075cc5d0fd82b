"""KPIs: the example that docs/kpis.md computes by hand, and what its figures mean elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from optimizer.judge.evaluate import evaluate
from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Depot, DisposalSite, Location, Problem, Shift, Vehicle, Visit
from optimizer.problem.plan import Plan, Reason, RouteOrder, UnloadAction, Unserved, VisitAction
from scenarios.changes.case import Battery
from scenarios.kpi import DIESEL_CO2E_KG_PER_L, DayKpis, day_kpis

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "kpis.md"
KM: Final = [0, *range(1, 11), 12]
"""The depot, ten stops a kilometre apart, and the landfill two further on: all on one straight road."""
ZONES: Final = {f"bin-{number}-{side}": "west" if number <= 5 else "east" for number in range(1, 11) for side in "ab"}


def example() -> tuple[Problem, Plan]:
    """Build the day of docs/kpis.md: the tenth stop is left out."""
    metres = 1_000 * np.abs(np.subtract.outer(KM, KM)).astype(np.int32)
    visits = tuple(
        Visit(
            id=f"stop-{number}", stop=f"stop-{number}", kerb=(number,), stream="residual", demand_kg=500,
            demand_l=3_000, service_s=30, setup_s=25, lifts=2, containers=(f"bin-{number}-a", f"bin-{number}-b"),
        )
        for number in range(1, 11)
    )  # fmt: skip
    problem = Problem(
        matrix=TravelMatrix({"truck": metres // 10}, {"truck": metres}),
        locations=tuple(Location(lon=103.8 + km / 108, lat=13.3) for km in KM),
        depots=(Depot(id="depot", node=0),),
        disposal_sites=(DisposalSite(id="landfill", node=11, unloading_s=900, fee_micro_per_kg=4_000),),
        vehicles=(
            Vehicle(
                id="C1", depot="depot", profile="truck", access_class="compactor", capacity_kg=6_000, body_l=12_000,
                compaction_permille=3_000, lift_s=20, fixed_micro=30_000_000, micro_per_s=2_000, micro_per_m=600,
            ),
        ),
        shifts=(Shift(id="C1-day", vehicle="C1", start_s=14_400, end_s=18_400, max_overtime_s=600,
                      overtime_micro_per_s=1_000),),
        visits=visits,
    )  # fmt: skip
    actions = (*(VisitAction(visit=f"stop-{number}") for number in range(1, 10)), UnloadAction(site="landfill"))
    left_out = Unserved(visit="stop-10", reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="Left out by hand.")
    evaluation = evaluate(problem, [RouteOrder(shift="C1-day", actions=actions)], unserved=[left_out])
    assert evaluation.violations == ()
    return problem, evaluation.plan


def figures(kpis: DayKpis) -> dict[str, float]:
    """Return the figures by their names in the document."""
    route = kpis.routes[0]
    return {
        "kilometres": route.distance_m / 1_000,
        "driving, s": route.driving_s,
        "standing, s": route.standing_s,
        "waiting, s": route.waiting_s,
        "crew, s": route.crew_s,
        "overtime, s": route.overtime_s,
        "tonnes": kpis.collected_kg / 1_000,
        "cost, USD": kpis.cost_micro / 1e6,
        "cost per tonne, USD": kpis.cost_per_tonne,
        "average truck fill": kpis.fill,
        "trucks": kpis.trucks,
        "unserved visits": kpis.unserved_required,
        "unserved, t": kpis.unserved_kg / 1_000,
        "service level, west": kpis.zones["west"].service,
        "service level, east": kpis.zones["east"].service,
        "fuel, l": route.fuel_l,
        "CO2e, kg": route.co2e_kg,
    }


def test_the_document_s_example_is_what_is_computed() -> None:
    """Every figure of the table in docs/kpis.md, to the digits that it is given with."""
    computed = figures(day_kpis(*example(), zone_of=ZONES))
    stated = dict(
        re.findall(r"^\| ([^|]+?) \| [^|]+ \| \*\*([\d.,]+)\*\* \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    )
    assert set(stated) == set(computed)
    for name, text in stated.items():
        digits = len(text.partition(".")[2])
        assert round(computed[name], digits) == float(text.replace(",", "")), name


def test_electric_vehicles_draw_by_their_load_and_burn_nothing() -> None:
    """Empty 1 kWh/km over 24 km; 0.1 more for each tonne and km, 45 + 12 * 4.5 - 9 * 4.5 t km on the way out."""
    problem, plan = example()
    hauled_t_km = sum(0.5 * (12 - number) for number in range(1, 10))
    kpis = day_kpis(problem, plan, electric={"C1": Battery(usable_kwh=25, kwh_per_km=1, kwh_per_t_km=0.1)})
    route = kpis.routes[0]
    assert route.energy_kwh == pytest.approx(24 + 0.1 * hauled_t_km)
    assert route.battery_short_kwh == pytest.approx(route.energy_kwh - 25)
    assert route.fuel_l == 0
    assert route.co2e_kg == pytest.approx(route.energy_kwh * 0.48)


def test_a_litre_of_diesel_weighs_what_the_guidelines_say() -> None:
    """2.68 kg of carbon dioxide, and 1.5 % more with methane and nitrous oxide."""
    assert pytest.approx(2.68 * 1.0154, abs=0.005) == DIESEL_CO2E_KG_PER_L
