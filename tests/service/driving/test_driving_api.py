"""What phones report over HTTP, and what dispatchers see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from driving_day import OTHER_PHONE, PHONE, at, done

from service.driving.routes import language_of

if TYPE_CHECKING:
    from driving_day import Driven


def test_day_is_seen_as_it_is_reported(driven: Driven) -> None:
    """What phones report stands in the shift's state and in the day's progress, planned against done."""
    shift = driven.shifts()[0]
    first, second, third, *others = driven.visits(shift)
    reply = driven.send(
        shift,
        done(3, second, late_s=600),
        done(1, first, late_s=300),
        {"sequence": 4, "kind": "skipped", "visit": third["id"], "reason": "blocked", "time": at(third["arrival_s"])},
        {"sequence": 2, "kind": "arrived", "visit": second["id"], "time": at(second["arrival_s"])},
        {"sequence": 5, "kind": "unloaded", "site": "landfill", "kg": 840, "time": at(third["arrival_s"] + 60)},
        {"sequence": 6, "kind": "break_start", "time": at(third["arrival_s"] + 90)},
        {"sequence": 7, "kind": "position", "lon": 103.8, "lat": 13.3, "time": at(third["arrival_s"] + 100)},
    )
    assert (reply["received"], reply["stored"], reply["refused"]) == (7, 7, 0)
    assert {one["code"] for one in reply["results"]} == {201}
    assert driven.client.get(driven.of_day("").rstrip("/")).json()["state"] == "running"

    state = driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()
    assert state["plan_id"] == driven.plan_id
    found = {one["visit"]: one["status"] for one in state["visits"]}
    assert list(found) == [visit["id"] for visit in driven.visits(shift)]
    assert [found[visit["id"]] for visit in (first, second, third)] == ["done", "done", "skipped"]
    assert {found[visit["id"]] for visit in others} == {"left"}
    assert (state["unloadings"][0]["kg"], state["breaks"][0]["end"]) == (840, None)

    day = driven.client.get(driven.of_day("progress")).json()
    mine = next(one for one in day["shifts"] if one["shift"] == shift)
    assert mine == state["progress"]
    assert (mine["done"], mine["skipped"], mine["left"]) == (2, 1, len(others))
    assert (mine["behind_s"], mine["weighed_kg"]) == (600, 840)
    assert mine["done_kg"] == first["demand_kg"] + second["demand_kg"]
    assert (mine["position"]["lon"], mine["position"]["lat"]) == (103.8, 13.3)
    assert day["planned"] == sum(len(driven.visits(one)) for one in driven.shifts())


def test_wrong_event_holds_up_no_other(driven: Driven) -> None:
    """Each event is taken by itself: a wrong one is refused with its reason, the others are stored."""
    shift = driven.shifts()[0]
    first, second, *_ = driven.visits(shift)
    reply = driven.send(
        shift,
        done(1, first),
        done(2, second) | {"kind": "eaten"},
        done(3, second) | {"time": "2026-11-23T08:00:00"},
        {"no": "event"},
        done(4, second) | {"visit": "nowhere"},
        {"sequence": 5, "kind": "position", "lon": False, "lat": 13.3, "time": at(first["arrival_s"])},
        done(6, second),
    )
    assert [one["code"] for one in reply["results"]] == [201, 422, 422, 422, 422, 422, 201]
    assert [one["sequence"] for one in reply["results"]] == [1, 2, 3, None, 4, 5, 6]
    assert all(one["reason"] and one["detail"] for one in reply["results"] if one["code"] == 422)
    assert "offset" in reply["results"][2]["detail"]


def test_repeated_event_is_stored_once_and_another_body_is_refused(driven: Driven) -> None:
    """The same event is a duplicate however often it comes; under its name another body is 422 and changes nothing."""
    shift = driven.shifts()[0]
    first, second, *_ = driven.visits(shift)
    assert [one["code"] for one in driven.send(shift, done(1, first), done(1, first))["results"]] == [201, 200]
    assert [one["code"] for one in driven.send(shift, done(1, first), done(1, second))["results"]] == [200, 422]
    other = driven.send(shift, done(1, second), phone=OTHER_PHONE)
    assert [one["code"] for one in other["results"]] == [201]
    state = driven.client.get(driven.of_day(f"shifts/{shift}/state")).json()
    assert state["progress"]["done"] == 2


def test_emptied_containers_become_readings_once(driven: Driven) -> None:
    """A visit that is done empties its containers, a fill that the crew saw is a tap; sent twice they count once."""
    shift = driven.shifts()[0]
    first, second, *_ = driven.visits(shift)
    container = second["containers"][0]["id"]
    events = [
        done(1, first),
        {
            "sequence": 2,
            "kind": "fill",
            "container": container,
            "fill_percent": 75,
            "time": at(second["arrival_s"]),
        },
    ]
    for _ in range(2):
        driven.send(shift, *events)
    readings = driven.client.get(f"/v1/cities/{driven.city_id}/readings").json()["readings"]
    assert {(one["container"], one["kind"], one["fill"]) for one in readings} == {
        (container, "tap", 0.75),
        *((one["id"], "emptying", None) for one in first["containers"]),
    }
    assert len(readings) == 1 + len(first["containers"])


@pytest.mark.parametrize(
    ("kind", "seconds", "reason"),
    [
        ("position", -1_801, "outside-shift"),
        ("position", -1_800, None),
        ("break_start", -1_801, None),
        ("break_start", -6 * 3_600, None),
        ("break_start", -6 * 3_600 - 1, "outside-shift"),
    ],
)
def test_positions_are_taken_in_the_shift_alone(driven: Driven, kind: str, seconds: int, reason: str | None) -> None:
    """Half an hour before the shift a position is taken and a second earlier not; other events have six hours."""
    shifts = driven.client.get(f"/v1/cities/{driven.city_id}/shifts").json()["shifts"]
    shift = max(shifts, key=lambda one: one["start_s"])
    where = {"lon": 103.8, "lat": 13.3} if kind == "position" else {}
    event: dict[str, Any] = {"sequence": 1, "kind": kind, "time": at(shift["start_s"] + seconds), **where}
    driven.now_us += 86_400_000_000
    [result] = driven.send(shift["id"], event)["results"]
    assert result["reason"] == reason


def test_events_come_late_but_not_for_ever_and_not_from_the_future(driven: Driven) -> None:
    """Half a day after the shift its events are taken; ahead of the server's clock, or after a week, they are not."""
    shift = driven.shifts()[0]
    first, *_ = driven.visits(shift)
    assert driven.send(shift, done(1, first) | {"time": at(16 * 3_600 + 601)})["results"][0]["reason"] == "clock-ahead"
    driven.now_us += 12 * 3_600_000_000
    assert driven.send(shift, done(2, first))["results"][0]["code"] == 201
    driven.now_us += 8 * 86_400_000_000
    assert driven.send(shift, done(3, first))["results"][0]["reason"] == "too-late"


