"""PDF from Typst templates: data go in as JSON, so that no name of a street or person is ever taken for markup."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPLATES: Final = Path(__file__).parent
_FONTS: Final = Path(__file__).parents[1] / "web" / "vendor" / "noto-sans-khmer"
"""Khmer and Latin letters of one kind; without them (a checkout that was not built) Khmer is not set."""
_MISSING: Final = "PDF needs the package typst, which is not installed; expected: pip install 'samram[report]'."


class ExportMissing(RuntimeError):
    """An export needs a package that is not installed; the text says which."""


def pdf(template: str, data: Mapping[str, Any], *, pictures: Mapping[str, str] | None = None) -> bytes:
    """Set a document.

    Parameters
    ----------
    template
        Name of a ``.typ`` file of this package; it reads ``data.json`` and the pictures beside it.
    data
        Plain values.
    pictures
        SVG texts by file name.

    Raises
    ------
    ExportMissing
        If the package typst is not installed.
    """
    try:
        import typst  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ExportMissing(_MISSING) from error
    with tempfile.TemporaryDirectory(prefix="samram-pdf-") as scratch:
        folder = Path(scratch)
        (folder / "main.typ").write_bytes((_TEMPLATES / f"{template}.typ").read_bytes())
        (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        for name, svg in (pictures or {}).items():
            (folder / name).write_text(svg, encoding="utf-8")
        made: bytes = typst.compile(str(folder / "main.typ"), root=str(folder), font_paths=[str(_FONTS)])
    return made
