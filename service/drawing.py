"""Routes of edited plans on the map: drawn when they are asked for, or soon after the edit, and kept.

An edit changes a route or two; the others are taken over from the plan that was edited.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from sqlalchemy import update
from sqlmodel import Session, col, select

from service.clock import local_clock
from service.db.documents import squeeze, unsqueeze
from service.db.models import PlanRow, RouteRow
from service.db.plans import find_plan
from service.driving.streets import overlays_of_plan, with_overlays

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Engine

    from geodata.city.dataset import CityDataset
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.snap import Places
    from service.cities import Cities
    from service.opened import Opened, OpenedPlans
    from service.settings import Settings

_KEPT_NETWORKS: Final = 2


class Drawings:
    """Draws the routes of plans that have none yet.

    Parameters
    ----------
    plans
        Plans as objects.
    """

    def __init__(self, engine: Engine, settings: Settings, cities: Cities, plans: OpenedPlans) -> None:
        self._engine = engine
        self._settings = settings
        self._cities = cities
        self._plans = plans
        self._networks: OrderedDict[tuple[str, dt.date, tuple[str, ...]], RoadNetwork] = OrderedDict()
        self._lock = threading.Lock()

    def ensure(self, plan_id: str) -> None:
        """Draw a plan's routes unless they are drawn already.

        Raises
        ------
        NotFound
            If there is no such plan.
        """
        with Session(self._engine) as session:
            if self._drawn(session, plan_id):
                return
        with self._lock, Session(self._engine) as session:  # one at a time: a second asker finds them drawn
            if not self._drawn(session, plan_id):
                self._draw(session, plan_id)
                session.commit()

    def _drawn(self, session: Session, plan_id: str) -> bool:
        find_plan(session, plan_id)
        asked = select(PlanRow.id).where(PlanRow.id == plan_id, col(PlanRow.routes_geojson).is_not(None))
        return session.exec(asked).first() is not None

    def _draw(self, session: Session, plan_id: str) -> None:
        from geodata.maps.geojson import (  # noqa: PLC0415 - loads numba
            collection,
            route_features,
            unserved_features,
            without_ways,
        )

        row, version = find_plan(session, plan_id)
        opened = self._plans.open(plan_id)
        assert version.id is not None
        stated = overlays_of_plan(session, plan_id)
        city = with_overlays(self._cities.dataset(version.id, version.content_hash), stated)
        network = self._network(city, row.service_date)
        places = unpacked(row.places) if row.places is not None else self._places(city, row.service_date)
        clock = local_clock(row.service_date, city.timezone)
        positions = {container.id: (container.lon, container.lat) for container in city.containers}
        known = self._known(session, row.parent_id, opened)
        parts: dict[str, bytes] = {}
        for route in opened.plan.routes:
            parts[route.shift] = known.get(route.shift) or squeeze(
                collection(
                    route_features(opened.problem, route, network, places, clock=clock, container_positions=positions)
                )
            )
        features = [feature for part in parts.values() for feature in orjson.loads(unsqueeze(part))["features"]]
        features = without_ways(features)
        features += unserved_features(opened.problem, opened.plan, places, container_positions=positions)
        drawn = session.exec(
            update(PlanRow)
            .where(col(PlanRow.id) == plan_id, col(PlanRow.routes_geojson).is_(None))
            .values(routes_geojson=squeeze(collection(features)))
        )
        if drawn.rowcount:  # otherwise another server was quicker
            session.add_all(
                RouteRow(plan_id=plan_id, vehicle=route.vehicle, shift=route.shift, geojson=parts[route.shift])
                for route in opened.plan.routes
            )

    def _known(self, session: Session, parent_id: str | None, opened: Opened) -> dict[str, bytes]:
        """Return the drawings of the routes that the edits left as they were."""
        if parent_id is None:
            return {}
        before = {route.shift: route for route in self._plans.open(parent_id).plan.routes}
        same = [route.shift for route in opened.plan.routes if before.get(route.shift) == route]
        drawn = select(RouteRow.shift, RouteRow.geojson).where(RouteRow.plan_id == parent_id)
        return {shift: part for shift, part in session.exec(drawn) if shift in same}

    def _network(self, city: CityDataset, service_date: dt.date) -> RoadNetwork:
        from scenarios.day import roads_of  # noqa: PLC0415 - loads numba

        key = city.content_hash, service_date, tuple(overlay.id for overlay in city.overlays)
        if key not in self._networks:
            self._networks[key] = roads_of(city, service_date, cache_dir=self._settings.cache_dir)
            while len(self._networks) > _KEPT_NETWORKS:
                self._networks.popitem(last=False)
        self._networks.move_to_end(key)
        return self._networks[key]

    def _places(self, city: CityDataset, service_date: dt.date) -> Places:
        """Return the places of a plan that was stored before plans kept theirs."""
        from scenarios.day import prepare_day  # noqa: PLC0415 - loads numba

        return prepare_day(city, service_date, cache_dir=self._settings.cache_dir).places


def packed(places: Places) -> bytes:
    """Return where a plan's nodes lie on the streets, as stored."""
    arrays: dict[str, Any] = {name: getattr(places, name) for name in places.__slots__}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, allow_pickle=False, **{name: array for name, array in arrays.items() if array is not None}
    )
    return buffer.getvalue()


def unpacked(data: bytes) -> Places:
    """Return where a plan's nodes lie on the streets."""
    from geodata.streets.snap import Places  # noqa: PLC0415 - loads numba

    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Places(**dict(arrays))
