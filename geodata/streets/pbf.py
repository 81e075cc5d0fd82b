"""Nodes, ways and relations out of the blocks of a PBF file, as flat arrays.

A block is a message of Google's protocol buffers: numbered fields, of which whole numbers are written seven bits to
a byte ("Protocol Buffers: Encoding"). Two compiled functions take such messages apart, ``slices`` and ``column``;
what the fields mean is said with numpy (OpenStreetMap wiki, "PBF Format", section "Definition of OSMData fileblock").
Texts stay numbers, positions in the block's own table of texts, until somebody asks for one.

Whatever bytes a block holds, reading it gives arrays or a ``BrokenPbf``, and touches no memory but its own.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from geodata.streets._compiled import compiled
from geodata.streets.pbf_file import BrokenPbf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Fields of HeaderBlock, PrimitiveBlock, StringTable and PrimitiveGroup.
_REQUIRED_FEATURES: Final = 4
_TEXTS, _GROUPS, _GRANULARITY, _LAT_OFFSET, _LON_OFFSET = 1, 2, 17, 19, 20
_TEXT: Final = 1
_NODES, _DENSE, _WAYS, _RELATIONS = 1, 2, 3, 4
# Fields of Node, Way and Relation, and those of DenseNodes that differ.
_ID, _KEYS, _VALUES, _LAT, _LON = 1, 2, 3, 8, 9
_REFS, _ROLES, _MEMBERS, _TYPES = 8, 8, 9, 10
_DENSE_TAGS: Final = 10
_LAST_KIND: Final = 2

# Coordinates are whole multiples of the granularity, in 1e-9 degrees, on top of the offset.
_USUAL_GRANULARITY: Final = 100
_NANODEGREES: Final = 100  # in 1e-7 degrees

_WHOLE_NUMBER: Final = 0
_EIGHT_BYTES: Final = 1
_WITH_LENGTH: Final = 2
_FOUR_BYTES: Final = 5
_VARINT_BITS: Final = 70
_MORE_FOLLOWS: Final = 0x80


class Tags(NamedTuple):
    """Tags of a group of objects: the ``owner``'s position in the group, ``key`` and ``value`` among the texts."""

    owner: NDArray[np.int64]
    key: NDArray[np.int64]
    value: NDArray[np.int64]


class Nodes(NamedTuple):
    """A group of nodes: ``id`` int64[n], ``x`` and ``y`` int64[n] in 1e-7 degrees, and their tags."""

    id: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    tags: Tags


class Ways(NamedTuple):
    """A group of ways: ``id`` int64[w], tags; way i has the nodes ``ref[start[i]:start[i + 1]]``."""

    id: NDArray[np.int64]
    tags: Tags
    start: NDArray[np.int64]
    ref: NDArray[np.int64]


class Relations(NamedTuple):
    """A group of relations: ``id`` int64[r], tags; relation i has the members ``start[i]`` to ``start[i + 1]``.

    ``role`` stands among the texts, ``ref`` is a member's id, ``kind`` 0 for a node, 1 for a way, 2 for a relation.
    """

    id: NDArray[np.int64]
    tags: Tags
    start: NDArray[np.int64]
    role: NDArray[np.int64]
    ref: NDArray[np.int64]
    kind: NDArray[np.int64]


