"""A plan's life over HTTP, on both databases: one published plan for each day, and never two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from plan_rows import MONDAY, store_plan
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.plan_life import DayRow, PublicationRow
from service.db.publication import publish, published_plan

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from sqlalchemy import Engine

DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def engine(client: TestClient) -> Engine:
    found: Engine = client.app.state.engine  # type: ignore[attr-defined]  # the test client knows any ASGI application
    return found


def day(client: TestClient, city_id: str) -> dict[str, Any]:
    answer = client.get(f"/v1/cities/{city_id}/days/{MONDAY}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_from_draft_to_closed(client: TestClient, city_id: str, engine: Engine) -> None:
    """A draft is published, begun and closed; each answers with the day, and doing it twice changes nothing."""
    plan = store_plan(engine, city_id)
    assert client.get(f"/v1/cities/{city_id}/days/{MONDAY}").status_code == 404
    for step, state in (("publish", "published"), ("start", "running"), ("close", "closed")):
        first, again = (client.post(f"/v1/plans/{plan}/{step}") for _ in range(2))
        assert (first.status_code, first.json()) == (200, again.json())
        assert first.json() == day(client, city_id)
        assert (first.json()["state"], first.json()["version"], first.json()["plan_id"]) == (state, 1, plan)
    assert client.post(f"/v1/plans/{plan}/start").status_code == 409
    [listed] = client.get(f"/v1/cities/{city_id}/days").json()["days"]
    assert (listed["date"], listed["state"], listed["plan_id"]) == (str(MONDAY), "closed", plan)


def test_another_plan_becomes_the_next_version(client: TestClient, city_id: str, engine: Engine) -> None:
    """Publishing another plan makes the next version and keeps the first one with the moment it ended."""
    first, second = store_plan(engine, city_id), store_plan(engine, city_id)
    client.post(f"/v1/plans/{first}/publish")
    client.post(f"/v1/plans/{first}/start")
    found = client.post(f"/v1/plans/{second}/publish").json()
    assert (found["state"], found["version"], found["plan_id"]) == ("running", 2, second)
    assert [(one["version"], one["plan_id"], one["replaced_at"] is None) for one in found["versions"]] == [
        (1, first, False),
        (2, second, True),
    ]
    for step in ("start", "close"):
        assert client.post(f"/v1/plans/{first}/{step}").status_code == 409
    with Session(engine) as session:
        followed = published_plan(session, city_id, MONDAY)
        assert followed is not None
        assert followed.id == second


def test_a_closed_day_takes_no_plan(client: TestClient, city_id: str, engine: Engine) -> None:
    """For a closed day nothing is published any more."""
    first, second = store_plan(engine, city_id), store_plan(engine, city_id)
    client.post(f"/v1/plans/{first}/publish")
    client.post(f"/v1/plans/{first}/close")
    assert client.post(f"/v1/plans/{second}/publish").status_code == 409
    assert day(client, city_id)["plan_id"] == first


def test_who_replaces_another_version_than_the_one_in_force_is_refused(
    client: TestClient, city_id: str, engine: Engine
) -> None:
    """With ``replaces`` the version in force is taken, and every other one is refused."""
    first, second = store_plan(engine, city_id), store_plan(engine, city_id)
    answers = [
        client.post(f"/v1/plans/{plan}/publish", json={"replaces": version}).status_code
        for plan, version in ((first, 1), (first, 0), (second, 0), (second, 2), (second, 1))
    ]
    assert answers == [409, 200, 409, 409, 200]
    assert client.post(f"/v1/plans/{first}/publish", json={"replaces": True}).status_code == 422


def test_a_discarded_plan_is_not_published(client: TestClient, city_id: str, engine: Engine) -> None:
    """A draft that was discarded cannot be published."""
    plan = store_plan(engine, city_id, discarded_at=utc_now())
    assert client.post(f"/v1/plans/{plan}/publish").status_code == 409


@pytest.mark.parametrize("step", ["publish", "start", "close"])
def test_an_unknown_plan_is_404(client: TestClient, step: str) -> None:
    """No step of its life finds a plan that is not there."""
    assert client.post(f"/v1/plans/{'0' * 32}/{step}").status_code == 404


def test_many_publish_at_once(city_id: str, engine: Engine) -> None:
    """Of many who publish at once each one's plan is a version of its own, in one order; the last is in force."""
    plans = [store_plan(engine, city_id) for _ in range(8)]

    def one(plan: str) -> None:
        with Session(engine) as session:
            publish(session, plan)
            session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, plans))
    with Session(engine) as session:
        rows = session.exec(select(PublicationRow).order_by(col(PublicationRow.version))).all()
        assert [row.version for row in rows] == list(range(1, 9))
        assert {row.plan_id for row in rows} == set(plans)
        [in_force] = [row.plan_id for row in rows if row.replaced_at is None]
        assert session.exec(select(DayRow.plan_id)).one() == in_force == rows[-1].plan_id


def test_a_plan_has_one_successor(city_id: str, engine: Engine) -> None:
    """The database takes one living plan made from another one, and a second one when the first is discarded."""
    parent = store_plan(engine, city_id)
    store_plan(engine, city_id, parent_id=parent, discarded_at=utc_now())
    store_plan(engine, city_id, parent_id=parent)
    with pytest.raises(IntegrityError):
        store_plan(engine, city_id, parent_id=parent)
