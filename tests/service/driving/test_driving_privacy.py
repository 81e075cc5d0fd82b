"""What is kept of drivers: positions for some days, and nothing of one who had it erased."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driving_day import AFTERNOON_US, OTHER_PHONE, PHONE, at, done
from typer.testing import CliRunner

from service.cli.main import app
from service.driving import privacy
from service.driving.privacy import Purger, delete_positions
from service.ingest.report import DAY_US

if TYPE_CHECKING:
    import pytest
    from driving_day import Driven


def position(sequence: int, seconds: int) -> dict[str, Any]:
    """Return a position."""
    return {"sequence": sequence, "kind": "position", "lon": 103.8, "lat": 13.3, "time": at(seconds)}


def reported(driven: Driven) -> str:
    """Let two phones of one shift report, and return the shift."""
    shift = driven.shifts()[0]
    first, second, third, *_ = driven.visits(shift)
    skipped = {"sequence": 3, "kind": "skipped", "visit": second["id"], "reason": "other", "note": "ask the guard"}
    could_not_pass = {"sequence": 5, "kind": "could_not_pass", "lon": 103.8, "lat": 13.3, "note": "the guard again"}
    driven.send(
        shift,
        done(1, first),
        position(2, first["departure_s"]),
        skipped | {"time": at(second["arrival_s"])},
        could_not_pass | {"time": at(second["arrival_s"])},
        {"sequence": 4, "kind": "unloaded", "site": "landfill", "kg": 500, "time": at(second["arrival_s"])},
    )
    driven.send(shift, done(1, third), position(2, third["departure_s"]), phone=OTHER_PHONE)
    return shift


def test_positions_are_deleted_when_they_are_old_and_nothing_else_is(driven: Driven) -> None:
    """Only positions before the moment go; what was done stays done."""
    shift = reported(driven)
    _, _, third, *_ = driven.visits(shift)
    app_state: Any = driven.client.app
    engine = app_state.state.engine
    third_us = AFTERNOON_US + (third["departure_s"] - 16 * 3_600) * 1_000_000
    before = driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()
    assert delete_positions(engine, before_us=third_us) == 1
    assert delete_positions(engine, before_us=third_us + 1) == 1
    after = driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()
    assert after["progress"]["position"] is None
    assert {one["visit"]: one["status"] for one in after["visits"]} == {
        one["visit"]: one["status"] for one in before["visits"]
    }


def test_server_deletes_old_positions_by_itself(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own thread deletes what is past its days as soon as it starts."""
    shift = reported(driven)
    state: Any = driven.client.app
    monkeypatch.setattr(privacy, "now_us", lambda: AFTERNOON_US + 60 * DAY_US)
    purger = Purger(state.state.engine, keep_days=60)
    purger.start()
    purger.stop()
    assert driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()["progress"]["position"] is None


def test_erased_driver_is_nobody(driven: Driven) -> None:
    """After erasure nothing leads to the phone, its positions and notes are gone, and its work still counts, once."""
    shift = reported(driven)
    first, *_ = driven.visits(shift)
    address = f"/v1/cities/{driven.city_id}/phones/{PHONE}"
    kept = driven.client.get(address).json()
    assert [event["sequence"] for event in kept["events"]] == [1, 2, 3, 4, 5]
    assert (kept["events"][1]["lon"], kept["events"][2]["note"]) == (103.8, "ask the guard")
    before = driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()

    assert driven.client.delete(address).json() == {"positions_deleted": 1, "events_without_phone": 4}
    assert driven.client.get(address).status_code == driven.client.delete(address).status_code == 404
    after = driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()
    assert (after["visits"], after["unloadings"]) == (before["visits"], before["unloadings"])
    state: Any = driven.client.app
    with state.state.engine.connect() as connection:
        for table in ("driver_event", "erased_phone", "reading", "quarantine", "overlay"):
            rows = str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            assert PHONE not in rows
            assert "guard" not in rows
    refused = driven.send(shift, done(1, first), status=409)
    assert "erased" in refused["detail"]
    other = driven.client.get(f"/v1/cities/{driven.city_id}/phones/{OTHER_PHONE}").json()
    assert len(other["events"]) == 2


def test_command_hands_out_and_erases(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command does on the server's machine what the API does."""
    reported(driven)
    state: Any = driven.client.app
    monkeypatch.setenv("SAMRAM_HOME", str(state.state.settings.home))
    runner = CliRunner()
    shown = runner.invoke(app, ["privacy", "export", driven.city_id, PHONE])
    assert [event["kind"] for event in json.loads(shown.stdout)["events"]] == [
        "done",
        "position",
        "skipped",
        "unloaded",
        "could_not_pass",
    ]
    erased = runner.invoke(app, ["privacy", "erase", driven.city_id, PHONE])
    assert (erased.exit_code, erased.stdout.strip()) == (0, "1 positions deleted; 4 events are nobody's now.")
    assert runner.invoke(app, ["privacy", "export", driven.city_id, PHONE]).exit_code != 0
