"""Reads one table of a city dataset: CSV or GeoJSON in, rows of parsed values out, every fault noted with its place.

A bad cell spoils its own row alone: the row keeps the cells that could be read (its id above all, so that other files
that name it are not blamed), and is marked as not ``ok``.
"""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from geodata.city.geometry import bad_geometry, place_of, point_of, polygon_of
from geodata.city.parsers import BadValueError
from geodata.errors import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from geodata.city.columns import Column, Table

MAX_TABLE_BYTES = 200_000_000
"""A million containers take about 120 MB of CSV; more than this is not a city's table."""


@dataclass(slots=True)
class Findings:
    """Errors and warnings as they are found, in order."""

    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def error(self, file: str, message: str, **place: Any) -> None:
        """Note an error; ``place`` are further fields of ``Finding``."""
        self.errors.append(Finding(file=file, message=message, **place))

    def warning(self, file: str, message: str, **place: Any) -> None:
        """Note a warning; ``place`` are further fields of ``Finding``."""
        self.warnings.append(Finding(file=file, message=message, **place))


@dataclass(slots=True, kw_only=True)
class Row:
    """One row of a table.

    ``line`` is the editor's line number in a CSV file; a feature of a GeoJSON file has a ``path`` such as
    ``features[3]`` instead. ``values`` holds the columns that could be read, ``texts`` what stood there.
    """

    file: str
    line: int | None = None
    path: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    ok: bool = True

    def place(self, column: str | None = None) -> dict[str, Any]:
        """Return the fields of a ``Finding`` that say where this row, or a cell of it, stands."""
        if column is None:
            return {"row": self.line, "column": self.path or None}
        if not self.path:
            where = column
        elif column in {"lon", "lat", "geometry"}:
            where = f"{self.path}.geometry"
        else:
            where = f"{self.path}.properties.{column}"
        return {"row": self.line, "column": where, "value": self.texts.get(column)}

    def error(self, findings: Findings, column: str | None, message: str, expected: str | None = None) -> None:
        """Note an error of this row and mark the row as unusable."""
        self.ok = False
        findings.error(self.file, message, expected=expected, **self.place(column))

    def warning(self, findings: Findings, column: str | None, message: str, expected: str | None = None) -> None:
        """Note a warning about this row."""
        findings.warning(self.file, message, expected=expected, **self.place(column))


def read_table(folder: Path, table: Table, findings: Findings) -> tuple[str, list[Row]]:
    """Read one table of a city folder.

    Parameters
    ----------
    folder
        The city's folder.
    table
        What the table's columns are.
    findings
        Receives every error and warning.

    Returns
    -------
    tuple
        The name of the file that was read (of the file that should be there, when none is) and its rows.
    """
    names = []
    if table.csv:
        names.append(f"{table.stem}.csv")
    if table.geometry is not None:
        names.append(f"{table.stem}.geojson")
    present = [name for name in names if (folder / name).exists()]
    if not present:
        if table.required:
            findings.error(names[0], "the file is missing", expected=" or ".join(names) + " in the city's folder")
        return names[0], []
    if len(present) > 1:
        findings.error(present[0], f"{present[1]} stands beside it", expected="only one of the two files")
    name = present[0]
    data = read_bytes(folder / name, name, findings)
    if data is None:
        return name, []
    if name.endswith(".csv"):
        return name, read_csv(data, table, name, findings)
    return name, read_geojson(data, table, name, findings)


def read_bytes(path: Path, name: str, findings: Findings) -> bytes | None:
    """Read a whole file of at most ``MAX_TABLE_BYTES``; None, with an error noted, when that is not possible."""
    try:
        if not path.is_file():
            findings.error(name, "this is not a file", expected="a regular file")
            return None
        size = path.stat().st_size
        if size > MAX_TABLE_BYTES:
            findings.error(
                name, "the file is too large", value=f"{size} bytes", expected=f"at most {MAX_TABLE_BYTES:,} bytes"
            )
            return None
        return path.read_bytes()
    except OSError as error:
        findings.error(name, f"the file cannot be read: {error.strerror}", expected="a readable file")
        return None


