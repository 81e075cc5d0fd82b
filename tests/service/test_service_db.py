"""The database: its schema, its settings, and moments in time."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session

from service.db.engine import make_engine, migration_config, newest_schema, upgrade
from service.db.models import CityRow, CityVersionRow, Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

UTC = dt.UTC


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    upgrade(engine)
    yield engine
    engine.dispose()


def test_migrations_make_the_tables_of_the_models(engine: Engine) -> None:
    """After all migrations nothing is left that the models have and the database has not, or the reverse."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
    assert {"city", "city_version", "run", "plan", "route"} <= set(inspect(engine).get_table_names())


def test_upgrade_twice_changes_nothing(engine: Engine) -> None:
    """Upgrading a database that is up to date keeps what is in it."""
    moment = dt.datetime(2026, 11, 21, 12, tzinfo=UTC)
    with Session(engine) as session:
        session.add(CityRow(id="a", name="A", content_hash="x", created_at=moment, updated_at=moment))
        session.commit()
    upgrade(engine)
    with Session(engine) as session:
        assert session.get_one(CityRow, "a").name == "A"


def test_newest_schema_is_the_last_of_the_migrations() -> None:
    """What the files' names say is the newest revision is where the chain of the migrations ends."""
    assert ScriptDirectory.from_config(migration_config()).get_heads() == [newest_schema()]


def test_sqlite_is_set_up_for_several_processes(engine: Engine) -> None:
    """Every connection writes ahead, syncs fully, waits for others, and checks foreign keys."""
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000, "foreign_keys": 1}


def test_foreign_keys_are_checked(engine: Engine) -> None:
    """A row that points nowhere is refused."""
    orphan = CityVersionRow(
        city_id="nowhere", content_hash="x", imported_at=dt.datetime.now(UTC), summary={}, archive=b""
    )
    with Session(engine) as session:
        session.add(orphan)
        with pytest.raises(IntegrityError):
            session.commit()


def test_moments_come_back_aware_and_equal(engine: Engine) -> None:
    """A moment stored from any zone comes back aware, in UTC, and is the same moment."""
    cambodian = dt.datetime(2026, 11, 22, 3, 30, 15, 123456, tzinfo=dt.timezone(dt.timedelta(hours=7)))
    with Session(engine) as session:
        session.add(CityRow(id="a", name="A", content_hash="x", created_at=cambodian, updated_at=cambodian))
        session.commit()
    with Session(engine) as session:
        found = session.get_one(CityRow, "a").created_at
    assert found == cambodian
    assert found.utcoffset() == dt.timedelta(0)


def test_naive_moment_is_refused(engine: Engine) -> None:
    """A moment without a zone is refused before it reaches the database."""
    naive = dt.datetime(2026, 11, 22)  # noqa: DTZ001 - what is refused
    with Session(engine) as session:
        session.add(CityRow(id="a", name="A", content_hash="x", created_at=naive, updated_at=naive))
        with pytest.raises(StatementError, match="has no time zone"):
            session.commit()
