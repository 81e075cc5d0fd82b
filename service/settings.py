"""Where the server stores things, where it listens, and its limits: environment variables that begin with SAMRAM_."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class Settings(BaseSettings):
    """Every setting with its default; ``SAMRAM_MAX_SOLVE_S=60`` in the environment sets ``max_solve_s``.

    Parameters
    ----------
    home
        Folder for the database, unpacked cities and caches; made when absent.
    database_url
        SQLAlchemy address of the database; SQLite in ``home`` when empty.
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
    max_study_cells
        Scenarios times days times seeds that one study may have.
    max_batch_readings
        Readings that one request may bring; a file of them may bring more.
    max_waiting_readings
        Readings that may wait to be written; beyond, senders are told to come again.
    mqtt_host, mqtt_port, mqtt_username, mqtt_password, mqtt_tls
        The broker that the server listens to; none when ``mqtt_host`` is empty.
    mqtt_city
        The city that ChirpStack's topics, which name none, belong to; they are not listened to when empty.
    """

    model_config = SettingsConfigDict(env_prefix="SAMRAM_", frozen=True, extra="ignore")

    home: Path = Path("samram-data")
    database_url: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    max_upload_bytes: Annotated[int, Field(ge=1)] = 64_000_000
    max_body_bytes: Annotated[int, Field(ge=1)] = 1_000_000
    max_containers: Annotated[int, Field(ge=1)] = 10_000
    max_vehicles: Annotated[int, Field(ge=1)] = 300
    max_solve_s: Annotated[int, Field(ge=1)] = 300
    max_waiting_runs: Annotated[int, Field(ge=0)] = 20
    concurrent_runs: Annotated[int, Field(ge=1, le=64)] = 1
    solve_workers: Annotated[int, Field(ge=1, le=64)] = 1
    max_study_cells: Annotated[int, Field(ge=1)] = 2_000
    max_batch_readings: Annotated[int, Field(ge=1)] = 5_000
    max_waiting_readings: Annotated[int, Field(ge=1)] = 50_000
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
