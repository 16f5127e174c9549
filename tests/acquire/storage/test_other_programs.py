"""What is written is read by other programs' libraries: ndtiff, ndstorage, tifffile, zarr."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from limelight.acquire.dataset import Dataset
from limelight.acquire.storage.ndtiff import NDTiffWriter
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.io import open_movie

PLACES = [
    {"time": t, "channel": c, "z": z} for t in range(3) for c in ("DAPI", "GFP") for z in range(2)
]


def _fill(writer: Any, frame: Any, dtype: Any, places: list[dict[str, Any]] | None = None) -> None:
    for k, axes in enumerate(PLACES if places is None else places):
        writer.write(frame(k, axes, dtype, **{"ElapsedTime-ms": 20.0 * k, "ZPositionUm": 0.5}))
    writer.finish()


@pytest.mark.parametrize("library", ["ndtiff", "ndstorage"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ndtiff_libraries(
    library: str, dtype: Any, begin: Any, monkeypatch: Any, image: Any, frame: Any
) -> None:
    module = pytest.importorskip(library)
    monkeypatch.setattr(NDTiffWriter, "largest", 6 * 24 * 20 * np.dtype(dtype).itemsize)
    writer = begin("ndtiff", dtype, summary={"GridPixelOverlapX": 0})
    _fill(writer, frame, dtype)
    files = sorted(p.name for p in writer.path.glob("*.tif"))
    assert files[0] == "scan_NDTiffStack.tif"
    assert files[1] == "scan_NDTiffStack_1.tif"
    dataset = module.Dataset(str(writer.path))
    ours = Dataset(writer.path)
    for k, axes in enumerate(PLACES):
        pixels = dataset.read_image(**axes)
        assert pixels.dtype == dtype
        np.testing.assert_array_equal(pixels, image(k, dtype))
        np.testing.assert_array_equal(ours.read_image(**axes), image(k, dtype))
        assert dataset.read_metadata(**axes) == ours.read_metadata(**axes)
    assert {n: list(v) for n, v in dataset.axes.items()} == ours.axes
    assert list(dataset.axes) == list(ours.axes)
    assert dataset.summary_metadata == ours.summary_metadata
    np.testing.assert_array_equal(np.asarray(dataset.as_array()), np.asarray(ours.as_array()))
    dataset.close()
    with open_movie(writer.path, channel="GFP", z=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), [image(4 * t + 3, dtype) for t in range(3)])


@pytest.mark.parametrize("format", ["ndtiff", "ome-tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tifffile(format: str, dtype: Any, begin: Any, image: Any, frame: Any, caplog: Any) -> None:
    import tifffile

    writer = begin(format, dtype)
    _fill(writer, frame, dtype)
    (path,) = writer.path.glob("*.tif")
    with caplog.at_level(logging.WARNING), tifffile.TiffFile(path) as file:
        pixels = file.asarray()
        assert len(file.pages) == 12
        assert file.series[0].axes == ("TCZYX" if format == "ome-tiff" else file.series[0].axes)
        um = [1e4 * v[1] / v[0] for v in (file.pages[0].tags["XResolution"].value,)]
        assert um == pytest.approx([0.1])
        if format == "ndtiff":
            about = file.micromanager_metadata["Summary"]
            assert about["PixelSize_um"] == 0.1
            assert file.pages[5].tags["MicroManagerMetadata"].value["Axes"] == PLACES[5]
    assert not caplog.records
    expected = np.stack([image(k, dtype) for k in range(12)]).reshape(3, 2, 2, 24, 20)
    np.testing.assert_array_equal(pixels.reshape(expected.shape), expected)


def test_the_description_in_an_ome_tiff(begin: Any, image: Any, frame: Any) -> None:
    ome_types = pytest.importorskip("ome_types")
    settings = {"mean <b>": {"sigma": 2.0, "name": 'Größe "x"'}}
    writer = begin(
        "ome-tiff",
        summary={"Camera": "Ca<m", "Processors": settings, "StartTime": "2026-11-20 12:00:00.1"},
    )
    _fill(writer, frame, np.uint16)
    (path,) = writer.path.glob("*.tif")
    ome = ome_types.from_tiff(path, validate=True)
    pixels = ome.images[0].pixels
    assert (pixels.size_t, pixels.size_c, pixels.size_z) == (3, 2, 2)
    assert pixels.dimension_order.value == "XYZCT"
    assert [c.name for c in pixels.channels] == ["DAPI", "GFP"]
    assert pixels.physical_size_x == 0.1
    assert pixels.physical_size_z == 0.25
    assert pixels.planes[5].delta_t == 100.0
    assert pixels.planes[5].position_z == 0.5
    assert pixels.planes[5].exposure_time == 10.0
    assert ome.instruments[0].detectors[0].model == "Ca<m"
    (note,) = ome.structured_annotations
    assert '"Processors"' in note.value
    import json

    assert json.loads(note.value)["Processors"] == settings


def test_an_ome_tiff_with_gaps_and_positions(begin: Any, image: Any, frame: Any) -> None:
    import tifffile

    ome_types = pytest.importorskip("ome_types")
    writer = begin("ome-tiff")
    places = [
        {"time": t, "position": p, "z": z} for t in range(3) for p in ("A/1", "B") for z in (4, 2)
    ]
    del places[5], places[2]
    _fill(writer, frame, np.uint16, [*places, places[0]])
    paths = sorted(writer.path.glob("*.tif"))
    assert [p.name for p in paths] == ["scan_1_A-1.ome.tif", "scan_1_B.ome.tif"]
    for path, position in zip(paths, ("A/1", "B"), strict=True):
        ome_types.from_tiff(path, validate=True)
        pixels = tifffile.imread(path)
        assert pixels.shape == (3, 2, 24, 20)
        for k, axes in enumerate([*places, places[0]]):
            if axes["position"] == position and (k or position == "B"):
                found = pixels[axes["time"], {2: 0, 4: 1}[axes["z"]]]
                np.testing.assert_array_equal(found, image(k))
    with open_movie(paths[0], z=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 1)[0], image(len(places)))


@pytest.mark.parametrize("format", ["ndtiff", "ome-tiff"])
def test_colour(format: str, begin: Any) -> None:
    import tifffile

    writer = begin(format, np.uint8)
    frames = np.random.default_rng(0).integers(0, 255, (3, 24, 20, 3)).astype(np.uint8)
    for k, pixels in enumerate(frames):
        writer.write(Frame(pixels, k, {"time": k}, {}))
    writer.finish()
    (path,) = writer.path.glob("*.tif")
    np.testing.assert_array_equal(tifffile.imread(path), frames)
    dataset = Dataset(writer.path)
    np.testing.assert_array_equal(np.asarray(dataset.as_array()), frames)
    with pytest.raises(ParameterError, match="colour"):
        dataset.movie()


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.float32, np.float64])
@pytest.mark.parametrize("format", ["ome-tiff", "ome-zarr", "ome-zarr-0.4"])
def test_other_types(format: str, dtype: Any, begin: Any, image: Any, frame: Any) -> None:
    writer = begin(format, dtype)
    for k in range(3):
        writer.write(frame(k, {"time": k}, dtype))
    writer.finish()
    with open_movie(writer.path) as movie:
        assert movie.dtype == dtype
        np.testing.assert_array_equal(movie.read(0, 3), [image(k, dtype) for k in range(3)])
    if format == "ome-tiff":
        import tifffile

        (path,) = writer.path.glob("*.tif")
        np.testing.assert_array_equal(tifffile.imread(path), [image(k, dtype) for k in range(3)])


@pytest.mark.parametrize(
    ("format", "pixels"),
    [
        ("ndtiff", np.zeros((4, 5), np.float32)),
        ("ndtiff", np.zeros((4, 5, 3), np.uint16)),
        ("ome-zarr", np.zeros((4, 5, 3), np.uint8)),
        ("ome-tiff", np.zeros((4, 5), np.complex64)),
        ("ome-tiff", np.zeros((4, 5, 4), np.uint8)),
        ("ndtiff", np.zeros((0, 5), np.uint8)),
    ],
)
def test_what_a_format_does_not_hold(format: str, pixels: Any, begin: Any, frame: Any) -> None:
    writer = begin(format)
    with pytest.raises(ParameterError, match=r"holds images.*not \("):
        writer.write(Frame(pixels, 0, {"time": 0}, {}))
    writer.write(frame(0, {"time": 0}))
    if format != "ndtiff":
        with pytest.raises(ParameterError, match="does not go with"):
            writer.write(Frame(np.zeros((4, 5), np.uint16), 1, {"time": 1}, {}))
    assert len(writer.dataset()) == 1


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("sizes", [{}, {"time": 20, "channel": 2, "z": 2}])
def test_zarr(format: str, sizes: Any, begin: Any, image: Any, frame: Any) -> None:
    import zarr

    writer = begin(format, sizes=sizes, summary={"Interval_ms": 50.0, "Processors": ["median"]})
    places = [{"time": t, "channel": c, "z": z} for t in range(20) for c in "AB" for z in range(2)][
        :-1
    ]
    for k, axes in enumerate(places):
        writer.write(frame(k, axes))
        if k == 30:
            half = np.asarray(zarr.open(str(writer.path / "0"), mode="r"))
            np.testing.assert_array_equal(half[7, 1, 0], image(30))
    writer.finish()
    group = zarr.open_group(str(writer.path), mode="r")
    ome = dict(group.attrs).get("ome", dict(group.attrs))
    image_ = ome["multiscales"][0]
    assert [a["name"] for a in image_["axes"]] == list("tczyx")
    scale = image_["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [50.0, 1.0, 0.25, 0.1, 0.1]
    assert [c["label"] for c in ome["omero"]["channels"]] == ["A", "B"]
    assert dict(group.attrs)["micromanager"]["summary"]["Processors"] == ["median"]
    array = group["0"]
    assert array.shape == (20, 2, 2, 24, 20)
    assert np.prod(array.chunks[:3]) == 16
    pixels = np.asarray(array)
    for k, axes in enumerate(places):
        np.testing.assert_array_equal(
            pixels[axes["time"], "AB".index(axes["channel"]), axes["z"]], image(k)
        )
    assert not pixels[-1, -1, -1].any()


def test_zarr_with_positions(begin: Any, image: Any, frame: Any) -> None:
    import zarr

    writer = begin("ome-zarr", sizes={"position": 2, "z": 3})
    for p in range(2):
        for z in range(3):
            writer.write(frame(10 * p + z, {"position": p, "z": z}))
    writer.write(frame(77, {"position": 1, "z": -1}))
    writer.finish()
    group = zarr.open_group(str(writer.path), mode="r")
    assert group.attrs["ome"]["bioformats2raw.layout"] == 3
    series = group["OME"].attrs["ome"]["series"]
    assert series == ["Pos0", "Pos1", "Pos1_z-1"]
    np.testing.assert_array_equal(np.asarray(group["Pos1/0"])[0, 0, 2], image(12))
    assert group["Pos1/0"].shape == (1, 1, 3, 24, 20)
    dataset = Dataset(writer.path)
    assert dataset.axes == {"position": [0, 1], "z": [-1, 0, 1, 2]}
    np.testing.assert_array_equal(dataset.read_image(position=1, z=-1), image(77))
    # Without the index, which another program may not have copied, it is a plain OME-Zarr.
    (writer.path / "frames.index").unlink()
    with pytest.warns(UserWarning, match="taken as frames"):
        movie = open_movie(writer.path, position="Pos1")
    np.testing.assert_array_equal(movie.read(0, 3), [image(10 + z) for z in range(3)])
    movie.close()


def test_the_description_beside_an_ome_zarr(begin: Any, frame: Any) -> None:
    ome_types = pytest.importorskip("ome_types")
    writer = begin("ome-zarr")
    _fill(writer, frame, np.uint16)
    ome = ome_types.from_xml((writer.path / "OME" / "METADATA.ome.xml").read_text(), validate=True)
    assert ome.images[0].pixels.size_t == 3
    assert ome.images[0].pixels.planes[3].delta_t == 60.0
