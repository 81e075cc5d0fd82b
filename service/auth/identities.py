"""Whose credential it is: looked up in the database once, and remembered for seconds.

Thousands of readings a second from one sender ask the database a few times a minute.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Literal

from sqlmodel import Session, col, select

from service.auth.principal import Principal
from service.auth.roles import Role
from service.auth.secret import digest
from service.clock import utc_now
from service.db.people import AccountRow, ApiKeyRow, DriverLinkRow, MembershipRow, SignInRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

REMEMBERED_S: Final = 5.0
"""What another process revokes holds here so long at most; what this one revokes ends at once. Our own figure."""
_MOST: Final = 20_000
KEY_MARK: Final = "samram_"
"""How every API key begins: whoever finds one in a file knows what it opens."""

Kind = Literal["session", "driver", "key", "signed"]


class Identities:
    """Finds whom a credential belongs to.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[Kind, str], tuple[float, Principal | None]] = {}
        self._lock = threading.Lock()
        self._forgotten = 0
        self._look_up: dict[Kind, Callable[[Session, str], Principal | None]] = {
            "session": _of_session,
            "driver": _of_link,
            "key": _of_key,
            "signed": _of_signed_key,
        }

    def remembered(self, kind: Kind, name: str) -> tuple[Principal | None] | None:
        """Return whom a credential belongs to in a tuple, None when the database must be asked; never waits."""
        found = self._known.get((kind, name))
        return None if found is None or time.monotonic() - found[0] > REMEMBERED_S else (found[1],)

    def find(self, kind: Kind, name: str) -> Principal | None:
        """Ask the database whom a credential belongs to; None if it does not hold, or no longer.

        Parameters
        ----------
        name
            The id of a session, link or signed key; the hash of a plain key.
        """
        asked_s, forgotten = time.monotonic(), self._forgotten
        with Session(self._engine) as session:
            found = self._look_up[kind](session, name)
        with self._lock:
            if forgotten == self._forgotten:  # else it may be what was revoked while we asked
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[kind, name] = (asked_s, found)
        return found

    def forget(self) -> None:
        """Ask the database anew about everybody: somebody was added, changed or revoked."""
        with self._lock:
            self._forgotten += 1
            self._known.clear()


def _of_session(session: Session, session_id: str) -> Principal | None:
    row = session.get(SignInRow, session_id)
    if row is None or row.revoked_at is not None or row.expires_at <= utc_now():
        return None
    account = session.get_one(AccountRow, row.account_id)
    return principal_of(session, account, session_id=row.id)


def principal_of(session: Session, account: AccountRow, *, session_id: str | None = None) -> Principal:
    """Return an account as somebody who asks."""
    memberships = session.exec(select(MembershipRow).where(MembershipRow.account_id == account.id))
    return Principal(
        kind="account",
        id=account.id,
        name=account.name,
        everywhere=None if account.role is None else Role(account.role),
        roles={one.city_id: Role(one.role) for one in memberships},
        session=session_id,
    )


def _of_link(session: Session, link_id: str) -> Principal | None:
    row = session.get(DriverLinkRow, link_id)
    if row is None or row.revoked_at is not None or row.expires_at <= utc_now():
        return None
    return Principal(
        kind="driver",
        id=row.id,
        name=f"{row.shift} on {row.service_date}",
        roles={row.city_id: Role.DRIVER},
        shift=(row.service_date.isoformat(), row.shift),
    )


def _of_key(session: Session, secret_hash: str) -> Principal | None:
    return _of_row(session.exec(select(ApiKeyRow).where(col(ApiKeyRow.secret_hash) == secret_hash)).first())


def _of_signed_key(session: Session, key_id: str) -> Principal | None:
    row = session.get(ApiKeyRow, key_id)
    return None if row is None or row.secret_hash is not None else _of_row(row)


def _of_row(row: ApiKeyRow | None) -> Principal | None:
    if row is None or row.revoked_at is not None:
        return None
    role = Role(row.role)
    return Principal(
        kind="key",
        id=row.id,
        name=row.label,
        everywhere=role if row.city_id is None else None,
        roles={} if row.city_id is None else {row.city_id: role},
        device=row.device,
    )


def key_hash(key: str) -> str:
    """Return under what a plain key is stored."""
    return digest(key)
