"""One typed way to compile a function, for the loops that numpy cannot express."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from zlib import crc32

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: Final[dict[str, Any]] = {"cache": True, "_nrt": False, "forceinline": True}
"""Without numba's reference counts: the loops allocate nothing, and counting made them 3.5 times slower. Every call is
written out in place: a day and a state are some 200 words, which each call copies otherwise; 2.2 to 3.1 times faster on
seven days of 100 to 1,024 visits, the same plans."""

_SOURCES: Final = crc32(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))))
"""Of what stands in the files of this package."""

F = TypeVar("F", bound="Callable[..., object]")


def compiled(function: F) -> F:
    """Compile on first use and keep the result on disk, so that it is paid for once per machine.

    What is kept is renewed when a function's own file changes, but not when a function does that it calls in another.
    So the name under which it is kept holds the sum of all the files here.
    """
    function.__qualname__ = f"{function.__qualname__}_{_SOURCES:08x}"
    return cast("F", numba.njit(**_OPTIONS)(function))
