"""Passwords: what is accepted as one, and Argon2 hashes of them."""

from __future__ import annotations

import functools
import threading
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from service.problems import Overloaded

SHORTEST: Final = 10
"""Characters. NIST SP 800-63B, 3.1.1.2, asks for eight and advises more; length counts, not kinds of characters."""
LONGEST: Final = 200
_AT_ONCE: Final = 4
"""Hashes computed at the same time: each takes 64 MiB (RFC 9106, section 4, second choice)."""
_WAIT_S: Final = 10.0
_free = threading.BoundedSemaphore(_AT_ONCE)


@functools.cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@functools.cache
def _nobodys() -> str:
    return _hasher().hash("nobody's password, compared when there is no such account")


def hashed(password: str) -> str:
    """Return the Argon2id hash of a password."""
    return _hasher().hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether a password is the one that was hashed; an account that is not there takes as long to refuse.

    Raises
    ------
    Overloaded
        If too many passwords are being compared just now.
    """
    if not _free.acquire(timeout=_WAIT_S):
        raise Overloaded("Too many people sign in just now; try again.")
    try:
        right = _hasher().verify(password[: LONGEST + 1], stored or _nobodys())
    finally:
        _free.release()
    return right and stored is not None


def objection(password: str, name: str) -> str | None:
    """Return what is wrong with a new password in a sentence, None if nothing is."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"A password has {SHORTEST} to {LONGEST} characters."
    if name.casefold() in password.casefold() and len(password) < len(name) + SHORTEST:
        return "A password is not made of the account's name."
    if len(set(password)) < SHORTEST // 2:
        return "A password has more than a few different characters."
    return None
