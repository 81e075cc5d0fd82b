r"""A device signs what it sends, so that a secret never travels and nothing it sent can be sent again by others.

Headers: ``Samram-Key`` (the key's id), ``Samram-Time`` (seconds since 1970), ``Samram-Nonce`` (16 to 64 letters and
digits, never twice) and ``Samram-Signature``: HMAC-SHA256 (RFC 2104) in hexadecimal, with the key's secret, over::

    METHOD "\n" PATH?QUERY "\n" TIME "\n" NONCE "\n" SHA-256 of the body in hexadecimal

"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete

from service.auth.keys import signing_secret
from service.clock import utc_now
from service.db.people import NonceRow
from service.problems import NotAuthenticated

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.datastructures import Headers

KEY_HEADER: Final = "samram-key"
LEEWAY_S: Final = 300
"""How far a device's clock may be wrong. Our own figure; sensors set theirs by the network once a day."""
_NONCE: Final = re.compile("[A-Za-z0-9_-]{16,64}")
_KEY_ID: Final = re.compile("[0-9a-f]{12}")


def key_of(headers: Headers) -> str:
    """Return the id of the key that a request names.

    Raises
    ------
    NotAuthenticated
        If it cannot be one.
    """
    found = headers.get(KEY_HEADER, "")
    if _KEY_ID.fullmatch(found) is None:
        raise NotAuthenticated("The header Samram-Key is expected to hold the twelve digits of a key's id.")
    return found


def signature(secret: bytes, method: str, target: str, time: str, nonce: str, body: bytes) -> str:
    """Return what a device writes into ``Samram-Signature``.

    Parameters
    ----------
    target
        The path with its query, as it stands in the request.
    """
    text = "\n".join((method, target, time, nonce, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), "sha256").hexdigest()


def verify(engine: Engine, server_secret: bytes, headers: Headers, method: str, target: str, body: bytes) -> None:
    """Let a signed request pass once.

    Raises
    ------
    NotAuthenticated
        If its signature is wrong, its time is not now, or it was here before.
    """
    key_id, time, nonce = key_of(headers), headers.get("samram-time", ""), headers.get("samram-nonce", "")
    if _NONCE.fullmatch(nonce) is None or re.fullmatch(r"\d{1,12}", time, re.ASCII) is None:
        raise NotAuthenticated("A signed request has the headers Samram-Time (seconds) and Samram-Nonce (16 letters).")
    expected = signature(signing_secret(server_secret, key_id), method, target, time, nonce, body)
    if not hmac.compare_digest(expected.encode(), headers.get("samram-signature", "").lower().encode()):
        raise NotAuthenticated("The signature does not fit the request.")
    now = utc_now()
    if abs(int(time) - now.timestamp()) > LEEWAY_S:
        raise NotAuthenticated(f"The request is of another time; the device's clock may be wrong by {LEEWAY_S} s.")
    # Only what is signed right is remembered, so that strangers cannot fill the table.
    with Session(engine) as session:
        session.exec(delete(NonceRow).where(col(NonceRow.seen_at) < now - dt.timedelta(seconds=2 * LEEWAY_S)))
        session.add(NonceRow(key_id=key_id, nonce=nonce, seen_at=now))
        try:
            session.commit()
        except IntegrityError as error:
            raise NotAuthenticated("This request was here before; a nonce is used once.") from error
