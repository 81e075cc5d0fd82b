"""Tags that hold at certain hours, or for certain trucks: ``no @ (Mo-Fr 07:00-09:00 AND weight>7.5)``.

The grammar is that of the OpenStreetMap wiki, "Conditional restrictions", as far as weekdays, clock times and the
truck's own measures go. A network is built for the hours in which trucks are out, not for one moment, so a condition
holds *never*, *sometimes* or *always* in those hours. What forbids something counts from "sometimes" on; what allows
something counts only where it holds always. A condition that cannot be understood (a date, a permit, snow) is
reported: if it forbids, it counts always; if it allows, never.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from geodata.streets.tag_values import kph, metres, tonnes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from geodata.streets.profile import TruckProfile

DAY_S: Final = 86_400
_DAYS: Final = ("mo", "tu", "we", "th", "fr", "sa", "su")
DAY_SPAN: Final = re.compile(r"(mo|tu|we|th|fr|sa|su)(?:\s*-\s*(mo|tu|we|th|fr|sa|su))?")
_TIME_SPAN: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_MEASURE: Final = re.compile(r"(weight|length|width|height)\s*(<=|>=|<|>)\s*(.+)")
_AND: Final = re.compile(r"\s+and\s+", re.IGNORECASE)
_LAST_HOUR: Final = 24
_LAST_MINUTE: Final = 59


class Held(IntEnum):
    """How much of the hours in which trucks are out a condition holds."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When trucks are out: a weekday (0 is Monday), and seconds from its midnight, which may pass 86,400.

    Raises
    ------
    ValueError
        A weekday outside 0 to 6, or an end that is not after the start.
    """

    weekday: int
    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.weekday < len(_DAYS):
            raise ValueError(f"The weekday must be 0 (Monday) to 6, but is {self.weekday}.")
        if not 0 <= self.start_s < self.end_s:
            raise ValueError(f"Hours must end after they start, but run from {self.start_s} s to {self.end_s} s.")


def conditional_values(text: str) -> list[tuple[str, str]]:
    """Split a conditional tag into (value, condition); what is not of that form comes with an empty condition."""
    found: list[tuple[str, str]] = []
    for part in _split(text, ";"):
        value, at, condition = part.partition("@")
        condition = condition.strip()
        if condition.startswith("(") and condition.endswith(")"):
            condition = condition[1:-1].strip()
        if value.strip():
            found.append((value.strip(), condition if at else ""))
    return found


def held(condition: str, profile: TruckProfile, hours: Hours | None) -> Held | None:
    """Decide how much of the hours a condition holds for a truck; None where it cannot be understood.

    Without hours a condition with clock times or weekdays holds sometimes.
    """
    whole = Held.ALWAYS
    for part in _AND.split(condition):
        measured = _MEASURE.fullmatch(part.strip().lower())
        one = _measure_held(measured, profile) if measured else _times_held(part, hours)
        if one is None:
            return None
        whole = min(whole, one)
    return whole


def _measure_held(found: re.Match[str], profile: TruckProfile) -> Held | None:
    name, sign, text = found.groups()
    limit = tonnes(text) if name == "weight" else metres(text)
    if limit is None:
        return None
    own = profile.weight_t if name == "weight" else float(getattr(profile, f"{name}_m"))
    true = {"<": own < limit, "<=": own <= limit, ">": own > limit, ">=": own >= limit}[sign]
    return Held.ALWAYS if true else Held.NEVER


def _times_held(text: str, hours: Hours | None) -> Held | None:
    spans: list[tuple[frozenset[int], int, int]] = []
    for rule in text.lower().split(";"):
        read = _read_rule(rule.strip())
        if read is None:
            return None
        days, times = read
        spans += [(days, start, end) for start, end in times]
    return spans_held(spans, hours)


def spans_held(
    spans: Sequence[tuple[frozenset[int], int, int]],
    hours: Hours | None,
    *,
    from_s: float = -math.inf,
    until_s: float = math.inf,
) -> Held:
    """Decide how much of the hours weekly spans cover: the days on which each begins, its start and its end.

    Start and end are seconds from that day's midnight and may pass 86,400. Without hours, spans that leave anything of
    the week out hold sometimes.

    Parameters
    ----------
    from_s, until_s
        Before and after these seconds from the hours' own midnight nothing holds.
    """
    if hours is None:
        full = all(any(day in days and start <= 0 and end >= DAY_S for days, start, end in spans) for day in range(7))
        return Held.ALWAYS if full else Held.SOMETIMES
    on = sorted(
        (max(start + shift * DAY_S, hours.start_s, from_s), min(end + shift * DAY_S, hours.end_s, until_s))
        for days, start, end in spans
        for shift in range(-2, hours.end_s // DAY_S + 1)
        if (hours.weekday + shift) % 7 in days
    )
    on = [(start, end) for start, end in on if start < end]
    covered_to: float = hours.start_s
    for start, end in on:
        if start > covered_to:
            break
        covered_to = max(covered_to, end)
    if covered_to >= hours.end_s:
        return Held.ALWAYS
    return Held.SOMETIMES if on else Held.NEVER


def _read_rule(text: str) -> tuple[frozenset[int], list[tuple[int, int]]] | None:
    """Read one rule of weekdays and clock times; both may be missing, but not both at once."""
    days: set[int] = set()
    rest = text
    while found := DAY_SPAN.match(rest):
        first = _DAYS.index(found.group(1))
        last = _DAYS.index(found.group(2) or found.group(1))
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
        rest = rest[found.end() :].lstrip(" ,")
    times: list[tuple[int, int]] = []
    while found := _TIME_SPAN.match(rest):
        start, end = (_clock(found.group(at), found.group(at + 1)) for at in (1, 3))
        if start is None or end is None:
            return None
        times.append((start, end if end > start else end + DAY_S))
        rest = rest[found.end() :].lstrip(" ,")
    if rest or not (days or times):
        return None
    return frozenset(days or range(7)), times or [(0, DAY_S)]


def _clock(hour: str, minute: str) -> int | None:
    if int(hour) > _LAST_HOUR or int(minute) > _LAST_MINUTE:
        return None
    return int(hour) * 3600 + int(minute) * 60


def _split(text: str, mark: str) -> list[str]:
    """Split at marks that do not stand in brackets."""
    parts = [""]
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


# --- conditional tags of a street ----------------------------------------------------------------------------------

_CLOSED: Final = 0
_INSIDE: Final = 1
_OPEN: Final = 2

_NUMBERS: Final[dict[str, Callable[[str], float | None]]] = {
    "maxspeed": kph, "maxspeed:hgv": kph, "maxweight": tonnes, "maxweight:hgv": tonnes, "maxheight": metres,
    "maxwidth": metres, "maxlength": metres,
}  # fmt: skip
_ONE_WAY: Final = frozenset({"oneway", "oneway:vehicle", "oneway:motor_vehicle", "oneway:hgv", "oneway:goods"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTags:
    """A street's tags with its conditions decided, and the (key, value) pairs that could not be understood."""

    tags: Mapping[str, str]
    unread: tuple[tuple[str, str], ...]


