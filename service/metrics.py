"""What can be counted of a running server, for Prometheus: each server has a register of its own."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from service.db.models import RunRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prometheus_client import Metric
    from sqlalchemy import Engine

    from service.ingest.writer import Writer

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram of replies; 0.25 and 0.5 are goals of ours."""
STATES: Final = ("queued", "running", "done", "failed", "cancelled")


class Metrics:
    """Counts requests, and looks up the rest when it is asked.

    Routes are counted under their templates: a metric without end, or with somebody's name in it, is none.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "samram_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "samram_request_seconds",
            "Seconds until a reply began.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )

    def watch(self, engine: Engine, writer: Writer, home: Path) -> None:
        """Show also what the database, the writer of readings and the disk say."""
        self.registry.register(_State(engine, writer, home))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self.registry)


class _State(Collector):
    """What is looked up at each scrape."""

    def __init__(self, engine: Engine, writer: Writer, home: Path) -> None:
        self._engine = engine
        self._writer = writer
        self._home = home

    def collect(self) -> Iterable[Metric]:
        yield _gauge("samram_readings_waiting", "Readings that wait to be written.", self._writer.readings_waiting)
        yield _gauge("samram_disk_free_bytes", "Free bytes where the home is.", shutil.disk_usage(self._home).free)
        info = GaugeMetricFamily("samram_info", "The version that runs.", labels=["version"])
        info.add_metric([version("samram")], 1)
        yield info
        try:
            with Session(self._engine) as session:
                found = dict(
                    session.exec(select(RunRow.status, func.count(col(RunRow.id))).group_by(RunRow.status)).all()
                )
        except SQLAlchemyError:
            return  # a scrape tells what it can; that the database is away is /readyz's to say
        runs = GaugeMetricFamily("samram_runs", "Runs of the solver by their state.", labels=["state"])
        for state in STATES:
            runs.add_metric([state], found.get(state, 0))
        yield runs

    def describe(self) -> Iterable[Metric]:
        return []


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
