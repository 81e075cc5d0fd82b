"""Whatever a city's own check lets pass can be planned: drawn at random from all that its columns allow."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.city.dataset import load_city
from geodata.city.demo.osm_xml import OsmDrawing
from geodata.errors import CityDatasetError
from optimizer.judge.evaluate import check
from optimizer.search.stop import StepLimit
from scenarios.day import plan_day, prepare_day

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASSES = st.sampled_from(["compactor", "tipper", "three_wheeler", "handcart"])
STREAMS = st.sampled_from(["", "residual", "glass", "residual,glass"])
DAYS = st.sampled_from(["", "daily", "mon", "tue-thu", "sat,sun", "fri-mon"])
IDS = st.sampled_from(["a", "a#2", "A", "b", "S", "S#2", "ស"])


def often_empty(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw an empty cell half of the time."""
    return st.one_of(st.just(""), values)


def clock(minutes: int) -> str:
    """Write minutes as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@st.composite
def spans(draw: st.DrawFn) -> str:
    """Draw one to three time windows, in any order."""
    starts = draw(st.lists(st.integers(0, 95), min_size=1, max_size=3, unique=True))
    return ";".join(f"{clock(30 * start)}-{clock(30 * start + draw(st.integers(1, 29)))}" for start in starts)


@st.composite
def shift(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a shift that ends after it starts, mostly with breaks inside it."""
    start = draw(st.integers(0, 1_439))
    end = start + draw(st.sampled_from([1, 60, 480, 1_440]))
    rests = []
    for _ in range(draw(st.integers(0, 2))):
        earliest = draw(st.integers(start, end))
        latest = draw(st.integers(earliest + 1, end + 1))
        rests.append(f"{draw(st.integers(1, 90))}min@{clock(earliest)}-{clock(latest)}")
    return {
        "vehicle": draw(st.sampled_from(["T1", "T2"])),
        "weekdays": draw(DAYS),
        "start": clock(start),
        "end": clock(end),
        "breaks": ";".join(rests),
        "max_overtime_s": draw(st.sampled_from([0, 3_600, 14_400])),
        "overtime_cost_per_hour": draw(st.sampled_from([0, 13.5])),
        "max_stops": draw(often_empty(st.sampled_from([1, 2]))),
        "max_daily_kg": draw(often_empty(st.sampled_from([1, 500]))),
    }


@st.composite
def container(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a bin; one of a stop stands where the others of it do."""
    stop = draw(often_empty(IDS))
    lon, lat = (103.86, 13.35) if stop else draw(st.sampled_from([(103.852, 13.3501), (103.9, 13.35), (103.86, 13.38)]))
    return {"stop_id": stop, "lon": lon, "lat": lat} | draw(CONTAINER)


CONTAINER = st.fixed_dictionaries(
    {
        "id": IDS,
        "volume_l": st.sampled_from([1, 7, 660, 60_000]),
        "stream": st.sampled_from(["", "residual", "glass"]),
        "fill": often_empty(st.sampled_from([0, 0.001, 0.7, 1])),
        "schedule": DAYS,
        "fill_rate_l_per_day": often_empty(st.sampled_from([0, 0.01, 240, 600_000])),
        "service_s": often_empty(st.sampled_from([0, 40, 14_400])),
        "windows": often_empty(spans()),
        "access_class": often_empty(CLASSES),
        "prize": often_empty(st.sampled_from([0, 0.0000001, 2.5, 1e6])),
        "locked_vehicle": often_empty(st.sampled_from(["T1", "T2"])),
    }
)
SITE = st.fixed_dictionaries(
    {
        "id": IDS,
        "lon": st.sampled_from([103.87, 103.9]),
        "lat": st.just(13.35),
        "windows": often_empty(spans()),
        "unloading_s": st.sampled_from([0, 900, 14_400]),
        "streams": STREAMS,
        "gate_fee_per_t": st.sampled_from([0, 0.0001, 6.5]),
    }
)
VEHICLE = st.fixed_dictionaries(
    {
        "capacity_kg": st.sampled_from([1, 400, 60_000]),
        "capacity_l": st.sampled_from([1, 999, 120_000]),
        "compaction": st.sampled_from([1, 1.0004, 2.9996, 10]),
        "access_class": CLASSES,
        "width_m": st.sampled_from([0.001, 2.5, 4]),
        "height_m": st.just(3),
        "length_m": st.just(8),
        "weight_t": st.sampled_from([0.001, 16, 60]),
        "streams": STREAMS,
        "mixed_streams": st.sampled_from(["yes", "no"]),
        "speed_factor": st.sampled_from([0.1, 1, 2]),
        "fixed_cost": st.sampled_from([0, 35]),
        "cost_per_hour": st.sampled_from([0, 0.0001, 9]),
        "cost_per_km": st.sampled_from([0, 0.55]),
        "range_km": often_empty(st.sampled_from([0.0001, 0.0005, 3, 2_000])),
        "lift_s": st.sampled_from([0, 20, 14_400]),
    }
)


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Draw a street with an island beside it that nothing leads to."""
    folder = tmp_path_factory.mktemp("streets")
    drawing = OsmDrawing()
    drawing.way([drawing.node(103.845 + step / 1000, 13.35) for step in range(31)], {"highway": "residential"})
    drawing.way([drawing.node(103.9, 13.35), drawing.node(103.901, 13.35)], {"highway": "residential"})
    drawing.write(folder / "streets.osm")
    return (folder / "streets.osm").read_bytes()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    containers=st.lists(container(), min_size=1, max_size=6, unique_by=lambda row: row["id"]),
    sites=st.lists(SITE, min_size=1, max_size=2, unique_by=lambda row: row["id"]),
    vehicles=st.tuples(VEHICLE, VEHICLE),
    shifts=st.lists(shift(), min_size=1, max_size=2),
    weekday=st.integers(0, 6),
)
def test_a_city_that_passes_its_check_can_be_planned(
    streets: bytes,
    containers: list[dict[str, Any]],
    sites: list[dict[str, Any]],
    vehicles: Sequence[dict[str, Any]],
    shifts: list[dict[str, Any]],
    weekday: int,
) -> None:
    """Every city without errors gives a problem, a plan that the judge passes, and each due container once in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "streets.osm").write_bytes(streets)
        (folder / "city.toml").write_text('name = "Any"\ntimezone = "UTC"\ncurrency = "USD"\n', encoding="utf-8")
        tables = {
            "containers": containers,
            "depots": [{"id": "D1", "lon": 103.85, "lat": 13.35}],
            "disposal_sites": sites,
            "vehicles": [row | {"id": f"T{number}", "depot": "D1"} for number, row in enumerate(vehicles, 1)],
            "shifts": [row | {"id": f"shift {number}"} for number, row in enumerate(shifts, 1)],
        }
        for stem, rows in tables.items():
            with (folder / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        try:
            city = load_city(folder)
        except CityDatasetError:
            return  # the check has said what is wrong with it
        day = prepare_day(city, dt.date(2026, 11, 23) + dt.timedelta(days=weekday))
    due = [container for visit in day.problem.visits for container in visit.containers]
    assert len(due) + day.not_due == len(containers)
    assert len(set(due)) == len(due)
    assert check(day.problem, plan_day(day, stop=StepLimit(1)).plan) == ()