class Block:
    """The bytes of one block of data; every part is read when it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @cached_property
    def texts(self) -> list[bytes]:
        """The block's table of texts."""
        data = self._data
        begins = [
            slices(self._bytes, begin, end, _TEXT) for begin, end in slices(self._bytes, 0, len(data), _TEXTS).tolist()
        ]
        return [data[begin:end] for table in begins for begin, end in table.tolist()]

    def nodes(self) -> Iterator[Nodes]:
        """Give the block's groups of nodes."""
        for begin, end in self._groups:
            dense = slices(self._bytes, begin, end, _DENSE)
            for position in range(len(dense)):
                yield self._dense(dense[position : position + 1])
            plain = slices(self._bytes, begin, end, _NODES)
            if plain.size:
                yield self._plain(plain)

    def ways(self) -> Iterator[Ways]:
        """Give the block's groups of ways."""
        for begin, end in self._groups:
            messages = slices(self._bytes, begin, end, _WAYS)
            if messages.size:
                start, steps = column(self._bytes, messages, _REFS)
                yield Ways(self._ids(messages), self._tags(messages), start, _summed(start, _signed(steps)))

    def relations(self) -> Iterator[Relations]:
        """Give the block's groups of relations."""
        for begin, end in self._groups:
            messages = slices(self._bytes, begin, end, _RELATIONS)
            if messages.size:
                start, roles = column(self._bytes, messages, _ROLES)
                ref_start, steps = column(self._bytes, messages, _MEMBERS)
                kind_start, kinds = column(self._bytes, messages, _TYPES)
                if not (np.array_equal(start, ref_start) and np.array_equal(start, kind_start)):
                    raise BrokenPbf("a relation has other numbers of members, roles and types")
                if kinds.size and not 0 <= kinds.min() <= kinds.max() <= _LAST_KIND:
                    raise BrokenPbf("a relation has a member of an unknown kind")
                self._check_texts(roles)
                refs = _summed(start, _signed(steps))
                yield Relations(self._ids(messages), self._tags(messages), start, roles, refs, kinds)

    @cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        return np.frombuffer(self._data, dtype=np.uint8)

    @cached_property
    def _groups(self) -> list[list[int]]:
        groups: list[list[int]] = slices(self._bytes, 0, len(self._data), _GROUPS).tolist()
        return groups

    def _ids(self, messages: NDArray[np.int64], *, zigzag: bool = False) -> NDArray[np.int64]:
        ids = _one_each(self._bytes, messages, _ID)
        return _signed(ids) if zigzag else ids

    def _tags(self, messages: NDArray[np.int64]) -> Tags:
        start, keys = column(self._bytes, messages, _KEYS)
        value_start, values = column(self._bytes, messages, _VALUES)
        if not np.array_equal(start, value_start):
            raise BrokenPbf("an object has other numbers of keys and values")
        self._check_texts(keys, values)
        return Tags(np.repeat(np.arange(len(messages)), np.diff(start)), keys, values)

    def _plain(self, messages: NDArray[np.int64]) -> Nodes:
        lat = _one_each(self._bytes, messages, _LAT)
        lon = _one_each(self._bytes, messages, _LON)
        x, y = self._placed(_signed(lon), _signed(lat))
        return Nodes(self._ids(messages, zigzag=True), x, y, self._tags(messages))

    def _dense(self, message: NDArray[np.int64]) -> Nodes:
        fields = (column(self._bytes, message, field)[1] for field in (_ID, _LAT, _LON))
        ids, lat, lon = (np.cumsum(_signed(steps)) for steps in fields)
        if not ids.size == lat.size == lon.size:
            raise BrokenPbf("a group of nodes has other numbers of ids and coordinates")
        x, y = self._placed(lon, lat)
        return Nodes(ids, x, y, self._dense_tags(column(self._bytes, message, _DENSE_TAGS)[1], ids.size))

    def _dense_tags(self, flat: NDArray[np.int64], nodes: int) -> Tags:
        """Read keys and values in turn, each node's closed by a zero."""
        closes = flat == 0
        owner = np.cumsum(closes)[~closes]
        keys_values = flat[~closes]
        if keys_values.size % 2 or (owner[::2] != owner[1::2]).any() or (owner.size and owner[-1] >= nodes):
            raise BrokenPbf("the tags of a group of nodes do not come in pairs")
        self._check_texts(keys_values)
        return Tags(owner[::2], keys_values[::2], keys_values[1::2])

    def _check_texts(self, *positions: NDArray[np.int64]) -> None:
        for column_ in positions:
            if column_.size and not 0 <= column_.min() <= column_.max() < len(self.texts):
                raise BrokenPbf("an object names a text that its block does not hold")

    def _placed(self, lon: NDArray[np.int64], lat: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        granularity = self._number(_GRANULARITY, _USUAL_GRANULARITY)
        placed = []
        for steps, field in ((lon, _LON_OFFSET), (lat, _LAT_OFFSET)):
            nano = steps * granularity + self._number(field, 0)
            placed.append(np.sign(nano) * (np.abs(nano) // _NANODEGREES))
        return placed[0], placed[1]

    def _number(self, field: int, usual: int) -> int:
        _, values = column(self._bytes, np.array([[0, len(self._data)]]), field)
        return int(values[-1]) if values.size else usual


def required_features(header: bytes) -> frozenset[bytes]:
    """List what a reader must understand, by the file's first block."""
    found = slices(np.frombuffer(header, dtype=np.uint8), 0, len(header), _REQUIRED_FEATURES)
    return frozenset(header[begin:end] for begin, end in found.tolist())


def _one_each(data: NDArray[np.uint8], messages: NDArray[np.int64], field: int) -> NDArray[np.int64]:
    start, values = column(data, messages, field)
    if (np.diff(start) != 1).any():
        raise BrokenPbf("an object lacks its id or its position, or has two")
    return values


def _signed(zigzag: NDArray[np.int64]) -> NDArray[np.int64]:
    """Undo the zigzag code, in which small numbers of either sign are short."""
    return (zigzag.view(np.uint64) >> np.uint64(1)).view(np.int64) ^ -(zigzag & 1)


def _summed(start: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up the steps of each row from its beginning."""
    total = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(steps)))
    return total[1:] - np.repeat(total[start[:-1]], np.diff(start))


@compiled
def slices(data: NDArray[np.uint8], begin: int, end: int, field: int) -> NDArray[np.int64]:
    """Find where the bytes of a field stand, each time it comes in the message ``data[begin:end]``: int64[k, 2].

    Raises
    ------
    ValueError
        The message is broken.
    """
    count = 0
    at = begin
    while at < end:
        number, kind, value, at = _next(data, at, end)
        count += number == field and kind == _WITH_LENGTH
    found = np.empty((count, 2), dtype=np.int64)
    count = 0
    at = begin
    while at < end:
        number, kind, value, at = _next(data, at, end)
        if number == field and kind == _WITH_LENGTH:
            found[count, 0] = at - value
            found[count, 1] = at
            count += 1
    return found


@compiled
def column(
    data: NDArray[np.uint8], messages: NDArray[np.int64], field: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read the whole numbers of a field out of each of the messages ``data[messages[i, 0]:messages[i, 1]]``.

    Returns
    -------
    start, value
        int64[m + 1] and int64[k]: message i has the numbers ``value[start[i]:start[i + 1]]``, packed or one by one.

    Raises
    ------
    ValueError
        A message is broken.
    """
    start = np.zeros(messages.shape[0] + 1, dtype=np.int64)
    for i in range(messages.shape[0]):
        start[i + 1] = start[i] + _count(data, messages[i, 0], messages[i, 1], field)
    values = np.empty(start[-1], dtype=np.int64)
    filled = 0
    for i in range(messages.shape[0]):
        at = messages[i, 0]
        while at < messages[i, 1]:
            number, kind, value, at = _next(data, at, messages[i, 1])
            if number == field and kind == _WITH_LENGTH:
                packed = at - value
                while packed < at:
                    values[filled], packed = _varint(data, packed, at)
                    filled += 1
            elif number == field and kind == _WHOLE_NUMBER:
                values[filled] = value
                filled += 1
    return start, values


@compiled
def _count(data: NDArray[np.uint8], at: int, end: int, field: int) -> int:
    """Count the whole numbers of a field in a message: of packed ones each has one last byte, below 128."""
    count = 0
    while at < end:
        number, kind, value, at = _next(data, at, end)
        if number == field and kind == _WITH_LENGTH:
            for byte in data[at - value : at]:
                count += byte < _MORE_FOLLOWS
        elif number == field and kind == _WHOLE_NUMBER:
            count += 1
    return count


@compiled
def _next(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int, int]:
    """Step over a field: its number, how it is written, its number or its length, and where the next one begins."""
    key, at = _varint(data, at, end)
    kind = key & 7
    value = 0
    if kind == _WHOLE_NUMBER:
        value, at = _varint(data, at, end)
        return key >> 3, kind, value, at
    if kind == _WITH_LENGTH:
        value, at = _varint(data, at, end)
    elif kind == _EIGHT_BYTES:
        value = 8
    elif kind == _FOUR_BYTES:
        value = 4
    else:
        raise ValueError("a field is written in an unknown way")
    if value < 0 or value > end - at:
        raise ValueError("a field is longer than what it stands in")
    return key >> 3, kind, value, at + value


@compiled
def _varint(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Read one whole number, seven bits to a byte, the lowest first: the number, and where the next byte stands."""
    value = 0
    shift = 0
    while at < end and shift < _VARINT_BITS:
        byte = int(data[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE_FOLLOWS:
            return value, at
        shift += 7
    raise ValueError("a number breaks off")
