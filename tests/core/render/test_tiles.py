from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.render import MODES, Scene


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("side", [7, 64, 1000])
def test_tiles_have_no_seams(table, mode, side):
    """Side by side they are the whole picture, to the last bit."""
    scene = Scene(table)
    scene.filters.set("frame", 5, 90)
    options = {"min_blur_nm": 30.0} if mode == "blur" else {}
    whole = scene.draw(pixel_size_nm=31.0, mode=mode, colour="photons", exact=True, **options)
    tiles = scene.tiles(31.0, mode, side=side, colour="photons", **options)
    assert tiles.shape == whole.image.shape
    assert tiles.translate_um == whole.translate_um
    image, value = np.full((2, *tiles.shape), -1, np.float32)
    count = 0
    for tile in tiles:
        height, width = tile.picture.image.shape
        at = (slice(tile.row, tile.row + height), slice(tile.column, tile.column + width))
        image[at], value[at] = tile.picture.image, tile.picture.value
        place = np.multiply((tile.row, tile.column), tiles.scale_um) + tiles.translate_um
        np.testing.assert_allclose(tile.picture.translate_um, place)
        count += 1
    assert count == len(tiles)
    np.testing.assert_array_equal(image, whole.image)
    np.testing.assert_array_equal(value, whole.value)


def test_of_a_huge_picture_only_a_tile_is_held(make_table):
    """100,000 x 100,000 pixels would be 40 GB."""
    table = make_table(20_000, y=np.random.default_rng(0).uniform(0, 30, 20_000))
    locs = Localizations(table.table, [{**table.provenance[0], "Height": 30}])
    tiles = Scene(locs).tiles(0.03, side=1024)
    assert tiles.shape == (100_000, 100_000)
    assert tiles.grid == (98, 98)
    tiles[0, 0]
    tracemalloc.start()
    drawn = [tiles[i, i].picture.image.sum() for i in (3, 50, 97)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(drawn) > 0
    assert peak < 20e6
    assert tiles[97, 97].picture.image.shape == (672, 672)


def test_what_cannot_be_tiled_is_said(table):
    scene = Scene(table)
    with pytest.raises(ParameterError, match="side"):
        scene.tiles(10, side=0)
    with pytest.raises(ParameterError, match="cannot be drawn"):
        scene.tiles(1e-6)
    with pytest.raises(IndexError, match="no tile"):
        scene.tiles(10)[0, 5]
