"""Accounts: who there is, what they may do, how they sign in. The command line and the API go through here alike."""

from __future__ import annotations

import datetime as dt
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select, update

from service.auth import passwords
from service.auth.secret import digest
from service.auth.tokens import SESSION_S
from service.clock import utc_now
from service.db.models import CityRow
from service.db.people import AccountRow, MembershipRow, SignInRow
from service.problems import Conflict, FieldError, InvalidRequest, NotAuthenticated, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.auth.roles import Role

NAME: Final = r"^[^\s/@:\x00-\x20\x7f][^/\x00-\x1f\x7f]{0,79}$"
SECOND_TAB_S: Final = 30
"""So long the refresh token before the newest one holds: two tabs of a browser may ask at once. Our own figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account and its roles, as lists show them."""

    name: str
    everywhere: str | None
    roles: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A session's new refresh token."""

    session_id: str
    refresh: str
    expires_at: dt.datetime


def account_name(name: str) -> str:
    """Return a name as it is stored: case and the way of writing accents make no other account.

    Raises
    ------
    InvalidRequest
        If it cannot be one.
    """
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    if re.fullmatch(NAME, plain) is None or not plain.isprintable():
        raise InvalidRequest(
            [FieldError(place="name", message="A name has 1 to 80 characters, and none of them is a slash.")]
        )
    return plain


def find(session: Session, name: str) -> AccountRow:
    """Return an account.

    Raises
    ------
    NotFound
        If there is none of this name.
    """
    found = session.exec(select(AccountRow).where(AccountRow.name == account_name(name))).first()
    if found is None:
        raise NotFound(f"There is no account {name!r}.")
    return found


def add(
    session: Session,
    name: str,
    *,
    role: Role,
    city_id: str | None,
    password: str | None,
    outside: bool = False,
) -> tuple[AccountRow, bool]:
    """Give somebody a role, in a city or everywhere; their account is made when there is none. Does not commit.

    Parameters
    ----------
    password
        Of a new account; one that is there keeps its own.
    outside
        Whether a new account may go without one, because it signs in at a provider of identities.

    Returns
    -------
    tuple[AccountRow, bool]
        The account, and whether it is new.

    Raises
    ------
    InvalidRequest
        If name or password are not accepted, or a new account has none.
    NotFound
        If there is no such city.
    Conflict
        If somebody else makes the same account just now.
    """
    if city_id is not None and session.get(CityRow, city_id) is None:
        raise NotFound(f"There is no city {city_id!r}.")
    plain = account_name(name)
    row = session.exec(select(AccountRow).where(AccountRow.name == plain)).first()
    is_new = row is None
    if row is None:
        if password is None and not outside:
            raise _wrong_password("A new account needs a password.")
        hashed = None if password is None else _hashed(password, plain)
        row = AccountRow(id=uuid4().hex, name=plain, password_hash=hashed, created_at=utc_now())
        session.add(row)
        try:
            session.flush()
        except IntegrityError as error:
            raise Conflict(f"Account {plain!r} is being made by somebody else just now; try again.") from error
    if city_id is None:
        row.role = role.value
    else:
        session.merge(MembershipRow(account_id=row.id, city_id=city_id, role=role.value))
    session.flush()
    return row, is_new


def remove(session: Session, account: AccountRow, *, city_id: str | None) -> None:
    """Take somebody's role in a city, or the whole account; one without any role left goes too. Does not commit."""
    if city_id is not None:
        session.exec(
            delete(MembershipRow).where(
                col(MembershipRow.account_id) == account.id, col(MembershipRow.city_id) == city_id
            )
        )
        others = session.exec(select(MembershipRow).where(MembershipRow.account_id == account.id)).first()
        if others is not None or account.role is not None:
            return
    session.delete(account)
    session.flush()