def read_csv(data: bytes, table: Table, file: str, findings: Findings) -> list[Row]:
    """Read a CSV table: UTF-8 with or without BOM, separated by commas or semicolons, the first line being the header.

    Parameters
    ----------
    data
        The file's bytes.
    table
        What the columns are.
    file
        Name of the file for the report.
    findings
        Receives every error and warning.

    Returns
    -------
    list of Row
        One for each line that is not blank, those with errors included.
    """
    text = decode(data, file, findings)
    if text is None:
        return []
    if not text.strip():
        findings.error(file, "the file is empty", expected=f"a header line with {_names(table.columns)}")
        return []
    header_line = text.lstrip("\r\n").splitlines()[0]
    separator = ";" if header_line.count(";") > header_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    header: list[str] | None = None
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            findings.error(
                file,
                f"the rest of the file cannot be split into columns: {error}",
                row=before + 1,
                expected='quotes (") that are closed on the same row, doubled inside a quoted text',
            )
            break
        # A quoted text may hold line breaks: the row begins on the line after the one before ended.
        line, before = before + 1, reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            _check_header(header, table, file, line, findings)
            continue
        rows.append(_csv_row(cells, header, table, file, line, findings))
    return rows


def read_geojson(data: bytes, table: Table, file: str, findings: Findings) -> list[Row]:
    """Read a GeoJSON FeatureCollection (RFC 7946) whose properties are the table's columns.

    Parameters
    ----------
    data
        The file's bytes.
    table
        What the columns are, and whether features are points, polygons, or places of any of these kinds.
    file
        Name of the file for the report.
    findings
        Receives every error and warning.

    Returns
    -------
    list of Row
        One for each feature, those with errors included; what is no point has it in ``values["geometry"]``.
    """
    text = decode(data, file, findings)
    if text is None:
        return []
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        findings.error(file, f"this is not JSON: {error.msg}", row=error.lineno, expected="a GeoJSON FeatureCollection")
        return []
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection" or not isinstance(features, list):
        findings.error(
            file,
            "the document is not a FeatureCollection",
            column="type",
            value=str(document.get("type"))[:80] if isinstance(document, dict) else type(document).__name__,
            expected='an object with "type": "FeatureCollection" and a list "features"',
        )
        return []
    return [_geojson_row(feature, index, table, file, findings) for index, feature in enumerate(features)]


def decode(data: bytes, file: str, findings: Findings) -> str | None:
    """Decode UTF-8 with or without BOM; None, with the line of the first bad byte noted, when it is not."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        findings.error(
            file,
            "the file is not UTF-8",
            row=data.count(b"\n", 0, error.start) + 1,
            value=f"byte 0x{data[error.start]:02x}",
            expected="UTF-8 text (in a spreadsheet: save as 'CSV UTF-8')",
        )
        return None


def parse_cell(row: Row, column: Column, text: str, findings: Findings) -> None:
    """Read one cell into ``row.values``, or note what is wrong with it."""
    row.texts[column.name] = text
    stripped = text.strip()
    if not stripped:
        if column.required:
            row.error(findings, column.name, "the value is missing", column.parser.expected)
        elif column.default is not None:
            row.values[column.name] = column.parser.parse(column.default)
        else:
            row.values[column.name] = column.empty
        return
    try:
        row.values[column.name] = column.parser.parse(stripped)
    except BadValueError as error:
        row.error(findings, column.name, str(error), column.parser.expected)


def unknown_name(file: str, name: str, known: Iterable[str], findings: Findings, **place: Any) -> None:
    """Warn that a column or key is not known, with the nearest name that is."""
    known = list(known)
    near = difflib.get_close_matches(name.casefold(), known, n=1)
    expected = f"perhaps {near[0]}" if near else "one of " + ", ".join(known)
    findings.warning(file, f"the column {name!r} is not known and is ignored", column=name, expected=expected, **place)


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Path:
    """Write a CSV table that ``read_csv`` reads: UTF-8, commas, one line feed a row.

    Parameters
    ----------
    path
        The file, which is replaced.
    names
        Column names in order.
    rows
        Text of each cell by column name; a column that is absent is left empty.

    Returns
    -------
    Path
        The file.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _check_header(header: list[str], table: Table, file: str, line: int, findings: Findings) -> None:
    known = [column.name for column in table.columns]
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        findings.error(
            file, f"the column {name!r} stands there twice", row=line, column=name, expected="each column once"
        )
    for column in table.columns:
        if column.required and column.name not in header:
            near = difflib.get_close_matches(column.name, [name for name in header if name not in known], n=1)
            hint = f" ({near[0]!r} looks like it)" if near else ""
            findings.error(
                file,
                f"the column {column.name!r} is missing{hint}",
                row=line,
                column=column.name,
                expected=f"a header line with {_names(table.columns)}",
            )
    for name in header:
        if name and name not in known:
            unknown_name(file, name, known, findings, row=line)


