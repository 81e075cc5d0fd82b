"""What starting the server loads."""

from __future__ import annotations

import json
import subprocess
import sys

SLOW = {"alembic", "geopandas", "numba", "ortools", "osmium", "osmnx", "pandas"}


def test_server_starts_without_slow_libraries() -> None:
    """Importing the web application loads neither a solver library nor any of those that take seconds to import."""
    code = "import json, sys, service.app; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    loaded = set(json.loads(ran.stdout))
    assert "fastapi" in loaded
    assert not loaded & SLOW
