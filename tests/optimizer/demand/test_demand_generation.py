"""How much waste a person makes, estimated from loads and surveys."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.demand import generation
from optimizer.demand.generation import USUAL_KG, Surveys, Weighings, estimate_generation

PEOPLE = np.array([9_000.0, 4_000.0, 12_000.0, 2_500.0])


def made_up_city(seed: int, loads: int, *, noise: float = 0.2) -> tuple[np.ndarray, Weighings]:
    """Return true rates, and loads of one to three zones each."""
    random = np.random.default_rng(seed)
    rates = random.normal(0.6, 0.12, len(PEOPLE)).clip(0.1)
    person_days = np.zeros((loads, len(PEOPLE)))
    for row in person_days:
        zones = random.choice(len(PEOPLE), random.integers(1, 4), replace=False)
        row[zones] = PEOPLE[zones] * random.uniform(0.1, 0.5, len(zones))
    kg = (person_days @ rates) + person_days.sum(axis=1) * random.normal(0, noise * 0.6, loads)
    return rates, Weighings(kg=kg.clip(1.0), person_days=person_days)


def surveys(*rows: tuple[int, float, float]) -> Surveys:
    zone, rate, error = zip(*rows, strict=True)
    return Surveys(zone=np.array(zone), kg_per_person_day=np.array(rate), standard_error=np.array(error))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over many made-up cities, 90 % intervals hold about 90 % of the true rates."""
    inside = []
    for seed in range(150):
        rates, weighings = made_up_city(seed, 30)
        found = estimate_generation(PEOPLE, weighings, None)
        inside.append((found.low <= rates) & (rates <= found.high))
    assert 0.86 <= np.mean(inside) <= 0.95


def test_it_is_the_linear_model_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the two unknown spreads given, mean and interval are those of the normal model over all observations."""
    monkeypatch.setattr(generation, "_ZONES_SPREAD", (0.2,))
    monkeypatch.setattr(generation, "_LOADS_SPREAD", (0.3,))
    _, weighings = made_up_city(5, 12)
    asked = surveys((1, 0.5, 0.05), (1, 0.62, 0.1), (3, 0.9, 0.2))
    shares = weighings.person_days / weighings.person_days.sum(axis=1, keepdims=True)
    seen = np.concatenate((weighings.kg / weighings.person_days.sum(axis=1), asked.kg_per_person_day)) - USUAL_KG
    design = np.vstack((shares, np.eye(4)[asked.zone]))
    error = np.diag(np.concatenate((np.full(12, (0.3 * USUAL_KG) ** 2), asked.standard_error**2)))
    prior = (0.5 * USUAL_KG) ** 2 + (0.2 * USUAL_KG) ** 2 * np.eye(4)
    gain = prior @ design.T @ np.linalg.inv(design @ prior @ design.T + error)  # as Kalman's filter has it
    rate = USUAL_KG + gain @ seen
    off = NormalDist().inv_cdf(0.95) * np.sqrt(np.diagonal(prior - gain @ design @ prior))
    found = estimate_generation(PEOPLE, weighings, asked)
    np.testing.assert_allclose(found.rate, rate)
    np.testing.assert_allclose(found.high - found.rate, off)


def test_more_loads_say_more() -> None:
    """Ten times the loads make every interval narrower."""
    few = estimate_generation(PEOPLE, made_up_city(1, 20)[1], None)
    many = estimate_generation(PEOPLE, made_up_city(1, 200)[1], None)
    assert (many.high - many.low < few.high - few.low).all()


def test_a_zone_never_weighed_leans_on_the_others() -> None:
    """It gets a rate near the city's, and the widest interval."""
    rates, weighings = made_up_city(2, 60)
    alone = weighings.person_days[:, 3] == 0
    found = estimate_generation(
        PEOPLE, Weighings(kg=weighings.kg[alone], person_days=weighings.person_days[alone]), None
    )
    assert abs(found.rate[3] - rates[:3].mean()) < 0.1
    assert np.argmax(found.high - found.low) == 3


def test_a_survey_alone_moves_its_zone_most() -> None:
    """A survey of one zone decides its rate, and pulls the others after it less."""
    found = estimate_generation(PEOPLE, None, surveys((0, 0.9, 0.01)))
    assert found.rate[0] == pytest.approx(0.9, abs=0.01)
    assert USUAL_KG < found.rate[1] < found.rate[0]


def test_nothing_measured_is_what_was_stated() -> None:
    """Without a load or a survey the stated rate stands, and its interval is wide."""
    found = estimate_generation(PEOPLE, None, None, stated_kg=0.7)
    np.testing.assert_allclose(found.rate, 0.7)
    assert found.city == pytest.approx(0.7)
    assert (found.high - found.low > 0.7).all()


def test_a_slipped_decimal_point_is_left_out() -> None:
    """A load of ten times its weight is named, and changes nothing."""
    _, weighings = made_up_city(3, 40, noise=0.1)
    kg = weighings.kg.copy()
    kg[7] *= 10
    rest = np.arange(40) != 7
    found = estimate_generation(PEOPLE, Weighings(kg=kg, person_days=weighings.person_days), None)
    clean = Weighings(kg=weighings.kg[rest], person_days=weighings.person_days[rest])
    assert np.flatnonzero(found.left_out).tolist() == [7]
    np.testing.assert_allclose(found.rate, estimate_generation(PEOPLE, clean, None).rate)


@given(seed=st.integers(0, 10_000), factor=st.floats(0.2, 5.0))
def test_units_do_not_matter(seed: int, factor: float) -> None:
    """Weighing everything in another unit, the stated rate too, gives the same rates in that unit."""
    _, weighings = made_up_city(seed, 15)
    other = Weighings(kg=weighings.kg * factor, person_days=weighings.person_days)
    one = estimate_generation(PEOPLE, weighings, None)
    two = estimate_generation(PEOPLE, other, None, stated_kg=USUAL_KG * factor)
    np.testing.assert_allclose(two.high, one.high * factor)
    assert two.city_low == pytest.approx(one.city_low * factor)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Weighings(kg=np.array([0.0]), person_days=np.array([[1.0]])), "more than 0 kg"),
        (lambda: Weighings(kg=np.array([1.0]), person_days=np.array([[0.0]])), "waste of somebody"),
        (lambda: Weighings(kg=np.array([1.0, 2.0]), person_days=np.array([[1.0]])), "do not fit"),
        (lambda: surveys((0, -1.0, 0.1)), "at least 0"),
        (lambda: surveys((0, 1.0, 0.0)), "above 0"),
        (lambda: estimate_generation(PEOPLE, None, surveys((4, 1.0, 0.1))), "outside the 4"),
        (lambda: estimate_generation(np.array([]), None, None), "must be a zone"),
        (lambda: estimate_generation(PEOPLE, None, None, stated_kg=0), "not possible"),
        (
            lambda: estimate_generation(PEOPLE, Weighings(kg=np.array([1.0]), person_days=np.array([[1.0]])), None),
            "not of 4",
        ),
    ],
)
def test_figures_that_cannot_be_are_refused(wrong: object, said: str) -> None:
    """Each with a sentence that says which."""
    with pytest.raises(ValueError, match=said):
        wrong()  # type: ignore[operator]
