"""The web application: HTTP endpoints, the map page, and the supervisor of runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import InterfaceError, OperationalError

from service.api import (
    basemap,
    cities,
    days,
    devices,
    driver_events,
    forecasts,
    health,
    ngsi_ld,
    plans,
    quarantine,
    readings,
    runs,
    shifts,
)
from service.api.limits import BodyLimit
from service.api.replies import complete_openapi
from service.cities import Cities
from service.db.engine import make_engine, upgrade
from service.driving.planned import PlannedDays
from service.ingest.outlook import Outlooks
from service.ingest.places import Places
from service.ingest.writer import Writer
from service.jobs.supervisor import Supervisor
from service.problems import DatabaseAway, install_handlers, problem_response
from service.settings import Settings
from service.web.pages import install_pages

if TYPE_CHECKING:
    from service.ingest.mqtt import MqttIngest

DESCRIPTION: Final = """\
Plans municipal waste collection. Import a city, ask for a day's plan, fetch each driver's route.

Units: positions are longitude, latitude in degrees; distances metres or kilometres, masses kilograms or tonnes,
volumes litres, as each name says. Times of day (`_s`) are seconds from local midnight of the service day and may pass
86,400; beside them stands the same time in ISO 8601. Money is in the city's currency. Every error is problem details
(RFC 9457).
"""

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; its database is opened, and brought to the newest schema, when it starts."""
    settings = settings or Settings()
    app = FastAPI(
        title="Samram",
        version=version("samram"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.settings = settings
    app.add_middleware(BodyLimit, settings=settings)
    install_handlers(app)
    for away in (OperationalError, InterfaceError):
        app.add_exception_handler(away, _database_away)
    for feature in (
        health,
        cities,
        basemap,
        plans,
        days,
        runs,
        shifts,
        driver_events,
        readings,
        devices,
        quarantine,
        forecasts,
        ngsi_ld,
    ):
        app.include_router(feature.router)
    install_pages(app)
    app.openapi = complete_openapi(app)  # type: ignore[method-assign]  # the way FastAPI documents to change it
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database)
    upgrade(engine)
    app.state.engine = engine
    app.state.cities = Cities(engine, settings)
    app.state.planned = PlannedDays(app.state.cities)
    app.state.supervisor = Supervisor(engine, settings)
    app.state.supervisor.start()
    app.state.outlooks = Outlooks(engine)
    app.state.writer = Writer(engine, Places(app.state.cities), most_waiting=settings.max_waiting_readings)
    app.state.writer.start()
    listener = _listen_to_broker(settings, app.state.writer)
    try:
        yield
    finally:
        if listener is not None:
            listener.stop()
        app.state.writer.stop()
        app.state.supervisor.stop()
        engine.dispose()


def _listen_to_broker(settings: Settings, writer: Writer) -> "MqttIngest | None":
    if not settings.mqtt_host:
        return None
    try:
        from service.ingest.mqtt import MqttIngest  # noqa: PLC0415 - its library is an extra
    except ImportError as error:
        raise RuntimeError("SAMRAM_MQTT_HOST is set, and samram[mqtt] is not installed.") from error
    listener = MqttIngest(settings, writer)
    listener.start()
    return listener


def _database_away(_request: Request, error: Exception) -> Response:
    _log.error("The database does not answer: %s", error)
    return problem_response(
        DatabaseAway.status,
        DatabaseAway.kind,
        DatabaseAway.title,
        "The database does not answer just now; try again later.",
        DatabaseAway.headers,
    )
