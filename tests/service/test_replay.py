"""A stored plan, made once more; and why its visits are unserved."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from solved import store_solved
from sqlmodel import Session
from typer.testing import CliRunner

from optimizer.judge.evaluate import orders_of
from optimizer.problem.codec import decode_plan, loads
from optimizer.search.explain import explain
from optimizer.search.stop import Deadline
from service.cli.main import app
from service.db.models import PlanRow, RunRow

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

    from service.settings import Settings

STEPS = 30
"""As many as the stored plan was searched with."""


@pytest.fixture
def plan_id(client: TestClient, city_id: str, city_folder: Path) -> str:
    return store_solved(client.app.state.engine, city_id, city_folder)  # type: ignore[attr-defined]  # any ASGI application


def edit(client: TestClient, plan_id: str, *edits: dict[str, Any]) -> str:
    answer = client.post(f"/v1/plans/{plan_id}/edits", json={"edits": list(edits)})
    found: str = answer.json()["plan_id"]
    assert found, answer.text
    return found


def replay(settings: Settings, monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    monkeypatch.setenv("SAMRAM_HOME", str(settings.home))
    monkeypatch.setenv("SAMRAM_DATABASE_URL", settings.database)
    return CliRunner().invoke(app, ["replay", *words])


def served(client: TestClient, plan_id: str) -> list[str]:
    _, plan = decode_plan(loads(client.get(f"/v1/plans/{plan_id}/plan.json").content))
    return [step.id for route in plan.routes for step in route.steps if step.kind.value == "visit"]


def test_a_plan_of_the_database_comes_out_the_same(
    client: TestClient, plan_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that was edited twice is replayed from its search on, edit by edit, and comes out the same."""
    visits = served(client, plan_id)
    draft = edit(
        client, plan_id, {"kind": "drop", "visit": visits[0], "reason": "x"}, {"kind": "lock", "visit": visits[1]}
    )
    last = edit(client, draft, {"kind": "add", "visit": visits[0]})
    with Session(client.app.state.engine) as session:  # type: ignore[attr-defined]  # any ASGI application
        run = session.get_one(RunRow, session.get_one(PlanRow, plan_id).run_id)
        run.steps = STEPS
        session.add(run)
        session.commit()
    ran = replay(settings, monkeypatch, last)
    assert ran.exit_code == 0, ran.output
    assert ran.output.count("the same plan") == 3
    assert f"{STEPS} steps from seed 1" in ran.output


def test_a_document_comes_out_the_same_and_a_changed_one_does_not(
    client: TestClient, plan_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A document is searched again under its limit; one that says another seed comes out as another plan."""
    document = client.get(f"/v1/plans/{plan_id}/plan.json").content
    path = tmp_path / "plan.json"
    path.write_bytes(document)
    assert replay(settings, monkeypatch, str(path), "--steps", str(STEPS)).exit_code == 0
    by_the_clock = replay(settings, monkeypatch, str(path))
    assert (by_the_clock.exit_code, "by the clock" in by_the_clock.output) == (0, True)
    path.write_bytes(document.replace(b'"seed":1', b'"seed":2', 1))
    other = replay(settings, monkeypatch, str(path), "--steps", "1")
    assert (other.exit_code, "another plan" in other.output) == (1, True)


def test_explanations_are_those_of_the_search(client: TestClient, plan_id: str) -> None:
    """Each unserved visit is explained as ``explain`` does it; asked again, the answer is the same."""
    visit = served(client, plan_id)[0]
    draft = edit(client, plan_id, {"kind": "drop", "visit": visit, "reason": "x"})
    answer = client.get(f"/v1/plans/{draft}/explanations", params={"seconds": 60})
    assert answer.status_code == 200, answer.text
    problem, plan = decode_plan(loads(client.get(f"/v1/plans/{draft}/plan.json").content))
    expected = explain(problem, orders_of(problem, plan), stop=Deadline(600, time.monotonic))
    found = answer.json()["explanations"]
    assert [(one["visit"], one["obstacle"], one["sentence"]) for one in found] == [
        (one.visit, one.obstacle.value, one.sentence) for one in expected
    ]
    assert visit in {one["visit"] for one in found if one["obstacle"] == "fits"}
    assert [len(one["remedies"]) for one in found] == [len(one.remedies) for one in expected]
    assert client.get(f"/v1/plans/{draft}/explanations").json() == answer.json()
    assert client.get(f"/v1/plans/{'0' * 32}/explanations").status_code == 404
