"""API keys, for programs and devices; what is shown once is the secret, what is stored of it a hash.

A signed key is for a device that signs what it sends (``signing``): nothing of its secret is stored or sent.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sqlmodel import Session, col, select

from service.auth.identities import KEY_MARK, key_hash
from service.auth.roles import KEYS_ROLES, Role
from service.auth.secret import derived
from service.clock import utc_now
from service.db.models import CityRow
from service.db.people import ApiKeyRow
from service.problems import FieldError, InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

ID_BYTES: Final = 6
SECRET_BYTES: Final = 32


def add(
    session: Session,
    *,
    role: Role,
    city_id: str | None,
    label: str,
    by: str,
    device: str | None = None,
    server_secret: bytes | None = None,
) -> tuple[ApiKeyRow, str]:
    """Make a key; does not commit.

    Parameters
    ----------
    device
        The only sensor that it may speak for.
    server_secret
        Given for a signed key, whose secret follows from it.

    Returns
    -------
    tuple[ApiKeyRow, str]
        What is stored, and what its bearer gets, which cannot be shown again.

    Raises
    ------
    InvalidRequest
        If no key can have this role, or if one that is bound to a sensor is more than a device in a city.
    NotFound
        If there is no such city.
    """
    if role not in KEYS_ROLES:
        raise InvalidRequest([FieldError(place="body/role", message=f"A key is no {role}; drivers come by a link.")])
    if (device is not None or server_secret is not None) and (role is not Role.DEVICE or city_id is None):
        message = "A key that is signed or bound to a sensor has the role device, in one city."
        raise InvalidRequest([FieldError(place="body/role", message=message)])
    if city_id is not None and session.get(CityRow, city_id) is None:
        raise NotFound(f"There is no city {city_id!r}.")
    key_id = secrets.token_hex(ID_BYTES)
    plain = f"{KEY_MARK}{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    row = ApiKeyRow(
        id=key_id,
        city_id=city_id,
        role=role.value,
        device=device,
        label=label,
        secret_hash=key_hash(plain) if server_secret is None else None,
        created_at=utc_now(),
        created_by=by,
    )
    session.add(row)
    session.flush()
    return row, plain if server_secret is None else signing_secret(server_secret, key_id).hex()


def signing_secret(server_secret: bytes, key_id: str) -> bytes:
    """Return the secret with which a device signs; it follows from the server's, so that none is stored."""
    return derived(server_secret, f"device key {key_id}")


def of_city(session: Session, city_id: str | None) -> Sequence[ApiKeyRow]:
    """Return the keys of a city, or those that open every city, the newest first."""
    return session.exec(
        select(ApiKeyRow).where(col(ApiKeyRow.city_id) == city_id).order_by(col(ApiKeyRow.created_at).desc())
    ).all()


def revoke(session: Session, key_id: str, *, city_id: str | None) -> ApiKeyRow:
    """End a key; twice is as good as once. Does not commit.

    Raises
    ------
    NotFound
        If the city has no such key.
    """
    row = session.get(ApiKeyRow, key_id)
    if row is None or row.city_id != city_id:
        where = "no city" if city_id is None else f"city {city_id!r}"
        raise NotFound(f"There is no key {key_id!r} of {where}.")
    row.revoked_at = row.revoked_at or utc_now()
    session.add(row)
    return row
