"""Pick out of an extract's objects what has to do with streets, restrictions and waste.

Each function goes over all blocks of an extract once. Numpy chooses the objects, block by block, by the positions that
the wanted keys and values have in the block's table of texts; only what is chosen becomes Python's dictionaries.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from geodata.streets.pbf import Block, Nodes, Relations, Tags, Ways

# Tags of a way that are kept. Keys that end in ``:conditional`` are kept as well.
WAY_KEYS: Final = frozenset({
    "highway", "construction", "name", "name:en", "name:km", "alt_name", "ref", "junction", "service", "area",
    "route", "access", "vehicle", "motor_vehicle", "motorcar", "motorcycle", "goods", "hgv", "foot", "motorroad",
    "oneway", "oneway:vehicle", "oneway:motor_vehicle", "oneway:goods", "oneway:hgv", "oneway:foot",
    "maxweight", "maxweight:hgv", "maxweightrating", "maxweightrating:hgv", "maxheight", "maxheight:physical",
    "maxwidth", "maxwidth:physical", "maxlength", "width", "maxspeed", "maxspeed:forward", "maxspeed:backward",
    "maxspeed:hgv", "surface", "smoothness", "tracktype", "lanes", "bridge", "tunnel", "layer", "toll",
    "incline", "ford",
})  # fmt: skip
NODE_KEYS: Final = frozenset({
    "highway", "barrier", "access", "vehicle", "motor_vehicle", "motorcar", "motorcycle", "goods", "hgv", "foot",
    "maxwidth", "maxwidth:physical", "maxheight", "maxheight:physical", "maxweight", "maxlength", "bollard", "locked",
    "direction", "traffic_signals:direction",
})  # fmt: skip
WASTE_AMENITIES: Final = frozenset({"waste_basket", "waste_disposal", "recycling", "waste_transfer_station"})
# What may stand on a node of a street and matter to driving; a crossing or a street lamp does not.
_NODE_HIGHWAYS: Final = frozenset({
    "traffic_signals", "stop", "give_way", "turning_circle", "turning_loop", "mini_roundabout",
})  # fmt: skip
_MISSING: Final = 2_147_483_647  # what osmium writes for a coordinate that is not there
_MEMBER_KINDS: Final = "nwr"


class Relation(NamedTuple):
    """A relation: its tags, and its members as (``n``, ``w`` or ``r``; role; id)."""

    osm_id: int
    tags: dict[str, str]
    members: tuple[tuple[str, str, int], ...]

    def refs(self, kind: str, role: str) -> tuple[int, ...]:
        """List the members of this kind and role."""
        return tuple(ref for its_kind, its_role, ref in self.members if (its_kind, its_role) == (kind, role))


class RawWays(NamedTuple):
    """Ways as they are mapped: ``osm_id`` int64[w]; way i has the nodes ``ref[start[i]:start[i + 1]]``, by id."""

    osm_id: NDArray[np.int64]
    start: NDArray[np.int64]
    ref: NDArray[np.int64]
    tags: list[dict[str, str]]

    def refs(self) -> list[list[int]]:
        """List the nodes of each way."""
        return [self.ref[begin:end].tolist() for begin, end in itertools.pairwise(self.start.tolist())]


class RawNode(NamedTuple):
    """A node that carries tags, ``x`` and ``y`` in 1e-7 degrees."""

    osm_id: int
    x: int
    y: int
    tags: dict[str, str]


class Positions(NamedTuple):
    """Where nodes are: ``osm_id`` ascending, ``x`` and ``y`` in 1e-7 degrees, int64[n] each."""

    osm_id: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]


def pick_relations(blocks: Iterable[Block]) -> tuple[list[Relation], list[Relation]]:
    """Find the turn restrictions, and the multipolygons of things of waste collection."""
    texts = _Texts()
    restrictions: list[Relation] = []
    outlines: list[Relation] = []
    for block in blocks:
        for group in block.relations():
            restricting = _having(block, group.tags, b"type", lambda value: value.startswith(b"restriction"))
            restrictions += _relations(block, group, restricting, texts)
            surrounding = _having(block, group.tags, b"type", b"multipolygon".__eq__)
            outlines += _relations(block, group, np.intersect1d(surrounding, _of_waste(block, group.tags)), texts)
    return restrictions, outlines


def pick_ways(blocks: Iterable[Block], others: frozenset[int]) -> tuple[RawWays, RawWays, RawWays]:
    """Find the streets, the outlines of things of waste collection, and the ways with these other ids."""
    texts = _Texts()
    streets, areas, named = _Gathered(), _Gathered(), _Gathered()
    ids = np.array(sorted(others), dtype=np.int64)
    for block in blocks:
        for group in block.ways():
            of_street = _having(block, group.tags, b"highway")
            streets.add(block, group, of_street, texts, WAY_KEYS)
            areas.add(block, group, np.setdiff1d(_of_waste(block, group.tags), of_street), texts)
            named.add(block, group, np.flatnonzero(np.isin(group.id, ids)), texts)
    return streets.ways(), areas.ways(), named.ways()


def pick_nodes(blocks: Iterable[Block], wanted: NDArray[np.int64]) -> tuple[Positions, list[RawNode], list[RawNode]]:
    """Find where the wanted nodes are, what stands on them that matters to driving, and things of waste collection.

    ``wanted`` ascends; nodes that the extract lacks, or holds without a position, are left out of the positions.
    """
    texts = _Texts()
    x, y = np.full(wanted.size, _MISSING, dtype=np.int64), np.full(wanted.size, _MISSING, dtype=np.int64)
    standing: list[RawNode] = []
    features: list[RawNode] = []
    for block in blocks:
        for group in block.nodes():
            slot = np.minimum(np.searchsorted(wanted, group.id), max(wanted.size - 1, 0))
            is_wanted = wanted[slot] == group.id
            x[slot[is_wanted]], y[slot[is_wanted]] = group.x[is_wanted], group.y[is_wanted]
            stands = np.union1d(
                _having(block, group.tags, b"barrier"),
                _having(block, group.tags, b"highway", _encoded(_NODE_HIGHWAYS).__contains__),
            )
            standing += _nodes(block, group, stands[is_wanted[stands]], texts, NODE_KEYS)
            features += _nodes(block, group, _of_waste(block, group.tags), texts)
    found = (x != _MISSING) & (y != _MISSING)
    return Positions(wanted[found], x[found], y[found]), standing, features


def _having(block: Block, tags: Tags, key: bytes, value: Callable[[bytes], bool] | None = None) -> NDArray[np.int64]:
    """List the objects of a group that have a key, and a value that passes: their positions, ascending."""
    has = _those(block, key.__eq__)[tags.key]
    if value is not None and has.any():
        has &= _those(block, value)[tags.value]
    owners = tags.owner[has]
    return owners[np.flatnonzero(np.diff(owners, prepend=-1))]


def _of_waste(block: Block, tags: Tags) -> NDArray[np.int64]:
    """List the objects of a group that are things of waste collection."""
    return np.union1d(
        _having(block, tags, b"amenity", _encoded(WASTE_AMENITIES).__contains__),
        _having(block, tags, b"landuse", b"landfill".__eq__),
    )


def _those(block: Block, passes: Callable[[bytes], bool]) -> NDArray[np.bool_]:
    """Say which texts of a block's table pass."""
    return np.fromiter(map(passes, block.texts), dtype=np.bool_, count=len(block.texts))


