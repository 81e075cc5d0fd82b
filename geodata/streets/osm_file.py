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
from typing import TYPE_CHECKING, Final

from geodata.errors import DataError, Finding
from geodata.streets.pbf_file import HEADER_BLOB, BrokenPbf, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from geodata.streets.pbf_file import Blob, Stream

EXPECTED: Final = "an OpenStreetMap extract: .osm, .osm.gz, .osm.bz2 or .osm.pbf"

_CHUNK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 64
# The root element of an honest extract stands in its first kilobyte, after a declaration and a comment or two.
_PROLOG_BYTES: Final = 1 << 16
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BZIP2_MAGIC: Final = b"BZh"
_DOCTYPE: Final = re.compile(r"<!DOCTYPE", re.IGNORECASE)
# A declaration, comments, processing instructions and white space may precede the root element.
_BEFORE_ROOT: Final = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ROOT_NAME: Final = re.compile(r"<([A-Za-z_][\w.:-]*)[\s/>]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmFile:
    """What was learnt of a file without parsing it.

    Attributes
    ----------
    format
        ``"osm"``, ``"osm.gz"``, ``"osm.bz2"`` or ``"pbf"``, as the osmium bindings name them.
    content_hash
        SHA-256 of the file's bytes, in hexadecimal.
    blobs
        where the blobs of a PBF file stand; empty for XML.
    """

    format: str
    content_hash: str
    blobs: tuple[Blob, ...]


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
    blobs: tuple[Blob, ...] = ()
    try:
        content_hash = _hash(path)
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        if head.startswith(_GZIP_MAGIC):
            kind = "osm.gz"
            with gzip.open(path, "rb") as unpacked:
                _check_xml(path, unpacked, max_bytes)
        elif head.startswith(_BZIP2_MAGIC):
            kind = "osm.bz2"
            with bz2.open(path, "rb") as unpacked:
                _check_xml(path, unpacked, max_bytes)
        elif HEADER_BLOB in head:
            kind = "pbf"
            with path.open("rb") as stream:
                blobs = _check_pbf(path, stream, max_bytes)
        else:
            kind = "osm"
            with path.open("rb") as stream:
                _check_xml(path, stream, max_bytes)
    except EOFError as error:
        raise refuse(path, "the compressed file ends before its end mark; it was cut short") from error
    except BrokenPbf as error:
        raise refuse(path, str(error)) from error
    except (OSError, zlib.error) as error:
        raise refuse(path, f"the file cannot be read: {error}", expected=EXPECTED) from error
    return OsmFile(format=kind, content_hash=content_hash, blobs=blobs)


def refuse(
    path: Path, message: str, *, row: int | None = None, value: str | None = None, expected: str | None = None
) -> DataError:
    """Make the error that says what is wrong with this file."""
    return DataError(Finding(file=path.name, message=message, row=row, value=value, expected=expected))


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_xml(path: Path, stream: Stream, max_bytes: int) -> None:
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


def _check_pbf(path: Path, stream: Stream, max_bytes: int) -> tuple[Blob, ...]:
    """Walk over the blobs of a PBF file by their headers, adding up the sizes that they unpack to."""
    blobs: list[Blob] = []
    unpacked_bytes = 0
    for blob in walk(stream):
        blobs.append(blob)
        unpacked_bytes += blob.raw_bytes
        if unpacked_bytes > max_bytes:
            raise _too_large(path, max_bytes)
    return tuple(blobs)


def _chunks(stream: Stream) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _too_large(path: Path, max_bytes: int) -> DataError:
    return refuse(
        path,
        "the file is too large once unpacked",
        value=f"more than {max_bytes} bytes",
        expected=f"at most {max_bytes} bytes; a city's streets need far less, so cut a smaller extract",
    )
