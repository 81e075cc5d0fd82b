"""The KPIs of a stored plan over HTTP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi.testclient import TestClient


def test_the_kpis_of_a_plan_add_up_to_its_figures(
    tmp_path: Path, make_client: Callable[[Settings], TestClient], city_zip: bytes
) -> None:
    """Routes and zones add up to the day, and the day is that of the plan; a plan that is not there is not found."""
    with make_client(Settings(home=tmp_path / "home")) as client:
        client.post("/v1/cities", content=city_zip, headers={"content-type": "application/zip"})
        city = client.get("/v1/cities").json()["cities"][0]["id"]
        run = client.post(f"/v1/cities/{city}/plans", json={"date": "2026-11-23", "seconds": 2}).json()
        deadline_s = time.monotonic() + 300
        while (run := client.get(f"/v1/runs/{run['id']}").json())["status"] in ("queued", "running"):
            assert time.monotonic() < deadline_s, "The run has not ended within five minutes."
            time.sleep(0.05)
        plan = client.get(f"/v1/plans/{run['plan_id']}").json()
        kpis = client.get(f"/v1/plans/{run['plan_id']}/kpis").json()
        assert client.get(f"/v1/plans/{'0' * 32}/kpis").status_code == 404
    assert kpis["distance_km"] == pytest.approx(plan["distance_km"])
    assert kpis["collected_t"] == pytest.approx(plan["collected_t"])
    assert kpis["cost"] == pytest.approx(sum(route["cost"] for route in kpis["routes"]))
    assert sum(route["collected_t"] for route in kpis["routes"]) == pytest.approx(kpis["collected_t"])
    assert sum(zone["collected_t"] for zone in kpis["zones"]) == pytest.approx(kpis["collected_t"])
    assert {zone["zone"] for zone in kpis["zones"]} >= {"Z1", "Z2", "Z3", "Z4"}
