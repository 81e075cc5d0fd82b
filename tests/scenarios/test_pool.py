"""Where cells run: in this process, in spawned ones, on a Dask cluster; the table is the same."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from scenarios.cells import Budget
from scenarios.compare import table
from scenarios.keep import Kept
from scenarios.pool import Inline, dask_pool, local_pool
from scenarios.report import document_of
from scenarios.study import Study, fleet_scenarios, run_study

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from geodata.city.dataset import CityDataset

    MakeCity = Callable[..., CityDataset]

BIN: dict[str, Any] = {"lat": 13.35, "volume_l": 4000, "stream": "residual", "fill_rate_l_per_day": 3000}
STUDY = Study(
    name="small",
    scenarios=fleet_scenarios((1, 2)),
    days=(dt.date(2026, 11, 23),),
    seeds=(0, 1),
    budget=Budget(steps=1),
    samples=5,
)


@pytest.fixture
def city(make_city: MakeCity, truck: dict[str, Any]) -> CityDataset:
    """Give a street with six large containers and a truck."""
    bins = [BIN | {"id": f"B{number}", "lon": 103.853 + number / 1000} for number in range(6)]
    return make_city(containers=bins, vehicles=[truck | {"capacity_kg": 1400}])


def told(city: CityDataset, pool: Executor, folder: Path) -> dict[str, Any]:
    """Run the study on a pool; return all that it says."""
    result = run_study(STUDY, city, pool, workers=2, kept=Kept(folder))
    assert result.failed == {}
    return document_of(result, table(result))


def test_spawned_processes_say_what_one_process_says(city: CityDataset, tmp_path: Path) -> None:
    """Streets and travel times reach them, and nothing depends on the order in which cells come back."""
    expected = told(city, Inline(), tmp_path / "here")
    with local_pool(2) as pool:
        assert told(city, pool, tmp_path / "there") == expected


@pytest.mark.filterwarnings("default")  # what a cluster's own threads and sockets warn of is not ours
def test_a_cluster_s_workers_say_what_one_process_says(city: CityDataset, tmp_path: Path) -> None:
    """A real scheduler and two real workers, each a process with one thread."""
    distributed = pytest.importorskip("distributed")
    expected = told(city, Inline(), tmp_path / "here")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        dask_pool(cluster.scheduler_address) as pool,
    ):
        assert told(city, pool, tmp_path / "there") == expected


def test_a_pool_of_no_worker_is_refused() -> None:
    """The sentence says how many there must be."""
    with pytest.raises(ValueError, match="at least 1 worker, not 0"), local_pool(0):
        pass
