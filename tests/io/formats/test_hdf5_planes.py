"""Planes read where they lie in an HDF5 file, against the library."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.errors import FileError
from limelight.io.hdf5_planes import Hdf5Planes
from limelight.io.shared_file import SharedFile
from limelight.io.turned_planes import TurnedPlanes


@st.composite
def layouts(draw):
    """Shape, chunks (None: in one piece), and which part is written."""
    outer = draw(st.integers(0, 3))
    shape = tuple(draw(st.integers(1, 5)) for _ in range(outer))
    shape += tuple(draw(st.integers(1, 13)) for _ in range(2))
    chunks = None
    if draw(st.booleans()):
        chunks = tuple(draw(st.integers(1, n)) for n in shape)
    return shape, chunks, draw(st.floats(0, 1)), draw(st.integers(0, 1 << 16))


@settings(max_examples=150)
@given(layouts(), st.sampled_from(["u2", ">u2", "u1", "f4", "i8"]), st.data())
def test_as_the_library_reads_them(tmp_path_factory, layout, dtype, data):
    shape, chunks, part, seed = layout
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("planes") / "a.h5"
    values = rng.integers(0, 100, shape).astype(dtype)
    with h5py.File(path, "w") as file:
        file["before"] = np.arange(7)
        dataset = file.create_dataset("a", shape, dtype, chunks=chunks, fillvalue=9)
        if chunks is None:
            dataset[...] = values
        else:
            for chunk in rng.permutation(list(dataset.iter_chunks())).tolist():
                if rng.random() <= part:
                    key = tuple(slice(*(int(v) for v in piece)) for piece in map(_edges, chunk))
                    dataset[key] = values[key]
    with h5py.File(path) as file:
        dataset = file["a"]
        expected = dataset[()]
        planes = Hdf5Planes.of(dataset)
    assert planes is not None
    shared = SharedFile(path)
    assert planes.end <= shared.size
    outer = shape[:-2]
    place = tuple(data.draw(st.integers(0, n - 1)) for n in outer)
    axis = data.draw(st.sampled_from([None, *range(len(outer))]))
    count = 1 if axis is None else data.draw(st.integers(1, outer[axis] - place[axis]))
    key = [*place, slice(None), slice(None)]
    if axis is not None:
        key[axis] = slice(place[axis], place[axis] + count)
    there = expected[tuple(key)].reshape(count, *shape[-2:])
    target = np.empty(there.shape, planes.dtype)
    planes.read(shared, place, axis, target)
    np.testing.assert_array_equal(target, there)
    turned = np.empty((count, shape[-1], shape[-2]), planes.dtype)
    TurnedPlanes(planes, shared).read(place, axis, turned)
    np.testing.assert_array_equal(turned, there.transpose(0, 2, 1))
    shared.close()


def _edges(piece):
    return (piece.start, piece.stop) if isinstance(piece, slice) else piece[:2]


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (1, 8, 8), "compression": "gzip"},
        {"chunks": (1, 8, 8), "shuffle": True},
        {"chunks": (1, 8, 8), "fletcher32": True},
        {"external": [("elsewhere.bin", 0, 6 * 8 * 8 * 2)]},
    ],
)
def test_what_only_the_library_can_read(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    frames = np.arange(6 * 8 * 8, dtype="u2").reshape(6, 8, 8)
    with h5py.File("a.h5", "w") as file:
        dataset = file.create_dataset("a", (6, 8, 8), "u2", **options)
        dataset[...] = frames
        assert Hdf5Planes.of(dataset) is None


def test_odd_files(tmp_path):
    frames = np.zeros((6, 8, 8), "u2")
    with h5py.File(tmp_path / "block.h5", "w", userblock_size=512) as file:
        file["a"] = frames
        assert Hdf5Planes.of(file["a"]) is None
    with h5py.File(tmp_path / "a.h5", "w") as file:
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((2, 3, 4))
        h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_U16LE, space, compact)
        assert Hdf5Planes.of(file["compact"]) is None
        narrow = h5py.h5t.STD_U16LE.copy()
        narrow.set_precision(12)
        h5py.h5d.create(file.id, b"narrow", narrow, space)
        file["narrow"][...] = 1
        assert Hdf5Planes.of(file["narrow"]) is None
        file["text"] = np.array([[b"a"]], "S1")
        assert Hdf5Planes.of(file["text"]) is None
        file["line"] = np.zeros(5)
        assert Hdf5Planes.of(file["line"]) is None
        file.create_dataset("late", (2, 3, 4), "u2")  # nothing was written: no place
        assert Hdf5Planes.of(file["late"]) is None


@pytest.mark.parametrize("chunks", [None, (1, 8, 9), (2, 5, 4)])
def test_a_file_that_becomes_shorter(tmp_path, chunks):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.ones((6, 8, 9), "u2"), chunks=chunks)
    with h5py.File(path) as file:
        planes = Hdf5Planes.of(file["a"])
    shared = SharedFile(path)
    os.truncate(path, planes.end - 50)
    with pytest.raises(FileError, match="became shorter"):
        planes.read(shared, (0,), 0, np.empty((6, 8, 9), "u2"))
    shared.close()
