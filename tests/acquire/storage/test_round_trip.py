"""What is written is read back: by Limelight, while it grows and afterwards, in any order."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from limelight.acquire.dataset import Dataset
from limelight.core.errors import FileError, ParameterError
from limelight.core.frame import Frame
from limelight.io import open_movie

HEIGHT, WIDTH = 24, 20


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_image_is_readable_when_write_returns(
    format_: str, dtype: Any, begin: Any, tmp_path: Any, frame: Any, image: Any
) -> None:
    writer = begin(format_, dtype, sizes={"time": 20, "channel": 2})
    live, elsewhere = writer.dataset(), Dataset(writer.path)
    for time in range(20):
        for k, channel in enumerate(("DAPI", "GFP")):
            axes = {"time": time, "channel": channel}
            writer.write(frame(2 * time + k, axes, dtype, Gain=time))
            for dataset in (live, elsewhere):
                assert dataset.has_new_image()
                assert not dataset.has_new_image()
                np.testing.assert_array_equal(
                    dataset.read_image(**axes), image(2 * time + k, dtype)
                )
                assert dataset.read_metadata(**axes)["Axes"] == axes
                assert dataset.read_metadata(**axes)["Gain"] == time
    assert not elsewhere.is_finished()
    assert elsewhere.problem is None
    writer.finish()
    assert elsewhere.is_finished()
    for dataset in (live, elsewhere, Dataset(writer.path)):
        assert dataset.problem is None
        assert dataset.axes == {"time": list(range(20)), "channel": ["DAPI", "GFP"]}
        assert dataset.get_channel_names() == ["DAPI", "GFP"]
        assert dataset.summary_metadata["PixelSize_um"] == 0.1
        assert dataset.dtype == dtype
        array = dataset.as_array()
        assert array.shape == (20, 2, *image(0).shape)
        np.testing.assert_array_equal(np.asarray(array[7, 1]), image(15, dtype))
        np.testing.assert_array_equal(dataset.read_image(time=7, channel=1), image(15, dtype))
        dataset.close()


def test_movies_are_the_same_from_the_data_set_and_from_the_folder(
    format_: str, begin: Any, frame: Any, image: Any
) -> None:
    writer = begin(format_)
    for z in range(2):
        for time in range(19):
            writer.write(frame(100 * z + time, {"time": time, "z": z}))
    grown = writer.dataset().movie(z=1)
    assert len(grown) == 19
    writer.write(frame(119, {"time": 19, "z": 1}))
    assert len(grown) == 19
    assert grown.refresh()
    assert len(grown) == 20
    writer.finish()
    movie = open_movie(writer.path, z=1)
    expected = np.stack([image(100 + t) for t in range(20)])
    for source in (
        grown,
        movie,
        Dataset(writer.path).movie(z=1),
        pickle.loads(pickle.dumps(grown)),
    ):
        np.testing.assert_array_equal(source.read(0, 20), expected)
        np.testing.assert_array_equal(source[-1].pixels, expected[-1])
        assert source.camera.pixel_size_nm == pytest.approx(100)
        assert source[3].metadata["Axes"] == {"time": 3, "z": 1}
    movie.close()


def test_the_buffer_may_be_used_again(format_: str, begin: Any, image: Any) -> None:
    """Fault: writers that kept the caller's buffer had 199 of 200 images wrong."""
    writer = begin(format_)
    buffer = np.zeros(image(0).shape, np.uint16)
    for time in range(50):
        buffer[...] = image(time)
        writer.write(Frame(buffer, time, {"time": time}, {}))
        buffer[...] = 0
    writer.finish()
    dataset = Dataset(writer.path)
    for time in range(50):
        np.testing.assert_array_equal(dataset.read_image(time=time), image(time))


