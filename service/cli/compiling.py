"""Says when loops are compiled, which happens once on a machine, and compiles them ahead for who must not wait."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numba.core import event

from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPILE: Final = "numba:compile"
# Any day will do; a Monday, on which every shift of the built-in city works.
_SOME_DAY: Final = dt.date(2026, 11, 23)
_CONTAINERS: Final = 50


class _Told(event.Listener):
    """Prints a line at the first loop that is not on disk yet, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.spent_s = 0.0
        self._depth = 0
        self._begun_s = 0.0

    def on_start(self, _event: Any) -> None:
        """Tell, once; a loop that calls another one has it compiled meanwhile."""
        if not self.count:
            show.ERR.print("compiling, once on this machine: up to two minutes ...")
        self.count += 1
        self._depth += 1
        if self._depth == 1:
            self._begun_s = time.monotonic()

    def on_end(self, _event: Any) -> None:
        """Count the time."""
        self._depth -= 1
        if self._depth == 0:
            self.spent_s += time.monotonic() - self._begun_s


@contextmanager
def told() -> Iterator[_Told]:
    """Tell whoever waits if something is compiled inside, and how long it took; say nothing otherwise."""
    listener = _Told()
    with event.install_listener(_COMPILE, listener):
        yield listener
    if listener.count:
        show.ERR.print(f"compiled in {listener.spent_s:.0f} s")


def warm_up() -> int:
    """Compile everything that planning and drawing a day needs, or fetch it from disk; return how many were compiled.

    A small day is planned and drawn, because that is what needs it all.
    """
    from geodata.city.demo import write_demo_city
    from geodata.streets.instructions import instructions
    from geodata.streets.legs import leg
    from optimizer.search.solve import warm
    from optimizer.search.stop import StepLimit
    from scenarios.day import plan_day, prepare_day
    from service.cli import planning

    with told() as heard, tempfile.TemporaryDirectory(prefix="samram-warm-") as scratch:
        city, extract = planning.read(write_demo_city(Path(scratch) / "city", containers=_CONTAINERS, seed=1))
        day = prepare_day(city, _SOME_DAY, extract=extract)
        # What comes from the disk is typed as what was built, but for being read-only.
        for _ in range(2):
            day = prepare_day(city, _SOME_DAY, cache_dir=Path(scratch) / "cache")
        warm()
        plan = plan_day(day, stop=StepLimit(1)).plan
        maps = Path(scratch) / "maps"
        maps.mkdir()
        planning.write_maps(day, plan, maps)
        depot, site = day.problem.depots[0].node, day.problem.disposal_sites[0].node
        found = leg(day.network, day.network.profiles[0].name, day.places, depot, site)
        if found is not None:
            instructions(day.network, day.places, depot, site, found)
    return heard.count
