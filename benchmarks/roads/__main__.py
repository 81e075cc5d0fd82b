"""Street networks and travel matrices beside their peers: ``python -m benchmarks.roads``.

The extracts are read from ``osm`` under ``--data`` or the environment variable SAMRAM_DATA.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.quality.rows import commit_at, kept_rows, print_table, row, store_rows
from benchmarks.roads import peers
from benchmarks.roads.cases import COMPACTOR, EXTRACTS, positions, strewn
from benchmarks.roads.growth import grid, grown
from geodata.streets.hierarchy import make_router, router_of
from geodata.streets.osm import read_osm
from geodata.streets.paths import Ends
from geodata.streets.roads import build_roads
from geodata.streets.snap import snap
from geodata.streets.states import place_costs
from geodata.streets.sweeps import fill_rounded
from geodata.streets.travel import plain_ms_mm, travel_matrix, travel_ms_mm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.quality.rows import Row
    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places

SIZES: Final = (200, 1000, 3000)
EXACT: Final = ("heidelberg", "campo-grande", "phnom-penh")
GRIDS: Final = (3000, 10_000)
REPEATS: Final = 5
MOST_MEMORY_MB: Final = 500.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures say, 2 if there is nothing to measure."""
    options = _parser().parse_args(arguments)
    root = options.data or (Path(os.environ["SAMRAM_DATA"]) if "SAMRAM_DATA" in os.environ else None)
    folder = None if root is None else root / "osm" if (root / "osm").is_dir() else root
    if folder is None or not (folder / EXTRACTS["heidelberg"]).is_file():
        print("No extract found: point --data or SAMRAM_DATA to a folder with osm/heidelberg.osm.pbf.")
        return 2
    cases = _cases(folder, options)
    commit = commit_at(Path(__file__).parent)
    started_s = time.perf_counter()
    _warm(folder)
    print(f"Compiled or fetched from the disk in {time.perf_counter() - started_s:.1f} s.")
    rows: list[Row] = []
    for case, work in cases.items():
        if options.only and not any(wish in case for wish in options.only):
            continue
        taken_with = {"commit": commit, "quick": options.quick}
        found = kept_rows(options.json, case, **taken_with)
        if not found:
            found = [{**one, **taken_with} for one in work()]
            if options.json is not None:
                store_rows(options.json, found)
        rows += found
    print_table(rows)
    print(f"Commit {commit or 'unknown (the sources differ from it)'}; ratio = ours / peer.")
    return 0


def _cases(folder: Path, options: argparse.Namespace) -> dict[str, Callable[[], list[Row]]]:
    cases: dict[str, Callable[[], list[Row]]] = {}
    for name in EXACT if options.quick else EXTRACTS:
        path = folder / EXTRACTS[name]
        if path.is_file():
            cases[f"{name}/exact"] = lambda name=name, path=path: _exact(name, path, 200 if options.quick else 1000)  # type: ignore[misc]
    for size in SIZES[:1] if options.quick else SIZES:
        cases[f"heidelberg/matrix-{size}"] = lambda size=size: _matrix(folder, size, options)  # type: ignore[misc]
    cases["heidelberg/whole"] = lambda: _whole(folder / EXTRACTS["heidelberg"])
    loaded = "male" if options.quick else "heidelberg"
    cases[f"{loaded}/load"] = lambda: _load(loaded, folder / EXTRACTS[loaded])
    if not options.quick:
        copies = [(folder / EXTRACTS["heidelberg"], False), (folder / EXTRACTS["heidelberg"], True)]
        cases["heidelberg/growth"] = lambda: _growth("heidelberg/growth", grown, copies, ("one copy", "four copies"))
        cases["grid/growth"] = lambda: _growth("grid/growth", grid, [(size,) for size in GRIDS], ("smaller", "larger"))
    return cases


def _network(path: Path) -> RoadNetwork:
    return build_roads(read_osm(path), [COMPACTOR], driving_side="right")


def _warm(folder: Path) -> None:
    network = _network(folder / EXTRACTS["male"])
    places = strewn(network, 20)
    travel_matrix(network, "compactor", places)
    travel_ms_mm(network, "compactor", places)
    plain_ms_mm(network, "compactor", places)


def _median(work: Callable[[], object]) -> float:
    return statistics.median(peers.timed(work) for _ in range(REPEATS))


