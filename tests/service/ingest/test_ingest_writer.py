"""The writer: bounded, in groups, and back after the database was away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from ingest_city import NOW_US, City, Postgres, postgres_binaries, said
from sqlalchemy import func, select

from service.db.engine import make_engine
from service.ingest import plain
from service.ingest import writer as writer_module
from service.ingest.store import READING, Batch
from service.ingest.writer import Writer
from service.problems import DatabaseAway, NotFound, Overloaded

if TYPE_CHECKING:
    from pathlib import Path


def batch(city: City, *hours_ago: int) -> Batch:
    """Return a batch of one container's readings."""
    items = [said(city.containers[0], hours) for hours in hours_ago]
    return Batch(
        city_id=city.id,
        source="http",
        items=plain.reports(items, city_id=city.id),
        received_us=NOW_US,
        oldest_us=0,
    )


def test_more_than_may_wait_is_refused(city: City) -> None:
    """As many readings as may wait are taken, one more is refused with when to come again; none taken is lost."""
    writer = Writer(city.engine, city.places, most_waiting=3)
    futures = [writer.submit(batch(city, 1, 2)), writer.submit(batch(city, 3))]
    with pytest.raises(Overloaded) as caught:
        writer.submit(batch(city, 4))
    assert caught.value.headers["Retry-After"]
    writer.start()
    writer.stop()
    assert [one.status for future in futures for one in future.result(timeout=0)] == ["stored"] * 3
    with pytest.raises(Overloaded):
        writer.submit(batch(city, 4))


def test_what_waits_is_one_transaction(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that wait when the writer is free are written together, up to its limit."""
    groups: list[int] = []
    write = writer_module.write

    def counted(engine: Any, places: Any, batches: Any) -> Any:
        groups.append(len(batches))
        return write(engine, places, batches)

    monkeypatch.setattr(writer_module, "write", counted)
    monkeypatch.setattr(writer_module, "MOST_IN_GROUP", 4)
    writer = Writer(city.engine, city.places, most_waiting=100)
    futures = [writer.submit(batch(city, 2 * hour, 2 * hour + 1)) for hour in range(5)]
    writer.start()
    writer.stop()
    assert groups == [2, 2, 1]
    assert all(future.result(timeout=0)[1].status == "stored" for future in futures)


def test_batch_that_fails_holds_up_no_other(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a transaction fails for an unforeseen reason, only the batch that is to blame for it fails."""
    write = writer_module.write

    def failing(engine: Any, places: Any, batches: Any) -> Any:
        if any(one.source == "bad" for one in batches):
            raise ArithmeticError("unforeseen")
        return write(engine, places, batches)

    monkeypatch.setattr(writer_module, "write", failing)
    writer = Writer(city.engine, city.places, most_waiting=100)
    bad = Batch(city_id=city.id, source="bad", items=[], received_us=NOW_US, oldest_us=0)
    futures = [writer.submit(one) for one in (batch(city, 1), bad, batch(city, 2))]
    writer.start()
    writer.stop()
    assert futures[0].result(timeout=0)[0].status == futures[2].result(timeout=0)[0].status == "stored"
    assert isinstance(futures[1].exception(timeout=0), ArithmeticError)


def test_unknown_city_is_told_so(city: City) -> None:
    """A batch for a city that is not stored fails with not found."""
    writer = Writer(city.engine, city.places, most_waiting=100)
    future = writer.submit(Batch(city_id="nowhere", source="http", items=[], received_us=NOW_US, oldest_us=0))
    writer.start()
    writer.stop()
    assert isinstance(future.exception(timeout=0), NotFound)


def test_two_writers_store_a_reading_once(city: City, database_url: str) -> None:
    """Two processes' writers on one database, given the same readings at once, store each of them once."""
    engine = make_engine(database_url)
    writers = [Writer(city.engine, city.places, most_waiting=1_000), Writer(engine, city.places, most_waiting=1_000)]
    futures = [writer.submit(batch(city, hour)) for hour in range(40) for writer in writers]
    threads = [threading.Thread(target=writer.start) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.stop()
    statuses = sorted(future.result(timeout=0)[0].status for future in futures)
    assert statuses == ["duplicate"] * 40 + ["stored"] * 40
    engine.dispose()


def test_writer_resumes_when_the_database_is_back(tmp_path: Path, city_zip: bytes) -> None:
    """While PostgreSQL is stopped readings fail with "away"; once it runs again they are stored, each once."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's programs are not installed (package postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="samram-pg-", dir="/tmp") as folder:
        cluster = Postgres(binaries, Path(folder))
        cluster.start()
        city = City(cluster.url(), tmp_path / "home", city_zip)
        writer = Writer(city.engine, city.places, most_waiting=1_000)
        writer.start()
        assert writer.submit(batch(city, 1)).result(timeout=60)[0].status == "stored"
        cluster.stop()
        for _ in range(2):
            assert isinstance(writer.submit(batch(city, 2)).exception(timeout=60), DatabaseAway)
        cluster.start()
        assert writer.submit(batch(city, 1, 2)).result(timeout=60)[1].status == "stored"
        with city.engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(READING)).scalar_one() == 2
        writer.stop()
        city.engine.dispose()
        cluster.stop()
