"""What is worth a visit: readings become a level, the level a forecast, the forecast required and optional visits."""
