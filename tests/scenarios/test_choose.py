"""From what was heard of the containers to the visits of a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from geodata.city.records import SpecialDays
from optimizer.demand.clean import DAY_S
from optimizer.demand.exposure import Calendar
from optimizer.demand.readings import Emptying, EventTable, FillReading, Source
from optimizer.demand.select import Decision
from scenarios.choose import (
    LEAST_POWER,
    USUAL,
    choose_day,
    day_s,
    due_of,
    learn,
    moments_of,
    of_city,
    reported_full,
    trusted,
)
from scenarios.day import prepare_day
from scenarios.visits import Due

if TYPE_CHECKING:
    from collections.abc import Callable

    from geodata.city.dataset import CityDataset

    MakeCity = Callable[..., CityDataset]

MONDAY = dt.date(2026, 11, 23)
BIN: dict[str, Any] = {"id": "B1", "lon": 103.860, "lat": 13.35, "volume_l": 1000, "stream": "residual", "fill": 1}
SHIFT = {"id": "T1-day", "vehicle": "T1", "start": "04:00", "end": "12:00"}
BINS = [BIN | {"id": f"B{number}", "lon": 103.850 + number / 1000} for number in range(1, 9)]


def test_a_feast_in_the_calendar_is_expected(make_city: MakeCity) -> None:
    """Where twice the waste is expected, more containers must be visited before, and nothing else changes."""
    city = make_city(containers=BINS, shifts=[SHIFT])
    feast = SpecialDays(kind="feast", first=MONDAY, last=MONDAY + dt.timedelta(days=2), weekdays=None, factor=2.0)
    usual, before = (choose_day(each, MONDAY, history()) for each in (city, replace(city, calendar=(feast,))))
    required = [
        {choice.container for choice in chosen.choices if choice.decision is Decision.REQUIRED}
        for chosen in (usual, before)
    ]
    assert required[0] < required[1]


def history(silent: str = "", days: int = 30) -> EventTable:
    """Return a month of daily readings of eight bins that gain 24 % a day and are emptied every fourth day.

    One bin's sensor may have fallen silent a week before; nobody has emptied that one since.
    """
    events: list[FillReading | Emptying] = []
    start_s = day_s(MONDAY) - days * DAY_S
    for number in range(1, 9):
        name, fill = f"B{number}", 0.1 * (number % 4)
        for day in range(days):
            if name == silent and day >= days - 7:
                break
            fill += 0.24
            events.append(FillReading(container=name, time_s=start_s + day * DAY_S + 80_000, fill=min(fill, 1.0)))
            if (day + number) % 4 == 0:
                events.append(Emptying(container=name, time_s=start_s + day * DAY_S + 81_000))
                fill = 0.0
    return EventTable.of(events)


def test_what_a_policy_chooses_is_what_is_planned(make_city: MakeCity) -> None:
    """The day's visits are the containers that are required or optional, with the forecast's litres and prizes."""
    city = make_city(containers=BINS)
    chosen = choose_day(city, MONDAY, history())
    day = prepare_day(city, MONDAY, chosen=chosen.due)
    due = {choice.container: choice for choice in chosen.choices if choice.decision is not Decision.LEFT}
    assert {name for visit in day.problem.visits for name in visit.containers} == due.keys()
    for visit in day.problem.visits:
        choice = due[visit.containers[0]]
        assert visit.prize_micro == choice.prize_micro
        assert 0 < visit.demand_l <= 1000
    assert 0 < len(due) < len(BINS)
    assert chosen.why == {name: choice.why for name, choice in due.items()}


def test_the_fullest_come_first(make_city: MakeCity) -> None:
    """A container about to overflow is required with its reason; one just emptied is not."""
    chosen = choose_day(make_city(containers=BINS), MONDAY, history())
    by_name = {c.container: c for c in chosen.choices}
    full = [name for name, c in by_name.items() if c.decision is Decision.REQUIRED]
    # Day 29, the last, emptied the bins 3 and 7; the bins 4 and 8 were emptied the day before that.
    assert full
    assert not {"B3", "B7", "B4", "B8"} & set(full)
    assert all("likely to overflow before Tuesday" in by_name[name].why for name in full)


def test_a_silent_container_becomes_required(make_city: MakeCity) -> None:
    """A container not heard of for a week, and one never heard of, are both chosen."""
    city = make_city(containers=[*BINS, BIN | {"id": "new", "lon": 103.8605}])
    by_name = {c.container: c for c in choose_day(city, MONDAY, history(silent="B3")).choices}
    assert by_name["B3"].decision is Decision.REQUIRED
    assert "silent for" in by_name["B3"].why
    assert by_name["new"].decision is Decision.REQUIRED


def test_a_sensor_that_hangs_counts_as_silent() -> None:
    """What a hanging sensor shows is not planned with, though its container was emptied meanwhile."""
    start_s = day_s(MONDAY) - 20 * DAY_S
    events: list[FillReading | Emptying] = [
        FillReading(container="A", time_s=start_s + day * DAY_S, fill=0.3) for day in range(20)
    ]
    events += [Emptying(container="A", time_s=start_s + day * DAY_S + 60) for day in range(0, 20, 4)]
    table = trusted(EventTable.of(events))
    assert table.time_s[table.reading].max() < start_s + 7 * DAY_S
    assert table.reported.sum() == 5
    assert not table.stuck.any()


def test_waste_goes_on_falling_if_nobody_comes() -> None:
    """Emptyings of half-full containers after whatever days do not teach that containers stop filling."""
    start_s = day_s(MONDAY) - 30 * DAY_S
    events = [
        Emptying(container=f"C{number}", time_s=start_s + day * DAY_S, fill=0.5)
        for number in range(1, 7)
        for day in range(0, 30, number)
    ]
    model = learn(trusted(EventTable.of(events)), np.zeros(6, dtype=np.int64), Calendar(), until_s=day_s(MONDAY))
    assert (model.curve.power >= LEAST_POWER).all()


def test_the_other_policies(make_city: MakeCity) -> None:
    """The schedule takes what is scheduled, the threshold what was seen at 80 % or more."""
    rows = [row | {"schedule": "mon" if number % 2 else "tue"} for number, row in enumerate(BINS)]
    city = make_city(containers=rows)
    assert choose_day(city, MONDAY, history(), kind="schedule").due.keys() == {"B2", "B4", "B6", "B8"}
    seen = choose_day(city, MONDAY, history(), kind="threshold")
    assert all("full when last seen" in why for why in seen.why.values())


def test_only_what_was_known_the_evening_before_counts(make_city: MakeCity) -> None:
    """Events of the day itself change nothing."""
    city, before = make_city(containers=BINS), history()
    later = EventTable.of(
        [FillReading(container=f"B{number}", time_s=day_s(MONDAY) + 60, fill=1.0) for number in range(1, 9)]
    )
    both = EventTable.from_arrays(
        ids=before.ids,
        **{
            name: np.concatenate([getattr(before, name), getattr(later, name)])
            for name in ("container", "time_s", "emptying", "fill", "kg", "source", "tilted")
        },
    )
    assert choose_day(city, MONDAY, both).choices == choose_day(city, MONDAY, before).choices


def test_a_citizens_report_counts_until_the_container_is_emptied() -> None:
    """Full by a citizen's word makes a container reported; an emptying after it, or a sensor's word, does not."""

    def said(name: str, source: Source) -> FillReading:
        return FillReading(container=name, time_s=100, fill=1.0, source=source)

    events = EventTable.of(
        [
            said("A", Source.CITIZEN),
            said("B", Source.CITIZEN),
            said("C", Source.SENSOR),
            Emptying(container="B", time_s=200),
        ]
    )
    assert reported_full(events, 300).tolist() == [True, False, False]
    assert reported_full(events, 150).tolist() == [True, True, False]
    assert reported_full(events, 100).tolist() == [False, False, False]


def test_events_of_unknown_containers_are_named_and_left_out(make_city: MakeCity) -> None:
    """What the city does not have is neither judged nor silently dropped."""
    city = make_city(containers=BINS[:2])
    table, others = of_city(history(), city.containers)
    assert table.ids == ("B1", "B2")
    assert others == tuple(f"B{number}" for number in range(3, 9))
    assert len(table) == (np.isin(history().container, (0, 1))).sum()


def test_the_next_chance_is_the_next_day_with_a_shift(make_city: MakeCity) -> None:
    """Days without a shift are no chance to visit."""
    city = make_city(shifts=[SHIFT | {"weekdays": "mon,thu"}])
    moments = moments_of(city, MONDAY, replace(USUAL, look_ahead=2))
    assert moments.soon_name == "Thursday"
    assert moments.soon_s - moments.today_s == 3 * DAY_S
    assert moments.later_s - moments.today_s == 7 * DAY_S
    assert moments.today_s - moments.known_s == 8 * 3_600


def test_what_is_left_has_no_litres() -> None:
    """Only containers that are not left are due, with litres rounded up and at least one."""
    from optimizer.demand.select import Choice

    choices = [
        Choice(container="A", decision=Decision.REQUIRED, why="x"),
        Choice(container="B", decision=Decision.LEFT, why="x"),
        Choice(container="C", decision=Decision.OPTIONAL, why="x", prize_micro=7),
    ]
    found = due_of(choices, np.array([10.2, 50.0, 0.0]))
    assert found == {"A": Due(litres=11), "C": Due(litres=1, prize_micro=7)}


def test_due_litres_are_not_negative() -> None:
    """A negative amount is refused."""
    with pytest.raises(ValueError, match="-1 l"):
        Due(litres=-1)
