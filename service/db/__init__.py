"""The database. Importing it makes all tables known, whichever module they stand in."""

from service.db import answers, driving, models, people, plan_life, studies

__all__ = ["answers", "driving", "models", "people", "plan_life", "studies"]
