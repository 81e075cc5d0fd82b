"""Unpacks the zip of a city dataset without trusting it.

A zip from outside may name files outside its folder, hold links, expand to gigabytes, or be half a download. Members
are looked at before anything is written, and are counted again while they are written, because the sizes that a zip
states are only claims.
"""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn

from geodata.errors import DataError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEMBERS = 200
"""A city dataset has nine files; a few more (read-me, licences, overlays) are welcome."""

MAX_TOTAL_BYTES = 2_000_000_000
"""Decompressed. The street extract of a large city, as plain XML, is a few hundred megabytes."""

EXPECTED = "a zip of a city's folder"
_CHUNK = 1 << 20
_SYSTEM_FOLDERS = ("__MACOSX",)
_ENCRYPTED = 0x1
_UNIX = 3


def extract_city_archive(
    data: bytes | Path,
    target: Path,
    *,
    max_members: int = MAX_MEMBERS,
    max_total_bytes: int = MAX_TOTAL_BYTES,
) -> Path:
    """Unpack a city dataset.

    Parameters
    ----------
    data
        The zip's bytes, or the path of the file.
    target
        Folder to unpack into; it is created, and must be empty if it exists. Nothing is left in it on failure.
    max_members, max_total_bytes
        The largest archive that is accepted.

    Returns
    -------
    Path
        The folder that holds ``city.toml``: ``target``, or the single folder inside it.

    Raises
    ------
    DataError
        The file is no zip, is damaged, encrypted or too large, or holds a member whose name leaves the folder.
    """
    name = data.name if isinstance(data, Path) else "city.zip"
    if target.exists() and any(target.iterdir()):
        _refuse(name, f"the folder {target.name!r} to unpack into is not empty", expected="an empty folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Unpacking beside the target and renaming at the end leaves either everything there or nothing.
        with tempfile.TemporaryDirectory(prefix=".unpack-", dir=target.parent) as scratch:
            unpacked = Path(scratch) / "city"
            unpacked.mkdir()
            with zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data) as archive:
                _unpack(archive, unpacked, name, max_members, max_total_bytes)
            if target.exists():
                target.rmdir()  # fails where another process has filled it meanwhile
            unpacked.replace(target)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # zipfile reports an unknown compression as NotImplementedError, a wrong password as RuntimeError.
        _refuse(name, f"the archive is damaged or of an unknown kind: {error}")
    except (OSError, ValueError) as error:
        _refuse(name, f"the archive cannot be unpacked: {error}")
    return city_folder(target)


def city_folder(folder: Path) -> Path:
    """Return the folder that holds ``city.toml``: this one, or the only folder inside it."""
    if (folder / "city.toml").exists():
        return folder
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    if len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    return folder


def _unpack(archive: zipfile.ZipFile, target: Path, name: str, max_members: int, max_total_bytes: int) -> None:
    members = list(_checked_members(archive, name, max_members))
    claimed = sum(member.file_size for member, _ in members)
    if claimed > max_total_bytes:
        _refuse(
            name,
            "the archive is too large when unpacked",
            value=f"{claimed} bytes",
            expected=f"at most {max_total_bytes:,} bytes",
        )
    written = 0
    for member, path in members:
        destination = target.joinpath(*path.parts)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, destination.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > max_total_bytes:
                    _refuse(
                        name,
                        f"the archive is too large when unpacked (at {member.filename!r})",
                        expected=f"at most {max_total_bytes:,} bytes",
                    )
                sink.write(chunk)


def _checked_members(
    archive: zipfile.ZipFile, name: str, max_members: int
) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    members = archive.infolist()
    if len(members) > max_members:
        _refuse(name, "the archive holds too many files", value=str(len(members)), expected=f"at most {max_members}")
    seen: set[str] = set()
    for member in members:
        # Windows tools write backslashes, which are ordinary characters to others: read them as what they mean.
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename or not path.parts:
            _refuse(
                name,
                "a file's name leads out of the archive's folder",
                value=member.filename[:200],
                expected="names inside the folder, without '..', drive letters or a leading '/'",
            )
        if member.create_system == _UNIX and stat.S_ISLNK(member.external_attr >> 16):
            _refuse(name, "a file is a link", value=member.filename[:200], expected="plain files")
        if member.flag_bits & _ENCRYPTED:
            _refuse(name, "a file is encrypted", value=member.filename[:200], expected="an archive without a password")
        if member.is_dir() or member.filename.endswith("\\") or path.parts[0] in _SYSTEM_FOLDERS:
            continue
        if path.as_posix().casefold() in seen:
            _refuse(name, "two files have the same name", value=member.filename[:200], expected="each name once")
        seen.add(path.as_posix().casefold())
        yield member, path


def _refuse(name: str, message: str, *, value: str | None = None, expected: str = EXPECTED) -> NoReturn:
    raise DataError(Finding(file=name, message=message, value=value, expected=expected)) from None
