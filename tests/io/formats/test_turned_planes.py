"""Planes that lie turned in the file, against numpy's transposition."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

from limelight.core.errors import FileError
from limelight.io.hdf5_planes import Hdf5Planes
from limelight.io.shared_file import SharedFile
from limelight.io.turned_planes import TurnedPlanes

SHAPE = (40, 301, 203)  # 5 MB: pieces for three threads, and a rest


@pytest.fixture(params=[(1, 301, 203), (3, 301, 203), (3, 150, 100)], ids=str)
def stored(tmp_path, request):
    path = tmp_path / "a.h5"
    frames = np.random.default_rng(1).integers(0, 60_000, SHAPE, dtype="u2")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=frames, chunks=request.param)
        planes = Hdf5Planes.of(file["a"])
    shared = SharedFile(path)
    yield planes, shared, frames.transpose(0, 2, 1)
    shared.close()


def helpers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("limelight-turn")]


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_same_for_any_number_of_threads(stored, threads):
    planes, shared, expected = stored
    turned = TurnedPlanes(planes, shared, threads)
    for first, count in ((0, 40), (3, 36), (39, 1), (17, 5)):
        target = np.zeros((count, 203, 301), "u2")
        turned.read((first,), 0, target)
        np.testing.assert_array_equal(target, expected[first : first + count])
    turned.close()
    assert not helpers()


def test_many_read_at_once(stored):
    planes, shared, expected = stored
    turned = TurnedPlanes(planes, shared, 3)

    def read(first: int) -> bool:
        target = np.zeros((36, 203, 301), "u2")
        turned.read((first,), 0, target)
        return bool((target == expected[first : first + 36]).all())

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(read, [k % 5 for k in range(60)]))
    assert len(helpers()) <= 2
    turned.close()


def test_closed_and_shorter(stored):
    planes, shared, expected = stored
    target = np.zeros((40, 203, 301), "u2")
    turned = TurnedPlanes(planes, shared, 3)
    turned.close()
    turned.read((0,), 0, target)  # without help, as long as the file is there
    np.testing.assert_array_equal(target, expected)
    turned = TurnedPlanes(planes, shared, 3)
    os.truncate(shared.path, planes.end // 2)
    for _ in range(3):
        with pytest.raises(FileError, match="became shorter"):
            turned.read((0,), 0, target)
    shared.close()
    with pytest.raises(FileError, match="was closed"):
        turned.read((0,), 0, target)
    turned.close()
    assert not helpers()
