"""The kinds of values in a city's tables, read and written back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.city.columns import CITY_KEYS, DEFAULT_KEYS, TABLES
from geodata.city.parsers import (
    BadValueError,
    Breaks,
    Choice,
    Names,
    Number,
    Parser,
    Text,
    TimeOfDay,
    TimeWindows,
    Weekdays,
    YesNo,
    format_time,
)
from geodata.city.records import BreakRecord

PARSERS: tuple[Parser, ...] = (
    Text(max_length=5),
    Number(low=-180, high=180),
    Number(low=1, whole=True),
    Number(above=0),
    Choice(options=("left", "right")),
    YesNo(),
    Names(),
    Weekdays(),
    TimeOfDay(),
    TimeWindows(),
    Breaks(),
)
minutes = st.integers(0, 48 * 60).map(lambda minute: minute * 60)


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    marks = sorted(draw(st.lists(minutes, min_size=2, max_size=8, unique=True)))
    return tuple(zip(marks[::2], marks[1::2], strict=False))


@given(st.sampled_from(PARSERS), st.text(max_size=30))
def test_any_text_is_a_value_or_a_bad_value(parser: Parser, text: str) -> None:
    """Whatever a cell holds, a parser returns a value or raises BadValueError with a sentence."""
    said = "a value"
    try:
        parser.parse(text)
    except BadValueError as error:
        said = str(error)
    assert said
    assert parser.expected


@given(st.sampled_from(PARSERS), st.text(alphabet="0123456789:-@;,. monthudaily hins+e", max_size=30))
def test_what_is_read_is_written_so_that_it_reads_the_same(parser: Parser, text: str) -> None:
    """Writing a value that was read, and reading it again, gives the same value."""
    try:
        value = parser.parse(text)
    except BadValueError:
        return
    assert parser.parse(parser.format(value)) == value


@given(st.floats(-180, 180))
def test_numbers_survive_writing(value: float) -> None:
    """A number within the bounds is written and read back exactly."""
    parser = Number(low=-180, high=180)
    assert parser.parse(parser.format(value)) == value


@given(windows())
def test_windows_survive_writing(value: tuple[tuple[int, int], ...]) -> None:
    """Windows with time between them are written and read back in order."""
    parser = TimeWindows()
    assert parser.parse(parser.format(value)) == value
    backwards = ";".join(reversed(parser.format(value).split(";")))
    assert parser.parse(backwards) == value


@given(st.sets(st.integers(0, 6), min_size=1))
def test_weekdays_survive_writing(days: set[int]) -> None:
    """Every set of weekdays is written and read back."""
    parser = Weekdays()
    assert parser.parse(parser.format(frozenset(days))) == frozenset(days)


@given(st.integers(1, 86_400), st.tuples(minutes, minutes).filter(lambda pair: pair[0] < pair[1]))
def test_breaks_survive_writing(duration_s: int, window: tuple[int, int]) -> None:
    """A break of whole seconds is written and read back."""
    parser = Breaks()
    value = (BreakRecord(duration_s=duration_s, earliest_s=window[0], latest_s=window[1]),)
    assert parser.parse(parser.format(value)) == value


@pytest.mark.parametrize(
    ("parser", "text", "value"),
    [
        (Weekdays(), "mon-sat", frozenset(range(6))),
        (Weekdays(), "Sat-Mon", frozenset({5, 6, 0})),
        (Weekdays(), "daily", frozenset(range(7))),
        (Weekdays(), "Monday thu", frozenset({0, 3})),
        (TimeOfDay(), "26:30", 95_400),
        (TimeOfDay(), "48:00", 172_800),
        (TimeWindows(), "13:00-15:00; 4:00-06:30", ((14_400, 23_400), (46_800, 54_000))),
        (Breaks(), "1h@12:00", (BreakRecord(duration_s=3600, earliest_s=43_200, latest_s=43_200),)),
        (Names(), "Residual; organic", frozenset({"residual", "organic"})),
        (YesNo(), "TRUE", True),
        (Choice(options=("left", "right")), "LEFT", "left"),
        (Number(low=0), "១២.៥", 12.5),
        (Number(low=0, whole=True), "6e2", 600),
        (Text(), "សៀមរាប", "សៀមរាប"),
    ],
)
def test_accepted_spellings(parser: Parser, text: str, value: object) -> None:
    """Each spelling that the documentation allows means what it says."""
    assert parser.parse(text) == value


@pytest.mark.parametrize("text", ["1_000", "0x10", "1,000", "nan", "inf", "1e400", "", "--1", "1 000"])
def test_numbers_that_python_reads_but_people_do_not_are_refused(text: str) -> None:
    """A number is digits, a sign, a point and an exponent, and nothing that Python alone understands."""
    with pytest.raises(BadValueError):
        Number().parse(text)


def test_bounds_belong_to_low_and_high_and_not_to_above() -> None:
    """A number at its bound is accepted for low and high, refused for above; one step past it is refused."""
    parser = Number(low=1, high=3)
    assert (parser.parse("1"), parser.parse("3")) == (1, 3)
    for text in (repr(math.nextafter(1, 0)), repr(math.nextafter(3, 4))):
        with pytest.raises(BadValueError):
            parser.parse(text)
    with pytest.raises(BadValueError):
        Number(above=0).parse("0")
    assert Number(above=0).parse("1e-9") > 0


@pytest.mark.parametrize("text", ["48:01", "99:00", "12:60", "12", "12:5", "-1:00", "12:00:00"])
def test_times_past_their_bounds_are_refused(text: str) -> None:
    """A time of day is HH:MM, at most one day past midnight."""
    with pytest.raises(BadValueError):
        TimeOfDay().parse(text)


def test_a_time_that_hh_mm_cannot_say_is_not_written() -> None:
    """Writing a time with odd seconds raises instead of rounding."""
    with pytest.raises(ValueError, match="whole minute"):
        format_time(61)


def test_every_example_and_default_of_every_column_is_accepted_by_its_parser() -> None:
    """The examples and defaults that the documentation shows are read without a fault."""
    columns = [column for table in TABLES for column in table.columns] + [*CITY_KEYS, *DEFAULT_KEYS]
    for column in columns:
        column.parser.parse(column.example)
        if column.default is not None:
            column.parser.parse(column.default)
        assert column.meaning
        assert not column.meaning.endswith(".")
    assert len(columns) > 60
