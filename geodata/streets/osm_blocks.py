"""An extract of any form as the blocks of a PBF file, to be gone over as often as one likes.

A .pbf file is such blocks. XML, and the rare .pbf that is packed otherwise than by zlib, is first written as a plain
.pbf by osmium, which takes no more time than to read it: so what is read from an extract is said once, for every form.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import osmium

from geodata.errors import DataError
from geodata.streets.osm_file import EXPECTED, refuse
from geodata.streets.pbf import Block, required_features
from geodata.streets.pbf_file import DATA_BLOB, HEADER_BLOB, unpacked, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from geodata.streets.osm_file import OsmFile
    from geodata.streets.pbf_file import Blob

# Up to this size a file stays unpacked in memory; beyond it, each time it is gone over unpacks it anew.
_KEPT_BYTES: Final = 256 * 1024 * 1024
_UNDERSTOOD: Final = frozenset({b"OsmSchema-V0.6", b"DenseNodes"})


class _Blocks:
    """The blocks of data of a PBF file."""

    def __init__(self, path: Path, blobs: Sequence[Blob]) -> None:
        self._path = path
        self._blobs = [blob for blob in blobs if blob.kind == DATA_BLOB]
        small = sum(blob.raw_bytes for blob in self._blobs) <= _KEPT_BYTES
        self._kept = list(self._unpack()) if small else None

    def __iter__(self) -> Iterator[Block]:
        return iter(self._kept) if self._kept is not None else self._unpack()

    def _unpack(self) -> Iterator[Block]:
        return (Block(data) for data in unpacked(self._path, self._blobs))


@contextmanager
def open_blocks(path: Path, opened: OsmFile) -> Iterator[Iterable[Block]]:
    """Give the blocks of an extract.

    Raises
    ------
    DataError
        The file is damaged, or needs a reader that understands more; also where that shows only in a block.
    """
    try:
        if opened.blobs and all(blob.plain for blob in opened.blobs):
            _check_features(path, opened.blobs)
            yield _Blocks(path, opened.blobs)
            return
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "streets.osm.pbf"
            _write_plain(path, opened.format, plain)
            with plain.open("rb") as stream:
                blobs = tuple(walk(stream))
            yield _Blocks(plain, blobs)
    except DataError:
        raise
    except (RuntimeError, ValueError, OverflowError, osmium.InvalidLocationError) as error:
        raise refuse(path, f"the file is damaged: {error}", expected=EXPECTED) from error


def _write_plain(path: Path, form: str, plain: Path) -> None:
    with osmium.SimpleWriter(osmium.io.File(str(plain), "pbf,pbf_compression=none,add_metadata=false")) as writer:
        osmium.apply(osmium.io.Reader(osmium.io.File(str(path), form)), writer)


def _check_features(path: Path, blobs: Sequence[Blob]) -> None:
    for header in unpacked(path, [blob for blob in blobs if blob.kind == HEADER_BLOB]):
        unknown = required_features(header) - _UNDERSTOOD
        if unknown:
            raise refuse(
                path,
                "the file can be read by those alone who understand more than extracts of the present state",
                value=", ".join(sorted(name.decode(errors="replace") for name in unknown)),
                expected=EXPECTED,
            )