@pytest.mark.parametrize(
    "body",
    [
        {"phone": PHONE, "events": []},
        {"phone": "me", "events": [{}]},
        {"phone": PHONE.upper(), "events": [{}]},
        {"events": [{}]},
        {"phone": PHONE, "events": [{}], "more": 1},
    ],
)
def test_batch_that_is_none_is_refused(driven: Driven, body: dict[str, Any]) -> None:
    """A batch without a phone, or without events, is refused as a whole."""
    reply = driven.client.post(driven.of_day(f"shifts/{driven.shifts()[0]}/events"), json=body)
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:samram:problem:invalid-request")


def test_too_many_events_are_refused(driven: Driven) -> None:
    """A batch beyond the published limit is 413, at the limit it is taken."""
    address = driven.of_day(f"shifts/{driven.shifts()[0]}/events")
    events: list[dict[str, Any]] = [{}] * 1_001
    assert driven.client.post(address, json={"phone": PHONE, "events": events}).status_code == 413
    assert driven.client.post(address, json={"phone": PHONE, "events": events[1:]}).json()["refused"] == 1_000


def test_unknown_shifts_and_days_without_a_plan_are_not_found(driven: Driven) -> None:
    """Another city, a day for which nothing is published, and a shift that does not exist are all 404."""
    shift = driven.shifts()[0]
    for address in (
        f"/v1/cities/nowhere/days/2026-11-23/shifts/{shift}",
        f"/v1/cities/{driven.city_id}/days/2026-11-24/shifts/{shift}",
        driven.of_day("shifts/none"),
    ):
        assert driven.client.get(f"{address}/state").status_code == 404, address
        assert driven.client.post(f"{address}/events", json={"phone": PHONE, "events": [{}]}).status_code == 404


