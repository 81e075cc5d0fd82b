"""One typed way to compile a function, for the loops that numpy cannot express."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")


def compiled(function: F) -> F:
    """Compile on first use and keep the result on disk, so that it is paid for once per machine."""
    return cast("F", numba.njit(cache=True)(function))
