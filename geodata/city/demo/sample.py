"""Makes a city dataset around a real extract: real streets, made-up bins and trucks.

For trying Samram on a city whose own data is not there yet, and for tests on real streets.
"""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import numpy as np

from geodata.city.columns import CONTAINERS, DEPOTS, DISPOSAL_SITES, SHIFTS, VEHICLES
from geodata.city.demo.fleet import COMPACTOR, TIPPER, mixed_fleet
from geodata.city.demo.layout import chance
from geodata.city.geometry import METRES_PER_DEGREE
from geodata.city.tables import write_csv
from geodata.city.templates import city_toml, column_names
from geodata.streets.osm import read_osm
from geodata.streets.roads import TruckProfile, build_roads

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geodata.city.records import DrivingSide
    from geodata.streets.roads import RoadNetwork

Row = dict[str, str]

MARKET_WINDOW = "03:30-06:00"
DEPOT_M = 2_000.0
"""A depot seldom stands on the market place."""

FAR_M = 18_000.0
"""How far out the disposal site lies, where the streets go that far."""

KERB_M = 4.0
_STREETS = frozenset({"residential", "living_street", "unclassified", "tertiary", "secondary"})
_NAMES = {".osm.pbf": ".osm.pbf", ".pbf": ".osm.pbf", ".osm.bz2": ".osm.bz2", ".osm.gz": ".osm.gz", ".osm": ".osm"}


