"""Seeds a city's containers and disposal sites from what mappers have drawn into OpenStreetMap.

The map knows where bins are, seldom how large they are. Volumes below are our own working figures for the usual kind,
to be corrected by whoever knows the bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geodata.city.columns import CONTAINERS, DISPOSAL_SITES
from geodata.city.parsers import Names
from geodata.city.tables import write_csv
from geodata.city.templates import column_names
from geodata.errors import DataError, Finding

if TYPE_CHECKING:
    from pathlib import Path

    from geodata.streets.osm import OsmExtract, OsmFeature

Row = dict[str, str]

BASKET_L, DISPOSAL_L, RECYCLING_L, CLOTHES_L = 50, 1_100, 2_500, 1_500
"""A litter bin on a post, a wheeled bin of four wheels, a bottle bank, a clothes bank."""

_YES = frozenset({"yes", "only", "designated"})
_STREAM_OF = {
    "glass": "glass", "glass_bottles": "glass", "glass_jars": "glass",
    "paper": "paper", "newspaper": "paper", "magazines": "paper", "books": "paper", "paper_packaging": "paper",
    "cardboard": "cardboard", "cartons": "cardboard", "beverage_cartons": "cardboard",
    "plastic": "plastic", "plastic_bottles": "plastic", "plastic_packaging": "plastic", "PET": "plastic",
    "cans": "metal", "scrap_metal": "metal", "aluminium": "metal", "metal": "metal",
    "clothes": "textile", "shoes": "textile", "textiles": "textile",
    "organic": "organic", "food_waste": "organic", "green_waste": "garden", "garden_waste": "garden",
    "waste": "residual", "bulky_waste": "bulky", "furniture": "bulky",
}  # fmt: skip
_NOT_COLLECTED = frozenset({"dog_excrement", "excrement", "cigarettes", "needles", "chemical_toilet", "oil", "sharps"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmSeed:
    """Rows for ``containers.csv`` and candidates for ``disposal_sites.csv``, as texts by column name."""

    containers: tuple[Row, ...]
    disposal_sites: tuple[Row, ...]


def containers_from_osm(
    extract: OsmExtract, *, basket_l: int = BASKET_L, disposal_l: int = DISPOSAL_L, recycling_l: int = RECYCLING_L
) -> OsmSeed:
    """Turn an extract's waste features into rows of a city's tables.

    Parameters
    ----------
    extract
        The streets, with their waste features.
    basket_l, disposal_l, recycling_l
        Volumes taken for litter bins, waste bins, and each stream's container at a recycling point.

    Returns
    -------
    OsmSeed
        Litter bins and waste bins are residual; a recycling point gives one container for each stream that its
        ``recycling:*`` tags name, all at one stop. Landfills, transfer stations and recycling centres become disposal
        sites. Ids are ``osm-`` with the kind and number of the map's object. Private bins, and baskets for what no
        truck collects (needles, dog waste), are left out.
    """
    containers: list[Row] = []
    sites: list[Row] = []
    for feature in sorted(extract.features, key=lambda item: (item.kind, item.osm_type, item.osm_id)):
        if feature.kind in {"landfill", "waste_transfer_station"} or _is_centre(feature):
            sites.append(_site(feature))
        elif feature.tags.get("access") in {"private", "no"} or feature.tags.get("waste") in _NOT_COLLECTED:
            continue
        elif feature.kind == "waste_basket":
            containers.append({**_place(feature), "volume_l": _volume(feature, basket_l), "stream": "residual"})
        elif feature.kind == "waste_disposal":
            containers.append({**_place(feature), "volume_l": _volume(feature, disposal_l), "stream": "residual"})
        elif feature.kind == "recycling":
            containers.extend(_recycling(feature, recycling_l))
    return OsmSeed(containers=tuple(containers), disposal_sites=tuple(sites))


def write_seed(seed: OsmSeed, directory: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write the rows as ``containers.csv`` and ``disposal_sites.csv``.

    Parameters
    ----------
    seed
        What ``containers_from_osm`` returned.
    directory
        The city's folder; it is created.
    overwrite
        Replace files that are there.

    Returns
    -------
    tuple
        The two files.

    Raises
    ------
    DataError
        A file is there already and may not be replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    targets = directory / "containers.csv", directory / "disposal_sites.csv"
    for path in targets:
        if path.exists() and not overwrite:
            raise DataError(
                Finding(
                    file=path.name,
                    message="the file is there already and was not replaced",
                    expected="a folder without it, or the wish to overwrite it",
                )
            )
    write_csv(targets[0], column_names(CONTAINERS), seed.containers)
    write_csv(targets[1], column_names(DISPOSAL_SITES), seed.disposal_sites)
    return targets


def recycling_streams(tags: dict[str, str]) -> tuple[str, ...]:
    """Return the streams that ``recycling:*`` tags name, in alphabetical order; "recyclable" alone when none does."""
    streams = {
        _STREAM_OF[key.removeprefix("recycling:")]
        for key, value in tags.items()
        if key.startswith("recycling:") and value in _YES and key.removeprefix("recycling:") in _STREAM_OF
    }
    return tuple(sorted(streams)) or ("recyclable",)


def _is_centre(feature: OsmFeature) -> bool:
    return feature.kind == "recycling" and feature.tags.get("recycling_type") == "centre"


def _identity(feature: OsmFeature) -> str:
    return f"osm-{feature.osm_type}-{feature.osm_id}"


def _place(feature: OsmFeature) -> Row:
    row = {"id": _identity(feature), "lon": f"{feature.lon:.7f}", "lat": f"{feature.lat:.7f}"}
    street = feature.tags.get("addr:street", "")
    return {**row, "street": street} if street else row


def _volume(feature: OsmFeature, usual_l: int) -> str:
    """Return the mapped capacity in litres where it is one, else the usual volume."""
    text = feature.tags.get("volume", "").removesuffix("l").removesuffix("L").strip()
    column = CONTAINERS.column("volume_l")
    try:
        return column.parser.format(column.parser.parse(text)) if text else str(usual_l)
    except ValueError:
        return str(usual_l)


def _recycling(feature: OsmFeature, usual_l: int) -> list[Row]:
    place = _place(feature)
    streams = recycling_streams(feature.tags)
    if len(streams) == 1:
        return [{**place, "volume_l": _recycling_l(streams[0], usual_l), "stream": streams[0]}]
    return [
        {
            **place,
            "id": f"{place['id']}-{stream}",
            "volume_l": _recycling_l(stream, usual_l),
            "stream": stream,
            "stop_id": place["id"],
        }
        for stream in streams
    ]


def _recycling_l(stream: str, usual_l: int) -> str:
    return str(min(CLOTHES_L, usual_l) if stream == "textile" else usual_l)


def _site(feature: OsmFeature) -> Row:
    row = {"id": _identity(feature), "lon": f"{feature.lon:.7f}", "lat": f"{feature.lat:.7f}"}
    if _is_centre(feature):
        row["streams"] = Names().format(frozenset(recycling_streams(feature.tags)))
    return row
