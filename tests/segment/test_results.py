"""Results as OME-Zarr, alone, on plates, and in the images that they come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from limelight.cli import main
from limelight.core import report
from limelight.core.errors import FileError, ParameterError
from limelight.io import open_array
from limelight.io.label_zarr import PlateImage, plate_images, write_image, write_labels, write_plate
from limelight.segment import batch_job, find_fields, pipeline_job, read_field, run, save_pipeline


def ome(path):
    return json.loads((path / "zarr.json").read_text())["attributes"]["ome"]


@pytest.fixture
def images(tmp_path, nuclei):
    folder = tmp_path / "images"
    folder.mkdir()
    for k in (1, 2):
        tifffile.imwrite(
            folder / f"site{k}.ome.tif",
            np.roll(nuclei, 7 * k, 1),
            metadata={"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25},
        )
    return folder


def test_a_field_becomes_an_image_with_labels_and_table(pipeline, images, tmp_path, capsys):
    path = save_pipeline(pipeline, tmp_path / "p.yaml")
    out = tmp_path / "out"
    words = ["segment", str(path), "--input", str(images), "--output", str(out), "--quiet"]
    assert main([*words, "--format", "ome-zarr"]) == 0
    expected = run(pipeline_job(pipeline, read_field(find_fields(images, ["DAPI"])[0])))
    nuclei = expected.objects["Nuclei"]
    one = out / "images" / "site1.ome.zarr"
    group = zarr.open_group(str(one), mode="r")
    assert np.array_equal(group["labels/Nuclei/0"][...], nuclei.labels)
    assert np.array_equal(group["0"][0], expected.values["DAPI"])
    about = ome(one)
    scale = about["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [1.0, 0.25, 0.25]
    assert about["omero"]["channels"][0]["label"] == "DAPI"
    assert ome(one / "labels")["labels"] == ["Nuclei"]
    assert ome(one / "labels" / "Nuclei")["image-label"]["source"]["image"] == "../../"
    table = zarr.open_group(str(one / "tables" / "Nuclei"), mode="r")
    assert table.attrs["instance_key"] == "label"
    assert table.attrs["region"] == {"path": "../labels/Nuclei"}
    kept = pd.read_parquet(one / "tables" / "Nuclei" / "table.parquet")
    assert list(kept.label) == list(nuclei.ids)
    assert np.allclose(kept["Morphology_area"], nuclei.features["Morphology_area"])
    assert not (out / "labels").exists()
    assert list(zarr.open_group(str(one / "tables"), mode="r").attrs["tables"]) == ["Nuclei"]
    # What is done is not done again; in another form it is.
    capsys.readouterr()
    main([*words, "--format", "ome-zarr"])
    assert "2 done before" in capsys.readouterr().out
    main(words)
    assert "2 of 2 fields segmented" in capsys.readouterr().out


def plate_of(folder, nuclei, wells=(("A", "1"), ("B", "12")), sites=2):
    made = []
    for row, column in wells:
        for site in range(sites):
            path = folder / row / column / str(site)
            size = 160 - 10 * site  # of unequal shapes
            write_image(path, {"DAPI": nuclei[:size]}, {}, {}, scale=(1.0, 0.5, 0.5))
            made.append(PlateImage(path, "P7", row, column, site))
    return write_plate(folder, made)


def test_a_plate_is_read_and_written_as_a_plate(pipeline, tmp_path, nuclei):
    plate = plate_of(tmp_path / "in.ome.zarr", nuclei)
    fields = find_fields(plate, ["DAPI"])
    assert [f.name for f in fields] == ["P7_A01_s0", "P7_A01_s1", "P7_B12_s0", "P7_B12_s1"]
    assert fields[1].about == {
        "plate_name": "P7",
        "well_name": "A01",
        "well_pos_y": 0,
        "well_pos_x": 1,
    }
    result = run(batch_job(pipeline, fields, tmp_path / "out", form="ome-zarr", threads=2))
    assert not result.failed
    about = pd.read_csv(tmp_path / "out" / "metadata_Nuclei.csv")
    first = ["mapobject_id", "field", "plate_name", "well_name", "well_pos_y", "well_pos_x"]
    assert list(about.columns[:6]) == first
    assert {"label", "is_border"} <= set(about.columns)
    assert sorted(set(about.well_name)) == ["A01", "B12"]
    written = tmp_path / "out" / "images" / "P7.ome.zarr"
    found = plate_images(written)
    assert [(i.well, i.site) for i in found] == [("A01", 0), ("B12", 0)]
    assert ome(written)["plate"]["wells"][1] == {
        "path": "B/12",
        "rowIndex": 1,
        "columnIndex": 1,
    }
    assert (written / "B" / "12" / "0" / "labels" / "Nuclei" / "0").is_dir()
    image = open_array(tmp_path / "out" / "images" / "P7.ome.zarr" / "A" / "1" / "0")
    assert image.array.shape == (160, 400)
    image.close()


def test_places_in_the_well_become_a_grid(tmp_path, nuclei):
    plate = plate_of(tmp_path / "in.zarr", nuclei, wells=(("A", "1"),), sites=3)
    for site, (y, x) in enumerate([(0, 0), (0, 80), (80, 0)]):
        path = plate / "A" / "1" / str(site) / "zarr.json"
        about = json.loads(path.read_text())
        steps = about["attributes"]["ome"]["multiscales"][0]["datasets"][0]
        steps["coordinateTransformations"].append(
            {"type": "translation", "translation": [0.0, y, x]}
        )
        path.write_text(json.dumps(about))
    places = [(f.about["well_pos_y"], f.about["well_pos_x"]) for f in find_fields(plate, ["DAPI"])]
    assert places == [(0, 0), (0, 1), (1, 0)]


def test_file_names_tell_wells(pipeline, tmp_path, nuclei):
    folder = tmp_path / "Screen 3"
    folder.mkdir()
    for well in ("A01", "A02"):
        for site in (1, 2):
            tifffile.imwrite(folder / f"{well}_s{site}.tif", nuclei)
    fields = find_fields(folder, ["DAPI"])
    assert fields[3].about["well_name"] == "A02"
    assert fields[3].about["well_pos_x"] == 1
    run(batch_job(pipeline, fields, tmp_path / "out", form="ome-zarr"))
    assert len(plate_images(tmp_path / "out" / "images" / "Screen-3.ome.zarr")) == 2
    tifffile.imwrite(folder / "other.tif", nuclei)
    assert all(f.site is None for f in find_fields(folder, ["DAPI"]))


@pytest.mark.parametrize("version", [2, 3])
def test_labels_go_into_the_image(pipeline, tmp_path, nuclei, version):
    path = tmp_path / "in" / "x.ome.zarr"
    image = zarr.create_group(str(path), zarr_format=version)
    array = image.create_array("0", shape=nuclei.shape, dtype=nuclei.dtype)
    array[...] = nuclei
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    described = {
        "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
        "datasets": [{"path": "0", "coordinateTransformations": scale}],
    }
    if version == 2:
        image.attrs["multiscales"] = [{"version": "0.4", **described}]
    else:
        image.attrs["ome"] = {"version": "0.5", "multiscales": [described]}
    fields = find_fields(tmp_path / "in", ["DAPI"])
    result = run(batch_job(pipeline, fields, tmp_path / "out", form="into-input"))
    assert not result.failed, result.failed
    group = zarr.open_group(str(path), mode="r")
    expected = run(pipeline_job(pipeline, {"DAPI": nuclei})).objects["Nuclei"]
    assert np.array_equal(group["labels/Nuclei/0"][...], expected.labels)
    listed = group["labels"].attrs
    assert (listed["labels"] if version == 2 else listed["ome"]["labels"]) == ["Nuclei"]
    again = run(batch_job(pipeline, fields, tmp_path / "out", form="into-input"))
    assert [f.state for f in again.fields] == ["done before"]


def test_what_cannot_be_is_told(pipeline, images, tmp_path):
    fields = find_fields(images, ["DAPI"])
    with pytest.raises(FileError, match="only to an OME-Zarr that holds one field"):
        run(batch_job(pipeline, fields, tmp_path / "out", form="into-input"))
    with pytest.raises(ParameterError, match=r"no format 'zarr'.*ome-zarr"):
        run(batch_job(pipeline, fields, tmp_path / "out", form="zarr"))


def test_large_labels_have_levels_that_only_drop_pixels(tmp_path):
    labels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((300, 300), int)).astype(np.int32)
    write_image(tmp_path / "a.zarr", {"A": labels.astype(np.uint16)}, {"Cells": labels}, {})
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    assert group["labels/Cells/1"].shape == (600, 600)
    assert np.array_equal(group["labels/Cells/2"][...], labels[::4, ::4])
    assert group["1"].dtype == np.uint16


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    labels = np.eye(8, dtype=np.int32)
    write_image(tmp_path / "a.zarr", {"A": labels}, {"C": labels}, {})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("limelight.io.label_zarr._write_levels", full)
    with pytest.raises(FileError, match="disk is full"):
        write_labels(tmp_path / "a.zarr", "C", labels * 2)
    with pytest.raises(FileError, match="disk is full"):
        write_image(tmp_path / "a.zarr", {"A": labels}, {}, {})
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    assert np.array_equal(group["labels/C/0"][...], labels)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    assert [p.name for p in (tmp_path / "a.zarr" / "labels").iterdir() if p.is_dir()] == ["C"]


def test_a_batch_is_reported_once(pipeline, images, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr("limelight.segment.batch.report", told.append)
    (images / "bad.tif").write_bytes(b"no")
    result = run(batch_job(pipeline, find_fields(images, ["DAPI"]), tmp_path / "out"))
    (record,) = told
    assert isinstance(record, report.RunRecord)
    assert record.kind == "segmentation"
    assert record.file == Path(tmp_path / "out" / "segmentation.yaml").absolute()
    assert record.source == images.absolute()
    assert record.figures["n_fields"] == 3
    assert record.figures["n_failed"] == 1
    assert record.figures["n_Nuclei"] == sum(f.counts.get("Nuclei", 0) for f in result.fields)
    assert record.settings["pipeline"]["name"] == "nuclei"
    assert record.duration_s > 0


def test_an_error_that_nobody_thought_of_is_that_of_one_field(
    pipeline, images, tmp_path, monkeypatch
):
    import limelight.segment.batch as batch

    read = batch.read_field

    def once(one):
        if one.name == "site1":
            raise ZeroDivisionError("division by zero")
        return read(one)

    monkeypatch.setattr(batch, "read_field", once)
    result = run(batch_job(pipeline, find_fields(images, ["DAPI"]), tmp_path / "out"))
    assert [f.state for f in result.fields] == ["failed", "done"]
    assert "ZeroDivisionError" in result.fields[0].message
    assert "Traceback" in (tmp_path / "out" / "logs" / "site1.log").read_text()
