"""Requests that are sent again with an Idempotency-Key, on both databases."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from plan_rows import MONDAY
from sqlmodel import Session, select

from service.clock import utc_now
from service.db.answers import AnswerRow
from service.db.models import RunRow

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

DATABASES = ("sqlite", "postgresql")


def ask(client: TestClient, city_id: str, key: str | None = "a", **wanted: Any) -> Any:
    headers = {} if key is None else {"idempotency-key": key}
    return client.post(f"/v1/cities/{city_id}/plans", json={"date": str(MONDAY), **wanted}, headers=headers)


def engine_of(client: TestClient) -> Any:
    return client.app.state.engine  # type: ignore[attr-defined]  # the test client knows any ASGI application


@pytest.fixture(autouse=True)
def _no_search(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs wait: nothing here is about searching."""
    supervisor = client.app.state.supervisor  # type: ignore[attr-defined]  # as above
    monkeypatch.setattr(supervisor, "_start_next", lambda: False)


def runs(client: TestClient) -> int:
    with Session(engine_of(client)) as session:
        return len(session.exec(select(RunRow.id)).all())


def test_the_same_request_again_gets_the_same_answer(client: TestClient, city_id: str) -> None:
    """A request sent twice with one key makes one run; the second answer is the first one, and says so."""
    first, again = ask(client, city_id), ask(client, city_id)
    assert (first.status_code, again.status_code, first.json()) == (202, 202, again.json())
    assert again.headers["location"] == first.headers["location"]
    assert (first.headers.get("idempotent-replay"), again.headers["idempotent-replay"]) == (None, "true")
    assert runs(client) == 1
    ask(client, city_id, key="b")
    ask(client, city_id, key=None)
    assert runs(client) == 3


def test_another_request_with_the_key_is_422(client: TestClient, city_id: str) -> None:
    """A key stands for one request; with another body it is refused."""
    ask(client, city_id)
    refused = ask(client, city_id, seconds=7)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:samram:problem:idempotency-key-reused")
    assert runs(client) == 1


def test_a_request_in_flight_is_409(client: TestClient, city_id: str) -> None:
    """While the first request is being carried out, the second one is told to come again; later it may act anew."""
    ask(client, city_id)
    with Session(engine_of(client)) as session:
        row = session.exec(select(AnswerRow)).one()
        row.status = row.body = None
        session.add(row)
        session.commit()
    assert ask(client, city_id).status_code == 409
    with Session(engine_of(client)) as session:
        row = session.exec(select(AnswerRow)).one()
        row.expires_at = utc_now() - dt.timedelta(seconds=1)
        session.add(row)
        session.commit()
    assert ask(client, city_id).status_code == 202
    assert runs(client) == 2


def test_errors_are_not_kept(client: TestClient, city_id: str) -> None:
    """A request that was refused may be sent again with its key, mended or not."""
    assert ask(client, city_id, seconds=0).status_code == 422
    assert ask(client, "nowhere").status_code == 404
    assert ask(client, city_id).status_code == 202


def test_many_at_once_act_once(client: TestClient, city_id: str) -> None:
    """Of many equal requests at the same time one acts; the others get its answer, or 409 while it is at work."""
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(client, city_id), range(6)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert runs(client) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_that_is_none_is_422(client: TestClient, city_id: str, key: str) -> None:
    """A key is a text of 1 to 200 printable characters."""
    assert ask(client, city_id, key=key).status_code == 422
