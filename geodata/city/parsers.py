"""The kinds of values in a city's tables: how each is read from text, written back, and described.

A parser never guesses: what it does not understand is a ``BadValueError``, whose sentence goes into the report beside
the place and the text that stood there.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

from geodata.city.records import BreakRecord

DAY_S = 86_400
MINUTES_PER_HOUR = 60
LATEST_HOUR = 48
"""Times of day may pass midnight, as night shifts do, but never by more than one day."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# OpenStreetMap's ids are below 2^63, and so are 18 digits.
_ID = re.compile(r"-?[0-9]{1,18}")
_DURATION = re.compile(r"(\d+)\s*(min|h|s)")
_LIST_SEPARATOR = re.compile(r"[\s,;]+")


class BadValueError(ValueError):
    """A text that does not mean what its column asks for."""


class Parser(Protocol):
    """Reads one kind of value; ``expected`` completes the phrase "expected ..." in a report."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""

    def parse(self, text: str) -> Any:
        """Turn stripped, non-empty text into a value, or raise ``BadValueError``."""

    def format(self, value: Any) -> str:
        """Write a value as text that ``parse`` reads back to the same value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Free text of at most ``max_length`` characters without control characters."""

    max_length: int = 200

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return f"text of at most {self.max_length} characters on one line"

    def parse(self, text: str) -> str:
        """Return the text itself; see the class for what is refused."""
        if len(text) > self.max_length:
            raise BadValueError(f"the text has {len(text)} characters")
        # Unicode's control characters hide in exports of spreadsheets; NUL cannot be stored by every database.
        if not text.isprintable():
            raise BadValueError("the text holds a character that cannot be printed")
        return text

    def format(self, value: str) -> str:
        """Return the text itself."""
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A decimal number with bounds; ``above`` excludes its bound, ``low`` and ``high`` include theirs."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    whole: bool = False

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        parts = []
        if self.above is not None:
            parts.append(f"above {self.above:g}")
        if self.low is not None and self.high is not None:
            parts.append(f"from {_plain(self.low)} to {_plain(self.high)}")
        elif self.low is not None:
            parts.append(f"of at least {_plain(self.low)}")
        elif self.high is not None:
            parts.append(f"of at most {_plain(self.high)}" if not parts else f"at most {_plain(self.high)}")
        kind = "a whole number" if self.whole else "a number"
        return " ".join([kind, " and ".join(parts)]).strip()

    def parse(self, text: str) -> int | float:
        """Return an int for whole columns, else a float."""
        if not _NUMBER.fullmatch(text):
            if _NUMBER.fullmatch(text.replace(",", ".")):
                raise BadValueError("decimals are written with a point, without separators of thousands")
            raise BadValueError("this is not a number")
        number = float(text)
        if not math.isfinite(number):
            raise BadValueError("the number is too large")
        if self.whole and number != math.floor(number):
            raise BadValueError("this is not a whole number")
        if self.above is not None and number <= self.above:
            raise BadValueError("the number is too small")
        if self.low is not None and number < self.low:
            raise BadValueError("the number is too small")
        if self.high is not None and number > self.high:
            raise BadValueError("the number is too large")
        return int(number) if self.whole else number

    def format(self, value: float) -> str:
        """Write the shortest text that reads back to the same number."""
        return str(int(value)) if self.whole or value == int(value) else repr(float(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words, in any case of letters."""

    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "one of " + ", ".join(self.options)

    def parse(self, text: str) -> str:
        """Return the word as ``options`` writes it."""
        for option in self.options:
            if text.casefold() == option.casefold():
                return option
        raise BadValueError("this word is not known here")

    def format(self, value: str) -> str:
        """Return the word."""
        return value