def _exact(name: str, path: Path, containers: int) -> list[Row]:
    network = _network(path)
    places = strewn(network, containers)
    ours = travel_ms_mm(network, "compactor", places)
    plain = plain_ms_mm(network, "compactor", places)
    rounded = travel_matrix(network, "compactor", places)
    differ = sum(int((one != other).sum()) for one, other in zip(ours, plain, strict=True))
    for one, other in zip(rounded, plain, strict=True):
        differ += int((one != np.where(other < 0, -1, (other + 500) // 1000)).sum())
    cells = 2 * places.segment.size**2
    return [
        row(f"{name}/exact", f"cells unlike plain Dijkstra, of {cells}", "cells", differ, goal=(0, 0)),
        row(f"{name}/exact", "restrictions kept", "relations", network.restrictions_kept),
        row(f"{name}/exact", "restrictions dropped", "relations", len(network.restrictions_dropped)),
    ]


def _matrix(folder: Path, size: int, options: argparse.Namespace) -> list[Row]:
    case = f"heidelberg/matrix-{size}"
    path = folder / EXTRACTS["heidelberg"]
    network = _network(path)
    places = strewn(network, size)
    places = places.take(np.flatnonzero(places.segment >= 0))
    router = router_of(network, "compactor")
    ours = _median(lambda: travel_matrix(network, "compactor", places))
    sweeps = _sweeps(network, places)
    rows = [row(case, "contraction", "s", _median(lambda: make_router(network, "compactor")))]
    # Peers search source by source, so a share of the sources tells the time of all.
    some = np.unique(places.segment)[:: max(1, size // (20 if options.quick else 200))]
    share = places.segment.size / some.size
    few = places.take(range(2 if options.quick else 10))
    lon, lat = positions(network, size)
    asked: list[tuple[str, float, Callable[[], float]]] = [
        ("scipy Dijkstra, same states, time only", 1 / 300, lambda: share * peers.scipy_seconds(router.graph, some)),
        (
            "igraph Dijkstra, same states, time only",
            1 / 300,
            lambda: share * peers.igraph_seconds(router.graph, some, places.segment),
        ),
        (
            "pandana, node graph, time only",
            1 / 1000,
            lambda: size / len(few) * peers.pandana_seconds(network, few, places),
        ),
        ("OSRM Table (CH), HTTP, car", 1 / 20, lambda: peers.osrm_seconds(options.osrm, path, lon, lat)),
    ]
    for name, goal, ask in asked:
        more: dict[str, Any] = {"goal_on": "ratio", "peer_name": name}
        if size == SIZES[-1]:
            more["goal"] = (None, goal)
        try:
            peer = ask()
            rows.append(row(case, "matrix, time and distance", "s", ours, peer=peer, **more))
            if "same states" in name:
                rows.append(row(case, "sweeps only, without the cells", "s", sweeps, peer=peer, **more))
        except peers.Absent as why:
            rows.append({**row(case, "matrix, time and distance", "s", ours, **more), "why": str(why)})
    return rows


def _sweeps(network: RoadNetwork, places: Places) -> float:
    """Seconds that the sweeps take up to the costs between street pieces, which no row of the matrix is made of."""
    segment, into, out_of = place_costs(network, "compactor", places)
    everything = np.arange(len(places))
    router = router_of(network, "compactor")
    down, sources, cells = router.ask(
        Ends(rows=everything, columns=everything, segment=segment, into=into, out_of=out_of)
    )
    none = np.empty(0, dtype=np.int64)
    rowless = cells._replace(
        row_start=np.zeros_like(cells.row_start),
        out_of=none,
        same_row=none,
        same_column=none,
        lost=np.empty(0, dtype=np.bool_),
    )
    return _median(lambda: fill_rounded(router.climb, down, sources, rowless))


def _whole(path: Path) -> list[Row]:
    lon, lat = positions(_network(path), SIZES[-1])
    parts: dict[str, list[float]] = {"read": [], "build": [], "snap": [], "contract": [], "matrix": []}
    for _ in range(REPEATS):
        marks = [time.process_time()]
        extract = read_osm(path)
        marks.append(time.process_time())
        network = build_roads(extract, [COMPACTOR], driving_side="right")
        marks.append(time.process_time())
        places = snap(network, lon, lat, profiles=[["compactor"]] * lon.size)
        marks.append(time.process_time())
        router_of(network, "compactor")
        marks.append(time.process_time())
        travel_matrix(network, "compactor", places)
        marks.append(time.process_time())
        for name, spent in zip(parts, np.diff(marks).tolist(), strict=True):
            parts[name].append(spent)
    whole = statistics.median(sum(one) for one in zip(*parts.values(), strict=True))
    case = "heidelberg/whole"
    return [
        row(case, f"extract to {SIZES[-1]} x {SIZES[-1]} matrix", "s CPU", whole, goal=(None, 1.0)),
        *(row(case, f"of it: {name}", "s CPU", statistics.median(spent)) for name, spent in parts.items()),
    ]


def _load(name: str, path: Path) -> list[Row]:
    ours = _median(lambda: _network(path))
    more: dict[str, Any] = {"goal_on": "ratio", "peer_name": "osmnx graph_from_xml"}
    if name == "heidelberg":
        more["goal"] = (None, 1 / 100)
    try:
        return [row(f"{name}/load", "extract to usable graph", "s", ours, peer=_osmnx(path), **more)]
    except peers.Absent as why:
        return [{**row(f"{name}/load", "extract to usable graph", "s", ours, **more), "why": str(why)}]


def _osmnx(path: Path) -> float:
    return peers.osmnx_seconds(path, read_osm(path))


def _growth(
    case: str, measure: Callable[..., dict[str, float]], arguments: list[tuple[Any, ...]], names: tuple[str, str]
) -> list[Row]:
    measured = []
    for one in arguments:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            measured.append(pool.apply(measure, one))
    small, large = measured
    times = large["states"] / small["states"]
    more: dict[str, Any] = {"peer_name": names[0]}
    return [
        row(case, f"states, {names[1]} against {names[0]}", "states", large["states"], peer=small["states"], **more),
        *(
            row(
                case,
                f"{metric}, for each state",
                "s",
                large[metric] / times,
                peer=small[metric],
                goal=(None, 1.0),
                goal_on="ratio",
                **more,
            )
            for metric in ("contraction", "matrix")
        ),
        row(case, f"peak memory, {names[1]}", "MB", large["memory_mb"], goal=(None, MOST_MEMORY_MB)),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roads", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 50 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows here; cases done are not redone")
    parser.add_argument("--only", action="append", metavar="CASE", help="part of a case's name; may be repeated")
    parser.add_argument("--data", type=Path, metavar="DIR", help="instead of SAMRAM_DATA")
    parser.add_argument("--osrm", type=Path, metavar="DIR", help="folder of an unpacked wheel of osrm-bindings")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
