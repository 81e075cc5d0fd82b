"""Runs and plans on a real server: the whole way from a city's zip to a driver's route, and every way a run can end."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlmodel import Session, select

from geodata.maps.geojson import without_ways
from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan, loads
from optimizer.problem.plan import Cost, StepKind
from scenarios.day import plan_day
from service.clock import utc_now
from service.db.documents import squeeze
from service.db.models import CityVersionRow, PlanRow, RouteRow, RunRow
from service.db.runs import change_running, end_as_done, stalled
from service.jobs.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from service.settings import Settings

ZIP = {"content-type": "application/zip"}
MONDAY = "2026-11-23"


def ask(client: Any, city_id: str, **wanted: object) -> str:
    """Ask for a plan and return the run's address."""
    response = client.post(f"/v1/cities/{city_id}/plans", json={"date": MONDAY, **wanted})
    assert response.status_code == 202, response.text
    address: str = response.headers["location"]
    assert address == f"/v1/runs/{response.json()['id']}"
    return address


def wait(client: Any, address: str, *, until: tuple[str, ...] = ("done", "failed", "cancelled")) -> dict[str, Any]:
    """Poll a run until it is in one of these states."""
    for _ in range(1200):
        run: dict[str, Any] = client.get(address).json()
        if run["status"] in until:
            return run
        time.sleep(0.1)
    raise AssertionError(f"The run is still {run['status']}.")


