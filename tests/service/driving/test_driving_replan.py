"""What goes wrong at noon becomes a draft for the rest of the day, and the dispatcher publishes it."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from driving_day import at, done

from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan, loads
from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from driving_day import Driven

TEN_S = 10 * 3_600


def wait(driven: Driven, address: str) -> dict[str, Any]:
    """Poll a run until it is over."""
    for _ in range(1_500):
        run: dict[str, Any] = driven.client.get(address).json()
        if run["status"] not in ("queued", "running"):
            return run
        time.sleep(0.4)
    raise AssertionError(f"The run is still {run['status']}.")


def replanned(driven: Driven, *changes: dict[str, Any], at_s: int, **more: Any) -> tuple[dict[str, Any], Any, Any]:
    """Plan the rest of the day and return what came of it, and the draft's problem and plan."""
    body = {"changes": list(changes), "at": at(at_s), "steps": 3, **more}
    reply = driven.client.post(driven.of_day("replans"), json=body)
    assert reply.status_code == 202, reply.text
    run = wait(driven, reply.headers["location"])
    assert (run["status"], run["error"]) == ("done", None)
    result = driven.client.get(driven.of_day("replans")).json()["replans"][0]
    assert result["plan_id"] == run["plan_id"]
    problem, plan = decode_plan(loads(driven.client.get(f"/v1/plans/{run['plan_id']}/plan.json").content))
    assert check(problem, plan) == ()
    return result, problem, plan


def served(plan: Any) -> dict[str, str]:
    """Return which shift serves each visit of a plan."""
    return {step.id: route.shift for route in plan.routes for step in route.steps if step.kind is StepKind.VISIT}


def test_breakdown_is_lived_through(driven: Driven) -> None:
    """What is done stays done, the broken truck drives no more, others take over, and drivers get the new plan."""
    broken, other, *_ = driven.shifts()
    first, second, third, *rest = driven.visits(broken)
    mine = driven.visits(other)
    now_s = max(second["departure_s"], mine[0]["departure_s"]) + 60
    driven.now_us += (now_s - 16 * 3_600) * 1_000_000
    driven.send(broken, done(1, first), done(2, second) | {"time": at(now_s - 30)})
    driven.send(other, done(10, mine[0]) | {"time": at(now_s - 30)})
    vehicle = driven.steps(broken)[0]["vehicle"]
    result, problem, plan = replanned(driven, {"kind": "breakdown", "vehicle": vehicle}, at_s=now_s)

    now = served(plan)
    assert not {first["id"], second["id"], mine[0]["id"]} & {visit.id for visit in problem.visits}
    assert broken not in {route.shift for route in plan.routes}
    assert set(result["displaced"]) >= {visit["id"] for visit in (third, *rest)}
    left = {unserved.visit for unserved in plan.unserved}
    assert set(result["displaced_unserved"]) == set(result["displaced"]) & left
    assert any(visit in now for visit in result["displaced"])
    before = {visit["id"]: shift for shift in driven.shifts() for visit in driven.visits(shift)}
    changed = {visit for visit, shift in now.items() if before.get(visit) != shift}
    assert changed - set(result["displaced"]) == set(result["moved"])
    assert driven.client.get(f"/v1/plans/{result['plan_id']}").json()["state"] == "draft"

    assert driven.client.post(f"/v1/plans/{result['plan_id']}/publish").status_code == 200
    taker = next(now[visit] for visit in result["displaced"] if visit in now)
    route = driven.client.get(driven.of_day(f"shifts/{taker}/route.geojson")).json()["features"]
    visits = [one["properties"]["id"] for one in route if one["properties"]["kind"] == "visit"]
    assert visits == [visit for visit, shift in now.items() if shift == taker]
    assert driven.client.get(driven.of_day(f"shifts/{broken}/route.geojson")).json()["features"] == []
    late = driven.send(broken, done(3, third) | {"time": at(now_s - 5)})
    assert late["results"][0]["code"] == 201, "a phone that still follows the old plan"
    progress = driven.client.get(driven.of_day("progress")).json()
    assert progress["done"] == 4


@pytest.mark.parametrize("kind", ["container", "street"])
def test_urgent_stop_is_served(driven: Driven, kind: str) -> None:
    """A container that is full again, or waste at a place of the map, gets a visit today, and a way to it."""
    shift, *_ = driven.shifts()
    first, *_ = driven.visits(shift)
    now_s = first["departure_s"] + 60
    driven.now_us += (now_s - 16 * 3_600) * 1_000_000
    driven.send(shift, done(1, first))
    container = first["containers"][0]
    stop = {"container": container["id"], "fill": 0.5}
    if kind == "street":
        stop = {"lon": container["lon"], "lat": container["lat"], "kg": 90}
    result, problem, plan = replanned(driven, {"kind": "urgent_stop", **stop}, at_s=now_s)
    visit = next(visit for visit in problem.visits if visit.id.startswith("urgent:"))
    assert visit.containers == ((container["id"],) if kind == "container" else ())
    assert kind == "container" or visit.demand_kg == 90
    taker = served(plan)[visit.id]
    assert driven.client.post(f"/v1/plans/{result['plan_id']}/publish").status_code == 200
    route = driven.client.get(driven.of_day(f"shifts/{taker}/route.geojson")).json()["features"]
    assert any(one["properties"].get("id") == visit.id for one in route)
    again = driven.send(taker, done(2, {"id": visit.id, "departure_s": now_s}))
    assert again["results"][0]["code"] == 201


