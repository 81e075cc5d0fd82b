"""The blobs of a PBF file: where each stands, how much it unpacks to, and its bytes unpacked.

A PBF file is a row of blobs, each with a small header (OpenStreetMap wiki, "PBF Format", section "File format"). What
is inside them is the business of ``pbf``.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HEADER_BLOB: Final = b"OSMHeader"
DATA_BLOB: Final = b"OSMData"

# Limits of the format.
_PREFIX_BYTES: Final = 4
_HEADER_BYTES: Final = 64 * 1024
_BLOB_BYTES: Final = 32 * 1024 * 1024
# Numbers of the protobuf encoding: the wire types used here, the top bit of a byte, and the longest whole number.
_WHOLE_NUMBER: Final = 0
_BYTES_WITH_LENGTH: Final = 2
_MORE_FOLLOWS: Final = 0x80
_VARINT_BYTES: Final = 10
# Fields of the messages BlobHeader and Blob.
_TYPE: Final = 1
_DATA_SIZE: Final = 3
_RAW: Final = 1
_RAW_SIZE: Final = 2
_ZLIB_DATA: Final = 3


class BrokenPbf(ValueError):
    """What is wrong with a PBF file."""


class Blob(NamedTuple):
    """One blob: its ``kind``, the position and length of its bytes, and how many they unpack to.

    ``plain`` says whether the bytes are stored as they are or by zlib; other ways of packing are rare, and False.
    """

    kind: bytes
    begin: int
    packed_bytes: int
    raw_bytes: int
    is_zlib: bool
    plain: bool


class Stream(Protocol):
    """What blobs are read from."""

    def read(self, size: int, /) -> bytes:
        """Give up to so many bytes."""
        ...

    def tell(self) -> int:
        """Say how many bytes lie behind."""
        ...


def walk(stream: Stream) -> Iterator[Blob]:
    """Go over the blobs by their headers.

    Raises
    ------
    BrokenPbf
        The file breaks off inside a blob, or what stands there is no blob.
    """
    while prefix := stream.read(_PREFIX_BYTES):
        header_bytes = int.from_bytes(prefix, "big")
        if len(prefix) < _PREFIX_BYTES or header_bytes > _HEADER_BYTES:
            raise _broken(stream)
        header = stream.read(header_bytes)
        size = _fields(header).get(_DATA_SIZE)
        if len(header) < header_bytes or not isinstance(size, int) or size > _BLOB_BYTES:
            raise _broken(stream)
        begin = stream.tell()
        message = stream.read(size)
        if len(message) < size:
            raise _broken(stream)
        yield _blob(header, message, begin)


def unpacked(path: Path, blobs: Sequence[Blob]) -> Iterator[bytes]:
    """Unpack blobs one after the other.

    Raises
    ------
    BrokenPbf
        A blob does not unpack, or not to as many bytes as it says.
    """
    with path.open("rb") as stream:
        for blob in blobs:
            stream.seek(blob.begin)
            yield _unpack(blob, stream.read(blob.packed_bytes))


def _unpack(blob: Blob, packed: bytes) -> bytes:
    if not blob.is_zlib:
        return packed
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, blob.raw_bytes + 1)
    except zlib.error as error:
        raise BrokenPbf(f"the block at byte {blob.begin} does not unpack: {error}") from error
    if len(raw) != blob.raw_bytes or not inflater.eof:
        raise BrokenPbf(f"the block at byte {blob.begin} does not unpack to the size it names")
    return raw


def _blob(header: bytes, message: bytes, begin: int) -> Blob:
    kind = _fields(header).get(_TYPE)
    fields = _fields(message)
    raw, packed, raw_size = fields.get(_RAW), fields.get(_ZLIB_DATA), fields.get(_RAW_SIZE)
    name = header[kind] if isinstance(kind, slice) else b""
    if isinstance(raw, slice):
        size = raw.stop - raw.start
        return Blob(name, begin + raw.start, size, size, is_zlib=False, plain=True)
    size = raw_size if isinstance(raw_size, int) else len(message)
    if isinstance(packed, slice) and size <= _BLOB_BYTES:
        return Blob(name, begin + packed.start, packed.stop - packed.start, size, is_zlib=True, plain=True)
    return Blob(name, begin, len(message), size, is_zlib=False, plain=False)


def _fields(message: bytes) -> dict[int, int | slice]:
    """Give the fields of a small message by number: whole numbers, and where bytes stand; none if it is broken."""
    fields: dict[int, int | slice] = {}
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        value, position = _varint(message, position)
        wire_type = key & 7
        if wire_type == _WHOLE_NUMBER:
            fields[key >> 3] = value
        elif wire_type == _BYTES_WITH_LENGTH and position + value <= len(message):
            fields[key >> 3] = slice(position, position + value)
            position += value
        else:
            return {}
    return fields


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[position : position + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < _MORE_FOLLOWS:
            return value, position + index + 1
    return 0, len(message)


def _broken(stream: Stream) -> BrokenPbf:
    return BrokenPbf(f"the PBF file breaks off inside a block, near byte {stream.tell()}; it was cut short or damaged")
