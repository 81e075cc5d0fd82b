"""The columns of a city's overlays: changes to the streets that nobody has to edit OpenStreetMap for."""

from __future__ import annotations

from geodata.city.column import Column, Table, id_column
from geodata.city.parsers import Choice, Choices, Date, Ids, Number, Text, TimeWindows, Weekdays
from geodata.streets.overlays import OVERLAY_DIRECTIONS, OVERLAY_KINDS
from geodata.streets.profile import ACCESS_CLASSES

OVERLAYS = Table(
    stem="overlays",
    purpose="One feature for each change to the streets.",
    csv=False,
    geometry="place",
    required=False,
    columns=(
        id_column("R1", "Name of the change, unique among overlays"),
        Column(
            name="kind",
            parser=Choice(options=OVERLAY_KINDS),
            example="closure",
            meaning="What has changed; see below",
            required=True,
        ),
        Column(
            name="source",
            parser=Text(),
            example="Road works office, letter of 3 November",
            meaning="Who says so",
            required=True,
        ),
        Column(name="note", parser=Text(max_length=500), example="Drain", meaning="A remark", empty_means="none"),
        Column(
            name="valid_from",
            parser=Date(),
            example="2026-11-20",
            meaning="First day on which it holds",
            empty_means="since ever",
        ),
        Column(
            name="expires",
            parser=Date(),
            example="2026-12-15",
            meaning="Last day on which it holds",
            empty_means="until it is taken out",
        ),
        Column(
            name="weekdays",
            parser=Weekdays(),
            example="mon-sat",
            meaning="Days on which it holds; hours past midnight belong to the day they start on",
            empty_means="every day",
        ),
        Column(
            name="windows",
            parser=TimeWindows(),
            unit="local time",
            example="06:00-18:00",
            meaning="Hours in which it holds; a market needs them",
            empty=(),
            empty_means="the whole day",
        ),
        Column(
            name="direction",
            parser=Choice(options=OVERLAY_DIRECTIONS),
            example="along",
            meaning="Direction in which it holds: along the line as it is drawn or against it, without a geometry "
            "along the ways of OpenStreetMap; for a one-way street the direction that stays open",
            default="both",
        ),
        Column(
            name="speed_kph",
            parser=Number(above=0, high=130),
            unit="km per h",
            example="12",
            meaning="What a truck drives there; for `speed`",
            empty_means="**required** for `speed`",
        ),
        Column(
            name="width_m",
            parser=Number(above=0, high=20),
            unit="m",
            example="2.1",
            meaning="Width that is left; for `width`",
            empty_means="**required** for `width`",
        ),
        Column(
            name="depth_cm",
            parser=Number(above=0, high=500),
            unit="cm",
            example="35",
            meaning="Depth of the water; for `flooded`",
            empty_means="too deep for every vehicle",
        ),
        Column(
            name="access_classes",
            parser=Choices(options=tuple(ACCESS_CLASSES)),
            example="compactor,tipper",
            meaning="Access classes that it binds",
            empty=frozenset(),
            empty_means="all",
        ),
        Column(
            name="street",
            parser=Text(),
            example="Street 12",
            meaning="Name of the street that is meant; decides where several are near",
            empty_means="any street",
        ),
        Column(
            name="ways",
            parser=Ids(),
            example="4042,4043",
            meaning="Ids of the ways of OpenStreetMap that are meant; the geometry may then be null",
            empty=frozenset(),
            empty_means="any way",
        ),
    ),
)
FIGURE_OF = {"speed": "speed_kph", "width": "width_m", "flooded": "depth_cm"}
"""The figure that belongs to a kind."""
