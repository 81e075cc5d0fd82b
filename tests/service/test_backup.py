"""Backups: what comes out is what went in, whichever database it came from and goes into."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from ingest_city import empty_database
from plan_rows import MONDAY, store_plan
from sqlalchemy import MetaData, select, text
from sqlmodel import Session
from typer.testing import CliRunner

from service.backup import BackupError, backup, restore
from service.cities import Cities
from service.cli.main import app
from service.clock import utc_now
from service.db.engine import make_engine, upgrade
from service.db.models import CityVersionRow, RunRow
from service.db.publication import publish
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

KINDS = ("sqlite", "postgresql")


def rows_of(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return everything in a database, moments without their zone, which SQLite does not keep."""
    found = MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        return {
            table.name: [
                {name: str(value).removesuffix("+00:00") for name, value in row.items()}
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            ]
            for table in found.sorted_tables
        }


def filled(url: str, home: Path, city_zip: bytes) -> Engine:
    """Return a database with a city, a run, plans made from one another, and a published day."""
    engine = make_engine(url)
    upgrade(engine)
    version, _ = Cities(engine, Settings(home=home, database_url=url)).add(city_zip)
    with Session(engine) as session:
        session.add(
            RunRow(
                id="r" * 32,
                city_version_id=version.id or 0,
                service_date=MONDAY,
                seconds=1,
                seed=2**31 - 1,
                status="done",
                created_at=utc_now(),
                progress=[{"elapsed_s": 0.1, "cost_micro": 2**50, "unserved": 0}],
            )
        )
        session.commit()
    first = store_plan(engine, version.city_id, id="f" * 32, run_id="r" * 32, places=b"\x00\xff")
    second = store_plan(engine, version.city_id, id="0" * 32, parent_id=first, problem_from=first, revision=2)
    for plan in (first, second):
        with Session(engine) as session:
            publish(session, plan)
            session.commit()
    return engine


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_what_comes_out_is_what_went_in(
    request: pytest.FixtureRequest, tmp_path: Path, city_zip: bytes, source: str, target: str
) -> None:
    """From either database into either, every row of every table is there again, and new rows find free numbers."""
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    old = filled(empty_database(request, source, tmp_path / "from"), tmp_path, city_zip)
    new = make_engine(empty_database(request, target, tmp_path / "to"))
    counts = backup(old, tmp_path / "samram.backup")
    assert restore(new, tmp_path / "samram.backup") == counts
    assert counts["plan"] == counts["publication"] == 2
    assert rows_of(new) == rows_of(old)
    with Session(new) as session:
        city = session.exec(select(CityVersionRow.city_id)).scalars().one()
        session.add(CityVersionRow(city_id=city, content_hash="x", imported_at=utc_now(), summary={}, archive=b""))
        session.commit()
    with pytest.raises(BackupError, match="has tables already"):
        restore(new, tmp_path / "samram.backup")
    for engine in (old, new):
        engine.dispose()


def test_a_backup_of_an_older_schema_comes_up_to_date(tmp_path: Path) -> None:
    """A backup that was made before the newest migration is restored and migrated."""
    old, new = (make_engine(f"sqlite:///{tmp_path / name}") for name in ("old.sqlite", "new.sqlite"))
    upgrade(old, "0002")
    with old.begin() as connection:
        connection.execute(
            text("INSERT INTO city VALUES ('a', 'A', 'x', '2026-11-21 12:00:00', '2026-11-21 12:00:00')")
        )
    backup(old, tmp_path / "b")
    restore(new, tmp_path / "b")
    found = rows_of(new)
    assert [row["id"] for row in found["city"]] == ["a"]
    assert "service_day" in found
    for engine in (old, new):
        engine.dispose()


def damaged(path: Path, **changed: Any) -> Path:
    """Return a copy of a backup with another manifest."""
    copy = path.with_name("-".join(changed))
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(copy, "w") as archive:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "backup.json":
                data = json.dumps(json.loads(data) | changed).encode()
            archive.writestr(name, data)
    return copy


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    """A file that is no zip, of another format, of an unknown schema or with other rows than it says is refused."""
    old = make_engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    upgrade(old)
    backup(old, tmp_path / "b")
    old.dispose()
    (tmp_path / "text").write_text("no backup")
    for number, (path, words) in enumerate(
        (
            (tmp_path / "text", "is no backup"),
            (damaged(tmp_path / "b", format="other"), "no backup of a kind"),
            (damaged(tmp_path / "b", schema="9999"), "does not know"),
            (damaged(tmp_path / "b", rows={}), "damaged"),
        )
    ):
        new = make_engine(f"sqlite:///{tmp_path / f'{number}.sqlite'}")
        with pytest.raises(BackupError, match=words):
            restore(new, path)
        new.dispose()


def test_the_command(tmp_path: Path, city_zip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """``samram backup`` and ``samram restore`` work on the databases that the settings name; an error is a sentence."""
    filled(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path, city_zip).dispose()
    monkeypatch.setenv("SAMRAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SAMRAM_DATABASE_URL", f"sqlite:///{tmp_path / 'a.sqlite'}")
    made = CliRunner().invoke(app, ["backup", str(tmp_path / "b")])
    assert made.exit_code == 0, made.output
    monkeypatch.setenv("SAMRAM_DATABASE_URL", f"sqlite:///{tmp_path / 'b.sqlite'}")
    done = CliRunner().invoke(app, ["restore", str(tmp_path / "b")])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["restore", str(tmp_path / "b")]).exit_code == 1
