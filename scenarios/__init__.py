"""A day planned end to end. "Tomorrow" is the scenario with no changes."""