def set_password(session: Session, account: AccountRow, password: str) -> None:
    """Change a password and end every session of the account. Does not commit.

    Raises
    ------
    InvalidRequest
        If it is not accepted.
    """
    account.password_hash = _hashed(password, account.name)
    session.add(account)
    session.exec(
        update(SignInRow)
        .where(col(SignInRow.account_id) == account.id, col(SignInRow.revoked_at).is_(None))
        .values(revoked_at=utc_now())
    )


def everybody(session: Session, city_id: str | None = None) -> list[Person]:
    """Return all accounts, or those with a role of their own in a city, by name."""
    memberships: dict[str, dict[str, str]] = {}
    for one in session.exec(select(MembershipRow)):
        memberships.setdefault(one.account_id, {})[one.city_id] = one.role
    return [
        Person(name=row.name, everywhere=row.role, roles=memberships.get(row.id, {}))
        for row in session.exec(select(AccountRow).order_by(AccountRow.name))
        if city_id is None or city_id in memberships.get(row.id, {})
    ]


def nobody_yet(session: Session) -> bool:
    """Whether there is no account at all."""
    return session.exec(select(AccountRow.id).limit(1)).first() is None


def signed_in(session: Session, name: str, password: str) -> AccountRow:
    """Return the account that has this name and password.

    Raises
    ------
    NotAuthenticated
        If there is none: whether the name or the password is wrong stays unsaid.
    """
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    row = session.exec(select(AccountRow).where(AccountRow.name == plain)).first()
    session.rollback()  # the comparison takes a while; no connection waits for it
    if not passwords.matches(password, None if row is None else row.password_hash) or row is None:
        raise NotAuthenticated("The name or the password is wrong.")
    return row


def begin(session: Session, account_id: str) -> Renewed:
    """Begin a session; does not commit."""
    now = utc_now()
    row = SignInRow(
        id=uuid4().hex,
        account_id=account_id,
        refresh_hash="",
        rotated_at=now,
        created_at=now,
        expires_at=now + dt.timedelta(seconds=SESSION_S),
    )
    session.exec(delete(SignInRow).where(col(SignInRow.expires_at) < now))
    return _rotated(session, row)


def renew(session: Session, refresh: str) -> Renewed:
    """Exchange a refresh token for the next one; does not commit unless the session ends.

    Raises
    ------
    NotAuthenticated
        If it does not hold. One that was used before has been stolen, by whom ever: then the session is over.
    """
    session_id, _, _ = refresh.partition(".")
    row = session.get(SignInRow, session_id, with_for_update=True)
    now = utc_now()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise NotAuthenticated("The session is over; sign in again.")
    presented = digest(refresh)
    just_now = (now - row.rotated_at).total_seconds() <= SECOND_TAB_S
    if not hmac.compare_digest(presented, row.refresh_hash) and not (
        just_now and hmac.compare_digest(presented, row.previous_hash or "")
    ):
        row.revoked_at = now
        session.commit()
        raise NotAuthenticated("The session is over, because its token was used a second time; sign in again.")
    return _rotated(session, row)


def end(session: Session, session_id: str) -> None:
    """End a session; does not commit."""
    session.exec(update(SignInRow).where(col(SignInRow.id) == session_id).values(revoked_at=utc_now()))


def _rotated(session: Session, row: SignInRow) -> Renewed:
    refresh = f"{row.id}.{secrets.token_urlsafe(32)}"
    row.previous_hash, row.refresh_hash, row.rotated_at = row.refresh_hash or None, digest(refresh), utc_now()
    session.add(row)
    session.flush()
    return Renewed(session_id=row.id, refresh=refresh, expires_at=row.expires_at)


def _hashed(password: str, name: str) -> str:
    objection = passwords.objection(password, name)
    if objection is not None:
        raise _wrong_password(objection)
    return passwords.hashed(password)


def _wrong_password(message: str) -> InvalidRequest:
    errors: Sequence[FieldError] = [FieldError(place="password", message=message)]
    return InvalidRequest(errors)