def _csv_row(cells: list[str], header: list[str], table: Table, file: str, line: int, findings: Findings) -> Row:
    row = Row(file=file, line=line)
    if len(cells) > len(header):
        extra = [cell for cell in cells[len(header) :] if cell.strip()]
        if extra:
            row.error(
                findings,
                None,
                f"the row has {len(cells)} cells (the first too many is {extra[0]!r})",
                f"{len(header)} cells, as in the header; a text that holds the separator stands in quotes",
            )
    texts = dict(zip(header, cells, strict=False))
    for column in table.columns:
        if column.required and column.name not in header:
            row.ok = False  # noted once, at the header
            continue
        parse_cell(row, column, texts.get(column.name, ""), findings)
    return row


def _geojson_row(feature: Any, index: int, table: Table, file: str, findings: Findings) -> Row:
    row = Row(file=file, path=f"features[{index}]")
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        row.error(findings, None, "this is not a feature", 'an object with "type": "Feature"')
        return row
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        row.error(findings, None, "the properties are not an object", "an object with the table's columns")
        return row
    texts = _property_texts(properties, feature, row, findings)
    geometry = feature.get("geometry")
    try:
        if table.geometry == "point":
            texts["lon"], texts["lat"] = point_of(geometry)
        else:
            row.values["geometry"] = polygon_of(geometry) if table.geometry == "polygon" else place_of(geometry)
    except BadValueError as error:
        row.texts["geometry"] = bad_geometry(geometry)
        shape = "point, line or polygon" if table.geometry == "place" else table.geometry
        row.error(findings, "geometry", str(error), f"a {shape} with [longitude, latitude] in degrees")
    known = [column.name for column in table.columns]
    for column in table.columns:
        if table.geometry == "point" and column.name in {"lon", "lat"} and column.name not in texts:
            continue  # noted with the geometry
        parse_cell(row, column, texts.get(column.name, ""), findings)
    for name in properties:
        if name not in known:
            unknown_name(file, str(name), known, findings)
    return row


def _property_texts(
    properties: dict[str, Any], feature: dict[str, Any], row: Row, findings: Findings
) -> dict[str, str]:
    """Turn JSON values into the texts that a CSV cell would hold, so that both go through the same parsers."""
    texts: dict[str, str] = {}
    for name, value in properties.items():
        if value is None:
            texts[name] = ""
        elif isinstance(value, bool):
            texts[name] = "yes" if value else "no"
        elif isinstance(value, (int, float)):
            texts[name] = repr(value)
        elif isinstance(value, str):
            texts[name] = value
        elif isinstance(value, list) and all(type(item) in {str, int} for item in value):
            texts[name] = ",".join(str(item) for item in value)
        else:
            row.texts[name] = str(value)[:80]
            row.error(findings, name, "the property is not a plain value", "a text, a number, true, false or null")
    identity = feature.get("id")
    if "id" not in texts and isinstance(identity, (str, int)) and not isinstance(identity, bool):
        texts["id"] = str(identity)
    return texts


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(column.name for column in columns if column.required)
