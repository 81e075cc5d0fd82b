"""Backups of the database, and a new database from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from service.backup import BackupError, backup, restore
from service.cli import show, store
from service.db.engine import make_engine

if TYPE_CHECKING:
    from pathlib import Path


def run_backup(path: Path) -> None:
    """Write a backup of the database that the settings name.

    Raises
    ------
    CommandError
        If the database cannot be read.
    """
    engine = store.open_database(store.read_settings())
    try:
        counts = backup(engine, path)
    except SQLAlchemyError as error:
        raise show.CommandError(f"The database cannot be read: {getattr(error, 'orig', None) or error}.") from error
    finally:
        engine.dispose()
    show.OUT.print(f"backup: {path}, {_said(counts)}", markup=False)


def run_restore(path: Path) -> None:
    """Fill the empty database that the settings name from a backup.

    Raises
    ------
    CommandError
        If the file is no backup, or the database is not empty.
    """
    settings = store.read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database)
    try:
        counts = restore(engine, path)
    except BackupError as error:
        raise show.CommandError(str(error)) from error
    except SQLAlchemyError as error:
        raise show.CommandError(f"The database cannot be filled: {getattr(error, 'orig', None) or error}.") from error
    finally:
        engine.dispose()
    show.OUT.print(f"restored: {_said(counts)}", markup=False)


def _said(counts: dict[str, int]) -> str:
    return f"{sum(counts.values()):,} rows in {len(counts)} tables"
