"""Write a new migration: ``python -m service.db.revise "what changes"`` compares the models with the database."""

from __future__ import annotations

import sys

from alembic import command

from service.db.engine import make_engine, migration_config, upgrade
from service.settings import Settings


def revise(message: str) -> None:
    """Bring the database that the settings name up to date, then write what the models have beyond it."""
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database)
    upgrade(engine)
    config = migration_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True)
    engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program's name and the message
        sys.exit('Usage: python -m service.db.revise "what changes"')
    revise(sys.argv[1])
