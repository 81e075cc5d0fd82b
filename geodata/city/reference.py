"""Makes the tables of ``docs/city-dataset.md`` from the columns themselves.

The document holds marked blocks; ``refresh`` writes each block anew, and a test asserts that nothing changes by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geodata.city.columns import CITY_KEYS, DEFAULT_KEYS, TABLES
from geodata.city.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geodata.city.columns import Column

_BLOCK = re.compile(r"(<!-- table: (?P<name>[a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refresh(document: str) -> str:
    """Return the document with every marked block written anew.

    Parameters
    ----------
    document
        Markdown with blocks that begin with ``<!-- table: NAME -->`` and end with ``<!-- end -->``.

    Returns
    -------
    str
        The same text but for the inside of the blocks.

    Raises
    ------
    KeyError
        A block names a table that does not exist.
    """
    tables = reference_tables()
    return _BLOCK.sub(lambda match: f"{match[1]}{tables[match['name']]}{match[3]}", document)


def reference_tables() -> dict[str, str]:
    """Return every generated table as Markdown, by the name its block has in the document."""
    tables = {table.stem: _columns(table.columns) for table in TABLES}
    tables["city"] = _columns(CITY_KEYS)
    tables["defaults"] = _columns(DEFAULT_KEYS)
    tables["streams"] = _markdown(
        ("stream", "kg per l", "what it is", "source of the density"),
        (
            (f"`{stream.name}`", f"{stream.density_kg_per_l:g}", stream.meaning, stream.source)
            for stream in STREAMS.values()
        ),
    )
    return tables


def default_text(column: Column) -> str:
    """Return how the documentation puts what an empty cell means."""
    if column.required:
        return "**required**"
    if column.default_key is not None:
        return f"`defaults.{column.default_key}`"
    if column.default is not None:
        return f"`{column.default}`"
    return column.empty_means


def _columns(columns: Iterable[Column]) -> str:
    return _markdown(
        ("name", "meaning", "unit", "value", "when empty", "example"),
        (
            (
                f"`{column.name}`",
                column.meaning,
                column.unit,
                column.parser.expected,
                default_text(column),
                f"`{column.example}`",
            )
            for column in columns
        ),
    )


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
