"""Every column of every table of a city dataset, as data.

The reader, the templates of ``samram city init`` and the tables in ``docs/city-dataset.md`` are all made from what
stands here and in ``columns_fleet``, so they cannot disagree.
"""

from __future__ import annotations

from geodata.city.column import ACCESS, MONEY, MONEY_PER_T, NAME, SECONDS, Column, Table, id_column, position_columns
from geodata.city.columns_calendar import CALENDAR
from geodata.city.columns_fleet import SHIFTS, VEHICLES
from geodata.city.columns_overlays import OVERLAYS
from geodata.city.parsers import Choice, Names, Number, Text, TimeWindows, Weekdays
from geodata.city.streams import DEFAULT_STREAM, MAX_DENSITY_KG_PER_L

__all__ = [
    "CALENDAR",
    "CITY_KEYS",
    "CONTAINERS",
    "DEFAULT_KEYS",
    "DEPOTS",
    "DISPOSAL_SITES",
    "OVERLAYS",
    "SHIFTS",
    "STREAM_DENSITY",
    "TABLES",
    "VEHICLES",
    "ZONES",
    "Column",
    "Table",
]

CONTAINERS = Table(
    stem="containers",
    purpose="One row for each bin.",
    geometry="point",
    required=False,
    columns=(
        id_column("B001", "Name of the container, unique among containers"),
        *position_columns("103.8601", "13.3612"),
        Column(
            name="volume_l",
            parser=Number(low=1, high=60_000, whole=True),
            unit="l",
            example="660",
            meaning="What it holds when full",
            required=True,
        ),
        Column(
            name="stream",
            parser=NAME,
            example="residual",
            meaning="Kind of waste; one of the streams below or of `[streams]` in `city.toml`",
            default=DEFAULT_STREAM,
        ),
        Column(
            name="fill",
            parser=Number(low=0, high=1),
            unit="share of the volume",
            example="0.6",
            meaning="How full it is on the planned day",
            empty_means="not stated: taken from readings, the fill rate, or `defaults.fill`",
        ),
        Column(
            name="schedule",
            parser=Weekdays(),
            example="mon,thu",
            meaning="Weekdays on which it is collected",
            empty_means="no fixed days",
        ),
        Column(
            name="fill_rate_l_per_day",
            parser=Number(low=0, high=600_000),
            unit="l per day",
            example="240",
            meaning="What is thrown in on a typical day",
            empty_means="not stated",
        ),
        Column(
            name="service_s",
            parser=SECONDS,
            unit="s",
            example="40",
            meaning="Handling time at the kerb, besides the truck's `lift_s`",
            default_key="service_s",
        ),
        Column(
            name="windows",
            parser=TimeWindows(),
            unit="local time",
            example="04:00-06:30;13:00-15:00",
            meaning="When service may start",
            empty=(),
            empty_means="at any time",
        ),
        Column(
            name="access_class",
            parser=ACCESS,
            example="three_wheeler",
            meaning="The largest class of vehicle that can reach it",
            empty_means="any",
        ),
        Column(
            name="sensor_id",
            parser=NAME,
            example="70B3D57ED0001234",
            meaning="Identity under which its level sensor reports",
            empty_means="no sensor",
        ),
        Column(
            name="stop_id",
            parser=NAME,
            example="S001",
            meaning="Containers with the same value stand together and share one set-up time",
            empty_means="it stands alone",
        ),
        Column(
            name="street",
            parser=Text(),
            example="Street 12",
            meaning="Name of the street it stands on; decides between streets that are equally near",
            empty_means="the nearest street",
        ),
        Column(
            name="prize",
            parser=MONEY,
            unit="currency",
            example="2.5",
            meaning="What emptying it is worth; it may then be left out when that costs more",
            empty_means="it must be emptied",
        ),
        Column(
            name="locked_vehicle",
            parser=NAME,
            example="T1",
            meaning="The only vehicle that may serve it",
            empty_means="any",
        ),
    ),
)

DEPOTS = Table(
    stem="depots",
    purpose="One row for each place where vehicles start and end their shifts.",
    columns=(id_column("D1", "Name of the depot, unique among depots"), *position_columns("103.8702", "13.3655")),
)

