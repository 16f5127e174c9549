from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.movie import ArrayMovie
from limelight.io import RawSpecification, open_movie, write_raw
from limelight.localize import LocalizeSettings, as_script, localize, results_path
from limelight.localize.record import provenance


def test_results_lie_beside_the_movie():
    movie = ArrayMovie(np.zeros((1, 9, 9)), name="cell", path="folder/cell.tif")
    assert results_path(movie) == Path("folder/cell_locs.hdf5")
    assert results_path(ArrayMovie(np.zeros((1, 9, 9)))) == Path("movie_locs.hdf5")


def test_a_folder_holds_its_results_and_a_zarr_does_not(tmp_path):
    for name in ("images", "movie.ome.zarr"):
        (tmp_path / name).mkdir()
    images = ArrayMovie(np.zeros((1, 9, 9)), name="images", path=tmp_path / "images")
    assert results_path(images) == tmp_path / "images" / "images_locs.hdf5"
    zarr = ArrayMovie(np.zeros((1, 9, 9)), name="movie.ome", path=tmp_path / "movie.ome.zarr")
    assert results_path(zarr) == tmp_path / "movie.ome_locs.hdf5"


def test_provenance_is_plain_and_complete():
    metadata = {"Micro-Manager Metadata": {"Exposure": np.float64(30), "Path": Path("a")}}
    movie = ArrayMovie(np.zeros((4, 9, 8), ">u2"), Camera(name="Zyla"), metadata=metadata)
    settings = LocalizeSettings.of(min_net_gradient=500, roi=(1, 2, 8, 7), frames=(1, 3))
    documents = provenance(movie, settings, movie.camera)
    assert list(yaml.safe_load_all(yaml.safe_dump_all(documents))) == documents
    info, identify, fit = documents
    assert (info["Frames"], info["Height"], info["Width"]) == (4, 9, 8)
    assert info["Byte Order"] == ">" and info["Data Type"] == "uint16"
    assert identify["Min. Net Gradient"] == 500 and identify["ROI"] == [[1, 2], [8, 7]]
    assert identify["Frame Bounds"] == [1, 3] and fit["Pixelsize"] == 130.0
    assert fit["Limelight"]["settings"]["detect"] == "net-gradient"


def test_the_script_repeats_the_run(small, tmp_path, monkeypatch):
    path = tmp_path / "small.npy"
    np.save(path, small.read(0, 12))
    movie = ArrayMovie(small.read(0, 12), small.camera, name="small", path=path)
    settings = LocalizeSettings.of(min_net_gradient=500, fit="mle-sigmaxy", frames=(2, 9))
    script = as_script(movie, settings)
    names: dict[str, object] = {}
    exec(script, names)
    expected = localize(movie, min_net_gradient=500, fit="mle-sigmaxy", frames=(2, 9))
    assert names["locs"].table.equals(expected.table)
    assert (tmp_path / "small_locs.hdf5").exists()


def test_the_script_opens_the_channel_that_was_chosen(tmp_path):
    path = tmp_path / "two.ome.tif"
    frames = np.zeros((6, 2, 32, 32), np.uint16)
    tifffile.imwrite(path, frames, metadata={"axes": "TCYX"}, ome=True)
    with open_movie(path, channel=1) as movie:
        script = as_script(movie, LocalizeSettings())
    assert "open_movie(" in script and "channel=1" in script
    names: dict[str, object] = {}
    exec(script.replace("save=True", "save=False"), names)


def test_the_script_tells_how_a_raw_file_is_read(small, tmp_path):
    path = tmp_path / "small.raw"
    small.read(0, 8).astype(">u2").tofile(path)
    raw = RawSpecification("uint16", *small.shape[1:], ">")
    with open_movie(path, raw=raw) as movie:
        script = as_script(movie, LocalizeSettings())
    names: dict[str, object] = {}
    exec(script, names)
    again = localize(path, raw=raw)
    assert len(again) and names["locs"].table.equals(again.table)
    write_raw(path, small.read(0, 8))
    with open_movie(path) as movie:
        assert "raw=" not in as_script(movie, LocalizeSettings())


def test_what_is_chosen_in_a_file(tmp_path):
    path = tmp_path / "two.ome.tif"
    y, x = np.mgrid[:32, :32]
    spot = 900 * np.exp(-((y - 15) ** 2 + (x - 16) ** 2) / 3)
    dark, light = np.random.default_rng(1).poisson([np.full((6, 32, 32), 10), [spot + 10] * 6])
    names = {"Channel": {"Name": ["dark", "light"]}}
    frames = np.stack([dark, light], 1).astype("u2")
    tifffile.imwrite(path, frames, metadata={"axes": "TCYX", **names})
    assert len(localize(path, channel="light")) == 6
    assert len(localize(path, channel=0)) == 0
    with pytest.warns(UserWarning, match="6 time points"):
        assert len(localize(path, time_axis="channel")) == 1
    with pytest.raises(ParameterError, match="channel, z: what there is to choose"):
        localize(frames[:, 1], channel=1, z=0)