def test_images_may_come_in_any_order_and_leave_gaps(
    format_: str, begin: Any, frame: Any, image: Any
) -> None:
    writer = begin(format_)
    places = [
        {"time": int(t), "z": int(z), "position": f"Pos{p}"}
        for t, z, p in np.random.default_rng(1).permutation(
            [(t, z, p) for t in range(6) for z in range(4) for p in range(2)]
        )[:30]
    ]
    for k, axes in enumerate(places):
        writer.write(frame(k, axes))
    writer.write(frame(77, places[3]))  # a second image at the same place
    writer.finish()
    dataset = Dataset(writer.path)
    assert dataset.get_index_keys() == places
    for k, axes in enumerate(places):
        np.testing.assert_array_equal(dataset.read_image(**axes), image(77 if k == 3 else k))
    array = dataset.as_array(axes=["z", "time"], position=places[0]["position"])
    every = dataset.axes
    for j, z in enumerate(every["z"]):
        for i, t in enumerate(every["time"]):
            axes = {"time": t, "z": z, "position": places[0]["position"]}
            there = dataset.has_image(**axes)
            assert there == (axes in places)
            expected = dataset.read_image(**axes) if there else np.zeros_like(image(0))
            np.testing.assert_array_equal(np.asarray(array[j, i]), expected)


def test_tiles_are_stitched(format_: str, begin: Any, frame: Any, image: Any) -> None:
    writer = begin(format_, summary={"GridPixelOverlapX": 4, "GridPixelOverlapY": 2})
    for row in range(2):
        for column in range(3):
            if (row, column) != (1, 1):
                writer.write(frame(10 * row + column, {"row": row, "column": column, "z": 0}))
    writer.finish()
    dataset = Dataset(writer.path)
    stitched = np.asarray(dataset.as_array(stitched=True))
    assert stitched.shape == (1, 2 * 22, 3 * 16)
    np.testing.assert_array_equal(stitched[0, :22, 16:32], image(1)[1:23, 2:18])
    assert not stitched[0, 22:, 16:32].any()
    np.testing.assert_array_equal(dataset.read_image(row=1, col=2), image(12))


def test_metadata_may_hold_what_json_does_not(
    format_: str, begin: Any, frame: Any, image: Any
) -> None:
    writer = begin(format_)
    odd = {"nan": float("nan"), "number": np.float32(2), "array": np.arange(3), "path": object}
    writer.write(frame(0, {"time": np.int64(0)}, **odd))
    writer.write(Frame(image(1)[::-1], 1, {"time": 1}, {}))
    dataset = writer.dataset()
    found = dataset.read_metadata(time=0)
    assert found["nan"] == "NaN"
    assert found["number"] == 2
    assert found["array"] == [0, 1, 2]
    assert dataset.read_metadata(time=1)["Axes"] == {"time": 1}
    np.testing.assert_array_equal(dataset.read_image(time=1), image(1)[::-1])


def test_wrong_questions_are_answered(format_: str, begin: Any, tmp_path: Any, frame: Any) -> None:
    writer = begin(format_)
    dataset = writer.dataset()
    with pytest.raises(FileError, match="no image"):
        _ = dataset.dtype
    writer.write(frame(0, {"time": 0, "channel": "DAPI"}))
    writer.write(frame(1, {"time": 1, "channel": "DAPI"}))
    writer.write(frame(1, {"time": 1, "channel": "GFP"}))
    with pytest.raises(ParameterError, match="say also which time"):
        dataset.read_image(channel="DAPI")
    with pytest.raises(ParameterError, match=r"no image at .*'time': 7"):
        dataset.read_image(time=7, channel="DAPI")
    with pytest.raises(ParameterError, match="'time'"):
        dataset.read_image(tim=7)
    with pytest.raises(ParameterError, match="numbers"):
        writer.write(frame(2, {"time": "three", "channel": "DAPI"}))
    with pytest.raises(ParameterError, match="neither"):
        writer.write(frame(2, {"time": 1.5, "channel": "DAPI"}))
    assert len(dataset) == 3
    with pytest.raises(FileError, match=r"NDTiff\.index"):
        Dataset(tmp_path)
    with pytest.raises(FileError, match="no such folder"):
        Dataset(tmp_path / "none")


