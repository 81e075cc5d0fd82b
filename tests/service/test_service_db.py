"""The database: its schema, its settings, and moments in time."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ingest_city import empty_database
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session

from service.db.engine import make_engine, migration_config, newest_schema, upgrade
from service.db.models import CityRow, CityVersionRow, PlanRow, RouteRow, RunRow, Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alembic.config import Config
    from sqlalchemy import Engine

UTC = dt.UTC


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Connect to a database without any table, of each kind in turn."""
    engine = make_engine(empty_database(request, request.param, tmp_path))
    yield engine
    engine.dispose()


def test_migrations_make_the_tables_of_the_models(empty: Engine) -> None:
    """After all migrations nothing is left that the models have and the database has not, or the reverse."""
    upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
    assert {"city", "city_version", "run", "plan", "route"} <= set(inspect(empty).get_table_names())


def test_upgrade_twice_changes_nothing(engine: Engine) -> None:
    """Upgrading a database that is up to date keeps what is in it."""
    moment = dt.datetime(2026, 11, 21, 12, tzinfo=UTC)
    with Session(engine) as session:
        session.add(CityRow(id="a", name="A", content_hash="x", created_at=moment, updated_at=moment))
        session.commit()
    upgrade(engine)
    with Session(engine) as session:
        assert session.get_one(CityRow, "a").name == "A"


REVISIONS = [script.revision for script in ScriptDirectory.from_config(migration_config()).walk_revisions()]


@pytest.mark.parametrize("revision", sorted(REVISIONS))
def test_every_earlier_schema_keeps_its_rows(empty: Engine, revision: str) -> None:
    """A database of any earlier schema comes up to the newest one with every row that was in it, routes included."""
    upgrade(empty, revision)
    moment = "2026-11-21 12:00:00+00:00"
    rows: dict[str, dict[str, Any]] = {
        "city": {"id": "a", "name": "A", "content_hash": "x", "created_at": moment, "updated_at": moment},
        "city_version": {
            "id": 1,
            "city_id": "a",
            "content_hash": "x",
            "imported_at": moment,
            "summary": "{}",
            "archive": b"x",
        },
        "run": {
            "id": "r",
            "city_version_id": 1,
            "service_date": "2026-11-23",
            "seconds": 1,
            "seed": 0,
            "status": "done",
            "created_at": moment,
            "progress": "[]",
        },
        "plan": {
            "id": "p",
            "run_id": "r",
            "city_version_id": 1,
            "service_date": "2026-11-23",
            "created_at": moment,
            "summary": "{}",
            "document": b"x",
            "routes_geojson": b"x",
        },
        "route": {"id": 1, "plan_id": "p", "vehicle": "truck", "shift": "day", "geojson": b"x"},
    }
    with empty.begin() as connection:
        for table, row in rows.items():
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), row)
    upgrade(empty)
    with Session(empty) as session:
        plan = session.get_one(PlanRow, "p")
        assert (plan.run_id, plan.revision, plan.edits, plan.parent_id) == ("r", 1, [], None)
        assert session.get_one(RunRow, "r").status == "done"
        assert session.get_one(RouteRow, 1).plan_id == "p"
        assert session.get_one(CityVersionRow, 1).archive == b"x"


def test_a_migration_that_fails_leaves_everything_as_it_was(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a migration that fails half-way nothing is kept, on SQLite too, and rows are checked again afterwards."""

    def half(_config: Config, _revision: str) -> None:
        _config.attributes["connection"].exec_driver_sql("CREATE TABLE half (id INTEGER)")
        raise RuntimeError("half-way")

    monkeypatch.setattr("service.db.engine.schema_of", lambda _engine: None)
    monkeypatch.setattr("alembic.command.upgrade", half)
    with pytest.raises(RuntimeError, match="half-way"):
        upgrade(engine)
    assert "half" not in inspect(engine).get_table_names()
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1


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
