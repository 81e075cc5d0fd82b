"""Forecasts: in order, calibrated where the truth is known, and blind to what comes later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.forecast.synthetic import SyntheticCity, synthetic_city
from optimizer.demand.clean import DAY_S, CleanTable, clean
from optimizer.demand.curve import HIGHEST, impute_full
from optimizer.demand.exposure import Calendar
from optimizer.demand.forecast import FillModel, Question, fit, forecast
from optimizer.demand.readings import Emptying, EventTable, FillReading
from optimizer.demand.spread import PROBABILITIES, fit_spread, product_limit

CITY = synthetic_city(containers=300, days=60, seed=5)
TABLE = clean(CITY.events)
MODEL = fit(TABLE, group=CITY.group, calendar=Calendar(), until_s=CITY.until_s)
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


def ahead(city: SyntheticCity, days: int) -> Question:
    """Ask about every container, so many days ahead of the end of the history."""
    n = len(city.events.ids)
    origin_s = np.full(n, city.until_s)
    return Question(container=np.arange(n), origin_s=origin_s, target_s=origin_s + days * DAY_S)


def learnt(events: list[FillReading | Emptying], *, until_s: int, ids: list[str]) -> tuple[FillModel, CleanTable]:
    """Learn from a few events."""
    table = clean(EventTable.of(events, ids=ids))
    return fit(table, group=np.zeros(len(ids), dtype=np.int64), calendar=Calendar(), until_s=until_s), table


def test_quantiles_are_ordered_and_in_range() -> None:
    """Quantiles of fill and of readings rise with their probability and lie from 0 to 1; the interval has two ends."""
    for days in (0, 1, 3, 30):
        answer = forecast(MODEL, TABLE, ahead(CITY, days))
        for name in ("fill", "reading"):
            told = np.stack([getattr(answer, name)(probability) for probability in QUANTILES])
            assert (np.diff(told, axis=0) >= 0).all()
            assert ((told >= 0) & (told <= 1)).all()
        low, high = answer.interval()
        assert (low <= high).all()
        assert ((answer.overflow() >= 0) & (answer.overflow() <= 1)).all()


def test_containers_only_get_fuller_on_average() -> None:
    """The mean probability of overflow rises with every day ahead."""
    mean = [forecast(MODEL, TABLE, ahead(CITY, days)).overflow().mean() for days in (0, 1, 2, 3, 5, 8)]
    assert np.diff(mean).min() > 0.005


def test_overflow_happens_as_often_as_foretold() -> None:
    """Over cities of known truth overflows come as often as foretold: within 2.5 points in all, within 10 by class."""
    told, came = [], []
    for seed in range(6):
        city = synthetic_city(containers=300, days=50 + seed, seed=seed)
        table = clean(city.events)
        model = fit(table, group=city.group, calendar=Calendar(), until_s=city.until_s)
        for days in (1, 2, 3):
            told.append(forecast(model, table, ahead(city, days)).overflow())
            came.append(city.truth[:, days - 1] >= 1)
    probability, happened = np.concatenate(told), np.concatenate(came)
    assert probability.mean() == pytest.approx(happened.mean(), abs=0.025)
    for low, high in ((0.0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1.01)):
        chosen = (probability >= low) & (probability < high)
        assert chosen.sum() > 100
        assert probability[chosen].mean() == pytest.approx(happened[chosen].mean(), abs=0.1)


def test_overflow_is_as_likely_as_foretold_in_small_bins_and_in_large() -> None:
    """Where a day brings one bag, and where it brings twenty, an upper quantile is passed as often as it says."""
    passed: list[list[float]] = [[], [], []]
    for seed in (11, 12, 13):
        city = synthetic_city(containers=300, days=60, seed=seed, bags=(1.0, 4.0, 20.0))
        table = clean(city.events)
        model = fit(table, group=city.group, calendar=Calendar(), until_s=city.until_s)
        answer = forecast(model, table, ahead(city, 1))
        beyond = np.minimum(city.truth[:, 0], 1.0) > answer.fill(0.9)
        open_ = answer.fill(0.9) < 1.0
        for number, shares in enumerate(passed):
            shares.append(float(beyond[(city.group == number) & open_].mean()))
    assert np.mean(passed, axis=1) == pytest.approx(0.1, abs=0.045)


def test_quantiles_hold_their_share() -> None:
    """Where containers are far from full, four fifths of the truth lie between the quantiles 0.1 and 0.9."""
    inside, below, count = 0, 0, 0
    for seed in range(4):
        city = synthetic_city(containers=300, days=50 + seed, seed=10 + seed)
        table = clean(city.events)
        model = fit(table, group=city.group, calendar=Calendar(), until_s=city.until_s)
        answer = forecast(model, table, ahead(city, 1))
        low, high = answer.fill(0.1), answer.fill(0.9)
        free = high < 0.95
        truth = city.truth[:, 0]
        inside += int(((truth >= low) & (truth <= high))[free].sum())
        below += int((truth < low)[free].sum())
        count += int(free.sum())
    assert count > 400
    assert inside / count == pytest.approx(0.8, abs=0.06)
    assert below / count == pytest.approx(0.1, abs=0.05)


def test_the_law_of_filling_is_found() -> None:
    """Linear filling, the groups' rates and the busy Saturday of the synthetic city are found from its readings."""
    assert (MODEL.curve.power >= 0.9).all()
    rate = MODEL.curve.factor / MODEL.curve.reference_days
    assert rate == pytest.approx(np.array([0.08, 0.15, 0.25]) * 1.045, rel=0.15)
    weekdays = MODEL.curve.multiplier.mean(axis=0)
    assert weekdays.argmax() == 5
    assert weekdays[5] / np.delete(weekdays, 5).mean() == pytest.approx(1.6 / 0.9, rel=0.2)


