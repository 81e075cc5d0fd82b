"""What who asks is told when the database or the disk beneath it does not do its work."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from service.problems import DatabaseAway, DiskFull, ServiceError

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_POSTGRES_DISK_FULL: Final = "53100"
"""PostgreSQL, appendix A: disk_full."""


def fault_of(error: Exception) -> ServiceError | None:
    """Return the fault of storage that an error tells of; None if it tells of something else."""
    if isinstance(error, OSError):
        return _disk_full() if error.errno in _NO_SPACE else None
    if isinstance(error, NoConnection):  # of the pool: more requests at work than there are connections
        return DatabaseAway("The server has more to do than it has connections to its database; try again later.")
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    if (
        getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(cause, "sqlstate", None) == _POSTGRES_DISK_FULL
    ):
        return _disk_full()
    return DatabaseAway("The database does not answer just now; try again later.")


def _disk_full() -> DiskFull:
    return DiskFull("The server's disk is full: nothing was kept of this. Try again once there is room.")