def test_whole_sequence(serve: Callable[[], httpx2.Client], city_zip: bytes) -> None:
    """A city's zip becomes, over HTTP alone, a judged plan and each driver's route along the streets."""
    client = serve()
    imported = client.post("/v1/cities", content=city_zip, headers=ZIP)
    assert imported.status_code == 201
    city = imported.json()
    run = wait(client, ask(client, city["id"], seconds=4, seed=7))
    assert (run["status"], run["error"], run["stage"]) == ("done", None, None)
    assert run["progress"]
    costs = [point["cost"] for point in run["progress"]]
    assert costs == sorted(costs, reverse=True)

    plan = client.get(f"/v1/plans/{run['plan_id']}").json()
    assert (plan["city_id"], plan["content_hash"], plan["date"]) == (city["id"], city["content_hash"], MONDAY)
    assert plan["seed"] == 7
    assert plan["cost"]["total"] == pytest.approx(run["cost"])
    assert [item["id"] for item in client.get(f"/v1/cities/{city['id']}/plans").json()["plans"]] == [plan["id"]]

    problem, judged = decode_plan(loads(client.get(plan["document"]).content))
    assert check(problem, judged) == ()
    assert {one["visit"] for one in plan["unserved"]} == {unserved.visit for unserved in judged.unserved}
    assert all(one["detail"] for one in plan["unserved"])
    assert plan["distance_km"] == pytest.approx(sum(route["distance_km"] for route in plan["routes"]))
    assert plan["collected_t"] == pytest.approx(sum(route["collected_t"] for route in plan["routes"]))
    terms = ("fixed", "time", "overtime", "distance", "gate_fees")
    assert plan["cost"]["operating"] == pytest.approx(sum(plan["cost"][term] for term in terms))

    assert len(plan["routes"]) == len(judged.routes) > 0
    everything = client.get(plan["geojson"]).json()["features"]
    for shown, route in zip(plan["routes"], judged.routes, strict=True):
        response = client.get(shown["geojson"], params={"shift": route.shift})
        assert response.headers["content-type"] == "application/geo+json"
        features = response.json()["features"]
        mine = [feature for feature in everything if feature["properties"].get("shift") == route.shift]
        assert without_ways(features) == mine
        assert any("way" in feature["properties"] for feature in features)
        points = [feature for feature in features if feature["geometry"]["type"] == "Point"]
        assert [point["properties"]["kind"] for point in points] == [step.kind.value for step in route.steps]
        assert len(features) - len(points) == len(route.trips) == shown["trips"]
        midnight = dt.datetime.fromisoformat(f"{MONDAY}T00:00:00+07:00")
        for point in points:
            arrival = dt.datetime.fromisoformat(point["properties"]["arrival"])
            assert arrival.utcoffset() == dt.timedelta(hours=7)
            assert (arrival - midnight).total_seconds() == point["properties"]["arrival_s"]
        visits = [step for step in route.steps if step.kind is StepKind.VISIT]
        assert (shown["visits"], shown["departure_s"]) == (len(visits), route.departure_s)
        again = client.get(
            shown["geojson"], params={"shift": route.shift}, headers={"if-none-match": response.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")


def test_server_answers_while_solving_and_a_cancelled_run_ends(
    serve: Callable[[], httpx2.Client], city_zip: bytes
) -> None:
    """While a run searches the server answers others, another run waits, and both can be cancelled; no plan is left."""
    client = serve()
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    first = ask(client, city_id, seconds=120)
    second = ask(client, city_id, seconds=120)
    while not wait(client, first, until=("running",))["progress"]:
        assert client.get("/healthz").status_code == 200
        assert client.get(f"/v1/cities/{city_id}/containers").status_code == 200
    assert client.get(second).json()["status"] == "queued"
    for address in (second, first):
        assert client.post(f"{address}/cancel").json()["status"] == "cancelled"
        assert client.post(f"{address}/cancel").status_code == 200
    # One run at a time: that a third one begins shows that the first one's process is gone.
    third = ask(client, city_id, seconds=1)
    done = wait(client, third)
    assert done["status"] == "done"
    assert client.get(first).json()["plan_id"] is None
    assert client.get(second).json()["started_at"] is None
    refused = client.post(f"{third}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:samram:problem:conflict")
    plans = client.get(f"/v1/cities/{city_id}/plans").json()["plans"]
    assert [plan["run_id"] for plan in plans] == [done["id"]]


def app_of(client: TestClient) -> FastAPI:
    """Return the application behind a test client."""
    app: FastAPI = client.app  # type: ignore[assignment]  # the test client knows it as any ASGI application
    return app


def test_killed_process_is_taken_up_again(client: TestClient, city_id: str) -> None:
    """A run whose process is killed from outside is begun once more, and ends with a plan."""
    address = ask(client, city_id, seconds=3)
    run = wait(client, address, until=("running",))
    kill(client, run["id"], 1)
    run = wait(client, address)
    assert (run["status"], run["attempts"], run["error"]) == ("done", 2, None)
    assert run["plan_id"]


def test_a_run_that_is_killed_three_times_is_failed(client: TestClient, city_id: str) -> None:
    """What kills a run three times is not tried a fourth time: it is failed, with the exit code, and others go on."""
    address = ask(client, city_id, seconds=60)
    for attempt in (1, 2, 3):
        kill(client, address.rpartition("/")[2], attempt)
    run = wait(client, address)
    assert (run["status"], run["attempts"]) == ("failed", 3)
    assert "begun 3 times" in run["error"]
    assert "-9" in run["error"]
    assert run["finished_at"] is not None
    wait(client, ask(client, city_id, seconds=60), until=("running",))


def kill(client: TestClient, run_id: str, attempt: int) -> None:
    """Kill the process of this attempt at a run once it is there."""
    children = app_of(client).state.supervisor._children
    for _ in range(2400):
        child = children.get(run_id)
        if child is not None and child.attempt == attempt:
            os.kill(child.job.process.pid, signal.SIGKILL)
            return
        time.sleep(0.05)
    raise AssertionError(f"Attempt {attempt} did not come.")


def test_a_process_that_hangs_is_taken_for_dead(
    client: TestClient, city_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that shows no life for too long is killed, and its run is begun again."""
    address = ask(client, city_id, seconds=3)
    wait(client, address, until=("running",))
    children = app_of(client).state.supervisor._children
    run_id = address.rpartition("/")[2]
    while run_id not in children:
        time.sleep(0.05)
    job = children[run_id].job
    os.kill(job.process.pid, signal.SIGSTOP)
    silent_s = type(job).silent_s
    # The second attempt may be slow on a busy machine: it is not what is looked at.
    monkeypatch.setattr(type(job), "silent_s", lambda other: silent_s(other) if other is job else 0.0)
    monkeypatch.setattr("service.jobs.supervisor.SILENT_S", 3.0)
    run = wait(client, address)
    assert (run["status"], run["attempts"]) == ("done", 2)


def test_what_an_earlier_attempt_writes_no_longer_counts(client: TestClient, city_id: str) -> None:
    """Once a run is taken up again, an earlier attempt can neither change it nor end it."""
    engine = app_of(client).state.engine
    run = row(version_of(client, city_id), "running", attempts=2, lease_until=utc_now() + dt.timedelta(hours=1))
    run_id = run.id
    with Session(engine) as session:
        session.add(run)
        session.commit()
        assert not end_as_done(session, run_id, 1)
    assert not change_running(engine, run_id, 1, stage="drawing")
    assert not stalled(engine, run_id, 1, "x")
    assert change_running(engine, run_id, 2, stage="drawing")
    assert client.get(f"/v1/runs/{run_id}").json()["stage"] == "drawing"


def row(version_id: int, status: str, **more: Any) -> RunRow:
    """Return a run's row as some server left it."""
    return RunRow(
        id=uuid4().hex,
        city_version_id=version_id,
        service_date=dt.date(2026, 11, 23),
        seconds=1,
        seed=0,
        status=status,
        created_at=utc_now(),
        **more,
    )


def version_of(client: TestClient, city_id: str) -> int:
    """Return the number of a city's stored version."""
    with Session(app_of(client).state.engine) as session:
        found = session.exec(select(CityVersionRow.id).where(CityVersionRow.city_id == city_id)).one()
    assert found is not None
    return found


def test_run_left_behind_is_taken_up_and_one_with_a_lease_is_not(client: TestClient, city_id: str) -> None:
    """A running run whose lease is over was left behind by a server; one whose lease still runs is another's."""
    version_id = version_of(client, city_id)
    now = utc_now()
    left = row(version_id, "running", attempts=1, lease_until=now - dt.timedelta(seconds=1))
    lost = row(version_id, "running", attempts=3, lease_until=now - dt.timedelta(seconds=1))
    held = row(version_id, "running", attempts=1, lease_until=now + dt.timedelta(hours=1))
    left_id, lost_id, held_id = left.id, lost.id, held.id
    with Session(app_of(client).state.engine) as session:
        session.add_all([left, lost, held])
        session.commit()
    app_of(client).state.supervisor.wake()
    run = wait(client, f"/v1/runs/{left_id}")
    assert (run["status"], run["attempts"]) == ("done", 2)
    run = wait(client, f"/v1/runs/{lost_id}")
    assert (run["status"], run["error"]) == (
        "failed",
        "It was begun 3 times and never ended. The server that carried it out was gone.",
    )
    assert client.get(f"/v1/runs/{held_id}").json()["status"] == "running"


def test_queue_is_kept_over_a_restart(
    settings: Settings, city_zip: bytes, make_client: Callable[[Settings], Any]
) -> None:
    """A server that stops gives the run that searches back; the next server carries it out, and the one that waited."""
    with make_client(settings) as client:
        city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
        first, second = ask(client, city_id, seconds=3), ask(client, city_id, seconds=1)
        wait(client, first, until=("running",))
    with make_client(settings) as client:
        for address in (first, second):
            run = wait(client, address)
            assert (run["status"], run["attempts"]) == ("done", 1)


def test_a_run_is_followed_to_its_end(serve: Callable[[], httpx2.Client], city_zip: bytes) -> None:
    """A stream gives every improvement once and the state to its end; after Last-Event-ID only what came later."""
    client = serve()
    city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
    address = ask(client, city_id, seconds=3)
    events = followed(client, address)
    run = client.get(address).json()
    improvements = [event["improvement"] for event in events if event["kind"] == "improvement"]
    assert improvements == run["progress"]
    states = [event for event in events if event["kind"] == "state"]
    assert (states[-1]["status"], states[-1]["plan_id"]) == ("done", run["plan_id"])
    later = followed(client, address, after=len(improvements) - 1)
    assert [event["improvement"] for event in later if event["kind"] == "improvement"] == improvements[-1:]
    assert client.get(f"/v1/runs/{'0' * 32}/events").status_code == 404


def followed(client: httpx2.Client, address: str, after: int = 0) -> list[dict[str, Any]]:
    """Return what a stream of a run's events carries; come again after its end, as an EventSource does."""
    events: list[dict[str, Any]] = []
    while not events or events[-1].get("status") not in ("done", "failed", "cancelled"):
        headers = {"last-event-id": str(after)}
        with client.stream("GET", f"{address}/events", headers=headers, timeout=200) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = list(stream.iter_lines())
        events += [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        after = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")][-1]
    return events


def test_the_same_steps_give_the_same_plan(client: TestClient, city_id: str) -> None:
    """Two runs with the same seed and limit of steps end with the same plan, to the last byte of its document."""
    plans = [wait(client, ask(client, city_id, steps=3, seed=5))["plan_id"] for _ in range(2)]
    first, second = (client.get(f"/v1/plans/{plan}/plan.json").content for plan in plans)
    assert plans[0] != plans[1]
    assert first == second


def test_full_queue_is_503(city_zip: bytes, settings: Settings, make_client: Callable[[Settings], Any]) -> None:
    """One run more than may wait is refused."""
    small = settings.model_copy(update={"max_waiting_runs": 1})
    with make_client(small) as client:
        city_id = client.post("/v1/cities", content=city_zip, headers=ZIP).json()["id"]
        wait(client, ask(client, city_id, seconds=60), until=("running",))
        ask(client, city_id, seconds=60)
        refused = client.post(f"/v1/cities/{city_id}/plans", json={"date": MONDAY})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:samram:problem:queue-full")


def test_plan_that_the_judge_refuses_is_never_stored(
    client: TestClient, city_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan with a violation ends in an error, and neither the plan nor a route of it is stored."""

    def embellished(*args: Any, **kwargs: Any) -> Any:
        result = plan_day(*args, **kwargs)
        return dataclasses.replace(result, plan=dataclasses.replace(result.plan, cost=Cost()))

    monkeypatch.setattr("service.jobs.solve.plan_day", embellished)
    engine = app_of(client).state.engine
    run = row(version_of(client, city_id), "running", attempts=1, lease_until=utc_now() + dt.timedelta(hours=1))
    run_id = run.id
    with Session(engine) as session:
        session.add(run)
        session.commit()
    with pytest.raises(RuntimeError, match="thrown away"):
        solve(engine, settings, run_id, 1, lambda: False)
    with Session(engine) as session:
        assert session.exec(select(PlanRow)).all() == []
        assert session.exec(select(RouteRow)).all() == []


def test_vehicle_with_two_shifts(client: TestClient, city_id: str) -> None:
    """Without a shift all of a vehicle's shifts follow one another; with one there is that one alone."""
    version_id = version_of(client, city_id)
    run = row(version_id, "done")
    run_id, plan_id = run.id, uuid4().hex
    with Session(app_of(client).state.engine) as session:
        session.add(run)
        session.flush()
        session.add(
            PlanRow(
                id=plan_id,
                run_id=run_id,
                city_version_id=version_id,
                service_date=dt.date(2026, 11, 23),
                created_at=utc_now(),
                summary={},
                document=squeeze(b"{}"),
                routes_geojson=squeeze(b"{}"),
            )
        )
        session.flush()
        for shift in ("morning", "evening"):
            data = json.dumps({"type": "FeatureCollection", "features": [{"id": shift}]}).encode()
            session.add(RouteRow(plan_id=plan_id, vehicle="a/b", shift=shift, geojson=squeeze(data)))
            session.flush()
        session.commit()
    path = f"/v1/plans/{plan_id}/routes/a%2Fb.geojson"
    both = client.get(path)
    assert [feature["id"] for feature in both.json()["features"]] == ["morning", "evening"]
    assert client.get(path, headers={"if-none-match": both.headers["etag"]}).status_code == 304
    evening = client.get(path, params={"shift": "evening"})
    assert [feature["id"] for feature in evening.json()["features"]] == ["evening"]
    assert evening.headers["etag"] != both.headers["etag"]
    assert client.get(path, params={"shift": "night"}).status_code == 404
