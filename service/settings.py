"""Where the server stores things, where it listens, and its limits: environment variables that begin with SAMRAM_."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

SHORTEST_SECRET: Final = 32
"""Characters of a secret: 256 bits if each has eight (RFC 7518, section 3.2)."""


class Settings(BaseSettings):
    """Every setting with its default; ``SAMRAM_MAX_SOLVE_S=60`` in the environment sets ``max_solve_s``.

    Parameters
    ----------
    home
        Folder for the database, unpacked cities and caches; made when absent.
    database_url
        SQLAlchemy address of the database; SQLite in ``home`` when empty.
    auth
        ``required``, or ``off``: then everybody who reaches the port may do everything, and it must be of this machine.
    secret
        What tokens are signed with, 32 characters or more; a file in ``home``, made at first start, when empty.
    oidc_issuer, oidc_client_id, oidc_client_secret
        The provider of identities at which accounts may sign in, and what it calls us; none when the issuer is empty.
    oidc_name_claim
        Which of its claims is the name of an account, at the first sign-in: ``email`` or ``preferred_username``.
    log
        How the server's log is written: ``json``, ``text``, or ``auto``: text on a terminal.
    min_free_bytes
        With less on the disk of ``home`` the server says that it is not ready.
    max_upload_bytes
        Largest city archive that is accepted.
    max_body_bytes
        Largest body of every other request.
    max_containers, max_vehicles
        Largest city that is imported.
    max_solve_s
        Longest search that may be asked for.
    max_waiting_runs
        Runs that may wait in the queue; one more is refused.
    concurrent_runs
        Runs that search at the same time, each in a process of its own.
    solve_workers
        Processes in which each run searches, for machines with that many processors free.
    spare_process
        Whether a process with the solver loaded waits for the next run: some 0.3 GB, for a start without delay.
    max_study_cells
        Scenarios times days times seeds that one study may have.
    cluster
        Address of a Dask scheduler, such as tcp://10.0.0.2:8786, whose workers carry out the runs; processes of this
        machine when empty.
    max_batch_readings
        Readings that one request may bring; a file of them may bring more.
    max_waiting_readings
        Readings that may wait to be written; beyond, senders are told to come again.
    keep_positions_days
        Days after which drivers' positions are deleted.
    mqtt_host, mqtt_port, mqtt_username, mqtt_password, mqtt_tls
        The broker that the server listens to; none when ``mqtt_host`` is empty.
    mqtt_city
        The city that ChirpStack's topics, which name none, belong to; they are not listened to when empty.
    """

    model_config = SettingsConfigDict(env_prefix="SAMRAM_", frozen=True, extra="ignore")

    home: Path = Path("samram-data")
    database_url: str = ""
    auth: Literal["required", "off"] = "required"
    secret: SecretStr = SecretStr("")
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_name_claim: Literal["email", "preferred_username"] = "email"
    log: Literal["auto", "json", "text"] = "auto"
    min_free_bytes: Annotated[int, Field(ge=0)] = 200_000_000
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    max_upload_bytes: Annotated[int, Field(ge=1)] = 64_000_000
    max_body_bytes: Annotated[int, Field(ge=1)] = 10_000_000
    max_containers: Annotated[int, Field(ge=1)] = 10_000
    max_vehicles: Annotated[int, Field(ge=1)] = 200
    max_solve_s: Annotated[int, Field(ge=1)] = 300
    max_waiting_runs: Annotated[int, Field(ge=0)] = 20
    concurrent_runs: Annotated[int, Field(ge=1, le=64)] = 1
    solve_workers: Annotated[int, Field(ge=1, le=64)] = 1
    spare_process: bool = True
    max_study_cells: Annotated[int, Field(ge=1)] = 2_000
    cluster: str = ""
    max_batch_readings: Annotated[int, Field(ge=1)] = 5_000
    max_waiting_readings: Annotated[int, Field(ge=1)] = 50_000
    keep_positions_days: Annotated[int, Field(ge=1, le=3_650)] = 60
    mqtt_host: str = ""
    mqtt_port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    mqtt_username: str = ""
    mqtt_password: SecretStr = SecretStr("")
    mqtt_tls: bool = False
    mqtt_city: str = ""

    @model_validator(mode="after")
    def _database_can_be_shared(self) -> Self:
        """Refuse what no second process could open: each run writes from a process of its own."""
        if not self.database_url:
            return self
        try:
            url = make_url(self.database_url)
        except ArgumentError as error:
            raise ValueError(
                f"database_url is {self.database_url!r}; an address such as sqlite:////var/lib/samram/samram.sqlite "
                "is expected."
            ) from error
        if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("database_url names a database in memory; a file is expected, because runs share it.")
        return self

    @model_validator(mode="after")
    def _strangers_are_asked(self) -> Self:
        """Refuse to serve other machines without asking who they are."""
        if self.auth == "off" and not _is_this_machine(self.host):
            raise ValueError(
                f"auth is 'off' and host is {self.host!r}; without accounts only 127.0.0.1, ::1 or localhost is served."
            )
        if 0 < len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"secret is too short; {SHORTEST_SECRET} characters or more are expected.")
        return self

    @property
    def database(self) -> str:
        """The address of the database in use."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'samram.sqlite'}"

    @property
    def cities_dir(self) -> Path:
        """Unpacked city archives, one folder per content hash; they can be deleted and come back from the database."""
        return self.home / "cities"

    @property
    def studies_dir(self) -> Path:
        """Cells of studies that are done, one folder for each study; without them a study begins anew."""
        return self.home / "studies"

    @property
    def cache_dir(self) -> Path:
        """What takes time to compute and can be deleted at any time."""
        return self.home / "cache"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
