"""A zip from outside is unpacked only when it is harmless."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.city.archive import extract_city_archive
from geodata.errors import DataError


def zipped(*names: str, data: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name", ["../city.toml", "a/../../city.toml", "/etc/city.toml", "C:/city.toml", "..\\city.toml", "a\\..\\..\\b"]
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    """A member whose name leads outside is refused before anything is written."""
    with pytest.raises(DataError, match="leads out"):
        extract_city_archive(zipped("city.toml", name), tmp_path / "in" / "city")
    assert list(tmp_path.rglob("*.toml")) == []
    assert not (tmp_path / "in" / "city").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    """A member that is a symbolic link could lead anywhere and is refused."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("streets.osm")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="link"):
        extract_city_archive(buffer.getvalue(), tmp_path / "city")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    """A member with the encryption flag is refused, and the reason named."""
    data = bytearray(zipped("city.toml"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(DataError, match="encrypted"):
        extract_city_archive(bytes(data), tmp_path / "city")


def test_the_number_of_files_is_limited(tmp_path: Path) -> None:
    """An archive with as many files as allowed is unpacked, one with one more is not."""
    names = [f"{number}.csv" for number in range(5)]
    extract_city_archive(zipped(*names), tmp_path / "five", max_members=5)
    with pytest.raises(DataError, match="too many"):
        extract_city_archive(zipped(*names), tmp_path / "four", max_members=4)


def test_the_unpacked_size_is_limited(tmp_path: Path) -> None:
    """An archive that unpacks to the largest size is accepted, one byte more is not."""
    data = zipped("city.toml", data=b" " * 100_000)
    assert len(data) < 1_000
    extract_city_archive(data, tmp_path / "fits", max_total_bytes=100_000)
    with pytest.raises(DataError, match="too large"):
        extract_city_archive(data, tmp_path / "bomb", max_total_bytes=99_999)
    assert not (tmp_path / "bomb").exists()


def test_a_false_claim_of_size_does_not_help(tmp_path: Path) -> None:
    """A member whose stated size is smaller than what it unpacks to is refused, never unpacked past the limit."""
    data = zipped("city.toml", data=b" " * 100_000)
    lied = data.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lied != data
    with pytest.raises(DataError):
        extract_city_archive(lied, tmp_path / "bomb", max_total_bytes=1_000)
    assert not (tmp_path / "bomb").exists()


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", zipped("city.toml")[:-10], zipped("city.toml")[10:]])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    """Empty, cut and foreign bytes are answered with an error that names the archive."""
    with pytest.raises(DataError, match=r"city\.zip"):
        extract_city_archive(data, tmp_path / "city")


@given(st.binary(max_size=200), st.integers(0, 120))
def test_damaged_bytes_give_no_other_error(noise: bytes, at: int) -> None:
    """Whatever is overwritten in a zip, it is unpacked or refused with DataError."""
    import tempfile

    data = zipped("city.toml", "a/b.csv")
    damaged = data[:at] + noise + data[at + len(noise) :]
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = extract_city_archive(damaged, Path(folder) / "city")
        except DataError:
            return
        assert found.is_dir()


def test_one_folder_inside_the_zip_is_the_city(tmp_path: Path) -> None:
    """A zip of a folder, with the additions of a Mac's packer, unpacks to that folder."""
    data = zipped("angkor/city.toml", "angkor/depots.csv", "__MACOSX/angkor/._city.toml")
    folder = extract_city_archive(data, tmp_path / "out")
    assert folder == tmp_path / "out" / "angkor"
    assert sorted(path.name for path in folder.iterdir()) == ["city.toml", "depots.csv"]


def test_backslashes_are_folders(tmp_path: Path) -> None:
    """A zip made on Windows with backslashes in its names unpacks to the folder they mean."""
    folder = extract_city_archive(zipped("angkor\\city.toml"), tmp_path / "out")
    assert (folder / "city.toml").is_file()


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    """Two members that some systems cannot tell apart are refused."""
    with pytest.raises(DataError, match="same name"):
        extract_city_archive(zipped("city.toml", "City.toml"), tmp_path / "out")
