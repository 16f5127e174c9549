from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from limelight.core.report import RunRecord, flush
from limelight.io import write_tiff
from limelight.metrics import Database


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A database of the test's own, for this process and for those that it starts."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LIMELIGHT_DB", str(tmp_path / "metrics.sqlite"))
    yield tmp_path / "metrics.sqlite"
    flush(10)


@pytest.fixture
def database(place):
    found = Database(patience_s=0.2)
    yield found
    found.close()


BEGIN = datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.fixture
def make_record():
    def make(k: int = 0, **values) -> RunRecord:
        chosen = {
            "kind": "localization",
            "file": f"/data/day{k // 10}/cell_{k}_locs.hdf5",
            "source": f"/data/day{k // 10}/cell_{k}.ome.tif",
            "started": BEGIN + timedelta(hours=k),
            "camera": {"name": f"camera {k % 2}"},
            "figures": {"n_locs": 100.0 * k, "nena_nm": 10.0 + k % 3, "extra": float(k)},
        }
        return RunRecord(**{**chosen, **values})

    return make


@pytest.fixture(scope="session")
def counts() -> np.ndarray:
    """Eight frames with one molecule each."""
    y, x = np.mgrid[:24, :24]
    spot = 800 * np.exp(-((y - 12.2) ** 2 + (x - 11.4) ** 2) / 2.9)
    return np.random.default_rng(1).poisson(spot + 20, (8, 24, 24)).astype(np.uint16)


@pytest.fixture
def movies(tmp_path, counts):
    """A folder, and a function that puts movies into it."""
    folder = tmp_path / "movies"
    folder.mkdir()

    def put(*names: str):
        for name in names:
            write_tiff(folder / f"{name}.ome.tif", counts)
        return folder

    put.folder = folder
    return put
