"""A server that asks who they are: two cities with a plan each, and a credential for each kind of bearer."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlmodel import Session

from service.auth import accounts, keys
from service.auth.roles import Role
from service.auth.tokens import Claims, Tokens
from service.clock import utc_now
from service.db.documents import squeeze
from service.db.models import PlanRow, RunRow
from service.db.people import DriverLinkRow
from service.db.studies import StudyRow

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from service.cities import Cities

PASSWORD = "a long enough passphrase"
DATE = "2099-11-23"  # a Monday whose links have not ended when the tests run
SHIFT = "C1-day"
PEOPLE = (Role.ADMINISTRATOR, Role.PLANNER, Role.DISPATCHER, Role.VIEWER)


@dataclass
class Town:
    """A stored city with a run and its plan, and a study."""

    id: str
    run: str
    plan: str
    study: str


class House:
    """The running application with two towns, and what it takes to ask it as somebody."""

    def __init__(self, client: TestClient, archives: tuple[bytes, bytes]) -> None:
        self.client = client
        self.state: Any = client.app.state  # type: ignore[attr-defined]  # Starlette's, typed as any ASGI application
        self.here, self.there = (self._town(archive) for archive in archives)

    @property
    def app(self) -> FastAPI:
        """Return the application itself."""
        return self.client.app  # type: ignore[return-value]

    def _town(self, archive: bytes) -> Town:
        cities: Cities = self.state.cities
        version, _ = cities.add(archive)
        assert version.id is not None
        town = Town(version.city_id, uuid4().hex, uuid4().hex, uuid4().hex)
        date, now = dt.date.fromisoformat(DATE), utc_now()
        with Session(self.state.engine) as session:
            run = {"id": town.run, "city_version_id": version.id, "service_date": date, "created_at": now}
            session.add(RunRow(**run, seconds=1, seed=0, status="done"))
            session.flush()
            nothing = squeeze(b'{"type": "FeatureCollection", "features": []}')
            plan = {"id": town.plan, "run_id": town.run, "city_version_id": version.id, "service_date": date}
            session.add(PlanRow(**plan, created_at=now, summary={}, document=nothing, routes_geojson=nothing))
            study = {"id": town.study, "city_version_id": version.id, "created_at": now}
            session.add(StudyRow(**study, name="Fleets", asked={}, status="done"))
            session.commit()
        return town

    def account(self, role: Role, city_id: str | None) -> str:
        """Make an account and return its access token."""
        with Session(self.state.engine) as session:
            row, _ = accounts.add(session, uuid4().hex, role=role, city_id=city_id, password=PASSWORD)
            renewed = accounts.begin(session, row.id)
            session.commit()
        return self.token(Claims("session", renewed.session_id))

    def key(self, role: Role, city_id: str | None, device: str | None = None) -> tuple[str, str]:
        """Make an API key and return its id and itself."""
        with Session(self.state.engine) as session:
            row, plain = keys.add(session, role=role, city_id=city_id, label="test", by="test", device=device)
            session.commit()
            return row.id, plain

    def driver(self, city_id: str, date: str = DATE, shift: str = SHIFT) -> str:
        """Make a driver's link and return a token of it."""
        now = utc_now()
        row = DriverLinkRow(
            id=uuid4().hex,
            city_id=city_id,
            service_date=dt.date.fromisoformat(date),
            shift=shift,
            code_hash=uuid4().hex,
            created_at=now,
            created_by="test",
            expires_at=now + dt.timedelta(hours=12),
        )
        with Session(self.state.engine, expire_on_commit=False) as session:
            session.add(row)
            session.commit()
        return self.token(Claims("driver", row.id))

    def token(self, claims: Claims, *, age_s: int = 0, holds_s: int = 900) -> str:
        """Return a token that was made some time ago."""
        tokens: Tokens = self.state.tokens
        made = utc_now() - dt.timedelta(seconds=age_s)
        return tokens.signed(claims, now=made, expires_at=made + dt.timedelta(seconds=holds_s))

    def ask(self, method: str, path: str, credential: str | None = None, **more: Any) -> Any:
        """Send a request with a credential and nothing else that would say who asks."""
        self.client.cookies.clear()
        headers = more.pop("headers", {}) | ({} if credential is None else {"authorization": f"Bearer {credential}"})
        return self.client.request(method, path, headers=headers, **more)


def renamed(archive: bytes, name: str) -> bytes:
    """Return a city's archive under another name."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist():
            content = source.read(entry)
            if entry == "city.toml":
                lines = content.decode().splitlines()
                lines = [f'name = "{name}"' if line.startswith("name =") else line for line in lines]
                content = "\n".join(lines).encode()
            target.writestr(entry, content)
    return copy.getvalue()