def test_phone_fetches_its_published_route(driven: Driven) -> None:
    """The route is the published plan's with the way to each step; asked for again with its ETag it is 304."""
    shift = driven.shifts()[0]
    reply = driven.client.get(driven.of_day(f"shifts/{shift}/route.geojson"))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/geo+json")
    steps = [one["properties"] for one in reply.json()["features"] if one["properties"]["kind"] != "trip"]
    assert without(steps) == driven.steps(shift)
    assert all(step["way"] for step in steps if step["leg_distance_m"])
    named = {"if-none-match": reply.headers["etag"]}
    again = driven.client.get(driven.of_day(f"shifts/{shift}/route.geojson"), headers=named)
    assert (again.status_code, again.content) == (304, b"")


def without(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return steps without the ways to drive."""
    return [{name: value for name, value in step.items() if name != "way"} for step in steps]


def test_route_speaks_the_language_of_the_phone(driven: Driven) -> None:
    """Khmer and English are different documents with different tags, and caches are told."""
    address = driven.of_day(f"shifts/{driven.shifts()[0]}/route.geojson")
    english = driven.client.get(address, headers={"accept-language": "de, en;q=0.5"})
    khmer = driven.client.get(address, headers={"accept-language": "km-KH, en;q=0.5"})
    assert (english.headers["content-language"], khmer.headers["content-language"]) == ("en", "km")
    assert "Accept-Language" in khmer.headers["vary"]
    assert khmer.headers["etag"] != english.headers["etag"]
    assert "បត់" in khmer.text
    assert "បត់" not in english.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("km", "km"),
        ("fr, km;q=0.1", "km"),
        ("en;q=0.1, km;q=0.2", "km"),
        ("*, km;q=0.9", "en"),
        ("km;q=0", "en"),
        ("km;q=nonsense, en;q=0.1", "en"),
        ("km;q=nan", "en"),
    ],
)
def test_best_liked_language_is_spoken(header: str, language: str) -> None:
    """The language with the greatest weight is taken, English where none is spoken here."""
    assert language_of(header) == language


def test_route_is_gpx_for_navigation_apps(driven: Driven) -> None:
    """The same route as GPX, with its own ETag."""
    shift = driven.shifts()[0]
    reply = driven.client.get(driven.of_day(f"shifts/{shift}/route.gpx"))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/gpx+xml")
    root = ET.fromstring(reply.content)
    assert len(root.findall("{*}wpt")) == len(driven.steps(shift))
    named = {"if-none-match": reply.headers["etag"]}
    assert driven.client.get(driven.of_day(f"shifts/{shift}/route.gpx"), headers=named).status_code == 304


def test_shift_with_nothing_to_do_has_an_empty_route(driven: Driven) -> None:
    """A shift that the plan gives no work is told so, and is not missing."""
    shifts = {one["id"] for one in driven.client.get(f"/v1/cities/{driven.city_id}/shifts").json()["shifts"]}
    idle = min(shifts - set(driven.shifts()))
    reply = driven.client.get(driven.of_day(f"shifts/{idle}/route.geojson"))
    assert (reply.status_code, reply.json()["features"]) == (200, [])


def test_street_that_could_not_be_passed_is_listed_until_it_is_ended(driven: Driven) -> None:
    """A driver's word closes a street until the next day, or until the office ends it; it names nobody."""
    shift = driven.shifts()[0]
    first, *_ = driven.visits(shift)
    event = {"kind": "could_not_pass", "lon": 103.8, "lat": 13.3, "note": "flooded", "time": at(first["arrival_s"])}
    results = driven.send(
        shift,
        event | {"sequence": 1},
        event | {"sequence": 2, "until": "2026-11-22"},
        event | {"sequence": 3, "until": "2027-11-23"},
    )["results"]
    assert [one["code"] for one in results] == [201, 422, 422]
    address = f"/v1/cities/{driven.city_id}/overlays"
    [closure] = driven.client.get(address).json()["features"]
    assert closure["geometry"] == {"type": "Point", "coordinates": [103.8, 13.3]}
    said = closure["properties"]
    assert (said["change"], said["note"], said["expires"]) == ("closure", "flooded", "2026-11-24")
    assert driven.client.get(address, params={"since": "2026-11-25"}).json()["features"] == []
    ended = [driven.client.post(f"{address}/{closure['id']}/end").json()["ended_at"] for _ in range(2)]
    assert ended[0] == ended[1] is not None
    assert driven.client.post(f"{address}/nothing/end").status_code == 404
