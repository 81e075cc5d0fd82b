"""How good and how fast Samram is: one command for each question, ``python -m benchmarks.NAME``."""
