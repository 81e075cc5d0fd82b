"""A day's reports on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from driving_day import OTHER_PHONE, PHONE, Driven, at, done, publish_plan

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

DATABASES = ("sqlite", "postgresql")
PHONES = 150
"""Three times the connections of a server, and more than its threads."""


@pytest.fixture
def reporting(client: TestClient, city_id: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Driven:  # noqa: ARG001
    """Publish a plan on each kind of database in turn; it is Monday, 16:00."""
    found = Driven(client=client, city_id=city_id, plan_id=publish_plan(client, city_id))
    monkeypatch.setattr("service.api.driver_events.now_us", lambda: found.now_us)
    return found


def test_reports_are_stored_once_seen_and_erased(reporting: Driven) -> None:
    """What is sent twice at the same time is stored once; the day is seen; a driver who is erased leaves the work."""
    shift = reporting.shifts()[0]
    visits = reporting.visits(shift)[:20]
    batch = [done(number, visit) for number, visit in enumerate(visits)]
    batch.append({"sequence": 99, "kind": "position", "lon": 103.8, "lat": 13.3, "time": at(visits[-1]["departure_s"])})
    batch.append(
        {"sequence": 98, "kind": "could_not_pass", "lon": 103.8, "lat": 13.3, "time": at(visits[-1]["departure_s"])}
    )
    replies: list[Any] = []
    threads = [threading.Thread(target=lambda: replies.append(reporting.send(shift, *batch))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(reply["stored"] for reply in replies) == len(batch)
    assert sum(reply["duplicate"] for reply in replies) == 3 * len(batch)
    reporting.send(shift, done(1, visits[0]), phone=OTHER_PHONE)

    progress = reporting.client.get(reporting.of_day("progress")).json()
    assert (progress["done"], progress["left"]) == (len(visits), progress["planned"] - len(visits))
    mine = next(one for one in progress["shifts"] if one["shift"] == shift)
    assert (mine["position"]["lon"], mine["behind_s"]) == (103.8, 0)
    assert len(reporting.client.get(f"/v1/cities/{reporting.city_id}/overlays").json()["features"]) == 1
    emptied = reporting.client.get(f"/v1/cities/{reporting.city_id}/readings", params={"limit": 1_000}).json()
    assert len(emptied["readings"]) == sum(len(visit["containers"]) for visit in visits)

    phone = f"/v1/cities/{reporting.city_id}/phones/{PHONE}"
    assert len(reporting.client.get(phone).json()["events"]) == len(batch)
    assert reporting.client.delete(phone).json()["positions_deleted"] == 1
    assert reporting.client.get(reporting.of_day("progress")).json()["done"] == len(visits)


def test_more_phones_than_connections_report_at_once(reporting: Driven) -> None:
    """Every one of many phones that report at the same moment is answered: none waits for what the others hold."""
    shift = reporting.shifts()[0]
    visits = reporting.visits(shift)

    def report(number: int) -> list[int]:
        phone = str(uuid.UUID(int=number, version=4))
        return [
            reporting.send(shift, done(turn, visits[(number + turn) % len(visits)]), phone=phone)["stored"]
            for turn in range(3)
        ]

    with ThreadPoolExecutor(PHONES) as phones:
        assert list(phones.map(report, range(1, PHONES + 1))) == [[1, 1, 1]] * PHONES
