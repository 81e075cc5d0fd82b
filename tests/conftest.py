"""What all tests share: on a machine that is meant to be complete, a test that is skipped has failed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

# Most servers in tests never plan, and none waits for a process that is ready; those that are about it say so.
os.environ["SAMRAM_SPARE_PROCESS"] = "off"

COMPLETE = os.environ.get("SAMRAM_TESTS_COMPLETE") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where ``SAMRAM_TESTS_COMPLETE`` is 1: there, everything is installed."""
    report = yield
    if COMPLETE and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped on a machine that must run everything: {call.excinfo}"
    return report
