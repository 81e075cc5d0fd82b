"""The connection to the database, and the way up to its newest schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, create_engine, event, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine.interfaces import DBAPIConnection

MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS: Final = 10_000
"""How long a writer waits for another one (a run's process) before it gives up."""

PAGES_KB: Final = 16_384
"""A thousand readings touch some 700 pages of 4 KB, in the table and its indexes; SQLite keeps 2 MB if it is not told.
With so many kept, readings in batches took half of the system's time."""
CHECKPOINT_PAGES: Final = 8_000
"""What is committed is copied into the database once so many pages wait, 32 MB; at SQLite's own 1,000 that was every
other batch, mostly the same pages again. With 160,000 readings stored, 10,000 pages took a sixteenth less time for
batches than 4,000. Fewer are read sooner at a start."""

_UPGRADE_LOCK: Final = 7_126_001
"""Of two servers that start at once on PostgreSQL the second one waits; any number of our own."""


def make_engine(url: str) -> Engine:
    """Return an engine whose errors show no values.

    On SQLite every connection gets the settings that make it safe for several processes.
    """
    # The pool is larger than the threads that answer requests (40), so that none waits for a connection: with
    # SQLAlchemy's own 15, two hundred phones waited for minutes.
    # Whoever asks gets the one given back last: a connection to SQLite keeps its pages until another one has written,
    # so that the writer of readings is a seventh faster with its own.
    pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 40, "pool_use_lifo": True, "hide_parameters": True}
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, **pool)
    engine = create_engine(url, connect_args={"check_same_thread": False}, **pool)
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",  # readers go on while one writes
        "synchronous = FULL",  # a commit survives a power cut
        "foreign_keys = ON",
        f"cache_size = -{PAGES_KB}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def migration_config() -> Config:
    """Return alembic's settings for the migrations in this package."""
    from alembic.config import Config  # noqa: PLC0415 - loaded where the schema changes, not at every start

    config = Config()
    # ConfigParser takes % as the start of an interpolation; a folder may well have one in its name.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to the newest schema, all of the way or none of it; does nothing when it is there already."""
    if schema_of(engine) == newest_schema():
        return
    from alembic import command  # noqa: PLC0415 - as above

    config = migration_config()
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            # SQLite alters a table by copying it and dropping the old one, which would delete the rows that point to
            # it; the switch works outside a transaction only.
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.commit()
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver itself begins no transaction for a schema
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            if sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                raise RuntimeError(f"The new schema would leave {len(lost)} rows that point nowhere: {lost[0]}.")
            connection.commit()
        finally:
            connection.rollback()
            if sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
                connection.commit()


def schema_of(engine: Engine) -> str | None:
    """Return the revision that a database is at, None if it has no tables of ours."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return found


def newest_schema() -> str:
    """Return the newest revision: migrations are numbered, and their files' names begin with the number."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
