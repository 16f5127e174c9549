"""A plate as one picture: every slice of it is that of the assembled wells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.errors import FileError
from limelight.io.label_zarr import PlateImage, write_image, write_plate
from limelight.io.plate_view import PlateLevel, has_objects, view_plate

PLACES = {(0, 0): 0, (0, 2): 1, (1, 1): 2}


def level(offsets=None):
    rng = np.random.default_rng(0)
    arrays = {p: rng.integers(0, 9, (3, 5, 7)).astype(np.uint8) for p in PLACES}
    whole = np.zeros((3, 8 + 5, 20 + 7), np.uint8)
    for (r, c), array in arrays.items():
        shift = 0 if offsets is None else offsets[r, c]
        moved = np.where(array > 0, array + shift, 0)
        whole[:, 8 * r : 8 * r + 5, 10 * c : 10 * c + 7] = moved
    return PlateLevel(arrays, (2, 3), (8, 10), offsets), whole


def keys(length):
    place = st.integers(-length, length - 1)
    ends = st.one_of(st.none(), st.integers(-length - 2, length + 2))
    piece = st.builds(slice, ends, ends, st.integers(1, 5))
    return st.one_of(place, piece)


@settings(max_examples=200, deadline=None)
@given(st.tuples(keys(3), keys(13), keys(27)))
def test_every_slice_is_that_of_the_whole(key):
    made, whole = level()
    assert np.array_equal(made[key], whole[key])
    shifted, moved = level({p: 20 * k for k, p in enumerate(PLACES)})
    assert np.array_equal(shifted[key], moved[key])


def test_it_is_like_an_array():
    made, whole = level()
    assert (made.shape, made.ndim, made.dtype) == (whole.shape, 3, whole.dtype)
    assert np.array_equal(np.asarray(made), whole)
    assert np.array_equal(made[..., 3], whole[..., 3])
    assert np.array_equal(made[1], whole[1])
    with pytest.raises(IndexError):
        made[7]


@pytest.fixture
def plate(tmp_path):
    rng = np.random.default_rng(1)
    made, pixels = [], {}
    for k, (row, column) in enumerate([("A", "1"), ("A", "10"), ("C", "2")]):
        images = {c: rng.integers(0, 500, (600, 700)).astype(np.uint16) for c in ("D", "G")}
        labels = np.zeros((600, 700), np.int32)
        labels[10:30, 20:60], labels[100:120, 300:420] = 1, 5
        table = pd.DataFrame(
            {"label": [1, 5], "centroid_y": [19.5, 109.5], "centroid_x": [39.5, 359.5]}
        )
        path = tmp_path / "p.ome.zarr" / row / column / "0"
        write_image(path, images, {"N": labels}, {"N": table}, scale=(1, 0.5, 0.5))
        made.append(PlateImage(path, "P", row, column, 0))
        pixels[k] = images
    return write_plate(tmp_path / "p.ome.zarr", made), pixels


def test_a_plate_is_laid_out_by_rows_and_columns(plate):
    path, pixels = plate
    assert has_objects(path)
    view = view_plate(path)
    assert list(view.wells.name) == ["A01", "A10", "C02"]
    pitch_y, pitch_x = (int(view.wells.y.max()), int(view.wells.x.max()) // 2)
    assert pitch_y > 600
    assert pitch_x > 700
    (green,) = [c for c in view.channels if c.name == "G"]
    finest, coarse = green.levels
    assert np.array_equal(finest[:600, :700], pixels[0]["G"])
    assert np.array_equal(finest[:600, 2 * pitch_x : 2 * pitch_x + 700], pixels[1]["G"])
    assert np.array_equal(finest[pitch_y:, pitch_x : pitch_x + 700], pixels[2]["G"])
    assert not finest[pitch_y:, :700].any()
    assert coarse.shape == (pitch_y // 2 + 300, 2 * (pitch_x // 2) + 350)
    assert view.scale == (0.5, 0.5)
    assert view.unit == "um"
    labels, features = view.labels["N"][0], view.features["N"]
    assert list(features["index"]) == [1, 5, 6, 10, 11, 15]
    assert list(features["well"]) == ["A01"] * 2 + ["A10"] * 2 + ["C02"] * 2
    for number, y, x in features[["index", "plate_y", "plate_x"]].to_numpy():
        assert labels[int(y), int(x)] == number


def test_an_image_with_objects_is_seen_alone(plate, tmp_path):
    path, pixels = plate
    view = view_plate(path / "A" / "1" / "0")
    assert np.array_equal(view.channels[0].levels[0][...], pixels[0]["D"])
    assert list(view.features["N"]["index"]) == [1, 5]
    assert view.wells.empty
    write_image(tmp_path / "bare.zarr", {"D": np.zeros((9, 9), np.uint8)}, {}, {})
    assert not has_objects(tmp_path / "bare.zarr")
    assert not has_objects(tmp_path)


def test_other_plates_are_left_to_others_and_damage_is_told(plate):
    path, _ = plate
    group = zarr.open_group(str(path / "A" / "1" / "0"), mode="a")
    del group["0"]
    assert not has_objects(path)
    with pytest.raises(FileError, match="damaged"):
        view_plate(path)
