"""Results kept in a folder by the hash of everything they depend on, so that a study that was cut short goes on."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 2
"""Raised whenever the same inputs come to mean another result."""


class Kept:
    """A folder of results, each in a file of its own that appears whole or not at all.

    A file that cannot be read as a result counts as absent: it is made again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the result for a key; None where there is none."""
        try:
            document = json.loads(self._path(key).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(document, dict) or document.get("key") != key:
            return None
        result: dict[str, Any] = document["result"]
        return result

    def put(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep a result, on disk before this returns."""
        data = json.dumps({"key": key, "result": result}, ensure_ascii=False).encode()
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path(key))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def key_of(content: Mapping[str, Any]) -> str:
    """Return the hash of plain values, in hexadecimal."""
    canonical = json.dumps({"format": FORMAT, **content}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
