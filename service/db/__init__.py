"""The database. Importing it makes all tables known, whichever module they stand in."""

from service.db import driving, models, people, plan_life, studies

__all__ = ["driving", "models", "people", "plan_life", "studies"]
