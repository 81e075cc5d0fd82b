"""What is collected on a day, by a policy: what was heard of the containers becomes a choice for each, and litres.

What was heard before the day's midnight counts, as if the plan were made the evening before. A container is asked about
three moments: when the truck can come today, at the next chance after that, and at the end of the look-ahead. Chances
are the days on which somebody works.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from optimizer.demand.clean import DAY_S, FULL, Verdict, clean
from optimizer.demand.exposure import Calendar
from optimizer.demand.forecast import Forecast, Question, fit, forecast
from optimizer.demand.readings import EventTable, Source
from optimizer.demand.select import (
    Decision,
    Policy,
    choose_by_forecast,
    choose_by_schedule,
    choose_by_threshold,
    situation,
)
from scenarios.visits import Due

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from geodata.city.dataset import CityDataset, Container
    from optimizer.demand.clean import CleanTable
    from optimizer.demand.forecast import FillModel
    from optimizer.demand.readings import Flags, Floats, Longs
    from optimizer.demand.select import Choice

Kind: TypeAlias = Literal["schedule", "threshold", "forecast"]
KINDS: Final[tuple[Kind, ...]] = ("schedule", "threshold", "forecast")

LEAST_POWER: Final = 1.0
"""Even filling: emptyings alone cannot tell, see docs/policies.md."""
_EPOCH: Final = dt.date(1970, 1, 1)
_WEEK: Final = 7
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a city decides, whatever the policy.

    Parameters
    ----------
    look_ahead
        Chances to come that are looked at, the next one among them; at least 2.
    demand_quantile
        Trucks are loaded on paper with this quantile of what a container will hold: above the median, because an
        unforeseen trip costs more than a little room left.
    full_from
        The level from which the threshold policy comes.

    Notes
    -----
    The defaults are our own figures, fitted to no city's data: see docs/policies.md.
    """

    policy: Policy
    look_ahead: int = 3
    demand_quantile: float = 0.7
    full_from: float = 0.8

    def __post_init__(self) -> None:
        if self.look_ahead < 2:  # noqa: PLR2004 - the next chance, and one after it
            raise ValueError(f"A look-ahead takes at least 2 chances, not {self.look_ahead}.")
        if not 0 < self.demand_quantile < 1:
            raise ValueError(f"A quantile must lie between 0 and 1, not be {self.demand_quantile}.")


USUAL: Final = Rules(
    policy=Policy(
        overflow_cost_micro=20_000_000, required_above=0.25, urgency=0.0, visit_cost_micro=300_000, unheard_risk=4.0
    )
)
"""In the city's own currency; meant for one like the US dollar. Made for 99.5 % service with few kilometres on the
built-in city, on seeds from 100 on, and fitted to no real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When it matters how full each container is, in seconds of the city's wall clock since 1970.

    Parameters
    ----------
    known_s
        What was heard before this is known.
    today_s
        When the truck can come today.
    soon_s, later_s
        When it can come at the next chance, and at the last one of the look-ahead.
    soon_name
        What the dispatcher calls the day of the next chance.
    """

    known_s: int
    today_s: int
    soon_s: int
    later_s: int
    soon_name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """What is expected of each container at the three moments, if nobody empties it."""

    today: Forecast
    soon: Forecast
    later: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A policy's word on each container.

    Parameters
    ----------
    due
        What to collect, by container, for ``scenarios.day.prepare_day``.
    left_out
        Containers that events are of and the city does not have.
    """

    choices: tuple[Choice, ...]
    due: Mapping[str, Due]
    left_out: tuple[str, ...] = ()

    @property
    def why(self) -> dict[str, str]:
        """The reason for each container that is due."""
        return {choice.container: choice.why for choice in self.choices if choice.container in self.due}


def choose_day(
    city: CityDataset, service_date: dt.date, events: EventTable, *, kind: Kind = "forecast", rules: Rules = USUAL
) -> Chosen:
    """Choose what to collect on a day from what was heard of the containers before it.

    Every container of the city is judged, also one that was never heard of.
    """
    known, left_out = of_city(events, city.containers)
    moments = moments_of(city, service_date, rules)
    known = known.before(moments.known_s)
    table = trusted(known)
    model = learn(table, groups_alike(city.containers), calendar_of(city), until_s=moments.known_s)
    outlook = look_ahead(model, table, moments)
    weekday = service_date.weekday()
    due = np.array([c.schedule is None or weekday in c.schedule for c in city.containers], dtype=np.bool_)
    choices = choices_of(kind, table, outlook, moments, rules, due=due)
    volume_l = np.array([container.volume_l for container in city.containers], dtype=np.float64)
    return Chosen(
        choices=choices,
        due=due_of(choices, outlook.today.litres(rules.demand_quantile, volume_l)),
        left_out=left_out,
    )


def choices_of(
    kind: Kind, table: CleanTable, outlook: Outlook, moments: Moments, rules: Rules, *, due: Flags
) -> tuple[Choice, ...]:
    """Choose by a policy; ``due``, bool[containers], is the fixed schedule's word and counts under it alone."""
    every = np.arange(len(table.events.ids))
    reported = reported_full(table.events, moments.known_s)
    known = situation(table, every, moments.known_s, reported=reported)
    match kind:
        case "schedule":
            return choose_by_schedule(replace(known, due=due))
        case "threshold":
            return choose_by_threshold(known, rules.policy, full_from=rules.full_from)
        case "forecast":
            return choose_by_forecast(
                known,
                outlook.soon,
                outlook.later,
                rules.policy,
                soon_name=moments.soon_name,
                fill=outlook.today.fill(0.5),
            )


