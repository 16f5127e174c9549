from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile

from limelight.cli import main
from limelight.core.errors import FileError, ParameterError
from limelight.segment import batch_job, find_fields, pipeline_job, read_field, run, save_pipeline


@pytest.fixture
def folder(tmp_path, nuclei):
    images = tmp_path / "images"
    images.mkdir()
    for k in (1, 2, 10):
        tifffile.imwrite(images / f"site{k}.tif", np.roll(nuclei, 7 * k, 1))
    return images


def test_fields_come_in_natural_order_and_are_segmented(pipeline, folder, tmp_path):
    fields = find_fields(folder, ["DAPI"])
    assert [f.name for f in fields] == ["site1", "site2", "site10"]
    result = run(batch_job(pipeline, fields, tmp_path / "out", threads=2))
    assert [f.state for f in result.fields] == ["done"] * 3
    labels = tifffile.imread(tmp_path / "out" / "labels" / "site2_Nuclei.tif")
    expected = run(pipeline_job(pipeline, read_field(fields[1]))).objects["Nuclei"]
    assert np.array_equal(labels.squeeze(), expected.labels)
    values = pd.read_csv(tmp_path / "out" / "features_Nuclei.csv")
    about = pd.read_csv(tmp_path / "out" / "metadata_Nuclei.csv")
    assert list(values.mapobject_id) == list(about.mapobject_id) == list(range(1, len(about) + 1))
    mine = values[about.field == "site2"]["Morphology_area"].to_numpy()
    assert np.allclose(mine, expected.features["Morphology_area"])
    assert list(about[about.field == "site2"].label) == list(expected.ids)


def test_what_is_done_is_not_done_again_unless_it_changed(pipeline, folder, tmp_path, nuclei):
    fields = find_fields(folder, ["DAPI"])
    run(batch_job(pipeline, fields, tmp_path / "out"))
    again = run(batch_job(pipeline, fields, tmp_path / "out"))
    assert {f.state for f in again.fields} == {"done before"}
    tifffile.imwrite(folder / "site2.tif", nuclei[:100])
    again = run(batch_job(pipeline, fields, tmp_path / "out"))
    assert [f.state for f in again.fields] == ["done before", "done", "done before"]
    other = pipeline.configure("smooth", filter_size=3)
    again = run(batch_job(other, fields, tmp_path / "out"))
    assert {f.state for f in again.fields} == {"done"}


def test_a_cancelled_batch_goes_on_where_it_was(pipeline, folder, tmp_path):
    fields = find_fields(folder, ["DAPI"])
    job = batch_job(pipeline, fields, tmp_path / "out", threads=1)
    while next(job).done < 1:
        pass
    job.close()
    states = [f.state for f in run(batch_job(pipeline, fields, tmp_path / "out")).fields]
    assert states.count("done before") >= 1
    assert "failed" not in states


def test_one_bad_image_does_not_stop_the_others(pipeline, folder, tmp_path, capsys):
    (folder / "site3.tif").write_bytes(b"nothing")
    tifffile.imwrite(folder / "site4.tif", np.zeros((5, 6), np.float16))
    path = save_pipeline(pipeline, tmp_path / "p.yaml")
    status = main(
        ["segment", str(path), "--input", str(folder), "--output", str(tmp_path / "out"), "--quiet"]
    )
    told = capsys.readouterr()
    assert status == 1
    assert "failed: site3: site3.tif: this is not a TIFF file" in told.out
    kept = pd.read_csv(tmp_path / "out" / "status.csv")
    assert set(kept[kept.field.isin(["site1", "site2", "site10"])].state) == {"done"}


def test_channels_are_told_apart_by_the_one_word_that_differs(tmp_path):
    for site in (1, 2):
        for channel, name in enumerate(["DAPI", "GFP"]):
            tifffile.imwrite(tmp_path / f"a_s{site}_{name}.tif", np.full((4, 4), channel, "u2"))
    fields = find_fields(tmp_path, ["GFP", "DAPI"])
    assert len(fields) == 2
    images = read_field(fields[0])
    assert images["GFP"].max() == 1
    assert images["DAPI"].max() == 0
    by_pattern = find_fields(tmp_path, ["A", "B"], {"A": "*_DAPI.tif", "B": "*_GFP.tif"})
    assert read_field(by_pattern[1])["B"].max() == 1
    with pytest.raises(ParameterError, match="do not tell which is which"):
        find_fields(tmp_path, ["A", "B", "C"])
    with pytest.raises(FileError, match="no file has a name like"):
        find_fields(tmp_path, ["A"], {"A": "*_Cy5.tif"})
    with pytest.raises(ParameterError, match="no pattern for the channel 'B'"):
        find_fields(tmp_path, ["A", "B"], {"A": "*"})


def test_channels_in_one_file_go_by_name_else_by_order(tmp_path):
    data = np.stack([np.full((6, 5), k, np.uint16) for k in (3, 8)])
    tifffile.imwrite(
        tmp_path / "x.ome.tif", data, metadata={"axes": "CYX", "Channel": {"Name": ["Red", "Blue"]}}
    )
    (field,) = find_fields(tmp_path, ["Blue", "Red"])
    assert field.name == "x"
    assert {k: int(v.max()) for k, v in read_field(field).items()} == {"Blue": 8, "Red": 3}
    (field,) = find_fields(tmp_path, ["first", "second"])
    assert {k: int(v.max()) for k, v in read_field(field).items()} == {"first": 3, "second": 8}
    with pytest.raises(FileError, match="has Red, Blue"):
        find_fields(tmp_path, ["Red", "Green", "Blue"])


def test_nothing_to_do_is_told(pipeline, tmp_path):
    with pytest.raises(FileError, match="no image here"):
        find_fields(tmp_path, ["DAPI"])
    with pytest.raises(FileError, match="no such file or folder"):
        find_fields(tmp_path / "none", ["DAPI"])
    with pytest.raises(ParameterError, match="no field"):
        run(batch_job(pipeline, [], tmp_path))


def test_a_cluster_gives_the_same(pipeline, folder, tmp_path):
    distributed = pytest.importorskip("distributed")
    fields = find_fields(folder, ["DAPI"])
    run(batch_job(pipeline, fields, tmp_path / "threads"))
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        result = run(batch_job(pipeline, fields, tmp_path / "cluster", client=client))
    assert [f.state for f in result.fields] == ["done"] * 3
    name = "features_Nuclei.csv"
    assert (tmp_path / "cluster" / name).read_text() == (tmp_path / "threads" / name).read_text()
