"""Drivers' links: a short code hands one shift of one day over to a phone, and ends with it."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import TYPE_CHECKING, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from service.auth.secret import digest
from service.clock import utc_now
from service.db.people import DriverLinkRow
from service.problems import NotAuthenticated, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geodata.city.dataset import CityDataset

LATE: Final = dt.timedelta(hours=12)
"""After the shift, for what a phone without a network could not send yet (the pilot's requirement)."""
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that is read as a digit."""
_LETTERS: Final = 16
"""80 bits: nobody guesses one of the few that hold, at whatever rate."""


def add(
    session: Session, city: CityDataset, city_id: str, date: dt.date, shift_id: str, *, by: str
) -> tuple[DriverLinkRow, str]:
    """Make a link; does not commit.

    Returns
    -------
    tuple[DriverLinkRow, str]
        What is stored, and the code, which cannot be shown again.

    Raises
    ------
    NotFound
        If the city has no such shift on that day.
    """
    shift = next((one for one in city.shifts if one.id == shift_id), None)
    if shift is None or (shift.weekdays is not None and date.weekday() not in shift.weekdays):
        raise NotFound(f"There is no shift {shift_id!r} on {date} in city {city_id!r}.")
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    # Adding to an aware datetime moves the clock's hands: the shift ends when the city's clock says so.
    midnight = dt.datetime.combine(date, dt.time(), tzinfo=ZoneInfo(city.timezone))
    row = DriverLinkRow(
        id=uuid4().hex,
        city_id=city_id,
        service_date=date,
        shift=shift_id,
        code_hash=digest(code),
        created_at=utc_now(),
        created_by=by,
        expires_at=(midnight + dt.timedelta(seconds=shift.end_s + shift.max_overtime_s)).astimezone(dt.UTC) + LATE,
    )
    session.add(row)
    session.flush()
    return row, code


def of_shift(session: Session, city_id: str, date: dt.date, shift_id: str) -> Sequence[DriverLinkRow]:
    """Return the links of a shift, the newest first."""
    return session.exec(
        select(DriverLinkRow)
        .where(DriverLinkRow.city_id == city_id, DriverLinkRow.service_date == date, DriverLinkRow.shift == shift_id)
        .order_by(col(DriverLinkRow.created_at).desc())
    ).all()


def revoke(session: Session, city_id: str, date: dt.date, shift_id: str, link_id: str) -> DriverLinkRow:
    """End a link and the tokens made from it; twice is as good as once. Does not commit.

    Raises
    ------
    NotFound
        If the shift has no such link.
    """
    row = session.get(DriverLinkRow, link_id)
    if row is None or (row.city_id, row.service_date, row.shift) != (city_id, date, shift_id):
        raise NotFound(f"Shift {shift_id!r} on {date} has no link {link_id!r}.")
    row.revoked_at = row.revoked_at or utc_now()
    session.add(row)
    return row


def opened(session: Session, code: str) -> DriverLinkRow:
    """Return the link that a code opens, as often as a phone asks for it.

    Raises
    ------
    NotAuthenticated
        If there is none, or it is over or revoked.
    """
    plain = code.upper().replace("-", "").replace(" ", "").replace("O", "0").replace("I", "1").replace("L", "1")
    row = session.exec(select(DriverLinkRow).where(DriverLinkRow.code_hash == digest(plain))).first()
    if row is None or row.revoked_at is not None or row.expires_at <= utc_now():
        raise NotAuthenticated("The link does not hold, or no longer; the dispatcher can make another one.")
    return row
