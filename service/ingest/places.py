"""What must be known of a city to judge a reading: its containers, and which sensor sits in which."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
from sqlalchemy import Connection, select

from service.db.models import CityRow, CityVersionRow, DeviceRow
from service.ingest.calibration import Calibration
from service.ingest.report import device_id, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.cities import Cities

KEPT: Final = 16
_ASKED_AT_ONCE: Final = 500
_CITY: Final = CityRow.__table__  # type: ignore[attr-defined]  # SQLModel hides what SQLAlchemy makes
_VERSION: Final = CityVersionRow.__table__  # type: ignore[attr-defined]
_DEVICE: Final = DeviceRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A sensor as it is registered; ``from_us`` and ``to_us`` say when it served, None is without end."""

    container: str | None
    codec: str | None = None
    calibration: Calibration | None = None
    from_us: int | None = None
    to_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A city, as far as readings go: its containers, and the sensors that its files name."""

    city_id: str
    containers: frozenset[str]
    sensors: Mapping[str, Device]


class Places:
    """Knows the cities in use; what was read of a version is kept, because a version never changes."""

    def __init__(self, cities: Cities) -> None:
        self._cities = cities
        self._kept: OrderedDict[str, Place] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, connection: Connection, city_id: str) -> Place | None:
        """Return a city in the version in use, None if there is no such city.

        Raises
        ------
        Conflict
            If the stored city can no longer be read.
        """
        found = connection.execute(
            select(_VERSION.c.id, _VERSION.c.content_hash)
            .join(_CITY, _CITY.c.id == _VERSION.c.city_id)
            .where(_CITY.c.id == city_id, _CITY.c.content_hash == _VERSION.c.content_hash)
        ).first()
        if found is None:
            return None
        with self._lock:
            kept = self._kept.get(found.content_hash)
            if kept is not None and kept.city_id == city_id:
                return kept
        sensors = self._sensors(found.id, found.content_hash)
        place = Place(
            city_id=city_id,
            containers=frozenset(sensors),
            sensors={device_id(sensor): Device(container=name) for name, sensor in sensors.items() if sensor},
        )
        with self._lock:
            self._kept[found.content_hash] = place
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return place

    def _sensors(self, version_id: int, content_hash: str) -> dict[str, str | None]:
        """Return the sensor of each container, from the cache: a server that starts anew takes readings at once."""
        kept = self._cities.cache_dir / f"sensors-{content_hash}.json"
        with contextlib.suppress(FileNotFoundError, orjson.JSONDecodeError):
            found: dict[str, str | None] = orjson.loads(kept.read_bytes())
            return found
        city = self._cities.dataset(version_id, content_hash)
        found = {container.id: container.sensor_id or None for container in city.containers}
        with contextlib.suppress(OSError):  # where the disk is full it is read anew next time
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(prefix=".sensors-", dir=kept.parent, delete=False) as file:
                file.write(orjson.dumps(found))
            Path(file.name).replace(kept)
        return found


def registered(connection: Connection, city_id: str, ids: Iterable[str]) -> dict[str, Device]:
    """Return those of the devices that are registered in a city."""
    wanted = list(ids)
    found = {}
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        part = wanted[start : start + _ASKED_AT_ONCE]
        for row in connection.execute(select(_DEVICE).where(_DEVICE.c.city_id == city_id, _DEVICE.c.id.in_(part))):
            calibration = None
            if row.empty_mm is not None and row.full_mm is not None:
                calibration = Calibration(
                    empty_mm=row.empty_mm, full_mm=row.full_mm, offset_mm=row.offset_mm, shape=row.shape
                )
            found[row.id] = Device(
                container=row.container,
                codec=row.codec,
                calibration=calibration,
                from_us=None if row.active_from is None else microseconds(row.active_from),
                to_us=None if row.active_to is None else microseconds(row.active_to),
            )
    return found


def elsewhere(connection: Connection, city_id: str, ids: Iterable[str]) -> set[str]:
    """Return those of the devices that are registered in another city."""
    wanted = list(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        part = wanted[start : start + _ASKED_AT_ONCE]
        rows = connection.execute(select(_DEVICE.c.id).where(_DEVICE.c.city_id != city_id, _DEVICE.c.id.in_(part)))
        found.update(rows.scalars())
    return found
