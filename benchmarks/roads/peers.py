"""The peers: each takes the same streets and places, and answers how many seconds it took."""

from __future__ import annotations

import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.osm import OsmExtract
    from geodata.streets.snap import Places
    from geodata.streets.states import ProfileGraph


class Absent(Exception):
    """Why a peer cannot be measured here."""


def timed(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def scipy_seconds(graph: ProfileGraph, segments: NDArray[np.integer]) -> float:
    """Dijkstra of scipy from segments over the same states; milliseconds alone."""
    try:
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import dijkstra
    except ImportError as error:
        raise Absent(str(error)) from error
    source, ms = _arcs(graph)
    matrix = csr_matrix((ms, (source, graph.successor)), shape=(graph.cost.size,) * 2)
    return timed(lambda: dijkstra(matrix, indices=segments))


def igraph_seconds(graph: ProfileGraph, segments: NDArray[np.integer], targets: NDArray[np.integer]) -> float:
    """Dijkstra of igraph from segments to segments over the same states; milliseconds alone."""
    try:
        import igraph
    except ImportError as error:
        raise Absent(str(error)) from error
    source, ms = _arcs(graph)
    edges = np.column_stack((source, graph.successor)).tolist()
    net = igraph.Graph(n=graph.cost.size, edges=edges, directed=True)
    weights = ms.tolist()
    begin, end = segments.tolist(), np.unique(targets).tolist()
    return timed(lambda: net.distances(source=begin, target=end, weights=weights))


def pandana_seconds(network: RoadNetwork, sources: Places, targets: Places) -> float:
    """Measure pandana between all pairs, on the graph of nodes; seconds alone, as milliseconds overflow in it."""
    try:
        import pandana
        import pandas as pd
    except ImportError as error:
        raise Absent(str(error)) from error
    usable = np.flatnonzero(network.usable[0])
    net = pandana.Network(
        pd.Series(network.node_lon),
        pd.Series(network.node_lat),
        pd.Series(network.tail[usable].astype(np.int64)),
        pd.Series(network.head[usable].astype(np.int64)),
        pd.DataFrame({"s": network.travel_ms[0, usable] / 1000}),
        twoway=False,
    )
    begin = network.head[sources.segment].astype(np.int64)
    end = network.tail[targets.segment].astype(np.int64)
    pairs = np.repeat(begin, end.size), np.tile(end, begin.size)
    with warnings.catch_warnings():
        # It lists every pair without a way.
        warnings.simplefilter("ignore")
        return timed(lambda: net.shortest_path_lengths(*pairs, imp_name="s"))


def osmnx_seconds(path: Path, extract: OsmExtract) -> float:
    """Load with osmnx, from XML of the streets with the nodes that are missing taken out of their ways."""
    try:
        import osmnx
    except ImportError as error:
        raise Absent(str(error)) from error
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "streets.osm"
        _write_xml(path, extract, xml)
        return timed(lambda: osmnx.graph_from_xml(xml, retain_all=True, simplify=True))


def _write_xml(path: Path, extract: OsmExtract, xml: Path) -> None:
    there = set(extract.node_id.tolist())
    with osmium.SimpleWriter(str(xml)) as writer:
        for kind in (osmium.osm.NODE, osmium.osm.WAY):
            for item in osmium.FileProcessor(str(path), kind):
                thing: Any = item
                if kind == osmium.osm.NODE and thing.id in there:
                    writer.add_node(thing.replace(timestamp="2000-01-01T00:00:00Z", version=1))
                elif kind == osmium.osm.WAY and "highway" in thing.tags:
                    refs = [node.ref for node in thing.nodes if node.ref in there]
                    if len(refs) > 1:
                        way = thing.replace(nodes=refs, timestamp="2000-01-01T00:00:00Z", version=1)
                        writer.add_way(way)


def osrm_seconds(folder: Path | None, path: Path, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> float:
    """Table of OSRM (contraction hierarchy, its car profile), over HTTP on the same machine, time and distance."""
    program = None if folder is None else folder / "osrm" / "bin"
    if program is None or not (program / "osrm-routed").is_file():
        raise Absent("osrm-bindings has wheels for Python 3.12 and newer; unpack one and name its folder with --osrm")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / f"streets{''.join(path.suffixes)}"
        copy.symlink_to(path.resolve())
        base = Path(scratch) / "streets.osrm"
        profile = program.parent / "share" / "profiles" / "car.lua"
        extract = [str(program / "osrm-extract"), "-t", "1", "-p", str(profile), str(copy)]
        for words in (extract, [str(program / "osrm-contract"), "-t", "1", str(base)]):
            subprocess.run(words, check=True, capture_output=True)
        server = subprocess.Popen(
            [program / "osrm-routed", "-t", "1", "-p", "5977", "--max-table-size", str(lon.size), base],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return _ask_osrm(lon, lat)
        finally:
            server.terminate()
            server.wait()


def _ask_osrm(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> float:
    places = ";".join(f"{x:.6f},{y:.6f}" for x, y in zip(lon, lat, strict=True))
    url = f"http://127.0.0.1:5977/table/v1/driving/{places}?annotations=duration,distance"
    for _ in range(100):
        try:
            urllib.request.urlopen("http://127.0.0.1:5977/nearest/v1/driving/0,0", timeout=60).read()
            break
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)

    def ask() -> None:
        with urllib.request.urlopen(url, timeout=600) as reply:
            while reply.read(1 << 20):
                pass

    return sorted(timed(ask) for _ in range(3))[1]


def _arcs(graph: ProfileGraph) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    source = np.repeat(np.arange(graph.cost.size), np.diff(graph.start))
    return source, ((graph.cost[source] + graph.turn) >> 32).astype(np.float64)
