"""One typed way to compile a function, for the loops that numpy cannot express."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: Final[dict[str, Any]] = {"cache": True, "_nrt": False}
"""Without numba's reference counts: the loops allocate nothing, and counting made them 3.5 times slower."""

F = TypeVar("F", bound="Callable[..., object]")


def compiled(function: F) -> F:
    """Compile on first use and keep the result on disk, so that it is paid for once per machine.

    Functions that call each other must stand in one file: the copy on disk is renewed when its own file changes, not
    when a function does that it calls in another.
    """
    return cast("F", numba.njit(**_OPTIONS)(function))
