"""Writes streets that were drawn by code as OpenStreetMap XML, so that they take the same way in as real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from pathlib import Path

Tags = dict[str, str]


@dataclass(slots=True)
class OsmDrawing:
    """Nodes, ways and turn restrictions; ids count from 1 in the order in which things were added.

    ``nodes`` are (lon, lat, tags), ``ways`` (node ids, tags), ``restrictions`` (from way, via node, to way, kind).
    """

    nodes: list[tuple[float, float, Tags]] = field(default_factory=list)
    ways: list[tuple[list[int], Tags]] = field(default_factory=list)
    restrictions: list[tuple[int, int, int, str]] = field(default_factory=list)

    def node(self, lon: float, lat: float, tags: Tags | None = None) -> int:
        """Add a node and return its id."""
        self.nodes.append((round(lon, 7), round(lat, 7), tags or {}))
        return len(self.nodes)

    def way(self, nodes: list[int], tags: Tags) -> int:
        """Add a way and return its id."""
        self.ways.append((nodes, tags))
        return len(self.ways)

    def restrict(self, from_way: int, via_node: int, to_way: int, kind: str) -> None:
        """Add a turn restriction such as ``no_left_turn``."""
        self.restrictions.append((from_way, via_node, to_way, kind))

    def write(self, path: Path) -> Path:
        """Write the drawing as OSM XML of version 0.6 and return the path."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write("<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\" generator=\"samram\">\n")
            lons, lats = [lon for lon, _, _ in self.nodes], [lat for _, lat, _ in self.nodes]
            file.write(
                f'  <bounds minlat="{min(lats)}" minlon="{min(lons)}" maxlat="{max(lats)}" maxlon="{max(lons)}"/>\n'
            )
            for number, (lon, lat, tags) in enumerate(self.nodes, start=1):
                head = f'  <node id="{number}" version="1" lat="{lat:.7f}" lon="{lon:.7f}"'
                file.write(f"{head}>\n{_tags(tags)}  </node>\n" if tags else f"{head}/>\n")
            for number, (nodes, tags) in enumerate(self.ways, start=1):
                refs = "".join(f'    <nd ref="{node}"/>\n' for node in nodes)
                file.write(f'  <way id="{number}" version="1">\n{refs}{_tags(tags)}  </way>\n')
            for number, (from_way, via, to_way, kind) in enumerate(self.restrictions, start=1):
                file.write(
                    f'  <relation id="{number}" version="1">\n'
                    f'    <member type="way" ref="{from_way}" role="from"/>\n'
                    f'    <member type="node" ref="{via}" role="via"/>\n'
                    f'    <member type="way" ref="{to_way}" role="to"/>\n'
                    f"{_tags({'type': 'restriction', 'restriction': kind})}  </relation>\n"
                )
            file.write("</osm>\n")
        return path


def _tags(tags: Tags) -> str:
    return "".join(f"    <tag k={quoteattr(key)} v={quoteattr(value)}/>\n" for key, value in tags.items())
