"""Movies of 50 GB, as sparse files that take hardly any space."""

from __future__ import annotations

import os
import struct
import time

import numpy as np
import pytest

from limelight.io import LazyFrames, RawSpecification, open_movie

FRAMES, SIDE = 25_000, 1024
FRAME_BYTES = SIDE * SIDE * 2
MARKED = 20_000


def _mark(file, place, order="<"):
    file.seek(place)
    file.write(np.full(SIDE * SIDE, 7, f"{order}u2").tobytes())


def _raw(path):
    with path.open("wb") as file:
        file.truncate(FRAMES * FRAME_BYTES)
        _mark(file, MARKED * FRAME_BYTES)
    RawSpecification("uint16", SIDE, SIDE, frames=FRAMES).save(path)


def _imagej(path):
    text = f"ImageJ=1.53t\nimages={FRAMES}\nframes={FRAMES}\n\0".encode()
    values = [(256, 4, SIDE), (257, 4, SIDE), (258, 3, 16), (262, 3, 1), (270, 2, 0)]
    values += [(273, 4, 1024), (277, 3, 1), (278, 3, SIDE), (279, 4, FRAME_BYTES)]
    with path.open("wb") as file:
        file.write(b"MM\0*" + struct.pack(">IH", 8, len(values)))
        for tag, kind, value in values:
            if tag == 270:
                file.write(struct.pack(">HHII", tag, kind, len(text), 14 + 12 * len(values)))
            else:
                packed = struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value)
                file.write(struct.pack(">HHI", tag, kind, 1) + packed)
        file.write(struct.pack(">I", 0) + text)
        file.truncate(1024 + FRAMES * FRAME_BYTES)
        _mark(file, 1024 + MARKED * FRAME_BYTES, ">")


def _bigtiff(path, gaps):
    values = [(256, SIDE), (257, SIDE), (258, 16), (259, 1), (262, 1), (273, None), (277, 1)]
    values += [(278, SIDE), (279, FRAME_BYTES)]
    length = 8 + 20 * len(values) + 8
    with path.open("wb") as file:
        file.write(b"II" + struct.pack("<HHHQ", 43, 8, 0, 16))
        place = 16
        for k in range(FRAMES):
            following = place + length + FRAME_BYTES + int(gaps[k])
            file.seek(place)
            entries = (
                struct.pack("<HHQQ", tag, 16, 1, place + length if value is None else value)
                for tag, value in values
            )
            file.write(struct.pack("<Q", len(values)) + b"".join(entries))
            file.write(struct.pack("<Q", following if k < FRAMES - 1 else 0))
            if k == MARKED:
                _mark(file, place + length)
            place = following
        file.truncate(place)


MAKERS = {
    "movie.raw": _raw,
    "imagej.tif": _imagej,
    "regular.tif": lambda path: _bigtiff(path, np.zeros(FRAMES)),
    "irregular.tif": lambda path: _bigtiff(path, np.random.default_rng(0).integers(0, 3, FRAMES)),
}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows writes the holes of a file")
@pytest.mark.parametrize("name", MAKERS)
def test_opens_in_a_second_and_scrolls(tmp_path, name):
    path = tmp_path / name
    MAKERS[name](path)
    try:
        assert path.stat().st_size > 50e9
        open_movie(path).close()  # imports
        start = time.perf_counter()
        with open_movie(path) as movie:
            frames = LazyFrames(movie)
            seconds = time.perf_counter() - start
            assert frames.shape == (FRAMES, SIDE, SIDE)
            assert (frames[MARKED] == 7).all()
            assert not frames[MARKED - 1].any() and not frames[MARKED + 1].any()
            assert frames[-1].shape == (SIDE, SIDE)
        assert seconds < 1
    finally:
        path.unlink()
