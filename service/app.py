"""The web application: HTTP endpoints, the map page, and the supervisor of runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from service.api import (
    basemap,
    cities,
    days,
    devices,
    driver_events,
    edits,
    explanations,
    figures,
    forecasts,
    health,
    keys,
    kpis,
    links,
    months,
    ngsi_ld,
    oidc,
    overlays,
    people,
    plans,
    privacy,
    public,
    quarantine,
    readings,
    replan,
    run_sheets,
    runs,
    session,
    shifts,
    studies,
    study_forms,
)
from service.api.limits import BodyLimit
from service.api.replies import complete_openapi
from service.auth.audit import Audit
from service.auth.gate import Gate
from service.auth.identities import Identities
from service.auth.oidc import Provider
from service.auth.permit import permit
from service.auth.secret import server_secret
from service.auth.throttle import Throttle
from service.auth.tokens import Tokens
from service.cities import Cities
from service.db.engine import make_engine, upgrade
from service.db.faults import fault_of
from service.drawing import Drawings
from service.driving.planned import PlannedDays
from service.driving.privacy import Purger
from service.driving.routes import Routes
from service.driving.summary import Summaries
from service.explaining import Explanations
from service.ingest.outlook import Outlooks
from service.ingest.places import Places
from service.ingest.writer import Writer
from service.jobs.pool import ProcessPool
from service.jobs.studies import Studies
from service.jobs.supervisor import Supervisor
from service.metrics import Metrics
from service.observe import Observe
from service.opened import OpenedPlans
from service.problems import install_handlers, problem_response
from service.settings import Settings
from service.web.pages import install_pages

if TYPE_CHECKING:
    from service.ingest.mqtt import MqttIngest
    from service.jobs.pool import Pool

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
        dependencies=[Depends(permit)],
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    # The last one added is the first to see a request: a body that is too large is read by nobody.
    app.add_middleware(Audit)
    app.add_middleware(Gate, settings=settings)
    app.add_middleware(BodyLimit, settings=settings)
    app.add_middleware(Observe, metrics=app.state.metrics)
    install_handlers(app)
    for failed in (OperationalError, InterfaceError, NoConnection, OSError):
        app.add_exception_handler(failed, _storage_failed)
    app.router.routes.insert(0, readings.SHORT_WAY)
    for feature in (
        health,
        session,
        people,
        keys,
        links,
        cities,
        plans,
        edits,
        explanations,
        days,
        runs,
        replan,
        shifts,
        run_sheets,
        driver_events,
        overlays,
        privacy,
        readings,
        devices,
        quarantine,
        forecasts,
        ngsi_ld,
        basemap,
        studies,
        study_forms,
        kpis,
        figures,
        months,
        public,
        oidc,
    ):
        app.include_router(feature.router)
    app.include_router(quarantine.of_no_city)
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
    app.state.identities = Identities(engine)
    app.state.secret = server_secret(settings.home, settings.secret.get_secret_value())
    app.state.tokens = Tokens(app.state.secret)
    app.state.throttle = Throttle(engine)
    app.state.cities = Cities(engine, settings)
    app.state.plans = OpenedPlans(engine)
    app.state.drawings = Drawings(engine, settings, app.state.cities, app.state.plans)
    app.state.routes = Routes()
    app.state.planned = PlannedDays(app.state.cities, app.state.drawings)
    app.state.explanations = Explanations(engine)
    app.state.summaries = Summaries(app.state.cities, app.state.planned)
    app.state.provider = Provider(settings) if settings.oidc_issuer else None
    app.state.supervisor = Supervisor(engine, settings, _pool(settings))
    app.state.supervisor.start()
    app.state.studies = Studies(engine, settings)
    app.state.studies.start()
    app.state.outlooks = Outlooks(engine)
    app.state.writer = Writer(engine, Places(app.state.cities), most_waiting=settings.max_waiting_readings)
    app.state.writer.start()
    purger = Purger(engine, keep_days=settings.keep_positions_days)
    purger.start()
    app.state.metrics.watch(engine, app.state.writer, settings.home)
    listener = _listen_to_broker(settings, app.state.writer)
    try:
        yield
    finally:
        if listener is not None:
            listener.stop()
        purger.stop()
        app.state.writer.stop()
        app.state.studies.stop()
        app.state.supervisor.stop()
        app.state.explanations.stop()
        engine.dispose()


def _pool(settings: Settings) -> "Pool":
    if not settings.cluster:
        return ProcessPool(settings)
    try:
        from service.jobs.cluster import ClusterPool  # noqa: PLC0415 - its library is an extra
    except ImportError as error:
        raise RuntimeError("SAMRAM_CLUSTER is set, and samram[cluster] is not installed.") from error
    return ClusterPool(settings)


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


def _storage_failed(_request: Request, error: Exception) -> Response:
    fault = fault_of(error)
    if fault is None:
        raise error
    # Without the statement and its values, which may be somebody's.
    _log.error("%s: %s", fault.title, getattr(error, "orig", None) or type(error).__name__)
    return problem_response(fault.status, fault.kind, fault.title, fault.detail, fault.headers)
