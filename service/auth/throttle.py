"""Failures to sign in slow down the next attempt, and never shut anybody out for good.

They are kept in the database, so that neither a restart nor a second server forgets them. An attempt counts as a
failure until it has succeeded: many at once are no way around.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete, update

from service.auth.secret import digest
from service.db.people import SignInFailureRow
from service.problems import TooManyAttempts

if TYPE_CHECKING:
    from sqlalchemy import Engine

FREE_FAILURES: Final = 10
"""Of one account from one address, before attempts are slowed down (the pilot's requirement)."""
FREE_FROM_ADDRESS: Final = 100
"""Of one address with whatever accounts. Our own figure: a town hall may have one address for all its people."""
LONGEST_DELAY_S: Final = 900
"""Our own figure: nobody who has the right password waits longer than a quarter of an hour."""
FORGOTTEN_AFTER: Final = dt.timedelta(days=1)


def delay_s(failures: int, free: int) -> int:
    """Return how long after so many failures the next attempt is refused: 1 s, doubled with each further failure."""
    return 0 if failures < free else min(LONGEST_DELAY_S, 2 ** min(failures - free, 20))


class Throttle:
    """Counts failures.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attempt(self, name: str, address: str, now: dt.datetime) -> None:
        """Count an attempt as a failure, or refuse it.

        Raises
        ------
        TooManyAttempts
            If too many failed before; with the seconds to wait. What is refused is not counted.
        """
        of_both, of_address = _keys(name, address)
        with Session(self._engine) as session:
            for key, free in ((of_both, FREE_FAILURES), (of_address, FREE_FROM_ADDRESS)):
                row = session.get(SignInFailureRow, key)
                if row is None or now - row.last_at > FORGOTTEN_AFTER:
                    continue
                delay = delay_s(row.failures, free)
                # A clock that was set back makes nobody wait longer than the delay itself.
                wait_s = min(delay, (row.last_at - now).total_seconds() + delay)
                if wait_s > 0:
                    raise TooManyAttempts(wait_s=wait_s)
            session.rollback()
            session.exec(delete(SignInFailureRow).where(col(SignInFailureRow.last_at) < now - FORGOTTEN_AFTER))
            insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
            for key in (of_both, of_address):
                one = insert(SignInFailureRow).values(key=key, failures=1, last_at=now)
                changed = {"failures": col(SignInFailureRow.failures) + 1, "last_at": now}
                session.execute(one.on_conflict_do_update(index_elements=["key"], set_=changed))
            session.commit()

    def succeeded(self, name: str, address: str) -> None:
        """Forget what failed for an account from an address; an address keeps what failed for others."""
        of_both, of_address = _keys(name, address)
        with Session(self._engine) as session:
            session.exec(delete(SignInFailureRow).where(col(SignInFailureRow.key) == of_both))
            fewer = {"failures": col(SignInFailureRow.failures) - 1}
            session.exec(update(SignInFailureRow).where(col(SignInFailureRow.key) == of_address).values(fewer))
            session.commit()


def _keys(name: str, address: str) -> tuple[str, str]:
    return digest(f"account\0{name}\0{address}"), digest(f"address\0{address}")