def decide(
    tags: Mapping[str, str],
    profile: TruckProfile,
    hours: Hours | None,
    *,
    access_keys: tuple[str, ...],
    openness: Callable[[str | None], int | None],
    open_by_class: bool,
) -> PlainTags:
    """Turn conditional tags into plain ones for one truck and the hours in which it is out.

    Parameters
    ----------
    access_keys
        The access keys that speak of the truck.
    openness
        What an access value allows: 0 closed, 1 only to serve something there, 2 open; None where it says nothing.
    open_by_class
        Whether the street is open to the truck where no access tag stands.
    """
    keys = [key for key in tags if key.endswith(":conditional")]
    if not keys:
        return PlainTags(tags=tags, unread=())
    plain = dict(tags)
    unread: list[tuple[str, str]] = []
    for key in keys:
        base = key.removesuffix(":conditional")
        if base not in access_keys and base not in _NUMBERS and base not in _ONE_WAY:
            continue
        for value, condition in conditional_values(tags[key]):
            how = held(condition, profile, hours) if condition else None
            if how is None:
                unread.append((key, tags[key]))
            forbids = _forbids(base, value, plain.get(base), openness=openness, open_by_class=open_by_class)
            if forbids is None:
                continue
            counts = how is not Held.NEVER if forbids else how is Held.ALWAYS
            if counts:
                plain[base] = value
    return PlainTags(tags=plain, unread=tuple(dict.fromkeys(unread)))


def _forbids(
    base: str, value: str, now: str | None, *, openness: Callable[[str | None], int | None], open_by_class: bool
) -> bool | None:
    """Whether the value is stricter than what holds without it; None where it says nothing."""
    if base in _NUMBERS:
        new, old = _NUMBERS[base](value), _NUMBERS[base](now or "")
        if new is None:
            return None
        return old is None or new < old
    if base in _ONE_WAY:
        return value not in {"no", "false", "0"}
    verdict = openness(value)
    if verdict is None:
        return None
    before = openness(now)
    return verdict < (before if before is not None else _OPEN if open_by_class else _CLOSED)
