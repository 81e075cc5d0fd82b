"""Writes the templates of a new city: small, valid, and lacking nothing but its streets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from geodata.city.columns import (
    CITY_KEYS,
    CONTAINERS,
    DEFAULT_KEYS,
    DEPOTS,
    DISPOSAL_SITES,
    SHIFTS,
    VEHICLES,
    ZONES,
)
from geodata.city.tables import write_csv
from geodata.errors import DataError, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geodata.city.columns import Column, Table

README = """\
This folder describes one city. Every column is explained in docs/city-dataset.md.

1. Put the city's streets here as streets.osm.pbf (or streets.osm, streets.osm.gz, streets.osm.bz2): an extract of
   OpenStreetMap. Or take the '#' away before the line "place" in city.toml, and the streets are fetched.
2. Replace the rows of the tables by the city's own. The rows that stand here are examples.
3. Streets that are closed, narrowed, flooded or turned into one-way streets, and markets, are stated in
   overlays.geojson, without editing OpenStreetMap. overlays.example.geojson shows one of each kind; rename it and
   replace what stands there.
4. Days on which more or less is thrown in (Khmer New Year, Pchum Ben, a market) may stand in calendar.csv; the
   forecasts learn from them.
5. Run "samram city check" on this folder until it reports no error.
"""

# Rows besides the examples of the columns: enough for a day that can be planned.
_ROWS: dict[str, list[dict[str, str]]] = {
    "containers": [
        {"id": "B001", "lon": "103.8601", "lat": "13.3612", "volume_l": "660", "stream": "residual", "fill": "0.6",
         "stop_id": "S001", "street": "Street 12"},
        {"id": "B002", "lon": "103.86012", "lat": "13.36121", "volume_l": "240", "stream": "organic",
         "fill_rate_l_per_day": "120", "stop_id": "S001", "street": "Street 12"},
        {"id": "B003", "lon": "103.8553", "lat": "13.3544", "volume_l": "1100", "stream": "residual",
         "schedule": "daily", "windows": "03:30-06:00"},
        {"id": "B004", "lon": "103.8577", "lat": "13.3569", "volume_l": "120", "stream": "residual",
         "access_class": "three_wheeler", "prize": "2.5"},
    ],
    "depots": [{"id": "D1", "lon": "103.8702", "lat": "13.3655"}],
    "disposal_sites": [
        {"id": "L1", "lon": "104.041", "lat": "13.348", "windows": "05:00-18:00", "unloading_s": "900",
         "gate_fee_per_t": "6.5"},
    ],
    "vehicles": [
        {"id": "T1", "depot": "D1", "capacity_kg": "6000", "capacity_l": "12000", "compaction": "3",
         "access_class": "compactor", "width_m": "2.5", "height_m": "3.4", "length_m": "8", "weight_t": "16",
         "fixed_cost": "35", "cost_per_hour": "9", "cost_per_km": "0.55", "lift_s": "20"},
        {"id": "K1", "depot": "D1", "capacity_kg": "700", "capacity_l": "2000", "access_class": "three_wheeler",
         "width_m": "1.4", "height_m": "1.9", "length_m": "3.2", "weight_t": "1.2", "mixed_streams": "yes",
         "fixed_cost": "6", "cost_per_hour": "4", "cost_per_km": "0.12"},
    ],
    "shifts": [
        {"id": "T1-morning", "vehicle": "T1", "weekdays": "mon-sat", "start": "03:00", "end": "11:00",
         "breaks": "30min@06:30-08:30", "max_overtime_s": "3600", "overtime_cost_per_hour": "13.5"},
        {"id": "K1-morning", "vehicle": "K1", "weekdays": "mon-sat", "start": "04:00", "end": "12:00",
         "breaks": "30min@08:00-10:00"},
    ],
}  # fmt: skip
# Not read: a city's own overlays stand in overlays.geojson.
_OVERLAYS_EXAMPLE = "overlays.example.geojson"
_LINE = {"type": "LineString", "coordinates": [[103.8553, 13.3544], [103.8577, 13.3569]]}
_POINT = {"type": "Point", "coordinates": [103.8589, 13.3591]}
_AREA = {
    "type": "Polygon",
    "coordinates": [[[103.856, 13.355], [103.858, 13.355], [103.858, 13.357], [103.856, 13.357], [103.856, 13.355]]],
}
_OVERLAYS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({"id": "R1", "kind": "closure", "source": "Road works office", "note": "Drain", "valid_from": "2026-11-20",
      "expires": "2026-12-15"}, _LINE),
    ({"id": "R2", "kind": "oneway", "source": "Police", "direction": "along", "expires": "2026-12-15"}, _LINE),
    ({"id": "R3", "kind": "width", "source": "Driver of T1", "width_m": 2.1, "street": "Street 12"}, _POINT),
    ({"id": "R4", "kind": "speed", "source": "Tracked trips of October", "speed_kph": 12}, _POINT),
    ({"id": "R5", "kind": "flooded", "source": "Sangkat office", "depth_cm": 35, "expires": "2026-10-31"}, _AREA),
    ({"id": "R6", "kind": "market", "source": "Market office", "windows": "06:00-18:00"}, _AREA),
    ({"id": "R7", "kind": "closure", "source": "School", "weekdays": "mon-fri", "windows": "06:30-07:30",
      "access_classes": "compactor,tipper", "ways": [4042], "expires": "2027-07-31"}, None),
]  # fmt: skip
_ZONE_RING = [[103.85, 13.35], [103.87, 13.35], [103.87, 13.37], [103.85, 13.37], [103.85, 13.35]]


def init_city(directory: Path) -> Path:
    """Write the templates of a city dataset.

    Parameters
    ----------
    directory
        The new city's folder; it is created, and must be empty if it exists.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        The folder holds something already, or cannot be written.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise DataError(
            Finding(file=directory.name, message="something stands there already", expected="a new or empty folder")
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "README.txt").write_text(README, encoding="utf-8")
        (directory / "city.toml").write_text(
            city_toml(
                {"name": "My city", "timezone": "Asia/Phnom_Penh", "currency": "USD", "driving_side": "right"},
                comments=True,
            ),
            encoding="utf-8",
        )
        for table in (CONTAINERS, DEPOTS, DISPOSAL_SITES, VEHICLES, SHIFTS):
            write_csv(directory / f"{table.stem}.csv", column_names(table), _ROWS[table.stem])
        write_zones(
            directory / "zones.geojson",
            [({column.name: column.example for column in ZONES.columns}, [_ZONE_RING])],
        )
        write_overlays(directory / _OVERLAYS_EXAMPLE, _OVERLAYS)
    except OSError as error:
        raise DataError(
            Finding(
                file=directory.name,
                message=f"the templates cannot be written: {error.strerror}",
                expected="a folder that may be written to",
            )
        ) from error
    return directory


