"""Edits over HTTP on a real plan, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from plan_rows import MONDAY
from solved import routes_of, store_solved

from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan, loads

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient
    from sqlalchemy import Engine

DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def engine(client: TestClient) -> Engine:
    found: Engine = client.app.state.engine  # type: ignore[attr-defined]  # the test client knows any ASGI application
    return found


@pytest.fixture
def plan_id(engine: Engine, city_id: str, city_folder: Path) -> str:
    return store_solved(engine, city_id, city_folder)


def document(client: TestClient, plan_id: str) -> Any:
    return decode_plan(loads(client.get(f"/v1/plans/{plan_id}/plan.json").content))


def edit(client: TestClient, plan_id: str, *edits: dict[str, Any], **more: Any) -> Any:
    return client.post(f"/v1/plans/{plan_id}/edits", json={"edits": list(edits), **more})


def first_visit(client: TestClient, plan_id: str, route: int = 0) -> str:
    _, plan = document(client, plan_id)
    return next(step.id for step in plan.routes[route].steps if step.kind.value == "visit")


def test_an_edit_makes_the_next_draft(client: TestClient, plan_id: str, engine: Engine) -> None:
    """An edit that passes is stored as a judged plan of its own with its change of cost; the first one stays."""
    visit = first_visit(client, plan_id)
    before = client.get(f"/v1/plans/{plan_id}").json()
    answer = edit(client, plan_id, {"kind": "drop", "visit": visit, "reason": "The street is dug up."})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["feasible"], found["violations"], found["revision"], found["parent_id"]) == (True, [], 2, plan_id)
    after = client.get(f"/v1/plans/{found['plan_id']}").json()
    assert (after["state"], after["parent_id"], after["run_id"], after["solver"]) == ("draft", plan_id, None, "edits")
    assert after["problem_hash"] == before["problem_hash"]
    assert after["cost"] == found["cost"]
    for term in ("total", "operating", "distance", "required_unserved"):
        assert found["change"][term] == pytest.approx(after["cost"][term] - before["cost"][term], abs=1e-6)
    [unserved] = [one for one in after["unserved"] if one["visit"] == visit]
    assert (unserved["reason"], unserved["detail"]) == ("dropped", "The street is dug up.")
    assert client.get(f"/v1/plans/{plan_id}").json() == before
    problem, plan = document(client, found["plan_id"])
    assert check(problem, plan) == ()

    drawn, old = routes_of(engine, found["plan_id"]), routes_of(engine, plan_id)
    assert {shift for shift in drawn if drawn[shift] != old[shift]} == set(found["shifts"])
    for route, shown in zip(plan.routes, after["routes"], strict=True):
        features = client.get(shown["geojson"]).json()["features"]
        kinds = [one["properties"]["kind"] for one in features if one["geometry"]["type"] == "Point"]
        assert kinds == [step.kind.value for step in route.steps]


def test_a_dry_run_stores_nothing(client: TestClient, plan_id: str) -> None:
    """A dry run is answered like an edit, and leaves no plan behind."""
    visit = first_visit(client, plan_id)
    found = edit(client, plan_id, {"kind": "drop", "visit": visit, "reason": "x"}, dry_run=True).json()
    assert (found["feasible"], found["plan_id"]) == (True, None)
    assert len(client.get(f"/v1/plans/{plan_id}/revisions").json()["revisions"]) == 1


def test_what_the_judge_refuses_is_answered_and_not_stored(client: TestClient, plan_id: str) -> None:
    """An edit against a constraint is answered with the violation and its amount, and nothing is stored."""
    _, plan = document(client, plan_id)
    steps = [{"visit": step.id} for step in plan.routes[0].steps if step.kind.value == "visit"]
    found = edit(client, plan_id, {"kind": "reorder", "shift": plan.routes[0].shift, "steps": steps}).json()
    assert (found["feasible"], found["plan_id"]) == (False, None)
    assert "not_empty" in {violation["kind"] for violation in found["violations"]}
    assert all(violation["message"] for violation in found["violations"])
    assert len(client.get(f"/v1/plans/{plan_id}/revisions").json()["revisions"]) == 1


def test_undo_and_edit_anew(client: TestClient, plan_id: str) -> None:
    """A draft that is discarded leaves the plan before it as the one to edit; what was published is not discarded."""
    visit = first_visit(client, plan_id)
    drop = {"kind": "drop", "visit": visit, "reason": "x"}
    first = edit(client, plan_id, drop).json()["plan_id"]
    assert edit(client, plan_id, drop).status_code == 409
    second = edit(client, first, {"kind": "add", "visit": visit}).json()["plan_id"]
    assert client.post(f"/v1/plans/{first}/discard").status_code == 409
    assert client.post(f"/v1/plans/{second}/discard").status_code == 200
    assert edit(client, second, drop).status_code == 409
    assert client.post(f"/v1/plans/{first}/discard").status_code == 200
    anew = edit(client, plan_id, {"kind": "lock", "visit": visit}).json()["plan_id"]
    line = client.get(f"/v1/plans/{anew}/revisions").json()["revisions"]
    assert [(one["id"], one["revision"], one["state"]) for one in line] == [(plan_id, 1, "draft"), (anew, 2, "draft")]
    assert line[1]["edits"] == [{"kind": "lock", "visit": visit}]
    assert client.post(f"/v1/plans/{anew}/publish").status_code == 200
    assert client.post(f"/v1/plans/{anew}/discard").status_code == 409


def test_a_lock_is_another_problem(client: TestClient, plan_id: str) -> None:
    """A plan with a locked visit carries the hash of the problem in which it is locked."""
    visit = first_visit(client, plan_id)
    locked = edit(client, plan_id, {"kind": "lock", "visit": visit}).json()["plan_id"]
    problem, plan = document(client, locked)
    assert problem.visit_by_id[visit].vehicle == plan.routes[0].vehicle
    assert client.get(f"/v1/plans/{locked}").json()["problem_hash"] != document(client, plan_id)[1].problem_hash
    again = edit(client, locked, {"kind": "unlock", "visit": visit}).json()["plan_id"]
    assert document(client, again)[1].problem_hash == document(client, plan_id)[1].problem_hash


def test_of_two_who_edit_at_once_one_is_refused(client: TestClient, plan_id: str) -> None:
    """However many edit the same plan at the same time, one plan comes of it and the others get 409."""
    visit = first_visit(client, plan_id)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda n: edit(client, plan_id, {"kind": "drop", "visit": visit, "reason": str(n)}), range(4))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


def test_a_published_plan_is_edited_into_a_draft(client: TestClient, plan_id: str, city_id: str) -> None:
    """Editing a published plan changes nothing for its day until the draft is published."""
    client.post(f"/v1/plans/{plan_id}/publish")
    draft = edit(client, plan_id, {"kind": "drop", "visit": first_visit(client, plan_id), "reason": "x"}).json()
    day = f"/v1/cities/{city_id}/days/{MONDAY}"
    assert client.get(day).json()["plan_id"] == plan_id
    client.post(f"/v1/plans/{draft['plan_id']}/publish")
    assert client.get(day).json()["plan_id"] == draft["plan_id"]
    assert client.get(f"/v1/plans/{plan_id}").json()["state"] == "replaced"


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [{"kind": "throw", "visit": "v"}],
        [{"kind": "drop", "visit": "v"}],
        [{"kind": "drop", "visit": "nowhere", "reason": "x"}],
        [{"kind": "move", "visit": "v", "shift": "s", "position": True}],
        [{"kind": "reorder", "shift": "s", "steps": [{}]}],
        [{"kind": "reorder", "shift": "s", "steps": [{"visit": "a", "unload": "b"}]}],
    ],
)
def test_wrong_edits_are_422(client: TestClient, plan_id: str, edits: list[Any]) -> None:
    """What is no edit, or none of this plan, is refused with its place."""
    answer = client.post(f"/v1/plans/{plan_id}/edits", json={"edits": edits})
    assert (answer.status_code, answer.json()["errors"][0]["place"].split("/")[:2]) == (422, ["body", "edits"])
