"""What the command does with the server's own settings and database, while the server may be running."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from geodata.city.archive import city_folder
from geodata.city.dataset import load_city
from service.cities import Cities
from service.cli.show import CommandError
from service.db.engine import make_engine, upgrade
from service.problems import InvalidCity, ServiceError
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from geodata.city.dataset import CityDataset


def read_settings(**given: Any) -> Settings:
    """Return the settings, those given before those of the environment.

    Raises
    ------
    CommandError
        If an environment variable holds what cannot be used.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise CommandError("\n".join(_settings_sentence(entry) for entry in error.errors())) from error


def open_database(settings: Settings) -> Engine:
    """Open the server's database, made when absent, and bring it to the newest schema.

    Raises
    ------
    CommandError
        If it cannot be opened, or is of another version.
    """
    where = f"The database {settings.database_url or settings.home.absolute() / 'samram.sqlite'}"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"The folder {settings.home} cannot be made: {error.strerror or error}; SAMRAM_HOME names another one."
        ) from error
    try:
        engine = make_engine(settings.database)
        upgrade(engine)
    except ImportError as error:
        raise CommandError(f"{where} needs a driver that is not installed: {error}.") from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise CommandError(f"{where} cannot be used: {reason}.") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "alembic":  # it is not loaded unless the schema must change
            raise
        raise CommandError(f"{where} was made by another version of Samram: {error}.") from error
    return engine


def import_city(path: Path) -> tuple[str, bool, CityDataset]:
    """Store a city; return its id, whether its content is new, and the city.

    Raises
    ------
    CityDatasetError
        With everything that is wrong with it.
    CommandError
        If the database or the settings refuse it.
    """
    city = load_city(path)  # its errors carry more than the server's own reply
    settings = read_settings()
    engine = open_database(settings)
    try:
        version, is_new = Cities(engine, settings).add(city_archive(path))
    except InvalidCity as error:
        raise CommandError(f"{error.detail}; as an archive it is not accepted") from error
    except ServiceError as error:
        raise CommandError(error.detail) from error
    except SQLAlchemyError as error:
        raise CommandError(f"The city cannot be stored: {getattr(error, 'orig', None) or error}.") from error
    finally:
        engine.dispose()
    return version.city_id, is_new, city


def city_archive(path: Path) -> bytes:
    """Return a city as the bytes of a zip; a folder is packed, without its hidden files and folders."""
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(city_folder(path).iterdir()):
            if file.is_file() and not file.name.startswith("."):
                archive.write(file, file.name)
    return packed.getvalue()


def _settings_sentence(entry: Any) -> str:
    """Name the environment variable; of a whole that does not fit, the sentence names the setting itself."""
    message = entry["msg"].removeprefix("Value error, ")
    if not entry["loc"]:
        return f"The settings SAMRAM_... cannot be used: {message}"
    return f"SAMRAM_{str(entry['loc'][0]).upper()} is {entry['input']!r}: {message}."
