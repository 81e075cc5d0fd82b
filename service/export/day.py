"""A day's figures as tables and maps: planned beside actual, for the day, each route and each zone (docs/kpis.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import shapely
from shapely.geometry import mapping

from geodata.maps.geojson import DECIMALS
from service.export.pdf import ExportMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.driving.figures import DayFigures

_MISSING: Final = (
    "GeoParquet needs the package pyarrow, which is not installed; expected: pip install 'samram[report]'."
)


def day_geojson(day: DayFigures) -> bytes:
    """Return zones as polygons and routes as lines along the streets as planned, each with its figures (RFC 7946)."""
    features = [
        {
            "type": "Feature",
            "id": f"{row['level']}/{row['id']}",
            "geometry": None if geometry is None else _rounded(geometry),
            "properties": row,
        }
        for row, geometry in _placed(day)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def day_geoparquet(day: DayFigures) -> bytes:
    """Return the same as GeoParquet 1.1: geometry as WKB in OGC:CRS84.

    Raises
    ------
    ExportMissing
        If the package pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ImportError as error:
        raise ExportMissing(_MISSING) from error
    placed = _placed(day)
    rows = [{**row, "geometry": None if geometry is None else shapely.to_wkb(geometry)} for row, geometry in placed]
    there = [geometry for _, geometry in placed if geometry is not None]
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted({one.geom_type for one in there})}
    if there:
        column["bbox"] = [float(value) for value in shapely.total_bounds(there)]
    types = {"geometry": pa.binary(), **{name: _type(pa, name, rows) for name in rows[0] if name != "geometry"}}
    table = pa.Table.from_pylist(rows, schema=pa.schema(types))
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    written = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), written)
    found: bytes = written.getvalue().to_pybytes()
    return found


def _type(pa: Any, name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a column's type, which does not depend on whether a day has any value for it."""
    values = [row[name] for row in rows if row[name] is not None]
    if values and isinstance(values[0], str):
        return pa.string()
    return pa.float64()


def _placed(day: DayFigures) -> list[tuple[dict[str, Any], shapely.Geometry | None]]:
    polygons = {zone.id: zone.polygon for zone in day.zones}
    return [
        (
            row,
            polygons.get(row["id"])
            if row["level"] == "zone"
            else day.lines.get(row["id"])
            if row["level"] == "route"
            else None,
        )
        for row in day.rows
    ]


def _rounded(geometry: shapely.Geometry) -> dict[str, Any]:
    turned = shapely.orient_polygons(geometry) if "Polygon" in geometry.geom_type else geometry
    found: dict[str, Any] = mapping(shapely.transform(turned, lambda xy: np.round(xy, DECIMALS)))
    return found
