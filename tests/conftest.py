from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy is no error, and the first call of a kernel compiles it.
settings.register_profile("limelight", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("limelight")

# Before anything is imported: figures need no screen, tests leave a person's settings alone, and
# two xdist workers that compile the same function do not write into one cache.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="limelight-test-config-")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="limelight-test-data-")
os.environ["LIMELIGHT_DB"] = "none"  # tests of the database name one of their own
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["NUMBA_CACHE_DIR"] = str(Path(__file__).parents[1] / "build" / "numba" / worker)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).parents[1]
