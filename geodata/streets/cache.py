"""A network kept on disk with its hierarchies, so that a city's streets are read and contracted once.

The file's name is a hash of everything that the network depends on: the extract's content, the profiles, the driving
side, the hours, the overlays that hold in them, and the version of this room's code. Whoever finds a file finds the
right one, and a stale file is simply never asked for again. It is an ``.npz`` of plain arrays, read without pickle;
texts stand in it as JSON.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geodata.errors import Finding
from geodata.streets.hierarchy import Router, keep_router, router_of
from geodata.streets.network import RoadNetwork
from geodata.streets.osm import read_osm
from geodata.streets.overlays import PlacedOverlay
from geodata.streets.profile import TruckProfile
from geodata.streets.roads import build_roads
from geodata.streets.states import ProfileGraph
from geodata.streets.sweeps import Climb
from geodata.streets.unpacking import AllArcs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.conditions import Hours
    from geodata.streets.network import DrivingSide
    from geodata.streets.osm import OsmExtract
    from geodata.streets.overlays import InForce

# Raise it with every change to what is read from an extract or built from it.
READER_VERSION: Final = 4

_ARRAYS: Final = (
    "node_id", "node_lon", "node_lat", "tail", "head", "length_mm", "reverse", "way", "way_id", "way_narrow",
    "arc_start", "arc_to", "turn_ms", "inside", "usable", "travel_ms", "part", "shape_lon", "shape_lat", "shape_mm",
    "first", "last",
)  # fmt: skip
_GRAPH: Final = ("usable", "cost", "start", "successor", "turn", "segment", "first", "states")
_ROUTER: Final = (
    "number", "by_number", "down_start", "down_tail", "down_cost", "climb_arc", "down_arc", "place_key",
)  # fmt: skip


def cached_roads(
    path: Path,
    profiles: Sequence[TruckProfile],
    *,
    driving_side: DrivingSide,
    cache_dir: Path,
    hours: Hours | None = None,
    extract: OsmExtract | None = None,
    overlays: Sequence[InForce] = (),
) -> RoadNetwork:
    """Build a network with its hierarchies, or fetch it from the folder where it was built before.

    Parameters
    ----------
    path
        The extract's file.
    cache_dir
        Made where it is absent. A file in it that is damaged is built anew.
    extract
        What was read from the file, where the caller has it.
    overlays
        Changes to the streets that hold in those hours.

    Raises
    ------
    DataError
        The extract cannot be read, or no profile may use any of its streets.
    ValueError
        As for ``build_roads``.
    """
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    kept = cache_dir / f"roads-{_key(content, profiles, driving_side, hours, overlays)}.npz"
    if kept.is_file():
        try:
            return read_roads(kept)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            kept.unlink(missing_ok=True)
    network = build_roads(
        extract if extract is not None else read_osm(path),
        profiles,
        driving_side=driving_side,
        hours=hours,
        overlays=overlays,
    )
    cache_dir.mkdir(parents=True, exist_ok=True)
    save_roads(network, kept)
    return network


def _key(
    content: str,
    profiles: Sequence[TruckProfile],
    driving_side: str,
    hours: Hours | None,
    overlays: Sequence[InForce],
) -> str:
    parts = {
        "content": content,
        "profiles": [dataclasses.asdict(profile) for profile in profiles],
        "driving_side": driving_side,
        "hours": None if hours is None else dataclasses.asdict(hours),
        "overlays": [[one.overlay.fingerprint(), one.held] for one in overlays],
        "version": READER_VERSION,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def save_roads(network: RoadNetwork, path: Path) -> None:
    """Write a network and the hierarchies of all its profiles, contracting those that are not yet."""
    arrays: dict[str, NDArray[Any]] = {name: getattr(network, name) for name in _ARRAYS}
    texts = {
        "profiles": [dataclasses.asdict(profile) for profile in network.profiles],
        "driving_side": network.driving_side,
        "way_highway": network.way_highway,
        "way_name": network.way_name,
        "way_aliases": [sorted(names) for names in network.way_aliases],
        "chains": network.chains,
        "bounds": network.bounds,
        "content_hash": network.content_hash,
        "restrictions_kept": network.restrictions_kept,
        "restrictions_dropped": [dataclasses.asdict(finding) for finding in network.restrictions_dropped],
        "notes": [dataclasses.asdict(finding) for finding in network.notes],
        "overlays": [dataclasses.asdict(overlay) for overlay in network.overlays],
    }
    arrays["texts"] = np.frombuffer(json.dumps(texts, ensure_ascii=False).encode(), dtype=np.uint8)
    for index, profile in enumerate(network.profiles):
        arrays[f"{index}.part_m"] = network.part_m[index]
        router = router_of(network, profile.name)
        arrays |= {f"{index}.graph.{name}": getattr(router.graph, name) for name in _GRAPH}
        arrays |= {f"{index}.{name}": getattr(router, name) for name in _ROUTER}
        arrays |= {f"{index}.climb.{name}": getattr(router.climb, name) for name in Climb._fields}
        arrays |= {f"{index}.arcs.{name}": getattr(router.arcs, name) for name in AllArcs._fields}
    # Whoever looks meanwhile sees the whole file or none.
    handle, scratch = tempfile.mkstemp(prefix=".roads-", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy takes its own option for one of the arrays
    Path(scratch).replace(path)


def read_roads(path: Path) -> RoadNetwork:
    """Read a network that ``save_roads`` has written, with its hierarchies.

    Raises
    ------
    OSError, ValueError, KeyError, zipfile.BadZipFile
        The file is not what ``save_roads`` writes.
    """
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        texts: dict[str, Any] = json.loads(file["texts"].tobytes())
        profiles = tuple(TruckProfile(**profile) for profile in texts["profiles"])
        network = RoadNetwork(
            **{name: file[name] for name in _ARRAYS},
            profiles=profiles,
            driving_side=texts["driving_side"],
            way_highway=tuple(texts["way_highway"]),
            way_name=tuple(texts["way_name"]),
            way_aliases=tuple(frozenset(names) for names in texts["way_aliases"]),
            chains=tuple(tuple(tuple(chain) for chain in chains) for chains in texts["chains"]),
            part_m=tuple(file[f"{index}.part_m"] for index in range(len(profiles))),
            bounds=tuple(texts["bounds"]),
            content_hash=texts["content_hash"],
            restrictions_kept=texts["restrictions_kept"],
            restrictions_dropped=tuple(Finding(**finding) for finding in texts["restrictions_dropped"]),
            notes=tuple(Finding(**finding) for finding in texts["notes"]),
            overlays=tuple(
                PlacedOverlay(
                    id=overlay["id"],
                    segments=tuple(overlay["segments"]),
                    findings=tuple(Finding(**finding) for finding in overlay["findings"]),
                )
                for overlay in texts["overlays"]
            ),
        )
        for index, profile in enumerate(profiles):
            keep_router(
                network,
                profile.name,
                Router(
                    graph=ProfileGraph(*(file[f"{index}.graph.{name}"] for name in _GRAPH)),
                    climb=Climb(*(file[f"{index}.climb.{name}"] for name in Climb._fields)),
                    arcs=AllArcs(*(file[f"{index}.arcs.{name}"] for name in AllArcs._fields)),
                    **{name: file[f"{index}.{name}"] for name in _ROUTER},
                ),
            )
    return network
