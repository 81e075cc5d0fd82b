"""What everybody may know of a city, once its administrator lets them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from driving_day import PHONE, Driven, done

if TYPE_CHECKING:
    import pytest


def test_a_summary_is_for_everybody_once_it_is_opened_and_names_nobody(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed it is not there; opened it tells share, tonnes and the next day by zone, and no truck, bin or firm."""
    shift = driven.shifts()[0]
    visits = driven.visits(shift)
    driven.send(shift, *(done(number, visit) for number, visit in enumerate(visits)))
    tuesday = dt.datetime(2026, 11, 24, 1, tzinfo=dt.UTC)
    monkeypatch.setattr("service.driving.summary.utc_now", lambda: tuesday)
    address = f"/v1/cities/{driven.city_id}/public"
    assert driven.client.get(address).status_code == 404
    assert driven.client.put(address, json={"open": True}).json() == {"open": True}
    reply = driven.client.get(address)
    found: dict[str, Any] = reply.json()
    assert "max-age" in reply.headers["cache-control"]
    promised = sum(len(driven.visits(one)) for one in driven.shifts())
    assert found["collected"] == round(len(visits) / promised, 3)
    assert (found["first"], found["last"], found["days"]) == ("2026-10-27", "2026-11-23", 1)
    assert found["tonnes"] == round(sum(visit["demand_kg"] for visit in visits) / 1_000, 1)
    zones = driven.client.get(f"/v1/cities/{driven.city_id}/zones").json()["features"]
    assert [zone["zone"] for zone in found["zones"]] == [zone["id"] for zone in zones]
    assert not any(zone["announced"] for zone in found["zones"])
    assert all(zone["next_collection"] is None or zone["next_collection"] >= "2026-11-25" for zone in found["zones"])
    for name in (shift, PHONE, visits[0]["id"], "Contractor"):
        assert name not in reply.text

    monday = dt.datetime(2026, 11, 22, 20, tzinfo=dt.UTC)  # 03:00 of Monday in the city
    monkeypatch.setattr("service.driving.summary.utc_now", lambda: monday)
    driven.client.app.state.summaries.forget(driven.city_id)  # type: ignore[attr-defined]
    announced = driven.client.get(address).json()["zones"]
    assert {zone["next_collection"] for zone in announced if zone["announced"]} == {"2026-11-23"}

    driven.client.put(address, json={"open": False})
    assert driven.client.get(address).status_code == 404
    assert driven.client.get("/v1/cities/nowhere/public").status_code == 404
