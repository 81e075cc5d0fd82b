"""Studies in processes of their own: one at a time, each goes on where a restart has cut it short.

States: queued -> running -> done, failed or cancelled. A running study holds a lease, renewed here; one whose lease is
over was left behind by a server that is gone, and is queued again: its cells that are done are kept.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from service.clock import utc_now
from service.db.documents import squeeze
from service.db.engine import make_engine
from service.db.models import CityVersionRow
from service.db.runs import lease_end
from service.db.studies import StudyRow

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event
    from pathlib import Path

    from scenarios.study import Progress
    from service.settings import Settings

_POLL_S: Final = 0.5
_RENEWED_EVERY_S: Final = 5.0
_PROGRESS_EVERY_S: Final = 0.5
_GRACE_S: Final = 10.0

_log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


def change(engine: Engine, study_id: str, states: tuple[str, ...], **values: Any) -> bool:
    """Change a study's row if it is in one of these states; return whether it was."""
    with Session(engine) as session:
        statement = update(StudyRow).where(col(StudyRow.id) == study_id, col(StudyRow.status).in_(states))
        changed = session.exec(statement.values(**values))
        session.commit()
        return changed.rowcount > 0


def files_of(settings: Settings, study_id: str) -> Path:
    """Return the folder of what a study hands out; it is there once the study is done."""
    return settings.studies_dir / study_id / "files"


