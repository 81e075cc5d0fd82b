"""10,000 containers for 100 trucks: is there a plan with every required visit, how soon, and in what memory.

``hundred/city`` is a Monday of the built-in city of 10,000 containers, ``hundred/heidelberg`` of a sample city on real
streets. Both are given 100 trucks, most of them compactors; how many required visits such a fleet could serve at most
(``room.py``) stands beside what it did.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.quality.cases import city_day, waste_day, with_fleet
from benchmarks.quality.large import planned_rows
from benchmarks.quality.room import most_served
from benchmarks.quality.rows import row
from geodata.city.columns import SHIFTS, VEHICLES
from geodata.city.demo.fleet import mixed_fleet
from geodata.city.demo.sample import sample_city
from geodata.city.tables import write_csv
from geodata.city.templates import column_names

if TYPE_CHECKING:
    from benchmarks.quality.rows import Row
    from optimizer.problem.model import Problem

_CONTAINERS: Final = 10_000
CITIES: Final = ("city", "heidelberg")

_CITY_FLEET: Final = {"compactor": 60, "tipper": 20, "three_wheeler": 20}
_HEIDELBERG_FLEET: Final = {"compactors": 75, "tippers": 25, "three_wheelers": 0}
"""Three-wheelers cannot go to a landfill 18 km out often enough; tippers enter the same lanes there."""


def hundred_rows(case: str, seconds: float, seed: int, workers: int) -> list[Row]:
    """Plan a day of 10,000 containers with 100 trucks; none, and a sentence, where the extract is not there."""
    problem = _day(case.removeprefix("hundred/"))
    if problem is None:
        print(f"{case}: needs osm/heidelberg.osm.pbf under SAMRAM_DATA.")
        return []
    required = sum(visit.required for visit in problem.visits)
    rows = planned_rows(case, problem, seconds, seed, workers, most_required_left=0)
    print(f"{case}: {len(problem.visits)} visits, {required} of them required.")
    return [*rows, row(case, "required that have no room", "visits", required - most_served(problem))]


def _day(city: str) -> Problem | None:
    if city == "city":
        return with_fleet(waste_day(_CONTAINERS, tight=False), _CITY_FLEET)
    extract = Path(os.environ.get("SAMRAM_DATA", "")) / "osm" / "heidelberg.osm.pbf"
    if not extract.is_file():
        return None
    with tempfile.TemporaryDirectory() as scratch:
        folder = sample_city(extract, Path(scratch), containers=_CONTAINERS, vehicles=100)
        vehicles, shifts = mixed_fleet(**_HEIDELBERG_FLEET, depots=["D1"])
        for table, found in ((VEHICLES, vehicles), (SHIFTS, shifts)):
            write_csv(folder / f"{table.stem}.csv", column_names(table), found)
        return city_day(folder)
