"""The database. Importing it makes all tables known, whichever module they stand in."""

from service.db import driving, models, plan_life

__all__ = ["driving", "models", "plan_life"]