@dataclass(frozen=True, slots=True)
class YesNo:
    """yes or no."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "yes or no"

    def parse(self, text: str) -> bool:
        """Return True for yes; true, false, 1 and 0 are read too, because spreadsheets write them."""
        word = text.casefold()
        if word in {"yes", "true", "1"}:
            return True
        if word in {"no", "false", "0"}:
            return False
        raise BadValueError("this is neither yes nor no")

    def format(self, value: object) -> str:
        """Write yes or no."""
        return "yes" if value else "no"


@dataclass(frozen=True, slots=True)
class Names:
    """Several names, such as streams, separated by commas or spaces."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "names separated by commas"

    def parse(self, text: str) -> frozenset[str]:
        """Return the set of names in lower case."""
        names = [name for name in _LIST_SEPARATOR.split(text.casefold()) if name]
        if not names:
            raise BadValueError("no name is given")
        if not all(name.isprintable() for name in names):
            raise BadValueError("a name holds a character that cannot be printed")
        return frozenset(names)

    def format(self, value: frozenset[str]) -> str:
        """Write the names in alphabetical order."""
        return ",".join(sorted(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Several of a few words, separated by commas or spaces."""

    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "some of " + ", ".join(self.options) + ", separated by commas"

    def parse(self, text: str) -> frozenset[str]:
        """Return the set of words as ``options`` writes them."""
        one = Choice(options=self.options)
        found = frozenset(one.parse(word) for word in _LIST_SEPARATOR.split(text) if word)
        if not found:
            raise BadValueError("no word is given")
        return found

    def format(self, value: frozenset[str]) -> str:
        """Write the words in the order of ``options``."""
        return ",".join(option for option in self.options if option in value)


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of OpenStreetMap: whole numbers separated by commas or spaces; those of an editor's new ways are negative."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "whole numbers separated by commas"

    def parse(self, text: str) -> frozenset[int]:
        """Return the set of ids."""
        words = [word for word in _LIST_SEPARATOR.split(text) if word]
        if not words:
            raise BadValueError("no id is given")
        for word in words:
            if not _ID.fullmatch(word):
                raise BadValueError(f"{word[:40]!r} is not the id of a way")
        return frozenset(int(word) for word in words)

    def format(self, value: frozenset[int]) -> str:
        """Write the ids in ascending order."""
        return ",".join(str(one) for one in sorted(value))


@dataclass(frozen=True, slots=True)
class Date:
    """A day as ``YYYY-MM-DD``."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "a date YYYY-MM-DD"

    def parse(self, text: str) -> dt.date:
        """Return the day."""
        if not _DATE.fullmatch(text):
            raise BadValueError("this is not a date")
        try:
            return dt.date.fromisoformat(text)
        except ValueError as error:
            raise BadValueError("there is no such day") from error

    def format(self, value: dt.date) -> str:
        """Write the day."""
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week: ``mon,thu``, ``mon-fri`` or ``daily``."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "weekdays such as mon,thu or mon-sat, or daily"

    def parse(self, text: str) -> frozenset[int]:
        """Return the set of days, 0 for Monday."""
        days: set[int] = set()
        for part in _LIST_SEPARATOR.split(text.casefold()):
            if not part:
                continue
            if part == "daily":
                days.update(range(7))
            elif "-" in part:
                first, _, last = part.partition("-")
                start, end = _weekday(first), _weekday(last)
                days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
            else:
                days.add(_weekday(part))
        if not days:
            raise BadValueError("no weekday is given")
        return frozenset(days)

    def format(self, value: frozenset[int]) -> str:
        """Write the days from Monday on."""
        return ",".join(WEEKDAYS[day] for day in sorted(value))


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time as ``HH:MM``; past midnight the hours go on: 26:30 is half past two of the next day."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return f"a time HH:MM between 00:00 and {LATEST_HOUR}:00 (26:30 is 02:30 of the next day)"

    def parse(self, text: str) -> int:
        """Return seconds from midnight."""
        return _time(text)

    def format(self, value: int) -> str:
        """Write hours and minutes."""
        return format_time(value)


@dataclass(frozen=True, slots=True)
class TimeWindows:
    """One or several spans of time: ``04:00-06:30;13:00-15:00``."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "time windows HH:MM-HH:MM separated by ';', each ending after it starts, with time between them"

    def parse(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return pairs of seconds from midnight in order of time."""
        windows = sorted(_span(part) for part in text.split(";") if part.strip())
        if not windows:
            raise BadValueError("no time window is given")
        for (_, end), (start, _) in itertools.pairwise(windows):
            if start <= end:
                raise BadValueError("two time windows overlap or touch; such windows are written as one")
        return tuple(windows)

    def format(self, value: tuple[tuple[int, int], ...]) -> str:
        """Write the windows in order."""
        return ";".join(f"{format_time(start)}-{format_time(end)}" for start, end in value)


@dataclass(frozen=True, slots=True)
class Breaks:
    """One or several breaks: ``30min@09:00-11:00`` lasts 30 minutes and starts between 09:00 and 11:00."""

    @property
    def expected(self) -> str:
        """What a right value looks like."""
        return "breaks such as 30min@09:00-11:00 (length, then earliest and latest start) separated by ';'"

    def parse(self, text: str) -> tuple[BreakRecord, ...]:
        """Return the breaks in order of their earliest start."""
        breaks = sorted(
            (_break(part.strip()) for part in text.split(";") if part.strip()),
            key=lambda rest: (rest.earliest_s, rest.latest_s, rest.duration_s),
        )
        if not breaks:
            raise BadValueError("no break is given")
        return tuple(breaks)

    def format(self, value: tuple[BreakRecord, ...]) -> str:
        """Write the breaks in order."""
        return ";".join(
            f"{_format_duration(rest.duration_s)}@{format_time(rest.earliest_s)}-{format_time(rest.latest_s)}"
            for rest in value
        )


def format_time(seconds: int) -> str:
    """Write seconds from midnight as HH:MM.

    Raises
    ------
    ValueError
        The time is not a whole minute, which HH:MM cannot say.
    """
    minutes, rest = divmod(seconds, 60)
    if rest:
        raise ValueError(f"{seconds} s from midnight is not a whole minute and cannot be written as HH:MM.")
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _time(text: str) -> int:
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise BadValueError(f"{text.strip()!r} is not a time")
    hours, minutes = int(match[1]), int(match[2])
    if minutes >= MINUTES_PER_HOUR:
        raise BadValueError(f"{text.strip()!r} has more than 59 minutes")
    seconds = hours * 3600 + minutes * 60
    if seconds > LATEST_HOUR * 3600:
        raise BadValueError(f"{text.strip()!r} is more than one day past midnight")
    return seconds


def _span(text: str) -> tuple[int, int]:
    first, dash, last = text.strip().partition("-")
    if not dash:
        raise BadValueError(f"{text.strip()!r} has no '-' between its start and its end")
    start, end = _time(first), _time(last)
    if end <= start:
        hint = ""
        if start <= DAY_S and end + DAY_S <= LATEST_HOUR * 3600:
            hint = f"; past midnight write {format_time(start)}-{format_time(end + DAY_S)}"
        raise BadValueError(f"the window {text.strip()!r} does not end after it starts{hint}")
    return start, end


def _break(text: str) -> BreakRecord:
    length, at, window = text.partition("@")
    match = _DURATION.fullmatch(length.strip().casefold())
    if not at or not match:
        raise BadValueError(f"{text!r} is not a break")
    duration_s = int(match[1]) * {"s": 1, "min": 60, "h": 3600}[match[2]]
    if not 0 < duration_s <= DAY_S:
        raise BadValueError(f"the break {text!r} must last more than 0 and at most 24 hours")
    earliest_s, latest_s = _span(window) if "-" in window else (_time(window), _time(window))
    return BreakRecord(duration_s=duration_s, earliest_s=earliest_s, latest_s=latest_s)


def _format_duration(seconds: int) -> str:
    return f"{seconds // 60}min" if seconds % 60 == 0 else f"{seconds}s"


def _weekday(word: str) -> int:
    for day, (short, full) in enumerate(zip(WEEKDAYS, _WEEKDAY_NAMES, strict=True)):
        if word in {short, full}:
            return day
    raise BadValueError(f"{word!r} is not a weekday")


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"
