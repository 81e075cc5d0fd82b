"""The memory that benchmarks state."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from benchmarks.memory import peak_mb


def test_the_peak_grows_with_what_is_written() -> None:
    """A hundred megabytes written raise the peak by as much, if it was not above that before."""
    before = peak_mb()
    block = np.ones(int(before + 100) * (1 << 20), dtype=np.uint8)
    assert peak_mb() >= before + 90
    assert block[-1] == 1


def test_a_process_does_not_inherit_the_peak() -> None:
    """A process that does nothing states less than its large parent had when it began."""
    block = np.ones(400 << 20, dtype=np.uint8)
    code = "from benchmarks.memory import peak_mb; print(peak_mb())"
    child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(child.stdout) < 300
    assert block[-1] == 1