DISPOSAL_SITES = Table(
    stem="disposal_sites",
    purpose="One row for each landfill, transfer station or recycling plant.",
    columns=(
        id_column("L1", "Name of the disposal site, unique among them"),
        *position_columns("104.0410", "13.3480"),
        Column(
            name="windows",
            parser=TimeWindows(),
            unit="local time",
            example="05:00-18:00",
            meaning="Opening hours, the same every day: unloading may start within them",
            empty=(),
            empty_means="always open",
        ),
        Column(
            name="unloading_s",
            parser=SECONDS,
            unit="s",
            example="900",
            meaning="Time from the gate in to the gate out",
            default="900",
        ),
        Column(
            name="streams",
            parser=Names(),
            example="residual,bulky",
            meaning="Streams it accepts",
            empty=frozenset(),
            empty_means="all",
        ),
        Column(
            name="gate_fee_per_t",
            parser=MONEY_PER_T,
            unit="currency per t",
            example="6.5",
            meaning="Fee at the gate",
            default="0",
        ),
    ),
)

ZONES = Table(
    stem="zones",
    purpose="One polygon for each sangkat, district or contract area.",
    csv=False,
    geometry="polygon",
    required=False,
    columns=(
        id_column("Z1", "Name of the zone for the machine, unique among zones"),
        Column(name="name", parser=Text(), example="Sangkat 1", meaning="Name for people", required=True),
        Column(
            name="people",
            parser=Number(low=0, high=50_000_000, whole=True),
            unit="people",
            example="12000",
            meaning="Inhabitants",
            default="0",
        ),
        Column(
            name="kg_per_person_day",
            parser=Number(low=0, high=20),
            unit="kg per person and day",
            example="0.6",
            meaning="Waste of one person on one day",
            default="0",
        ),
        Column(
            name="contractor",
            parser=Text(),
            example="Contractor A",
            meaning="Who collects there",
            empty_means="the city itself",
        ),
        Column(
            name="stream",
            parser=NAME,
            example="residual",
            meaning="Stream collected door to door",
            default=DEFAULT_STREAM,
        ),
        Column(
            name="schedule",
            parser=Weekdays(),
            example="mon,wed,fri",
            meaning="Weekdays of door-to-door collection",
            empty_means="every day",
        ),
    ),
)

TABLES = (CONTAINERS, DEPOTS, DISPOSAL_SITES, VEHICLES, SHIFTS, ZONES, OVERLAYS, CALENDAR)

CITY_KEYS = (
    Column(name="name", parser=Text(), example="Siem Reap", meaning="The city's name", required=True),
    Column(
        name="timezone",
        parser=NAME,
        example="Asia/Phnom_Penh",
        meaning="Time zone of the IANA database; all times of day are local to it",
        required=True,
    ),
    Column(
        name="currency",
        parser=Text(max_length=3),
        example="USD",
        meaning="ISO 4217 code of the currency of all costs: three capital letters",
        required=True,
    ),
    Column(
        name="driving_side",
        parser=Choice(options=("left", "right")),
        example="right",
        meaning="Side of the road on which traffic drives",
        default="right",
    ),
    Column(
        name="place",
        parser=Text(),
        example="Siem Reap, Cambodia",
        meaning="Place whose streets are fetched from OpenStreetMap when the folder holds no streets file",
        empty_means="the folder holds a streets file",
    ),
    Column(
        name="attribution",
        parser=Text(max_length=500),
        example="© OpenStreetMap contributors",
        meaning="Who is credited on maps and exports",
        default="© OpenStreetMap contributors",
    ),
)

DEFAULT_KEYS = (
    Column(
        name="service_s",
        parser=SECONDS,
        unit="s",
        example="40",
        meaning="Handling time of a container that states none",
        default="40",
    ),
    Column(
        name="setup_s",
        parser=SECONDS,
        unit="s",
        example="30",
        meaning="Time to halt and get ready at a stop, once for all containers that stand together",
        default="30",
    ),
    Column(
        name="fill",
        parser=Number(low=0, high=1),
        unit="share of the volume",
        example="1",
        meaning="How full a container is when nothing else tells",
        default="1",
    ),
    Column(
        name="snap_max_m",
        parser=Number(low=1, high=5_000),
        unit="m",
        example="500",
        meaning="A container farther than this from every street it may be served from is not reached",
        default="500",
    ),
    Column(
        name="stop_span_m",
        parser=Number(low=1, high=500),
        unit="m",
        example="50",
        meaning="Containers of one `stop_id` may stand this far apart at most",
        default="50",
    ),
)

STREAM_DENSITY = Column(
    name="(stream)",
    parser=Number(above=0, high=MAX_DENSITY_KG_PER_L),
    unit="kg per l",
    example="0.2",
    meaning="Loose density of a stream in its containers",
)
