"""A day on changed streets: plans go round closures, serve markets before they open, and say what holds."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from geodata.city.dataset import CityDataset, load_city
from geodata.city.demo.osm_xml import OsmDrawing
from geodata.streets.legs import legs
from optimizer.judge.evaluate import check
from optimizer.problem.plan import StepKind
from optimizer.search.stop import StepLimit
from scenarios.day import Day, plan_day, prepare_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from optimizer.problem.plan import Plan

MONDAY = dt.date(2026, 11, 23)
Feature = tuple[dict[str, Any], dict[str, Any] | None]
DEPOT = {"id": "D1", "lon": 103.850, "lat": 13.35}
LANDFILL = {"id": "L1", "lon": 103.870, "lat": 13.35, "unloading_s": 600}
BIN = {"id": "B1", "lon": 103.860, "lat": 13.35, "volume_l": 1000, "fill": 1}
SHIFT = {"start": "04:00", "end": "12:00"}
TOML = 'name = "Test town"\ntimezone = "Asia/Phnom_Penh"\ncurrency = "USD"\n'
AVENUE = {"type": "LineString", "coordinates": [[103.8541, 13.35], [103.8559, 13.35]]}


@pytest.fixture
def make_block(tmp_path: Path, truck: dict[str, Any]) -> Callable[..., CityDataset]:
    """Give a way to load a town whose avenue has a longer way round its middle block, with these overlays."""

    def make(*overlays: Feature, vehicles: list[dict[str, Any]] | None = None, **bin_: Any) -> CityDataset:
        drawing = OsmDrawing()
        corners = [drawing.node(lon, 13.35) for lon in (103.849, 103.854, 103.856, 103.861, 103.871)]
        north = [drawing.node(lon, 13.353) for lon in (103.854, 103.856)]
        drawing.way(corners, {"highway": "residential", "name": "Avenue"})
        drawing.way([corners[1], north[0]], {"highway": "residential", "name": "West"})
        drawing.way(north, {"highway": "residential", "name": "North"})
        drawing.way([north[1], corners[2]], {"highway": "residential", "name": "East"})
        drawing.write(tmp_path / "streets.osm")
        (tmp_path / "city.toml").write_text(TOML, encoding="utf-8")
        trucks = vehicles or [truck]
        shifts = [SHIFT | {"id": f"{one['id']}-day", "vehicle": one["id"]} for one in trucks]
        for stem, rows in (
            ("containers", [BIN | bin_]),
            ("depots", [DEPOT]),
            ("disposal_sites", [LANDFILL]),
            ("vehicles", trucks),
            ("shifts", shifts),
        ):
            with (tmp_path / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        features = [{"type": "Feature", "properties": said, "geometry": where} for said, where in overlays]
        document = {"type": "FeatureCollection", "features": features}
        (tmp_path / "overlays.geojson").write_text(json.dumps(document), encoding="utf-8")
        return load_city(tmp_path)

    return make


def closure(**more: Any) -> Feature:
    return {"id": "R1", "kind": "closure", "source": "Road works", "expires": "2026-11-30"} | more, AVENUE


def planned(day: Day) -> Plan:
    """Plan a day, and have the judge pass the plan."""
    plan = plan_day(day, stop=StepLimit(2), seed=1).plan
    assert not check(day.problem, plan)
    return plan


def streets_driven(day: Day, plan: Plan) -> set[str]:
    """Names of the streets of all legs."""
    names: set[str] = set()
    for route in plan.routes:
        nodes = [step.node for step in route.steps if step.kind is not StepKind.BREAK]
        profile = next(truck.profile for truck in day.problem.vehicles if truck.id == route.vehicle)
        found = legs(day.network, profile, day.places, list(itertools.pairwise(nodes)))
        names |= {day.network.street_name(int(i)) for one in found if one is not None for i in one.segments}
    return names


def test_a_closure_sends_the_route_round(make_block: Callable[..., CityDataset]) -> None:
    """While the closure holds, the plan drives the way round and costs more; a day later it is the old plan again."""
    city = make_block(closure())
    before, during = prepare_day(city, dt.date(2026, 12, 7)), prepare_day(city, MONDAY)
    straight, round_ = planned(before), planned(during)
    assert straight.unserved == round_.unserved == ()
    assert "North" not in streets_driven(before, straight)
    assert "North" in streets_driven(during, round_)
    assert round_.distance_m > straight.distance_m
    assert any("The overlay 'R1' (closure) changes 216 m of Avenue until 2026-11-30" in note for note in during.notes)
    assert any("'R1' has expired" in note for note in before.notes)
    assert prepare_day(make_block(), MONDAY).problem == prepare_day(make_block(), MONDAY).problem


def test_a_width_sends_the_compactor_round_and_lets_the_small_one_through(
    make_block: Callable[..., CityDataset], truck: dict[str, Any], small: dict[str, Any]
) -> None:
    """Of two vehicles on one day, each has its own streets."""
    narrow = {"id": "W", "kind": "width", "source": "x", "width_m": 1.5}, AVENUE
    day = prepare_day(make_block(narrow, vehicles=[truck, small]), MONDAY)
    wide, small = (next(v.profile for v in day.problem.vehicles if v.id == name) for name in ("T1", "K1"))
    depot, site = day.problem.depots[0].node, day.problem.disposal_sites[0].node
    assert day.problem.matrix.distance_m(wide)[depot, site] > day.problem.matrix.distance_m(small)[depot, site]


def test_a_bin_behind_a_closure_is_unserved_with_its_reason(make_block: Callable[..., CityDataset]) -> None:
    """A closure with no way round is an answer, not an exception."""
    ring = [[103.85, 13.34], [103.87, 13.34], [103.87, 13.36], [103.85, 13.36], [103.85, 13.34]]
    area = {"type": "Polygon", "coordinates": [ring]}
    said = {"id": "R1", "kind": "flooded", "source": "x", "expires": "2026-11-30"}
    plan = planned(prepare_day(make_block((said, area)), MONDAY))
    (left_out,) = plan.unserved
    assert left_out.reason.value == "unreachable"


MARKET = {"id": "M", "kind": "market", "source": "Market office", "windows": "06:00-18:00"}


def test_a_market_is_served_before_it_opens(make_block: Callable[..., CityDataset]) -> None:
    """A bin on the market street is emptied before six, and trucks on their way elsewhere go round."""
    at_market = {"lon": 103.855, "lat": 13.3501}
    day = prepare_day(make_block((MARKET, AVENUE), **at_market), MONDAY)
    (visit,) = day.problem.visits
    busy_s = visit.setup_s + visit.service_s
    assert (visit.windows[0].start_s, visit.windows[0].end_s) == (0, 21_600 - busy_s)
    (route,) = planned(day).routes
    (step,) = (step for step in route.steps if step.kind is StepKind.VISIT)
    assert step.departure_s <= 21_600
    elsewhere = prepare_day(make_block((MARKET, AVENUE)), MONDAY)
    assert "North" in streets_driven(elsewhere, planned(elsewhere))


def test_a_bin_that_may_only_be_served_during_the_market_is_unserved(make_block: Callable[..., CityDataset]) -> None:
    """A bin on the market street whose own hours all lie in the market's is out of reach that day."""
    day = prepare_day(make_block((MARKET, AVENUE), lon=103.855, lat=13.3501, windows="06:30-09:00"), MONDAY)
    (left_out,) = planned(day).unserved
    assert left_out.reason.value == "unreachable"