def test_waiting_for_images(format_: str, begin: Any, frame: Any) -> None:
    import threading

    writer = begin(format_)
    live, elsewhere = writer.dataset(), Dataset(writer.path)
    for dataset in (live, elsewhere):
        assert not dataset.await_new_image(timeout=0.01)
    timer = threading.Timer(0.05, writer.write, [frame(0, {"time": 0})])
    timer.start()
    for dataset in (live, elsewhere):
        assert dataset.await_new_image(timeout=10)
    timer.join()
    writer.finish()
    for dataset in (live, elsewhere):
        assert not dataset.await_new_image()


def test_names_count_up(begin: Any) -> None:
    first = begin()
    assert first.path.name == "scan_1"
    assert len(Dataset(first.path / "scan_NDTiffStack.tif")) == 0
    assert begin().path.name == "scan_2"
    assert begin(name="a/b").path.name == "a-b_1"
    with pytest.raises(ParameterError, match="name"):
        begin(name=" ")
    with pytest.raises(ParameterError, match=r"ome-tiff|ndtiff"):
        begin("ndtif")


def test_a_growing_data_set_is_localized(begin: Any) -> None:
    """The same molecules while it grows, afterwards, and from the folder."""
    import limelight
    from limelight.core.simulate import Scattered, SimulatedMovie

    movie = SimulatedMovie((HEIGHT, WIDTH), 20, Scattered((HEIGHT, WIDTH), 20), seed=1)
    writer = begin("ndtiff")
    for k in range(20):
        writer.write(Frame(movie[k].pixels, k, {"time": k, "z": 0}, {}))
    tables = [limelight.localize(writer.dataset().movie(), detect="snr").table]
    writer.finish()
    tables.append(limelight.localize(Dataset(writer.path).movie(), detect="snr").table)
    with open_movie(writer.path) as same:
        tables.append(limelight.localize(same, detect="snr").table)
    assert len(tables[0]) > 0
    for table in tables[1:]:
        assert table.equals(tables[0])


@pytest.mark.parametrize("given", ["0.1 um", 0, None, "unknown"])
def test_a_pixel_size_that_is_not_known(format_: str, given: Any, begin: Any, frame: Any) -> None:
    writer = begin(format_, summary={"PixelSize_um": given, "z-step_um": "much"})
    writer.write(frame(0, {"time": 0}))
    writer.finish()
    with open_movie(writer.path) as movie:
        known = given == "0.1 um"
        assert movie.metadata.get("Pixelsize") == (pytest.approx(100) if known else None)


@pytest.mark.parametrize("planes", [(0, 1, 2), (2, 0, 1), (-1, 0, 1)], ids=str)
def test_the_distance_of_planes_is_told(format_: str, planes: Any, begin: Any, frame: Any) -> None:
    from limelight.io import open_array

    writer = begin(format_, summary={"z-step_um": 0})
    for time in range(2):
        for z in planes:
            axes = {"time": time, "z": z}
            writer.write(frame(0, axes, ZPosition_um_Intended=7.0 + 0.25 * z))
    writer.finish()
    image = open_array(writer.path)
    axis = image.axes.index("z")
    assert image.scale[axis] == pytest.approx(0.25) and image.units[axis] == "um"
    image.close()


def test_planes_without_a_height_have_no_distance(format_: str, begin: Any, frame: Any) -> None:
    writer = begin(format_, summary={"z-step_um": 0})
    for z, height in enumerate((None, "high", float("nan"), 4.0)):
        writer.write(frame(0, {"z": z}, ZPosition_um_Intended=height))
    writer.finish()
    assert not writer.summary.get("z-step_um")
