"""A small city lives: the same waste for every policy, no litre lost, and trucks that fill up early."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from optimizer.demand.select import Policy
from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import RouteOrder, UnloadAction, VisitAction
from scenarios.carrying import carry_out
from scenarios.choose import Rules
from scenarios.day import prepare_day
from scenarios.fleetday import Ground
from scenarios.schedules import due_days, due_on, halves, routes_alike, schedule_as_good
from scenarios.simulate import FIRST_DAY, Setting, litres_after_warm_up, live
from scenarios.visits import Due
from scenarios.waste import Nature, draw_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geodata.city.dataset import CityDataset
    from scenarios.simulate import Kind
    from scenarios.waste import World

    MakeCity = Callable[..., CityDataset]

BIN: dict[str, Any] = {"id": "B1", "lon": 103.860, "lat": 13.35, "volume_l": 600, "stream": "residual", "fill": 1}
BINS = [
    BIN | {"id": f"B{number}", "lon": 103.851 + number * 0.0015, "fill_rate_l_per_day": 60 + 30 * (number % 4)}
    for number in range(12)
]
RULES = Rules(policy=Policy(overflow_cost_micro=20_000_000, required_above=0.3, visit_cost_micro=1_000_000))
BRIEF = Setting(kind="forecast", rules=RULES, warm_up=14, days=8, steps=1)
NATURE = Nature(pace=1.0, festival_days=0)


@pytest.fixture
def ground(make_city: MakeCity) -> Ground:
    """Give a street with twelve bins that fill in four to ten days."""
    return Ground.of(make_city(containers=BINS), FIRST_DAY)


def world_of(ground: Ground, seed: int = 1, *, nature: Nature = NATURE, setting: Setting = BRIEF) -> World:
    """Draw a world that is long enough for a brief life."""
    volume_l = np.array([container.volume_l for container in ground.containers], dtype=np.float64)
    rate_l = np.array([container.fill_rate_l_per_day for container in ground.containers], dtype=np.float64)
    return draw_world(volume_l, rate_l, days=setting.world_days, warm_up=setting.warm_up, seed=seed, nature=nature)


def schedule_for(ground: Ground, world: World, setting: Setting, *, overflows: int) -> NDArray[np.int64]:
    """Find the schedule of a brief life."""
    start_l = litres_after_warm_up(ground.containers, world, setting)
    group = routes_alike(ground.containers)
    half = halves(ground.containers)
    return schedule_as_good(world, start_l, setting.span, group=group, half=half, overflows=overflows)


@pytest.mark.parametrize("kind", ["forecast", "threshold", "perfect"])
def test_no_litre_is_lost(ground: Ground, kind: Kind) -> None:
    """What was there and what is thrown in was collected or is there, and all policies meet the same waste."""
    lived = live(ground, world_of(ground), replace(BRIEF, kind=kind), seed=1)
    assert lived.start_l + lived.generated_l == pytest.approx(lived.collected_l + lived.left_l)
    span = slice(BRIEF.warm_up, BRIEF.warm_up + BRIEF.days)
    assert lived.generated_l == pytest.approx(world_of(ground).inflow_l[span].sum())
    assert lived.collected_l > 0
    assert len(lived.days) == BRIEF.days


def test_foreseen_days_bring_so_much_more() -> None:
    """What the calendar multiplies a day by falls on that day, and on no other."""
    volume_l = np.full(12, 600.0)
    twice = np.where(np.arange(60) % 2 == 0, 2.0, 1.0)
    usual, foreseen = (
        draw_world(volume_l, volume_l, days=60, warm_up=0, seed=1, nature=NATURE, foreseen=one) for one in (None, twice)
    )
    days = [world.inflow_l.sum(axis=(1, 2)) for world in (usual, foreseen)]
    more = days[1] / days[0]
    assert more[::2].mean() == pytest.approx(2.0, abs=0.1)
    assert more[1::2].mean() == pytest.approx(1.0, abs=0.1)


def test_the_same_seed_lives_the_same_life(ground: Ground) -> None:
    """World and searches follow from their seeds; another seed is another life."""
    first, again = (live(ground, world_of(ground), BRIEF, seed=1) for _ in range(2))
    assert first == again
    assert live(ground, world_of(ground, seed=2), BRIEF, seed=1) != first


def test_dead_sensors_do_not_change_the_waste(ground: Ground) -> None:
    """What is thrown in depends on the seed alone, however the sensors fare."""
    healthy = world_of(ground)
    dead = world_of(ground, nature=replace(NATURE, dead=0.5, sensors=0.8, lost=0.3))
    assert np.array_equal(healthy.inflow_l, dead.inflow_l)
    assert np.array_equal(healthy.start_l, dead.start_l)
    assert dead.heard.mean() < healthy.heard.mean()


def test_a_schedule_keeps_its_promise(ground: Ground) -> None:
    """The schedule found with hindsight overflows no more often than allowed when its visits are made."""
    world = world_of(ground)
    setting = replace(BRIEF, kind="schedule")
    schedule = schedule_for(ground, world, setting, overflows=2)
    group = routes_alike(ground.containers)
    lived = live(ground, world, setting, seed=1, due=due_days(schedule, setting.world_days))
    assert sum(day.overflowed for day in lived.days) <= 2
    assert sum(day.emptied for day in lived.days) < len(BINS) * BRIEF.days
    assert all(len(set(schedule[group == number, 0])) == 1 for number in set(group))


def test_a_stop_lies_in_one_half(make_city: MakeCity) -> None:
    """The halves of a city are of as many stops as can be, and containers at one place have their days together."""
    rows = [BIN | {"id": f"B{number}", "lon": 103.85 + number // 3 / 1000} for number in range(12)]
    assert halves(make_city(containers=rows).containers).tolist() == [0] * 6 + [1] * 6


def test_more_overflows_allow_fewer_visits(ground: Ground) -> None:
    """A schedule that may overflow more often does not come more often."""
    setting = replace(BRIEF, kind="schedule")
    visits = []
    for overflows in (0, 5, 50):
        schedule = schedule_for(ground, world_of(ground), setting, overflows=overflows)
        visits.append(sum(int(due_on(schedule, day).sum()) for day in range(100)))
    assert visits[0] > visits[2]
    assert visits == sorted(visits, reverse=True)


def test_a_silent_city_is_still_served(ground: Ground) -> None:
    """With all sensors dead and no word from drivers, containers are emptied all the same."""
    lived = live(ground, world_of(ground, nature=replace(NATURE, dead=1.0)), BRIEF, seed=1)
    assert sum(day.emptied for day in lived.days) >= len(BINS)


def test_a_truck_that_fills_up_early_unloads_on_the_way(make_city: MakeCity, truck: dict[str, Any]) -> None:
    """Where twice the litres are there that the plan knew of, there is another trip, and everything is emptied."""
    small = truck | {"capacity_l": 1200, "compaction": 1}
    ground = Ground.of(make_city(containers=BINS[:4], vehicles=[small]), FIRST_DAY)
    problem = ground.problem({name: Due(litres=300) for name in ground.ids}, FIRST_DAY)
    visits = tuple(VisitAction(visit=visit.id) for visit in problem.visits)
    order = RouteOrder(shift="T1-day", actions=(*visits, UnloadAction(site="L1")))
    assert evaluate_route(problem, order).violations == ()
    as_planned = carry_out(problem, [order], dict.fromkeys(ground.ids, 300.0), ground.density)
    fuller = carry_out(problem, [order], dict.fromkeys(ground.ids, 600.0), ground.density)
    assert (as_planned.extra_trips, fuller.extra_trips) == (0, 1)
    assert as_planned.containers == fuller.containers == ground.ids
    assert fuller.routes[0].distance_m > as_planned.routes[0].distance_m


def test_what_no_longer_fits_into_the_shift_is_put_off(make_city: MakeCity, truck: dict[str, Any]) -> None:
    """A route that would end too late gives up its last visits, and what it drives passes the judge."""
    small = truck | {"capacity_l": 700, "compaction": 1}
    shift = {"id": "T1-day", "vehicle": "T1", "start": "04:00", "end": "04:50"}
    ground = Ground.of(make_city(containers=BINS[:4], vehicles=[small], shifts=[shift]), FIRST_DAY)
    problem = ground.problem({name: Due(litres=150) for name in ground.ids}, FIRST_DAY)
    visits = tuple(VisitAction(visit=visit.id) for visit in problem.visits)
    order = RouteOrder(shift="T1-day", actions=(*visits, UnloadAction(site="L1")))
    gone = carry_out(problem, [order], dict.fromkeys(ground.ids, 600.0), ground.density)
    assert gone.put_off > 0
    assert len(gone.containers) == len(BINS[:4]) - gone.put_off


def test_a_day_cut_from_the_whole_is_the_day_prepared_alone(make_city: MakeCity) -> None:
    """The fast way gives the same visits, and the same travel times between them, as preparing that day anew."""
    rows = [row | {"stop_id": f"S{number // 2}"} for number, row in enumerate(BINS)]
    city = make_city(containers=rows, toml="[defaults]\nstop_span_m = 500\n")
    ground = Ground.of(city, FIRST_DAY)
    due = {"B0": Due(litres=200), "B1": Due(litres=90), "B4": Due(litres=600, prize_micro=3)}
    fast = ground.problem(due, FIRST_DAY)
    slow = prepare_day(city, FIRST_DAY, chosen=due).problem
    assert [replace(visit, kerb=()) for visit in fast.visits] == [replace(visit, kerb=()) for visit in slow.visits]
    for one, other in ((fast, slow), (slow, fast)):
        nodes = [one.depots[0].node, one.disposal_sites[0].node, *(visit.kerb[0] for visit in one.visits)]
        places = [(one.locations[node].lon, one.locations[node].lat) for node in nodes]
        across = [other.depots[0].node, other.disposal_sites[0].node, *(visit.kerb[0] for visit in other.visits)]
        assert places == [(other.locations[node].lon, other.locations[node].lat) for node in across]
        ours, theirs = one.matrix.block("compactor", nodes, nodes), other.matrix.block("compactor", across, across)
        assert np.array_equal(ours[0], theirs[0])


def test_a_world_that_is_too_short_is_refused(ground: Ground) -> None:
    """The look-ahead needs days after the last one that counts."""
    with pytest.raises(ValueError, match="too short"):
        live(ground, world_of(ground), replace(BRIEF, days=9), seed=1)
    with pytest.raises(ValueError, match="on each day"):
        live(ground, world_of(ground), replace(BRIEF, kind="schedule"), seed=1)
    assert dt.date.weekday(FIRST_DAY) == 0
