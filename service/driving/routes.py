"""Published routes as phones fetch them: in their language, as GeoJSON or GPX; what was made is kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from sqlmodel import Session, select

from geodata.maps.geojson import collection
from geodata.maps.gpx import route_gpx
from geodata.maps.words import LANGUAGES, in_language
from service.db.documents import squeeze, unsqueeze
from service.db.models import RouteRow

if TYPE_CHECKING:
    import datetime as dt

Form = Literal["geojson", "gpx"]

KEPT: Final = 500
"""Routes in memory, some 20 kB each: those of a large city's day in both languages. Our own figure."""


class Routes:
    """Gives out routes of plans; a plan never changes, so what was made of it stays right."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str, Form], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def route(
        self, session: Session, plan_id: str, shift: str, service_date: dt.date, *, language: str, form: Form
    ) -> bytes:
        """Return a shift's route as gzip; one without trips and steps where the plan has nothing for it to do."""
        key = (plan_id, shift, language, form)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        made = _made(_stored(session, plan_id, shift), f"{shift} {service_date}", language, form)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def language_of(header: str) -> str:
    """Return the language that an Accept-Language header likes best of those that are spoken here (RFC 9110, 12.5.4).

    What it likes equally goes in its own order; what cannot be read counts as not liked at all.
    """
    liked: list[tuple[float, str]] = []
    for part in header.lower().split(","):
        tag, _, weight = part.partition(";")
        value = weight.replace(" ", "").removeprefix("q=") or "1"
        language = tag.strip().partition("-")[0]
        try:
            liked.append((float(value), LANGUAGES[0] if language == "*" else language))
        except ValueError:
            continue
    spoken = [(weight, language) for weight, language in liked if language in LANGUAGES and 0 < weight <= 1]
    return max(spoken, key=lambda one: one[0])[1] if spoken else LANGUAGES[0]


def _stored(session: Session, plan_id: str, shift: str) -> bytes:
    found = session.exec(select(RouteRow.geojson).where(RouteRow.plan_id == plan_id, RouteRow.shift == shift)).first()
    return found if found is not None else squeeze(collection([]))


def _made(stored: bytes, name: str, language: str, form: Form) -> bytes:
    if form == "geojson" and language == LANGUAGES[0]:
        return stored
    features: list[dict[str, Any]] = orjson.loads(unsqueeze(stored))["features"]
    if language != LANGUAGES[0]:
        features = in_language(features, language)
    return squeeze(collection(features) if form == "geojson" else route_gpx(features, name=name))
