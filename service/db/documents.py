"""Documents as they are stored: gzip bytes, the same for the same document whenever they are made."""

from __future__ import annotations

import gzip


def squeeze(data: bytes) -> bytes:
    """Return a document as gzip without a time in it, so that equal documents are equal bytes."""
    return gzip.compress(data, compresslevel=6, mtime=0)


def unsqueeze(squeezed: bytes) -> bytes:
    """Return a stored document."""
    return gzip.decompress(squeezed)
