"""The server's secret, and secrets made for others: what is stored of those is a hash, never they themselves."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES: Final = 32
"""256 bits: as long as the hash that HS256 computes (RFC 7518, section 3.2)."""
_FILE: Final = "secret"


def server_secret(home: Path, given: str = "") -> bytes:
    """Return the secret with which tokens are signed: the given one, or the one in ``home``, made at first start.

    The file can be read by its owner alone. Without it every session and signed key ends; nothing else is lost.

    Raises
    ------
    ValueError
        If the file does not hold what was written into it.
    """
    if given:
        return given.encode()
    path = home / _FILE
    home.mkdir(parents=True, exist_ok=True)
    # Written beside and linked, so that of two servers that start at once both read one whole secret.
    fresh = home / f".{_FILE}-{secrets.token_hex(8)}"
    if not path.exists():
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # then the other server's is the one
                os.link(fresh, path)
        finally:
            fresh.unlink()
    found = path.read_text(encoding="ascii").strip()
    if len(found) < 2 * SECRET_BYTES:
        raise ValueError(f"{path} holds no secret of {SECRET_BYTES} bytes; delete it, and another one is made.")
    return found.encode()


def derived(secret: bytes, purpose: str) -> bytes:
    """Return a secret for one purpose, from which neither the server's nor that of another purpose can be computed."""
    return hmac.digest(secret, purpose.encode(), "sha256")


def digest(text: str) -> str:
    """Return what is stored of a secret that nobody can guess; of a password something slower is stored."""
    return hashlib.sha256(text.encode()).hexdigest()
