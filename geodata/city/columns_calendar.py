"""The columns of a city's calendar: days on which more, or less, is thrown in than on others of their weekday."""

from __future__ import annotations

from geodata.city.column import NAME, Column, Table
from geodata.city.parsers import Date, Number, Weekdays

CALENDAR = Table(
    stem="calendar",
    purpose="One row for each spell of days that are not like others.",
    required=False,
    columns=(
        Column(
            name="kind",
            parser=NAME,
            example="khmer new year",
            meaning="What the days are called; days of one kind learn from each other, year after year",
            required=True,
        ),
        Column(name="first", parser=Date(), example="2026-04-14", meaning="First day", required=True),
        Column(
            name="last", parser=Date(), example="2026-04-16", meaning="Last day", empty_means="`first`: it is one day"
        ),
        Column(
            name="weekdays",
            parser=Weekdays(),
            example="sat",
            meaning="Weekdays between the two that are meant, such as those of a market",
            empty_means="all of them",
        ),
        Column(
            name="factor",
            parser=Number(above=0, high=10),
            example="1.6",
            meaning="What is thrown in, times what a usual day brings; what was seen on such days corrects it",
            required=True,
        ),
    ),
)
