"""What a column of a city's table is, and the kinds of columns that several tables share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geodata.city.parsers import Choice, Number, Text
from geodata.streets.rules import ACCESS_CLASSES

if TYPE_CHECKING:
    from geodata.city.parsers import Parser


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table, or one key of ``city.toml``.

    Attributes
    ----------
    parser
        Reads the text of a cell.
    example
        A text that the parser accepts.
    meaning
        What it says, for the documentation; a sentence without its full stop.
    unit
        Unit of the value, empty when there is none.
    required
        An empty or missing cell is an error.
    default
        The text taken for an empty cell; None leaves the value ``empty``.
    default_key
        Key of ``[defaults]`` in ``city.toml`` whose value is taken for an empty cell.
    empty
        The value of an empty cell that has no default.
    empty_means
        How the documentation puts that.
    """

    name: str
    parser: Parser
    example: str
    meaning: str
    unit: str = ""
    required: bool = False
    default: str | None = None
    default_key: str | None = None
    empty: Any = None
    empty_means: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a city dataset.

    ``stem`` is the file's name without its ending; ``geometry`` is "point" or "polygon" when a GeoJSON file of that
    kind is read too, "place" when its features may be points, lines, polygons or without any; ``csv`` tells whether a
    CSV file is.
    """

    stem: str
    purpose: str
    columns: tuple[Column, ...]
    csv: bool = True
    geometry: str | None = None
    required: bool = True

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


NAME = Text(max_length=100)
SECONDS = Number(low=0, high=14_400, whole=True)
# High enough for the smallest currencies (100 million dong are about 4,000 US dollars), low enough that the
# objective of 10,000 visits, in millionths and with every penalty, stays below 2^63.
MONEY = Number(low=0, high=1e8)
MONEY_PER_HOUR = Number(low=0, high=1e7)
MONEY_PER_KM = Number(low=0, high=1e5)
MONEY_PER_T = Number(low=0, high=1e7)
ACCESS = Choice(options=tuple(ACCESS_CLASSES))


def id_column(example: str, meaning: str) -> Column:
    """Return the column with the name of a thing."""
    return Column(name="id", parser=NAME, example=example, meaning=meaning, required=True)


def position_columns(lon: str, lat: str) -> tuple[Column, Column]:
    """Return the columns with the position of a thing."""
    return (
        Column(
            name="lon",
            parser=Number(low=-180, high=180),
            unit="degrees",
            example=lon,
            meaning="Longitude in WGS 84; it comes before the latitude everywhere",
            required=True,
        ),
        Column(
            name="lat",
            parser=Number(low=-90, high=90),
            unit="degrees",
            example=lat,
            meaning="Latitude in WGS 84",
            required=True,
        ),
    )