def test_container_with_a_visit_to_come_needs_no_other(driven: Driven) -> None:
    """An urgent stop at a container that is planned anyway fails, and says why."""
    container = driven.visits(driven.shifts()[0])[-1]["containers"][0]["id"]
    body = {"changes": [{"kind": "urgent_stop", "container": container}], "at": at(0), "steps": 1}
    reply = driven.client.post(driven.of_day("replans"), json=body)
    run = wait(driven, reply.headers["location"])
    assert run["status"] == "failed"
    assert "still to come" in run["error"]


def test_full_truck_unloads_next(driven: Driven) -> None:
    """A truck that is full before its time goes to a disposal site before its next visit."""
    shift, *_ = driven.shifts()
    first, second, *_ = driven.visits(shift)
    now_s = first["departure_s"] + 60
    driven.now_us += (now_s - 16 * 3_600) * 1_000_000
    driven.send(shift, done(1, first))
    _, problem, plan = replanned(driven, {"kind": "truck_full", "shift": shift}, at_s=now_s)
    route = next(route for route in plan.routes if route.shift == shift)
    kinds = [step.kind for step in route.steps if step.kind is not StepKind.BREAK]
    assert kinds[1] is StepKind.UNLOAD
    assert second["id"] in {visit.id for visit in problem.visits}


def test_blocked_street_is_driven_around(driven: Driven) -> None:
    """A street that is closed at noon is in no route of the new plan, and plans made afterwards know of it too."""
    shift, *_ = driven.shifts()
    features = driven.client.get(driven.of_day(f"shifts/{shift}/route.geojson")).json()["features"]
    line = next(one for one in features if one["properties"]["kind"] == "trip")["geometry"]["coordinates"]
    start, end = max(pairwise(line), key=lambda pair: math.dist(*pair))
    middle = [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2]
    change = {"kind": "street_blocked", "geometry": {"type": "Point", "coordinates": middle}, "note": "a fallen tree"}
    result, _, _ = replanned(driven, change, at_s=5 * 3_600)
    assert any("closure" in note for note in result["notes"])
    found = driven.client.get(f"/v1/plans/{result['plan_id']}/routes.geojson").json()["features"]
    lines = [one["geometry"]["coordinates"] for one in found if one["properties"]["kind"] == "trip"]
    driven_on = [pair for line in lines for pair in pairwise(line)]
    assert (start, end) not in driven_on
    assert (end, start) not in driven_on
    assert [
        one["properties"]["source"]
        for one in driven.client.get(f"/v1/cities/{driven.city_id}/overlays").json()["features"]
    ] == ["the dispatcher"]


def test_what_does_not_exist_is_refused_with_its_place(driven: Driven) -> None:
    """Every unknown name is listed with where it stands; nothing is queued."""
    changes: list[dict[str, Any]] = [
        {"kind": "breakdown", "vehicle": "none"},
        {"kind": "delay", "shift": "none", "minutes": 5},
        {"kind": "urgent_stop", "container": "none"},
    ]
    body = {"changes": changes, "at": at(TEN_S), "kept": {"nobody": 1}, "locked": ["nothing"], "seconds": 9_999}
    reply = driven.client.post(driven.of_day("replans"), json=body)
    assert reply.status_code == 422
    assert {one["place"] for one in reply.json()["errors"]} == {
        "body/changes/0/vehicle",
        "body/changes/1/shift",
        "body/changes/2/container",
        "body/kept",
        "body/locked",
        "body/seconds",
    }
    assert driven.client.get(driven.of_day("replans")).json()["replans"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "urgent_stop"},
        {"kind": "urgent_stop", "container": "B1", "kg": 5, "lon": 1.0, "lat": 1.0},
        {"kind": "urgent_stop", "lon": 103.8, "lat": 13.3},
        {"kind": "street_blocked", "geometry": {"type": "Point", "coordinates": ["a", "b"]}},
        {"kind": "street_blocked", "geometry": {"type": "Point", "coordinates": [500, 13]}},
        {"kind": "street_blocked", "geometry": {"type": "Polygon", "coordinates": [[1, 2]]}},
        {"kind": "delay", "shift": "C1-day", "minutes": 0},
        {"kind": "rain"},
    ],
)
def test_changes_that_say_nothing_are_refused(driven: Driven, change: dict[str, Any]) -> None:
    """A change that lacks what it needs, or says what cannot be, is 422."""
    reply = driven.client.post(driven.of_day("replans"), json={"changes": [change]})
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:samram:problem:invalid-request")


def test_day_is_planned_like_another_one(driven: Driven) -> None:
    """Asked for again like the published plan, with no budget for moves, the day has every visit on its old shift."""
    asked = {"date": "2026-11-23", "steps": 8, "like": driven.plan_id, "max_moved": 0}
    reply = driven.client.post(f"/v1/cities/{driven.city_id}/plans", json=asked)
    run = wait(driven, reply.headers["location"])
    assert (run["status"], run["error"]) == ("done", None)
    plan = driven.client.get(f"/v1/plans/{run['plan_id']}").json()
    assert any(driven.plan_id in note for note in plan["notes"])
    before = {visit["id"]: shift for shift in driven.shifts() for visit in driven.visits(shift)}
    _, found = decode_plan(loads(driven.client.get(plan["document"]).content))
    assert {visit for visit, shift in served(found).items() if before.get(visit, shift) != shift} == set()
    for wrong in ({"like": "0" * 32}, {"max_moved": 0.5}):
        refused = driven.client.post(f"/v1/cities/{driven.city_id}/plans", json={"date": "2026-11-23", **wrong})
        assert refused.status_code == 422
