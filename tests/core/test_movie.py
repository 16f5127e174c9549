from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.movie import ArrayMovie, Block, Movie, as_movie


@pytest.mark.parametrize("wrap", [np.asarray, lambda a: da.from_array(a, chunks=2)])
def test_an_array_is_a_movie(wrap):
    array = np.arange(60, dtype=np.uint16).reshape(5, 3, 4)
    movie = as_movie(wrap(array))
    assert isinstance(movie, Movie)
    assert movie.shape == (5, 3, 4) and len(movie) == 5 and movie.dtype == np.uint16
    np.testing.assert_array_equal(movie.read(1, 3), array[1:3])
    frame = movie[-1]
    assert frame.index == 4 and frame.axes == {"time": 4} and frame.shape == (3, 4)
    np.testing.assert_array_equal(frame.pixels, array[4])
    assert as_movie(movie) is movie


def test_one_image_is_a_movie_of_one_frame():
    assert ArrayMovie(np.zeros((3, 4))).shape == (1, 3, 4)


def test_iteration_ends():
    assert len(list(ArrayMovie(np.zeros((3, 2, 2))))) == 3


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((0, 2, 2)), np.zeros((1, 2, 3, 4))])
def test_a_wrong_shape_is_refused(array):
    with pytest.raises(ParameterError, match="frames"):
        ArrayMovie(array)


def test_a_wrong_type_is_refused():
    with pytest.raises(ParameterError, match="complex"):
        ArrayMovie(np.zeros((1, 2, 2), complex))


def test_there_is_no_frame_beyond_the_end():
    with pytest.raises(IndexError, match="3 frames"):
        ArrayMovie(np.zeros((3, 2, 2)))[3]


def test_a_block_knows_its_own_frames():
    block = Block(np.arange(6)[:, None, None], 10, 12, 14, 100, Camera())
    assert block.own[:, 0, 0].tolist() == [2, 3]
