"""The programs that are measured, each started from what is installed: our server, PostgreSQL, Mosquitto."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 180.0
"""Starting takes some three seconds; a machine that does ten things at once takes ten times as long."""


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Server:
    """Our server on a free port, in a home of its own."""

    def __init__(self, home: Path, database_url: str = "", **settings: str) -> None:
        self.port = free_port()
        self._environment = os.environ | {
            "SAMRAM_HOME": str(home),
            "SAMRAM_AUTH": "off",
            "SAMRAM_DATABASE_URL": database_url,
            **{f"SAMRAM_{name.upper()}": value for name, value in settings.items()},
        }

    def start(self) -> float:
        """Start it; return the seconds until it answered."""
        command = [sys.executable, "-m", "service.cli", "serve", "--port", str(self.port)]
        started_s = time.perf_counter()
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while time.perf_counter() < started_s + START_S:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url("/healthz"), timeout=1):  # noqa: S310
                return time.perf_counter() - started_s
            time.sleep(0.02)
        raise RuntimeError("The server did not start.")

    def url(self, path: str) -> str:
        """Return an address of it."""
        return f"http://127.0.0.1:{self.port}{path}"

    def processor_s(self) -> float | None:
        """Return the seconds of processor time that it has used, its runs' own processes aside; None outside Linux."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        self._process.wait(timeout=60)


@contextlib.contextmanager
def postgres() -> Iterator[str | None]:
    """Run a cluster with its usual settings (fsync on) and give its address; None where it is not installed."""
    folders = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    binaries = next((folder for folder in folders if (folder / "initdb").exists()), None)
    if binaries is None:
        yield None
        return
    user = None
    with tempfile.TemporaryDirectory(prefix="samram-pg-", dir="/tmp") as folder:
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            user = next(name for name in ("postgres", "nobody") if name in names)
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(  # noqa: S603 - our own words
                [str(binaries / program), *arguments], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL
            )

        data, port = f"{folder}/data", free_port()
        run("initdb", "-D", data, "-U", "samram", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        run("pg_ctl", "-D", data, "-l", f"{folder}/log", "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://samram@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "fast", "stop")


@contextlib.contextmanager
def mosquitto() -> Iterator[int | None]:
    """Run a broker on a free port and give the port; None where it is not installed."""
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="samram-mqtt-") as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\nmax_queued_messages 0\n"
            "log_dest none\n" + ("user root\n" if os.geteuid() == 0 else ""),
            encoding="utf-8",
        )
        process = subprocess.Popen([binary, "-c", str(settings)], stderr=subprocess.DEVNULL)  # noqa: S603 - our own words
        try:
            time.sleep(1)
            yield port
        finally:
            process.terminate()
            process.wait()
