"""A travel matrix is square, read-only, and of one mind about where paths exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_days import OnDemand

from optimizer.problem import matrix as module
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.matrix import NO_PATH, TravelMatrix, as_squares


def cells(*rows: list[int]) -> Any:
    """Return rows as int32."""
    return np.array(rows, dtype=np.int32)


GOOD = cells([0, 5], [7, 0])


@pytest.mark.parametrize(
    ("duration_s", "distance_m", "sentence"),
    [
        ({}, {}, "needs at least one vehicle profile"),
        ({"a": GOOD}, {"b": GOOD}, r"the profiles \['a'\] and distances for \['b'\]"),
        ({"a": GOOD}, {"a": cells([0])}, "have different sizes"),
        ({"a": GOOD, "b": cells([0])}, {"a": GOOD, "b": cells([0])}, "have different sizes"),
        ({"a": cells([0, 5])}, {"a": GOOD}, "duration_s of profile 'a' must be a square matrix"),
        ({"a": GOOD}, {"a": np.zeros(4, dtype=np.int32)}, "distance_m of profile 'a' must be a square matrix"),
        ({"a": np.zeros((0, 0))}, {"a": np.zeros((0, 0))}, "must be a square matrix"),
        ({"a": cells([0, -2], [7, 0])}, {"a": GOOD}, "duration_s of profile 'a' holds -2"),
        ({"a": GOOD}, {"a": cells([0, 5], [7, 1])}, "distance_m of profile 'a' must be 0 from a place to itself"),
        ({"a": cells([NO_PATH, 5], [7, 0])}, {"a": GOOD}, "must be 0 from a place to itself"),
        ({"a": cells([0, NO_PATH], [7, 0])}, {"a": GOOD}, "disagree on where a path exists"),
        ({"a": GOOD}, {"a": cells([0, 5], [NO_PATH, 0])}, "disagree on where a path exists"),
    ],
)
def test_contradictions_are_refused(duration_s: Any, distance_m: Any, sentence: str) -> None:
    """Matrices that contradict themselves or each other are refused, naming the profile."""
    with pytest.raises(InvalidProblem, match=sentence):
        TravelMatrix(duration_s, distance_m)


def test_missing_paths_are_kept() -> None:
    """No path stands as the same sentinel in both matrices and is no error."""
    hole = cells([0, NO_PATH], [7, 0])
    matrix = TravelMatrix({"a": hole}, {"a": hole})
    assert matrix.duration_s("a")[0, 1] == NO_PATH
    assert matrix.distance_m("a")[0, 1] == NO_PATH


def test_cells_cannot_be_changed() -> None:
    """The matrix neither changes itself nor follows changes of the arrays that it was made from."""
    source = GOOD.copy()
    matrix = TravelMatrix({"a": source}, {"a": source})
    source[0, 1] = 99
    assert matrix.duration_s("a")[0, 1] == 5
    with pytest.raises(ValueError, match="read-only"):
        matrix.duration_s("a")[0, 1] = 1
    with pytest.raises(ValueError, match="read-only"):
        matrix.distance_m("a")[0, 1] = 1


def test_profiles_are_sorted_and_unknown_ones_missing() -> None:
    """Profiles come in one order whatever the order they were given in, and an unknown one is a KeyError."""
    matrix = TravelMatrix({"truck": GOOD, "cart": GOOD * 3}, {"cart": GOOD * 2, "truck": GOOD})
    assert matrix.profiles == ("cart", "truck")
    assert matrix.n == 2
    assert matrix.duration_s("cart")[1, 0] == 21
    assert matrix.distance_m("cart")[1, 0] == 14
    with pytest.raises(KeyError):
        matrix.duration_s("boat")


@given(
    rows=st.lists(st.integers(0, 4), max_size=6),
    columns=st.lists(st.integers(0, 4), max_size=6),
)
def test_block_is_the_square_at_rows_and_columns(rows: list[int], columns: list[int]) -> None:
    """A block holds, for any rows and columns in any order, the cells of the whole square."""
    square = np.arange(25, dtype=np.int32).reshape(5, 5)
    np.fill_diagonal(square, 0)
    matrix = TravelMatrix({"a": square}, {"a": square * 2})
    duration_s, distance_m = matrix.block("a", rows, columns)
    assert duration_s.shape == distance_m.shape == (len(rows), len(columns))
    assert all(
        duration_s[i, j] == square[row, column] and distance_m[i, j] == 2 * square[row, column]
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    )


@given(legs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=6))
def test_legs_are_the_squares_cells(legs: list[tuple[int, int]]) -> None:
    """Legs hold, for any pairs in any order, the cells of the whole square."""
    square = np.arange(25, dtype=np.int32).reshape(5, 5)
    np.fill_diagonal(square, 0)
    matrix = TravelMatrix({"a": square}, {"a": square * 2})
    duration_s, distance_m = matrix.legs("a", [i for i, _ in legs], [j for _, j in legs])
    assert duration_s.tolist() == [square[leg] for leg in legs]
    assert distance_m.tolist() == [2 * square[leg] for leg in legs]


def test_fastest_is_over_the_cells_that_take_time() -> None:
    """The fastest speed leaves out cells of no time and cells without a path; a matrix without others has none."""
    seconds, metres = cells([0, 4, 0], [5, 0, -1], [3, 9, 0]), cells([0, 40, 9], [60, 0, -1], [33, 27, 0])
    assert TravelMatrix({"a": seconds}, {"a": metres}).fastest_m_per_s("a") == 12.0
    nowhere = cells([0, -1], [-1, 0])
    assert TravelMatrix({"a": nowhere}, {"a": nowhere}).fastest_m_per_s("a") == 0.0


def test_squares_of_other_times_are_laid_out_while_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares stay what they are; other times become squares of the same cells, unless there are too many."""
    matrix = TravelMatrix({"a": GOOD, "b": GOOD * 2}, {"a": GOOD, "b": GOOD * 3})
    assert as_squares(matrix) is matrix
    others = OnDemand(matrix)
    assert as_squares(others) == matrix
    monkeypatch.setattr(module, "SQUARE_CELLS", 2 * len(GOOD) ** 2 - 1)
    with pytest.raises(InvalidProblem, match="2 places for 2 profiles have 8 cells; at most 7 are laid out at once"):
        as_squares(others)
