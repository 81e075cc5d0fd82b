"""A city's streets and fleet kept ready: many days' problems from one snapping and one travel matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.matrix import TravelMatrix
from optimizer.search.engines import ruin_recreate
from optimizer.search.feasible import options
from optimizer.search.stop import StepLimit
from scenarios.day import prepare_day
from scenarios.visits import Due, weight_kg

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from geodata.city.dataset import CityDataset, Container
    from geodata.streets.osm import OsmExtract
    from optimizer.problem.model import Problem, Visit
    from optimizer.problem.plan import RouteOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """All of a city's containers placed on its streets, as if each were due and full.

    Parameters
    ----------
    containers
        The city's, in its order; ``ids`` and ``number`` are theirs.
    whole
        The problem of a day on which everything is due.
    density
        Kilograms per loose litre of each stream.
    shifts
        By visit, those that could serve it alone if it were full; visits that none could serve are not planned.
    """

    containers: tuple[Container, ...]
    ids: tuple[str, ...]
    number: Mapping[str, int]
    whole: Problem
    density: Mapping[str, float]
    shifts: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(
        city: CityDataset, date: dt.date, *, extract: OsmExtract | None = None, cache_dir: Path | None = None
    ) -> Ground:
        """Place a city's containers on the streets of a date, with the shifts of that date.

        What is collected from door to door is left out: nobody decides on it from day to day.
        """
        bins_alone = replace(city, zones=())
        everything = {container.id: Due(litres=container.volume_l) for container in city.containers}
        day = prepare_day(bins_alone, date, extract=extract, chosen=everything, cache_dir=cache_dir)
        ids = tuple(container.id for container in city.containers)
        return Ground(
            containers=city.containers,
            ids=ids,
            number={name: index for index, name in enumerate(ids)},
            whole=day.problem,
            shifts=options(day.problem).shifts,
            density={name: stream.density_kg_per_l for name, stream in city.streams.items()},
        )

    def problem(self, due: Mapping[str, Due], date: dt.date) -> Problem:
        """Return the problem of collecting what is due: the visits of the whole, cut down to it, and their places.

        A visit is required if any of its containers is; else its prize is theirs together. A stop is where its first
        container stands, whether that one is due or not.
        """
        visits = [visit for whole in self.whole.visits if (visit := self._cut(whole, due)) is not None]
        fixed = [*(depot.node for depot in self.whole.depots), *(site.node for site in self.whole.disposal_sites)]
        nodes = np.array(sorted({*fixed, *(node for visit in visits for node in visit.kerb)}))
        place = {int(node): index for index, node in enumerate(nodes)}
        times = {name: self.whole.matrix.block(name, nodes, nodes) for name in self.whole.matrix.profiles}
        return replace(
            self.whole,
            matrix=TravelMatrix(
                {name: duration_s for name, (duration_s, _) in times.items()},
                {name: distance_m for name, (_, distance_m) in times.items()},
            ),
            locations=tuple(self.whole.locations[int(node)] for node in nodes),
            depots=tuple(replace(depot, node=place[depot.node]) for depot in self.whole.depots),
            disposal_sites=tuple(replace(site, node=place[site.node]) for site in self.whole.disposal_sites),
            visits=tuple(replace(visit, kerb=tuple(place[node] for node in visit.kerb)) for visit in visits),
            service_date=date.isoformat(),
        )

    def plan(self, problem: Problem, *, steps: int, seed: int) -> tuple[RouteOrder, ...]:
        """Plan one of these days within so many steps of ruin and recreate; the orders have passed the judge.

        Unlike ``optimizer.search.solve.solve`` it spends nothing on reasons for what is left out, on other engines and
        on a first plan built under the judge, which take longer than a search of the second that a simulated day has.
        """
        told: list[list[RouteOrder]] = []
        able = {visit.id: self.shifts[visit.id] for visit in problem.visits if visit.id in self.shifts}
        ruin_recreate.search(
            problem, able, stop=StepLimit(steps), seed=seed, start=(), found=told.append, recombining=False
        )
        for orders in reversed(told):
            working = tuple(order for order in orders if order.actions)
            if not any(evaluate_route(problem, order).violations for order in working):
                return working
        return ()

    def _cut(self, whole: Visit, due: Mapping[str, Due]) -> Visit | None:
        members = [name for name in whole.containers if name in due]
        if not members:
            return None
        prizes = [due[name].prize_micro for name in members]
        prize_micro = None if None in prizes else sum(prize for prize in prizes if prize is not None)
        litres = sum(due[name].litres for name in members)
        return replace(
            whole,
            demand_l=litres,
            demand_kg=weight_kg(litres, self.density[whole.stream]),
            service_s=sum(self.containers[self.number[name]].service_s for name in members),
            lifts=len(members),
            prize_micro=prize_micro,
            containers=tuple(members),
        )
