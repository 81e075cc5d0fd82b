"""The database. Importing it makes all tables known, whichever module they stand in."""

from service.db import models, people

__all__ = ["models", "people"]
