"""The pure core: the vocabulary of a day, the judge, the solvers. No file, clock, network or random state inside."""
