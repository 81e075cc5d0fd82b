"""What studies take, and whether their tables can be trusted: ``python -m benchmarks.scenarios``."""