class Studies:
    """One thread that starts, watches and ends the process of the study at hand."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._wake = threading.Event()
        self._stopping = False
        self._at_hand: tuple[str, SpawnProcess, Event] | None = None
        self._renewed_s = 0.0
        self._thread = threading.Thread(target=self._watch, name="samram-studies", daemon=True)

    def start(self) -> None:
        """Begin; studies that waited in the queue go on."""
        self._thread.start()

    def stop(self) -> None:
        """End the study at hand, which goes back into the queue."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        if self._at_hand is not None:
            study_id, process, ending = self._at_hand
            change(self._engine, study_id, ("running",), status="queued", lease_until=None)
            ending.set()
            process.join(_GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()

    def wake(self) -> None:
        """Look at the database now: a study was queued or cancelled."""
        self._wake.set()

    def _watch(self) -> None:
        while not self._stopping:
            try:
                self._tick()
            except SQLAlchemyError:
                _log.exception("The database of studies cannot be read or written just now.")
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _tick(self) -> None:
        if self._at_hand is not None:
            self._look_after(*self._at_hand)
        if self._at_hand is None and not self._stopping:
            self._requeue_abandoned()
            self._start_next()

    def _look_after(self, study_id: str, process: SpawnProcess, ending: Event) -> None:
        if not process.is_alive():
            process.join()
            change(
                self._engine,
                study_id,
                ("running",),
                status="failed",
                error=f"Its process ended early with exit code {process.exitcode}; what is done is kept.",
                finished_at=utc_now(),
            )
            self._at_hand = None
            return
        if time.monotonic() - self._renewed_s >= _RENEWED_EVERY_S:
            self._renewed_s = time.monotonic()
            if not change(self._engine, study_id, ("running",), lease_until=lease_end()):
                ending.set()
        with Session(self._engine) as session:
            if session.exec(select(StudyRow.status).where(StudyRow.id == study_id)).first() != "running":
                ending.set()

    def _requeue_abandoned(self) -> None:
        with Session(self._engine) as session:
            session.exec(
                update(StudyRow)
                .where(col(StudyRow.status) == "running", col(StudyRow.lease_until) < utc_now())
                .values(status="queued", lease_until=None)
            )
            session.commit()

    def _start_next(self) -> None:
        with Session(self._engine) as session:
            study_id = session.exec(
                select(StudyRow.id).where(StudyRow.status == "queued").order_by(col(StudyRow.created_at))
            ).first()
        if study_id is None:
            return
        claimed = {"status": "running", "started_at": utc_now(), "lease_until": lease_end()}
        if not change(self._engine, study_id, ("queued",), **claimed):
            return
        ending = _spawn.Event()
        # Not a daemon: it may have workers of its own. It ends when its server is gone all the same.
        process = _spawn.Process(target=run_stored, args=(self._settings, study_id, ending), name="samram-study")
        process.start()
        self._renewed_s = time.monotonic()
        self._at_hand = study_id, process, ending


def run_stored(settings: Settings, study_id: str, ending: Event) -> None:
    """Carry out a study from beginning to end; never raises, its row says how it went."""
    from service.jobs.process import end_with_parent, sentence  # noqa: PLC0415 - of the study's own process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    engine = make_engine(settings.database)
    try:
        _run(engine, settings, study_id, ending)
    except Exception as error:  # noqa: BLE001 - whatever it was, the row must say so; the process ends here
        _log.exception("Study %s failed.", study_id)
        change(engine, study_id, ("running",), status="failed", error=sentence(error), finished_at=utc_now())
    finally:
        engine.dispose()


def _run(engine: Engine, settings: Settings, study_id: str, ending: Event) -> None:
    from optimizer.search.solve import warm  # noqa: PLC0415 - the server itself never loads a solver
    from scenarios.compare import table  # noqa: PLC0415
    from scenarios.keep import Kept  # noqa: PLC0415
    from scenarios.pool import Inline, local_pool  # noqa: PLC0415
    from scenarios.report import document_of  # noqa: PLC0415
    from scenarios.study import run_study, smallest_fleet  # noqa: PLC0415
    from scenarios.studyfile import decode_study  # noqa: PLC0415
    from service.cities import Cities  # noqa: PLC0415
    from service.export.study import write_study  # noqa: PLC0415

    with Session(engine) as session:
        row = session.get_one(StudyRow, study_id)
        asked, version_id = dict(row.asked), row.city_version_id
        content_hash = session.get_one(CityVersionRow, version_id).content_hash
    city = Cities(engine, settings).dataset(version_id, content_hash)
    warm()
    search = asked.pop("search", False)
    told = _Told(engine, study_id, fleets=len(asked["scenario"]) if search else 0)
    plan = smallest_fleet if search else run_study
    alone = settings.solve_workers == 1
    with Inline() if alone else local_pool(settings.solve_workers) as pool:
        result = plan(
            decode_study(asked),
            city,
            pool,
            workers=settings.solve_workers,
            kept=Kept(settings.studies_dir / study_id),
            on_progress=told,
            cancelled=ending.is_set,
        )
    lines = table(result)
    document = squeeze(json.dumps(document_of(result, lines), ensure_ascii=False, allow_nan=False).encode())
    brief = None
    if not result.cancelled and any(line.cells for line in lines):
        folder = files_of(settings, study_id)
        write_study(result, lines, folder)
        path = folder / "brief.pdf"
        brief = squeeze(path.read_bytes()) if path.is_file() else None
    change(engine, study_id, ("cancelled",), document=document)
    if not result.cancelled:
        values = {"status": "done", "document": document, "brief": brief, "finished_at": utc_now()}
        change(engine, study_id, ("running",), **values)


class _Told:
    """Writes how far a study is into its row, at most twice a second.

    A search by halving among so many ``fleets`` goes through them in rounds, each told from 1 on: here they add up.
    """

    def __init__(self, engine: Engine, study_id: str, *, fleets: int = 0) -> None:
        self._engine, self._study_id = engine, study_id
        self._written_s = -_PROGRESS_EVERY_S
        self._rounds = fleets.bit_length() or 1
        self._before, self._last = 0, 0

    def __call__(self, progress: Progress) -> None:
        if progress.done <= self._last:
            self._before += progress.total
        self._last = progress.done
        now_s = time.monotonic()
        if now_s - self._written_s >= _PROGRESS_EVERY_S or progress.done == progress.total:
            self._written_s = now_s
            done, total = self._before + progress.done, self._rounds * progress.total
            change(self._engine, self._study_id, ("running",), done=done, total=max(done, total))
