"""What the server writes about itself: a line for each event, with the id of the request that it belongs to.

No name of a person, no token, no position and no body of a request is ever written: routes stand in the lines as
templates, without their values.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

_QUIETER: Final = {"alembic": logging.WARNING, "uvicorn.access": logging.CRITICAL}
"""Others' loggers that say too much; uvicorn's access log has paths with their values, and addresses of people."""


def set_up(form: Literal["auto", "json", "text"], *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every logger of this process to the standard error, or to another stream.

    Parameters
    ----------
    form
        ``json``: an object a line, for whoever collects them. ``text``: for people. ``auto``: text on a terminal.
    """
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    drawn: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *drawn]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quieter in _QUIETER.items():
        logging.getLogger(name).setLevel(max(level, quieter))


def about_request(request_id: str) -> None:
    """Let every line that is written for the request in hand carry its id."""
    structlog.contextvars.bind_contextvars(request_id=request_id)
