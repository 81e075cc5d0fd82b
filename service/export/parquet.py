"""A study's table as GeoParquet: a row for each scenario and zone, with the zone's polygon."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely

from scenarios.report import rows_of
from service.export.pdf import ExportMissing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scenarios.compare import Line
    from scenarios.study import StudyResult


def write_geoparquet(result: StudyResult, lines: Sequence[Line], path: Path) -> None:
    """Write GeoParquet 1.1: the scenario's figures, the zone's id, name, service level and polygon (WKB, OGC:CRS84).

    What lies outside all zones has a row without a polygon.

    Raises
    ------
    ExportMissing
        If the package pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ImportError as error:
        raise ExportMissing(
            "GeoParquet needs the package pyarrow, which is not installed; expected: pip install 'samram[report]'."
        ) from error
    table = pa.Table.from_pylist(geo_rows(result, lines))
    polygons = [zone.polygon for zone in result.city.zones]
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted({polygon.geom_type for polygon in polygons}),
    }
    if polygons:
        column["bbox"] = [float(value) for value in shapely.total_bounds(polygons)]
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)


def geo_rows(result: StudyResult, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return the rows as plain values, the polygons as WKB."""
    figures = {row["scenario"]: row for row in rows_of(result, lines)}
    polygon = {zone.id: shapely.to_wkb(zone.polygon) for zone in result.city.zones}
    names = {zone.id: zone.name for zone in result.city.zones}
    rows = []
    for line in lines:
        plain = {
            name: value
            for name, value in figures.get(line.name, {}).items()
            if not name.startswith("service: ") and name not in {"why_not", "bound", "compared_with"}
        }
        rows += [
            {**plain, "zone": zone, "zone_name": names.get(zone, ""), "service": share, "geometry": polygon.get(zone)}
            for zone, share in (line.services or {"": 0.0}).items()
        ]
    return rows
