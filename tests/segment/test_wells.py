"""The sites of a well as one image, with objects in the well's places and numbers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from scipy.ndimage import maximum_filter

from limelight.cli import main
from limelight.core.errors import ParameterError
from limelight.core.remarks import collected
from limelight.io.label_zarr import PlateImage, plate_images, write_image, write_plate
from limelight.io.mosaic import Tile, write_mosaic
from limelight.segment import batch_job, find_fields, load_pipeline, pipeline_job, run
from limelight.segment.wells import ORDERS, Layout


@pytest.fixture
def sites(tmp_path, nuclei):
    """Two wells of four and three sites, each site shifted so that none is like another."""
    folder = tmp_path / "Screen"
    folder.mkdir()
    pixels = {}
    for well, count in (("A01", 4), ("B03", 3)):
        for k in range(count):
            name = f"{well}_s{k + 1}"
            pixels[name] = np.roll(nuclei, 17 * len(pixels), 1)
            tifffile.imwrite(
                folder / f"{name}.ome.tif",
                pixels[name],
                metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
            )
    return folder, pixels


def levels(path):
    about = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]
    return about["multiscales"][0]["datasets"]


def test_a_well_is_one_image_with_its_objects(pipeline, sites, tmp_path):
    folder, pixels = sites
    out = tmp_path / "out"
    fields = find_fields(folder, ["DAPI"])
    result = run(batch_job(pipeline, fields, out, form="ome-zarr", threads=2))
    plate = out / "images" / "Screen.ome.zarr"
    assert list(result.wells) == ["Screen A01", "Screen B03"]
    assert [i.well for i in plate_images(plate)] == ["A01", "B03"]
    well = zarr.open_group(str(plate / "A" / "1" / "0"), mode="r")
    rows = [np.hstack([pixels[f"A01_s{k}"] for k in pair]) for pair in ((1, 2), (3, 4))]
    assert np.array_equal(well["0"][0], np.vstack(rows))
    other = zarr.open_group(str(plate / "B" / "3" / "0"), mode="r")
    assert other["0"].shape == well["0"].shape  # of one size, the missing site is empty
    assert not other["0"][0, 160:, 200:].any()
    assert np.array_equal(other["0"][0, 160:, :200], pixels["B03_s3"])

    labels = well["labels/Nuclei/0"][...]
    table = pd.read_parquet(plate / "A" / "1" / "0" / "tables" / "Nuclei" / "table.parquet")
    assert sorted(table.label) == sorted(np.unique(labels)[1:])  # each number is one object
    for site, (y, x) in {"A01_s1": (0, 0), "A01_s4": (160, 200)}.items():
        alone = run(pipeline_job(pipeline, {"DAPI": pixels[site]})).objects["Nuclei"].labels
        mine = labels[y : y + 160, x : x + 200]
        assert np.array_equal(mine > 0, alone > 0)
        assert len(np.unique(mine - alone)[np.unique(mine - alone) != 0]) <= 1  # one shift
    for row in table.itertuples():
        there = np.argwhere(labels == row.label)
        assert np.allclose(there.mean(axis=0), (row.well_y, row.well_x))
        assert len(there) == row.Morphology_area
    regions = pd.read_parquet(plate / "A" / "1" / "0" / "tables" / "sites" / "table.parquet")
    assert list(regions.FieldIndex) == [f"A01_s{k}" for k in (1, 2, 3, 4)]
    assert list(regions.x_micrometer) == [0, 100, 0, 100]
    assert list(regions.len_y_micrometer) == [80] * 4

    about = pd.read_csv(out / "metadata_Nuclei.csv")
    mine = about[about.well_name == "A01"]
    assert list(mine.well_label) == list(table.label)
    assert np.allclose(mine.well_y, table.well_y)
    features = pd.read_csv(out / "features_Nuclei.csv")
    assert "well_y" not in features


def test_the_wells_themselves_are_segmented(pipeline, sites, tmp_path):
    folder, _ = sites
    run(batch_job(pipeline, find_fields(folder, ["DAPI"]), tmp_path / "a", form="ome-zarr"))
    whole = find_fields(tmp_path / "a" / "images" / "Screen.ome.zarr", ["DAPI"])
    assert [f.about["well_name"] for f in whole] == ["A01", "B03"]
    again = run(batch_job(pipeline, whole, tmp_path / "b", form="ome-zarr"))
    assert not again.failed
    mosaic = zarr.open_group(str(again.wells["Screen A01"]), mode="r")
    first = zarr.open_group(str(tmp_path / "a/images/Screen.ome.zarr/A/1/0"), mode="r")
    assert np.array_equal(mosaic["0"][...], first["0"][...])


def test_parents_of_a_well_are_its_own(tmp_path, nuclei):
    folder = tmp_path / "P"
    folder.mkdir()
    for k in (1, 2):
        for c in (1, 2):
            image = nuclei if c == 1 else maximum_filter(nuclei, 9)
            tifffile.imwrite(folder / f"A01_s{k}_w{c}.tif", np.roll(image, 9 * k, 0))
    pipeline = load_pipeline("nuclei-cells")
    names = [c.name for c in pipeline.channels]
    fields = find_fields(folder, names, {n: f"*_w{k + 1}.tif" for k, n in enumerate(names)})
    result = run(batch_job(pipeline, fields, tmp_path / "out", form="ome-zarr"))
    assert not result.failed
    path = result.wells["P A01"]
    well = zarr.open_group(str(path), mode="r")
    table = pd.read_parquet(path / "tables" / "Nuclei" / "table.parquet")
    kept, inner = well["labels/Cells/0"][...], well["labels/Nuclei/0"][...]
    assert len(table) > 8
    for row in table[table.parent_Cells > 0].itertuples():
        found = kept[inner == row.label]
        assert np.bincount(found).argmax() == row.parent_Cells


def test_what_has_not_changed_is_not_written_again(pipeline, sites, tmp_path, nuclei):
    folder, _ = sites
    out = tmp_path / "out"

    def again():
        return run(batch_job(pipeline, find_fields(folder, ["DAPI"]), out, form="ome-zarr"))

    times = {k: (p / "zarr.json").stat().st_mtime_ns for k, p in again().wells.items()}
    second = again()
    assert {f.state for f in second.fields} == {"done before"}
    assert {k: (p / "zarr.json").stat().st_mtime_ns for k, p in second.wells.items()} == times
    other = {"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    tifffile.imwrite(folder / "B03_s2.ome.tif", nuclei, metadata=other)
    with collected() as said:
        third = again()
    assert any("different pixel sizes" in text for text in said)
    now = {k: (p / "zarr.json").stat().st_mtime_ns for k, p in third.wells.items()}
    assert [k for k in now if now[k] != times.get(k)] == []
    (folder / "B03_s2.ome.tif").unlink()
    now = {k: (p / "zarr.json").stat().st_mtime_ns for k, p in again().wells.items()}
    assert [k for k in now if now[k] != times[k]] == ["Screen B03"]


def test_a_bad_site_leaves_a_hole_and_a_bad_well_is_told(pipeline, sites, tmp_path):
    folder, pixels = sites
    (folder / "A01_s2.ome.tif").write_bytes(b"nothing")
    fields = find_fields(folder, ["DAPI"])
    result = run(batch_job(pipeline, fields, tmp_path / "out", form="ome-zarr"))
    assert [f.name for f in result.failed] == ["A01_s2"]
    well = zarr.open_array(str(result.wells["Screen A01"] / "0"), mode="r")
    assert not well[0, :160, 200:].any()
    assert np.array_equal(well[0, :160, :200], pixels["A01_s1"])
    (folder / "B03_s1.ome.tif").unlink()  # it was segmented, and has gone since
    fields = [f for f in fields if f.name != "A01_s2"]
    for path in result.wells.values():
        (path / "zarr.json").write_text("{}")
    with collected() as said:
        from limelight.segment.wells import mosaics_job

        run(mosaics_job(fields, tmp_path / "out"))
    assert any("no mosaic of Screen B03" in text and "B03_s1" in text for text in said)


def test_stage_positions_place_the_sites(pipeline, tmp_path, nuclei):
    plate = tmp_path / "in.zarr"
    made = []
    for site, (y, x) in enumerate([(10.0, 90.0), (10.0, 0.0), (60.0, 0.0)]):
        path = plate / "A" / "1" / str(site)
        write_image(path, {"DAPI": nuclei + site}, {}, {}, scale=(1.0, 0.5, 0.5))
        about = json.loads((path / "zarr.json").read_text())
        for level in about["attributes"]["ome"]["multiscales"][0]["datasets"]:
            level["coordinateTransformations"].append(
                {"type": "translation", "translation": [0.0, y, x]}
            )
        (path / "zarr.json").write_text(json.dumps(about))
        made.append(PlateImage(path, "P", "A", "1", site))
    write_plate(plate, made)
    fields = find_fields(plate, ["DAPI"])
    result = run(batch_job(pipeline, fields, tmp_path / "out", form="ome-zarr"))
    well = zarr.open_group(str(result.wells["P A01"]), mode="r")
    assert well["0"].shape == (1, 100 + 160, 180 + 200)
    assert np.array_equal(well["0"][0, :160, 200:], (nuclei)[:, 20:])  # 20 px overlap: later on top
    assert np.array_equal(well["0"][0, :100, :200], (nuclei + 1)[:100])
    assert np.array_equal(well["0"][0, 100:, :200], nuclei + 2)


def test_the_command_lays_sites_out(sites, tmp_path, capsys):
    folder, pixels = sites
    words = ["segment", "nuclei", "--input", str(folder), "--output", str(tmp_path / "out")]
    words += ["--format", "ome-zarr", "--quiet", "--layout", "zigzag_vertical", "--columns", "2"]
    assert main(words) == 0
    assert "2 wells: " in capsys.readouterr().out
    path = tmp_path / "out" / "images" / "Screen.ome.zarr" / "A" / "1" / "0" / "0"
    well = zarr.open_array(str(path), mode="r")[0]
    assert np.array_equal(well[160:, 200:], pixels["A01_s3"])
    assert np.array_equal(well[:160, 200:], pixels["A01_s4"])


def test_layouts():
    grids = {order: Layout(order, 3).grid(6) for order in ORDERS}
    assert grids["horizontal"] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert grids["zigzag_horizontal"] == [(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]
    assert grids["vertical"] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert grids["zigzag_vertical"] == [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2), (1, 2)]
    assert Layout().grid(9)[-1] == (2, 2)
    assert Layout().grid(1) == [(0, 0)]
    for count in range(1, 30):
        for order in ORDERS:
            assert len(set(Layout(order).grid(count))) == count
    with pytest.raises(ParameterError, match="zigzag_horizontal"):
        Layout("zigzag_horizonta")
    with pytest.raises(ParameterError, match="at least 1"):
        Layout(columns=0)


@pytest.mark.parametrize("place", [(700, 900), (701, 903)])
def test_levels_are_those_of_the_whole(tmp_path, place):
    """Of a grid and of any places: level by level the same as halving the whole picture."""
    rng = np.random.default_rng(0)
    size = (2 * 700 + 31, 2 * 900 + 33)
    whole = np.zeros((2, *size), np.uint16)
    marks = np.zeros(size, np.int32)
    tiles = []
    for k, (y, x) in enumerate([(0, 0), (0, place[1]), place]):
        pixels = rng.integers(0, 4000, (2, 700, 900)).astype(np.uint16)
        found = rng.integers(0, 5, (700, 900)).astype(np.int32)
        whole[:, y : y + 700, x : x + 900] = pixels
        marks[y : y + 700, x : x + 900] = found
        tiles.append(
            Tile(
                str(k),
                (y, x),
                (700, 900),
                lambda p=pixels: dict(zip("ab", p, strict=True)),
                lambda f=found: {"N": f},
            )
        )
    table = {"N": pd.DataFrame({"label": [1, 2, 3, 4]})}
    for threads in (1, 3):
        path = write_mosaic(
            tmp_path / f"{threads}",
            tiles,
            size,
            ["a", "b"],
            np.dtype(np.uint16),
            table,
            threads=threads,
        )
        group = zarr.open_group(str(path), mode="r")
        assert len(levels(path)) == 3
        image, label = whole, marks
        for k in range(3):
            assert np.array_equal(group[str(k)][...], image)
            assert np.array_equal(group[f"labels/N/{k}"][...], label)
            h, w = (n // 2 * 2 for n in image.shape[1:])
            parts = image[:, :h, :w].reshape(2, h // 2, 2, w // 2, 2).mean(axis=(2, 4))
            image, label = np.round(parts.astype(np.float32)).astype(np.uint16), label[::2, ::2]
    with pytest.raises(ParameterError, match="reaches out"):
        write_mosaic(tmp_path / "n", tiles, (800, 800), ["a"], np.dtype(np.uint16), {})


def test_empty_places_take_no_space(tmp_path):
    one = Tile(
        "one", (0, 0), (1024, 1024), lambda: {"a": np.ones((1024, 1024), np.uint8)}, lambda: {}
    )
    path = write_mosaic(tmp_path / "w", [one], (8192, 8192), ["a"], np.dtype(np.uint8), {})
    assert len([p for p in (path / "0").rglob("*") if p.is_file()]) == 2  # zarr.json and a chunk