def sample_city(
    streets: Path,
    directory: Path,
    *,
    containers: int,
    vehicles: int = 6,
    seed: int = 1,
    driving_side: DrivingSide = "right",
    islands: bool = False,
    radius_m: float = 5_000.0,
    timezone: str = "UTC",
) -> Path:
    """Write a city dataset around an extract.

    Parameters
    ----------
    streets
        An OpenStreetMap extract; it is copied into the dataset.
    directory
        Folder to write into; it is created, files of the same names are replaced.
    containers
        How many containers, at least 1, at the kerb of small and middling streets.
    vehicles
        How many vehicles: compactors, tippers and, from three on, three-wheelers.
    seed
        Decides where everything stands.
    driving_side
        Side of the road on which traffic drives there.
    islands
        Put containers on every street of the extract, those that no truck from the depot reaches included.
    radius_m
        Otherwise containers stand within this distance of the middle of the main network, metres.
    timezone
        Written into ``city.toml``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        The extract cannot be read, or holds no street for these trucks.
    ValueError
        There is no container or no vehicle, or the extract has no street to put containers on.
    """
    if containers < 1 or vehicles < 1:
        raise ValueError(
            f"A city needs at least one container and one vehicle, but {containers} and {vehicles} were asked for."
        )
    three_wheelers = max(1, vehicles // 6) if vehicles > len((COMPACTOR, TIPPER)) else 0
    compactors = math.ceil((vehicles - three_wheelers) * 0.6)
    fleet, shifts = mixed_fleet(
        compactors=compactors,
        tippers=vehicles - three_wheelers - compactors,
        three_wheelers=three_wheelers,
        depots=["D1"],
    )
    network = build_roads(read_osm(streets), _profiles(fleet), driving_side=driving_side)
    rng = np.random.default_rng(seed)
    main = network.part[0] == int(np.argmax(network.part_m[0]))
    kerb = _kerb_streets(network, None if islands else main, radius_m)
    if kerb.size == 0:
        raise ValueError(f"{streets.name} has no small street that a truck from the depot reaches and leaves again.")
    bins = _bins(network, kerb, main, containers, rng)
    depot, far = _far_apart(network, np.flatnonzero(main))
    directory.mkdir(parents=True, exist_ok=True)
    ending = next((name for suffix, name in _NAMES.items() if streets.name.endswith(suffix)), ".osm.pbf")
    shutil.copyfile(streets, directory / f"streets{ending}")
    (directory / "city.toml").write_text(
        city_toml(
            {
                "name": f"Sample city on {streets.name} (bins and trucks are synthetic)",
                "timezone": timezone,
                "currency": "USD",
                "driving_side": driving_side,
            }
        ),
        encoding="utf-8",
    )
    site = {"id": "Landfill", **far, "windows": "05:00-18:00", "unloading_s": "900", "gate_fee_per_t": "6"}
    for table, rows in (
        (CONTAINERS, bins),
        (DEPOTS, [{"id": "D1", **depot}]),
        (DISPOSAL_SITES, [site]),
        (VEHICLES, fleet),
        (SHIFTS, shifts),
    ):
        write_csv(directory / f"{table.stem}.csv", column_names(table), rows)
    return directory


def _profiles(fleet: list[Row]) -> list[TruckProfile]:
    """Return one profile for each access class of the fleet, the largest first."""
    by_class = {row["access_class"]: row for row in fleet}
    return [
        TruckProfile(
            name=name,
            access_class=name,
            width_m=float(row["width_m"]),
            height_m=float(row["height_m"]),
            length_m=float(row["length_m"]),
            weight_t=float(row["weight_t"]),
            speed_factor=float(row.get("speed_factor", "1")),
        )
        for name, row in by_class.items()
    ]


def _kerb_streets(network: RoadNetwork, main: NDArray[np.bool_] | None, radius_m: float) -> NDArray[np.intp]:
    """Return the smaller streets near the middle of the main network, or all of them when that is None."""
    small = np.array([network.way_highway[way] in _STREETS for way in network.way], dtype=np.bool_)
    if main is None:
        return np.flatnonzero(small & network.usable[0])
    chosen = np.flatnonzero(small & main)
    centre = _centre(network, np.flatnonzero(main))
    near = [
        _away((float(network.node_lon[node]), float(network.node_lat[node])), centre) * METRES_PER_DEGREE <= radius_m
        for node in network.tail[chosen]
    ]
    return chosen[np.array(near, dtype=np.bool_)]


def _bins(
    network: RoadNetwork, kerb: NDArray[np.intp], main: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> list[Row]:
    weight = network.length_mm[kerb].astype(np.float64)
    places = [
        _beside(network, int(segment), float(rng.uniform(0.05, 0.95)))
        for segment in rng.choice(kerb, size=count, p=weight / weight.sum())
    ]
    centre = _centre(network, np.flatnonzero(main))
    by_distance = sorted(range(count), key=lambda index: _away(places[index], centre))
    market = set(by_distance[: max(1, round(0.08 * count))])
    rows: list[Row] = []
    for index, place in enumerate(places):
        volume_l = int(rng.choice((240, 660, 1100)))
        stream = str(rng.choice(("residual", "organic", "recyclable"), p=(0.75, 0.15, 0.1)))
        row = {
            "id": f"B{index + 1:05d}",
            "lon": f"{place[0]:.7f}",
            "lat": f"{place[1]:.7f}",
            "street": place[2],
            "volume_l": str(volume_l),
            "fill": f"{float(rng.uniform(0.3, 0.95)):.2f}",
            "fill_rate_l_per_day": str(round(volume_l * float(rng.uniform(0.2, 0.6)))),
            "stream": stream,
        }
        if index in market:
            row["windows"] = MARKET_WINDOW
        elif chance(rng, 0.1):
            row["access_class"] = "tipper"
        elif chance(rng, 0.05):
            row["prize"] = f"{float(rng.uniform(0.5, 5)):.2f}"
        rows.append(row)
    return rows


def _beside(network: RoadNetwork, segment: int, share: float) -> tuple[float, float, str]:
    """Return longitude, latitude and street name of a point at the kerb of a segment, on the side of driving."""
    coords = network.coords(segment)
    scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(float(coords[0, 1]))), METRES_PER_DEGREE])
    steps = np.diff(coords, axis=0) * scale
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    along = share * float(lengths.sum())
    piece = int(np.searchsorted(np.cumsum(lengths), along).clip(0, lengths.size - 1))
    rest = along - float(lengths[:piece].sum())
    direction = steps[piece] / max(float(lengths[piece]), 1e-9)
    side = 1.0 if network.driving_side == "right" else -1.0
    right = np.array([direction[1], -direction[0]])
    lon, lat = coords[piece] + (direction * rest + side * KERB_M * right) / scale
    return float(lon), float(lat), network.street_name(segment)


def _centre(network: RoadNetwork, segments: NDArray[np.intp]) -> tuple[float, float]:
    nodes = network.tail[segments]
    return float(np.median(network.node_lon[nodes])), float(np.median(network.node_lat[nodes]))


def _away(place: tuple[float, float] | tuple[float, float, str], centre: tuple[float, float]) -> float:
    return math.hypot((place[0] - centre[0]) * math.cos(math.radians(centre[1])), place[1] - centre[1])


def _far_apart(network: RoadNetwork, main: NDArray[np.intp]) -> tuple[Row, Row]:
    """Return a depot near the middle of the main network and a disposal site far out on it."""
    centre = _centre(network, main)
    ends = [(float(network.node_lon[node]), float(network.node_lat[node])) for node in network.tail[main]]
    away = np.array([_away(end, centre) for end in ends])
    near, far = (int(np.argmin(np.abs(away * METRES_PER_DEGREE - metres))) for metres in (DEPOT_M, FAR_M))
    return _beside_row(network, int(main[near])), _beside_row(network, int(main[far]))


def _beside_row(network: RoadNetwork, segment: int) -> Row:
    lon, lat, _ = _beside(network, segment, 0.5)
    return {"lon": f"{lon:.7f}", "lat": f"{lat:.7f}"}
