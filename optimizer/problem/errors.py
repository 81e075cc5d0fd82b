"""The exceptions of the core. An infeasible day is no exception: it is a plan with unserved visits."""

from __future__ import annotations


class InvalidProblem(ValueError):
    """A problem that contradicts itself; the message names the offending id."""


class SolverError(RuntimeError):
    """A solver library failed in a way that is not the day's fault."""
