"""Runs the server from the command line: its settings, database and port are tried first, and fail in sentences."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import uvicorn

from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from sqlalchemy import Engine

    from service.settings import Settings

_ANYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - recognised, to be shown as an address that opens
GRACE_S = 5
"""Seconds that replies on their way may still take when the server is to end; then they are cut: whoever follows a run
would stay for a minute. Our own figure."""
_BACKLOG = 2_048
"""Connections that may wait to be accepted; uvicorn's own default."""


class Server(uvicorn.Server):
    """A server that says when it answers.

    Parameters
    ----------
    on_started
        Called once, when requests are answered.
    """

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_started()


@contextmanager
def started_once() -> Iterator[None]:
    """Load and build what stays until the end without searching it for garbage: devices wait while a server restarts.

    The searches took a tenth of the time to a first answer (2.13 s with them, 1.89 s without; medians of seven). What
    is there at the end is set apart, so that later searches pass it by.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def listen(host: str, port: int) -> socket.socket:
    """Take a port (0: any free one), before anything else is done.

    Raises
    ------
    CommandError
        If the port is in use, may not be used, or the host is not of this machine.
    """
    try:
        family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise show.CommandError(
                f"Port {port} of {host} is in use by another program; --port takes another one, and --port 0 any "
                "that is free."
            ) from error
        # The socket module writes the address into the reason a second time; a name that is not found has its own.
        reason = os.strerror(error.errno) if error.errno and error.errno in errno.errorcode else error.strerror
        raise show.CommandError(f"Port {port} of {host} cannot be listened on: {reason or error}.") from error


def address_of(taken: socket.socket) -> str:
    """Return the address to open in a browser on this machine, without a slash at its end."""
    host, port = taken.getsockname()[:2]
    if host in _ANYWHERE:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def say_how_to_sign_in(settings: Settings, engine: Engine) -> None:
    """Say how the first account is made, where nobody could sign in; and where nobody needs to."""
    if settings.auth == "off":
        show.ERR.print("Nobody is asked who they are (SAMRAM_AUTH=off): whoever uses this machine may do everything.")
        return
    from sqlmodel import Session

    from service.auth.accounts import nobody_yet

    with Session(engine) as session:
        if nobody_yet(session):
            show.ERR.print("Nobody can sign in yet. The first account: samram people add NAME --role administrator")


def make_server(app: FastAPI, *, on_started: Callable[[], None]) -> Server:
    """Return a server that is not running yet."""
    # A line for each of thousands of readings a second took a twentieth of the time, and nobody reads it.
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S)
    return Server(config, on_started)


def run(server: Server, taken: socket.socket) -> None:
    """Serve until Ctrl+C or SIGTERM, which are the usual ways to end it and no failure."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        server.run(sockets=[taken])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        taken.close()


def _end(_number: int, _frame: Any) -> NoReturn:
    # The server has shut down in order and hands the signal on; what stands around it is left in order, too.
    raise KeyboardInterrupt
