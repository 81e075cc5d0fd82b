"""A request's body as JSON, also where it holds what JSON may not, so that one bad number spoils no batch."""

from __future__ import annotations

import json
from typing import Any

import orjson

from service.ingest.report import Refused


def json_of(body: bytes) -> Any:
    """Return what a body says.

    NaN, Infinity, lone surrogates and integers of any size are let through here: each reading is checked by itself,
    and what is wrong with one is written beside it.

    Raises
    ------
    Refused
        If it is no JSON at all.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("not-json", f"The body is no JSON: {str(error)[:200] or type(error).__name__}.") from error