def due_of(choices: Sequence[Choice], litres: Floats) -> dict[str, Due]:
    """Return what to collect: of each container that is not left, litres rounded up and at least one."""
    return {
        choice.container: Due(litres=max(1, math.ceil(amount_l)), prize_micro=choice.prize_micro)
        for choice, amount_l in zip(choices, litres.tolist(), strict=True)
        if choice.decision is not Decision.LEFT
    }


def trusted(events: EventTable) -> CleanTable:
    """Return the events that may be planned with: a sensor that hangs counts as silent from then on."""
    table = clean(events)
    return clean(events.select(table.verdict != Verdict.STUCK)) if table.stuck.any() else table


def calendar_of(city: CityDataset) -> Calendar:
    """Return the days on which a city expects more or less than on others of their weekday."""
    return Calendar(
        expected={days.kind: days.factor for days in city.calendar},
        days={(date - _EPOCH).days: days.kind for days in city.calendar for date in days.dates},
    )


def learn(table: CleanTable, group: Longs, calendar: Calendar, *, until_s: int) -> FillModel:
    """Learn what fills the containers if nobody comes."""
    return fit(table, group=group, calendar=calendar, until_s=until_s, least_power=LEAST_POWER)


def look_ahead(model: FillModel, table: CleanTable, moments: Moments) -> Outlook:
    """Foretell all containers at the three moments, in one go."""
    n = len(table.events.ids)
    target_s = np.repeat([moments.today_s, moments.soon_s, moments.later_s], n)
    question = Question(container=np.tile(np.arange(n), 3), origin_s=np.full(3 * n, moments.known_s), target_s=target_s)
    told = forecast(model, table, question)
    today, soon, later = (_part(told, slice(part * n, (part + 1) * n)) for part in range(3))
    return Outlook(today=today, soon=soon, later=later)


def _part(told: Forecast, rows: slice) -> Forecast:
    question = told.question
    return replace(
        told,
        question=Question(
            container=question.container[rows], origin_s=question.origin_s[rows], target_s=question.target_s[rows]
        ),
        foretold=told.foretold[rows],
        width=told.width[rows],
        emptied=told.emptied[rows],
        full=told.full[rows],
    )


def reported_full(events: EventTable, before_s: int) -> Flags:
    """Return which containers a citizen called full, before a moment and since they were last emptied: bool[n]."""
    n = len(events.ids)
    earlier = events.time_s < before_s
    emptied_s = np.full(n, -1, dtype=np.int64)
    emptying = events.emptying & earlier
    np.maximum.at(emptied_s, events.container[emptying], events.time_s[emptying])
    full = earlier & ~events.emptying & (events.source == Source.CITIZEN) & (events.fill >= FULL)
    full &= events.time_s > emptied_s[events.container]
    reported = np.zeros(n, dtype=np.bool_)
    reported[events.container[full]] = True
    return reported


def of_city(events: EventTable, containers: Sequence[Container]) -> tuple[EventTable, tuple[str, ...]]:
    """Return the events of a city's containers, numbered as they stand in the city, and the ids of all others."""
    number = {container.id: index for index, container in enumerate(containers)}
    place = np.array([number.get(name, -1) for name in events.ids], dtype=np.int64)
    kept = events.select(place[events.container] >= 0) if len(events) else events
    table = EventTable.from_arrays(
        ids=[container.id for container in containers],
        container=place[kept.container],
        time_s=kept.time_s,
        emptying=kept.emptying,
        fill=kept.fill,
        kg=kept.kg,
        source=kept.source,
        tilted=kept.tilted,
    )
    return table, tuple(name for name in events.ids if name not in number)


def groups_alike(containers: Iterable[Container]) -> Longs:
    """Return numbers from 0, equal for containers thought to fill alike: of one stream, size, access, with windows."""
    kinds = [(c.stream, c.volume_l, c.access_class or "", bool(c.windows)) for c in containers]
    names = sorted(set(kinds))
    return np.array([names.index(kind) for kind in kinds], dtype=np.int64)


def moments_of(city: CityDataset, service_date: dt.date, rules: Rules) -> Moments:
    """Return the moments of a day in a city: on days with a shift, midway between the first start and the last end."""
    working = {
        weekday for weekday in range(_WEEK) if any(s.weekdays is None or weekday in s.weekdays for s in city.shifts)
    }
    dates = [service_date + dt.timedelta(days=days) for days in range(1, _WEEK * rules.look_ahead + 1)]
    # Where nobody ever works, a week later counts as the next chance.
    chances = [date for date in dates if date.weekday() in (working or {service_date.weekday()})]
    starts = [shift.start_s for shift in city.shifts]
    middle_s = (min(starts) + max(shift.end_s for shift in city.shifts)) // 2 if starts else DAY_S // 2
    return moments_at(service_date, middle_s=middle_s, chances=chances[: rules.look_ahead])


def moments_at(service_date: dt.date, *, middle_s: int, chances: Sequence[dt.date]) -> Moments:
    """Return the moments of a day whose next chances are known.

    Parameters
    ----------
    middle_s
        When trucks come, after midnight.
    chances
        The days of the look-ahead on which somebody works, the next one first.
    """
    return Moments(
        known_s=day_s(service_date),
        today_s=day_s(service_date) + middle_s,
        soon_s=day_s(chances[0]) + middle_s,
        later_s=day_s(chances[-1]) + middle_s,
        soon_name=_WEEKDAYS[chances[0].weekday()],
    )


def day_s(date: dt.date) -> int:
    """Return a date's midnight on the wall clock, in seconds since 1970."""
    return (date - _EPOCH).days * DAY_S