def test_what_intervals_hide_is_a_concave_curve() -> None:
    """Where the fill that emptyings find hardly grows with the interval, the power is far below 1."""
    random = np.random.default_rng(2)
    events: list[FillReading | Emptying] = []
    for number in range(60):
        time_s = 0
        events.append(Emptying(container=str(number), time_s=0))
        for days in random.uniform(0.3, 6, 25):
            time_s += int(days * DAY_S)
            fill = float(np.clip(0.6 * days**0.15 + random.normal(0, 0.08), 0, 1))
            events.append(Emptying(container=str(number), time_s=time_s, fill=fill))
    model, _ = learnt(events, until_s=200 * DAY_S, ids=[str(number) for number in range(60)])
    assert 0.1 <= model.curve.power[0] <= 0.2


def test_a_calendar_day_counts_as_expected_before_it_was_ever_seen() -> None:
    """A festival day ahead raises the forecast over the same day without the festival."""
    calendar = Calendar(expected={"festival": 3.0}, days={CITY.until_s // DAY_S: "festival"})
    plain = forecast(MODEL, TABLE, ahead(CITY, 1))
    with_festival = fit(TABLE, group=CITY.group, calendar=calendar, until_s=CITY.until_s)
    festive = forecast(with_festival, TABLE, ahead(CITY, 1))
    assert (festive.fill(0.5) - plain.fill(0.5)).mean() > 0.05


def test_a_container_never_heard_of_gets_its_groups_forecast() -> None:
    """Without any event a container is foretold from its group, with a wider spread than one that is read daily."""
    events = CITY.events
    ids = (*events.ids, "new slow", "new fast")
    table = clean(replace(events, ids=ids))
    group = np.append(CITY.group, [0, 2])
    model = fit(table, group=group, calendar=Calendar(), until_s=CITY.until_s)
    n = len(ids)
    origin_s = np.full(n, CITY.until_s)
    answer = forecast(model, table, Question(container=np.arange(n), origin_s=origin_s, target_s=origin_s + DAY_S))
    spread = answer.fill(0.9) - answer.fill(0.1)
    assert spread[-2:].min() > np.median(spread[:-2])
    assert (answer.fill(0.5)[-2:] > 0).all()


def test_silence_widens_the_forecast() -> None:
    """The longer a sensor is silent, the wider is what it may hold now."""
    n = 300
    target_s = np.full(n, CITY.until_s)
    widths = []
    for silent_days in (0, 3, 10):
        known = clean(CITY.events.before(CITY.until_s - silent_days * DAY_S))
        model = fit(known, group=CITY.group, calendar=Calendar(), until_s=CITY.until_s - silent_days * DAY_S)
        answer = forecast(model, known, Question(container=np.arange(n), origin_s=target_s, target_s=target_s))
        widths.append(float(answer.width.mean()))
    assert widths[0] < widths[1] < widths[2]


def test_nothing_known_at_all_is_a_forecast_too() -> None:
    """A city on its first day gets finite forecasts between 0 and 1."""
    model, table = learnt([], until_s=10 * DAY_S, ids=["A", "B"])
    question = Question(
        container=np.array([0, 1]), origin_s=np.full(2, 10 * DAY_S), target_s=np.array([11, 13]) * DAY_S
    )
    answer = forecast(model, table, question)
    assert ((answer.fill(0.1) >= 0) & (answer.fill(0.1) < answer.fill(0.9)) & (answer.fill(0.9) <= 1)).all()
    assert np.isfinite(answer.overflow()).all()


def test_weights_follow_what_was_weighed() -> None:
    """A container whose loads weigh twice as much per fill is foretold about twice the kilograms, in order."""
    events: list[FillReading | Emptying] = [
        Emptying(container=name, time_s=day * DAY_S, fill=0.5, kg=kg * 0.5 * (1 + 0.1 * (-1) ** day))
        for name, kg in (("heavy", 80.0), ("light", 40.0))
        for day in range(40)
    ]
    model, table = learnt(events, until_s=40 * DAY_S, ids=["heavy", "light", "new"])
    question = Question(container=np.arange(3), origin_s=np.full(3, 40 * DAY_S), target_s=np.full(3, 41 * DAY_S))
    answer = forecast(model, table, question)
    heavy, light, new = answer.kg(0.5)
    assert heavy == pytest.approx(2 * light, rel=0.1)
    assert light < new < heavy
    assert (answer.kg(0.1) < answer.kg(0.5)).all()
    assert (answer.kg(0.5) < answer.kg(0.9)).all()
    assert answer.litres(0.5, np.full(3, 240.0)) == pytest.approx(240 * answer.fill(0.5))


def test_a_coarse_sensor_is_foretold_in_its_own_levels() -> None:
    """Readings of a sensor that shows fifths are foretold in fifths; the fill itself is not."""
    events: list[FillReading | Emptying] = [
        FillReading(container=str(number), time_s=day * DAY_S, fill=((day + number) % 6) / 5)
        for number in range(20)
        for day in range(60)
    ]
    ids = [str(number) for number in range(20)]
    model, table = learnt(events, until_s=60 * DAY_S, ids=ids)
    origin_s = np.full(20, 60 * DAY_S)
    question = Question(container=np.arange(20), origin_s=origin_s, target_s=origin_s + DAY_S // 2)
    answer = forecast(model, table, question)
    told = answer.reading(0.5)
    assert np.abs(told * 5 - np.round(told * 5)).max() < 1e-9
    assert len(np.unique(told)) > 2


random_events = st.lists(
    st.one_of(
        st.builds(
            FillReading,
            container=st.sampled_from("ABC"),
            time_s=st.integers(0, 40).map(lambda step: step * 6 * 3_600),
            fill=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0, 3.0]),
        ),
        st.builds(
            Emptying,
            container=st.sampled_from("ABC"),
            time_s=st.integers(0, 40).map(lambda step: step * 6 * 3_600 + 60),
            fill=st.one_of(st.none(), st.sampled_from([0.2, 0.7, 1.0])),
        ),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(events=random_events, cut=st.integers(1, 40), data=st.data())
def test_later_events_change_no_earlier_forecast(
    events: list[FillReading | Emptying], cut: int, data: st.DataObject
) -> None:
    """A forecast asked at a moment is the same whatever comes at or after it, in any order of arrival."""
    cut_s = cut * 6 * 3_600
    early = clean(EventTable.of(events, ids="ABC").before(cut_s))
    late = clean(EventTable.of(data.draw(st.permutations(events)), ids="ABC"))
    model = fit(early, group=np.array([0, 0, 1]), calendar=Calendar(), until_s=cut_s)
    question = Question(
        container=np.arange(3), origin_s=np.full(3, cut_s), target_s=cut_s + np.array([0, DAY_S, 3 * DAY_S])
    )
    first, second = forecast(model, early, question), forecast(model, late, question)
    assert second.foretold == pytest.approx(first.foretold, abs=1e-9)
    assert second.width == pytest.approx(first.width, abs=1e-9)
    assert second.emptied == pytest.approx(first.emptied, abs=1e-9)


def test_wrong_questions_are_refused() -> None:
    """A target before its origin, unequal lengths, wrong groups and a history past its end are refused."""
    ones = np.ones(1, dtype=np.int64)
    with pytest.raises(ValueError, match="before its origin"):
        Question(container=ones, origin_s=2 * ones, target_s=ones)
    with pytest.raises(ValueError, match="for each of its rows"):
        Question(container=ones, origin_s=np.ones(2, dtype=np.int64), target_s=ones)
    with pytest.raises(ValueError, match="1 groups for 300 containers"):
        fit(TABLE, group=ones, calendar=Calendar(), until_s=CITY.until_s)
    with pytest.raises(ValueError, match="goes on after"):
        fit(TABLE, group=CITY.group, calendar=Calendar(), until_s=int(TABLE.time_s.max()))


def test_what_strays_more_gets_a_wider_forecast() -> None:
    """Widths follow how far each group and each container stray; one never seen strays as its group does."""
    random = np.random.default_rng(2)
    sd = np.array([0.03, 0.03, 0.12, 0.12, 0.12, 0.03])
    group = np.array([0, 0, 1, 1, 1, 1])
    container = np.repeat(np.array([0, 1, 2, 3, 5]), 400)
    foretold = random.uniform(0.2, 0.6, len(container))
    fill = foretold + random.normal(0.0, sd[container])
    one = np.ones((len(container), 1))
    spread = fit_spread(fill, fill, foretold, one, one[:, 0], container=container, group=group)
    width = spread.width(np.ones((6, 1)), np.arange(6))
    assert width[[0, 1]] == pytest.approx(0.03 * np.sqrt(2 / np.pi), rel=0.25)
    assert width[[2, 3]] == pytest.approx(0.12 * np.sqrt(2 / np.pi), rel=0.15)
    assert width[5] < 0.6 * width[2]
    assert width[4] == pytest.approx((width[2] * 2 + width[5]) / 3, rel=0.25)
    told = [spread.quantile(np.full(6, 0.4), width, probability)[[0, 2]] for probability in (0.1, 0.9)]
    assert told[1] - told[0] == pytest.approx(2 * 1.2816 * sd[[0, 2]], rel=0.25)


def test_product_limit_without_censoring_is_the_sample() -> None:
    """Without censored scores the quantiles are those of the sample."""
    score = np.random.default_rng(0).normal(size=4_000)
    found = product_limit(score, np.zeros(4_000, dtype=np.bool_), np.ones(4_000))
    assert found == pytest.approx(np.quantile(score, PROBABILITIES), abs=0.1)


def test_product_limit_undoes_censoring() -> None:
    """With scores cut off at random points the quantiles are still those of all scores, below the last seen."""
    random = np.random.default_rng(0)
    score, limit = random.normal(size=20_000), random.normal(1.0, 1.0, size=20_000)
    found = product_limit(np.minimum(score, limit), limit < score, np.ones(20_000))
    middle = (PROBABILITIES > 0.02) & (PROBABILITIES < 0.95)
    assert found[middle] == pytest.approx(np.quantile(score, PROBABILITIES)[middle], abs=0.08)
    naive = np.quantile(np.minimum(score, limit), 0.9)
    assert np.interp(0.9, PROBABILITIES, found) > naive + 0.2


def test_full_is_raised_to_its_expectation() -> None:
    """What is full is raised to the mean of a normal distribution above full; what is not stays."""
    foretold, noise = np.array([0.5, 0.9, 1.0, 1.2, 0.2]), np.full(5, 0.2)
    found = impute_full(np.array([1.0, 1.0, 1.0, 1.0, 0.6]), foretold, noise)
    sample = np.random.default_rng(1).normal(size=(400_000, 1)) * noise[:4] + foretold[:4]
    expected = [column[column >= 1].mean() for column in sample.T]
    assert found[:4] == pytest.approx(np.minimum(expected, HIGHEST), abs=0.01)
    assert found[4] == 0.6
