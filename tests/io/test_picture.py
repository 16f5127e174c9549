from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from limelight.core.errors import FileError, ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs.filter import filter_locs
from limelight.core.render import Layer, Scene, compose, lookup_table, render
from limelight.io import open_array
from limelight.io import picture as module
from limelight.io.picture import PictureChannel, picture_job, picture_shape, write_picture


def table(n=400, seed=1, height=20, width=31, pixel=100.0):
    rng = np.random.default_rng(seed)
    columns = {
        "frame": rng.integers(0, 50, n),
        "x": rng.uniform(-0.5, width - 0.5, n),
        "y": rng.uniform(-0.5, height - 0.5, n),
        "photons": rng.exponential(1000, n),
        "lpx": rng.uniform(0.05, 0.2, n),
        "lpy": rng.uniform(0.05, 0.2, n),
    }
    step = {"Frames": 50, "Height": height, "Width": width, "Pixelsize": pixel}
    return Localizations.from_columns(columns, [step])


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(module, "_TILE", 64)
    monkeypatch.setattr(module, "_BAND", 48)


@pytest.mark.parametrize("mode", ["histogram", "gaussian", "blur"])
def test_plain_tiff_is_the_picture_and_tells_its_pixel_size(tmp_path, mode):
    locs = table()
    path = write_picture(tmp_path / "a.tif", locs, 10.0, mode=mode)
    expected = render(locs, 10.0, mode=mode).image
    with tifffile.TiffFile(path) as file:
        np.testing.assert_allclose(file.asarray(), expected, rtol=2e-4, atol=1e-5)
        assert file.imagej_metadata["unit"] == "micron"
        numerator, denominator = file.pages[0].tags["XResolution"].value
        assert numerator / denominator == pytest.approx(100)  # pixels per µm


def test_ome_tiff_is_tiled_and_holds_a_channel_per_table(tmp_path):
    one, two = table(seed=1), table(seed=2)
    channels = [
        PictureChannel(one, mode="histogram", name="one"),
        PictureChannel(two, {"photons": (500, None)}, mode="histogram", name="two"),
    ]
    path = write_picture(tmp_path / "b.ome.tif", channels, 7.0)
    kept = filter_locs(two, {"photons": (500, None)})
    expected = [Scene(t).draw(None, 7.0, "histogram").image for t in (one, kept)]
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].is_tiled and file.is_bigtiff
        np.testing.assert_array_equal(file.asarray(), np.stack(expected))
        assert 'PhysicalSizeX="0.007"' in file.ome_metadata and 'Name="two"' in file.ome_metadata


def test_ome_zarr_has_a_pyramid_and_lies_where_the_molecules_are(tmp_path):
    import zarr

    locs = table()
    path = write_picture(tmp_path / "c.ome.zarr", locs, 7.0, mode="histogram")
    picture = Scene(locs).draw(None, 7.0, "histogram")
    root = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(root["0"][0], picture.image)
    (about,) = root.attrs["multiscales"]
    assert [d["path"] for d in about["datasets"]] == [str(k) for k in range(len(list(root)))]
    height, width = picture.image.shape
    whole = picture.image[: height // 2 * 2, : width // 2 * 2]
    halved = whole.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    np.testing.assert_allclose(root["1"][0][: height // 2, : width // 2], halved, rtol=1e-6)
    for k, dataset in enumerate(about["datasets"]):
        scale, translation = (t[t["type"]] for t in dataset["coordinateTransformations"])
        assert scale[1] == pytest.approx(0.007 * 2**k)
        # the corner of the field is where it is, at every level
        for axis in (1, 2):
            assert translation[axis] - scale[axis] / 2 == pytest.approx(-0.05)
    image = open_array(path)
    assert image is not None


def test_png_shows_what_was_composed(tmp_path):
    one, two = table(seed=1), table(seed=2)
    channels = [
        PictureChannel(one, colours="red", high=3e3, gamma=0.6),
        PictureChannel(two, colour="photons", colours="depth", high=3e3, limits=(0, 3000)),
    ]
    path = write_picture(tmp_path / "d.png", channels, 13.0)
    area = 0.013**2
    pictures = [
        Scene(one).draw(None, 13.0, exact=True),
        Scene(two).draw(None, 13.0, colour="photons", exact=True),
    ]
    expected = compose(
        [
            Layer(pictures[0], "red", (0, 3e3 * area), None, 0.6),
            Layer(pictures[1], "depth", (0, 3e3 * area), (0, 3000)),
        ]
    )
    image = Image.open(path)
    # 13 nm does not divide the field: the last row and column of pixels reach beyond it
    np.testing.assert_array_equal(np.asarray(image), expected)
    assert image.info["dpi"][0] == pytest.approx(25.4e6 / 13, rel=1e-6)


def test_png_finds_its_own_contrast(tmp_path):
    path = write_picture(tmp_path / "e.png", table(), 10.0, colours=lookup_table("gray"))
    image = np.asarray(Image.open(path))
    assert 0 < np.mean(image == 255) < 0.05 and image.max() == 255


def test_part_of_the_field(tmp_path):
    locs, viewport = table(), (2.0, 3.0, 9.0, 17.0)
    path = write_picture(tmp_path / "f.tif", locs, 10.0, mode="histogram", viewport=viewport)
    np.testing.assert_array_equal(
        tifffile.imread(path), Scene(locs).draw(viewport, 10.0, "histogram").image
    )
    assert picture_shape([PictureChannel(locs)], 10.0) == (200, 310)


@pytest.mark.parametrize("name", ["g.tif", "g.ome.tif", "g.png", "g.ome.zarr"])
def test_cancelled_and_nothing_is_left(tmp_path, name):
    locs = table()
    job = picture_job(tmp_path / name, [PictureChannel(locs)], 5.0)
    steps = [next(job) for _ in range(4)]
    assert steps[-1].total > steps[-1].done
    job.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["h.tif", "h.ome.tif", "h.png", "h.ome.zarr"])
def test_written_over_only_when_complete(tmp_path, name):
    path = write_picture(tmp_path / name, table(), 20.0)
    again = write_picture(path, table(seed=5), 20.0)
    assert again == path and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["x.tif", "x.ome.tif", "x.png", "x.ome.zarr"])
def test_no_such_folder(tmp_path, name):
    target = tmp_path / "missing" / name
    with pytest.raises(FileError, match="x"):
        write_picture(target, table(), 20.0)
    assert not target.parent.exists()


def test_bad_requests(tmp_path):
    locs = table()
    with pytest.raises(FileError, match="format"):
        write_picture(tmp_path / "a.jpg", locs)
    with pytest.raises(ParameterError, match="no table"):
        write_picture(tmp_path / "a.tif", [])
    with pytest.raises(ParameterError, match="different pixel sizes"):
        write_picture(
            tmp_path / "a.tif", [PictureChannel(locs), PictureChannel(table(pixel=130.0))]
        )
    with pytest.raises(ParameterError, match="pixel size"):
        write_picture(tmp_path / "a.tif", locs, 0.0)
    (tmp_path / "own.zarr").mkdir()
    (tmp_path / "own.zarr" / "diary.txt").write_text("mine")
    with pytest.raises(FileError, match=r"own\.zarr"):
        write_picture(tmp_path / "own.zarr", locs, 20.0)
    assert (tmp_path / "own.zarr" / "diary.txt").exists()
