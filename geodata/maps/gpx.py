"""A driver's route for navigation apps: GPX 1.1 (https://www.topografix.com/GPX/1/1/) with the exact line.

Each trip is a track of one segment, drawn along the streets as they were planned, and each step a waypoint. There is no
route element: apps plan their own way between its points, and take only so many.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEDIA_TYPE: Final = "application/gpx+xml"
NAMESPACE: Final = "http://www.topografix.com/GPX/1/1"

_SYMBOLS: Final = {
    "depart": "Flag, Green",
    "visit": "Trash Can",
    "unload": "Scenic Area",
    "break": "Restaurant",
    "return": "Flag, Red",
}
# XML 1.0, production 2: what is no character there cannot be written at all.
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def route_gpx(features: Iterable[Mapping[str, Any]], *, name: str) -> bytes:
    """Return a route as GPX 1.1, UTF-8.

    Parameters
    ----------
    features
        Those of ``geodata.maps.geojson.route_features``; their words are taken as they are.
    name
        What the file calls itself.
    """
    root = ET.Element("gpx", {"xmlns": NAMESPACE, "version": "1.1", "creator": "Samram"})
    _text(ET.SubElement(root, "metadata"), "name", name)
    tracks: list[Mapping[str, Any]] = []
    for feature in features:
        if feature["properties"]["kind"] == "trip":
            tracks.append(feature)
        else:
            _waypoint(root, feature)
    for feature in tracks:  # the schema wants waypoints first
        _track(root, feature, name)
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _waypoint(root: ET.Element, feature: Mapping[str, Any]) -> None:
    step = feature["properties"]
    element = _point(root, "wpt", feature["geometry"]["coordinates"])
    arrival = dt.datetime.fromisoformat(step["arrival"]).astimezone(dt.UTC)
    _text(element, "time", arrival.strftime("%Y-%m-%dT%H:%M:%SZ"))
    number = "" if step.get("stop_number") is None else f"{step['stop_number']} "
    _text(element, "name", f"{number}{step.get('stop') or step['id']}")
    _text(element, "desc", step["instruction"])
    _text(element, "sym", _SYMBOLS[step["kind"]])
    _text(element, "type", step["kind"])


def _track(root: ET.Element, feature: Mapping[str, Any], name: str) -> None:
    element = ET.SubElement(root, "trk")
    _text(element, "name", f"{name} / {feature['properties']['trip']}")
    _text(element, "number", str(feature["properties"]["trip"]))
    segment = ET.SubElement(element, "trkseg")
    for position in feature["geometry"]["coordinates"]:
        _point(segment, "trkpt", position)


def _point(parent: ET.Element, tag: str, position: tuple[float, float]) -> ET.Element:
    return ET.SubElement(parent, tag, {"lat": f"{position[1]:.7f}", "lon": f"{position[0]:.7f}"})


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)