def _encoded(texts: frozenset[str]) -> frozenset[bytes]:
    return frozenset(text.encode() for text in texts)


def _relations(block: Block, group: Relations, chosen: NDArray[np.int64], texts: _Texts) -> Iterator[Relation]:
    for position, tags in zip(chosen.tolist(), texts.tags(block, group.tags, chosen), strict=True):
        own = slice(group.start[position], group.start[position + 1])
        kinds = [_MEMBER_KINDS[kind] for kind in group.kind[own].tolist()]
        members = zip(kinds, texts.of(block, group.role[own]), group.ref[own].tolist(), strict=True)
        yield Relation(int(group.id[position]), tags, tuple(members))


def _nodes(
    block: Block, group: Nodes, chosen: NDArray[np.int64], texts: _Texts, keys: frozenset[str] | None = None
) -> list[RawNode]:
    columns = (group.id[chosen].tolist(), group.x[chosen].tolist(), group.y[chosen].tolist())
    return [RawNode(*one) for one in zip(*columns, texts.tags(block, group.tags, chosen, keys), strict=True)]


class _Texts:
    """Texts of all blocks, one string of each: few keys and few values repeat many thousand times."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def of(self, block: Block, positions: NDArray[np.int64]) -> list[str]:
        """Give the texts at these positions of a block's table."""
        table = np.empty(len(block.texts), dtype=np.object_)
        for position in np.flatnonzero(np.bincount(positions, minlength=len(block.texts))).tolist():
            text = block.texts[position]
            if text not in self._known:
                self._known[text] = text.decode()
            table[position] = self._known[text]
        chosen: list[str] = table[positions].tolist()
        return chosen

    def tags(
        self, block: Block, tags: Tags, owners: NDArray[np.int64], keys: frozenset[str] | None = None
    ) -> list[dict[str, str]]:
        """Give the tags of each of the owners, which ascend: all, or those of these keys and conditional ones."""
        if not owners.size:
            return []
        slot = np.minimum(np.searchsorted(owners, tags.owner), owners.size - 1)
        wanted = owners[slot] == tags.owner
        if keys is not None:
            encoded = _encoded(keys)
            wanted &= _those(block, lambda text: text in encoded or text.endswith(b":conditional"))[tags.key]
        names, values = self.of(block, tags.key[wanted]), self.of(block, tags.value[wanted])
        ends = np.cumsum(np.bincount(slot[wanted], minlength=owners.size)).tolist()
        return [
            dict(zip(names[begin:end], values[begin:end], strict=True)) for begin, end in itertools.pairwise([0, *ends])
        ]


class _Gathered:
    """Ways gathered from the groups of all blocks."""

    def __init__(self) -> None:
        self._ids = [np.empty(0, dtype=np.int64)]
        self._counts = [np.zeros(1, dtype=np.int64)]
        self._refs = [np.empty(0, dtype=np.int64)]
        self._tags: list[dict[str, str]] = []

    def add(
        self,
        block: Block,
        group: Ways,
        chosen: NDArray[np.int64],
        texts: _Texts,
        keys: frozenset[str] | None = None,
    ) -> None:
        """Add the chosen ways of a group."""
        count = np.diff(group.start)
        is_chosen = np.zeros(count.size, dtype=np.bool_)
        is_chosen[chosen] = True
        self._ids.append(group.id[chosen])
        self._counts.append(count[chosen])
        self._refs.append(group.ref[np.repeat(is_chosen, count)])
        self._tags += texts.tags(block, group.tags, chosen, keys)

    def ways(self) -> RawWays:
        """Give all of them."""
        start = np.cumsum(np.concatenate(self._counts))
        return RawWays(np.concatenate(self._ids), start, np.concatenate(self._refs), self._tags)
