"""What the command does with the server's own database, while the server may be running."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from service.cities import Cities
from service.db.engine import make_engine, upgrade
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def import_city(path: Path) -> tuple[str, bool]:
    """Store a city; return its id and whether its content is new.

    Raises
    ------
    CityDatasetError
        With everything that is wrong with it.
    """
    from geodata.city.dataset import load_city

    load_city(path)  # its errors carry more than the server's own reply
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database)
    try:
        upgrade(engine)
        version, is_new = Cities(engine, settings).add(city_archive(path))
        return version.city_id, is_new
    finally:
        engine.dispose()


def city_archive(path: Path) -> bytes:
    """Return a city as the bytes of a zip; a folder is packed, without its hidden files and folders."""
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                archive.write(file, file.name)
    return packed.getvalue()
