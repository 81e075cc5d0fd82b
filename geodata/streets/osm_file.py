"""Is this file what it says it is? Answered before any of it is parsed.

A file from outside may be a picture, half a download, or 194 bytes that expand to gigabytes. ``inspect`` reads
it as a stream, counts what comes out of the decompressor, and looks at no more than the opening of the XML.
What the file is decides its content, not the ending of its name.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from geodata.errors import DataError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXPECTED: Final = "an OpenStreetMap extract: .osm, .osm.gz, .osm.bz2 or .osm.pbf"

_CHUNK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 64
# The root element of an honest extract stands in its first kilobyte, after a declaration and a comment or two.
_PROLOG_BYTES: Final = 1 << 16
# Limits of the PBF format (OpenStreetMap wiki, "PBF Format", section "File format").
_PBF_PREFIX_BYTES: Final = 4
_PBF_HEADER_BYTES: Final = 64 * 1024
_PBF_BLOB_BYTES: Final = 32 * 1024 * 1024
# Numbers of the protobuf encoding: the wire types used here, the top bit of a byte, and the longest whole number.
_WHOLE_NUMBER: Final = 0
_BYTES_WITH_LENGTH: Final = 2
_MORE_FOLLOWS: Final = 0x80
_VARINT_BYTES: Final = 10

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BZIP2_MAGIC: Final = b"BZh"
_PBF_FIRST_BLOCK: Final = b"OSMHeader"
_DOCTYPE: Final = re.compile(r"<!DOCTYPE", re.IGNORECASE)
# A declaration, comments, processing instructions and white space may precede the root element.
_BEFORE_ROOT: Final = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ROOT_NAME: Final = re.compile(r"<([A-Za-z_][\w.:-]*)[\s/>]")


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmFile:
    """What was learnt of a file without parsing it.

    Attributes
    ----------
    format
        ``"osm"``, ``"osm.gz"``, ``"osm.bz2"`` or ``"pbf"``, as the osmium bindings name them.
    content_hash
        SHA-256 of the file's bytes, in hexadecimal.
    unpacked_bytes
        size after decompression.
    """

    format: str
    content_hash: str
    unpacked_bytes: int


def inspect(path: Path, *, max_bytes: int) -> OsmFile:
    """Look at a file's form and size, reading it as a stream.

    Raises
    ------
    DataError
        The file is absent, empty, cut short, damaged, too large once unpacked, holds a DOCTYPE, or is no extract.
    """
    if not path.is_file():
        raise refuse(path, "the file does not exist", expected=EXPECTED)
    if path.stat().st_size == 0:
        raise refuse(path, "the file is empty", expected=EXPECTED)
    try:
        content_hash = _hash(path)
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        if head.startswith(_GZIP_MAGIC):
            kind = "osm.gz"
            with gzip.open(path, "rb") as unpacked:
                size = _check_xml(path, unpacked, max_bytes)
        elif head.startswith(_BZIP2_MAGIC):
            kind = "osm.bz2"
            with bz2.open(path, "rb") as unpacked:
                size = _check_xml(path, unpacked, max_bytes)
        elif _PBF_FIRST_BLOCK in head:
            kind = "pbf"
            with path.open("rb") as stream:
                size = _check_pbf(path, stream, max_bytes)
        else:
            kind = "osm"
            with path.open("rb") as stream:
                size = _check_xml(path, stream, max_bytes)
    except EOFError as error:
        raise refuse(path, "the compressed file ends before its end mark; it was cut short") from error
    except (OSError, zlib.error) as error:
        raise refuse(path, f"the file cannot be read: {error}", expected=EXPECTED) from error
    return OsmFile(format=kind, content_hash=content_hash, unpacked_bytes=size)


def refuse(
    path: Path, message: str, *, row: int | None = None, value: str | None = None, expected: str | None = None
) -> DataError:
    """Make the error that says what is wrong with this file."""
    return DataError(Finding(file=path.name, message=message, row=row, value=value, expected=expected))


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_xml(path: Path, stream: _Stream, max_bytes: int) -> int:
    """Check the opening of the XML, then count the rest without keeping it."""
    size = 0
    for chunk in _chunks(stream):
        if size == 0:
            _check_prolog(path, chunk[:_PROLOG_BYTES])
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(path, max_bytes)
    if size == 0:
        raise refuse(path, "the compressed file holds nothing", expected=EXPECTED)
    return size


def _check_prolog(path: Path, opening: bytes) -> None:
    if opening.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = opening.decode("utf-16", errors="replace")
    else:
        text = opening.decode("utf-8-sig", errors="replace")
    before = _BEFORE_ROOT.match(text)
    rest = text[before.end() :] if before else text
    if _DOCTYPE.match(rest):
        raise refuse(
            path, "the XML declares a DOCTYPE, which can hide entities", expected="plain OSM XML without DOCTYPE"
        )
    root = _ROOT_NAME.match(rest)
    if root is None:
        raise refuse(path, "the file is neither OSM XML nor PBF", value=text[:40], expected=EXPECTED)
    if root.group(1) != "osm":
        raise refuse(path, "the XML is not an OSM extract", value=f"<{root.group(1)}>", expected="the root <osm>")


def _check_pbf(path: Path, stream: _Stream, max_bytes: int) -> int:
    """Walk over the blocks of a PBF file by their headers, adding up the sizes that they unpack to."""
    unpacked = 0
    while prefix := stream.read(_PBF_PREFIX_BYTES):
        header_bytes = int.from_bytes(prefix, "big")
        if len(prefix) < _PBF_PREFIX_BYTES or header_bytes > _PBF_HEADER_BYTES:
            raise _broken_block(path, stream)
        header = stream.read(header_bytes)
        blob_bytes = _field(header, 3)
        if len(header) < header_bytes or blob_bytes is None or blob_bytes > _PBF_BLOB_BYTES:
            raise _broken_block(path, stream)
        blob = stream.read(blob_bytes)
        if len(blob) < blob_bytes:
            raise _broken_block(path, stream)
        # Field 2 is raw_size, absent where the block is stored as it is.
        unpacked += _field(blob[: 2 + _VARINT_BYTES], 2) or blob_bytes
        if unpacked > max_bytes:
            raise _too_large(path, max_bytes)
    return unpacked


def _field(message: bytes, wanted: int) -> int | None:
    """Find a whole-number field of a protobuf message, or None where it is absent or the message is broken."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        value, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _WHOLE_NUMBER and number == wanted:
            return value
        if wire_type == _BYTES_WITH_LENGTH:
            position += value
        elif wire_type != _WHOLE_NUMBER:
            return None
    return None


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[position : position + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < _MORE_FOLLOWS:
            return value, position + index + 1
    return 0, len(message)


def _chunks(stream: _Stream) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _broken_block(path: Path, stream: _Stream) -> DataError:
    message = f"the PBF file breaks off inside a block, near byte {stream.tell()}; it was cut short or damaged"
    return refuse(path, message)


def _too_large(path: Path, max_bytes: int) -> DataError:
    return refuse(
        path,
        "the file is too large once unpacked",
        value=f"more than {max_bytes} bytes",
        expected=f"at most {max_bytes} bytes; a city's streets need far less, so cut a smaller extract",
    )
