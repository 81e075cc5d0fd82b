"""Everything in the database as one file that either database reads: SQLite's and PostgreSQL's backups are the same.

A zip: ``backup.json`` says which schema it is of and how many rows each table has, ``TABLE.jsonl`` holds a row on each
line. Moments are ISO 8601 in UTC, bytes are base64.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import tempfile
import zipfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Date, DateTime, Integer, LargeBinary, MetaData, Table, func, insert, select, text, update

from service.clock import utc_now
from service.db.engine import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

FORMAT: Final = "samram.backup"
VERSION: Final = 1
_MANIFEST: Final = "backup.json"
_REVISIONS: Final = "alembic_version"
_ROWS_AT_ONCE: Final = 200


class BackupError(ValueError):
    """A file that is no backup, or a database that it cannot be restored into."""


def backup(engine: Engine, path: Path) -> dict[str, int]:
    """Write everything in the database, as it is at one moment, into a file; return the rows of each table.

    The server may go on working. The file is there in whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    counts: dict[str, int] = {}
    handle, name = tempfile.mkstemp(prefix=".backup-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            with _one_moment(engine) as connection:
                tables = _tables(connection)
                revision = connection.execute(text(f"SELECT version_num FROM {_REVISIONS}")).scalar_one()  # noqa: S608 - a constant
                for table in tables:
                    counts[table.name] = _write(connection, table, archive)
            manifest = {
                "format": FORMAT,
                "version": VERSION,
                "schema": revision,
                "made_at": utc_now().isoformat(),
                "rows": counts,
            }
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return counts


def restore(engine: Engine, path: Path) -> dict[str, int]:
    """Fill an empty database from a backup, and bring it to the newest schema; return the rows of each table.

    Raises
    ------
    BackupError
        If the file is no backup, is of a newer program, or the database holds something already.
    OSError
        If the file cannot be read.
    """
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise BackupError(f"{path} is no backup: {error}.") from error
    with archive:
        manifest = _manifest(archive, path)
        _check_empty(engine)
        _to_schema(engine, manifest["schema"])
        with engine.begin() as connection:
            counts = {table.name: _read(connection, table, archive) for table in _tables(connection)}
            if counts != manifest["rows"]:
                raise BackupError(f"{path} does not hold the rows that it names; it is damaged.")
    upgrade(engine)
    return counts


def _one_moment(engine: Engine) -> Connection:
    """Return a connection whose reads all see the database at the same moment."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")  # the driver itself begins nothing for a read
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ")


def _tables(connection: Connection) -> list[Table]:
    """Return the tables that are there, those first that others point to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _REVISIONS]


def _write(connection: Connection, table: Table, archive: zipfile.ZipFile) -> int:
    count = 0
    ordered = select(table).order_by(*table.primary_key.columns)
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as file:
        for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(ordered).mappings():
            file.write(json.dumps(dict(row), default=_plain, ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


def _plain(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return base64.b64encode(value).decode("ascii")


def _read(connection: Connection, table: Table, archive: zipfile.ZipFile) -> int:
    """Insert a table's rows; what points to its own table is set when all of them are there."""
    own = [column.name for column in table.columns if any(key.column.table is table for key in column.foreign_keys)]
    keys = [column.name for column in table.primary_key.columns]
    count = 0
    later: list[dict[str, Any]] = []
    found = _rows(connection, table, archive)
    while rows := list(islice(found, _ROWS_AT_ONCE)):
        for row in rows:
            if any(row[name] is not None for name in own):
                later.append({name: row[name] for name in (*keys, *own)})
                row.update(dict.fromkeys(own))
        connection.execute(insert(table), rows)
        count += len(rows)
    for row in later:
        connection.execute(
            update(table)
            .where(*(table.c[name] == row[name] for name in keys))
            .values({name: row[name] for name in own})
        )
    _count_on(connection, table)
    return count


def _rows(connection: Connection, table: Table, archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    naive = connection.dialect.name == "sqlite"
    with archive.open(f"{table.name}.jsonl") as file:
        for line in file:
            row = json.loads(line)
            yield {name: _typed(table.c[name], value, naive=naive) for name, value in row.items()}


def _typed(column: Column[Any], value: Any, *, naive: bool) -> Any:
    if value is None:
        return None
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    if isinstance(column.type, DateTime):
        moment = dt.datetime.fromisoformat(value)
        return moment.replace(tzinfo=None) if naive else moment
    return dt.date.fromisoformat(value) if isinstance(column.type, Date) else value


def _count_on(connection: Connection, table: Table) -> None:
    """Let numbers that PostgreSQL gives to new rows begin after those that are there."""
    keys = list(table.primary_key.columns)
    if connection.dialect.name == "sqlite" or len(keys) != 1 or not isinstance(keys[0].type, Integer):
        return
    last = connection.execute(select(func.max(keys[0]))).scalar_one()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, keys[0].name)
        connection.execute(select(func.setval(sequence, last)))


def _check_empty(engine: Engine) -> None:
    with engine.connect() as connection:
        found = MetaData()
        found.reflect(connection)
    if found.tables:
        raise BackupError("The database has tables already; a backup is restored into a new, empty database.")


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
    except (KeyError, ValueError) as error:
        raise BackupError(f"{path} is no backup: it has no readable {_MANIFEST}.") from error
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        raise BackupError(f"{path} is no backup of a kind that this program reads ({FORMAT} {VERSION}).")
    return manifest


def _to_schema(engine: Engine, revision: str) -> None:
    """Bring an empty database to the schema of a backup, which may be an older one."""
    from alembic.util import CommandError  # noqa: PLC0415 - loads with the migrations

    try:
        upgrade(engine, revision)
    except CommandError as error:
        raise BackupError(f"The backup is of schema {revision!r}, which this program does not know.") from error