def column_names(table: Table) -> list[str]:
    """Return the names of a table's columns in order."""
    return [column.name for column in table.columns]


def city_toml(
    values: Mapping[str, str],
    *,
    defaults: Mapping[str, str] | None = None,
    streams: Mapping[str, float] | None = None,
    comments: bool = False,
) -> str:
    """Return the text of ``city.toml``.

    Parameters
    ----------
    values
        Keys at the top, as texts.
    defaults
        Keys of ``[defaults]``, as texts of numbers.
    streams
        Densities of ``[streams]``, kg per litre.
    comments
        Whether each key is explained, and keys that are not given stand there as comments.
    """
    lines = _toml_section(CITY_KEYS, values, comments=comments, quoted=True)
    if defaults or comments:
        lines += ["", "[defaults]", *_toml_section(DEFAULT_KEYS, defaults or {}, comments=comments, quoted=False)]
    if streams or comments:
        lines += ["", "[streams]"]
        if comments:
            lines += ["# Loose density in kg per litre, for a city that has weighed its own waste.", "# residual = 0.2"]
        lines += [f"{name} = {density!r}" for name, density in (streams or {}).items()]
    return "\n".join(lines) + "\n"


def write_zones(path: Path, zones: Sequence[tuple[Mapping[str, str], list[list[list[float]]]]]) -> Path:
    """Write ``zones.geojson`` from pairs of properties (as texts) and the rings of a polygon in degrees."""
    features: list[dict[str, Any]] = [
        {
            "type": "Feature",
            "properties": {name: _json_value(ZONES.column(name), text) for name, text in properties.items()},
            "geometry": {"type": "Polygon", "coordinates": rings},
        }
        for properties, rings in zones
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def write_overlays(path: Path, overlays: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]]) -> Path:
    """Write ``overlays.geojson`` from pairs of properties and a GeoJSON geometry in degrees, or None."""
    features = [
        {"type": "Feature", "properties": dict(properties), "geometry": geometry} for properties, geometry in overlays
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def _toml_section(keys: Sequence[Column], values: Mapping[str, str], *, comments: bool, quoted: bool) -> list[str]:
    lines: list[str] = []
    for key in keys:
        text = values.get(key.name)
        if comments:
            unit = f" ({key.unit})" if key.unit else ""
            lines.append(f"# {key.meaning}{unit}.")
        if text is not None:
            lines.append(f"{key.name} = {_toml_text(text) if quoted else text}")
        elif comments:
            shown = key.example if key.default is None else key.default
            lines.append(f"# {key.name} = {_toml_text(shown) if quoted else shown}")
    return lines


def _toml_text(text: str) -> str:
    # A JSON string is a TOML basic string as long as it holds no control character, which Text refuses.
    return orjson.dumps(text).decode()


def _json_value(column: Column, text: str) -> Any:
    value = column.parser.parse(text)
    return value if isinstance(value, (int, float)) else text
