"""A city whose plan is published, and phones that report from it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import Session, select

from optimizer.judge.evaluate import evaluate
from optimizer.problem.plan import Reason, Unserved, VisitAction
from optimizer.search.construct import construct
from optimizer.search.feasible import options
from optimizer.search.stop import StepLimit
from scenarios.day import prepare_day
from service.clock import utc_now
from service.db.models import PlanRow, RunRow
from service.db.publication import publish
from service.jobs.solve import store

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from sqlalchemy import Engine

MONDAY: Final = "2026-11-23"
LOCAL: Final = dt.timezone(dt.timedelta(hours=7))
AFTERNOON_US: Final = int(dt.datetime(2026, 11, 23, 16, 0, tzinfo=LOCAL).timestamp()) * 1_000_000
PHONE: Final = "0d0c1a8e-7a0b-4b6e-9d56-2f8a3a5b1c01"
OTHER_PHONE: Final = "0d0c1a8e-7a0b-4b6e-9d56-2f8a3a5b1c02"


def publish_plan(client: TestClient, city_id: str) -> str:
    """Store a plan for Monday as a run does, but without its search, publish it, and return its id."""
    app: Any = client.app
    engine: Engine = app.state.engine
    with Session(engine) as session:
        version = app.state.cities.current(session, city_id)
        version_id: int = version.id
        city = app.state.cities.dataset(version_id, version.content_hash)
    day = prepare_day(city, dt.date.fromisoformat(MONDAY))
    can = options(day.problem)
    orders = construct(day.problem, can.shifts, stop=StepLimit(1_000_000))
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    left = [
        Unserved(visit=visit, reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY, detail="No search was made.")
        for visit in can.shifts
        if visit not in served
    ]
    evaluation = evaluate(day.problem, orders, unserved=[*left, *can.hopeless])
    assert not evaluation.violations
    plan = evaluation.plan
    run_id = uuid.uuid4().hex
    with Session(engine) as session:
        session.add(
            RunRow(
                id=run_id,
                city_version_id=version_id,
                service_date=day.service_date,
                seconds=1,
                seed=0,
                status="running",
                attempts=1,
                created_at=utc_now(),
            )
        )
        session.commit()
    store(engine, run_id, 1, version_id, city, day, plan)
    with Session(engine) as session:
        plan_id = session.exec(select(PlanRow.id).where(PlanRow.run_id == run_id)).one()
        publish(session, plan_id)
        session.commit()
    return plan_id


def at(seconds: int) -> str:
    """Return a clock time of the Monday as ISO 8601 with the city's offset."""
    return (dt.datetime(2026, 11, 23, tzinfo=LOCAL) + dt.timedelta(seconds=seconds)).isoformat()


@dataclass
class Driven:
    """A server, its city, and the plan that is published for Monday."""

    client: TestClient
    city_id: str
    plan_id: str
    now_us: int = AFTERNOON_US
    _routes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def of_day(self, path: str) -> str:
        """Return an address of the Monday."""
        return f"/v1/cities/{self.city_id}/days/{MONDAY}/{path}"

    def shifts(self) -> list[str]:
        """Return the shifts with a route, the one with the most visits first."""
        routes = self.client.get(f"/v1/plans/{self.plan_id}").json()["routes"]
        return [route["shift"] for route in sorted(routes, key=lambda route: -route["visits"])]

    def steps(self, shift: str) -> list[dict[str, Any]]:
        """Return the steps of a shift's published route."""
        if not self._routes:
            features = self.client.get(f"/v1/plans/{self.plan_id}/routes.geojson").json()["features"]
            for feature in features:
                if feature["properties"]["kind"] not in ("trip", "unserved"):
                    self._routes.setdefault(feature["properties"]["shift"], []).append(feature["properties"])
        return self._routes[shift]

    def visits(self, shift: str) -> list[dict[str, Any]]:
        """Return the visits of a shift's published route."""
        return [step for step in self.steps(shift) if step["kind"] == "visit"]

    def send(self, shift: str, *events: dict[str, Any], phone: str = PHONE, status: int = 200) -> Any:
        """Send events of a phone as one batch and return the reply."""
        reply = self.client.post(self.of_day(f"shifts/{shift}/events"), json={"phone": phone, "events": list(events)})
        assert reply.status_code == status, reply.text
        return reply.json()


def done(sequence: int, visit: dict[str, Any], *, late_s: int = 0, **more: Any) -> dict[str, Any]:
    """Return that a visit of a route was done, so much later than planned."""
    return {
        "sequence": sequence,
        "kind": "done",
        "visit": visit["id"],
        "time": at(visit["departure_s"] + late_s),
        **more,
    }
