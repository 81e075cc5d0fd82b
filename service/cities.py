"""Cities as they are stored: the archive in the database is the truth, folders and objects are made from it."""

from __future__ import annotations

import hashlib
import re
import tempfile
import threading
import unicodedata
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from geodata.city.archive import extract_city_archive
from geodata.city.dataset import load_city
from geodata.errors import CityDatasetError, DataError
from service.clock import utc_now
from service.db.faults import fault_of
from service.db.models import CityRow, CityVersionRow
from service.problems import Conflict, InvalidCity, NotFound, NotPermitted, TooLarge, findings_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from geodata.city.dataset import CityDataset
    from service.settings import Settings

KEPT_IN_MEMORY: Final = 4
SLUG_LENGTH: Final = 60


class Cities:
    """Imports cities, and gives back what was imported.

    Parameters
    ----------
    engine
        The database.
    settings
        Folders and limits.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._loaded: OrderedDict[str, CityDataset] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def cache_dir(self) -> Path:
        """What takes time to compute and can be deleted at any time."""
        return self._settings.cache_dir

    def add(
        self,
        archive: bytes,
        *,
        permitted: Callable[[str], bool] = lambda _city_id: True,
        also: Callable[[Session, str, bool], None] = lambda _session, _city_id, _is_new: None,
    ) -> tuple[CityVersionRow, bool]:
        """Check and store a city archive.

        Parameters
        ----------
        permitted
            Whether the city of this short name may be imported by whoever asks.
        also
            What else is stored with it, in the same transaction, for the city of this short name that is new or not.

        Returns
        -------
        tuple[CityVersionRow, bool]
            The version, and whether it is new; the same content is stored once.

        Raises
        ------
        InvalidCity
            With every error of the dataset.
        TooLarge
            If it has more containers or vehicles than the settings allow.
        NotPermitted
            If it is a city that may not be imported by whoever asks.
        Conflict
            If another city, with another name, has the same short name; or if the same city is being imported just now.
        """
        self._settings.cities_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=self._settings.cities_dir) as scratch:
            city = self._read(archive, Path(scratch) / "city")
            self._check_size(city)
        city_id = slug(city.name)
        if not permitted(city_id):
            raise NotPermitted(f"Whoever asks may not import the city {city_id!r}.")
        try:
            version, is_new = self._store(city_id, city, archive, also)
        except IntegrityError as error:
            raise Conflict(f"City {city_id!r} is being imported by somebody else just now; try again.") from error
        return version, is_new

    def current(self, session: Session, city_id: str) -> CityVersionRow:
        """Return the version of a city that is in use, without its archive; NotFound if there is none."""
        found = session.exec(
            select(CityVersionRow)
            .join(CityRow, col(CityRow.id) == col(CityVersionRow.city_id))
            .where(CityRow.id == city_id, col(CityVersionRow.content_hash) == col(CityRow.content_hash))
            .options(defer(CityVersionRow.archive))  # type: ignore[arg-type]  # SQLModel types columns as their values
        ).first()
        if found is None:
            raise NotFound(f"There is no city {city_id!r}.")
        return found

    def all_current(self, session: Session) -> list[CityVersionRow]:
        """Return the version in use of every city, in the order of their short names."""
        return list(
            session.exec(
                select(CityVersionRow)
                .join(CityRow, col(CityRow.id) == col(CityVersionRow.city_id))
                .where(col(CityVersionRow.content_hash) == col(CityRow.content_hash))
                .options(defer(CityVersionRow.archive))  # type: ignore[arg-type]  # as above
                .order_by(CityRow.id)
            )
        )

    def dataset(self, version_id: int, content_hash: str) -> CityDataset:
        """Return a stored version as a dataset; the last few stay in memory.

        Raises
        ------
        Conflict
            If what is read now is not what was imported: streets that are fetched by name have changed.
        """
        with self._lock:
            found = self._loaded.get(content_hash)
            if found is None:
                found = self._load(version_id, content_hash)
                self._loaded[content_hash] = found
            self._loaded.move_to_end(content_hash)
            while len(self._loaded) > KEPT_IN_MEMORY:
                self._loaded.popitem(last=False)
            return found

    def _load(self, version_id: int, content_hash: str) -> CityDataset:
        folder = self._settings.cities_dir / content_hash
        if not folder.is_dir():
            with Session(self._engine) as session:
                archive = session.exec(select(CityVersionRow.archive).where(CityVersionRow.id == version_id)).one()
            _unpack_once(archive, folder)
        city = load_city(folder, cache_dir=self._settings.cache_dir)
        if city.content_hash != content_hash:
            raise Conflict(
                f"City {city.name!r} is no longer what was imported: its streets, fetched by the name of the place, "
                "have changed. Import it again."
            )
        return city

    def _read(self, archive: bytes, folder: Path) -> CityDataset:
        try:
            extract_city_archive(archive, folder)
            return load_city(folder, cache_dir=self._settings.cache_dir)
        except CityDatasetError as error:
            raise InvalidCity.of(error) from error
        except DataError as error:
            met = error.__context__
            if isinstance(met, OSError) and fault_of(met) is not None:
                raise met from error  # the disk is to blame, not the archive
            raise InvalidCity(findings_out([error.finding])) from error

    def _check_size(self, city: CityDataset) -> None:
        for what, count, limit in (
            ("containers", len(city.containers), self._settings.max_containers),
            ("vehicles", len(city.vehicles), self._settings.max_vehicles),
        ):
            if count > limit:
                raise TooLarge(f"City {city.name!r} has {count:,} {what}; this server accepts at most {limit:,}.")

    def _store(
        self, city_id: str, city: CityDataset, archive: bytes, also: Callable[[Session, str, bool], None]
    ) -> tuple[CityVersionRow, bool]:
        now = utc_now()
        with Session(self._engine, expire_on_commit=False) as session:
            row = session.get(CityRow, city_id)
            if row is None:
                row = CityRow(
                    id=city_id, name=city.name, content_hash=city.content_hash, created_at=now, updated_at=now
                )
                session.add(row)
                session.flush()
            elif row.name != city.name:
                raise Conflict(
                    f"The name {city.name!r} makes the short name {city_id!r}, which city {row.name!r} has already; "
                    "give it another name in city.toml."
                )
            version = session.exec(
                select(CityVersionRow).where(
                    CityVersionRow.city_id == city_id, CityVersionRow.content_hash == city.content_hash
                )
            ).first()
            is_new = version is None
            if version is None:
                version = CityVersionRow(
                    city_id=city_id,
                    content_hash=city.content_hash,
                    imported_at=now,
                    summary=_summary(city),
                    archive=archive,
                )
                session.add(version)
            if row.content_hash != city.content_hash:
                # An older content that is handed in again is the one in use from now on.
                row.content_hash, row.updated_at = city.content_hash, now
            also(session, city_id, is_new)
            session.commit()
            return version, is_new


def slug(name: str) -> str:
    """Return the short name of a city, for addresses: ASCII letters, digits and hyphens.

    A name in another script becomes ``city-`` with eight hexadecimal digits of its hash.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].strip("-")
    return words or "city-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def _unpack_once(archive: bytes, folder: Path) -> None:
    """Unpack beside the target and rename, so that a folder of that name is always whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as scratch:
        unpacked = Path(scratch) / "city"
        extract_city_archive(archive, unpacked)
        try:
            unpacked.rename(folder)
        except OSError:
            # Another process was quicker; what it made is the same.
            if not folder.is_dir():
                raise


def _summary(city: CityDataset) -> dict[str, object]:
    loners = sum(container.stop_id is None for container in city.containers)
    shared = len({container.stop_id for container in city.containers} - {None})
    return {
        "name": city.name,
        "timezone": city.timezone,
        "currency": city.currency,
        "driving_side": city.driving_side,
        "containers": len(city.containers),
        "stops": loners + shared,
        "depots": len(city.depots),
        "disposal_sites": len(city.disposal_sites),
        "vehicles": len(city.vehicles),
        "shifts": len(city.shifts),
        "zones": len(city.zones),
        "attribution": city.attribution,
        "warnings": [warning.model_dump() for warning in findings_out(city.warnings)],
    }
